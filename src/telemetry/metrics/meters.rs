//! Meters that belong to one part of the gateway, and are there whether anybody looks at them or not.

use super::catalogue as named;
use super::{WAITS, register};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::time::Duration;

/// What the writer of the trail counts. Clones count together.
#[derive(Clone, Debug)]
pub struct Commits {
    seconds: Histogram,
    batch: Histogram,
    waiting: Gauge,
    last: Gauge,
    entries: Counter,
}

impl Default for Commits {
    fn default() -> Self {
        Self {
            seconds: Histogram::new(WAITS),
            batch: Histogram::new([1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0]),
            waiting: Gauge::default(),
            last: Gauge::default(),
            entries: Counter::default(),
        }
    }
}

impl Commits {
    /// So many entries are on the disk, the last of them at that place of the chain, and it took so long.
    #[expect(clippy::cast_precision_loss, reason = "a batch has a few thousand entries at most")]
    pub(crate) fn wrote(&self, entries: usize, last: i64, took: Duration) {
        self.last.set(last);
        if entries > 0 {
            self.seconds.observe(took.as_secs_f64());
            self.batch.observe(entries as f64);
            self.entries.inc_by(entries as u64);
        }
    }

    /// An entry waits, until what is returned is dropped.
    pub(crate) fn wait(&self) -> Held {
        Held::by(&self.waiting)
    }

    /// Has a registry show them.
    pub(crate) fn register(&self, registry: &mut Registry) {
        register(registry, &named::COMMIT_SECONDS, self.seconds.clone());
        register(registry, &named::BATCH_ENTRIES, self.batch.clone());
        register(registry, &named::WAITING_ENTRIES, self.waiting.clone());
        register(registry, &named::LAST_ENTRY, self.last.clone());
        register(registry, &named::ENTRIES, self.entries.clone());
    }
}

/// One that is counted as long as this is held.
#[derive(Debug)]
pub(crate) struct Held(Gauge);

impl Held {
    pub(super) fn by(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// What the listener counts. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Connections {
    open: Gauge,
    turned_away: Counter,
}

impl Connections {
    /// A connection is open, until what is returned is dropped.
    pub(crate) fn open(&self) -> Held {
        Held::by(&self.open)
    }

    /// There was no room for one.
    pub(crate) fn turn_away(&self) {
        self.turned_away.inc();
    }

    /// Has a registry show them.
    pub(crate) fn register(&self, registry: &mut Registry) {
        register(registry, &named::CONNECTIONS_OPEN, self.open.clone());
        register(registry, &named::CONNECTIONS_TURNED_AWAY, self.turned_away.clone());
    }
}
