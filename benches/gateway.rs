//! What the gateway costs: calls per second through the whole path, with a durable trail, and directly.
//!
//! ```sh
//! cargo bench --bench gateway                 # about 40 seconds, in the system's temporary folder
//! TMPDIR=/var/tmp cargo bench --bench gateway # on the disk that counts
//! ```
//!
//! A stand-in for Directus answers every call with the same 1 KB as fast as it can, so what is seen is the gateway and
//! nothing else. Clients call one after the other, each on its connection. All three share the machine's processors.
//! Direct and guarded runs alternate; each figure is the median of three.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench that cannot go on ends, and its figures are for people"
)]

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use warrener::accept::{self, Drain, Readiness, Route};
use warrener::audit::trail::{Trail, TrailOptions};
use warrener::config::{KeptArguments, Limits};
use warrener::directus::SchemaSnapshot;
use warrener::identity::{KeyFile, KeyRing, NewKey, Stops, Ways};
use warrener::path::{Parts, stack};
use warrener::policy::PolicySet;
use warrener::policy::diagnostic::Source;
use warrener::policy::set::GuardrailsFile;
use warrener::telemetry::SystemClock;
use warrener::upstream::{SchemaCache, Upstream, UpstreamOptions};

/// How long each run is measured, after a fifth of that to warm up.
const LENGTH: Duration = Duration::from_millis(2500);
const REPETITIONS: usize = 3;
const ROLE: &str = r#"
version: 1
role: bench
description: Reads content, as the shipped role `reader` does, without its rate limits.
permissions:
  - {id: read-content, collections: ["*", "!directus_*"], actions: [read], max_items: 100}
limits:
  - {id: calls, rate: 1000000/s}
  - {id: parallel, concurrency: 1000}
redact: ["*.password", "*.token"]
"#;

/// A gateway on a port of its own.
struct Gateway {
    address: SocketAddr,
    key: String,
    trail: Trail,
    drain: Drain,
}

/// What one run has shown.
#[derive(Default)]
struct Run {
    rate: f64,
    waits: Vec<Duration>,
    per_commit: f64,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let direct = directus().await;
        let gateway = Gateway::start(direct, folder.path()).await;
        println!(
            "{:>11} {:>13} {:>14} {:>6} {:>14} {:>12} {:>12}",
            "connections", "direct call/s", "through call/s", "ratio", "entries/commit", "+p50 ms", "+p99 ms"
        );
        for connections in [1, 32] {
            compare(direct, &gateway, connections).await;
        }
        gateway.end().await;
    });
}

/// Alternates between the two, so that whatever else the machine does falls on both.
async fn compare(direct: SocketAddr, gateway: &Gateway, connections: usize) {
    let (mut plain, mut guarded) = (Vec::new(), Vec::new());
    for _ in 0..REPETITIONS {
        plain.push(run(direct, "none", connections).await);
        let before = (gateway.trail.entries(), gateway.trail.commits());
        let mut through = run(gateway.address, &gateway.key, connections).await;
        let (entries, commits) = (gateway.trail.entries() - before.0, gateway.trail.commits() - before.1);
        through.per_commit = entries as f64 / commits as f64;
        guarded.push(through);
    }
    let rate = |runs: &[Run]| median(runs.iter().map(|run| run.rate));
    let wait = |runs: &[Run], percent| median(runs.iter().map(|run| percentile(&run.waits, percent)));
    let added = |percent| wait(&guarded, percent) - wait(&plain, percent);
    println!(
        "{connections:>11} {:>13.0} {:>14.0} {:>6.2} {:>14.1} {:>12.2} {:>12.2}",
        rate(&plain),
        rate(&guarded),
        rate(&guarded) / rate(&plain),
        median(guarded.iter().map(|run| run.per_commit)),
        added(50),
        added(99),
    );
}

