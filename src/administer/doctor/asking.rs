//! What is asked of Directus, and nothing that changes it: reads over REST, and two questions of MCP.

use crate::accept::whole;
use crate::telemetry;
use crate::upstream::Upstream;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::Full;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

/// Longest answer that is read, in bytes.
const LONGEST: u64 = 4 * 1024 * 1024;

/// Asks one Directus.
#[derive(Clone, Debug)]
pub(super) struct Asking(pub(super) Upstream);

/// What MCP is asked. There is no tool call among it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Question {
    Ping,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Came {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Null where it is no JSON.
    pub(super) body: Value,
}

impl Asking {
    /// Reads something over REST.
    ///
    /// # Errors
    /// In words, where nothing came back.
    pub(super) async fn get(&self, path: &str, token: Option<&SecretString>) -> Result<Came, String> {
        self.send(Request::get(self.0.uri(path).map_err(|error| error.to_string())?), token, Bytes::new())
            .await
    }

    /// Asks the MCP endpoint.
    ///
    /// # Errors
    /// As [`Asking::get`].
    pub(super) async fn mcp(&self, question: Question, token: Option<&SecretString>) -> Result<Came, String> {
        let method = match question {
            Question::Ping => "ping",
        };
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method }).to_string();
        let uri = self.0.uri("/mcp").map_err(|error| error.to_string())?;
        let request = Request::post(uri).header(CONTENT_TYPE, "application/json");
        self.send(request, token, body.into()).await
    }

    async fn send(
        &self,
        request: http::request::Builder,
        token: Option<&SecretString>,
        body: Bytes,
    ) -> Result<Came, String> {
        let mut request = request.header(ACCEPT, "application/json, text/event-stream");
        if let Some(token) = token {
            let value = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()));
            let mut value = value.map_err(|_| "the token cannot stand in a header".to_owned())?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let request = request.body(Full::from(body)).map_err(|error| error.to_string())?;
        let reply = self.0.send(request).await.map_err(|error| telemetry::chain(&error))?;
        let (head, body) = reply.into_parts();
        let body =
            whole(body, LONGEST).await.map_err(|_| "the answer broke off, or is too long".to_owned())?;
        let body = serde_json::from_slice(&body).unwrap_or_default();
        Ok(Came { status: head.status, headers: head.headers, body })
    }
}

impl Came {
    /// What stands in `data`, where the answer is 200.
    pub(super) fn data(&self) -> Option<&Value> {
        if self.status == StatusCode::OK { self.body.get("data") } else { None }
    }

    /// A header as text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
