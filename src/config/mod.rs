//! The gateway's own settings: `warrener.yaml`, overridden by the environment, overridden by flags.

pub(crate) mod credentials;
mod effective;
mod file;
pub mod json_schema;
mod jwt;
mod origin;

pub use effective::effective;
pub use jwt::{Issuer, Jwt, MappedRole};
pub use origin::{Origin, Origins};

use crate::accept::Network;
use crate::audit::checkpoint::SecondPlace;
use crate::audit::feed::FeedTarget;
use crate::identity::{Roles, SameResource};
use crate::policy::set::GuardrailsFile;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A `warrener.yaml` to start from: every setting with its default, and what it means.
pub const EXAMPLE: &str = include_str!("example.yaml");

/// The example with all that it names set, without these keys and what is below them: not everything can stand together.
#[cfg(test)]
fn everything_set(without: &[&str]) -> String {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut left_out = None;
    let mut text = String::new();
    for line in EXAMPLE.replace("# set: ", "").lines() {
        left_out = left_out.filter(|key| depth(line) > *key);
        let key = line.trim_start().split(':').next();
        if key.is_some_and(|key| without.contains(&key)) {
            left_out = Some(depth(line));
        }
        if left_out.is_none() {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// Every setting of the gateway, with its default filled in.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where clients connect; `127.0.0.1:8080`.
    pub listen: Listen,
    /// The Directus behind the gateway.
    pub upstream: Upstream,
    /// The folder of policy files; `None` for the built-in ones.
    pub policies: Option<PathBuf>,
    /// Whether that folder may be without `guardrails.yaml`; it may not, unless `guardrails: none` says so.
    pub guardrails: GuardrailsFile,
    /// Where the schema snapshot comes from.
    pub schema: Schema,
    /// The audit trail.
    pub audit: Audit,
    /// The file of client keys; `warrener.keys.yaml`.
    pub keys: PathBuf,
    /// The file of stops; `warrener.stop.yaml` beside the keys where it is left out.
    pub stops: Option<PathBuf>,
    /// Who is let in.
    pub identity: Identity,
    /// What the gateway bears.
    pub limits: Limits,
    /// Where metrics are told; nowhere by default.
    pub metrics: Option<MetricsListen>,
    /// Where traces go; nowhere by default.
    pub telemetry: Option<Telemetry>,
}

/// Where traces go.
#[derive(Clone, Debug, PartialEq)]
pub struct Telemetry {
    /// A collector that takes OTLP over HTTP, such as `http://127.0.0.1:4318`.
    pub otlp: url::Url,
    /// What part of the traces that begin here is kept, from 0 to 1; 0.1. Whoever began a trace elsewhere has decided.
    pub sample: f64,
}

/// Where metrics are told, in cleartext, to whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetricsListen {
    /// The address; anything but loopback needs `insecure`.
    pub address: SocketAddr,
    /// An address that others can reach is wanted.
    pub insecure: bool,
}

/// Where clients connect.
#[derive(Clone, Debug)]
pub struct Listen {
    /// The address; anything but loopback needs `tls`, or `insecure: true`.
    pub address: SocketAddr,
    /// Cleartext on an address that others can reach is wanted.
    pub insecure: bool,
    /// Browser origins that may call; none by default. Requests without `Origin` are no browser's.
    pub allowed_origins: Vec<String>,
    /// The names that the gateway answers to, `*` for any. Left out: those of this machine on a loopback address, any elsewhere.
    pub allowed_hosts: Option<Vec<String>>,
    /// Where proxies are whose `X-Forwarded-For` is believed; nowhere by default.
    pub trusted_proxies: Vec<Network>,
    /// The certificate that is shown to clients; `None` for cleartext.
    pub tls: Option<Tls>,
}

/// The certificate that is shown to clients, and what is wanted of them. The files are looked at while the gateway runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificates in PEM, the server's own first, then those that lead to the authority.
    pub certificate: PathBuf,
    /// Its private key in PEM.
    pub key: PathBuf,
    /// The authorities that clients have their certificates from; `None` where clients are asked for none.
    pub client_ca: Option<PathBuf>,
    /// Whether a client has to show one.
    pub client_certificates: ClientCertificates,
}

/// Whether a client has to show a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificates {
    /// Without one there is no connection.
    #[default]
    Required,
    /// Without one it has to show something else.
    Optional,
}

