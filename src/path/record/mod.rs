//! Puts the intent on disk before, and the outcome after. The only maker of [`Permitted`].

mod clients;
mod snapshots;
mod subject;
mod told;
mod work;

use super::collapse::Collapse;
use super::decide::Decided;
use super::identify::Caller;
use super::refusal::{Addressee, Refusal};
use crate::accept::Body;
use crate::audit::entry::Entry;
use crate::audit::trail::Trail;
use crate::config::KeptArguments;
use crate::directus::{Meaning, SchemaSnapshot};
use crate::mcp::Id;
use crate::policy::{Check, Obligation, PolicySet};
use crate::telemetry::Clock;
use crate::telemetry::metrics::Metrics;
use bytes::Bytes;
use clients::Clients;
use futures_util::future::BoxFuture;
use http::Response;
use snapshots::Snapshots;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio_util::task::TaskTracker;
pub(super) use told::Items;
use tower::{Layer, Service};
use uuid::Uuid;

/// Proof that a call was identified, decoded, decided, within its limits, and recorded.
///
/// Only this module can make one, and [`forward`](super::forward) takes nothing else. Others can name it and pass it on:
///
/// ```
/// use warrener::path::record::Permitted;
///
/// fn pass_on(permitted: Permitted) -> Permitted {
///     permitted
/// }
/// ```
///
/// But they cannot make one, not even out of another one:
///
/// ```compile_fail
/// use warrener::path::record::Permitted;
///
/// fn other(permitted: Permitted, forward: Permitted) -> Permitted {
///     Permitted { forward: forward.forward, ..permitted }
/// }
/// ```
#[derive(Debug)]
pub struct Permitted {
    /// What joins its entries, and what Directus is told of it.
    pub(super) call: Uuid,
    pub(super) caller: Caller,
    pub(super) meaning: Meaning,
    /// What goes to Directus; `None` where the gateway answers itself.
    pub(super) outgoing: Option<Outgoing>,
    pub(super) to: Addressee,
    /// What has to be done to the answer.
    pub(super) obligations: Vec<Obligation>,
    /// What has to be read, and to come back whole, before the call itself goes on.
    pub(super) checks: Vec<Checked>,
    pub(super) policies: Arc<PolicySet>,
    pub(super) schema: Option<Arc<SchemaSnapshot>>,
    // Nobody outside this module can name this, so nobody can make a `Permitted`.
    _recorded: Recorded,
}

impl Permitted {
    /// The id that the request has, and its answer has to have; what has none is not answered.
    pub(super) fn id(&self) -> Id {
        self.to.id.clone().unwrap_or(Id::Number(0))
    }
}

/// A check, and the permitted read that makes it. It belongs to the call whose intent it is under.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) check: Check,
    pub(super) read: Permitted,
}

/// A request to Directus in the bytes that the intent has the digest of.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    /// With its question mark, or empty.
    pub(super) query_string: &'static str,
    pub(super) body: Bytes,
}

#[derive(Debug)]
struct Recorded;

/// How entries are made and where they go.
#[derive(Debug)]
pub(super) struct Recorder {
    pub(super) trail: Trail,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) arguments: KeptArguments,
    /// The tasks that a shutdown waits for.
    pub(super) tasks: TaskTracker,
    /// How long a call may take.
    pub(super) call_timeout: Duration,
    pub(super) metrics: Metrics,
    clients: Clients,
    snapshots: Snapshots,
    /// The same refusal of the same principal, beyond the first few of a minute.
    repeats: Collapse<subject::Same, Entry>,
}

/// Refusals of one kind that each principal has recorded one by one in a minute; more of them are counted.
const REPEATS_ONE_BY_ONE: u64 = 20;

impl Recorder {
    /// Records to this trail; work that must not be cut off goes on in `tasks`.
    pub(super) fn new(
        trail: Trail,
        clock: Arc<dyn Clock>,
        arguments: KeptArguments,
        tasks: TaskTracker,
        metrics: Metrics,
    ) -> Self {
        let repeats = Collapse::new(REPEATS_ONE_BY_ONE);
        let (clients, snapshots) = (Clients::default(), Snapshots::new());
        let call_timeout = Duration::MAX;
        Self { trail, clock, arguments, tasks, call_timeout, metrics, clients, snapshots, repeats }
    }

    /// The same for calls that take at most so long.
    pub(super) fn within(self, call_timeout: Duration) -> Self {
        Self { call_timeout, ..self }
    }

    /// What was counted in the minutes that have ended.
    pub(super) fn to_record(&self, all: bool) -> Vec<Entry> {
        let ended = self.repeats.ended(tokio::time::Instant::now(), all);
        ended.into_iter().map(super::strangers::counted).collect()
    }
}

/// Layer of [`Record`].
#[derive(Clone, Debug)]
pub struct RecordLayer {
    recorder: Arc<Recorder>,
}

impl RecordLayer {
    pub(super) fn new(recorder: Arc<Recorder>) -> Self {
        Self { recorder }
    }
}

impl<S> Layer<S> for RecordLayer {
    type Service = Record<S>;

    fn layer(&self, inner: S) -> Record<S> {
        Record { recorder: self.recorder.clone(), inner }
    }
}

/// Records, and lets through what is permitted.
#[derive(Clone, Debug)]
pub struct Record<S> {
    recorder: Arc<Recorder>,
    inner: S,
}

impl<S> Service<Decided> for Record<S>
where
    S: Service<Permitted, Response = Response<Body>, Error = Refusal> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Refusal;
    type Future = BoxFuture<'static, Result<Response<Body>, Refusal>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, decided: Decided) -> Self::Future {
        let inner = super::take_ready(&mut self.inner);
        let recorder = self.recorder.clone();
        Box::pin(work::record(recorder, inner, decided))
    }
}
