//! The effective settings as a `warrener.yaml`: each with where it comes from, and no secret among them.

use super::credentials::{hidden, hidden_arguments, without_addresses};
use super::file::variables::is_variable;
use super::{
    Audit, CertificateOf, Certified, Checkpoints, ClientCertificates, Config, EnvValue, Identity, Jwt,
    KeptArguments, Limits, Listen, LocalMcp, MappedRole, MetricsListen, OnFailure, Origins, Schema, Secret,
    Telemetry, Tls, Upstream,
};
use crate::audit::checkpoint::SecondPlace;
use crate::audit::feed::FeedTarget;
use crate::audit::mask::is_secret_name;
use crate::identity::{Algorithm, Roles};
use crate::policy::set::GuardrailsFile;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// What stands in the place of a secret.
const MASK: &str = "********";

/// One setting, by its dotted path; without a value it is not set.
struct Setting {
    path: String,
    value: Option<Value>,
    /// What is to be said of it, beside where it comes from.
    remark: String,
}

/// The settings, in the order of the example.
#[derive(Default)]
struct Settings(Vec<Setting>);

/// Writes the settings as YAML, which reads as the same settings; those that are not set are comments. `secrets` are those that the
/// settings name: should one of them stand anywhere in the settings all the same, it is masked.
pub fn effective(config: &Config, origins: &Origins, secrets: &[&str]) -> String {
    let mut text = String::from("# The effective settings, each with where it comes from.\nversion: 1\n");
    let mut open: Vec<String> = Vec::new();
    for Setting { path, value, remark } in Settings::of(config, origins).0 {
        let mut parts: Vec<String> = path.split('.').map(str::to_owned).collect();
        let Some(key) = parts.pop() else { continue };
        // A section is opened by its first setting that is set, so that no empty one stands there.
        let shared = open.iter().zip(&parts).take_while(|(one, other)| one == other).count();
        let deep = if value.is_some() { parts.len() } else { shared.min(parts.len()) };
        for (depth, part) in parts.iter().enumerate().take(deep).skip(shared) {
            let _ = writeln!(text, "{}{part}:", "  ".repeat(depth));
        }
        open = parts.iter().take(deep).cloned().collect();
        let indent = "  ".repeat(parts.len());
        let _ = match value {
            Some(value) => {
                let value = masked(&plain_value(value).to_string(), secrets);
                writeln!(text, "{indent}{key}: {value}  # {}{remark}", origins.of(&path))
            }
            None => writeln!(text, "{indent}# {path} is not set"),
        };
    }
    text
}

/// The text without the secrets. What is too short to be one is no secret, and would tear the text apart.
fn masked(text: &str, secrets: &[&str]) -> String {
    let secrets = secrets.iter().filter(|secret| secret.len() >= 4);
    // As they stand in JSON, which the text is.
    let secrets = secrets.map(|secret| Value::from(*secret).to_string().trim_matches('"').to_owned());
    let mut secrets: Vec<String> = secrets.filter(|secret| !secret.is_empty()).collect();
    // One may be a part of another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, MASK))
}

