//! The path of a request: one tower layer for each stage, in the order in which a request meets them.
//!
//! Each stage makes the *type* that the next one takes, so a stage that is left out or out of order does not compile. Between
//! [`identify`] and [`record`] no stage answers: what is refused there goes on, to be recorded.
//!
//! ```
//! use tower::Service;
//! use warrener::path::decide::Decided;
//! use warrener::path::{forward::Forward, inspect::Inspect, limit::Limit, record::Record, shed::Shed};
//! use warrener::upstream::Upstream;
//!
//! fn takes<Request, Stage: Service<Request>>() {}
//! takes::<Decided, Shed<Limit<Record<Inspect<Forward<Upstream>>>>>>();
//! ```
//!
//! The same without [`record`]:
//!
//! ```compile_fail
//! use tower::Service;
//! use warrener::path::decide::Decided;
//! use warrener::path::{forward::Forward, inspect::Inspect, limit::Limit, record::Record, shed::Shed};
//! use warrener::upstream::Upstream;
//!
//! fn takes<Request, Stage: Service<Request>>() {}
//! takes::<Decided, Shed<Limit<Inspect<Forward<Upstream>>>>>();
//! ```

mod collapse;
pub mod decide;
pub mod decode;
pub mod forward;
pub mod identify;
pub mod inspect;
pub mod limit;
pub mod normalise;
pub mod record;
mod refusal;
pub mod reply;
pub mod shed;
mod strangers;

pub use forward::Endpoint;
pub use refusal::{Addressee, Refusal, Side};

use crate::accept::{Body, Drain};
use crate::audit::trail::Trail;
use crate::config::{KeptArguments, Limits};
use crate::identity::{Stops, Ways};
use crate::policy::PolicySet;
use crate::telemetry::Clock;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::trace::Traces;
use crate::upstream::{Reply, SchemaCache, UpstreamError};
use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceBuilder};

/// How often what was counted is written, and what is no longer needed forgotten.
const HOUSEKEEPING: Duration = Duration::from_secs(1);

/// Everything that the path is made of. The parts arrive built: nothing is configured while the path is composed.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Who may come in, and how.
    pub ways: Arc<Ways>,
    /// The active policies; a call is decided by those that are active when it is decided.
    pub policies: Arc<ArcSwap<PolicySet>>,
    /// Whose calls are stopped.
    pub stops: Arc<Stops>,
    /// The schema that accesses are told by.
    pub schema: Arc<SchemaCache>,
    /// Where everything is recorded.
    pub trail: Trail,
    /// What is kept of a call's arguments.
    pub arguments: KeptArguments,
    /// Where Directus' endpoint is.
    pub endpoint: Arc<dyn Endpoint>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// What the gateway bears.
    pub limits: Limits,
    /// Refuses calls at once while Directus is down.
    pub breaker: shed::Breaker,
    /// The way out: calls under way are finished and recorded.
    pub drain: Drain,
    /// Where calls are counted.
    pub metrics: Metrics,
    /// Where spans of calls go.
    pub traces: Traces,
}

/// The whole path of a request, outermost stage first.
///
/// `upstream` sends a request to Directus. With the stack comes its housekeeping, a task of the drain's.
pub fn stack<U>(parts: Parts, upstream: U) -> BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>
where
    U: Service<Request<Full<Bytes>>, Response = Reply, Error = UpstreamError> + Clone + Send + Sync + 'static,
    U::Future: Send,
{
    let Parts {
        ways,
        policies,
        stops,
        schema,
        trail,
        arguments,
        endpoint,
        clock,
        limits,
        breaker,
        drain,
        metrics,
        traces,
    } = parts;
    let strangers = Arc::new(strangers::Strangers::new(limits.strangers, metrics.clone()));
    let recorder = record::Recorder::new(
        trail.clone(),
        clock.clone(),
        arguments,
        drain.tasks().clone(),
        metrics.clone(),
    )
    .within(limits.call_timeout);
    let recorder = Arc::new(recorder);
    let limit = limit::LimitLayer::new();
    let shed = shed::ShedLayer::new(limits.max_in_flight, breaker.clone(), metrics.clone());
    let challenge = ways.challenge();
    let identify = identify::IdentifyLayer::new(ways, strangers.clone(), clock, &limits);
    let kept = Kept { strangers, identify: identify.clone(), shed: shed.clone(), limit: limit.clone() };
    let housekeeping = keep_house(kept, recorder.clone(), trail, drain.clone());
    drain.keepers().spawn(housekeeping);
    let stages = ServiceBuilder::new()
        // Outermost, since every stage below may refuse.                              Refusal    -> Response
        .layer(reply::ReplyLayer::new(challenge))
        // Before anything is read: a stranger costs no parsing.                       Request    -> Identified
        .layer(identify)
        // One strict reading of the bytes; nothing below sees them.                   Identified -> Call
        .layer(decode::DecodeLayer::new(limits.body_bytes, drain.tasks().clone(), traces))
        // What the message would do, told by the schema.                              Call       -> Normalised
        .layer(normalise::NormaliseLayer::new(endpoint.dialect(), schema.clone(), breaker))
        // Pure: whether it may, and in which form.                                    Normalised -> Decided
        .layer(decide::DecideLayer::new(policies, stops, metrics.clone()))
        // After the decision, so that a denied call is answered the same under load; before
        // the limits, since what is shed uses up no quota.                            Decided    -> Decided
        .layer(shed)
        // After the decision, since only permitted calls use up a quota.              Decided    -> Decided
        .layer(limit)
        // Below all that may refuse, so that every refusal is recorded, and above
        // all that acts, so that nothing is done without an intent on the disk.       Decided    -> Permitted
        .layer(record::RecordLayer::new(recorder))
        // Sees every answer of Directus before the client does.                       Permitted  -> Permitted
        .layer(inspect::InspectLayer::new(endpoint.dialect(), limits.inspect_bytes))
        // Writes the request anew; the client's own ends here.                        Permitted  -> Request
        .layer(forward::ForwardLayer::new(endpoint, schema, metrics))
        .service(upstream);
    BoxCloneSyncService::new(stages)
}

/// The service that was polled ready, for a future to take along; a clone, which was not, stays in its place.
fn take_ready<S: Clone>(service: &mut S) -> S {
    let fresh = service.clone();
    std::mem::replace(service, fresh)
}

/// What remembers who has called, and forgets who has not for a while.
struct Kept {
    strangers: Arc<strangers::Strangers>,
    identify: identify::IdentifyLayer,
    shed: shed::ShedLayer,
    limit: limit::LimitLayer,
}

/// Writes what was counted in the minutes that have ended, and all of it once nothing is under way any more.
async fn keep_house(kept: Kept, recorder: Arc<record::Recorder>, trail: Trail, drain: Drain) {
    // What is refused while the gateway ends is counted like any other.
    let over = drain.over();
    loop {
        let ending = over.run_until_cancelled(tokio::time::sleep(HOUSEKEEPING)).await.is_none();
        let mut entries = kept.strangers.to_record(ending);
        entries.extend(recorder.to_record(ending));
        for entry in entries {
            if let Err(error) = trail.submit(entry).await {
                tracing::error!(%error, "a count of refused requests is not recorded");
            }
        }
        kept.identify.forget();
        kept.shed.forget();
        kept.limit.forget();
        if ending {
            return;
        }
    }
}
