//! The gateway as a whole: settings in, a listener that serves until it is told to end, or one client that is served by itself.

use super::error::GatewayError;
use super::live::{Live, Reloads};
use super::load::{self, LoadError};
use super::manager::{self, HandOverError};
use super::measures::Measures;
use super::{backend, keep, note, reading, stopping};
use crate::accept::{self, BindError, Body, Drain, Drained, Hosts, Readiness, Route, Tls};
use crate::audit::feed::Feed;
use crate::audit::trail::{Trail, TrailOptions};
use crate::config::{Config, Identity, Listen, OnFailure, Secret};
use crate::identity::{Certificates, KeyRing, Provider, Resource, SecretError, Stops, Ways, read_secret};
use crate::path::shed::Breaker;
use crate::path::{Parts, stack};
use crate::policy::PolicySet;
use crate::policy::diagnostic::Diagnostics;
use crate::policy::set::{GuardrailsFile, built_in_sources};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::trace::{Collector, Traces};
use crate::telemetry::{Clock, SystemClock};
use crate::upstream::{Backend, LocalMcp, SchemaCache, Upstream, UpstreamOptions};
use arc_swap::ArcSwap;
use http::{Request, Response};
use secrecy::SecretString;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tower::util::BoxCloneSyncService;

/// How long the service manager is kept waiting for policies to be read anew.
const RELOADING: Duration = Duration::from_secs(10);

/// What an earlier gateway may take for its last writes, beyond the end of its drain.
const LAST_WRITES: Duration = Duration::from_secs(30);

/// A gateway that is set up, but does not serve yet. `L` is where requests come in: a listener, or [`Unbound`].
#[derive(Debug)]
pub struct Gateway<L = TcpListener> {
    parts: Parts,
    upstream: Upstream,
    backend: Backend,
    listener: L,
    options: accept::Options,
    listen: Listen,
    on_failure: OnFailure,
    feed: Option<Feed>,
    /// How the policies follow their folder; `None` for the built-in ones.
    reloads: Option<Arc<Reloads>>,
    /// What tells the metrics; `None` where they are told nowhere.
    measures: Option<Measures>,
}

/// Which requests get to the stack, and what is answered to those that do not.
struct Doors {
    listen: Listen,
    resource: Option<Arc<Resource>>,
    readiness: Readiness,
}

impl Doors {
    fn before(self, stack: Stack, drain: &Drain) -> Route<Stack> {
        let route = Route::new(stack, &self.listen.allowed_origins, self.readiness, drain.clone());
        route.for_hosts(Hosts::of(&self.listen)).with_resource(self.resource)
    }
}

/// In place of a listener: nobody can connect, and requests come in from the process that has set the gateway up.
#[derive(Clone, Copy, Debug)]
pub struct Unbound;

/// The whole path, as whoever brings requests in calls it.
pub type Stack = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

impl Gateway {
    /// Sets everything up, in the order in which it can go wrong most cheaply; at the end it listens.
    ///
    /// # Errors
    /// When any part of it cannot be set up; nothing is left behind but the trail's file.
    pub async fn set_up(config: &Config) -> Result<Self, GatewayError> {
        let token = secret(config.upstream.token.as_ref())?;
        let keys = KeyRing::open(&config.keys, token)?;
        Self::with(config, keys, Stops::open(&config.stops())).await
    }

    /// As [`Gateway::set_up`], on a socket that something else listens on, such as the service manager. Connections wait there while
    /// an earlier gateway still ends, and this one waits for that one's trail.
    ///
    /// # Errors
    /// As [`Gateway::set_up`], and when the socket cannot be used.
    pub async fn set_up_on(listener: std::net::TcpListener, config: &Config) -> Result<Self, GatewayError> {
        let listener = manager::listener(listener)?;
        // What is asked of an address is asked of the one that it really is.
        let address = listener.local_addr().map_err(HandOverError::Unusable)?;
        let listen = Listen { address, ..config.listen.clone() };
        let config = Config { listen, ..config.clone() };
        let token = secret(config.upstream.token.as_ref())?;
        let keys = KeyRing::open(&config.keys, token)?;
        let stops = Stops::open(&config.stops());
        let patience = config.limits.drain_timeout.saturating_add(LAST_WRITES);
        Self::listening(&config, keys, stops, patience, async || Ok(listener)).await
    }

    /// As [`Gateway::set_up`], with keys and stops that are there already.
    ///
    /// # Errors
    /// As [`Gateway::set_up`].
    pub async fn with(config: &Config, keys: KeyRing, stops: Stops) -> Result<Self, GatewayError> {
        let bind = async || accept::bind(config.listen.address).await;
        Self::listening(config, keys, stops, Duration::ZERO, bind).await
    }

