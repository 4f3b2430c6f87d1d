//! One client over standard input and output: by a gateway elsewhere, and by itself.

mod bridge;
mod itself;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use warrener::accept::Drain;
use warrener::demo::{StandIn, StandInOptions};

/// What the stand-in takes for an administrator's.
const TOKEN: &str = "admin-static-token";

/// A small Directus, which ends with the test's runtime; its address.
async fn stand_in() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let options = StandInOptions { public_url: url.clone(), ..StandInOptions::default() };
    tokio::spawn(StandIn::new(options).unwrap().serve(listener, Drain::new()));
    url
}

fn hello() -> Value {
    json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "desk", "version": "1"}})
}

fn read(key: i64) -> Value {
    json!({"action": "read", "collection": "articles", "keys": [key], "query": {"fields": ["id", "title"]}})
}

fn delete(key: i64) -> Value {
    json!({"action": "delete", "collection": "articles", "keys": [key]})
}

/// What the client's model reads.
fn text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

fn error(answer: &Value) -> &str {
    answer["error"]["message"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

/// Lines that are no message, with the code of the error that each is answered with.
const GARBAGE: [(&[u8], i64); 12] = [
    (b"garbage", -32700),
    (b"{", -32700),
    (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"} {}", -32700),
    (b"\xef\xbb\xbf{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", -32700),
    (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pi\0ng\"}", -32700),
    (b"\0", -32700),
    (b"\xff\xfe", -32700),
    (b"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"ping\"}", -32700),
    (b"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", -32600),
    (b"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", -32600),
    (b"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", -32600),
    (b"\"a \\u2028 text\"", -32600),
];
