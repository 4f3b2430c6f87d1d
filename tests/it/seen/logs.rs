//! The log at its loudest: a line for each call, and no secret.

use super::{PATIENCE, Watched};
use crate::support::client::McpClient;
use crate::support::process::eventually;
use serde_json::{Value, json};

/// Secrets of this run that a client sends, wherever one could stand.
const SENT: [&str; 7] = [
    "hunter2-password",
    "token-in-arguments",
    "token-in-address",
    "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6Im5vYm9keSJ9.c2lnbmF0dXJl",
    "cookie-of-a-session",
    "word-in-an-url",
    "secret-in-meta",
];

/// The lines for calls.
fn calls(log: &str) -> Vec<Value> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["target"] == "warrener::calls").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_everything_has_a_line_for_each_call_and_no_secret() {
    let watched = Watched::start(&[("WARRENER_LOG", "trace")]).await;
    let [password, token, in_address, jwt, cookie, word, meta] = SENT;
    let client = &watched.client;
    let calls_sent = [
        json!({"name": "items", "arguments": {"action": "read", "collection": "articles", "query": {"fields": ["id"]}, "keys": [1]}}),
        json!({"name": "items", "arguments": {"action": "create", "collection": "articles", "data": [{"title": "x", "password": password, "token": token}]}}),
        json!({"name": "items", "arguments": {"action": "update", "collection": "directus_users", "keys": ["1"], "data": {"password": password}}}),
        json!({"name": "files", "arguments": {"action": "import", "data": [{"url": format!("https://bob:{word}@images.example.com/?access_token={token}")}]}}),
        json!({"name": "items\n{\"target\":\"warrener::calls\",\"call\":\"forged\"}\u{1b}[31m", "arguments": {"password": password}}),
        json!({"name": "items", "arguments": {"action": "read", "collection": "articles", "query": {}}, "_meta": {"api_key": meta}}),
    ];
    for call in &calls_sent {
        client.rpc("tools/call", call.clone()).await;
    }
    for credential in [jwt, token] {
        McpClient::new(client.url(), credential).rpc("ping", json!({})).await;
    }
    let in_url = McpClient::new(format!("{}?access_token={in_address}", client.url()), client.key());
    in_url.rpc("ping", json!({})).await;
    let mut with_cookie = client.message("ping", &json!({}));
    with_cookie.headers_mut().insert("cookie", format!("directus_session_token={cookie}").parse().unwrap());
    client.send(with_cookie).await;
    let of_calls = || calls(&watched.gateway.process.log());
    eventually(PATIENCE, "each call has its line", async || of_calls().len() >= calls_sent.len()).await;

    let log = watched.gateway.process.log();
    assert!(log.contains("\"level\":\"DEBUG\"") || log.contains("\"level\":\"TRACE\""), "it is not loud");
    for secret in SENT.into_iter().chain(["upstream-secret-token", client.key()]) {
        let place = log.lines().find(|line| line.contains(secret));
        assert_eq!(place, None, "`{secret}` is in the log");
    }
    let lines = of_calls();
    assert_eq!(lines.len(), calls_sent.len(), "one line a call: {lines:#?}");
    for line in &lines {
        for member in ["call", "principal", "role", "decision", "outcome", "duration_us"] {
            assert!(!line[member].is_null(), "{member}: {line}");
        }
        assert!(line["call"].as_str().unwrap().parse::<uuid::Uuid>().is_ok(), "{line}");
        let tool = line["tool"].as_str().unwrap_or_default();
        assert!(!tool.contains(char::is_control), "{tool:?}");
    }
    for line in log.lines() {
        assert!(
            serde_json::from_str::<Value>(line).is_ok_and(|line| line.is_object()),
            "{line:?} is no line"
        );
        assert!(!line.contains(char::is_control), "{line:?}");
    }
}
