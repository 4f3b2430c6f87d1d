//! Credential to principal. Strangers are answered here: they cost no parsing, and are counted and recorded within a bound.
//!
//! A client key is judged in place. Only where somebody else has to be asked does a request wait for the answer.

use super::refusal::Refusal;
use super::strangers::Strangers;
use crate::accept::{Body, Client};
use crate::config::Limits;
use crate::identity::{Found, Judged, Rejected, Ways};
use crate::policy::{Principal, Proof};
use crate::telemetry::Clock;
use crate::telemetry::trace::Trace;
use futures_util::future::{BoxFuture, Either, Ready, ready};
use governor::clock::Clock as _;
use governor::{DefaultKeyedRateLimiter, Quota};
use http::{Request, Response};
use jiff::Timestamp;
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
    /// The trace that the request belongs to, once it is read.
    pub(super) trace: Trace,
}

/// Layer of [`Identify`].
#[derive(Clone, Debug)]
pub struct IdentifyLayer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    ways: Arc<Ways>,
    strangers: Arc<Strangers>,
    clock: Arc<dyn Clock>,
    arrivals: DefaultKeyedRateLimiter<String>,
    /// The same for keys in the address, which get around more easily.
    arrivals_in_url: DefaultKeyedRateLimiter<String>,
}

impl IdentifyLayer {
    /// Identifies in these ways; takes in so many requests of one principal a second as the limits say.
    pub(super) fn new(
        ways: Arc<Ways>,
        strangers: Arc<Strangers>,
        clock: Arc<dyn Clock>,
        limits: &Limits,
    ) -> Self {
        let arrivals = |rate: u32| {
            let quota = Quota::per_second(NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN));
            DefaultKeyedRateLimiter::keyed(quota)
        };
        let (arrivals, arrivals_in_url) = (arrivals(limits.arrivals), arrivals(limits.arrivals_in_url));
        Self { shared: Arc::new(Shared { ways, strangers, clock, arrivals, arrivals_in_url }) }
    }

    /// Forgets who has not come for a while.
    pub(super) fn forget(&self) {
        self.shared.arrivals.retain_recent();
        self.shared.arrivals_in_url.retain_recent();
        self.shared.ways.forget();
    }
}

impl Caller {
    /// How long ago the request came, added to when it came: now, in microseconds since 1970 UTC.
    pub(super) fn now(&self) -> i64 {
        let since = i64::try_from(self.arrived.elapsed().as_micros()).unwrap_or(i64::MAX);
        self.at.saturating_add(since)
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

/// Done in place, refused in place, or waiting for whoever answers for the credential.
type Identifying<F> = Either<F, Either<Ready<Refused>, BoxFuture<'static, Refused>>>;

type Refused = Result<Response<Body>, Refusal>;

impl<S> Service<Request<Body>> for Identify<S>
where
    S: Service<Identified, Response = Response<Body>, Error = Refusal> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Refusal;
    type Future = Identifying<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let arrival = self.shared.arrival(&request);
        match self.shared.ways.judge(&mut request, arrival.address, arrival.now) {
            Judged::Now(judged) => match self.shared.identified(judged, arrival, request) {
                Ok(identified) => Either::Left(self.inner.call(identified)),
                Err(refusal) => Either::Right(Either::Left(ready(Err(refusal)))),
            },
            Judged::Asked(asked) => {
                let (mut inner, shared) = (super::take_ready(&mut self.inner), self.shared.clone());
                Either::Right(Either::Right(Box::pin(async move {
                    let identified = shared.identified(asked.await, arrival, request)?;
                    inner.call(identified).await
                })))
            }
        }
    }
}

/// When a request came, and from where.
#[derive(Clone, Copy, Debug)]
struct Arrival {
    address: Option<IpAddr>,
    now: Timestamp,
    instant: Instant,
}

impl Shared {
    fn arrival(&self, request: &Request<Body>) -> Arrival {
        let address = request.extensions().get::<Client>().map(|client| client.0);
        Arrival { address, now: self.clock.now(), instant: Instant::now() }
    }

    fn identified(
        &self,
        judged: Result<Found, Rejected>,
        arrival: Arrival,
        request: Request<Body>,
    ) -> Result<Identified, Refusal> {
        let Arrival { address, now, instant: arrived } = arrival;
        let at = now.as_microsecond();
        let Found { principal, token } =
            judged.map_err(|rejected| self.strangers.refuse(address, &rejected, at))?;
        let flood = self.flood(&principal);
        let caller = Caller { principal, token, address, at, arrived, trace: Trace::default() };
        Ok(Identified { caller, flood, request })
    }

    fn flood(&self, principal: &Principal) -> Option<Duration> {
        let arrivals = match principal.proof {
            Proof::KeyInUrl => &self.arrivals_in_url,
            Proof::Key | Proof::OAuth | Proof::Token | Proof::Jwt | Proof::Certificate => &self.arrivals,
        };
        let refused = arrivals.check_key(&principal.name).err()?;
        Some(refused.wait_time_from(governor::clock::DefaultClock::default().now()))
    }
}
