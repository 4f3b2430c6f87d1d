//! What is answered before there is a call to decide on.

use super::Body;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;
use std::any::Any;

/// A reply of one line.
pub(super) fn text(status: StatusCode, line: &'static str) -> Response<Body> {
    with(status, "text/plain; charset=utf-8", Bytes::from_static(line.as_bytes()))
}

/// A reply in JSON.
pub(super) fn json(status: StatusCode, value: &Value) -> Response<Body> {
    with(status, "application/json", Bytes::from(value.to_string()))
}

/// The method is not one for this path.
pub(super) fn method(allowed: &'static str) -> Response<Body> {
    let mut reply = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    reply
}

/// A request on which the gateway itself failed. That cannot happen; if it does, it is one request's trouble and no other's.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response<Body> {
    tracing::error!("a request was given up: the gateway has a fault");
    text(StatusCode::INTERNAL_SERVER_ERROR, "the gateway has a fault\n")
}

fn with(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Body> {
    let mut reply = Response::new(Full::new(body).map_err(|never| match never {}).boxed_unsync());
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}
