//! Spans to a collector, over the gateway's own HTTP client. They wait in a queue that is bounded; what it has no room for is dropped.

use crate::accept::{BoxError, whole};
use crate::upstream::{SetupError, Upstream, UpstreamOptions};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use url::Url;

/// Most spans that wait to be sent.
const QUEUE: usize = 4096;

/// Most spans that are sent together.
const BATCH: usize = 512;

/// How long spans wait for others.
const GATHER: Duration = Duration::from_secs(1);

/// How long a collector may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest answer of a collector that is read, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Where OTLP over HTTP puts traces.
const TRACES: &str = "/v1/traces";

/// A collector of traces, and what part of them it gets.
#[derive(Debug)]
pub struct Collector {
    exporter: SpanExporter,
    sample: f64,
}

/// Why there is no collector.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// Its address, or what is needed to reach it.
    #[error("`telemetry.otlp` cannot be reached")]
    Client(#[from] SetupError),
    /// The exporter does not take the address.
    #[error("`telemetry.otlp` is not an address of a collector")]
    Exporter(#[source] BoxError),
}

impl Collector {
    /// At that address, such as `http://127.0.0.1:4318`, with that part of the traces that begin here. Has to be called on a runtime.
    ///
    /// # Errors
    /// When the address is none, or its certificate could not be checked.
    pub fn at(url: &Url, sample: f64) -> Result<Self, CollectorError> {
        let options = UpstreamOptions {
            connect_timeout: PATIENCE,
            reply_timeout: PATIENCE,
            read_timeout: PATIENCE,
            ..UpstreamOptions::new(url.clone())
        };
        let client =
            Client { http: Upstream::new(&options)?, runtime: Handle::current(), fails: Arc::default() };
        let mut endpoint = url.clone();
        if matches!(endpoint.path(), "" | "/") {
            endpoint.set_path(TRACES);
        }
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(endpoint)
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(PATIENCE)
            .build()
            .map_err(|error| CollectorError::Exporter(error.into()))?;
        Ok(Self { exporter, sample })
    }

    /// What makes spans and sends them, on a thread of its own.
    pub(super) fn provider(self) -> SdkTracerProvider {
        let queue = BatchConfigBuilder::default()
            .with_max_queue_size(QUEUE)
            .with_max_export_batch_size(BATCH)
            .with_scheduled_delay(GATHER)
            .build();
        let queue = BatchSpanProcessor::builder(self.exporter).with_batch_config(queue).build();
        let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder().with_service_name("warrener").with_attribute(version).build();
        // Whoever began a trace has decided whether it is kept.
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(self.sample)));
        SdkTracerProvider::builder()
            .with_span_processor(queue)
            .with_sampler(sampler)
            .with_resource(resource)
            .build()
    }
}

/// The HTTP client, as the exporter wants it.
#[derive(Clone, Debug)]
struct Client {
    http: Upstream,
    /// The exporter's thread has none.
    runtime: Handle,
    /// Whether the last batch was not taken, which is said once.
    fails: Arc<AtomicBool>,
}

type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for Client {
    fn send_bytes<'a, 'b>(&'a self, request: Request<Bytes>) -> Sending<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        let client = self.clone();
        let sent = self.runtime.spawn(async move { client.send(request).await });
        Box::pin(async move { sent.await? })
    }
}

impl Client {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let sent = self.try_send(request).await;
        let taken = sent.as_ref().is_ok_and(|reply| reply.status().is_success());
        if self.fails.swap(!taken, Ordering::Relaxed) == taken {
            if taken {
                tracing::info!("the collector takes traces again");
            } else {
                let status = sent.as_ref().ok().map(|reply| reply.status().as_u16());
                tracing::warn!(
                    status,
                    "the collector of `telemetry.otlp` does not take traces: they are dropped"
                );
            }
        }
        sent
    }

    async fn try_send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = self.http.send(request.map(Full::new)).await?.into_parts();
        let body = whole(body, LONGEST).await.map_err(|_| "the collector's answer cannot be read")?;
        Ok(Response::from_parts(head, body))
    }
}
