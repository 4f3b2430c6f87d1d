//! The outermost stage: the only place that knows what a refusal looks like on the wire.

use super::refusal::{Addressee, Refusal, Side, whole_seconds};
use crate::accept::Body;
use crate::identity::Challenge;
use crate::mcp::era::Kept;
use crate::mcp::{Era, Id, error};
use crate::policy::Code;
use crate::telemetry;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Map, Value, json};
use std::convert::Infallible;
use std::task::{Context, Poll};
use tower::{Layer, Service, ServiceExt as _};

/// Layer of [`Reply`].
#[derive(Clone, Debug)]
pub struct ReplyLayer {
    challenge: Challenge,
}

impl ReplyLayer {
    /// Tells strangers in `WWW-Authenticate` how to get a credential.
    pub fn new(challenge: Challenge) -> Self {
        Self { challenge }
    }
}

impl<S> Layer<S> for ReplyLayer {
    type Service = Reply<S>;

    fn layer(&self, inner: S) -> Reply<S> {
        Reply { challenge: self.challenge.clone(), inner }
    }
}

/// Turns every refusal into the one reply that it has.
#[derive(Clone, Debug)]
pub struct Reply<S> {
    challenge: Challenge,
    inner: S,
}

impl<S> Service<Request<Body>> for Reply<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Refusal> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (reply, challenge) = (self.inner.clone().oneshot(request), self.challenge.clone());
        Box::pin(reply.map(move |reply| Ok(reply.unwrap_or_else(|refusal| refused(&refusal, &challenge)))))
    }
}

/// The reply to a refusal.
fn refused(refusal: &Refusal, challenge: &Challenge) -> Response<Body> {
    let at_fault = matches!(refusal.side(), Side::Gateway | Side::Upstream);
    // What is shed is shed by the thousand; a line for each would be one more thing to bear.
    if at_fault && !matches!(refusal, Refusal::Busy { .. }) {
        tracing::warn!(error = telemetry::chain(refusal), "a request could not be served");
    }
    let mut response = message(refusal.status(), &body(refusal));
    let headers = response.headers_mut();
    match refusal {
        Refusal::Stranger(rejected) if rejected.status() == StatusCode::UNAUTHORIZED => {
            headers.insert(WWW_AUTHENTICATE, challenge.to(rejected));
        }
        Refusal::Strangers { retry_after }
        | Refusal::Flood { retry_after }
        | Refusal::Busy { retry_after, .. } => {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(*retry_after)));
        }
        Refusal::Stranger(_)
        | Refusal::Headers(_)
        | Refusal::TooLarge { .. }
        | Refusal::Body
        | Refusal::Message(_)
        | Refusal::Method { .. }
        | Refusal::Denied { .. }
        | Refusal::Stopped { .. }
        | Refusal::Limited { .. }
        | Refusal::Trail { .. }
        | Refusal::Upstream { .. }
        | Refusal::Answer { .. }
        | Refusal::Uncut { .. }
        | Refusal::Misshapen { .. }
        | Refusal::Broken { .. } => {}
    }
    response
}

/// A JSON-RPC message as a response.
pub(super) fn message(status: StatusCode, body: &Value) -> Response<Body> {
    let bytes = Full::from(body.to_string());
    let mut response = Response::new(bytes.map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn body(refusal: &Refusal) -> Value {
    let text = refusal.to_string();
    match refusal {
        Refusal::Stranger(_)
        | Refusal::Strangers { .. }
        | Refusal::Flood { .. }
        | Refusal::Headers(_)
        | Refusal::TooLarge { .. }
        | Refusal::Body => protocol_error(&Addressee::default(), error::INVALID_REQUEST, &text),
        Refusal::Message(cause) => {
            let to = Addressee { id: cause.id.clone(), ..Addressee::default() };
            match &cause.requested {
                None => protocol_error(&to, cause.code, &text),
                Some(requested) => {
                    let supported: Vec<&str> = cause.supported().collect();
                    with_data(
                        &to,
                        cause.code,
                        &text,
                        json!({ "supported": supported, "requested": requested }),
                    )
                }
            }
        }
        Refusal::Method { to, .. } => protocol_error(to, error::METHOD_NOT_FOUND, &text),
        Refusal::Denied { to, reason } => {
            let code = if reason.code == Code::Unavailable { "UNAVAILABLE" } else { "POLICY_DENIED" };
            let detail = json!({ "code": code, "reason": reason.code.as_str(), "rule": reason.rule });
            answer(to, error::INVALID_PARAMS, &text, detail)
        }
        Refusal::Stopped { to, .. } => {
            let detail = json!({ "code": "STOPPED", "reason": refusal.code().as_str() });
            answer(to, error::INVALID_PARAMS, &text, detail)
        }
        Refusal::Limited { to, rule, retry_after } => {
            let wait = u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX).max(1);
            let detail = json!({ "code": "RATE_LIMITED", "rule": rule, "retry_after_ms": wait });
            answer(to, error::INTERNAL_ERROR, &text, detail)
        }
        Refusal::Busy { to, retry_after, .. } => {
            let wait = whole_seconds(*retry_after).saturating_mul(1000);
            let data = json!({ "code": "UNAVAILABLE", "retry_after_ms": wait });
            with_data(to, error::INTERNAL_ERROR, &text, data)
        }
        Refusal::Trail { to, .. }
        | Refusal::Upstream { to, .. }
        | Refusal::Answer { to, .. }
        | Refusal::Uncut { to, .. }
        | Refusal::Misshapen { to, .. }
        | Refusal::Broken { to } => protocol_error(to, error::INTERNAL_ERROR, &text),
    }
}

/// A refusal of a tool call is a tool result in Directus' own shape, which the client's model reads; any other one is an
/// error of the protocol.
fn answer(to: &Addressee, code: i64, text: &str, detail: Value) -> Value {
    let Some(id) = to.id.as_ref().filter(|_| to.is_call) else {
        return with_data(to, code, text, detail);
    };
    let mut entry = Map::new();
    entry.insert("error".to_owned(), Value::from(text));
    entry.extend(detail.as_object().cloned().unwrap_or_default());
    let content = json!([{ "type": "text", "text": Value::Array(vec![Value::Object(entry)]).to_string() }]);
    result(to.era, id, json!({ "content": content, "isError": true }), Kept::Never)
}

/// A result of the gateway's own, as a message.
pub(super) fn result(era: Era, id: &Id, mut result: Value, kept: Kept) -> Value {
    if let Value::Object(members) = &mut result {
        era.complete(members, kept);
    }
    json!({ "jsonrpc": "2.0", "id": id.to_value(), "result": result })
}

fn with_data(to: &Addressee, code: i64, text: &str, data: Value) -> Value {
    let mut error = protocol_error(to, code, text);
    if let Some(inner) = error.get_mut("error").and_then(Value::as_object_mut) {
        inner.insert("data".to_owned(), data);
    }
    error
}

fn protocol_error(to: &Addressee, code: i64, text: &str) -> Value {
    let id = to.id.as_ref().map_or(Value::Null, Id::to_value);
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": text } })
}
