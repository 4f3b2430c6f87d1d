//! What every command that runs the path is told in the same way: the flags, and what they say over the settings.

use super::CommandError;
use crate::administer::GatewayError;
use crate::config::{Config, Secret};
use crate::identity::{ClientKey, KeyFile, KeyRing, NewKey};
use crate::telemetry::{Clock as _, SystemClock};
use clap::Args;
use secrecy::SecretString;
use std::path::PathBuf;
use url::Url;

/// Where the Directus token is looked for when nothing else is said.
pub(super) const TOKEN: &str = "DIRECTUS_TOKEN";

/// What stands behind the way in; a flag wins over the environment, and that over the file.
#[derive(Args, Debug, Default)]
pub(super) struct PathArguments {
    /// The Directus behind the gateway, such as `https://cms.example.com`
    #[arg(long, value_name = "URL", env = "WARRENER_UPSTREAM")]
    pub(super) upstream: Option<Url>,
    /// The environment variable with the Directus token that calls go upstream with; `DIRECTUS_TOKEN`
    #[arg(long, value_name = "VARIABLE", env = "WARRENER_TOKEN_ENV")]
    token_env: Option<String>,
    /// The file with that token
    #[arg(long, value_name = "PATH", env = "WARRENER_TOKEN_FILE", conflicts_with = "token_env")]
    token_file: Option<PathBuf>,
    /// The environment variable with the gateway's own token, for reading the schema; the upstream token if left out
    #[arg(long, value_name = "VARIABLE", env = "WARRENER_SCHEMA_TOKEN_ENV")]
    schema_token_env: Option<String>,
    /// The folder of policy files; the built-in policies if left out
    #[arg(long, value_name = "DIR", env = "WARRENER_POLICIES")]
    policies: Option<PathBuf>,
    /// A folder or file with the schema, instead of reading it from Directus
    #[arg(long, value_name = "PATH", env = "WARRENER_SCHEMA")]
    schema: Option<PathBuf>,
    /// The audit trail
    #[arg(long, value_name = "URL", env = "WARRENER_AUDIT")]
    audit: Option<String>,
}

impl PathArguments {
    /// Puts what was said in the place of what the file says.
    pub(super) fn settle(&self, config: &mut Config) {
        if self.upstream.is_some() {
            config.upstream.url.clone_from(&self.upstream);
        }
        if let Some(name) = &self.token_env {
            config.upstream.token = Some(Secret::Env(name.clone()));
        }
        if let Some(path) = &self.token_file {
            config.upstream.token = Some(Secret::File(path.clone()));
        }
        if config.upstream.token.is_none() && std::env::var_os(TOKEN).is_some() {
            config.upstream.token = Some(Secret::Env(TOKEN.to_owned()));
        }
        if let Some(name) = &self.schema_token_env {
            config.upstream.schema_token = Some(Secret::Env(name.clone()));
        }
        if self.policies.is_some() {
            config.policies.clone_from(&self.policies);
        }
        if self.schema.is_some() {
            config.schema.file.clone_from(&self.schema);
        }
        if let Some(audit) = &self.audit {
            config.audit.url.clone_from(audit);
        }
    }
}

/// A key for one client, which ends with the process, and the ring that takes it and no other.
pub(super) fn one_key(
    name: &str,
    role: &str,
    token: Option<SecretString>,
) -> Result<(ClientKey, KeyRing), CommandError> {
    let mut file = KeyFile::default();
    let new = NewKey {
        name: name.to_owned(),
        role: role.to_owned(),
        created: SystemClock.now(),
        expires: None,
        in_url: false,
        token: None,
    };
    let key = file.issue(new).map_err(super::key::KeyCommandError::from)?;
    let keys = KeyRing::in_memory(&file, token).map_err(GatewayError::Keys)?;
    Ok((key, keys))
}
