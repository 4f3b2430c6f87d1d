//! Requests that no well-behaved client would send.

use crate::support::client::McpClient;
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// A request as it goes out.
pub(crate) type Raw = Request<Full<Bytes>>;

/// A tool call as a message.
pub(crate) fn tool(name: &str, arguments: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}})
}

/// The same with other parameters: text, because JSON values cannot have a key twice.
pub(crate) fn raw_params(client: &McpClient, params: &str) -> Raw {
    client.post(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#))
}

/// A call of the tool `items`.
pub(crate) fn items(client: &McpClient, arguments: &Value) -> Raw {
    client.post(tool("items", arguments).to_string())
}

/// An update of one article.
pub(crate) fn update(client: &McpClient, key: i64, data: &Value) -> Raw {
    items(client, &json!({"action": "update", "collection": "articles", "keys": [key], "data": data}))
}

/// What deletes an article.
pub(crate) fn delete_arguments(key: i64) -> Value {
    json!({"action": "delete", "collection": "articles", "keys": [key]})
}

/// The message that deletes an article.
pub(crate) fn delete_message(key: i64) -> String {
    tool("items", &delete_arguments(key)).to_string()
}

/// The well-formed request that deletes an article.
pub(crate) fn delete(client: &McpClient, key: i64) -> Raw {
    client.post(delete_message(key))
}

/// The delete of an article, wrapped as registry mode has it.
pub(crate) fn execute(client: &McpClient, key: i64) -> Raw {
    client.post(tool("execute", &json!({"name": "items", "input": delete_arguments(key)})).to_string())
}

/// The request at another path or with a query string.
pub(crate) fn at(mut request: Raw, path_and_query: &str) -> Raw {
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = Some(path_and_query.parse::<PathAndQuery>().unwrap());
    *request.uri_mut() = Uri::from_parts(parts).unwrap();
    request
}

/// The request with another method.
pub(crate) fn with_method(mut request: Raw, method: Method) -> Raw {
    *request.method_mut() = method;
    request
}

/// The request with a header, which replaces one of that name.
pub(crate) fn with_header(mut request: Raw, name: &'static str, value: &str) -> Raw {
    request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
    request
}

/// The request without its credential.
pub(crate) fn without_authorization(mut request: Raw) -> Raw {
    request.headers_mut().remove("authorization");
    request
}

/// The cookie in which Directus takes a token.
pub(crate) fn cookie(client: &McpClient) -> String {
    format!("directus_session_token={}", client.key())
}

/// The text, compressed by the machine's own gzip.
pub(crate) fn gzip(text: &str) -> Vec<u8> {
    let mut command = Command::new("gzip");
    let mut gzip = command.arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // Taken, so that it is closed at the end of the statement and gzip sees the end of the text.
    gzip.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    gzip.wait_with_output().unwrap().stdout
}
