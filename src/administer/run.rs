//! The gateway as a whole: settings in, a listener that serves until it is told to end.

use super::keep;
use super::load::{self, LoadError};
use crate::accept::{self, BindError, Drain, Drained, Readiness, Route};
use crate::audit::TrailError;
use crate::audit::entry::{Entry, Kind};
use crate::audit::feed::{Feed, FeedError};
use crate::audit::signing::SigningKeyError;
use crate::audit::trail::{TextKind, Trail, TrailUnavailable};
use crate::config::{Config, OnFailure, Secret};
use crate::identity::{KeyError, KeyRing, SecretError, read_secret};
use crate::path::{Parts, stack};
use crate::policy::PolicySet;
use crate::policy::diagnostic::Diagnostics;
use crate::telemetry::{Clock, SystemClock};
use crate::upstream::{SchemaCache, SetupError, Upstream, UpstreamOptions};
use arc_swap::ArcSwap;
use secrecy::SecretString;
use serde_json::json;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use uuid::Uuid;

/// A gateway that is set up and listens, but does not serve yet.
#[derive(Debug)]
pub struct Gateway {
    parts: Parts,
    upstream: Upstream,
    listener: TcpListener,
    options: accept::Options,
    origins: Vec<String>,
    on_failure: OnFailure,
    feed: Option<Feed>,
}

