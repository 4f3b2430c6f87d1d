//! The metrics on a listener of their own: what was counted, and what is looked up when somebody asks.

use super::error::GatewayError;
use super::live::Reloads;
use crate::accept::{self, Drain, Hosts, Scrape};
use crate::audit::trail::Trail;
use crate::config::{Listen, MetricsListen};
use crate::identity::{Standing, Stops};
use crate::path::Parts;
use crate::path::shed::Breaker;
use crate::policy::PolicySet;
use crate::telemetry::metrics::catalogue::{self as named, Described};
use crate::telemetry::metrics::encode;
use crate::upstream::SchemaCache;
use arc_swap::ArcSwap;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Most connections of those who watch, at once.
const WATCHERS: usize = 16;

/// Everything that the listener of the metrics needs.
#[derive(Debug)]
pub(super) struct Measures {
    listener: TcpListener,
    registry: Registry,
    hosts: Hosts,
}

impl Measures {
    /// Listens for those who ask for the metrics of a gateway that is made of these parts.
    pub(super) async fn open(
        listen: &MetricsListen,
        parts: &Parts,
        counted: &accept::Connections,
        reloads: Option<Arc<Reloads>>,
    ) -> Result<Self, GatewayError> {
        let address = listen.address;
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|cause| GatewayError::Metrics { address, cause })?;
        let mut registry = Registry::default();
        parts.metrics.register(&mut registry);
        parts.trail.meters().register(&mut registry);
        counted.register(&mut registry);
        registry.register_collector(Box::new(LookedUp {
            trail: parts.trail.clone(),
            policies: parts.policies.clone(),
            schema: parts.schema.clone(),
            stops: parts.stops.clone(),
            breaker: parts.breaker.clone(),
            reloads,
            started: Duration::from_micros(u64::try_from(parts.clock.micros()).unwrap_or_default()),
        }));
        let hosts = Hosts::of(&Listen { address, ..Listen::default() });
        Ok(Self { listener, registry, hosts })
    }

    /// Tells them until the drain begins, which is a drain of their own: they are told until the last call has ended.
    pub(super) async fn serve(self, drain: Drain) {
        let Self { listener, registry, hosts } = self;
        if let Ok(address) = listener.local_addr() {
            tracing::info!(url = %format_args!("http://{address}/metrics"), "metrics are told");
        }
        let scrape = Scrape::new(Arc::new(move || encode(&registry)), hosts);
        let drain_timeout = Duration::from_secs(1);
        let options = accept::Options { connections: WATCHERS, drain_timeout, ..accept::Options::default() };
        accept::serve(listener, scrape, options, drain).await;
    }
}

/// What nobody counts, since it is there to be looked up.
#[derive(Debug)]
struct LookedUp {
    trail: Trail,
    policies: Arc<ArcSwap<PolicySet>>,
    schema: Arc<SchemaCache>,
    stops: Arc<Stops>,
    breaker: Breaker,
    reloads: Option<Arc<Reloads>>,
    /// Since 1970.
    started: Duration,
}

impl Collector for LookedUp {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let to = &mut encoder;
        gauge(to, &named::TRAIL_BYTES, int(self.trail.size()))?;
        gauge(to, &named::TRAIL_FAILING, i64::from(self.trail.is_failing()))?;
        info(to, &named::POLICY, self.policies.load().revision())?;
        self.reloads(to)?;
        if let Some(age) = self.schema.age() {
            ConstGauge::new(age.as_secs_f64()).encode(described(
                to,
                &named::SCHEMA_AGE,
                MetricType::Gauge,
            )?)?;
        }
        let (stops, unknown) = match self.stops.standing().as_ref() {
            Standing::Known(file) => (file.stops().len(), 0),
            Standing::Unknown(_) => (0, 1),
        };
        gauge(to, &named::STOPS, i64::try_from(stops).unwrap_or(i64::MAX))?;
        gauge(to, &named::STOPS_UNKNOWN, unknown)?;
        gauge(to, &named::BREAKER_OPEN, i64::from(!self.breaker.is_closed()))?;
        info(to, &named::BUILD, env!("CARGO_PKG_VERSION"))?;
        ConstGauge::new(self.started.as_secs_f64()).encode(described(to, &named::START, MetricType::Gauge)?)
    }
}

impl LookedUp {
    fn reloads(&self, to: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let reloads = self.reloads.as_deref();
        let behind = reloads.is_some_and(Reloads::is_behind);
        gauge(to, &named::POLICY_BEHIND, i64::from(behind))?;
        let mut metric = described(to, &named::RELOADS, MetricType::Counter)?;
        let taken = reloads.map_or(0, Reloads::taken);
        let refused = reloads.map_or(0, Reloads::refused);
        for (word, count) in [("taken", taken), ("refused", refused)] {
            ConstCounter::new(count).encode(metric.encode_family(&[("result", word)])?)?;
        }
        Ok(())
    }
}

fn described<'a>(
    to: &'a mut DescriptorEncoder<'_>,
    described: &'a Described,
    kind: MetricType,
) -> Result<prometheus_client::encoding::MetricEncoder<'a>, fmt::Error> {
    let help = format!("{}.", described.help);
    to.encode_descriptor(described.name, &help, None, kind)
}

fn gauge(to: &mut DescriptorEncoder<'_>, metric: &Described, value: i64) -> fmt::Result {
    ConstGauge::new(value).encode(described(to, metric, MetricType::Gauge)?)
}

fn info(to: &mut DescriptorEncoder<'_>, metric: &Described, value: &str) -> fmt::Result {
    let label = metric.labels.first().copied().unwrap_or("value");
    described(to, metric, MetricType::Info)?.encode_info(&[(label, value)])
}

fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
