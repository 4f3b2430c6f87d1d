//! Bytes to one message. It answers nothing itself, so that what cannot be read is recorded too.

use super::identify::{Caller, Identified};
use super::refusal::{Addressee, Refusal};
use crate::accept::{Body, Unread, whole};
use crate::mcp::mirrored::Mirrored;
use crate::mcp::{Incoming, header};
use crate::telemetry::trace::{Stage, TraceParent, Traces};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{Response, header as http_header};
use sha2::{Digest as _, Sha256};
use std::task::{Context, Poll};
use tokio_util::task::TaskTracker;
use tower::{Layer, Service};

/// Where a request says which trace it belongs to.
pub(super) const TRACEPARENT: &str = "traceparent";

/// What one principal sent: a message, or something that is none.
#[derive(Debug)]
pub struct Call {
    pub(super) caller: Caller,
    /// The query string of the address, without its question mark.
    pub(super) query_string: String,
    pub(super) received: Received,
    pub(super) message: Result<Incoming, Refusal>,
}

/// What the trail keeps of the bytes that came.
#[derive(Clone, Copy, Debug, Default)]
pub struct Received {
    pub(super) bytes: u64,
    pub(super) digest: Option<[u8; 32]>,
}

/// Layer of [`Decode`].
#[derive(Clone, Debug)]
pub struct DecodeLayer {
    body_bytes: u64,
    tasks: TaskTracker,
    traces: Traces,
}

impl DecodeLayer {
    /// Reads bodies of at most so many bytes; each on a task of its own, so that a client which leaves in the middle of its body
    /// is recorded too.
    pub fn new(body_bytes: u64, tasks: TaskTracker, traces: Traces) -> Self {
        Self { body_bytes, tasks, traces }
    }
}

impl<S> Layer<S> for DecodeLayer {
    type Service = Decode<S>;

    fn layer(&self, inner: S) -> Decode<S> {
        let (tasks, traces) = (self.tasks.clone(), self.traces.clone());
        Decode { body_bytes: self.body_bytes, tasks, traces, inner }
    }
}

/// Reads the body, strictly.
#[derive(Clone, Debug)]
pub struct Decode<S> {
    body_bytes: u64,
    tasks: TaskTracker,
    traces: Traces,
    inner: S,
}

impl<S> Service<Identified> for Decode<S>
where
    S: Service<Call, Response = Response<Body>, Error = Refusal> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Refusal;
    type Future = BoxFuture<'static, Result<Response<Body>, Refusal>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Refusal>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, identified: Identified) -> Self::Future {
        let mut inner = super::take_ready(&mut self.inner);
        let (limit, traces) = (self.body_bytes, self.traces.clone());
        let read = async move { inner.call(decode(identified, limit, &traces).await).await };
        // Boxed, as a task is moved several times before it runs.
        let read = self.tasks.spawn(Box::pin(read));
        Box::pin(async move { read.await.unwrap_or(Err(Refusal::Broken { to: Addressee::default() })) })
    }
}

async fn decode(identified: Identified, limit: u64, traces: &Traces) -> Call {
    let Identified { mut caller, flood, request } = identified;
    let began = caller.now();
    let (parts, body) = request.into_parts();
    let mut received = Received::default();
    let query_string = parts.uri.query().unwrap_or_default().to_owned();
    let message = match flood {
        // A flood is refused unread, or reading it would be what it wants.
        Some(retry_after) => Err(Refusal::Flood { retry_after }),
        None => match headers(&parts) {
            Ok(()) => read(body, limit, &mut received).await.and_then(|bytes| message(&parts, &bytes)),
            Err(refusal) => Err(refusal),
        },
    };
    caller.trace = traces.begin(parent(&parts, &message), caller.at);
    caller.trace.stage_was(Stage::Identify, caller.at, began);
    caller.trace.stage_was(Stage::Decode, began, caller.now());
    Call { caller, query_string, received, message }
}

/// The trace that the request says it belongs to: in its header, or as MCP has it, in the message's `_meta`. Two headers are none.
fn parent(parts: &Parts, message: &Result<Incoming, Refusal>) -> Option<TraceParent> {
    match values(parts, TRACEPARENT)[..] {
        [header] => TraceParent::read(header),
        [] => match message {
            Ok(Incoming::Request(request)) => {
                TraceParent::read(request.params.get("_meta")?.get(TRACEPARENT)?.as_str()?)
            }
            Ok(Incoming::Notification(_)) | Err(_) => None,
        },
        [_, _, ..] => None,
    }
}

fn headers(parts: &Parts) -> Result<(), Refusal> {
    header::content_type(&values(parts, http_header::CONTENT_TYPE.as_str()))?;
    Ok(header::content_encoding(&values(parts, http_header::CONTENT_ENCODING.as_str()))?)
}

async fn read(body: Body, limit: u64, received: &mut Received) -> Result<Bytes, Refusal> {
    let bytes = whole(body, limit).await.map_err(|unread| match unread {
        Unread::TooLong => Refusal::TooLarge { limit },
        Unread::Broken => Refusal::Body,
    })?;
    received.bytes = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    received.digest = Some(Sha256::digest(&bytes).into());
    Ok(bytes)
}

/// One message that the headers which repeat a part of it agree with.
fn message(parts: &Parts, bytes: &[u8]) -> Result<Incoming, Refusal> {
    let mirrored = Mirrored {
        version: values(parts, "mcp-protocol-version"),
        method: values(parts, "mcp-method"),
        name: values(parts, "mcp-name"),
    };
    Ok(mirrored.read(bytes)?)
}

/// Every value of a header. One that is not text stands as a text that no check takes.
fn values<'a>(parts: &'a Parts, name: &str) -> Vec<&'a str> {
    parts.headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("\u{fffd}")).collect()
}
