//! Traces, as a collector gets them.

use super::{PATIENCE, Watched};
use crate::support::process::eventually;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Attribute;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use warrener::telemetry::trace::Stage;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// A collector that keeps what it gets.
struct Collector {
    url: String,
    bodies: Arc<Mutex<Vec<Bytes>>>,
    /// What came in the header that a collector of others may want.
    keys: Arc<Mutex<BTreeSet<String>>>,
    /// Closed, it takes requests and answers none.
    gate: Arc<Semaphore>,
}

impl Collector {
    async fn start() -> Self {
        let collector = Self::closed().await;
        collector.open();
        collector
    }

    async fn closed() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let bodies: Arc<Mutex<Vec<Bytes>>> = Arc::default();
        let keys: Arc<Mutex<BTreeSet<String>>> = Arc::default();
        let gate = Arc::new(Semaphore::new(0));
        let shared = (bodies.clone(), keys.clone(), gate.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = shared.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let (keep, keys, gate) = shared.clone();
                    async move {
                        let _open = gate.acquire().await.unwrap();
                        if let Some(key) = request.headers().get("x-api-key") {
                            keys.lock().unwrap().insert(key.to_str().unwrap().to_owned());
                        }
                        assert_eq!(request.uri().path(), "/v1/traces");
                        assert_eq!(request.headers()["content-type"], "application/x-protobuf");
                        let body = request.into_body().collect().await.unwrap().to_bytes();
                        keep.lock().unwrap().push(body);
                        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
                    }
                });
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { url, bodies, keys, gate }
    }

    fn open(&self) {
        self.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    }

    /// What every batch says of its sender.
    fn senders(&self) -> BTreeMap<String, String> {
        let bodies = self.bodies.lock().unwrap().clone();
        let requests = bodies.into_iter().map(|body| ExportTraceServiceRequest::decode(body).unwrap());
        let resources = requests.flat_map(|request| request.resource_spans).filter_map(|one| one.resource);
        resources.flat_map(|resource| texts(&resource.attributes)).collect()
    }

    fn spans(&self) -> Vec<Span> {
        let bodies = self.bodies.lock().unwrap().clone();
        let requests = bodies.into_iter().map(|body| ExportTraceServiceRequest::decode(body).unwrap());
        let resources = requests.flat_map(|request| request.resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }

    /// The spans of the trace of that id, once that of the call is there.
    async fn trace(&self, id: &str) -> Vec<Span> {
        let of =
            || -> Vec<Span> { self.spans().into_iter().filter(|span| hex(&span.trace_id) == id).collect() };
        eventually(PATIENCE, "the trace is there", async || of().iter().any(|span| span.name == "call"))
            .await;
        of()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

fn settings(otlp: &str, sample: f64) -> String {
    format!("version: 1\ntelemetry: {{otlp: '{otlp}', sample: {sample}}}\n")
}

fn read() -> Value {
    json!({"name": "items", "arguments": {"action": "read", "collection": "articles", "query": {"fields": ["id"], "limit": 1}, "keys": [1]}})
}

fn attributes(span: &Span) -> BTreeMap<String, String> {
    texts(&span.attributes)
}

fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Attribute| {
        let Attribute::StringValue(text) = value else { panic!("{value:?}") };
        text.clone()
    };
    let all = attributes.iter();
    all.map(|one| (one.key.clone(), text(one.value.as_ref().unwrap().value.as_ref().unwrap()))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_one_trace_from_its_client_to_directus() {
    let collector = Collector::start().await;
    let watched = Watched::with(&settings(&collector.url, 0.0), &[]).await;
    let mut request = watched.client.message("tools/call", &read());
    request.headers_mut().insert("traceparent", format!("00-{TRACE}-{PARENT}-01").parse().unwrap());
    assert_eq!(watched.client.send(request).await.status, 200);

    let spans = collector.trace(TRACE).await;
    let names: BTreeSet<&str> = spans.iter().map(|span| &*span.name).collect();
    let stages: BTreeSet<&str> = Stage::ALL.into_iter().map(Stage::as_str).chain(["call"]).collect();
    assert_eq!(names, stages);
    let [whole] = spans.iter().filter(|span| span.name == "call").collect::<Vec<_>>()[..] else {
        panic!("one span of the call: {spans:#?}")
    };
    assert_eq!(hex(&whole.parent_span_id), PARENT);
    let said = attributes(whole);
    assert!(said["warrener.call"].parse::<uuid::Uuid>().is_ok());
    for (name, expect) in [
        ("role", "content-editor"),
        ("tool", "items"),
        ("action", "read"),
        ("decision", "permit"),
        ("outcome", "ok"),
    ] {
        assert_eq!(said[&*format!("warrener.{name}")], expect);
    }
    assert_eq!(said.len(), 6, "{said:?}");
    for stage in spans.iter().filter(|span| span.name != "call") {
        assert_eq!(stage.parent_span_id, whole.span_id, "{}", stage.name);
        assert!(stage.attributes.is_empty(), "{stage:?}");
        assert!(stage.start_time_unix_nano <= stage.end_time_unix_nano, "{stage:?}");
        // The clock of the machine is asked in two ways, which may differ by a little.
        assert!(stage.start_time_unix_nano + 1_000_000 >= whole.start_time_unix_nano, "{stage:?}");
    }
    let forward = spans.iter().find(|span| span.name == "forward").unwrap();
    let told = format!("00-{TRACE}-{}-01", hex(&forward.span_id));
    assert_eq!(watched.upstream.traces(), [Some(told)], "Directus is told of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trace_is_that_of_the_header_or_of_the_message_and_of_nothing_that_does_not_fit() {
    let collector = Collector::start().await;
    let watched = Watched::with(&settings(&collector.url, 0.0), &[]).await;
    let good = format!("00-{TRACE}-{PARENT}-01");
    let sampled_out = format!("00-{TRACE}-{PARENT}-00");
    let other = format!("00-{}-{PARENT}-01", TRACE.replace('4', "5"));
    // Headers, `_meta`, and what Directus is told: the trace that was said, another, and whether it is kept.
    for (headers, meta, expect) in [
        (&[&*good][..], None, (true, "01")),
        (&[], Some(&*good), (true, "01")),
        (&[&*good], Some(&*other), (true, "01")),
        (&[&*sampled_out], None, (true, "00")),
        (&[&*good, &*good], None, (false, "00")),
        (&["00-zz-zz-01"], Some(&*good), (false, "00")),
        (&[], Some("00-\r\nx-y: z"), (false, "00")),
        (&[], None, (false, "00")),
    ] {
        let mut call = read();
        if let Some(meta) = meta {
            call["_meta"] = json!({ "traceparent": meta });
        }
        let mut request = watched.client.message("tools/call", &call);
        for header in headers {
            request.headers_mut().append("traceparent", header.parse().unwrap());
        }
        assert_eq!(watched.client.send(request).await.status, 200);
        let told = watched.upstream.traces().pop().unwrap().unwrap();
        assert_eq!((told.contains(TRACE), told.get(53..).unwrap()), expect, "{headers:?} {meta:?}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_client_writes_is_in_a_span() {
    let collector = Collector::start().await;
    let watched = Watched::with(&settings(&collector.url, 1.0), &[]).await;
    for call in [
        json!({"name": "items", "arguments": {"action": "create", "collection": "articles", "data": [{"title": "title-x", "password": "hunter2"}]}}),
        json!({"name": "invented-tool\u{7}", "arguments": {"password": "hunter2"}}),
        json!({"name": "items", "arguments": {"action": "read", "collection": "invented-collection"}}),
    ] {
        watched.client.rpc("tools/call", call).await;
    }
    watched.client.rpc("invented/method", json!({})).await;
    let wholes = || collector.spans().iter().filter(|span| span.name == "call").count();
    eventually(PATIENCE, "each call has a span", async || wholes() == 4).await;
    let bodies = collector.bodies.lock().unwrap().concat();
    let text = String::from_utf8_lossy(&bodies);
    for written in
        ["title-x", "hunter2", "invented", "articles", "upstream-secret-token", watched.client.key(), "desk"]
    {
        assert!(!text.contains(written), "`{written}` is in a span");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_collector_wants_of_its_clients_comes_from_the_usual_variables() {
    let collector = Collector::start().await;
    let environment = [
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=of-the-collector"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging"),
    ];
    let watched = Watched::with(&settings(&collector.url, 1.0), &environment).await;
    assert_eq!(watched.client.rpc("tools/call", read()).await.status, 200);
    eventually(PATIENCE, "spans are there", async || !collector.spans().is_empty()).await;
    assert_eq!(*collector.keys.lock().unwrap(), BTreeSet::from(["of-the-collector".to_owned()]));
    let said = collector.senders();
    assert_eq!(said["service.name"], "warrener");
    assert_eq!(said["deployment.environment.name"], "staging");
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_that_find_no_room_are_lost_and_later_ones_are_told() {
    let collector = Collector::closed().await;
    let settings = settings(&collector.url, 1.0) + "limits: {arrivals: 100000}\n";
    let watched = Watched::with(&settings, &[]).await;
    // Each of them has more than five spans.
    for _ in 0..20 {
        let calls = (0..100).map(|_| watched.client.rpc("ping", json!({})));
        let replies = futures_util::future::join_all(calls).await;
        assert!(replies.iter().all(|reply| reply.status == 200));
    }
    collector.open();
    eventually(PATIENCE, "a later trace is there", async || {
        let mut request = watched.client.message("tools/call", &read());
        request.headers_mut().insert("traceparent", format!("00-{TRACE}-{PARENT}-01").parse().unwrap());
        assert_eq!(watched.client.send(request).await.status, 200);
        collector.spans().iter().any(|span| hex(&span.trace_id) == TRACE)
    })
    .await;
    // What waits is 4,096 spans, and a batch of 512 is under way.
    let before = collector.spans().into_iter().filter(|span| hex(&span.trace_id) != TRACE).count();
    assert!((1..=4096 + 2 * 512).contains(&before), "{before} of more than 10,000");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_gone_or_hangs_holds_nothing_up() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    drop(gone);
    // It takes connections, and never answers.
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hangs = hanging.local_addr().unwrap();
    for address in [address, hangs] {
        let settings = settings(&format!("http://{address}"), 1.0) + "limits: {arrivals: 100000}\n";
        let mut watched = Watched::with(&settings, &[]).await;
        // Much more than what waits to be sent.
        let calls = (0..1000).map(|_| watched.client.rpc("ping", json!({})));
        let replies = futures_util::future::join_all(calls).await;
        assert!(replies.iter().all(|reply| reply.status == 200));
        let began = Instant::now();
        assert_eq!(watched.client.rpc("tools/call", read()).await.status, 200);
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        watched.gateway.process.terminate();
        assert!(
            watched.gateway.process.ended(PATIENCE).await.success(),
            "nor does it keep the gateway from ending"
        );
    }
}
