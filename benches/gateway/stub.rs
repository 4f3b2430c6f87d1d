//! The stand-in for Directus: it reads each request to its end and answers all with the same bytes, as fast as it can.
//!
//! It understands no more of HTTP than it needs, since its time is not what is measured.

use crate::wire::{self, Reader};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

/// Serves for ever, and says on which port.
pub(crate) async fn serve(bytes: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    let reply: &'static [u8] = reply(bytes).leak();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(answer(stream, reply));
    }
}

async fn answer(stream: TcpStream, reply: &[u8]) {
    stream.set_nodelay(true).unwrap();
    let mut reader = Reader::new(stream);
    while reader.message().await.is_some() {
        if reader.stream().write_all(reply).await.is_err() {
            return;
        }
    }
}

fn reply(bytes: usize) -> Vec<u8> {
    let body = body(bytes);
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body.into_bytes()].concat()
}

/// What Directus answers to a read, of about so many bytes.
pub(crate) fn body(bytes: usize) -> String {
    let mut rows = Vec::new();
    let mut text = String::new();
    while text.len() < bytes.saturating_sub(150) {
        let id = rows.len() + 1;
        rows.push(json!({"id": id, "title": format!("All about rabbits, part {id}"), "status": "published"}));
        text =
            if rows.len() % 100 == 0 || bytes < 10_000 { json!({ "raw": rows }).to_string() } else { text };
    }
    let result = json!({"content": [{"type": "text", "text": text}]});
    json!({"jsonrpc": "2.0", "id": 1, "result": result}).to_string()
}

/// A read of ten articles, about 400 bytes, as an HTTP request.
pub(crate) fn request(authority: &str, bearer: &str) -> Vec<u8> {
    let query = json!({
        "fields": ["id", "title", "slug", "status", "price", "published_on", "date_created"],
        "filter": {"_and": [{"status": {"_eq": "published"}}, {"title": {"_contains": "rabbit"}}]},
        "sort": ["-published_on", "title"],
        "limit": 10,
    });
    let arguments = json!({"action": "read", "collection": "articles", "query": query});
    let params = json!({"name": "items", "arguments": arguments, "_meta": {"progressToken": "0123456789"}});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
    wire::post(authority, bearer, &body)
}
