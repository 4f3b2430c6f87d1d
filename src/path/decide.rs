//! Accesses to a decision. It asks the policies, and whether the caller is stopped, and answers nothing itself.

use super::normalise::Normalised;
use super::refusal::{Addressee, Refusal};
use super::shed::Busy;
use crate::accept::Body;
use crate::directus::{Meaning, Misread};
use crate::identity::Stops;
use crate::mcp::{Era, Incoming, Method, Notification};
use crate::policy::{AccessRequest, Decision, PolicySet, Verdict};
use crate::telemetry::metrics::Metrics;
use crate::telemetry::trace::Stage;
use arc_swap::ArcSwap;
use http::Response;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::time::Instant;
use tower::{Layer, Service};

/// A call and what the policies say of it.
#[derive(Debug)]
pub struct Decided {
    pub(super) normalised: Normalised,
    pub(super) decision: Decision,
    /// The policies that decided.
    pub(super) policies: Arc<PolicySet>,
    /// Why it must not go on; `None` for a permit.
    pub(super) refusal: Option<Refusal>,
    /// Whom to answer.
    pub(super) to: Addressee,
    /// What the limits hold for as long as the call is under way.
    pub(super) slots: Vec<super::limit::Slot>,
    /// Its place among all calls under way; `None` where it needs no Directus.
    pub(super) passage: Option<super::shed::Passage>,
}

/// Layer of [`Decide`].
#[derive(Clone, Debug)]
pub struct DecideLayer {
    policies: Arc<ArcSwap<PolicySet>>,
    stops: Arc<Stops>,
    metrics: Metrics,
}

impl DecideLayer {
    /// Decides by whatever policies are active, and whatever is stopped, when a call comes.
    pub fn new(policies: Arc<ArcSwap<PolicySet>>, stops: Arc<Stops>, metrics: Metrics) -> Self {
        Self { policies, stops, metrics }
    }
}

impl<S> Layer<S> for DecideLayer {
    type Service = Decide<S>;

    fn layer(&self, inner: S) -> Decide<S> {
        let (policies, stops) = (self.policies.clone(), self.stops.clone());
        Decide { policies, stops, metrics: self.metrics.clone(), inner }
    }
}

/// Asks the decision point and passes the answer on.
#[derive(Clone, Debug)]
pub struct Decide<S> {
    policies: Arc<ArcSwap<PolicySet>>,
    stops: Arc<Stops>,
    metrics: Metrics,
    inner: S,
}

impl<S> Service<Normalised> for Decide<S>
where
    S: Service<Decided, Response = Response<Body>, Error = Refusal>,
{
    type Response = Response<Body>;
    type Error = Refusal;
    // No future of its own: the decision is pure.
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, normalised: Normalised) -> S::Future {
        let deciding = normalised.call.caller.trace.stage(Stage::Decide);
        let start = Instant::now();
        // Read once: a call is decided by one revision.
        let decided = decide(normalised, self.policies.load_full(), &self.stops);
        self.metrics.decided(start.elapsed());
        drop(deciding);
        self.inner.call(decided)
    }
}

fn decide(mut normalised: Normalised, policies: Arc<PolicySet>, stops: &Stops) -> Decided {
    let decision = policies.decide(&AccessRequest {
        principal: &normalised.call.caller.principal,
        message: normalised.message(),
        schema: normalised.schema.as_deref(),
    });
    let to = addressee(&normalised);
    // A body that could not be read has a refusal of its own, with the HTTP status that it deserves.
    let unread = match &mut normalised.call.message {
        Ok(_) => None,
        Err(_) => take_refusal(&mut normalised),
    };
    let stopped = stopped(&normalised, stops);
    let refusal = unread.or_else(|| match (&normalised.does, stopped, &decision.verdict) {
        (Err(Misread::UnknownMethod(method)), _, _) => {
            Some(Refusal::Method { to: to.clone(), method: method.clone() })
        }
        (_, Some(why), _) => Some(Refusal::Stopped { to: to.clone(), why }),
        (Err(Misread::NoSchema), None, _) if let Some(retry_after) = normalised.unreached => {
            Some(Refusal::Busy { to: to.clone(), cause: Busy::Unreached, retry_after })
        }
        (_, None, Verdict::Permit(_)) => None,
        (_, None, Verdict::Deny(reason, _)) => {
            Some(Refusal::Denied { to: to.clone(), reason: reason.clone() })
        }
    });
    Decided { normalised, decision, policies, refusal, to, slots: Vec::new(), passage: None }
}

/// Why the call is stopped, if it is. Whatever touches no data goes on, so that clients can connect and show the reason.
fn stopped(normalised: &Normalised, stops: &Stops) -> Option<String> {
    let touches_data = normalised.meaning.as_ref().is_none_or(Meaning::touches_data);
    if touches_data { stops.why(&normalised.call.caller.principal) } else { None }
}

/// Takes the refusal out of a call whose body could not be read.
fn take_refusal(normalised: &mut Normalised) -> Option<Refusal> {
    let empty = Notification { era: Era::default(), method: String::new() };
    let empty = Incoming::Notification(empty);
    std::mem::replace(&mut normalised.call.message, Ok(empty)).err()
}

fn addressee(normalised: &Normalised) -> Addressee {
    match &normalised.call.message {
        Ok(Incoming::Request(request)) => {
            let is_call = request.method == Method::ToolsCall.as_str();
            Addressee { era: request.era, id: Some(request.id.clone()), is_call }
        }
        Ok(Incoming::Notification(_)) | Err(_) => Addressee::default(),
    }
}
