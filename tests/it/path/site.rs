//! The stack on a trail of its own, and an upstream that answers what a test says and keeps what it was asked.

use crate::support::process::checkout;
use crate::support::trail;
use arc_swap::ArcSwap;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::Row as _;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tower::util::BoxCloneSyncService;
use tower::{ServiceExt as _, service_fn};
use warrener::accept::{Body, Client, Drain};
use warrener::audit::trail::{Trail, TrailOptions};
use warrener::config::{KeptArguments, Limits};
use warrener::directus::{Dialect, SchemaSnapshot};
use warrener::identity::{KeyFile, KeyRing, NewKey, Stops, Ways};
use warrener::path::shed::Breaker;
use warrener::path::{Endpoint, Parts, stack};
use warrener::policy::PolicySet;
use warrener::policy::diagnostic::Source;
use warrener::policy::set::GuardrailsFile;
use warrener::telemetry::SystemClock;
use warrener::telemetry::metrics::Metrics;
use warrener::telemetry::trace::Traces;
use warrener::upstream::{Reply, SchemaCache, UpstreamError};

/// What goes upstream in the client's name.
pub(super) const TOKEN: &str = "upstream-token-0123456789";

/// A test that waits longer for an answer has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// The client that the trail knows.
pub(super) const CLIENT: &str = "desk";

/// Where every request comes from, unless a test says otherwise.
pub(super) const ADDRESS: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 40_000);

/// The role of the tests: reads three collections, writes one, deletes nothing.
pub(super) const TESTER: &str = r#"
version: 1
role: tester
description: For tests of the path.
permissions:
  - {id: read, collections: [articles, customers, tags], actions: [read], fields: ["*", "!secret_note"], max_items: 50}
  - {id: write, collections: [articles], actions: [create, update], fields: ["*", "!secret_note"], max_items: 5}
  - {id: model, collections: [directus_collections, directus_fields], actions: [read, create, update]}
forbid:
  - {id: no-deletes, collections: ["*"], actions: [delete], reason: Ask an editor.}
tools: {opaque: [weather]}
prompts: ["public-*"]
"#;

type Stack = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// What an upstream does with a request.
pub(super) type Answer = Arc<dyn Fn(Seen) -> BoxFuture<'static, Result<Reply, UpstreamError>> + Send + Sync>;

/// A request that the upstream has seen.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) method: String,
    pub(super) uri: String,
    /// In the order of their names.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Value,
}

/// What came back to the client.
#[derive(Debug)]
pub(super) struct Came {
    pub(super) status: StatusCode,
    pub(super) headers: http::HeaderMap,
    pub(super) text: String,
}

/// A row of the trail's public view, with the count of the entry behind it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Recorded {
    pub(super) call: String,
    pub(super) principal: String,
    pub(super) role: String,
    pub(super) client_name: Option<String>,
    pub(super) client_version: Option<String>,
    pub(super) client_address: Option<String>,
    pub(super) method: String,
    pub(super) tool: Option<String>,
    pub(super) decision: String,
    pub(super) rule: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) enforced: i64,
    pub(super) outcome: Option<String>,
    pub(super) http_status: Option<u16>,
    pub(super) error_code: Option<String>,
    pub(super) items: Option<u64>,
    pub(super) request_bytes: u64,
    pub(super) response_bytes: Option<u64>,
    pub(super) arguments: Option<String>,
    pub(super) count: u64,
    /// The kinds of the call's entries, in the order in which they were written.
    pub(super) kinds: String,
    /// SHA-256 of the body that came, and of the one that went out, in hex.
    pub(super) received: String,
    pub(super) forwarded: String,
    pub(super) accesses: u64,
}

/// How a site is built.
pub(super) struct Plan {
    pub(super) policies: PolicySet,
    pub(super) schema: Option<SchemaCache>,
    /// Client keys where it is left out, and one that is made for the site.
    pub(super) ways: Option<Ways>,
    pub(super) limits: Limits,
    pub(super) stops: Stops,
    pub(super) dialect: Dialect,
    pub(super) answer: Answer,
}