    async fn listening(
        config: &Config,
        keys: KeyRing,
        stops: Stops,
        patience: Duration,
        bind: impl AsyncFnOnce() -> Result<TcpListener, BindError>,
    ) -> Result<Self, GatewayError> {
        let metrics = config.metrics.and_then(|metrics| metrics.problem());
        if let Some(problem) = config.listen.problem().or(metrics) {
            return Err(GatewayError::Listen(problem));
        }
        Self::build(config, keys, stops, patience, bind).await
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Where clients call it: by `https` where it has a certificate.
    ///
    /// # Errors
    /// When the system does not tell where it listens.
    pub fn url(&self) -> io::Result<String> {
        let scheme = if self.options.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}/mcp", self.address()?))
    }

    /// Serves until the drain begins, finishes what is under way, and closes the trail.
    ///
    /// # Errors
    /// When the trail cannot be closed with everything in it.
    pub async fn serve(self) -> Result<Drained, GatewayError> {
        let (options, doors) = (self.options.clone(), self.doors());
        self.work(async |listener, stack, drain| {
            let route = doors.before(stack, &drain);
            Ok(accept::serve(listener, route, options, drain).await)
        })
        .await
    }
}

impl Gateway<Unbound> {
    /// A gateway that nobody can connect to, with keys and stops that are there already.
    ///
    /// # Errors
    /// As [`Gateway::set_up`].
    pub async fn unbound(config: &Config, keys: KeyRing, stops: Stops) -> Result<Self, GatewayError> {
        // Whoever starts the process is the one client: nothing listens, and nobody else is let in.
        let identity = Identity { refuse: config.identity.refuse.clone(), ..Identity::default() };
        let listen = Listen { tls: None, ..config.listen.clone() };
        let config = Config { listen, identity, metrics: None, ..config.clone() };
        Self::build(&config, keys, stops, Duration::ZERO, async || Ok(Unbound)).await
    }

    /// A gateway inside another program, which listens itself: every way in is open that the settings have.
    ///
    /// That program sees to TLS, to clients' certificates, and to whom a proxy speaks for (see [`adopted`](accept::adopted)): settings
    /// that would do so are refused, so that nobody believes in them. How many connections there may be and how long one may take for a
    /// request's head is that program's to bound as well: `limits.connections` and `limits.header_timeout` are not looked at.
    ///
    /// # Errors
    /// As [`Gateway::set_up`], and when the settings have what the other program has to see to.
    pub async fn embedded(config: &Config) -> Result<Self, GatewayError> {
        if let Some(setting) = not_inside(config) {
            return Err(GatewayError::Embedded(setting));
        }
        let token = secret(config.upstream.token.as_ref())?;
        let keys = KeyRing::open(&config.keys, token)?;
        let stops = Stops::open(&config.stops());
        Self::build(config, keys, stops, Duration::ZERO, async || Ok(Unbound)).await
    }

    /// Serves requests that `bring` brings to the route, as [`adopted`](accept::adopted) makes them, until that has ended. Finishes
    /// what is under way, and closes the trail.
    ///
    /// The route takes `POST /mcp`, `/healthz` and `/readyz`, and holds hosts and origins against the settings. Where `identity.jwt` has
    /// a `resource`, it also tells clients of the provider, at `/.well-known/oauth-protected-resource` and below: that has to get to it too.
    ///
    /// Once the drain has begun `bring` has `limits.drain_timeout` to end, or until the drain is cut: whoever holds a connection open does
    /// not keep the trail from being closed.
    ///
    /// # Errors
    /// When nothing can be brought in any more, or the trail cannot be closed with everything in it.
    pub async fn serve_in(
        self,
        bring: impl AsyncFnOnce(Route<Stack>, &Drain) -> io::Result<()>,
    ) -> Result<Drained, GatewayError> {
        let (doors, patience) = (self.doors(), self.options.drain_timeout);
        self.serve_from(async |stack, drain| {
            tokio::select! {
                brought = bring(doors.before(stack, drain), drain) => brought?,
                () = drain.overdue(patience) => {
                    tracing::warn!("connections are still open, and are left: the trail is closed");
                    drain.cut_off();
                }
            }
            Ok(0)
        })
        .await
    }

    /// Serves what `bring` brings to the stack until it has ended, finishes what is under way, and closes the trail.
    ///
    /// # Errors
    /// When nothing can be brought in any more, or the trail cannot be closed with everything in it.
    pub async fn serve_from(
        self,
        bring: impl AsyncFnOnce(Stack, &Drain) -> io::Result<usize>,
    ) -> Result<Drained, GatewayError> {
        self.work(async |Unbound, stack, drain| {
            let brought = bring(stack, &drain).await;
            drain.begin();
            let connections = brought.map_err(GatewayError::Client)?;
            Ok(Drained { connections, tasks: 0 })
        })
        .await
    }
}

