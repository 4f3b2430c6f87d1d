//! The JSON Schema of `warrener.yaml`, as [`policy::json_schema`](crate::policy::json_schema) has those of the policies.

#![expect(dead_code, reason = "what is described here is never made: the decoder reads into `Config`")]

use crate::identity::Algorithm;
use crate::policy::json_schema::of;
use crate::policy::json_schema::part::{Flag, Text, Texts, Version, part};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The schema of `warrener.yaml`.
pub fn config() -> Value {
    of::<ConfigFile>()
}

part! {
    Duration: json_schema!({ "type": "string", "pattern": r"^[0-9]+\s*(ms|s|min|m|h)\s*$", "examples": ["10s"] });
    Days: json_schema!({ "type": "string", "pattern": r"^[0-9]+\s*(d|w|y)\s*$", "examples": ["90d"] });
    Size: json_schema!({
        "anyOf": [
            { "type": "integer", "minimum": 1, "maximum": 1u64 << 30 },
            { "type": "string", "pattern": r"^[0-9]+\s*(KiB|MiB|kB|KB|MB|B)?\s*$" },
        ],
        "examples": ["1MiB"],
    });
    DirectusRoles: json_schema!({
        "type": "object",
        "additionalProperties": { "type": "string", "pattern": r"\S" },
        "examples": [{ "Content Editor": "content-editor" }],
    });
    Number: json_schema!({ "type": "integer", "minimum": 1, "maximum": 1_000_000 });
    SafeUrl: json_schema!({ "type": "string", "pattern": r"^(https://|http://(localhost|127\.|\[::1\]))", "examples": ["https://login.example.com"] });
    Resource: json_schema!({ "type": "string", "pattern": r"^https?://[^?#]+/mcp$", "examples": ["https://gateway.example.com/mcp"] });
    Algorithms: json_schema!({
        "type": "array",
        "minItems": 1,
        "items": { "enum": Algorithm::ALL.map(|(name, _)| name) },
    });
    RoleClaim: json_schema!({
        "anyOf": [{ "type": "string", "pattern": r"\S" }, { "type": "array", "minItems": 1, "items": { "type": "string", "pattern": r"\S" } }],
    });
    Scopes: json_schema!({ "type": "array", "items": { "type": "string", "pattern": r"^[!#-\[\]-~]+$" } });
    Part: json_schema!({ "type": "number", "minimum": 0, "maximum": 1 });
    TrailUrl: json_schema!({ "type": "string", "pattern": "^sqlite:.", "examples": ["sqlite://warrener.db"] });
}

