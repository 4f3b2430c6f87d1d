//! A stand-in for Directus: a small one in memory, so that a newcomer sees the gateway at work, and benches have something
//! behind it, without a Directus.
//!
//! It answers as Directus 12.4 does, in the parts that it has: the MCP endpoint with its twelve tools, registry mode too, and what
//! the gateway reads over REST. What it does not do is answered with a tool error that says so. It starts with the same content
//! every time, and the same calls have the same results; an update that says `reviews: []` really deletes.

mod arguments;
mod call;
mod fault;
mod filter;
mod message;
mod model;
mod read;
mod store;
mod tools;
mod write;

#[cfg(test)]
mod tests;

pub use model::ModelError;

use crate::accept::{self, Body, Drain, Drained, Options};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use message::{Mode, Reply};
use model::Model;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use store::Store;
use tokio::net::TcpListener;
use tower::Service;
use url::form_urlencoded;

/// Directus takes 1 MB.
const LONGEST_BODY: u64 = 1_000_000;

/// A Directus in memory. Clones are the same one.
#[derive(Clone)]
pub struct StandIn(Arc<Inner>);

/// What a stand-in is like.
#[derive(Clone, Debug)]
pub struct StandInOptions {
    /// The one token that it takes, an administrator's.
    pub token: String,
    /// Directus' *Allow Deletes*.
    pub allow_deletes: bool,
    /// Where it says that its data studio is.
    pub public_url: String,
}

impl Default for StandInOptions {
    fn default() -> Self {
        Self {
            token: "admin-static-token".to_owned(),
            allow_deletes: true,
            public_url: "http://127.0.0.1:8055".to_owned(),
        }
    }
}

struct Inner {
    options: StandInOptions,
    model: Model,
    store: Mutex<Store>,
    /// What the gateway and `warrener doctor` read over REST, as it goes over the wire; it does not change.
    lists: Vec<(&'static str, Bytes)>,
    messages: AtomicU64,
    calls: AtomicU64,
}

impl StandIn {
    /// A new one, with its content as it always begins.
    ///
    /// # Errors
    /// When the built-in content cannot be read, which the tests rule out.
    pub fn new(options: StandInOptions) -> Result<Self, ModelError> {
        let model = Model::built_in()?;
        let data = |rows: &[Value]| Bytes::from(json!({"data": rows}).to_string());
        let mut lists = vec![
            ("/collections", data(&model.collections)),
            ("/fields", data(&model.fields)),
            ("/relations", data(&model.relations)),
        ];
        lists.extend(
            about(&options).map(|(path, data)| (path, Bytes::from(json!({"data": data}).to_string()))),
        );
        let store = Mutex::new(Store::new(&model));
        let (messages, calls) = Default::default();
        Ok(Self(Arc::new(Inner { options, model, store, lists, messages, calls })))
    }

    /// Serves it on a listener until the drain begins.
    pub async fn serve(self, listener: TcpListener, drain: Drain) -> Drained {
        let options = Options { connections: 10_000, ..Options::default() };
        accept::serve(listener, self, options, drain).await
    }

    /// Every item of a collection, as it stands in the database.
    pub fn rows(&self, collection: &str) -> Vec<Value> {
        let store = self.0.store.lock().unwrap_or_else(PoisonError::into_inner);
        store.rows(collection).iter().cloned().map(Value::Object).collect()
    }

    /// How many messages have come to its MCP endpoint with a valid token.
    pub fn messages(&self) -> u64 {
        self.0.messages.load(Ordering::SeqCst)
    }