impl Gateway {
    async fn start(directus: SocketAddr, folder: &Path) -> Self {
        let mut file = KeyFile::default();
        let created = "2026-01-01T00:00:00Z".parse().unwrap();
        let new = NewKey {
            name: "bench".into(),
            role: "bench".into(),
            created,
            expires: None,
            in_url: false,
            token: None,
        };
        let key = file.issue(new).unwrap().expose().to_owned();
        let trail = format!("sqlite://{}", folder.join("trail.db").display());
        let trail = Trail::open(&TrailOptions::new(trail)).await.unwrap();
        let policies =
            PolicySet::load(&[Source::new("bench.yaml", ROLE)], GuardrailsFile::Optional).unwrap().0;
        let url = format!("http://{directus}").parse().unwrap();
        let upstream = Upstream::new(&UpstreamOptions::new(url)).unwrap();
        let drain = Drain::new();
        let parts = Parts {
            ways: Arc::new(Ways::by_key(KeyRing::in_memory(&file, Some("token".to_owned().into())).unwrap())),
            policies: Arc::new(ArcSwap::from_pointee(policies)),
            stops: Arc::new(Stops::none()),
            schema: Arc::new(SchemaCache::fixed(snapshot())),
            trail: trail.clone(),
            arguments: KeptArguments::Masked,
            endpoint: Arc::new(upstream.clone()),
            clock: Arc::new(SystemClock),
            limits: Limits { arrivals: u32::MAX, ..Limits::default() },
            drain: drain.clone(),
        };
        let listener = accept::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let address = listener.local_addr().unwrap();
        let ready: Readiness = Arc::new(|| Box::pin(async { Vec::new() }));
        let route = Route::new(stack(parts, upstream), &[], ready, drain.clone());
        tokio::spawn(accept::serve(listener, route, accept::Options::default(), drain.clone()));
        Self { address, key, trail, drain }
    }

    async fn end(self) {
        self.drain.begin();
        self.drain.finish_tasks(Duration::from_secs(5)).await;
        self.trail.close().await.unwrap();
    }
}

/// Each connection makes one call after the other.
async fn run(address: SocketAddr, key: &str, connections: usize) -> Run {
    let begin = Instant::now() + LENGTH / 5;
    let clients: Vec<_> =
        (0..connections).map(|_| tokio::spawn(client(address, format!("Bearer {key}"), begin))).collect();
    let mut waits = Vec::new();
    for client in clients {
        waits.extend(client.await.unwrap());
    }
    waits.sort_unstable();
    Run { rate: waits.len() as f64 / LENGTH.as_secs_f64(), waits, per_commit: 0.0 }
}

async fn client(address: SocketAddr, bearer: String, begin: Instant) -> Vec<Duration> {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let body = Bytes::from(read());
    let mut waits = Vec::new();
    loop {
        let request = Request::post("/mcp")
            .header("host", "localhost")
            .header("authorization", &bearer)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(Full::new(body.clone()))
            .unwrap();
        sender.ready().await.unwrap();
        let start = Instant::now();
        let reply = sender.send_request(request).await.unwrap();
        assert_eq!(reply.status(), StatusCode::OK);
        let reply = reply.into_body().collect().await.unwrap().to_bytes();
        let end = Instant::now();
        assert_eq!(reply.len(), answer().len(), "a refusal is no measurement");
        if end > begin + LENGTH {
            return waits;
        }
        if start >= begin {
            waits.push(end - start);
        }
    }
}

/// A read of ten articles, about 400 bytes.
fn read() -> String {
    let query = json!({
        "fields": ["id", "title", "slug", "status", "price", "published_on", "date_created"],
        "filter": {"_and": [{"status": {"_eq": "published"}}, {"title": {"_contains": "rabbit"}}]},
        "sort": ["-published_on", "title"],
        "limit": 10,
    });
    let arguments = json!({"action": "read", "collection": "articles", "query": query});
    let params = json!({"name": "items", "arguments": arguments, "_meta": {"progressToken": "0123456789"}});
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string()
}

/// What it is answered with, about 1 KB.
fn answer() -> Bytes {
    static ANSWER: std::sync::OnceLock<Bytes> = std::sync::OnceLock::new();
    let made = || {
        let rows: Vec<_> = (1..=10)
            .map(|id| json!({"id": id, "title": format!("All about rabbits, part {id}"), "status": "published"}))
            .collect();
        let text = json!({"raw": rows}).to_string();
        let result = json!({"content": [{"type": "text", "text": text}]});
        json!({"jsonrpc": "2.0", "id": 1, "result": result}).to_string().into()
    };
    ANSWER.get_or_init(made).clone()
}

/// A stand-in that reads each request to its end and answers all with the same.
async fn directus() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let service = service_fn(|request: Request<Incoming>| async {
                let _ = request.into_body().collect().await;
                let reply = Response::builder().header("content-type", "application/json; charset=utf-8");
                Ok::<_, Infallible>(reply.body(Full::new(answer())).unwrap())
            });
            let serving = hyper::server::conn::http1::Builder::new();
            tokio::spawn(serving.serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

fn snapshot() -> SchemaSnapshot {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/schema");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    SchemaSnapshot::from_rest(&read("collections.json"), &read("fields.json"), &read("relations.json"))
        .unwrap()
}

/// In milliseconds.
fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).map_or(f64::NAN, Duration::as_secs_f64) * 1000.0
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
