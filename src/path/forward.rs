//! Permitted call to a request for Directus, written anew; what needs no Directus is answered here.

use super::decode::TRACEPARENT;
use super::record::Permitted;
use super::refusal::{Addressee, Refusal};
use super::reply;
use crate::accept::Body;
use crate::directus::result::text_result;
use crate::directus::{Dialect, Meaning, Protocol, Tool};
use crate::mcp::era::Kept;
use crate::mcp::header;
use crate::policy::Obligation;
use crate::telemetry::metrics::Metrics;
use crate::telemetry::trace::{InStage, Stage, TraceParent};
use crate::upstream::{Backend, Reply, SchemaCache, UpstreamError};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::time::Instant;
use tower::{Layer, Service};

/// Layer of [`Forward`].
#[derive(Clone, Debug)]
pub struct ForwardLayer {
    endpoint: Arc<dyn Endpoint>,
    schema: Arc<SchemaCache>,
    metrics: Metrics,
}

/// Tells the address of Directus' MCP endpoint, with a query string that begins with its question mark or is empty.
pub trait Endpoint: std::fmt::Debug + Send + Sync {
    /// The whole address.
    ///
    /// # Errors
    /// When that cannot stand in a URI.
    fn mcp(&self, query_string: &str) -> Result<Uri, http::Error>;

    /// Whose tools are there. Calls are read as written for these.
    fn dialect(&self) -> Dialect;
}

impl Endpoint for crate::upstream::Upstream {
    fn mcp(&self, query_string: &str) -> Result<Uri, http::Error> {
        self.uri(&format!("/mcp{query_string}"))
    }

    fn dialect(&self) -> Dialect {
        Dialect::BuiltIn
    }
}

impl Endpoint for Backend {
    fn mcp(&self, query_string: &str) -> Result<Uri, http::Error> {
        match self {
            Self::BuiltIn(upstream) => upstream.mcp(query_string),
            // A process has no address, and no modes.
            Self::Local(_) => Ok(Uri::from_static("/mcp")),
        }
    }

    fn dialect(&self) -> Dialect {
        match self {
            Self::BuiltIn(upstream) => upstream.dialect(),
            Self::Local(_) => Dialect::Local,
        }
    }
}

impl ForwardLayer {
    /// Forwards to that endpoint; a call that changes the schema makes the snapshot stale.
    pub fn new(endpoint: Arc<dyn Endpoint>, schema: Arc<SchemaCache>, metrics: Metrics) -> Self {
        Self { endpoint, schema, metrics }
    }
}

impl<S> Layer<S> for ForwardLayer {
    type Service = Forward<S>;

    fn layer(&self, inner: S) -> Forward<S> {
        let (endpoint, schema) = (self.endpoint.clone(), self.schema.clone());
        Forward { endpoint, schema, metrics: self.metrics.clone(), inner }
    }
}

/// Sends a permitted call to Directus.
#[derive(Clone, Debug)]
pub struct Forward<S> {
    endpoint: Arc<dyn Endpoint>,
    schema: Arc<SchemaCache>,
    metrics: Metrics,
    inner: S,
}

impl<S> Service<Permitted> for Forward<S>
where
    S: Service<Request<Full<Bytes>>, Response = Reply, Error = UpstreamError> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Refusal;
    type Future = BoxFuture<'static, Result<Response<Body>, Refusal>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(cx).map_err(|cause| Refusal::Upstream { to: Addressee::default(), cause })
    }

    fn call(&mut self, permitted: Permitted) -> Self::Future {
        let mut inner = super::take_ready(&mut self.inner);
        let (endpoint, schema) = (self.endpoint.clone(), self.schema.clone());
        let metrics = self.metrics.clone();
        Box::pin(async move {
            let to = permitted.to.clone();
            let trace = &permitted.caller.trace;
            let forwarding = permitted.outgoing.as_ref().map(|_| trace.stage(Stage::Forward));
            let parent = forwarding.as_ref().and_then(InStage::parent);
            let Some(request) = request(&permitted, endpoint.as_ref(), parent) else {
                return Ok(local(&permitted));
            };
            let request = request.map_err(|_| Refusal::Broken { to: to.clone() })?;
            let changes = changes_schema(&permitted.meaning);
            // What is told by the snapshot from here on could be told wrongly, before the answer as well as after it.
            if changes {
                schema.mark_stale();
            }
            let start = Instant::now();
            let sent = inner.call(request).await;
            metrics.asked_upstream(start.elapsed());
            drop(forwarding);
            if changes {
                schema.mark_stale();
            }
            let reply = sent.map_err(|cause| Refusal::Upstream { to: to.clone(), cause })?;
            answer(to, reply)
        })
    }
}