impl<L> Gateway<L> {
    /// Sets everything up; `bind` is asked for its place once the trail is this gateway's, for which it has `patience`.
    async fn build(
        config: &Config,
        keys: KeyRing,
        stops: Stops,
        patience: Duration,
        bind: impl AsyncFnOnce() -> Result<L, BindError>,
    ) -> Result<Self, GatewayError> {
        let url = config.upstream.url.clone().ok_or(GatewayError::NoUpstream)?;
        let sources = match &config.policies {
            Some(folder) => reading::settled(folder)?,
            None => built_in_sources(),
        };
        let loaded = PolicySet::load(&sources, config.guardrails);
        let (policies, warnings) = loaded.map_err(LoadError::Policies)?;
        if !warnings.is_empty() {
            tracing::warn!("{}", Diagnostics::new(warnings, policies.sources().clone()));
        }
        if let Some(role) = keys.roles().into_iter().find(|role| policies.role(role).is_none()) {
            return Err(GatewayError::Role { keys: config.keys.clone(), role });
        }
        let certificates = Certificates::new(&config.identity.certificates, keys.default_token().as_ref())?;
        if let Some(role) = certificates.roles().into_iter().find(|role| policies.role(role).is_none()) {
            return Err(GatewayError::CertificateRole(role));
        }
        let upstream = Upstream::new(&UpstreamOptions {
            connect_timeout: config.upstream.connect_timeout,
            reply_timeout: config.upstream.timeout,
            read_timeout: config.upstream.timeout.min(UpstreamOptions::READ_TIMEOUT),
            ..UpstreamOptions::new(url)
        })?;
        let own = secret(config.upstream.schema_token.as_ref())?.or(keys.default_token());
        let ways = ways(config, keys, &upstream, own.clone())?.and_certificates(certificates);
        if let Some(role) = ways.roles().into_iter().find(|role| policies.role(role).is_none()) {
            return Err(GatewayError::MappedRole { role });
        }
        let schema = schema(config, &upstream, own)?;
        let backend = backend::backend(config, &upstream)?;
        let feed = match &config.audit.feed {
            Some(target) => Some(Feed::open(target, &config.audit.url).await?),
            None => None,
        };
        let options = TrailOptions { lock_patience: patience, ..keep::options(&config.audit)? };
        let trail = Trail::open(&options).await?;
        let clock = Arc::new(SystemClock);
        let tls = config.listen.tls.as_ref().map(|files| Tls::open(files, clock.clone())).transpose()?;
        let listener = bind().await?;
        note::revision(&trail, &policies, clock.micros()).await?;
        let stops = Arc::new(stops);
        stopping::begin(&stops, &trail, clock.micros()).await?;
        let parts = Parts {
            ways: Arc::new(ways),
            policies: Arc::new(ArcSwap::from_pointee(policies)),
            stops: stops.clone(),
            schema: Arc::new(schema),
            trail,
            arguments: config.audit.arguments,
            endpoint: Arc::new(backend.clone()),
            clock,
            limits: config.limits.clone(),
            breaker: Breaker::new(config.limits.breaker_failures, config.limits.breaker_pause),
            drain: Drain::new(),
            metrics: Metrics::new(),
            traces: traces(config)?,
        };
        let key = options.checkpoints.map(|checkpoints| checkpoints.key);
        keep::keep(&config.audit, &parts.trail, key, &parts.drain);
        let reloads = config.policies.as_deref().map(|folder| follow(folder, config.guardrails, &parts));
        watch(&parts, tls.as_ref());
        let options = accept::Options { tls, ..accept::Options::from(config) };
        let measures = match &config.metrics {
            Some(at) => Some(Measures::open(at, &parts, &options.counted, reloads.clone()).await?),
            None => None,
        };
        Ok(Self {
            parts,
            upstream,
            backend,
            listener,
            options,
            listen: config.listen.clone(),
            on_failure: config.audit.on_failure,
            feed,
            reloads,
            measures,
        })
    }

    /// What stands before the stack.
    fn doors(&self) -> Doors {
        let ways = &self.parts.ways;
        let local = backend::local(&self.backend, ways.keys().default_token());
        let readiness = readiness(&self.parts, &self.upstream, self.reloads.clone(), local);
        let resource = ways.jwt().and_then(|provider| provider.resource().cloned());
        Doors { listen: self.listen.clone(), resource, readiness }
    }

