//! `warrener serve`: the gateway.

use super::settings::PathArguments;
use super::{CommandError, Ended};
use crate::administer::{Gateway, GatewayError, handed_over};
use crate::audit::feed::FeedTarget;
use crate::config::{Config, Origins, feed_target};
use crate::identity::{KeyFile, NewKey, Standing};
use crate::policy::diagnostic::Source;
use crate::telemetry::{Clock as _, LogFormat, SystemClock, start_log};
use clap::Args;
use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

/// The config file that is read where there is one and no other is named.
pub(super) const CONFIG: &str = "warrener.yaml";

/// Every setting that stands in `warrener.yaml` too; a flag wins over the environment, and that over the file.
#[derive(Args, Debug, Default)]
pub(super) struct ServeArguments {
    /// The settings; `warrener.yaml` in the working folder where there is one
    #[arg(long, value_name = "FILE", env = "WARRENER_CONFIG")]
    config: Option<PathBuf>,
    /// Where clients connect
    #[arg(long, value_name = "ADDRESS", env = "WARRENER_LISTEN")]
    listen: Option<SocketAddr>,
    /// Listen in cleartext on an address that others can reach
    #[arg(long)]
    insecure: bool,
    #[command(flatten)]
    path: PathArguments,
    /// Where each call goes as a line of JSON once it has ended: a file, or `stdout`
    #[arg(long, value_name = "FILE", env = "WARRENER_FEED")]
    feed: Option<String>,
    /// The file of client keys
    #[arg(long, value_name = "FILE", env = "WARRENER_KEYS")]
    keys: Option<PathBuf>,
    /// The file of stops, which `warrener stop` writes; `warrener.stop.yaml` beside the keys if left out
    #[arg(long, value_name = "FILE", env = "WARRENER_STOPS")]
    stops: Option<PathBuf>,
    /// The role of the key that is made where there is no key file yet
    #[arg(long, default_value = "reader")]
    role: String,
}

pub(super) fn run(arguments: &ServeArguments, out: &mut dyn Write) -> Result<Ended, CommandError> {
    start_log(LogFormat::detect()).map_err(|error| CommandError::Input(error.to_string()))?;
    let config = arguments.config()?;
    // Where clients come in another way nobody has asked for a key.
    // Before anything else is opened, whose number could be taken for that of the socket.
    let socket = handed_over().map_err(GatewayError::from)?;
    let by_key = config.identity.is_by_key_only();
    let fresh = if by_key { first_key(&config.keys, &arguments.role)? } else { None };
    super::runtime()?.block_on(serve(&config, socket, fresh, out))
}

async fn serve(
    config: &Config,
    socket: Option<TcpListener>,
    fresh: Option<String>,
    out: &mut dyn Write,
) -> Result<Ended, CommandError> {
    // Standard output is for the feed then, and for nothing else.
    let mut messages = std::io::stderr();
    let fed = config.audit.feed == Some(FeedTarget::Stdout);
    let out: &mut dyn Write = if fed { &mut messages } else { out };
    crate::accept::raise_open_files(&config.limits);
    let gateway = match socket {
        Some(socket) => Gateway::set_up_on(socket, config).await?,
        None => Gateway::set_up(config).await?,
    };
    let drain = gateway.drain();
    drain.on_signals().map_err(GatewayError::Signals)?;
    gateway.reload_on_hangup().map_err(GatewayError::Signals)?;
    let url = gateway.url()?;
    if let Some(key) = fresh {
        writeln!(out, "a key for the first client, shown only this once: {key}")?;
    }
    if gateway.closed_at_start() > 0 {
        writeln!(
            out,
            "{} calls of an earlier run have no known outcome: `warrener audit query --outcome unknown`",
            gateway.closed_at_start()
        )?;
    }
    let stops = std::path::absolute(config.stops())?;
    writeln!(out, "what is stopped is read from {}", stops.display())?;
    match gateway.stops().standing().as_ref() {
        Standing::Known(file) if file.stops().is_empty() => {}
        Standing::Known(file) => writeln!(out, "{file}: `warrener resume` resumes them")?,
        Standing::Unknown(problem) => writeln!(out, "every call is refused: {problem}")?,
    }
    writeln!(out, "listening on {url}")?;
    out.flush()?;
    gateway.tell_manager();
    let drained = gateway.serve().await?;
    if drained.tasks > 0 {
        tracing::warn!(
            calls = drained.tasks,
            "calls were still under way; they are closed as unknown at the next start"
        );
    }
    Ok(Ended::Well)
}

impl ServeArguments {
    /// The settings: the file, and what flags and environment say over it.
    pub(super) fn config(&self) -> Result<Config, CommandError> {
        self.config_and_origins().map(|(config, _)| config)
    }

    /// The settings, and where those of the file stand.
    pub(super) fn config_and_origins(&self) -> Result<(Config, Origins), CommandError> {
        let (mut config, origins) = said_in(self.config.as_deref())?;
        if let Some(listen) = self.listen {
            config.listen.address = listen;
        }
        config.listen.insecure |= self.insecure;
        self.path.settle(&mut config);
        config.audit.feed = self.feed.as_deref().map(feed_target).or(config.audit.feed);
        config.keys = self.keys.clone().unwrap_or(config.keys);
        config.stops = self.stops.clone().or(config.stops);
        Ok((config, origins))
    }
}

/// The settings of a file; those of `warrener.yaml` where none is named, or the defaults where there is none.
pub(super) fn from_file(path: Option<&Path>) -> Result<Config, CommandError> {
    said_in(path).map(|(config, _)| config)
}

fn said_in(path: Option<&Path>) -> Result<(Config, Origins), CommandError> {
    let (path, named) = path.map_or((Path::new(CONFIG), false), |path| (path, true));
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if !named && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok((Config::default(), Origins::default()));
        }
        Err(cause) => return Err(CommandError::Read { path: path.to_owned(), cause }),
    };
    let source = Source::new(path.display().to_string(), text);
    Config::from_yaml_with(&source, &|name| std::env::var(name).ok()).map_err(CommandError::Config)
}

/// Makes a key for the first client where there is no key file yet, so that a newcomer can call at once.
fn first_key(path: &Path, role: &str) -> Result<Option<String>, CommandError> {
    if path.exists() {
        return Ok(None);
    }
    let new = NewKey {
        name: "first".to_owned(),
        role: role.to_owned(),
        created: SystemClock.now(),
        expires: None,
        in_url: false,
        token: None,
    };
    let key = KeyFile::edit(path, |file| file.issue(new)).map_err(super::key::KeyCommandError::from)?;
    Ok(Some(key.expose().to_owned()))
}
