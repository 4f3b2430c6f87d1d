//! `warrener stdio`: one client over standard input and output.

use super::settings::{PathArguments, TOKEN, one_key};
use super::{CommandError, Ended, serve};
use crate::accept::stdio::{self, Ends};
use crate::accept::{Body, Drain};
use crate::administer::{Gateway, GatewayError};
use crate::audit::checkpoint::SecondPlace;
use crate::audit::feed::FeedTarget;
use crate::config::{Config, Identity, Secret};
use crate::identity::{Stops, read_secret};
use crate::telemetry::{LogFormat, chain, start_log_at};
use crate::upstream::{Upstream, UpstreamError, UpstreamOptions};
use bytes::Bytes;
use clap::Args;
use http::{HeaderValue, Request, Uri};
use http_body_util::{BodyExt as _, Full};
use secrecy::{ExposeSecret as _, SecretString};
use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tower::ServiceExt as _;
use url::{Host, Url};

/// Where the key for the gateway is looked for; the Directus guide calls a client's token by the second name.
const KEYS: [&str; 2] = ["WARRENER_KEY", TOKEN];

/// How long the gateway may take: it waits for Directus itself, and its clients have clocks of their own.
const PATIENCE: Duration = Duration::from_mins(5);

/// For what is under way to be answered once the client has ended its input.
const LAST_ANSWERS: Duration = Duration::from_secs(30);

/// Longest message that is sent to a gateway, in bytes; the gateway has a limit of its own, and most often a lower one.
const LONGEST_LINE: u64 = 16 * 1024 * 1024;

/// Who is served, and by whom.
#[derive(Args, Debug)]
pub(super) struct StdioArguments {
    /// The settings; `warrener.yaml` in the working folder where there is one. Keys and stops are looked for beside them
    #[arg(long, value_name = "FILE", env = "WARRENER_CONFIG")]
    config: Option<PathBuf>,
    /// The gateway that messages are sent to, such as `https://gateway.example.com/mcp`; without one the path runs here
    #[arg(long, value_name = "URL", env = "WARRENER_SERVER", conflicts_with = "upstream")]
    server: Option<Url>,
    /// The file with the key for that gateway; the one in `WARRENER_KEY` or `DIRECTUS_TOKEN` if left out
    #[arg(long, value_name = "PATH", env = "WARRENER_KEY_FILE")]
    key_file: Option<PathBuf>,
    /// Send the key in cleartext to a gateway that is not on this machine
    #[arg(long)]
    insecure: bool,
    #[command(flatten)]
    path: PathArguments,
    /// The file of stops, which `warrener stop` writes; `warrener.stop.yaml` beside the keys if left out
    #[arg(long, value_name = "FILE", env = "WARRENER_STOPS")]
    stops: Option<PathBuf>,
    /// The role that speaks for the client, where the path runs here
    #[arg(long, default_value = "reader")]
    role: String,
    /// What the trail calls the client, where the path runs here
    #[arg(long, default_value = "stdio")]
    name: String,
}

/// Why a message did not come to the gateway, or no answer back from it.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    #[error("{place} is not there ({cause}): is `warrener serve` running?")]
    Away { place: String, cause: String },
    #[error("{place} gave no answer in time; what was asked for may have been done")]
    Late { place: String },
    #[error("{place} broke off before it had answered; what was asked for may have been done")]
    Broken { place: String },
}

pub(super) fn run(arguments: &StdioArguments) -> Result<Ended, CommandError> {
    start_log_at(LogFormat::detect(), "warn").map_err(|error| CommandError::Input(error.to_string()))?;
    let runtime = super::runtime()?;
    let ended = runtime.block_on(async {
        match &arguments.server {
            Some(server) => arguments.bridge(server).await,
            None => arguments.by_itself().await,
        }
    });
    // A read of standard input cannot be called off, and is not waited for.
    runtime.shutdown_background();
    let unanswered = ended?;
    if unanswered > 0 {
        tracing::warn!(requests = unanswered, "the client has ended before these were answered");
    }
    Ok(Ended::Well)
}

impl StdioArguments {
    /// Sends what comes to a gateway, until the client ends.
    async fn bridge(&self, server: &Url) -> Result<usize, CommandError> {
        let (upstream, uri) = gateway(server, self.insecure)?;
        let place = format!("the gateway at `{uri}`");
        let ends = Ends {
            uri,
            place: place.clone(),
            authorization: bearer(&self.key()?)?,
            longest_line: LONGEST_LINE,
            patience: LAST_ANSWERS,
        };
        let drain = Drain::new();
        drain.on_signals()?;
        let service = upstream.map_err(move |error| Unanswered::new(&place, &error));
        let ended = stdio::serve(tokio::io::stdin(), output()?, service, ends, &drain).await;
        Ok(ended.map_err(GatewayError::Client)?)
    }

