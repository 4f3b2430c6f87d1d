//! `warrener.yaml`, decoded into [`Config`] by the same reader as the policies, with the same diagnostics.

mod certificates;
mod identity;
mod jwt;
pub(in crate::config) mod keys;
mod listen;
mod local;
mod metrics;
mod telemetry;
mod unit;
pub(in crate::config) mod variables;

use self::keys::{AUDIT, CHECKPOINTS, CONFIG, LIMITS, SCHEMA, UPSTREAM};
use super::credentials::without_addresses;
use super::{
    Audit, Checkpoints, Config, KeptArguments, Limits, OnFailure, Origin, Origins, Schema, Secret, Upstream,
    feed_target,
};
use crate::audit::checkpoint::SecondPlace;
use crate::policy::decode::{Decoder, Object};
use crate::policy::diagnostic::{Diagnostics, Source, Sources};
use crate::policy::set::GuardrailsFile;
use crate::policy::yaml::{Node, Shape};
use std::path::PathBuf;
use std::time::Duration;

const KEPT: &[(&str, KeptArguments)] =
    &[("full", KeptArguments::Full), ("masked", KeptArguments::Masked), ("digest", KeptArguments::Digest)];

const ON_FAILURE: &[(&str, OnFailure)] = &[("deny", OnFailure::Deny), ("stop", OnFailure::Stop)];

const GUARDRAILS: &[(&str, GuardrailsFile)] =
    &[("required", GuardrailsFile::Required), ("none", GuardrailsFile::Optional)];

impl Config {
    /// Reads `warrener.yaml`; what it leaves out has its default, and `${NAME}` in a text is what the environment has.
    ///
    /// Whether the address may be listened on is [`Listen::problem`](super::Listen::problem)'s to say, once flags and environment are known too.
    ///
    /// # Errors
    /// All that is wrong in it.
    pub fn from_yaml(source: &Source) -> Result<Self, Diagnostics> {
        Self::from_yaml_with(source, &|name| std::env::var(name).ok()).map(|(config, _)| config)
    }

    /// As [`Config::from_yaml`] in another environment, and where each setting stands.
    ///
    /// # Errors
    /// All that is wrong in it.
    pub fn from_yaml_with(
        source: &Source,
        variables: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(Self, Origins), Diagnostics> {
        let (mut decoder, mut root) = Decoder::open(source);
        decoder.fill_in(&mut root, variables);
        let config = decoder.config(&root).unwrap_or_default();
        decoder.certificates_are_asked_for(&root, &config);
        decoder.tokens_can_be_asked_about(&root, &config);
        let origins = decoder.origins_of(&root);
        let mut problems = decoder.close();
        for problem in &mut problems {
            problem.message = without_addresses(&problem.message);
        }
        let found = Diagnostics::new(problems, Sources::new([source]));
        if found.has_errors() { Err(found) } else { Ok((config, origins)) }
    }
}

impl Decoder<'_> {
    /// Where each setting of the file stands.
    fn origins_of(&self, root: &Node) -> Origins {
        let mut origins = Origins::default();
        self.spelled().iter().for_each(|(read, written)| origins.spell(read, written));
        let mut waiting = vec![(String::new(), root)];
        while let Some((path, node)) = waiting.pop() {
            match &node.shape {
                Shape::Map(entries) => waiting.extend(entries.iter().map(|entry| {
                    let dot = if path.is_empty() { "" } else { "." };
                    (format!("{path}{dot}{}", entry.key), &entry.value)
                })),
                Shape::Null
                | Shape::Bool(_)
                | Shape::Number(_)
                | Shape::Text { .. }
                | Shape::List(_)
                | Shape::Broken => {
                    let position = self.at(&node.span);
                    origins.say(&path, Origin::File { file: position.file, line: position.line });
                }
            }
        }
        origins
    }

    fn config(&mut self, root: &Node) -> Option<Config> {
        let object = self.object(root, &CONFIG)?;
        self.version(&object);
        let default = Config::default();
        Some(Config {
            listen: self.listen(&object),
            upstream: self.section(&object, "upstream", Self::upstream),
            policies: self.path(&object, "policies"),
            guardrails: self
                .word(&object, "guardrails", "`required` or `none`", GUARDRAILS)
                .unwrap_or_default(),
            schema: self.section(&object, "schema", Self::schema),
            audit: self.section(&object, "audit", Self::audit),
            keys: self.path(&object, "keys").unwrap_or(default.keys),
            stops: self.path(&object, "stops"),
            identity: self.section(&object, "identity", Self::identity),
            limits: self.section(&object, "limits", Self::limits_of_gateway),
            metrics: object.get("metrics").and_then(|node| self.metrics(node)),
            telemetry: object.get("telemetry").and_then(|node| self.telemetry(node)),
        })
    }