    /// Tells the gateway to end.
    pub fn drain(&self) -> Drain {
        self.parts.drain.clone()
    }

    /// What is stopped.
    pub fn stops(&self) -> &Stops {
        &self.parts.stops
    }

    /// How the policies follow their folder; `None` for the built-in ones.
    pub fn reloads(&self) -> Option<&Reloads> {
        self.reloads.as_deref()
    }

    /// Looks at policies and certificate at once at each SIGHUP, which would end the process otherwise.
    ///
    /// # Errors
    /// When the process cannot listen to signals.
    pub fn reload_on_hangup(&self) -> io::Result<()> {
        let mut hangup = signal(SignalKind::hangup())?;
        let (reloads, tls) = (self.reloads.clone(), self.options.tls.clone());
        // Not one of the drain's tasks: it never ends by itself.
        tokio::spawn(async move {
            while hangup.recv().await.is_some() {
                manager::reloading();
                if let Some(tls) = &tls {
                    tls.at_once();
                }
                if let Some(reloads) = &reloads {
                    // Where it takes longer, it is done later all the same.
                    let _ = tokio::time::timeout(RELOADING, reloads.at_once()).await;
                    manager::reloaded(reloads.is_behind());
                } else {
                    tracing::info!("the policies are built in: there is nothing to reload");
                    manager::reloaded(false);
                }
            }
        });
        Ok(())
    }

    /// Has the service manager told that the gateway serves, that it ends, and while it can work, that it does. Nothing is told where
    /// there is no service manager.
    pub fn tell_manager(&self) {
        manager::ready();
        let stop = self.parts.drain.stop();
        // Neither is one of the drain's tasks: what watches over the drain has to outlive it.
        tokio::spawn(async move {
            stop.cancelled().await;
            manager::stopping();
        });
        if let Some(every) = manager::watchdog() {
            tokio::spawn(manager::watch(self.parts.trail.clone(), every));
        }
    }

    /// How many calls an earlier run had left without an outcome, closed as `unknown`.
    pub fn closed_at_start(&self) -> u64 {
        self.parts.trail.closed_at_start()
    }

    /// Has `serve` bring requests to the path, and closes what is behind it once that has ended.
    async fn work(
        self,
        serve: impl AsyncFnOnce(L, Stack, Drain) -> Result<Drained, GatewayError>,
    ) -> Result<Drained, GatewayError> {
        let Self { parts, backend, listener, options, on_failure, feed, measures, .. } = self;
        let watched = Drain::new();
        let telling = measures.map(|measures| tokio::spawn(measures.serve(watched.clone())));
        let feed = feed.map(Feed::start).transpose().map_err(GatewayError::FeedThread)?;
        let (drain, trail, traces) = (parts.drain.clone(), parts.trail.clone(), parts.traces.clone());
        drain.keepers().spawn(parts.ways.keys().clone().watch(drain.over()));
        if let Some((mcp, token)) = backend::local(&backend, parts.ways.keys().default_token()) {
            parts.drain.tasks().spawn(backend::start(mcp, token));
        }
        let patience = options.drain_timeout;
        if let Some(provider) = parts.ways.jwt().cloned() {
            let stop = drain.stop();
            drain.tasks().spawn(async move {
                stop.run_until_cancelled(provider.begin()).await;
            });
        }
        let served = serve(listener, stack(parts, backend.clone()), drain.clone()).await;
        let tasks = drain.finish_tasks(drain.left(patience)).await;
        drain.end_keepers().await;
        backend::close(&backend).await;
        let stopped = on_failure == OnFailure::Stop && trail.has_failed();
        let closed = trail.close().await;
        if let Some(feed) = feed
            && !feed.finish(drain.left(patience)).await
        {
            tracing::warn!("the feed does not take the last calls; a file gets them at the next start");
        }
        traces.close().await;
        watched.begin();
        if let Some(telling) = telling {
            // It ends within a second, whoever is still reading.
            let _ = telling.await;
        }
        closed?;
        let served = served?;
        if stopped { Err(GatewayError::Stopped) } else { Ok(Drained { tasks, ..served }) }
    }
}

/// A setting that has no effect inside another program, though somebody may rely on it.
fn not_inside(config: &Config) -> Option<&'static str> {
    let Listen { trusted_proxies, tls, .. } = &config.listen;
    let client_ca = tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
    let found = [
        (client_ca, "listen.tls.client_ca"),
        (tls.is_some(), "listen.tls"),
        (!config.identity.certificates.is_empty(), "identity.certificates"),
        (!trusted_proxies.is_empty(), "listen.trusted_proxies"),
    ];
    found.into_iter().find_map(|(is_set, setting)| is_set.then_some(setting))
}

