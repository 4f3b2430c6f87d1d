//! The log at its loudest: a line for each call, and no secret.

use super::{PATIENCE, Watched};
use crate::support::authority::Authority;
use crate::support::client::McpClient;
use crate::support::gateway::Site;
use crate::support::process::{checkout, eventually};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

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

const SCHEMA_TOKEN: &str = "secret-of-the-schema";

const SETTINGS: &str = "version: 1
upstream: {schema_token_env: SCHEMA_TOKEN}
metrics: {listen: '127.0.0.1:0'}
telemetry: {otlp: 'http://127.0.0.1:9', sample: 1}
identity:
  same_resource: {public_url: 'https://cms.example.com', roles: {Editor: content-editor}}
  passthrough: {roles: {Editor: content-editor}}
";

/// The lines for calls.
fn calls(log: &str) -> Vec<Value> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["target"] == "warrener::calls").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_everything_has_a_line_for_each_call_and_no_secret() {
    let environment = [("WARRENER_LOG", "trace"), ("SCHEMA_TOKEN", SCHEMA_TOKEN)];
    // With a collector that nobody is at, and tokens of Directus' own, which it is asked about.
    let watched = Watched::with(SETTINGS, &environment).await;
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
    for secret in SENT.into_iter().chain(["upstream-secret-token", SCHEMA_TOKEN, client.key()]) {
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

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_the_certificate_is_in_no_log() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "authority");
    let (pair, other) = (authority.server(), authority.server());
    authority.put("server", &pair);
    let site = Site::new("http://127.0.0.1:9", "upstream-secret-token", &checkout("policies"), "reader");
    site.key("desk");
    let at = folder.path().display();
    site.settle(&format!(
        "version: 1\nlisten: {{address: '127.0.0.1:0', tls: {{certificate: {at}/server.pem, key: {at}/server.key}}}}\n"
    ));
    let gateway = site.start_with(&[("WARRENER_LOG", "trace")]);
    let log = || gateway.process.log();
    // A handshake that fails, a key that does not fit, and one that does.
    let client = gateway.client("");
    let address = client.url().trim_start_matches("https://").trim_end_matches("/mcp");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"\x16\x03\x01\x00\x05hello").await.unwrap();
    eventually(PATIENCE, "the handshake fails", async || log().contains("a handshake failed")).await;
    authority.write("server.key", &other.key);
    gateway.process.signal("HUP");
    eventually(PATIENCE, "the key is refused", async || log().contains("stays as it was")).await;
    authority.put("server", &other);
    gateway.process.signal("HUP");
    eventually(PATIENCE, "the pair is taken", async || log().contains("was reloaded")).await;
    for line in [&pair.key, &other.key].into_iter().flat_map(|key| key.lines()) {
        assert!(!log().contains(line), "{line}");
    }
}
