//! Where the settings say that calls go.

use super::error::GatewayError;
use super::run::secret;
use crate::audit::mask::is_secret_name;
use crate::config::{Config, EnvValue, credentials};
use crate::upstream::{Backend, LocalMcp, LocalMcpOptions, Upstream, Variable};
use secrecy::SecretString;

/// The Local MCP, where the settings name a command; otherwise the endpoint of Directus.
///
/// # Errors
/// When a secret of its environment cannot be had.
pub(super) fn backend(config: &Config, upstream: &Upstream) -> Result<Backend, GatewayError> {
    let Some(local) = &config.upstream.local else { return Ok(Backend::BuiltIn(upstream.clone())) };
    let url = config.upstream.url.clone().ok_or(GatewayError::NoUpstream)?;
    let mut environment = Vec::new();
    let mut credentials = credentials::in_arguments(&local.args);
    for (name, value) in &local.env {
        let name = name.clone();
        environment.push(match value {
            EnvValue::Text(text) => {
                credentials.extend(credentials::in_text(text));
                Variable { is_secret: is_secret_name(&name), name, value: text.clone().into() }
            }
            EnvValue::Secret(source) => {
                Variable { name, value: secret(Some(source))?.unwrap_or_default(), is_secret: true }
            }
        });
    }
    // A path is one from where the gateway was started, and the process is started elsewhere.
    let has_folder = local.command.components().count() > 1;
    let command = if has_folder { std::path::absolute(&local.command) } else { Ok(local.command.clone()) };
    Ok(Backend::Local(LocalMcp::new(LocalMcpOptions {
        command: command.unwrap_or_else(|_| local.command.clone()),
        args: local.args.clone(),
        url,
        environment,
        secrets: credentials.into_iter().map(SecretString::from).collect(),
        reply_timeout: config.upstream.timeout,
    })))
}

/// The Local MCP, and the token that its first process is started with.
pub(super) fn local(backend: &Backend, token: Option<SecretString>) -> Option<(LocalMcp, SecretString)> {
    match backend {
        Backend::BuiltIn(_) => None,
        Backend::Local(local) => Some((local.clone(), token?)),
    }
}

/// Starts that process before the first call needs it, and says so where it cannot be.
pub(super) async fn start(local: LocalMcp, token: SecretString) {
    if let Err(error) = local.ready(&token).await {
        let error = crate::telemetry::chain(&error);
        tracing::error!(error, "the Local MCP cannot be started; it is tried again with each call");
    }
}

/// Ends what was started.
pub(super) async fn close(backend: &Backend) {
    match backend {
        Backend::BuiltIn(_) => {}
        Backend::Local(local) => local.close().await,
    }
}