/// The settings of Warrener. What is left out has its default.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "The settings of Warrener")]
struct ConfigFile {
    /// Always 1.
    version: Version,
    /// Where clients connect; `127.0.0.1:8080`.
    listen: Option<Listen>,
    /// Whether to listen in cleartext on an address that others can reach.
    insecure: Option<Flag>,
    /// Browser origins that may call.
    allowed_origins: Option<Texts>,
    /// The Directus behind the gateway.
    upstream: Option<Upstream>,
    /// The folder of policy files; left out: the built-in ones.
    policies: Option<Text>,
    /// Whether that folder may be without `guardrails.yaml`.
    guardrails: Option<Guardrails>,
    /// What Directus' collections, fields and relations are.
    schema: Option<SchemaSource>,
    /// The audit trail.
    audit: Option<Audit>,
    /// The file of client keys; `warrener.keys.yaml`.
    keys: Option<Text>,
    /// The file of what `warrener stop` has stopped; `warrener.stop.yaml` beside the keys.
    stops: Option<Text>,
    /// Who is let in.
    identity: Option<Identity>,
    /// What the gateway bears.
    limits: Option<Limits>,
    /// Metrics for Prometheus; they are told nowhere where this is left out.
    metrics: Option<Metrics>,
    /// Traces for a collector; they go nowhere where this is left out.
    telemetry: Option<Telemetry>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Telemetry {
    /// The collector, which takes OTLP over HTTP: `http://127.0.0.1:4318`.
    otlp: Text,
    /// What part of the traces that begin here is kept; `0.1`.
    sample: Option<Part>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Metrics {
    /// The address of a listener of their own, which answers `GET /metrics`.
    listen: Text,
    /// Whether that may be an address that others can reach, in cleartext.
    insecure: Option<Flag>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
enum Listen {
    /// An address and a port.
    Address(Text),
    /// The same with what may be said of it.
    Whole(ListenWhole),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ListenWhole {
    /// An IP address and a port: `127.0.0.1:8080`.
    address: Text,
    /// Whether to listen in cleartext on an address that others can reach.
    insecure: Option<Flag>,
    /// Browser origins that may call, such as `https://chat.example.com`.
    allowed_origins: Option<Texts>,
    /// The names that the gateway answers to, without a port, `*` for any; left out: those of this machine on a loopback address, any
    /// elsewhere.
    allowed_hosts: Option<Texts>,
    /// Where proxies are whose `X-Forwarded-For` is believed, such as `10.0.0.0/8`.
    trusted_proxies: Option<Texts>,
    /// The certificate that is shown to clients.
    tls: Option<Tls>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(extend("dependencies" = json!({ "client_certificates": ["client_ca"] })))]
struct Tls {
    /// The file with the certificates in PEM, the server's own first.
    certificate: Text,
    /// The file with its private key in PEM.
    key: Text,
    /// The file with the authorities that clients have their certificates from.
    client_ca: Option<Text>,
    /// Whether a client has to show a certificate; `required`.
    client_certificates: Option<ClientCertificates>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
enum ClientCertificates {
    Required,
    Optional,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(extend("allOf" = json!([
    { "not": { "required": ["token_env", "token_file"] } },
    { "not": { "required": ["schema_token_env", "schema_token_file"] } },
])))]
#[schemars(extend("dependencies" = json!({ "args": ["command"], "env": ["command"] })))]
struct Upstream {
    /// Its base address, such as `https://cms.example.com`.
    url: Option<Text>,
    /// The environment variable with the token that calls go upstream with.
    token_env: Option<Text>,
    /// The file with that token.
    token_file: Option<Text>,
    /// The environment variable with the gateway's own token, for reading the schema.
    schema_token_env: Option<Text>,
    /// The file with that token.
    schema_token_file: Option<Text>,
    /// From the request's last byte to the reply's first; `60s`.
    timeout: Option<Duration>,
    /// For a connection to be made; `5s`.
    connect_timeout: Option<Duration>,
    /// The Local MCP of a Directus older than 11.12, as a program; left out: Directus' own endpoint.
    command: Option<Text>,
    /// What that program is told on its command line.
    args: Option<Texts>,
    /// Its environment beside `DIRECTUS_URL` and `DIRECTUS_TOKEN`; nothing of the gateway's own is in it.
    env: Option<BTreeMap<String, EnvValue>>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
enum EnvValue {
    /// As it stands here; no secret does.
    Text(Text),
    /// A secret, from the gateway's environment or from a file.
    Secret(EnvSecret),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
struct EnvSecret {
    /// The environment variable of the gateway's own that has it.
    env: Option<Text>,
    /// The file with it.
    file: Option<Text>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
enum Guardrails {
    Required,
    None,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct SchemaSource {
    /// How old it may be; `10s`.
    max_age: Option<Duration>,
    /// A folder or a snapshot file instead of Directus itself, which never ages.
    file: Option<Text>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(extend("dependencies" = json!({ "checkpoints": ["signing_key"] })))]
#[schemars(extend("not" = json!({ "required": ["activity_token_env", "activity_token_file"] })))]
struct Audit {
    /// The database; `sqlite://warrener.db`.
    url: Option<TrailUrl>,
    /// What is kept of a call's arguments.
    arguments: Option<KeptArguments>,
    /// What the gateway does when the trail cannot be written: refuse calls, or end.
    on_failure: Option<OnFailure>,
    /// The file with the key that checkpoints are signed with, which `warrener key signing` makes.
    signing_key: Option<Text>,
    /// How often the end of the trail is signed, and where that goes.
    checkpoints: Option<Checkpoints>,
    /// Older entries are deleted; left out: never.
    retention: Option<Days>,
    /// The environment variable with a token that may read Directus' activity log, for `warrener audit show`.
    activity_token_env: Option<Text>,
    /// The file with that token.
    activity_token_file: Option<Text>,
    /// Where each call goes as a line of JSON once it has ended: `stdout`, or a file.
    feed: Option<Text>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
enum KeptArguments {
    Full,
    Masked,
    Digest,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
enum OnFailure {
    Deny,
    Stop,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Checkpoints {
    /// Between two of them; `5m`.
    every: Option<Duration>,
    /// The second place: `log`, `stdout`, or a file, best on another machine.
    to: Option<Text>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Identity {
    /// Clients that are shut out by name, whatever their way in.
    refuse: Option<Texts>,
    /// OAuth tokens of Directus' are taken: an outer proxy at Directus' public address sends `/mcp` here, and all else to Directus.
    same_resource: Option<SameResource>,
    /// Static tokens of Directus' are taken, and passed through.
    passthrough: Option<Passthrough>,
    /// Whose TLS certificates are whose.
    certificates: Option<Vec<Certified>>,
    /// The OpenID provider whose tokens are taken.
    jwt: Option<Jwt>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct SameResource {
    /// Directus' `PUBLIC_URL`, such as `https://cms.example.com`.
    public_url: Text,
    /// Which policy role a role of Directus' has.
    roles: DirectusRoles,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Passthrough {
    /// Which policy role a role of Directus' has.
    roles: DirectusRoles,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(extend("oneOf" = json!([{ "required": ["sha256"] }, { "required": ["san"] }])))]
#[schemars(extend("not" = json!({ "required": ["token_env", "token_file"] })))]
struct Certified {
    /// SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` prints it.
    sha256: Option<Text>,
    /// One of its alternative names, a URI or the name of a host: all certificates with it.
    san: Option<Text>,
    /// What the client is called.
    name: Text,
    /// The policy role that speaks for it.
    role: Text,
    /// The environment variable with the token that its calls go upstream with.
    token_env: Option<Text>,
    /// The file with that token.
    token_file: Option<Text>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(extend("anyOf" = json!([{ "required": ["resource"] }, { "required": ["audience"] }])))]
#[schemars(extend("not" = json!({ "required": ["token_env", "token_file"] })))]
struct Jwt {
    /// The `iss` of its tokens, to the letter: `https://login.example.com`.
    issuer: SafeUrl,
    /// What a token has to name in `aud`; the `resource` where it is left out.
    audience: Option<Text>,
    /// The gateway's own address as its clients write it: `https://gateway.example.com/mcp`.
    resource: Option<Resource>,
    /// Where its keys are; left out: where its metadata says.
    jwks_url: Option<SafeUrl>,
    /// Keys are asked for again when they are older; `10m`.
    jwks_max_age: Option<Duration>,
    /// While the provider does not answer, they are taken for so long; `1h`.
    jwks_keep: Option<Duration>,
    /// How a token may be signed; left out: in every asymmetric way that is known.
    algorithms: Option<Algorithms>,
    /// The claim with the roles, with dots where it lies deeper, or as a list of names: `realm_access.roles`.
    role_claim: RoleClaim,
    /// What each of its values stands for.
    #[schemars(extend("minProperties" = 1))]
    roles: BTreeMap<String, JwtRole>,
    /// The claim with the principal's name; `sub`.
    principal_claim: Option<Text>,
    /// How far the provider's clock may be off; `30s`, at most `5m`.
    leeway: Option<Duration>,
    /// The environment variable with the Directus token that goes upstream; the usual one where it is left out.
    token_env: Option<Text>,
    /// The file with that token.
    token_file: Option<Text>,
    /// Scopes that a client is told to ask the provider for.
    scopes: Option<Scopes>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
enum JwtRole {
    /// The policy role.
    Name(Text),
    /// The same with a Directus token of its own.
    Whole(JwtRoleWhole),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(extend("not" = json!({ "required": ["token_env", "token_file"] })))]
struct JwtRoleWhole {
    /// The policy role.
    role: Text,
    /// The environment variable with the Directus token that goes upstream for it.
    token_env: Option<Text>,
    /// The file with that token.
    token_file: Option<Text>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Limits {
    /// Longest request body; `1MiB`.
    body_bytes: Option<Size>,
    /// Longest answer that is read whole to be cut to the role; `8MiB`.
    inspect_bytes: Option<Size>,
    /// Most connections at once; 1024.
    connections: Option<Number>,
    /// Most calls under way at once, over all clients; 512.
    max_in_flight: Option<Number>,
    /// Failures in a row after which calls are refused at once; 5.
    breaker_failures: Option<Number>,
    /// For how long; `5s`.
    breaker_pause: Option<Duration>,
    /// For a request's head to arrive, and for an idle connection; `10s`.
    header_timeout: Option<Duration>,
    /// For a request's body to arrive; `30s`.
    body_timeout: Option<Duration>,
    /// For a call, from its intent to the last byte of its answer; `10m`.
    call_timeout: Option<Duration>,
    /// For calls to end after SIGTERM; `30s`.
    drain_timeout: Option<Duration>,
    /// Requests of one client in a second; 200.
    arrivals: Option<Number>,
    /// Requests of one client in a second whose key is in the address; 20.
    arrivals_in_url: Option<Number>,
    /// Requests without a valid key from one address in a minute; 60.
    strangers: Option<Number>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file::keys::{
        AUDIT, CERTIFICATE, CHECKPOINTS, CONFIG, ENV_SECRET, IDENTITY, JWT, JWT_ROLE, LIMITS, LISTEN,
        METRICS, PASSTHROUGH, SAME_RESOURCE, SCHEMA, TELEMETRY, TLS, UPSTREAM,
    };
    use crate::policy::json_schema::tests::assert_same_keys;

    #[test]
    fn every_key_is_described_and_no_other() {
        assert_same_keys(
            &config(),
            &[
                (&CONFIG, ""),
                (&LISTEN, "ListenWhole"),
                (&TLS, "Tls"),
                (&UPSTREAM, "Upstream"),
                (&ENV_SECRET, "EnvSecret"),
                (&SCHEMA, "SchemaSource"),
                (&AUDIT, "Audit"),
                (&CHECKPOINTS, "Checkpoints"),
                (&IDENTITY, "Identity"),
                (&SAME_RESOURCE, "SameResource"),
                (&PASSTHROUGH, "Passthrough"),
                (&CERTIFICATE, "Certified"),
                (&JWT, "Jwt"),
                (&JWT_ROLE, "JwtRoleWhole"),
                (&LIMITS, "Limits"),
                (&METRICS, "Metrics"),
                (&TELEMETRY, "Telemetry"),
            ],
        );
    }
}