    /// Runs the whole path here, for this one client.
    async fn by_itself(&self) -> Result<usize, CommandError> {
        let config = self.settings()?;
        let token =
            config.upstream.token.as_ref().map(read_secret).transpose().map_err(GatewayError::Token)?;
        // The same way in as everywhere: a key, which nobody else can have.
        let (key, keys) = one_key(&self.name, &self.role, token)?;
        let ends = Ends {
            uri: Uri::from_static("/mcp"),
            place: "warrener".to_owned(),
            authorization: bearer(&SecretString::from(key.expose()))?,
            longest_line: config.limits.body_bytes,
            patience: config.limits.drain_timeout,
        };
        let gateway = match Gateway::unbound(&config, keys, Stops::open(&config.stops())).await {
            Err(GatewayError::Role { role, .. }) => {
                return Err(CommandError::Input(format!(
                    "there is no policy for the role `{role}`: see `--role`"
                )));
            }
            gateway => gateway?,
        };
        gateway.drain().on_signals().map_err(GatewayError::Signals)?;
        gateway.reload_on_hangup().map_err(GatewayError::Signals)?;
        let served = gateway.serve_from(async |stack, drain| {
            stdio::serve(tokio::io::stdin(), output()?, stack.map_request(streaming), ends, drain).await
        });
        let drained = served.await?;
        if drained.tasks > 0 {
            tracing::warn!(
                calls = drained.tasks,
                "calls were still under way; they are closed as unknown at the next start"
            );
        }
        Ok(drained.connections)
    }

    /// The settings for a path of its own, which must leave standard output to the client.
    fn settings(&self) -> Result<Config, CommandError> {
        let mut config = serve::from_file(self.config.as_deref())?;
        self.path.settle(&mut config);
        // The client decides where this process is started. What is stopped has to be read from where `warrener stop` writes it all the
        // same, which is beside the settings.
        if let Some(folder) = self.config.as_deref().and_then(Path::parent) {
            config.keys = folder.join(&config.keys);
            config.stops = config.stops.map(|stops| folder.join(stops));
        }
        let unused = unused(&config);
        if !unused.is_empty() {
            tracing::warn!("not used for a client over standard input and output: {}", unused.join(", "));
        }
        config.stops = self.stops.clone().or(config.stops);
        let taken = [
            ("audit.feed", config.audit.feed == Some(FeedTarget::Stdout)),
            ("audit.checkpoints.to", config.audit.checkpoints.to == SecondPlace::Stdout),
        ];
        if let Some((setting, _)) = taken.into_iter().find(|(_, taken)| *taken) {
            let text = format!("`{setting}` is `stdout`, where the client reads its answers: name a file");
            return Err(CommandError::Input(text));
        }
        if config.identity.refuse.contains(&self.name) {
            let text = format!("`{}` is shut out by `identity.refuse`", self.name);
            return Err(CommandError::Input(text));
        }
        Ok(config)
    }

    /// The key for the gateway, which never stands on the command line.
    fn key(&self) -> Result<SecretString, CommandError> {
        let named =
            KEYS.into_iter().find(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
        let source = match (&self.key_file, named) {
            (Some(path), _) => Secret::File(path.clone()),
            (None, Some(name)) => Secret::Env(name.to_owned()),
            (None, None) => {
                let text = "there is no key for the gateway: set `WARRENER_KEY` to one that `warrener key new` has made, \
                            or name a file with `--key-file`";
                return Err(CommandError::Input(text.to_owned()));
            }
        };
        read_secret(&source).map_err(|error| CommandError::Input(chain(&error)))
    }
}

impl Unanswered {
    fn new(place: &str, error: &UpstreamError) -> Self {
        let place = place.to_owned();
        match error {
            UpstreamError::Connect { cause, .. } => Self::Away { place, cause: chain(cause.as_ref()) },
            UpstreamError::Timeout { .. } => Self::Late { place },
            // A gateway is no process of ours, which the last two speak of.
            UpstreamError::Protocol(_) | UpstreamError::NotRunning(_) | UpstreamError::Ended => {
                Self::Broken { place }
            }
        }
    }
}

/// Settings that have no effect where nothing listens, and nobody has to say who it is.
fn unused(config: &Config) -> Vec<&'static str> {
    let Identity { refuse: _, same_resource, passthrough, certificates, jwt } = &config.identity;
    let settings = [
        (config.metrics.is_some(), "`metrics`"),
        (config.listen.tls.is_some(), "`listen.tls`"),
        (same_resource.is_some(), "`identity.same_resource`"),
        (passthrough.is_some(), "`identity.passthrough`"),
        (!certificates.is_empty(), "`identity.certificates`"),
        (jwt.is_some(), "`identity.jwt`"),
    ];
    settings.into_iter().filter_map(|(is_set, setting)| is_set.then_some(setting)).collect()
}

