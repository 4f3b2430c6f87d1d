//! Credential to principal. Strangers are answered here: they cost no parsing, and are counted and recorded within a bound.

use super::refusal::Refusal;
use super::strangers::Strangers;
use crate::accept::{Body, Peer};
use crate::identity::KeyRing;
use crate::policy::Principal;
use crate::telemetry::Clock;
use futures_util::future::{Either, Ready, ready};
use governor::clock::Clock as _;
use governor::{DefaultKeyedRateLimiter, Quota};
use http::{Request, Response};
use secrecy::SecretString;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;
use tower::{Layer, Service};

/// A request whose sender is known.
#[derive(Debug)]
pub struct Identified {
    pub(super) caller: Caller,
    /// Set where the principal sends more than is taken in at all: its requests are refused unread.
    pub(super) flood: Option<Duration>,
    pub(super) request: Request<Body>,
}

/// Who sent a request, from where and when. The client's own credential ends here.
#[derive(Clone, Debug)]
pub struct Caller {
    pub(super) principal: Principal,
    /// What goes upstream in its name.
    pub(super) token: SecretString,
    pub(super) address: Option<IpAddr>,
    /// In microseconds since 1970 UTC.
    pub(super) at: i64,
    pub(super) arrived: Instant,
}

/// Layer of [`Identify`].
#[derive(Clone, Debug)]
pub struct IdentifyLayer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    keys: Arc<KeyRing>,
    strangers: Arc<Strangers>,
    clock: Arc<dyn Clock>,
    arrivals: DefaultKeyedRateLimiter<String>,
}

impl IdentifyLayer {
    /// Identifies by these keys; takes in so many requests of one principal a second.
    pub(super) fn new(
        keys: Arc<KeyRing>,
        strangers: Arc<Strangers>,
        clock: Arc<dyn Clock>,
        arrivals: u32,
    ) -> Self {
        let quota = Quota::per_second(NonZeroU32::new(arrivals).unwrap_or(NonZeroU32::MIN));
        let arrivals = DefaultKeyedRateLimiter::keyed(quota);
        Self { shared: Arc::new(Shared { keys, strangers, clock, arrivals }) }
    }
}

impl<S> Layer<S> for IdentifyLayer {
    type Service = Identify<S>;

    fn layer(&self, inner: S) -> Identify<S> {
        Identify { shared: self.shared.clone(), inner }
    }
}

/// Finds out who sent a request.
#[derive(Clone, Debug)]
pub struct Identify<S> {
    shared: Arc<Shared>,
    inner: S,
}

impl<S> Service<Request<Body>> for Identify<S>
where
    S: Service<Identified, Response = Response<Body>, Error = Refusal>,
{
    type Response = Response<Body>;
    type Error = Refusal;
    type Future = Either<S::Future, Ready<Result<Response<Body>, Refusal>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self.shared.identify(request) {
            Ok(identified) => Either::Left(self.inner.call(identified)),
            Err(refusal) => Either::Right(ready(Err(refusal))),
        }
    }
}

impl Shared {
    fn identify(&self, request: Request<Body>) -> Result<Identified, Refusal> {
        let arrived = Instant::now();
        let now = self.clock.now();
        let address = request.extensions().get::<Peer>().map(|peer| peer.0.ip().to_canonical());
        match self.keys.identify(request.headers(), request.uri().query(), now) {
            Ok(found) => {
                let flood = self.flood(&found.principal.name);
                let caller = Caller {
                    principal: found.principal,
                    token: found.token,
                    address,
                    at: now.as_microsecond(),
                    arrived,
                };
                Ok(Identified { caller, flood, request })
            }
            Err(rejected) => Err(self.strangers.refuse(address, &rejected, now.as_microsecond())),
        }
    }

    fn flood(&self, name: &String) -> Option<Duration> {
        let refused = self.arrivals.check_key(name).err()?;
        Some(refused.wait_time_from(governor::clock::DefaultClock::default().now()))
    }
}