    /// How many tool calls it has made, those that failed included.
    pub fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::SeqCst)
    }

    /// Answers one request.
    pub async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        if path == "/server/ping" {
            return reply(StatusCode::OK, "text/html; charset=utf-8", Bytes::from_static(b"pong"));
        }
        if path == "/mcp" && head.method == Method::POST {
            return match self.stranger(&head.headers) {
                Some(refused) => refused,
                None => self.message(head.uri.query(), body).await,
            };
        }
        let list = self.0.lists.iter().find(|(name, _)| *name == path && head.method == Method::GET);
        if let Some((_, rows)) = list {
            return self.list(&head.headers, rows);
        }
        let message = format!("Route {path} doesn't exist.");
        errors(StatusCode::NOT_FOUND, &message, &json!({"path": path, "code": "ROUTE_NOT_FOUND"}))
    }

    fn list(&self, headers: &HeaderMap, rows: &Bytes) -> Response<Body> {
        match bearer(headers) {
            None => errors(
                StatusCode::FORBIDDEN,
                "You don't have permission to access this.",
                &json!({"code": "FORBIDDEN"}),
            ),
            Some(token) if token == self.0.options.token => reply(StatusCode::OK, JSON, rows.clone()),
            Some(_) => errors(
                StatusCode::UNAUTHORIZED,
                "Invalid user credentials.",
                &json!({"code": "INVALID_CREDENTIALS"}),
            ),
        }
    }

    /// The reply to a request for the MCP endpoint that does not come with the token.
    fn stranger(&self, headers: &HeaderMap) -> Option<Response<Body>> {
        let body = match bearer(headers) {
            None => None,
            Some(token) if token == self.0.options.token => return None,
            Some(_) => {
                Some(json!({"error": "invalid_token", "error_description": "Invalid user credentials."}))
            }
        };
        let metadata = format!("{}/.well-known/oauth-protected-resource/mcp", self.0.options.public_url);
        let error = if body.is_some() { ", error=\"invalid_token\"" } else { "" };
        let challenge = format!("Bearer resource_metadata=\"{metadata}\", scope=\"mcp:access\"{error}");
        let mut refused = match body {
            Some(body) => json_reply(StatusCode::UNAUTHORIZED, &body),
            None => empty(StatusCode::UNAUTHORIZED),
        };
        if let Ok(challenge) = HeaderValue::try_from(challenge) {
            refused.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        Some(refused)
    }

    async fn message(&self, query: Option<&str>, body: Body) -> Response<Body> {
        let unreadable = || {
            let reason = "The body cannot be read";
            let extensions = json!({"reason": reason, "code": "INVALID_PAYLOAD"});
            errors(StatusCode::BAD_REQUEST, &format!("Invalid payload. {reason}."), &extensions)
        };
        let Ok(body) = accept::whole(body, LONGEST_BODY).await else { return unreadable() };
        // Directus takes the last of two equal keys, and so does this.
        let Ok(message) = serde_json::from_slice::<Value>(&body) else { return unreadable() };
        self.0.messages.fetch_add(1, Ordering::SeqCst);
        match message::answer(&message, mode(query), |tool, arguments| self.call(tool, arguments)) {
            Reply::Message(message) => json_reply(StatusCode::OK, &message),
            Reply::Accepted => empty(StatusCode::ACCEPTED),
            Reply::Unreadable => errors(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Invalid input",
                &json!({"code": "INTERNAL_SERVER_ERROR"}),
            ),
        }
    }

    fn call(
        &self,
        tool: &tools::Tool,
        arguments: serde_json::Map<String, Value>,
    ) -> Result<call::Answer, fault::Fault> {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        let StandInOptions { allow_deletes, public_url, .. } = &self.0.options;
        let mut store = self.0.store.lock().unwrap_or_else(PoisonError::into_inner);
        let mut call =
            call::Call { model: &self.0.model, store: &mut store, allow_deletes: *allow_deletes, public_url };
        call.run(tool, arguments)
    }
}

impl Service<Request<Body>> for StandIn {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let stand_in = self.clone();
        Box::pin(async move { Ok(stand_in.answer(request).await) })
    }
}

impl fmt::Debug for StandIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandIn").field("options", &self.0.options).finish_non_exhaustive()
    }
}

/// What it says of itself and of the holder of its token.
fn about(options: &StandInOptions) -> [(&'static str, Value); 7] {
    [
        ("/server/info", json!({"project": {"project_name": "Directus"}, "version": "12.4.0"})),
        (
            "/users/me",
            json!({"id": ADMINISTRATOR, "email": "admin@example.com", "role": {"name": "Administrator"}}),
        ),
        ("/policies/me/globals", json!({"app_access": true, "admin_access": true, "enforce_tfa": false})),
        ("/permissions/me", json!({})),
        (
            "/settings",
            json!({"mcp_allow_deletes": options.allow_deletes, "mcp_system_prompt_enabled": true, "mcp_system_prompt": null}),
        ),
        ("/flows", json!([])),
        ("/operations", json!([])),
    ]
}

const ADMINISTRATOR: &str = "1f3b4c5d-0000-4000-8000-000000000001";

const JSON: &str = "application/json; charset=utf-8";

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.contains(' ')).then_some(token)
}

fn mode(query: Option<&str>) -> Mode {
    let mut modes =
        form_urlencoded::parse(query.unwrap_or_default().as_bytes()).filter(|(name, _)| name == "tool_mode");
    match (modes.next(), modes.next()) {
        (Some((_, mode)), None) if mode == "registry" => Mode::Registry,
        _ => Mode::Legacy,
    }
}

fn errors(status: StatusCode, message: &str, extensions: &Value) -> Response<Body> {
    json_reply(status, &json!({"errors": [{"message": message, "extensions": extensions}]}))
}

fn json_reply(status: StatusCode, body: &Value) -> Response<Body> {
    reply(status, JSON, Bytes::from(body.to_string()))
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut empty = reply(status, JSON, Bytes::new());
    empty.headers_mut().remove(CONTENT_TYPE);
    empty
}

fn full(body: Bytes) -> Body {
    Full::new(body).map_err(|never| match never {}).boxed_unsync()
}

fn reply(status: StatusCode, content_type: &'static str, body: Bytes) -> Response<Body> {
    let mut reply = Response::new(full(body));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(HeaderName::from_static("x-powered-by"), HeaderValue::from_static("Directus"));
    reply
}