/// The stack and everything around it.
pub(super) struct Site {
    pub(super) stack: Stack,
    pub(super) key: String,
    pub(super) trail: Trail,
    pub(super) drain: Drain,
    pub(super) schema: Arc<SchemaCache>,
    pub(super) policies: Arc<ArcSwap<PolicySet>>,
    pub(super) stops: Arc<Stops>,
    seen: Arc<Mutex<Vec<Seen>>>,
    folder: TempDir,
}

#[derive(Debug)]
struct Directus(Dialect);

impl Endpoint for Directus {
    fn mcp(&self, query_string: &str) -> Result<Uri, http::Error> {
        Ok(format!("http://directus.test/mcp{query_string}").parse()?)
    }

    fn dialect(&self) -> Dialect {
        self.0
    }
}

static SNAPSHOT: LazyLock<SchemaSnapshot> = LazyLock::new(|| snapshot(&[]));

/// The schema of the fixtures, with other names in it.
pub(super) fn snapshot(renamed: &[(&str, &str)]) -> SchemaSnapshot {
    let [collections, fields, relations] = ["collections", "fields", "relations"].map(|name| {
        let text = std::fs::read_to_string(checkout(&format!("tests/fixtures/schema/{name}.json"))).unwrap();
        renamed.iter().fold(text, |text, (old, new)| text.replace(old, new))
    });
    SchemaSnapshot::from_rest(&collections, &fields, &relations).unwrap()
}

impl Plan {
    /// The role of the tests, the schema of the fixtures, and an upstream that has read one article.
    pub(super) fn new() -> Self {
        Self {
            policies: policies(TESTER),
            schema: None,
            ways: None,
            limits: Limits::default(),
            stops: Stops::none(),
            dialect: Dialect::BuiltIn,
            answer: one_article(),
        }
    }

    pub(super) fn with_role(mut self, more: &str) -> Self {
        self.policies = policies(&format!("{TESTER}{more}"));
        self
    }

    pub(super) fn answering<F>(mut self, answer: F) -> Self
    where
        F: Fn(Seen) -> BoxFuture<'static, Result<Reply, UpstreamError>> + Send + Sync + 'static,
    {
        self.answer = Arc::new(answer);
        self
    }

    /// An upstream that answers every request with the same result.
    pub(super) fn with_result(self, result: &Value) -> Self {
        let result = result.clone();
        self.answering(move |seen| {
            let message = json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": result});
            Box::pin(async move {
                Ok(reply(StatusCode::OK, "application/json; charset=utf-8", message.to_string()))
            })
        })
    }

    pub(super) async fn start(self) -> Site {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("trail.db").display());
        let patience = Duration::from_millis(300);
        let options = TrailOptions { busy_timeout: patience, ..TrailOptions::new(url) };
        let trail = Trail::open(&options).await.unwrap();
        let mut file = KeyFile::default();
        let key = file.issue(tester_key()).unwrap().expose().to_owned();
        let keys = KeyRing::in_memory(&file, Some(TOKEN.to_owned().into())).unwrap();
        let schema = Arc::new(self.schema.unwrap_or_else(|| SchemaCache::fixed(SNAPSHOT.clone())));
        let drain = Drain::new();
        let policies = Arc::new(ArcSwap::from_pointee(self.policies));
        let stops = Arc::new(self.stops);
        let parts = Parts {
            ways: Arc::new(self.ways.unwrap_or_else(|| Ways::by_key(keys))),
            policies: policies.clone(),
            stops: stops.clone(),
            schema: schema.clone(),
            trail: trail.clone(),
            arguments: KeptArguments::Masked,
            endpoint: Arc::new(Directus(self.dialect)),
            clock: Arc::new(SystemClock),
            breaker: Breaker::new(self.limits.breaker_failures, self.limits.breaker_pause),
            limits: self.limits,
            drain: drain.clone(),
            metrics: Metrics::new(),
            traces: Traces::off(),
        };
        let seen = Arc::new(Mutex::default());
        let stack = stack(parts, upstream(self.answer, Arc::clone(&seen)));
        Site { stack, key, trail, drain, schema, policies, stops, seen, folder }
    }
}

