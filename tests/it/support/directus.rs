//! A stand-in for what Directus says about tokens and users.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

/// The gateway's own token.
pub(crate) const OWN: &str = "the-gateways-own-token";
/// The one user.
pub(crate) const USER: &str = "0a1b2c3d-0000-4000-8000-000000000001";
/// The id of its role, whose name is `Editors`.
pub(crate) const ROLE: &str = "0a1b2c3d-0000-4000-8000-000000000002";

/// A Directus with one user.
#[derive(Clone, Debug)]
pub(crate) struct StandIn {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
    taken: Arc<Mutex<BTreeSet<String>>>,
    user: Arc<Mutex<Value>>,
    /// Whether it answers 500 to everything.
    pub(crate) broken: Arc<AtomicBool>,
}

impl StandIn {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let directus = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            asked: Arc::default(),
            taken: Arc::default(),
            user: Arc::new(Mutex::new(json!({"status": "active", "role": {"id": ROLE, "name": "Editors"}}))),
            broken: Arc::default(),
        };
        let serving = directus.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let directus = serving.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let directus = directus.clone();
                    async move {
                        let (head, body) = request.into_parts();
                        let _ = body.collect().await;
                        Ok::<_, Infallible>(directus.answer(&head))
                    }
                });
                let http = hyper::server::conn::http1::Builder::new();
                tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
            }
        });
        directus
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What it was asked: method, path, query and whose token it was, never the token.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// From now on it takes a token.
    pub(crate) fn takes(&self, token: &str) {
        self.taken.lock().unwrap().insert(token.to_owned());
    }

    /// From now on the user has that role, by id and name.
    pub(crate) fn has_role(&self, role: Option<(&str, &str)>) {
        self.user.lock().unwrap()["role"] =
            role.map_or(Value::Null, |(id, name)| json!({"id": id, "name": name}));
    }

    pub(crate) fn is_suspended(&self) {
        self.user.lock().unwrap()["status"] = json!("suspended");
    }

    pub(crate) fn breaks(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }

    fn answer(&self, head: &http::request::Parts) -> Response<Full<Bytes>> {
        let token =
            head.headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        let token = token.unwrap_or_default();
        let is_own = token == OWN;
        let target = head.uri.path_and_query().unwrap().as_str();
        let whose = if is_own { "own" } else { "client's" };
        self.asked.lock().unwrap().push(format!("{} {target} {whose}", head.method));
        let is_taken = self.taken.lock().unwrap().contains(token);
        // Directus takes OAuth tokens at its MCP endpoint, and nowhere else.
        let rest = if token.contains('.') { StatusCode::FORBIDDEN } else { StatusCode::OK };
        let user = format!("/users/{USER}?fields=status,role.id,role.name");
        let (status, body) = if self.broken.load(Ordering::SeqCst) {
            (StatusCode::INTERNAL_SERVER_ERROR, Value::Null)
        } else if is_own && target == user {
            (StatusCode::OK, json!({"data": *self.user.lock().unwrap()}))
        } else if is_own {
            (StatusCode::FORBIDDEN, Value::Null)
        } else if !is_taken {
            (StatusCode::UNAUTHORIZED, Value::Null)
        } else {
            match (&head.method, target) {
                (&Method::POST, "/mcp") => (StatusCode::OK, json!({"jsonrpc": "2.0", "id": 1, "result": {}})),
                (&Method::GET, "/users/me?fields=id") => (rest, json!({"data": {"id": USER}})),
                (&Method::GET, "/roles/me?fields=id") => (rest, json!({"data": [{"id": ROLE}]})),
                _ => (StatusCode::NOT_FOUND, Value::Null),
            }
        };
        let response = Response::builder().status(status).header("content-type", "application/json");
        response.body(Full::from(body.to_string())).unwrap()
    }
}

/// The claims of an OAuth token for the user.
pub(crate) fn claims() -> Value {
    let now = Timestamp::now().as_second();
    json!({"id": USER, "role": ROLE, "app_access": true, "admin_access": false, "session": "s", "scope": "mcp:access",
        "aud": "https://cms.example.com/mcp", "iat": now, "exp": now + 900, "iss": "directus"})
}

/// A token with these claims, whose signature nobody looks at.
pub(crate) fn jwt(claims: &Value) -> String {
    let header = encoded(r#"{"alg":"HS256","typ":"JWT"}"#);
    format!("{header}.{}.{}", encoded(&claims.to_string()), encoded("signature"))
}

pub(crate) fn encoded(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}
