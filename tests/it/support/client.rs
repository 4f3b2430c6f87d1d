//! A client that can send anything, well-formed or not.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

/// One MCP endpoint and the credential that is shown to it.
#[derive(Clone, Debug)]
pub(crate) struct McpClient {
    url: String,
    key: String,
    http: Client<HttpConnector, Full<Bytes>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// The header; empty where there is none.
    pub(crate) content_type: String,
    /// `WWW-Authenticate`; empty where there is none.
    pub(crate) challenge: String,
    pub(crate) body: Bytes,
}

/// The result of a tool call.
#[derive(Debug)]
pub(crate) struct ToolResult {
    pub(crate) is_error: bool,
    /// All text parts in one.
    pub(crate) text: String,
}

impl McpClient {
    pub(crate) fn new(url: impl Into<String>, key: impl Into<String>) -> Self {
        let http = Client::builder(TokioExecutor::new()).build_http();
        Self { url: url.into(), key: key.into(), http }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Calls a tool; a JSON-RPC error or an HTTP status other than 200 fails the test.
    pub(crate) async fn tool(&self, name: &str, arguments: Value) -> ToolResult {
        let reply = self.rpc("tools/call", json!({"name": name, "arguments": arguments})).await;
        reply.tool_result().unwrap_or_else(|| panic!("no tool result: {} {}", reply.status, reply.text()))
    }

    /// Sends one JSON-RPC request.
    pub(crate) async fn rpc(&self, method: &str, params: Value) -> Reply {
        self.send(self.message(method, &params)).await
    }

    /// One JSON-RPC request, well-formed.
    pub(crate) fn message(&self, method: &str, params: &Value) -> Request<Full<Bytes>> {
        self.post(json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string())
    }

    /// A well-formed request with any body.
    pub(crate) fn post(&self, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
        Request::post(&self.url)
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(Full::new(body.into()))
            .unwrap()
    }

    /// Sends any request; no answer at all fails the test.
    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Reply {
        let uri = request.uri().clone();
        self.try_send(request).await.unwrap_or_else(|error| panic!("no reply from {uri}: {error}"))
    }

    /// Sends any request, where the other side may be gone.
    ///
    /// # Errors
    ///
    /// Where there was no whole reply.
    pub(crate) async fn try_send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<Reply, Box<dyn std::error::Error + Send + Sync>> {
        let (head, body) = self.http.request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        let header = |name: &str| {
            let value = head.headers.get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let (content_type, challenge) = (header("content-type"), header("www-authenticate"));
        Ok(Reply { status: head.status, content_type, challenge, body })
    }
}

impl Reply {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null where it is not.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The result of a tool call, where the reply is one.
    pub(crate) fn tool_result(&self) -> Option<ToolResult> {
        let json = self.json();
        let result = json.get("result")?;
        let parts = result.get("content")?.as_array()?;
        let text = parts.iter().filter_map(|part| part.get("text")?.as_str()).collect();
        Some(ToolResult { is_error: result.get("isError").is_some_and(|is| is == true), text })
    }

    /// True where nothing was done for the caller: an HTTP error, a JSON-RPC error, or a tool's error.
    pub(crate) fn is_refusal(&self) -> bool {
        !self.status.is_success()
            || self.json().get("error").is_some()
            || self.tool_result().is_some_and(|result| result.is_error)
    }
}

impl ToolResult {
    /// What the tool answered, as JSON; fails the test where it answered with an error.
    pub(crate) fn raw(&self) -> Value {
        assert!(!self.is_error, "{}", self.text);
        serde_json::from_str::<Value>(&self.text).unwrap()["raw"].take()
    }
}