fn upstream(
    answer: Answer,
    seen: Arc<Mutex<Vec<Seen>>>,
) -> impl tower::Service<
    Request<Full<Bytes>>,
    Response = Reply,
    Error = UpstreamError,
    Future = BoxFuture<'static, Result<Reply, UpstreamError>>,
> + Clone {
    service_fn(move |request: Request<Full<Bytes>>| {
        let (answer, seen) = (Arc::clone(&answer), Arc::clone(&seen));
        Box::pin(async move {
            let request = Seen::of(request).await;
            seen.lock().unwrap().push(request.clone());
            answer(request).await
        }) as BoxFuture<'static, _>
    })
}

impl Seen {
    async fn of(request: Request<Full<Bytes>>) -> Self {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let headers = head.headers.iter();
        let mut headers: Vec<_> =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        headers.sort();
        Self {
            method: head.method.to_string(),
            uri: head.uri.to_string(),
            headers,
            body: serde_json::from_slice(&body).unwrap(),
        }
    }
}

impl Site {
    /// A well-formed request of the client, with any body.
    pub(super) fn post(&self, body: impl Into<Bytes>) -> Request<Body> {
        let request = Request::post("/mcp")
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json")
            .body(whole(body))
            .unwrap();
        from(request, ADDRESS)
    }

    /// A well-formed tool call.
    pub(super) fn tool(&self, name: &str, arguments: &Value) -> Request<Body> {
        self.message("tools/call", &json!({"name": name, "arguments": arguments}))
    }

    /// A well-formed JSON-RPC request.
    pub(super) fn message(&self, method: &str, params: &Value) -> Request<Body> {
        self.post(json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string())
    }

    /// Sends a request, and reads the answer to its end.
    pub(super) async fn send(&self, request: Request<Body>) -> Came {
        let (head, body) = self.head(request).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Came { status: head.status, headers: head.headers, text: String::from_utf8_lossy(&body).into_owned() }
    }

    /// Sends a request; the body of the answer is still to come.
    pub(super) async fn head(&self, request: Request<Body>) -> Response<Body> {
        let answer = tokio::time::timeout(PATIENCE, self.stack.clone().oneshot(request)).await;
        answer.expect("an answer in time").unwrap_or_else(|never| match never {})
    }

    /// What the upstream has seen so far.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn file(&self) -> PathBuf {
        self.folder.path().join("trail.db")
    }

    /// Ends as the gateway does, and returns every call of the trail in the order in which they were written.
    pub(super) async fn end(self) -> Vec<Recorded> {
        self.end_without("\u{0}no such text\u{0}").await
    }

    /// The same, for a trail that must not have that text anywhere in its file.
    pub(super) async fn end_without(self, secret: &str) -> Vec<Recorded> {
        self.drain.begin();
        assert_eq!(self.drain.finish_tasks(Duration::from_secs(10)).await, 0, "tasks are left");
        self.drain.end_keepers().await;
        self.trail.clone().close().await.unwrap();
        let bytes = std::fs::read(self.file()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "it is in the trail");
        recorded(&self.file()).await
    }
}

