//! A stand-in for Directus that counts what reaches it, and can hold a call back.

use super::process::checkout;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

/// The key whose call waits until it is let go.
pub(crate) const HELD: i64 = 77;

/// An upstream on a port of its own; it ends with the test's runtime.
#[derive(Debug)]
pub(crate) struct Upstream {
    url: String,
    shared: Arc<Shared>,
}

/// A tool call that arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The first of its keys.
    pub(crate) key: i64,
    /// SHA-256 of its body.
    pub(crate) digest: Vec<u8>,
    /// The trace that it says it belongs to.
    pub(crate) trace: Option<String>,
}

#[derive(Debug)]
struct Shared {
    /// Each tool call that arrived, in order.
    seen: Mutex<Vec<Seen>>,
    count: watch::Sender<usize>,
    let_go: Notify,
}

impl Upstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared =
            Arc::new(Shared { seen: Mutex::default(), count: watch::Sender::new(0), let_go: Notify::new() });
        tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { url, shared }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Waits until so many tool calls have arrived.
    pub(crate) async fn has_seen(&self, calls: usize) {
        self.shared.count.subscribe().wait_for(|count| *count >= calls).await.unwrap();
    }

    /// The tool calls that have arrived.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// What each of them said of its trace.
    pub(crate) fn traces(&self) -> Vec<Option<String>> {
        self.seen().into_iter().map(|seen| seen.trace).collect()
    }

    /// Lets the call with the key [`HELD`] go.
    pub(crate) fn let_go(&self) {
        self.shared.let_go.notify_one();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(serve(stream, Arc::clone(&shared)));
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| answer(request, Arc::clone(&shared)));
    // A client that is killed breaks its connections off: nothing to report.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let trace = request.headers().get("traceparent").map(|value| value.to_str().unwrap().to_owned());
    let body = match request.into_body().collect().await {
        Ok(body) => body.to_bytes(),
        // A call that was broken off half-way did not reach Directus.
        Err(_) => Bytes::new(),
    };
    let reply = match path.as_str() {
        "/mcp" => return Ok(reply(&mcp(&body, trace, &shared).await)),
        "/server/ping" => return Ok(Response::new(Full::from("pong"))),
        "/collections" | "/fields" | "/relations" => schema(&path),
        _ => {
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::NOT_FOUND;
            return Ok(response);
        }
    };
    Ok(self::reply(&reply))
}

async fn mcp(body: &[u8], trace: Option<String>, shared: &Shared) -> Value {
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    let result = match message["method"].as_str() {
        Some("tools/call") => tool_call(&message, Sha256::digest(body).to_vec(), trace, shared).await,
        _ => json!({}),
    };
    json!({"jsonrpc": "2.0", "id": message["id"], "result": result})
}

async fn tool_call(message: &Value, digest: Vec<u8>, trace: Option<String>, shared: &Shared) -> Value {
    let key = message["params"]["arguments"]["keys"][0].as_i64().unwrap_or_default();
    shared.seen.lock().unwrap().push(Seen { key, digest, trace });
    shared.count.send_modify(|count| *count = count.saturating_add(1));
    if key == HELD {
        shared.let_go.notified().await;
    }
    let text = json!({"raw": [{"id": key}]}).to_string();
    json!({"content": [{"type": "text", "text": text}]})
}

fn schema(path: &str) -> Value {
    let file = checkout(&format!("tests/fixtures/schema{path}.json"));
    let text = std::fs::read_to_string(file).unwrap();
    json!({"data": serde_json::from_str::<Value>(&text).unwrap()})
}

fn reply(json: &Value) -> Response<Full<Bytes>> {
    let body = Full::from(json.to_string());
    Response::builder().header("content-type", "application/json; charset=utf-8").body(body).unwrap()
}
