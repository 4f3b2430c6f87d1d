//! `warrener stdio --server`: a bridge to a gateway.

use super::{GARBAGE, TOKEN, delete, error, hello, read, stand_in, text};
use crate::support::bridge::Bridge;
use crate::support::gateway::{Gateway, Site};
use crate::support::process::checkout;
use crate::support::upstream::{HELD, Upstream};
use serde_json::{Value, json};
use std::path::Path;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A gateway for content editors in front of an upstream, and a key for it.
fn gateway(upstream: &str) -> (Site, Gateway, String) {
    gateway_by(upstream, &checkout("policies"))
}

/// The same, with the policies of a folder.
fn gateway_by(upstream: &str, policies: &Path) -> (Site, Gateway, String) {
    let site = Site::new(upstream, TOKEN, policies, "content-editor");
    let key = site.key("desk");
    let gateway = site.start();
    (site, gateway, key)
}

fn bridge(gateway: &Gateway, key: &str) -> Bridge {
    let url = gateway.client(key).url().to_owned();
    Bridge::start(Path::new("/"), &["--server", &url], &[("WARRENER_KEY", key)])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_goes_through_and_is_recorded() {
    let (site, gateway, key) = gateway(&stand_in().await);
    let mut bridge = bridge(&gateway, &key);
    bridge.ask("a", "initialize", hello()).await;
    let answer = bridge.line().await;
    assert_eq!((&answer["id"], &answer["result"]["protocolVersion"]), (&json!("a"), &json!("2025-06-18")));
    bridge.write("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\r\n\n \n").await;
    bridge.items(1, read(1)).await;
    let answer = bridge.line().await;
    assert!(answer["id"] == 1 && text(&answer).contains("\"title\""), "{answer}");
    bridge.items(2, delete(1)).await;
    let answer = bridge.line().await;
    assert!(text(&answer).contains("content-editor/no-content-deletes"), "{answer}");
    let ended = bridge.end().await;
    assert!(ended.status.success() && ended.rest.is_empty() && ended.said.is_empty(), "{ended:?}");
    let calls = site.calls().await;
    let rows: Vec<_> = calls.iter().map(|call| (call.method.as_str(), call.decision.as_str())).collect();
    for row in [("initialize", "permit"), ("notifications/initialized", "permit"), ("tools/call", "deny")] {
        assert!(rows.contains(&row), "{rows:?}");
    }
    assert!(calls.iter().all(|call| call.principal == "desk"), "{calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_answered_recorded_and_gone_on_from() {
    let (site, gateway, key) = gateway(&stand_in().await);
    let mut bridge = bridge(&gateway, &key);
    let deep = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let long =
        format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}}{}", " ".repeat(17 * 1024 * 1024));
    let more = [(deep.as_bytes(), -32700), (long.as_bytes(), -32700)];
    for (line, code) in GARBAGE.into_iter().chain(more) {
        let shown = String::from_utf8_lossy(line.get(..60).unwrap_or(line)).into_owned();
        bridge.write(line).await;
        bridge.write("\n").await;
        let answer = bridge.line().await;
        let codes = [json!(code), json!(-32600)];
        assert!(codes.contains(&answer["error"]["code"]) && answer["id"].is_null(), "{shown}: {answer}");
        bridge.ask(7, "ping", json!({})).await;
        assert_eq!(bridge.line().await["id"], 7, "{shown}");
    }
    bridge.write("{\"jsonrpc\":\"2.0\",\"id\":8,\"meth").await;
    let ended = bridge.end().await;
    assert!(ended.status.success() && ended.rest.len() == 1, "{ended:?}");
    assert_eq!(ended.rest[0]["error"]["code"], -32700);
    let refused = site.calls().await.into_iter().filter(|call| call.decision == "deny");
    let reasons: Vec<_> = refused.map(|call| call.reason.unwrap_or_default()).collect();
    assert!(
        reasons.contains(&"too_large".to_owned()) && reasons.contains(&"not_understood".to_owned()),
        "{reasons:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_as_they_are_ready_and_the_last_ones_after_the_end() {
    let upstream = Upstream::start().await;
    // The shipped role has no more than four calls under way at once.
    let policies = tempfile::tempdir().unwrap();
    let role = "version: 1\nrole: content-editor\npermissions:\n  - {id: read, collections: [articles], actions: [read], max_items: 100}\n";
    std::fs::write(policies.path().join("content-editor.yaml"), role).unwrap();
    std::fs::write(policies.path().join("guardrails.yaml"), "version: 1\n").unwrap();
    let (_site, gateway, key) = gateway_by(upstream.url(), policies.path());
    let mut bridge = bridge(&gateway, &key);
    bridge.items("held", read(HELD)).await;
    upstream.has_seen(1).await;
    for id in 0..20 {
        bridge.items(id, read(id)).await;
    }
    let mut seen = Vec::new();
    for _ in 0..20 {
        let answer = bridge.line().await;
        let id = answer["id"].as_i64().unwrap();
        assert!(text(&answer).contains(&format!("{{\"id\":{id}}}")), "{answer}");
        seen.push(id);
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..20).collect::<Vec<_>>());
    bridge.items("held", read(1)).await;
    let answer = bridge.line().await;
    assert!(
        answer["id"].is_null() && error(&answer).contains("the id \"held\" is not answered yet"),
        "{answer}"
    );
    bridge.hang_up();
    upstream.let_go();
    let ended = bridge.end().await;
    assert!(ended.status.success() && ended.rest.len() == 1, "{ended:?}");
    assert_eq!(ended.rest[0]["id"], "held");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_called_off_is_not_answered() {
    let upstream = Upstream::start().await;
    let (_site, gateway, key) = gateway(upstream.url());
    let mut bridge = bridge(&gateway, &key);
    bridge.items(1, read(HELD)).await;
    upstream.has_seen(1).await;
    bridge
        .write("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":1}}\n")
        .await;
    bridge.is_silent().await;
    upstream.let_go();
    bridge.is_silent().await;
    bridge.ask(1, "ping", json!({})).await;
    assert_eq!(bridge.line().await["result"], json!({}));
    assert!(bridge.end().await.status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_dies_is_an_error_for_each_request() {
    let upstream = Upstream::start().await;
    let (_site, mut gateway, key) = gateway(upstream.url());
    let mut bridge = bridge(&gateway, &key);
    bridge.items(1, read(HELD)).await;
    upstream.has_seen(1).await;
    gateway.process.kill();
    let answer = bridge.line().await;
    assert_eq!(answer["id"], 1);
    assert!(error(&answer).contains("broke off"), "{answer}");
    bridge.items(2, read(2)).await;
    let answer = bridge.line().await;
    assert!(answer["id"] == 2 && error(&answer).contains("is `warrener serve` running?"), "{answer}");
    bridge.write("garbage\n").await;
    assert_eq!(bridge.line().await["error"]["code"], -32700);
    let ended = bridge.end().await;
    assert!(ended.status.success() && !ended.said.contains(&key), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_taken_is_said_so() {
    let (_site, gateway, _) = gateway(&stand_in().await);
    let other = "wr_0123456789012345678901234567890123456789abc";
    let mut bridge = bridge(&gateway, other);
    bridge.ask(1, "initialize", hello()).await;
    let answer = bridge.line().await;
    let text = error(&answer);
    assert!(
        answer["id"] == 1 && text.contains("answered 401") && text.contains("`WARRENER_KEY`"),
        "{answer}"
    );
    let ended = bridge.end().await;
    assert!(!format!("{ended:?}").contains(other), "{ended:?}");
}

#[tokio::test]
async fn the_key_is_where_it_is_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "from-file\n").unwrap();
    for (words, variables, expect) in [
        (&[][..], &[("WARRENER_KEY", "own"), ("DIRECTUS_TOKEN", "guide")][..], "Bearer own"),
        (&[], &[("WARRENER_KEY", ""), ("DIRECTUS_TOKEN", "guide")], "Bearer guide"),
        (&["--key-file", "key"], &[("WARRENER_KEY", "own")], "Bearer from-file"),
    ] {
        let (url, request) = answering("HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").await;
        let words = [words, &["--server", &url]].concat();
        let mut bridge = Bridge::start(folder.path(), &words, variables);
        bridge.ask(1, "ping", json!({})).await;
        assert!(error(&bridge.line().await).contains("gave no answer"));
        let request = request.await.unwrap();
        assert!(request.contains(&format!("authorization: {expect}\r\n")), "{request}");
        assert!(request.starts_with("POST /mcp HTTP/1.1\r\n"), "{request}");
        bridge.end().await;
    }
    for (words, expect) in [
        (&["--server", "http://127.0.0.1:1/mcp"][..], "there is no key for the gateway"),
        (&["--server", "http://gateway.example.com/mcp"], "in cleartext"),
        (&["--server", "http://127.0.0.1/mcp?access_token=x"], "a key never stands in it"),
        (&["--server", "http://127.0.0.1/", "--key-file", "nowhere"], "`nowhere` cannot be read"),
        (&["--server", "http://127.0.0.1/", "--upstream", "http://127.0.0.1/"], "cannot be used with"),
    ] {
        let ended = Bridge::start(folder.path(), words, &[]).ended().await;
        assert!(
            ended.status.code() == Some(1) && ended.rest.is_empty() && ended.said.contains(expect),
            "{ended:?}"
        );
    }
}

/// A server that answers its first request with this; its address, and what it was sent.
async fn answering(reply: &'static str) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 8192];
        let read = stream.read(&mut request).await.unwrap();
        stream.write_all(reply.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        String::from_utf8_lossy(&request[..read]).into_owned()
    });
    (url, task)
}

#[tokio::test]
async fn whatever_a_server_answers_only_messages_are_written() {
    let events = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n\
        data: {\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"sampling/createMessage\",\"params\":{}}\n\n\
        data: noise\n\ndata: {\"jsonrpc\":\"2.0\",\ndata: \"id\":1,\"result\":{\"a\":\"\u{2028}\"}}\n\n";
    for (reply, expect) in [
        ("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 8\r\n\r\n<html>\n\n", "(text/html)"),
        (
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
            "is not followed",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 36\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}",
            "another request",
        ),
        ("HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"jsonrpc\":", "broke off in its answer"),
        ("SSH-2.0-x\r\n", "broke off before"),
        (events, ""),
    ] {
        let (url, _) = answering(reply).await;
        let mut bridge = Bridge::start(Path::new("/"), &["--server", &url], &[("WARRENER_KEY", "k")]);
        bridge.ask(1, "ping", json!({})).await;
        let answer: Value = bridge.line().await;
        assert_eq!(answer["id"], 1, "{answer}");
        if expect.is_empty() {
            assert_eq!(answer["result"]["a"], "\u{2028}");
        } else {
            assert!(error(&answer).contains(expect), "{answer}");
        }
        let ended = bridge.end().await;
        assert!(ended.rest.is_empty() && ended.status.success(), "{ended:?}");
    }
}
