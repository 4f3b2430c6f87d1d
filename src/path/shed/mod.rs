//! Sheds what could not be served: too many calls are under way, or Directus is down. It answers nothing itself: what is shed goes on as
//! a refusal, to be recorded.
//!
//! Only permitted calls are looked at, so a call that the policies deny is answered the same whatever the load, and nothing is let through
//! that they deny. Nothing is used up of the role's limits by a call that is shed.

mod breaker;
mod places;

pub use breaker::Breaker;

use super::decide::Decided;
use super::refusal::Refusal;
use crate::accept::Body;
use crate::directus::{Meaning, Protocol};
use crate::policy::{Obligation, Permit, Verdict};
use crate::telemetry::metrics::{Held, Metrics};
use crate::telemetry::trace::Stage;
use breaker::Ticket;
use http::Response;
use places::{Place, Places};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;
use tower::{Layer, Service};

/// When a client may come again where nobody knows better: places are given back all the time, and a failure may be the only one.
const SOON: Duration = Duration::from_secs(1);

/// Why a permitted call is shed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Busy {
    /// As many calls are under way as the gateway bears.
    #[error("too many calls are under way")]
    Full,
    /// As many calls of this client are under way as places are left free.
    #[error("too many calls of this client are under way")]
    Share,
    /// No connection to Directus could be made, several times in a row.
    #[error("Directus cannot be reached")]
    Unreached,
    /// Several calls of this client in a row have had no answer.
    #[error("Directus has not answered the last calls of this client")]
    Unanswered,
}

/// Layer of [`Shed`].
#[derive(Clone, Debug)]
pub struct ShedLayer {
    places: Arc<Places>,
    breaker: Breaker,
    metrics: Metrics,
}

impl ShedLayer {
    /// Lets at most so many calls be under way at once, and none while the breaker is open.
    pub fn new(max_in_flight: usize, breaker: Breaker, metrics: Metrics) -> Self {
        Self { places: Arc::new(Places::new(max_in_flight)), breaker, metrics }
    }

    /// Forgets the clients whose calls have long gone well, or not come at all.
    pub(super) fn forget(&self) {
        self.breaker.forget(Instant::now());
    }
}

impl<S> Layer<S> for ShedLayer {
    type Service = Shed<S>;

    fn layer(&self, inner: S) -> Shed<S> {
        let Self { places, breaker, metrics } = self.clone();
        Shed { places, breaker, metrics, inner }
    }
}

/// Gives each permitted call a place, or refuses it at once.
#[derive(Clone, Debug)]
pub struct Shed<S> {
    places: Arc<Places>,
    breaker: Breaker,
    metrics: Metrics,
    inner: S,
}

impl<S> Service<Decided> for Shed<S>
where
    S: Service<Decided, Response = Response<Body>, Error = Refusal>,
{
    type Response = Response<Body>;
    type Error = Refusal;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut decided: Decided) -> S::Future {
        let shedding = decided.normalised.call.caller.trace.stage(Stage::Shed);
        if needs_directus(&decided) {
            match self.passage(&decided.normalised.call.caller.principal.name) {
                Ok(passage) => decided.passage = Some(passage),
                Err((cause, retry_after)) => {
                    decided.refusal = Some(Refusal::Busy { to: decided.to.clone(), cause, retry_after });
                }
            }
        }
        drop(shedding);
        self.inner.call(decided)
    }
}

impl<S> Shed<S> {
    fn passage(&self, client: &str) -> Result<Passage, (Busy, Duration)> {
        let place = self.places.take(client).map_err(|cause| (cause, SOON))?;
        let ticket = self.breaker.ask(client, Instant::now())?;
        Ok(Passage { ticket, _place: place, _counted: self.metrics.under_way() })
    }
}

/// A place among the calls under way, and what the breaker is told of how the call went. It is given back when it is dropped.
#[derive(Debug)]
pub struct Passage {
    ticket: Ticket,
    _place: Place,
    _counted: Held,
}

impl Passage {
    /// Tells the breaker whether Directus has answered.
    pub(super) fn tell(&mut self, answer: &Result<Response<Body>, Refusal>) {
        self.ticket.tell(answer, Instant::now());
    }
}

/// Whether a call would go on to Directus: it is permitted, and the gateway does not answer it itself.
fn needs_directus(decided: &Decided) -> bool {
    match &decided.decision.verdict {
        Verdict::Permit(permit) => decided.refusal.is_none() && !is_local(permit),
        Verdict::Deny(..) => false,
    }
}

fn is_local(permit: &Permit) -> bool {
    let replaced = permit.obligations.iter().any(|one| matches!(one, Obligation::ReplacePrompt(_)));
    replaced || matches!(permit.meaning, Meaning::Protocol(Protocol::Ping | Protocol::Notification))
}