    fn section<T: Default>(
        &mut self,
        object: &Object<'_>,
        key: &str,
        read: fn(&mut Self, &Node) -> Option<T>,
    ) -> T {
        object.get(key).and_then(|node| read(self, node)).unwrap_or_default()
    }

    fn upstream(&mut self, node: &Node) -> Option<Upstream> {
        let object = self.object(node, &UPSTREAM)?;
        let default = Upstream::default();
        let mut token = self.secret(&object, "token_env", "token_file");
        let local = self.local(&object, &mut token);
        Some(Upstream {
            url: object.get("url").and_then(|node| self.base_url(node)),
            token,
            schema_token: self.secret(&object, "schema_token_env", "schema_token_file"),
            timeout: self.time(&object, "timeout", default.timeout),
            connect_timeout: self.time(&object, "connect_timeout", default.connect_timeout),
            local,
        })
    }

    fn base_url(&mut self, node: &Node) -> Option<url::Url> {
        let text = self.text(node)?;
        let url = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let fits = |url: &url::Url| {
            url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        };
        let Some(url) = url.filter(fits) else {
            let help = "write scheme and host, without user, query or fragment: `https://cms.example.com`";
            self.error("url", &node.span, format!("`{text}` is not the address of a Directus"), help);
            return None;
        };
        if url.path().trim_end_matches('/').ends_with("/mcp") {
            let help = "leave out `/mcp`, which is put behind the address";
            self.error(
                "url",
                &node.span,
                format!("`{text}` is the MCP endpoint, not the address of Directus"),
                help,
            );
            return None;
        }
        Some(url)
    }

    fn secret(&mut self, object: &Object<'_>, variable: &str, file: &str) -> Option<Secret> {
        match (object.get(variable), object.get(file)) {
            (Some(_), Some(both)) => {
                let message = format!("`{variable}` and `{file}` cannot both be given");
                self.error("secret", &both.span, message, "keep one of them");
                None
            }
            (Some(node), None) => self.text(node).map(|name| Secret::Env(name.to_owned())),
            (None, Some(node)) => self.text(node).map(|path| Secret::File(PathBuf::from(path))),
            (None, None) => None,
        }
    }

    fn schema(&mut self, node: &Node) -> Option<Schema> {
        let object = self.object(node, &SCHEMA)?;
        let max_age = self.time(&object, "max_age", Schema::default().max_age);
        Some(Schema { max_age, file: self.path(&object, "file") })
    }

    fn audit(&mut self, node: &Node) -> Option<Audit> {
        let object = self.object(node, &AUDIT)?;
        let url = object.get("url").and_then(|node| self.audit_url(node)).unwrap_or(Audit::default().url);
        let arguments =
            self.word(&object, "arguments", "`full`, `masked` or `digest`", KEPT).unwrap_or_default();
        let on_failure = self.word(&object, "on_failure", "`deny` or `stop`", ON_FAILURE).unwrap_or_default();
        let signing_key = self.path(&object, "signing_key");
        if let (Some(node), None) = (object.get("checkpoints"), &signing_key) {
            let help =
                "make one with `warrener key signing`, and name it: `signing_key: warrener.signing.pem`";
            self.error("checkpoints", &node.span, "checkpoints need a `signing_key`".to_owned(), help);
        }
        let checkpoints = self.section(&object, "checkpoints", Self::checkpoints);
        let retention = object.get("retention").and_then(|node| self.days(node));
        let feed = object.get("feed").and_then(|node| self.text(node)).map(feed_target);
        let activity_token = self.secret(&object, "activity_token_env", "activity_token_file");
        Some(Audit { url, arguments, on_failure, signing_key, checkpoints, retention, activity_token, feed })
    }

    fn checkpoints(&mut self, node: &Node) -> Option<Checkpoints> {
        let object = self.object(node, &CHECKPOINTS)?;
        let every = self.time(&object, "every", Checkpoints::default().every);
        let to = object.get("to").and_then(|node| self.text(node)).map_or(SecondPlace::Log, |to| match to {
            "log" => SecondPlace::Log,
            "stdout" => SecondPlace::Stdout,
            path => SecondPlace::File(PathBuf::from(path)),
        });
        Some(Checkpoints { every, to })
    }

    fn audit_url(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        let path = text.strip_prefix("sqlite:").map(|rest| rest.trim_start_matches("//"));
        if path.is_none_or(str::is_empty) {
            let message = format!("`{text}` is not a database for the trail");
            self.error("audit-url", &node.span, message, "write `sqlite://warrener.db`");
            return None;
        }
        Some(text.to_owned())
    }

