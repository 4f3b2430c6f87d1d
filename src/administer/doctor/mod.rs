//! `warrener doctor`: how gateway and Directus stand, and what to do about it.
//!
//! It looks from where the gateway stands, with what the gateway has. It only reads: nothing at Directus is changed, and nothing is written
//! to the trail of a gateway that is at work. Each file looks at one subject; `finding` is the closed list of what can be found.

mod around;
mod asking;
mod connection;
mod deletes;
mod finding;
mod flows;
mod keys;
mod switches;
mod token;
mod trail;

pub use finding::{Finding, Found, Level, Report};

use super::run::secret;
use super::{GatewayError, LoadError, load};
use crate::config::Config;
use crate::directus::SchemaSnapshot;
use crate::policy::PolicySet;
use crate::policy::check::check;
use crate::telemetry::{self, Clock};
use crate::upstream::{SchemaCache, Upstream, UpstreamOptions};
use asking::Asking;
use secrecy::SecretString;
use std::sync::Arc;

/// What every subject is looked at with.
struct Doctor<'a> {
    config: &'a Config,
    clock: &'a dyn Clock,
    policies: PolicySet,
    report: Report,
}

/// Looks at everything.
///
/// # Errors
/// When settings or policies are not valid: then there is nothing to look at yet.
pub async fn examine(config: &Config, clock: &dyn Clock) -> Result<Report, GatewayError> {
    let (policies, _) = load::policies_with(config.policies.as_deref(), config.guardrails)?;
    let mut doctor = Doctor { config, clock, policies, report: Report::default() };
    doctor.look_at_listen();
    let schema = doctor.look_at_directus().await?;
    doctor.look_at_policies(schema.as_deref());
    doctor.look_at_trail().await;
    doctor.look_at_keys();
    doctor.look_at_stops();
    Ok(doctor.report)
}

impl Doctor<'_> {
    fn look_at_listen(&mut self) {
        let listen = &self.config.listen;
        if let Some(problem) = listen.problem() {
            let help =
                "listen on 127.0.0.1 behind a TLS proxy, or say `insecure: true` if there is one elsewhere";
            self.report.fail(Finding::Listen, problem, help);
        } else if listen.address.ip().is_loopback() {
            self.report
                .ok(Finding::Listen, format!("clients connect to {}, on this machine", listen.address));
        } else {
            let says = format!("keys and content come to {} in cleartext", listen.address);
            let help = "see to it that only a TLS proxy reaches that address";
            self.report.warn(Finding::Listen, says, help);
        }
    }

    fn look_at_policies(&mut self, schema: Option<&SchemaSnapshot>) {
        let warnings = check(&self.policies, schema).len();
        let roles: Vec<&str> = self.policies.roles().map(|role| role.name.as_str()).collect();
        let says = format!("the policies are valid, for {}", listed(&roles));
        match warnings {
            0 => self.report.ok(Finding::Policies, says),
            1 => self.report.warn(Finding::Policies, format!("{says}; there is 1 warning"), CHECK),
            more => {
                self.report.warn(Finding::Policies, format!("{says}; there are {more} warnings"), CHECK);
            }
        }
    }

    /// Looks at everything that Directus is asked for, and returns its schema.
    async fn look_at_directus(&mut self) -> Result<Option<Arc<SchemaSnapshot>>, GatewayError> {
        let Some(url) = self.config.upstream.url.clone() else {
            let says = "no Directus is named";
            let help = "say where it is: `--upstream https://cms.example.com`, or `upstream.url`";
            self.report.fail(Finding::Directus, says, help);
            return Ok(None);
        };
        let upstream = Upstream::new(&UpstreamOptions {
            connect_timeout: self.config.upstream.connect_timeout,
            reply_timeout: self.config.upstream.timeout.min(PATIENCE),
            ..UpstreamOptions::new(url.clone())
        })?;
        let token = self.secret(Finding::Token, self.config.upstream.token.as_ref(), "upstream.token_env");
        let own = self.secret(Finding::Token, self.config.upstream.schema_token.as_ref(), "schema_token_env");
        let asking = Asking(upstream.clone());
        let is_there = self.look_at_connection(&asking, &url).await;
        if !is_there {
            return Ok(None);
        }
        let reading = own.clone().or_else(|| token.clone());
        self.look_at_version(&asking, reading.as_ref()).await;
        self.look_at_token(&asking, token.as_ref()).await;
        self.look_at_key_tokens(&asking).await;
        let schema = self.look_at_schema(upstream, reading.clone()).await?;
        self.look_at_endpoint(&asking, token.as_ref()).await;
        self.look_at_switches(&asking, reading.as_ref()).await;
        self.look_around(&asking, &url).await;
        if let Some(schema) = &schema {
            self.look_at_deletes(schema);
        }
        self.look_at_flows(&asking, reading.as_ref(), schema.as_deref()).await;
        Ok(schema)
    }

    async fn look_at_schema(
        &mut self,
        upstream: Upstream,
        token: Option<SecretString>,
    ) -> Result<Option<Arc<SchemaSnapshot>>, LoadError> {
        if let Some(path) = &self.config.schema.file {
            let schema = load::schema(path)?;
            let says = format!("the data model is that of `{}`, which does not age", path.display());
            let help = "write the file anew whenever the data model changes, or leave `schema.file` out";
            self.report.note(Finding::Schema, says, help);
            return Ok(Some(Arc::new(schema)));
        }
        match SchemaCache::new(upstream, token, self.config.schema.max_age).current().await {
            Ok(schema) => {
                let count = schema.collections().filter(|one| !one.is_system()).count();
                self.report.ok(Finding::Schema, format!("the data model can be read: {count} collections"));
                Ok(Some(schema))
            }
            Err(error) => {
                let says = telemetry::chain(&error);
                let help = "give the gateway a token that may read collections, fields and relations: \
                            `upstream.schema_token_env`; until then every call that depends on it is denied";
                self.report.fail(Finding::Schema, says, help);
                Ok(None)
            }
        }
    }

    /// A secret of the settings; one that is named and cannot be had is a finding.
    fn secret(
        &mut self,
        finding: Finding,
        source: Option<&crate::config::Secret>,
        name: &str,
    ) -> Option<SecretString> {
        match secret(source) {
            Ok(found) => {
                if let Some(found) = &found {
                    self.report.hide(found);
                }
                found
            }
            Err(error) => {
                let help = format!("set it, or name another place for it: `{name}`");
                self.report.fail(finding, telemetry::chain(&error), &help);
                None
            }
        }
    }
}

const CHECK: &str = "`warrener check` shows them";

/// Whoever waits for a diagnosis does not wait for a minute.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(15);

/// How many names are told before the rest is counted.
const NAMES: usize = 8;

/// Names in a sentence, the first few of many.
fn listed<S: AsRef<str>>(names: &[S]) -> String {
    let told: Vec<String> = names.iter().take(NAMES).map(|name| format!("`{}`", name.as_ref())).collect();
    match names.len().saturating_sub(NAMES) {
        0 => told.join(", "),
        more => format!("{} and {more} more", told.join(", ")),
    }
}