/// The Directus behind the gateway.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Its base address, such as `https://cms.example.com`; `/mcp` is put behind it.
    pub url: Option<url::Url>,
    /// The token that goes upstream for keys that name none of their own.
    pub token: Option<Secret>,
    /// The gateway's own token, for reading the schema; the upstream token where it is not given.
    pub schema_token: Option<Secret>,
    /// From the request's last byte to the reply's first; 60 s.
    pub timeout: Duration,
    /// For a connection to be made; 5 s.
    pub connect_timeout: Duration,
    /// The Local MCP that calls go through, for a Directus older than 11.12; `None` for its own endpoint.
    pub local: Option<LocalMcp>,
}

/// A Local MCP: the process that it is, and its environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalMcp {
    /// The program.
    pub command: PathBuf,
    /// What it is told on its command line.
    pub args: Vec<String>,
    /// Its environment, beside `DIRECTUS_URL` and `DIRECTUS_TOKEN`, which the gateway sets; nothing of its own is in it.
    pub env: Vec<(String, EnvValue)>,
}

/// The value of a variable in the environment of a Local MCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EnvValue {
    /// As it stands in the settings.
    Text(String),
    /// From where secrets are.
    Secret(Secret),
}

/// Where a secret is to be found; the secret itself never stands in a config file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// The name of an environment variable.
    Env(String),
    /// The path of a file; white space at its end is not part of the secret.
    File(PathBuf),
}

/// Where the schema snapshot comes from.
#[derive(Clone, Debug)]
pub struct Schema {
    /// A call that depends on the snapshot waits for a refresh when it is older; 10 s.
    pub max_age: Duration,
    /// A folder or a snapshot file instead of Directus itself; then it never ages.
    pub file: Option<PathBuf>,
}

/// The audit trail.
#[derive(Clone, Debug)]
pub struct Audit {
    /// `sqlite://warrener.db`.
    pub url: String,
    /// What is kept of a call's arguments; `masked`.
    pub arguments: KeptArguments,
    /// What the gateway does when the trail cannot be written; it refuses calls until it can.
    pub on_failure: OnFailure,
    /// The file with the key that checkpoints are signed with; without one there are none.
    pub signing_key: Option<PathBuf>,
    /// How often the end of the chain is signed, and where that goes beside the trail.
    pub checkpoints: Checkpoints,
    /// Older entries are pruned once an hour; never where it is left out.
    pub retention: Option<Duration>,
    /// A token that may read `directus_activity`, for `audit show`; Directus is not asked where it is left out.
    pub activity_token: Option<Secret>,
    /// Where each call goes as a line of JSON once it has ended; nowhere by default.
    pub feed: Option<FeedTarget>,
}

/// What the gateway does when the trail cannot be written. It never forwards a call that is not recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// Calls are refused until it can be written again.
    #[default]
    Deny,
    /// The gateway ends, so that whatever watches it notices and another one takes over.
    Stop,
}

/// When and where checkpoints are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoints {
    /// Between two of them; 5 minutes.
    pub every: Duration,
    /// The second place; the log.
    pub to: SecondPlace,
}

/// What is kept of a call's arguments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeptArguments {
    /// As `masked`, and long ones whole.
    Full,
    /// All but `redact` fields and well-known secrets; of more than 64 KiB only the length.
    #[default]
    Masked,
    /// A salted digest of what `masked` would keep.
    Digest,
}

/// Who is let in.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Principals that are shut out, whatever their way in.
    pub refuse: Vec<String>,
    /// OAuth tokens of Directus' are taken, as an outer proxy shows both under one address; they are not.
    pub same_resource: Option<SameResource>,
    /// Static tokens of Directus' are taken and passed through, with the policy roles that Directus' roles have; they are not.
    pub passthrough: Option<Roles>,
    /// Whose certificates are whose. Where there are none, a certificate only opens the door, and a key says who calls.
    pub certificates: Vec<Certified>,
    /// The OpenID provider whose tokens are taken; none by default.
    pub jwt: Option<Jwt>,
}

/// A client that is known by its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    /// Which certificate.
    pub of: CertificateOf,
    /// The client's name. A key beside the certificate has to be that of the same name.
    pub name: String,
    /// The policy role that speaks for it.
    pub role: String,
    /// The token that goes upstream for it; that of the upstream where it is left out.
    pub token: Option<Secret>,
}

/// Which certificate is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateOf {
    /// The one with this SHA-256, in small hexadecimal digits.
    Sha256(String),
    /// Each with this among its alternative names, URIs or names of hosts.
    Name(String),
}