/// The client for a gateway, and the address of its endpoint.
fn gateway(server: &Url, insecure: bool) -> Result<(Upstream, Uri), CommandError> {
    check_address(server, insecure).map_err(CommandError::Input)?;
    let mut url = server.clone();
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/mcp").unwrap_or(path).to_owned();
    url.set_path(&path);
    let options =
        UpstreamOptions { reply_timeout: PATIENCE, read_timeout: PATIENCE, ..UpstreamOptions::new(url) };
    let upstream = Upstream::new(&options).map_err(GatewayError::Upstream)?;
    let uri = upstream.uri("/mcp").map_err(|error| CommandError::Input(error.to_string()))?;
    Ok((upstream, uri))
}

/// What is wrong with the address of a gateway. A credential in it is not shown.
pub(super) fn check_address(server: &Url, insecure: bool) -> Result<(), String> {
    let plain = server.username().is_empty() && server.password().is_none() && server.query().is_none();
    if !plain || server.fragment().is_some() || server.host().is_none() {
        return Err("the gateway's address is a host and a path, such as `https://gateway.example.com/mcp`, without user, \
                    query or fragment; a key never stands in it"
            .to_owned());
    }
    match server.scheme() {
        "https" => Ok(()),
        "http" if insecure || is_loopback(server) => Ok(()),
        "http" => Err(format!(
            "`{server}` would have the key sent over the network in cleartext: use `https`, or say `--insecure`"
        )),
        _ => Err(format!("`{server}` is neither `https` nor `http`")),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn bearer(key: &SecretString) -> Result<HeaderValue, CommandError> {
    let value = HeaderValue::try_from(format!("Bearer {}", key.expose_secret()));
    let mut value = value.map_err(|_| CommandError::Input("the key cannot stand in a header".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

fn streaming(request: Request<Full<Bytes>>) -> Request<Body> {
    request.map(|body| body.map_err(|never| match never {}).boxed_unsync())
}

/// Standard output, past its lock, which this process holds while a command runs.
fn output() -> io::Result<tokio::fs::File> {
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_over_tls_or_stays_on_the_machine() {
        for (address, insecure, expect) in [
            ("https://gateway.example.com/mcp", false, Ok(())),
            ("http://127.0.0.1:8080", false, Ok(())),
            ("http://localhost:8080/mcp", false, Ok(())),
            ("http://[::1]:8080/mcp", false, Ok(())),
            ("http://gateway.example.com/mcp", true, Ok(())),
            ("http://gateway.example.com/mcp", false, Err("cleartext")),
            ("http://127.0.0.1.example.com/mcp", false, Err("cleartext")),
            ("http://localhost.example.com/mcp", false, Err("cleartext")),
            ("ftp://127.0.0.1/mcp", false, Err("neither")),
            ("https://user:word@gateway.example.com/mcp", false, Err("never stands in it")),
            ("https://gateway.example.com/mcp?access_token=wr_secret", true, Err("never stands in it")),
        ] {
            let found = check_address(&address.parse().unwrap(), insecure);
            match expect {
                Ok(()) => assert_eq!(found, Ok(()), "{address}"),
                Err(text) => {
                    let found = found.unwrap_err();
                    assert!(
                        found.contains(text) && !found.contains("secret") && !found.contains("word"),
                        "{found}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_endpoint_is_the_same_with_and_without_its_path() {
        for address in ["http://localhost:8080", "http://localhost:8080/", "http://localhost:8080/mcp/"] {
            let (_, uri) = gateway(&address.parse().unwrap(), false).unwrap();
            assert_eq!(uri, "http://localhost:8080/mcp");
        }
        let (_, uri) = gateway(&"http://localhost/cms/mcp".parse().unwrap(), false).unwrap();
        assert_eq!(uri, "http://localhost/cms/mcp");
    }
}
