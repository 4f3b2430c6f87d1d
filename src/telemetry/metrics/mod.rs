//! What is counted and timed, for Prometheus.
//!
//! [`catalogue`] has every name. The stages of the path call the functions of [`Metrics`]; the trail and the listener keep meters of
//! their own ([`Commits`], [`Connections`]), which are registered beside. A label never holds what a client has written: roles are
//! those of the policies, tools those that are known, and all else is one of a closed list of words.

pub mod catalogue;
mod labels;
mod meters;

pub use labels::{CallLabels, Calls};
pub(crate) use meters::Held;
pub use meters::{Commits, Connections};

use self::catalogue as named;
use crate::audit::entry::OutcomeWord;
use catalogue::Described;
use labels::{Ended, Reason, Roles};
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};
use std::sync::Arc;
use std::time::Duration;

/// Upper bounds in seconds, for what waits for a disk or a network.
const WAITS: [f64; 16] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// Upper bounds in seconds, for what only computes.
const COMPUTES: [f64; 9] = [1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 1e-4, 2.5e-4, 1e-3, 1e-2];

/// What the path counts. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<Counted>);

#[derive(Debug)]
struct Counted {
    calls: Family<Ended, Counter>,
    refusals: Family<Reason, Counter>,
    strangers: Family<Reason, Counter>,
    call_seconds: Histogram,
    decision_seconds: Histogram,
    upstream_seconds: Histogram,
    under_way: Gauge,
    roles: Roles,
}

impl Default for Counted {
    fn default() -> Self {
        Self {
            calls: Family::default(),
            refusals: Family::default(),
            strangers: Family::default(),
            call_seconds: Histogram::new(WAITS),
            decision_seconds: Histogram::new(COMPUTES),
            upstream_seconds: Histogram::new(WAITS),
            under_way: Gauge::default(),
            roles: Roles::default(),
        }
    }
}

impl Metrics {
    /// Nothing is counted yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The labels of a call, to be kept until it has ended.
    pub fn labels(&self, call: &Calls<'_>) -> CallLabels {
        CallLabels::of(call, &self.0.roles)
    }

    /// A call has ended; `reason` is the code of what it was refused for.
    pub fn called(
        &self,
        labels: &CallLabels,
        outcome: OutcomeWord,
        reason: Option<&'static str>,
        took: Duration,
    ) {
        let ended = Ended { call: labels.clone(), outcome: outcome.as_str() };
        self.0.calls.get_or_create(&ended).inc();
        self.0.call_seconds.observe(took.as_secs_f64());
        if let Some(reason) = reason {
            self.0.refusals.get_or_create(&Reason { reason }).inc();
        }
    }

    /// A call is under way, until what is returned is dropped.
    pub(crate) fn under_way(&self) -> Held {
        Held::by(&self.0.under_way)
    }

    /// The policies have decided.
    pub fn decided(&self, took: Duration) {
        self.0.decision_seconds.observe(took.as_secs_f64());
    }

    /// Directus has answered, or has not and was given up.
    pub fn asked_upstream(&self, took: Duration) {
        self.0.upstream_seconds.observe(took.as_secs_f64());
    }

    /// Somebody without a valid credential was turned away.
    pub fn stranger(&self, reason: &'static str) {
        self.0.strangers.get_or_create(&Reason { reason }).inc();
    }

    /// Has a registry show them.
    pub fn register(&self, registry: &mut Registry) {
        let counted = &self.0;
        register(registry, &named::CALLS, counted.calls.clone());
        register(registry, &named::CALL_SECONDS, counted.call_seconds.clone());
        register(registry, &named::UNDER_WAY, counted.under_way.clone());
        register(registry, &named::REFUSALS, counted.refusals.clone());
        register(registry, &named::STRANGERS, counted.strangers.clone());
        register(registry, &named::DECISION_SECONDS, counted.decision_seconds.clone());
        register(registry, &named::UPSTREAM_SECONDS, counted.upstream_seconds.clone());
    }
}

/// All that a registry has, as text in the format that `accept` announces.
pub fn encode(registry: &Registry) -> String {
    let mut all = String::new();
    // Only writing to the text could fail, and it does not.
    let _ = text::encode(&mut all, registry);
    all
}

fn register(registry: &mut Registry, described: &Described, metric: impl Metric) {
    registry.register(described.name, described.help, metric);
}
