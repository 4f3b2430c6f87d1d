//! The trace of a call: a span for the whole of it and one for each stage, sent to a collector by OTLP.
//!
//! A span holds the call's id and the same bounded words as the metrics, and nothing that a client has written. Without a collector there
//! are no spans; which trace a request says it belongs to is kept in the trail, and passed on, all the same.

mod export;
mod parent;

pub use export::{Collector, CollectorError};
pub use parent::TraceParent;

use super::metrics::CallLabels;
use crate::audit::entry::OutcomeWord;
use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanKind, Status, TraceContextExt as _, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, Span};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use uuid::Uuid;

/// How long the end of the gateway waits for the last spans to be taken.
const LAST_SPANS: Duration = Duration::from_secs(2);

/// Makes traces of calls, or does not. Clones make traces for the same collector.
#[derive(Clone, Debug, Default)]
pub struct Traces(Option<Arc<Recording>>);

#[derive(Debug)]
struct Recording {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

/// The trace that one call belongs to, if any.
#[derive(Clone, Default)]
pub struct Trace {
    /// What the request said.
    parent: Option<TraceParent>,
    open: Option<Arc<Open>>,
}

struct Open {
    recording: Arc<Recording>,
    /// The span of the whole call.
    whole: Context,
}

/// Where in the path the time goes: the names of the spans below that of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Who sends it.
    Identify,
    /// Bytes to one message.
    Decode,
    /// Message to accesses, with the wait for the schema.
    Normalise,
    /// The decision.
    Decide,
    /// A place among the calls under way.
    Shed,
    /// Quotas.
    Limit,
    /// The intent or the refusal, until it is on the disk.
    Record,
    /// Checks before, and the answer cut to the role.
    Inspect,
    /// Directus, to the head of its reply.
    Forward,
}

impl Stage {
    /// All of them, in the order of the path.
    pub const ALL: [Self; 9] = [
        Self::Identify,
        Self::Decode,
        Self::Normalise,
        Self::Decide,
        Self::Shed,
        Self::Limit,
        Self::Record,
        Self::Inspect,
        Self::Forward,
    ];

    /// The name of its span.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identify => "identify",
            Self::Decode => "decode",
            Self::Normalise => "normalise",
            Self::Decide => "decide",
            Self::Shed => "shed",
            Self::Limit => "limit",
            Self::Record => "record",
            Self::Inspect => "inspect",
            Self::Forward => "forward",
        }
    }
}

impl Traces {
    /// No spans are made.
    pub fn off() -> Self {
        Self::default()
    }

    /// Spans go to this collector.
    pub fn to(collector: Collector) -> Self {
        let provider = collector.provider();
        let tracer = provider.tracer("warrener");
        Self(Some(Arc::new(Recording { provider, tracer })))
    }

    /// A call has begun, at that time in microseconds since 1970.
    pub fn begin(&self, parent: Option<TraceParent>, at: i64) -> Trace {
        let open = self.0.as_ref().map(|recording| {
            let around = parent.map_or_else(Context::new, |parent| {
                Context::new().with_remote_span_context(parent.context())
            });
            let whole = SpanBuilder::from_name("call").with_kind(SpanKind::Server).with_start_time(time(at));
            let whole = recording.tracer.build_with_context(whole, &around);
            Arc::new(Open { recording: recording.clone(), whole: Context::new().with_span(whole) })
        });
        Trace { parent, open }
    }

    /// Sends what is left, within two seconds.
    pub async fn close(self) {
        let Some(recording) = self.0 else { return };
        let closing = move || recording.provider.shutdown_with_timeout(LAST_SPANS);
        // Spans that are lost at the end are no reason to end badly.
        let _ = tokio::task::spawn_blocking(closing).await;
    }
}

impl Trace {
    /// The id of the trace, in 32 digits; `None` where there is none.
    pub fn id(&self) -> Option<String> {
        let open = self.open.as_ref().map(|open| TraceParent::of(open.whole.span().span_context()));
        open.or(self.parent).map(|parent| parent.trace_id())
    }

    /// A stage has begun; it ends when what is returned is dropped.
    pub fn stage(&self, stage: Stage) -> InStage {
        InStage { span: self.span(stage, None), around: self.clone() }
    }

    /// A stage that has ended already; both in microseconds since 1970.
    pub fn stage_was(&self, stage: Stage, from: i64, to: i64) {
        if let Some(mut span) = self.span(stage, Some(from)) {
            span.end_with_timestamp(time(to));
        }
    }

    fn span(&self, stage: Stage, from: Option<i64>) -> Option<Span> {
        let open = self.open.as_ref().filter(|open| open.whole.span().span_context().is_sampled())?;
        let kind = if stage == Stage::Forward { SpanKind::Client } else { SpanKind::Internal };
        let mut span = SpanBuilder::from_name(stage.as_str()).with_kind(kind);
        span.start_time = from.map(time);
        Some(open.recording.tracer.build_with_context(span, &open.whole))
    }

    /// The call has ended.
    pub fn end(&self, call: Uuid, labels: &CallLabels, outcome: OutcomeWord, reason: Option<&'static str>) {
        let Some(open) = &self.open else { return };
        let whole = open.whole.span();
        if !whole.span_context().is_sampled() {
            return;
        }
        whole.set_attributes([
            KeyValue::new("warrener.call", call.to_string()),
            KeyValue::new("warrener.role", labels.role().to_owned()),
            KeyValue::new("warrener.tool", labels.tool()),
            KeyValue::new("warrener.action", labels.action()),
            KeyValue::new("warrener.decision", labels.decision()),
            KeyValue::new("warrener.outcome", outcome.as_str()),
        ]);
        if let Some(reason) = reason {
            whole.set_attribute(KeyValue::new("warrener.reason", reason));
        }
        // A denial is what the gateway is for, and no error.
        if outcome == OutcomeWord::Failed {
            whole.set_status(Status::error("failed"));
        }
        whole.end();
    }
}

/// A stage that is under way.
pub struct InStage {
    span: Option<Span>,
    around: Trace,
}

impl InStage {
    /// What whoever is asked is told: this stage's span, the call's where no spans are kept, or what the request itself said.
    pub fn parent(&self) -> Option<TraceParent> {
        let own = self.span.as_ref().map(|span| TraceParent::of(span.span_context()));
        let whole =
            || self.around.open.as_ref().map(|open| TraceParent::of(open.whole.span().span_context()));
        own.or_else(whole).or(self.around.parent)
    }
}

impl fmt::Debug for InStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InStage").finish_non_exhaustive()
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").field("id", &self.id()).finish_non_exhaustive()
    }
}

fn time(at: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(u64::try_from(at).unwrap_or_default())
}