/// The schema of a file, or of Directus itself, read with a token of the gateway's own.
fn schema(
    config: &Config,
    upstream: &Upstream,
    own: Option<SecretString>,
) -> Result<SchemaCache, GatewayError> {
    if let Some(path) = &config.schema.file {
        return Ok(SchemaCache::fixed(load::schema(path)?));
    }
    Ok(SchemaCache::new(upstream.clone(), own, config.schema.max_age))
}

/// The ways in that the settings have.
fn ways(
    config: &Config,
    keys: KeyRing,
    upstream: &Upstream,
    own: Option<SecretString>,
) -> Result<Ways, GatewayError> {
    let provider = config.identity.jwt.as_ref();
    let provider = provider.map(|jwt| Provider::new(jwt, keys.default_token().as_ref())).transpose()?;
    let ways = Ways::by_key(keys).with_jwt(provider).refusing(&config.identity.refuse);
    let (same_resource, passthrough) = (&config.identity.same_resource, &config.identity.passthrough);
    if same_resource.is_none() && passthrough.is_none() {
        return Ok(ways);
    }
    if passthrough.is_some() {
        tracing::warn!(
            "static Directus tokens are taken and passed through: whoever has one can call Directus without the gateway, unless the network forbids it"
        );
    }
    let own = own.ok_or(GatewayError::NoOwnToken)?;
    let asked = (upstream.clone(), own);
    ways.and_directus(same_resource.clone(), passthrough.clone(), asked, config.limits.strangers)
        .map_err(GatewayError::Random)
}

/// Where traces go.
fn traces(config: &Config) -> Result<Traces, GatewayError> {
    let Some(telemetry) = &config.telemetry else { return Ok(Traces::off()) };
    Ok(Traces::to(Collector::at(&telemetry.otlp, telemetry.sample)?))
}

pub(super) fn secret(source: Option<&Secret>) -> Result<Option<SecretString>, SecretError> {
    source.map(read_secret).transpose()
}

/// Has what is stopped, and the certificate, follow their files for as long as a call may be under way.
fn watch(parts: &Parts, tls: Option<&Tls>) {
    let (over, keepers) = (parts.drain.over(), parts.drain.keepers());
    if let Some(tls) = tls {
        keepers.spawn(tls.clone().watch(over.clone()));
    }
    let watch = stopping::watch(parts.stops.clone(), parts.trail.clone(), parts.clock.clone());
    keepers.spawn(async move {
        over.run_until_cancelled(watch).await;
    });
}

/// Has the policies follow their folder for as long as a call may be under way.
fn follow(folder: &Path, guardrails: GuardrailsFile, parts: &Parts) -> Arc<Reloads> {
    let reloads = Arc::new(Reloads::default());
    let live = Live {
        folder: folder.to_owned(),
        guardrails,
        active: parts.policies.clone(),
        ways: parts.ways.clone(),
        trail: parts.trail.clone(),
        clock: parts.clock.clone(),
        reloads: reloads.clone(),
    };
    parts.drain.keepers().spawn(live.watch(parts.drain.over()));
    reloads
}

fn readiness(
    parts: &Parts,
    upstream: &Upstream,
    reloads: Option<Arc<Reloads>>,
    local: Option<(LocalMcp, SecretString)>,
) -> Readiness {
    let (trail, upstream, schema) = (parts.trail.clone(), upstream.clone(), parts.schema.clone());
    let breaker = parts.breaker.clone();
    Arc::new(move || {
        let (trail, upstream, schema) = (trail.clone(), upstream.clone(), schema.clone());
        let behind = reloads.as_ref().is_some_and(|reloads| reloads.is_behind());
        let policies = if behind { "last good" } else { "ok" };
        let local = local.clone();
        // Only a call can close it, so being open is not a reason to send none.
        let breaker = breaker.word();
        Box::pin(async move {
            let trail = trail.ready().await.map(|()| "ok").map_err(|error| error.to_string());
            let directus = upstream.ready().await.map(|()| "ok").map_err(|error| error.to_string());
            let schema = schema.current().await.map(|_| "ok").map_err(|error| error.to_string());
            let mut parts = vec![
                ("trail", trail),
                ("directus", directus),
                ("schema", schema),
                ("policies", Ok(policies)),
                ("breaker", Ok(breaker)),
            ];
            if let Some((mcp, token)) = local {
                let state = mcp.ready(&token).await.map(|()| "ok").map_err(|error| error.to_string());
                parts.push(("local-mcp", state));
            }
            parts
        })
    })
}