    fn limits_of_gateway(&mut self, node: &Node) -> Option<Limits> {
        let object = self.object(node, &LIMITS)?;
        let default = Limits::default();
        Some(Limits {
            body_bytes: object
                .get("body_bytes")
                .and_then(|node| self.size(node))
                .unwrap_or(default.body_bytes),
            inspect_bytes: object
                .get("inspect_bytes")
                .and_then(|node| self.size(node))
                .unwrap_or(default.inspect_bytes),
            connections: self.number(&object, "connections").unwrap_or(default.connections),
            max_in_flight: self.number(&object, "max_in_flight").unwrap_or(default.max_in_flight),
            breaker_failures: self.number(&object, "breaker_failures").unwrap_or(default.breaker_failures),
            breaker_pause: self.time(&object, "breaker_pause", default.breaker_pause),
            header_timeout: self.time(&object, "header_timeout", default.header_timeout),
            body_timeout: self.time(&object, "body_timeout", default.body_timeout),
            call_timeout: self.time(&object, "call_timeout", default.call_timeout),
            drain_timeout: self.time(&object, "drain_timeout", default.drain_timeout),
            arrivals: self.number(&object, "arrivals").unwrap_or(default.arrivals),
            arrivals_in_url: self.number(&object, "arrivals_in_url").unwrap_or(default.arrivals_in_url),
            strangers: self.number(&object, "strangers").unwrap_or(default.strangers),
        })
    }

    fn number<T: TryFrom<u64>>(&mut self, object: &Object<'_>, key: &str) -> Option<T> {
        let number = self.whole(object.get(key)?, 1, 1_000_000)?;
        T::try_from(number).ok()
    }

    fn path(&mut self, object: &Object<'_>, key: &str) -> Option<PathBuf> {
        self.text(object.get(key)?).map(PathBuf::from)
    }

    fn word<T: Copy>(
        &mut self,
        object: &Object<'_>,
        key: &str,
        what: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        self.choice(object.get(key)?, what, words)
    }

    fn time(&mut self, object: &Object<'_>, key: &str, default: Duration) -> Duration {
        object.get(key).and_then(|node| self.duration(node)).unwrap_or(default)
    }
}

#[cfg(test)]
mod tests {
    use super::keys::{IDENTITY, JWT, JWT_ROLE, PASSTHROUGH, SAME_RESOURCE};
    use super::*;
    use crate::audit::feed::FeedTarget;

    fn read(text: &str) -> Config {
        Config::from_yaml(&Source::new("warrener.yaml", text)).unwrap_or_else(|problems| panic!("{problems}"))
    }

    #[test]
    fn every_key_arrives() {
        let config = read(
            "version: 1
listen: {address: '[::]:9000', insecure: true, allowed_origins: ['https://chat.example.com']}
upstream:
  url: https://cms.example.com/directus
  token_env: DIRECTUS_TOKEN
  schema_token_file: schema.token
  timeout: 90s
  connect_timeout: 500ms
policies: policies
guardrails: none
schema: {max_age: 1m, file: schema}
audit:
  url: 'sqlite://trail.db'
  arguments: digest
  on_failure: stop
  signing_key: signing.pem
  checkpoints: {every: 1m, to: /mnt/elsewhere/checkpoints.jsonl}
  retention: 90d
  activity_token_env: DIRECTUS_AUDITOR
  feed: calls.jsonl
keys: my.keys.yaml
stops: my.stop.yaml
identity: {refuse: [old-client]}
limits:
  body_bytes: 2MiB
  inspect_bytes: 3MiB
  connections: 10
  max_in_flight: 7
  breaker_failures: 8
  breaker_pause: 9s
  header_timeout: 1s
  body_timeout: 2 s
  call_timeout: 3s
  drain_timeout: 1h
  arrivals: 5
  arrivals_in_url: 4
  strangers: 6
",
        );
        assert_eq!((config.listen.address.port(), config.listen.insecure), (9000, true));
        assert_eq!(config.listen.allowed_origins, ["https://chat.example.com"]);
        assert_eq!(config.upstream.url.unwrap().as_str(), "https://cms.example.com/directus");
        assert_eq!(config.upstream.token, Some(Secret::Env("DIRECTUS_TOKEN".to_owned())));
        assert_eq!(config.upstream.schema_token, Some(Secret::File("schema.token".into())));
        assert_eq!(config.upstream.timeout, Duration::from_secs(90));
        assert_eq!(config.upstream.connect_timeout, Duration::from_millis(500));
        assert_eq!(config.policies, Some("policies".into()));
        assert_eq!(config.guardrails, GuardrailsFile::Optional);
        assert_eq!(
            (config.schema.max_age, config.schema.file),
            (Duration::from_mins(1), Some("schema".into()))
        );
        assert_eq!(
            (config.audit.url.as_str(), config.audit.arguments),
            ("sqlite://trail.db", KeptArguments::Digest)
        );
        assert_eq!(
            (config.audit.on_failure, config.audit.retention),
            (OnFailure::Stop, Some(Duration::from_hours(90 * 24)))
        );
        assert_eq!(config.audit.signing_key, Some("signing.pem".into()));
        assert_eq!(config.audit.activity_token, Some(Secret::Env("DIRECTUS_AUDITOR".to_owned())));
        let file = SecondPlace::File("/mnt/elsewhere/checkpoints.jsonl".into());
        assert_eq!(config.audit.checkpoints, Checkpoints { every: Duration::from_mins(1), to: file });
        assert_eq!(config.audit.feed, Some(FeedTarget::File("calls.jsonl".into())));
        assert_eq!(config.keys, PathBuf::from("my.keys.yaml"));
        assert_eq!(config.stops, Some("my.stop.yaml".into()));
        assert_eq!(config.identity.refuse, ["old-client"]);
        every_limit_arrives(&config.limits);
    }