/// A value whose addresses have neither user info nor query.
fn plain_value(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains("://") => without_addresses(&text).into(),
        Value::Array(values) => values.into_iter().map(plain_value).collect(),
        Value::Object(object) => object
            .into_iter()
            .map(|(key, value)| (key, plain_value(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

impl Settings {
    fn of(config: &Config, origins: &Origins) -> Self {
        let mut settings = Self::default();
        settings.listen(&config.listen);
        settings.upstream(&config.upstream, origins);
        settings.path("policies", config.policies.as_deref());
        settings.set(
            "guardrails",
            match config.guardrails {
                GuardrailsFile::Required => "required",
                GuardrailsFile::Optional => "none",
            },
        );
        settings.schema(&config.schema);
        settings.audit(&config.audit);
        settings.path("keys", Some(&config.keys));
        settings.path("stops", config.stops.as_deref());
        settings.identity(&config.identity);
        settings.limits(&config.limits);
        settings.metrics(config.metrics.as_ref());
        settings.telemetry(config.telemetry.as_ref());
        settings
    }

    fn listen(&mut self, listen: &Listen) {
        let Listen { address, insecure, allowed_origins, allowed_hosts, trusted_proxies, tls } = listen;
        self.set("listen.address", address.to_string());
        self.set("listen.insecure", *insecure);
        self.set("listen.allowed_origins", json!(allowed_origins));
        self.put("listen.allowed_hosts", allowed_hosts.as_ref().map(|hosts| json!(hosts)));
        let proxies: Vec<String> = trusted_proxies.iter().map(ToString::to_string).collect();
        self.set("listen.trusted_proxies", proxies);
        let Some(Tls { certificate, key, client_ca, client_certificates }) = tls else {
            return self.put("listen.tls", None);
        };
        self.path("listen.tls.certificate", Some(certificate));
        self.path("listen.tls.key", Some(key));
        self.path("listen.tls.client_ca", client_ca.as_deref());
        let word = match client_certificates {
            ClientCertificates::Required => "required",
            ClientCertificates::Optional => "optional",
        };
        self.put("listen.tls.client_certificates", client_ca.as_ref().map(|_| word.into()));
    }

    fn upstream(&mut self, upstream: &Upstream, origins: &Origins) {
        let Upstream { url, token, schema_token, timeout, connect_timeout, local } = upstream;
        self.put("upstream.url", url.as_ref().map(|url| plain(url).into()));
        self.secret("upstream.token", token.as_ref());
        self.secret("upstream.schema_token", schema_token.as_ref());
        self.set("upstream.timeout", time(*timeout));
        self.set("upstream.connect_timeout", time(*connect_timeout));
        let Some(LocalMcp { command, args, env }) = local else { return self.put("upstream.command", None) };
        self.path("upstream.command", Some(command));
        let args: Vec<String> = args.iter().map(|text| origins.as_written(text).to_owned()).collect();
        self.set("upstream.args", json!(hidden_arguments(&args)));
        for (name, value) in env {
            self.set(&format!("upstream.env.{name}"), variable(name, value, origins));
        }
    }

    fn schema(&mut self, schema: &Schema) {
        self.set("schema.max_age", time(schema.max_age));
        self.path("schema.file", schema.file.as_deref());
    }

    fn audit(&mut self, audit: &Audit) {
        self.set("audit.url", audit.url.as_str());
        self.set(
            "audit.arguments",
            match audit.arguments {
                KeptArguments::Full => "full",
                KeptArguments::Masked => "masked",
                KeptArguments::Digest => "digest",
            },
        );
        self.set(
            "audit.on_failure",
            match audit.on_failure {
                OnFailure::Deny => "deny",
                OnFailure::Stop => "stop",
            },
        );
        self.path("audit.signing_key", audit.signing_key.as_deref());
        let Checkpoints { every, to } = &audit.checkpoints;
        let to = match to {
            SecondPlace::Log => "log".to_owned(),
            SecondPlace::Stdout => "stdout".to_owned(),
            SecondPlace::File(path) => path.display().to_string(),
        };
        let signed = audit.signing_key.is_some();
        self.put("audit.checkpoints.every", signed.then(|| time(*every).into()));
        self.put("audit.checkpoints.to", signed.then(|| to.into()));
        let days = |kept: Duration| format!("{}d", kept.as_secs() / (24 * 60 * 60)).into();
        self.put("audit.retention", audit.retention.map(days));
        self.secret("audit.activity_token", audit.activity_token.as_ref());
        let feed = audit.feed.as_ref().map(|target| match target {
            FeedTarget::Stdout => "stdout".into(),
            FeedTarget::File(path) => path.display().to_string().into(),
        });
        self.put("audit.feed", feed);
    }

    fn identity(&mut self, identity: &Identity) {
        let Identity { refuse, same_resource, passthrough, certificates, jwt } = identity;
        self.set("identity.refuse", json!(refuse));
        match same_resource {
            Some(same) => {
                self.set("identity.same_resource.public_url", same.public_url.as_str());
                self.set("identity.same_resource.roles", roles(&same.roles));
            }
            None => self.put("identity.same_resource", None),
        }
        match passthrough {
            Some(given) => self.set("identity.passthrough.roles", roles(given)),
            None => self.put("identity.passthrough", None),
        }
        let certificates: Vec<Value> = certificates.iter().map(certified).collect();
        self.put("identity.certificates", (!certificates.is_empty()).then(|| certificates.into()));
        match jwt {
            Some(jwt) => self.jwt(jwt),
            None => self.put("identity.jwt", None),
        }
    }

    fn jwt(&mut self, jwt: &Jwt) {
        let Jwt {
            issuer,
            audience,
            resource,
            jwks_url,
            jwks_max_age,
            jwks_keep,
            algorithms,
            role_claim,
            roles,
            principal_claim,
            leeway,
            token,
            scopes,
        } = jwt;
        self.set("identity.jwt.issuer", issuer.written.as_str());
        self.put("identity.jwt.resource", resource.as_ref().map(|url| url.as_str().into()));
        self.set("identity.jwt.audience", audience.as_str());
        self.set("identity.jwt.role_claim", json!(role_claim));
        let roles = roles.iter().map(|(name, role)| (name.clone(), mapped(role)));
        self.set("identity.jwt.roles", roles.collect::<serde_json::Map<_, _>>());
        self.set("identity.jwt.principal_claim", principal_claim.as_str());
        let named = Algorithm::ALL.iter().filter(|(_, one)| algorithms.contains(one));
        let algorithms: Vec<&str> = named.map(|(name, _)| *name).collect();
        self.set("identity.jwt.algorithms", json!(algorithms));
        self.set("identity.jwt.scopes", json!(scopes));
        self.set("identity.jwt.leeway", time(*leeway));
        self.secret("identity.jwt.token", token.as_ref());
        self.put("identity.jwt.jwks_url", jwks_url.as_ref().map(|url| url.as_str().into()));
        self.set("identity.jwt.jwks_max_age", time(*jwks_max_age));
        self.set("identity.jwt.jwks_keep", time(*jwks_keep));
    }

    fn limits(&mut self, limits: &Limits) {
        let Limits {
            body_bytes,
            inspect_bytes,
            connections,
            max_in_flight,
            breaker_failures,
            breaker_pause,
            header_timeout,
            body_timeout,
            call_timeout,
            drain_timeout,
            arrivals,
            arrivals_in_url,
            strangers,
        } = limits;
        self.set("limits.body_bytes", *body_bytes);
        self.set("limits.inspect_bytes", *inspect_bytes);
        self.set("limits.connections", *connections);
        self.set("limits.max_in_flight", *max_in_flight);
        self.set("limits.breaker_failures", *breaker_failures);
        self.set("limits.breaker_pause", time(*breaker_pause));
        self.set("limits.header_timeout", time(*header_timeout));
        self.set("limits.body_timeout", time(*body_timeout));
        self.set("limits.call_timeout", time(*call_timeout));
        self.set("limits.drain_timeout", time(*drain_timeout));
        self.set("limits.arrivals", *arrivals);
        self.set("limits.arrivals_in_url", *arrivals_in_url);
        self.set("limits.strangers", *strangers);
    }

    fn metrics(&mut self, metrics: Option<&MetricsListen>) {
        let Some(MetricsListen { address, insecure }) = metrics else { return self.put("metrics", None) };
        self.set("metrics.listen", address.to_string());
        self.set("metrics.insecure", *insecure);
    }

    fn telemetry(&mut self, telemetry: Option<&Telemetry>) {
        let Some(Telemetry { otlp, sample }) = telemetry else { return self.put("telemetry", None) };
        self.set("telemetry.otlp", plain(otlp));
        self.set("telemetry.sample", *sample);
    }

    fn set(&mut self, path: &str, value: impl Into<Value>) {
        self.put(path, Some(value.into()));
    }

    fn path(&mut self, path: &str, value: Option<&Path>) {
        self.put(path, value.map(|value| value.display().to_string().into()));
    }

    fn put(&mut self, path: &str, value: Option<Value>) {
        self.0.push(Setting { path: path.to_owned(), value, remark: String::new() });
    }

    /// Where a secret is, and whether there is something; never the secret.
    fn secret(&mut self, path: &str, secret: Option<&Secret>) {
        let Some(secret) = secret else { return self.put(&format!("{path}_env"), None) };
        let (key, value) = place(secret);
        let remark = match secret {
            Secret::Env(name) if std::env::var_os(name).is_some() => format!(", {MASK}"),
            Secret::Env(_) if value == MASK => {
                ", hidden, as it may be a secret itself: write the name of the variable that has it"
                    .to_owned()
            }
            Secret::Env(_) => ", not set here".to_owned(),
            Secret::File(path) if path.is_file() => format!(", {MASK}"),
            Secret::File(_) => ", not there".to_owned(),
        };
        self.0.push(Setting { path: format!("{path}_{key}"), value: Some(value.into()), remark });
    }
}

/// Which key names the place of a secret, and how it is shown. What is not the name of a variable by its looks, and not that of one
/// that is set, may be a secret that was written in the wrong place.
fn place(secret: &Secret) -> (&'static str, String) {
    match secret {
        Secret::Env(name) => {
            let usual = is_variable(name) && !name.bytes().any(|one| one.is_ascii_lowercase());
            let shown = if usual || std::env::var_os(name).is_some() { name } else { MASK };
            ("env", shown.to_owned())
        }
        Secret::File(path) => ("file", path.display().to_string()),
    }
}

/// A variable of a Local MCP; hidden where its name says that it is a secret, and as it is written where the gateway's own environment
/// has a part of it.
fn variable(name: &str, value: &EnvValue, origins: &Origins) -> Value {
    match value {
        EnvValue::Text(_) if is_secret_name(name) => MASK.into(),
        EnvValue::Text(text) => hidden(origins.as_written(text)).into(),
        EnvValue::Secret(secret) => {
            let (key, value) = place(secret);
            json!({ key: value })
        }
    }
}

fn mapped(role: &MappedRole) -> Value {
    let MappedRole { role, token } = role;
    let Some(token) = token else { return role.as_str().into() };
    let (key, value) = place(token);
    json!({ "role": role, format!("token_{key}"): value })
}

fn certified(certified: &Certified) -> Value {
    let Certified { of, name, role, token } = certified;
    let (key, value) = match of {
        CertificateOf::Sha256(digest) => ("sha256", digest),
        CertificateOf::Name(name) => ("san", name),
    };
    let mut shown = json!({ key: value, "name": name, "role": role });
    if let (Some(token), Some(object)) = (token, shown.as_object_mut()) {
        let (key, value) = place(token);
        object.insert(format!("token_{key}"), value.into());
    }
    shown
}

fn roles(roles: &Roles) -> Value {
    roles
        .iter()
        .map(|(name, role)| (name.clone(), Value::from(role.as_str())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// An address without what may be a secret in it: a flag is not as strict as the file.
fn plain(url: &url::Url) -> String {
    let mut url = url.clone();
    if !url.username().is_empty() || url.password().is_some() {
        // An address that can have neither has none of them.
        let _ = url.set_password(None);
        let _ = url.set_username(MASK);
    }
    if url.query().is_some() {
        url.set_query(Some(MASK));
    }
    if url.fragment().is_some() {
        url.set_fragment(Some(MASK));
    }
    url.to_string()
}

/// In the largest unit that shows all of it.
fn time(time: Duration) -> String {
    if time.subsec_millis() == 0 { format!("{}s", time.as_secs()) } else { format!("{}ms", time.as_millis()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{EXAMPLE, Origin, everything_set};
    use crate::policy::diagnostic::Source;

    fn read(text: &str) -> (Config, Origins) {
        let read = Config::from_yaml_with(&Source::new("warrener.yaml", text), &|_| None);
        read.unwrap_or_else(|problems| panic!("{problems}\n{text}"))
    }

    /// Everything that can stand beside tokens of Directus' own.
    fn everything() -> String {
        everything_set(&["command", "args", "env"])
    }

    /// Everything that can stand beside a Local MCP.
    fn local() -> String {
        everything_set(&["same_resource", "passthrough"])
    }

    #[test]
    fn what_is_printed_is_read_as_the_same() {
        let (local, everything) = (local(), everything());
        let minutes = "version: 1\nlisten: '[::1]:1'\nupstream: {token_file: /run/x, timeout: 90m}\nlimits: {body_timeout: 500ms}\n";
        for text in ["version: 1\n", EXAMPLE, &everything, &local, minutes] {
            let (config, origins) = read(text);
            let printed = effective(&config, &origins, &[]);
            let (again, _) = read(&printed);
            assert_eq!(format!("{again:?}"), format!("{config:?}"), "{printed}");
        }
    }

    #[test]
    fn every_key_of_the_example_is_printed() {
        let printed = [everything(), local()].map(|text| {
            let (config, origins) = read(&text);
            effective(&config, &origins, &[])
        });
        let printed = printed.concat();
        for line in EXAMPLE.lines() {
            let line = line.trim().trim_start_matches("# set:").trim_start_matches([' ', '-']);
            let Some((key, _)) = line.split_once(':').filter(|(key, _)| !key.contains([' ', '#'])) else {
                continue;
            };
            let found = printed.contains(&format!("{key}: ")) || printed.contains(&format!("{key}:\n"));
            assert!(found || printed.contains(&format!("\"{key}\":")), "{key}\n{printed}");
        }
        assert!(!printed.contains("# default\n"), "all of it stands in the file:\n{printed}");
    }

    #[test]
    fn no_secret_is_printed() {
        let mut config = Config::default();
        config.upstream.url =
            Some("https://admin:hunter2@cms.example.com/?access_token=hunter2#hunter2".parse().unwrap());
        // As somebody does who has not read on.
        config.upstream.token = Some(Secret::Env("h4unter2Hunter2hunter2".to_owned()));
        config.upstream.schema_token = Some(Secret::File("/run/hunter2".into()));
        config.identity.refuse = vec!["hunter2".to_owned()];
        config.identity.certificates = vec![Certified {
            of: CertificateOf::Name("a".to_owned()),
            name: "a".to_owned(),
            role: "reader".to_owned(),
            token: Some(Secret::Env("h4unter2Hunter2hunter2".to_owned())),
        }];
        config.audit.feed = Some(FeedTarget::File("hunter2".into()));
        let printed = effective(&config, &Origins::default(), &["hunter2"]);
        assert!(!printed.to_lowercase().contains("unter2"), "{printed}");
    }

    #[test]
    fn no_credential_is_printed_that_stands_in_the_wrong_place() {
        let text = "version: 1
upstream:
  url: https://cms.example.com
  command: node
  args: [--proxy-token=hunter2, --password, hunter2, '--dsn=${DSN}', '${DSN}']
  env:
    HTTPS_PROXY: 'http://bob:hunter2@proxy'
    DB_DSN: '${DSN}'
    PGPASS: 'host=db password=hunter2'
    DIRECTUS_REALM: 'a ${WORD}'
identity:
  jwt:
    issuer: https://login.example.com
    audience: https://bob:hunter2@gateway.example.com/mcp?hunter2
    role_claim: r
    roles: {a: b}
    jwks_url: https://keys.example.com/?api_key=hunter2
";
        let variables = |name: &str| Some(if name == "DSN" { "db hunter2" } else { "hunter2" }.to_owned());
        let read = Config::from_yaml_with(&Source::new("warrener.yaml", text), &variables);
        let (mut config, origins) = read.unwrap_or_else(|problems| panic!("{problems}"));
        config.identity.jwt.as_mut().unwrap().resource =
            Some("https://bob:hunter2@gateway.example.com/mcp?hunter2".parse().unwrap());
        let printed = effective(&config, &origins, &[]);
        assert!(!printed.contains("hunter2"), "{printed}");
        for left in ["\"${DSN}\"", "a ${WORD}", "--password", "keys.example.com", "@proxy"] {
            assert!(printed.contains(left), "{left}\n{printed}");
        }
    }

    #[test]
    fn each_says_where_it_comes_from() {
        let (config, mut origins) = read("version: 1\nlisten: 127.0.0.1:1\ninsecure: true\nkeys: k\n");
        origins.say("keys", Origin::Flag("--keys".to_owned()));
        let printed = effective(&config, &origins, &[]);
        for line in [
            "  address: \"127.0.0.1:1\"  # warrener.yaml:2\n",
            "  insecure: true  # warrener.yaml:3\n",
            "keys: \"k\"  # flag --keys\n",
            "  max_age: \"10s\"  # default\n",
            "  # upstream.url is not set\n",
        ] {
            assert!(printed.contains(line), "{line}{printed}");
        }
    }
}