/// The request to Directus. Nothing of the client's request is in it but what was judged.
fn request(
    permitted: &Permitted,
    endpoint: &dyn Endpoint,
    parent: Option<TraceParent>,
) -> Option<Result<Request<Full<Bytes>>, http::Error>> {
    let outgoing = permitted.outgoing.as_ref()?;
    let made = || {
        let token = permitted.caller.token.expose_secret();
        let mut bearer = HeaderValue::try_from(format!("Bearer {token}"))?;
        bearer.set_sensitive(true);
        let mut request = Request::post(endpoint.mcp(outgoing.query_string)?);
        if let Some(parent) = parent {
            request = request.header(TRACEPARENT, parent.to_string());
        }
        request
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, text/event-stream")
            .header(AUTHORIZATION, bearer)
            // Directus keeps the first of them in its activity log, and proxies before it log the others.
            .header(USER_AGENT, format!("{} call/{}", crate::upstream::AGENT, permitted.call))
            .header("x-request-id", permitted.call.to_string())
            .header("x-warrener-principal", HeaderValue::from_str(&permitted.caller.principal.name)?)
            .body(Full::from(outgoing.body.clone()))
    };
    Some(made())
}

/// The answer to what needs no Directus.
fn local(permitted: &Permitted) -> Response<Body> {
    match (&permitted.meaning, &permitted.to.id) {
        (Meaning::Tool(call), Some(id)) => {
            let text = permitted.obligations.iter().find_map(|obligation| match obligation {
                Obligation::ReplacePrompt(text) => Some(text.as_str()),
                Obligation::Project(_)
                | Obligation::Limit(..)
                | Obligation::Filter(..)
                | Obligation::Search(_)
                | Obligation::Presets(..)
                | Obligation::Redact
                | Obligation::Schema
                | Obligation::AppendPrompt(_)
                | Obligation::CutImported => None,
            });
            let result = text_result(call.dialect(), call.mode, text.unwrap_or_default());
            reply::message(StatusCode::OK, &reply::result(permitted.to.era, id, result, Kept::Never))
        }
        (Meaning::Protocol(Protocol::Ping), Some(id)) => {
            let result = Value::Object(Map::new());
            reply::message(StatusCode::OK, &reply::result(permitted.to.era, id, result, Kept::Never))
        }
        // A notification is taken, and that is all.
        (Meaning::Protocol(_) | Meaning::Tool(_) | Meaning::Opaque { .. }, _) => {
            let mut accepted = Response::new(Full::default().map_err(|never| match never {}).boxed_unsync());
            *accepted.status_mut() = StatusCode::ACCEPTED;
            accepted
        }
    }
}

/// Passes the body on, if it is JSON in UTF-8 as it stands. Of the headers only the content type is the client's business: no cookies, no
/// tags, no hints.
fn answer(to: Addressee, reply: Reply) -> Result<Response<Body>, Refusal> {
    let (head, body) = reply.into_parts();
    let values = |name: &HeaderName| -> Vec<&str> {
        // What is no text is no value that is taken.
        head.headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("?")).collect()
    };
    let plain = header::content_type(&values(&CONTENT_TYPE))
        .and_then(|()| header::content_encoding(&values(&CONTENT_ENCODING)));
    if head.status != StatusCode::OK {
        tracing::warn!(status = %head.status, "Directus did not take a request: check the token, and that MCP is enabled");
        return Err(Refusal::Answer { to, status: head.status });
    }
    if plain.is_err() {
        return Err(Refusal::Misshapen { to, what: "it does not come as JSON in UTF-8, as it is" });
    }
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// Whether the call may change collections, fields or relations. A flow may do anything.
fn changes_schema(meaning: &Meaning) -> bool {
    match meaning {
        Meaning::Tool(call) => match call.tool {
            Tool::Collections | Tool::Fields | Tool::Relations => {
                call.arguments.get("action").and_then(Value::as_str) != Some("read")
            }
            Tool::TriggerFlow => true,
            Tool::Items
            | Tool::Files
            | Tool::Folders
            | Tool::Assets
            | Tool::Flows
            | Tool::Operations
            | Tool::Schema
            | Tool::SystemPrompt => false,
        },
        Meaning::Opaque { .. } => true,
        Meaning::Protocol(_) => false,
    }
}