    fn every_limit_arrives(limits: &Limits) {
        assert_eq!((limits.body_bytes, limits.connections), (2 << 20, 10));
        assert_eq!((limits.inspect_bytes, limits.max_in_flight), (3 << 20, 7));
        assert_eq!(limits.call_timeout, Duration::from_secs(3));
        assert_eq!((limits.breaker_failures, limits.breaker_pause), (8, Duration::from_secs(9)));
        assert_eq!(
            (limits.header_timeout, limits.body_timeout),
            (Duration::from_secs(1), Duration::from_secs(2))
        );
        assert_eq!(
            (limits.drain_timeout, limits.arrivals, limits.arrivals_in_url, limits.strangers),
            (Duration::from_hours(1), 5, 4, 6)
        );
    }

    #[test]
    fn the_example_has_every_key_with_its_default() {
        let example = super::super::EXAMPLE;
        let default = Config { policies: Some("policies".into()), ..Config::default() };
        assert_eq!(format!("{:?}", read(example)), format!("{default:?}"));
        let uncommented = example.replace("# set: ", "");
        for mapping in [
            CONFIG,
            keys::LISTEN,
            keys::TLS,
            UPSTREAM,
            SCHEMA,
            AUDIT,
            CHECKPOINTS,
            IDENTITY,
            SAME_RESOURCE,
            PASSTHROUGH,
            keys::CERTIFICATE,
            JWT,
            JWT_ROLE,
            LIMITS,
            keys::METRICS,
            keys::TELEMETRY,
        ] {
            for key in mapping.keys.iter().filter(|key| !key.ends_with("_file")) {
                let found = uncommented
                    .lines()
                    .any(|line| line.trim_start_matches(['-', ' ']).starts_with(&format!("{key}:")));
                assert!(found, "{}: {key}", mapping.name);
            }
        }
        let local = super::super::everything_set(&["same_resource", "passthrough"]);
        let local = read(&local).upstream.local.unwrap();
        assert_eq!((local.command, local.args.len(), local.env.len()), ("node".into(), 1, 3));
        let everything = read(&super::super::everything_set(&["command", "args", "env"]));
        assert_eq!(everything.audit.feed, Some(FeedTarget::Stdout));
        assert_eq!(everything.listen.tls.unwrap().client_ca, Some("clients.pem".into()));
        assert_eq!(everything.upstream.token, Some(Secret::Env("DIRECTUS_TOKEN".to_owned())));
        assert!(everything.identity.same_resource.is_some());
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let (read, default) = (read("version: 1\n"), Config::default());
        assert_eq!(format!("{read:?}"), format!("{default:?}"));
    }

    #[test]
    fn stops_are_beside_the_keys() {
        for (settings, expect) in [
            ("", "warrener.stop.yaml"),
            ("keys: /etc/warrener/keys.yaml", "/etc/warrener/warrener.stop.yaml"),
            ("keys: /etc/warrener/keys.yaml\nstops: other.yaml", "other.yaml"),
        ] {
            assert_eq!(read(&format!("version: 1\n{settings}\n")).stops(), PathBuf::from(expect));
        }
    }

    #[test]
    fn only_loopback_is_listened_on_in_cleartext() {
        for (address, insecure, fits) in [
            ("127.0.0.1:80", false, true),
            ("[::1]:80", false, true),
            ("localhost:80", false, true),
            ("0.0.0.0:80", false, false),
            ("0.0.0.0:80", true, true),
            ("192.168.1.2:80", false, false),
        ] {
            let text = format!("version: 1\nlisten: '{address}'\ninsecure: {insecure}\n");
            let read = Config::from_yaml(&Source::new("warrener.yaml", text));
            assert_eq!(read.is_ok(), fits, "{address} {insecure}");
        }
    }
}