/// Why a gateway cannot be set up, or has not ended well.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// Policies or schema.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// There is no Directus to stand in front of.
    #[error(
        "no upstream is set: say where Directus is, with `--upstream https://cms.example.com` or `upstream.url`"
    )]
    NoUpstream,
    /// The address must not be listened on.
    #[error("{0}")]
    Listen(String),
    /// The token of the upstream, or the gateway's own.
    #[error("the Directus token cannot be had: {0}")]
    Token(#[from] SecretError),
    /// The client keys.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// A key speaks for a role that has no policy.
    #[error("a key in `{keys}` names the role `{role}`, for which there is no policy file", keys = keys.display())]
    Role {
        /// The key file.
        keys: PathBuf,
        /// The role.
        role: String,
    },
    /// The address of Directus, or what is needed to reach it.
    #[error(transparent)]
    Upstream(#[from] SetupError),
    /// The audit trail cannot be opened.
    #[error(transparent)]
    Trail(#[from] TrailError),
    /// The key that checkpoints are signed with.
    #[error(transparent)]
    SigningKey(#[from] SigningKeyError),
    /// Checkpoints cannot go where the settings want them.
    #[error("checkpoints cannot be written to their second place: {0}")]
    SecondPlace(#[source] io::Error),
    /// The live feed.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// The live feed has no thread to run on.
    #[error("the feed cannot be started")]
    FeedThread(#[source] io::Error),
    /// The audit trail cannot be written.
    #[error(transparent)]
    Unavailable(#[from] TrailUnavailable),
    /// The trail failed, and the settings say that the gateway is to end then.
    #[error("the gateway ended, since the audit trail could not be written")]
    Stopped,
    /// The address is taken, or not this machine's.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Signals cannot be waited for.
    #[error("the process cannot wait for signals")]
    Signals(#[source] io::Error),
}

impl Gateway {
    /// Sets everything up, in the order in which it can go wrong most cheaply; at the end it listens.
    ///
    /// # Errors
    /// When any part of it cannot be set up; nothing is left behind but the trail's file.
    pub async fn set_up(config: &Config) -> Result<Self, GatewayError> {
        let token = secret(config.upstream.token.as_ref())?;
        let keys = KeyRing::open(&config.keys, token, &config.identity.refuse)?;
        Self::with_keys(config, keys).await
    }

    /// As [`Gateway::set_up`], with keys that are there already.
    ///
    /// # Errors
    /// As [`Gateway::set_up`].
    pub async fn with_keys(config: &Config, keys: KeyRing) -> Result<Self, GatewayError> {
        if let Some(problem) = config.listen.problem() {
            return Err(GatewayError::Listen(problem));
        }
        let url = config.upstream.url.clone().ok_or(GatewayError::NoUpstream)?;
        let (policies, warnings) = load::policies_with(config.policies.as_deref(), config.guardrails)?;
        if !warnings.is_empty() {
            tracing::warn!("{}", Diagnostics::new(warnings, policies.sources().clone()));
        }
        if let Some(role) = keys.roles().into_iter().find(|role| policies.role(role).is_none()) {
            return Err(GatewayError::Role { keys: config.keys.clone(), role });
        }
        let upstream = Upstream::new(&UpstreamOptions {
            connect_timeout: config.upstream.connect_timeout,
            reply_timeout: config.upstream.timeout,
            ..UpstreamOptions::new(url)
        })?;
        let schema = schema(config, &upstream, keys.default_token())?;
        let feed = match &config.audit.feed {
            Some(target) => Some(Feed::open(target, &config.audit.url).await?),
            None => None,
        };
        let options = keep::options(&config.audit)?;
        let trail = Trail::open(&options).await?;
        let listener = accept::bind(config.listen.address).await?;
        let clock = Arc::new(SystemClock);
        note_revision(&trail, &policies, clock.micros()).await?;
        let parts = Parts {
            keys: Arc::new(keys),
            policies: Arc::new(ArcSwap::from_pointee(policies)),
            schema: Arc::new(schema),
            trail,
            arguments: config.audit.arguments,
            endpoint: Arc::new(upstream.clone()),
            clock,
            limits: config.limits.clone(),
            drain: Drain::new(),
        };
        let key = options.checkpoints.map(|checkpoints| checkpoints.key);
        keep::keep(&config.audit, &parts.trail, key, &parts.drain);
        let (options, origins) = (accept::Options::from(config), config.listen.allowed_origins.clone());
        Ok(Self { parts, upstream, listener, options, origins, on_failure: config.audit.on_failure, feed })
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Tells the gateway to end.
    pub fn drain(&self) -> Drain {
        self.parts.drain.clone()
    }

    /// How many calls an earlier run had left without an outcome, closed as `unknown`.
    pub fn closed_at_start(&self) -> u64 {
        self.parts.trail.closed_at_start()
    }

    /// Serves until the drain begins, finishes what is under way, and closes the trail.
    ///
    /// # Errors
    /// When the trail cannot be closed with everything in it.
    pub async fn serve(self) -> Result<Drained, GatewayError> {
        let Self { parts, upstream, listener, options, origins, on_failure, feed } = self;
        let feed = feed.map(Feed::start).transpose().map_err(GatewayError::FeedThread)?;
        let (drain, trail) = (parts.drain.clone(), parts.trail.clone());
        drain.tasks().spawn(parts.keys.clone().watch(drain.stop()));
        let readiness = readiness(&trail, &upstream, &parts.schema);
        let patience = options.drain_timeout;
        let route = Route::new(stack(parts, upstream), &origins, readiness, drain.clone());
        let mut drained = accept::serve(listener, route, options, drain.clone()).await;
        drained.tasks = drain.finish_tasks(patience).await;
        let stopped = on_failure == OnFailure::Stop && trail.has_failed();
        let closed = trail.close().await;
        if let Some(feed) = feed
            && !feed.finish(patience).await
        {
            tracing::warn!("the feed does not take the last calls; a file gets them at the next start");
        }
        closed?;
        if stopped { Err(GatewayError::Stopped) } else { Ok(drained) }
    }
}

/// The schema of a file, or of Directus itself, read with a token of the gateway's own.
fn schema(
    config: &Config,
    upstream: &Upstream,
    token: Option<SecretString>,
) -> Result<SchemaCache, GatewayError> {
    if let Some(path) = &config.schema.file {
        return Ok(SchemaCache::fixed(load::schema(path)?));
    }
    let own = secret(config.upstream.schema_token.as_ref())?;
    Ok(SchemaCache::new(upstream.clone(), own.or(token), config.schema.max_age))
}

fn secret(source: Option<&Secret>) -> Result<Option<SecretString>, SecretError> {
    source.map(read_secret).transpose()
}

/// The trail has every policy that ever decided, so that an old decision can be explained.
async fn note_revision(trail: &Trail, policies: &PolicySet, at: i64) -> Result<(), TrailUnavailable> {
    let texts: serde_json::Map<String, serde_json::Value> =
        policies.sources().iter().map(|(name, text)| (name.to_owned(), text.into())).collect();
    let text = serde_json::Value::Object(texts).to_string();
    trail.keep_text(policies.revision(), TextKind::Policy, &text).await?;
    let roles: Vec<&str> = policies.roles().map(|role| role.name.as_str()).collect();
    let note = json!({ "revision": policies.revision(), "roles": roles });
    let entry = Entry {
        call: Uuid::now_v7(),
        kind: Kind::Revision,
        at,
        subject: None,
        outcome: None,
        note: Some(note),
    };
    trail.commit(entry).await.map(|_| ())
}

fn readiness(trail: &Trail, upstream: &Upstream, schema: &Arc<SchemaCache>) -> Readiness {
    let (trail, upstream, schema) = (trail.clone(), upstream.clone(), schema.clone());
    Arc::new(move || {
        let (trail, upstream, schema) = (trail.clone(), upstream.clone(), schema.clone());
        Box::pin(async move {
            let trail = trail.ready().await.map_err(|error| error.to_string());
            let directus = upstream.ready().await.map_err(|error| error.to_string());
            let schema = schema.current().await.map(|_| ()).map_err(|error| error.to_string());
            vec![("trail", trail), ("directus", directus), ("schema", schema)]
        })
    })
}