/// What the gateway bears.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Longest request body in bytes; 1 MiB.
    pub body_bytes: u64,
    /// Longest answer in bytes that is read whole, because something in it has to be cut; 8 MiB.
    pub inspect_bytes: u64,
    /// Most connections at once; 1024.
    pub connections: usize,
    /// Most calls under way at once, over all clients; 512.
    pub max_in_flight: usize,
    /// Failures in a row after which calls are refused at once for a while; 5.
    pub breaker_failures: u32,
    /// For so long; 5 s.
    pub breaker_pause: Duration,
    /// For a whole request head to arrive, and for an idle connection; 10 s.
    pub header_timeout: Duration,
    /// For a whole request body to arrive; 30 s.
    pub body_timeout: Duration,
    /// For a call, from its intent to the last byte of its answer, however the answer comes and is taken; 10 minutes.
    pub call_timeout: Duration,
    /// For calls under way to end after SIGTERM; 30 s.
    pub drain_timeout: Duration,
    /// Requests of one principal per second that are let in at all; 200.
    pub arrivals: u32,
    /// The same for a principal whose key is in the address; 20.
    pub arrivals_in_url: u32,
    /// Requests without a valid credential from one address per minute; 60.
    pub strangers: u32,
}

impl Identity {
    /// Every policy role that somebody is given, with the setting that gives it. For each there has to be a policy.
    pub fn roles(&self) -> Vec<(&'static str, &str)> {
        let jwt = self.jwt.iter().flat_map(|jwt| jwt.roles.values());
        let jwt = jwt.map(|mapped| ("identity.jwt.roles", mapped.role.as_str()));
        let same = self.same_resource.iter().flat_map(|same| same.roles.policies());
        let same = same.map(|role| ("identity.same_resource.roles", role.as_str()));
        let passthrough = self.passthrough.iter().flat_map(Roles::policies);
        let passthrough = passthrough.map(|role| ("identity.passthrough.roles", role.as_str()));
        let certified = self.certificates.iter();
        let certified = certified.map(|certified| ("identity.certificates", certified.role.as_str()));
        let mut all: Vec<_> = jwt.chain(same).chain(passthrough).chain(certified).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Whether client keys are the only way in.
    pub fn is_by_key_only(&self) -> bool {
        self.same_resource.is_none() && self.passthrough.is_none() && self.jwt.is_none()
    }
}

/// Reads `stdout`, or the path of a file; `./stdout` is a file of that name.
pub fn feed_target(text: &str) -> FeedTarget {
    if text == "stdout" { FeedTarget::Stdout } else { FeedTarget::File(PathBuf::from(text)) }
}

impl Config {
    /// Where the file of stops is.
    pub fn stops(&self) -> PathBuf {
        self.stops.clone().unwrap_or_else(|| self.keys.with_file_name("warrener.stop.yaml"))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Listen::default(),
            upstream: Upstream::default(),
            policies: None,
            guardrails: GuardrailsFile::default(),
            schema: Schema::default(),
            audit: Audit::default(),
            keys: PathBuf::from("warrener.keys.yaml"),
            stops: None,
            identity: Identity::default(),
            limits: Limits::default(),
            metrics: None,
            telemetry: None,
        }
    }
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 8080)),
            insecure: false,
            allowed_origins: Vec::new(),
            allowed_hosts: None,
            trusted_proxies: Vec::new(),
            tls: None,
        }
    }
}

impl Default for Upstream {
    fn default() -> Self {
        Self {
            url: None,
            token: None,
            schema_token: None,
            timeout: Duration::from_mins(1),
            connect_timeout: Duration::from_secs(5),
            local: None,
        }
    }
}

impl Default for Schema {
    fn default() -> Self {
        Self { max_age: Duration::from_secs(10), file: None }
    }
}

impl Default for Audit {
    fn default() -> Self {
        Self {
            url: "sqlite://warrener.db".to_owned(),
            arguments: KeptArguments::default(),
            on_failure: OnFailure::default(),
            signing_key: None,
            checkpoints: Checkpoints::default(),
            retention: None,
            activity_token: None,
            feed: None,
        }
    }
}

impl Default for Checkpoints {
    fn default() -> Self {
        Self { every: Duration::from_mins(5), to: SecondPlace::default() }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1024 * 1024,
            inspect_bytes: 8 * 1024 * 1024,
            connections: 1024,
            max_in_flight: 512,
            breaker_failures: 5,
            breaker_pause: Duration::from_secs(5),
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            call_timeout: Duration::from_mins(10),
            drain_timeout: Duration::from_secs(30),
            arrivals: 200,
            arrivals_in_url: 20,
            strangers: 60,
        }
    }
}