/// The trail's rows, with what the view does not show of the entries.
pub(super) async fn recorded(file: &std::path::Path) -> Vec<Recorded> {
    let shown = [
        "principal",
        "role",
        "client_name",
        "client_version",
        "client_address",
        "method",
        "tool",
        "decision",
        "rule",
        "reason",
        "enforced",
        "outcome",
        "http_status",
        "error_code",
        "items",
        "request_bytes",
        "response_bytes",
        "arguments",
    ];
    let shown: Vec<String> = shown.iter().map(|name| format!("'{name}', c.{name}")).collect();
    let statement = format!(
        "SELECT json_object({}, 'call', c.id, 'count', e.count, 'received', coalesce(hex(e.received), ''), \
         'forwarded', coalesce(hex(e.forwarded), ''), \
         'kinds', (SELECT group_concat(kind, ' ') FROM (SELECT kind FROM entries WHERE call_id = c.id ORDER BY seq)), \
         'accesses', (SELECT count(*) FROM accesses a WHERE a.seq = e.seq)) \
         FROM calls c JOIN entries e ON e.call_id = c.id AND e.principal IS NOT NULL ORDER BY e.seq",
        shown.join(", ")
    );
    let mut connection = trail::open(file).await;
    let rows = sqlx::query(sqlx::AssertSqlSafe(statement)).fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| serde_json::from_str(&row.get::<String, _>(0)).unwrap()).collect()
}

impl Came {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// The one entry of a tool result that is an error, in Directus' own shape.
    pub(super) fn tool_error(&self) -> Value {
        let message = self.json();
        assert_eq!(message["result"]["isError"], true, "{message}");
        let entries = message["result"]["content"][0]["text"].as_str().unwrap();
        serde_json::from_str::<Value>(entries).unwrap()[0].take()
    }

    /// The code of a JSON-RPC error.
    pub(super) fn error_code(&self) -> i64 {
        self.json()["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error: {}", self.text))
    }
}

impl Recorded {
    /// What a table compares.
    pub(super) fn line(&self) -> String {
        let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        format!(
            "{} {} {} {} {} {}",
            self.kinds,
            self.decision,
            or(&self.tool),
            or(&self.rule),
            or(&self.reason),
            or(&self.outcome)
        )
    }
}

/// The request as it would come from that address.
pub(super) fn from(mut request: Request<Body>, address: SocketAddr) -> Request<Body> {
    request.extensions_mut().insert(Client(address.ip().to_canonical()));
    request
}

/// A body in one piece.
pub(super) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

pub(super) fn reply(status: StatusCode, content_type: &str, body: impl Into<Bytes>) -> Reply {
    Response::builder().status(status).header("content-type", content_type).body(whole(body)).unwrap()
}

/// A tool result as Directus has it.
pub(super) fn tool_result(raw: &Value) -> Value {
    json!({"content": [{"type": "text", "text": json!({"raw": raw}).to_string()}]})
}

/// How a long answer of Directus' begins that is a result: with a text of which any number of letters may follow.
pub(super) fn beginning() -> Bytes {
    Bytes::from_static(br#"{"result":{"content":[{"type":"text","text":"{\"raw\":[\"x"#)
}

/// How it ends.
pub(super) fn ending() -> Bytes {
    Bytes::from_static(br#"\"]}"}]},"jsonrpc":"2.0","id":1}"#)
}

/// The arguments of a read of articles.
pub(super) fn read() -> Value {
    json!({"action": "read", "collection": "articles", "query": {"fields": ["id", "title"], "limit": 5}})
}

pub(super) fn policies(role: &str) -> PolicySet {
    match PolicySet::load(&[Source::new("tester.yaml", role)], GuardrailsFile::Optional) {
        Ok((policies, _)) => policies,
        Err(diagnostics) => panic!("{diagnostics}"),
    }
}

fn one_article() -> Answer {
    Arc::new(|seen| {
        let result = tool_result(&json!([{"id": 1, "title": "Hello"}]));
        let message = json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": result});
        Box::pin(
            async move { Ok(reply(StatusCode::OK, "application/json; charset=utf-8", message.to_string())) },
        )
    })
}

fn tester_key() -> NewKey {
    NewKey {
        name: CLIENT.to_owned(),
        role: "tester".to_owned(),
        created: "2026-01-01T00:00:00Z".parse().unwrap(),
        expires: None,
        in_url: false,
        token: None,
    }
}
