//! Upstreams that hang, trickle, die, lie, or send a gigabyte.

use super::directus::{Directus, Fault};
use super::figures::{Figures, peak};
use super::{PATIENCE, Rig, full, site, with_schema};
use crate::support::client::McpClient;
use crate::support::process::eventually;
use crate::support::request::tool;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Waits as short as a test can bear, and no breaker: each fault is looked at for itself.
const SETTINGS: &str = "upstream: {timeout: 1s, connect_timeout: 1s}\n\
    limits: {call_timeout: 4s, inspect_bytes: 1MiB, breaker_failures: 1000}\n";

/// Each answer to be had is had within this, on a busy machine too.
const SOON: Duration = Duration::from_secs(20);

fn read(key: i64) -> Value {
    json!({"action": "read", "collection": "articles", "keys": [key], "query": {"fields": ["id"]}})
}

/// What a call came to: the status, and the body as far as it came, with whether it broke off. An answer that breaks off before its head
/// has left the gateway has no status.
async fn call(client: &McpClient, name: &str, arguments: &Value) -> (u16, String, bool) {
    let request = client.post(tool(name, arguments).to_string());
    let http = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .build_http::<http_body_util::Full<bytes::Bytes>>();
    let reply = timeout(SOON, http.request(request)).await.expect("no answer");
    let Ok(reply) = reply else { return (0, String::new(), true) };
    let (head, mut body) = reply.into_parts();
    let (mut text, mut broke) = (Vec::new(), false);
    while let Some(frame) = timeout(SOON, body.frame()).await.expect("the answer does not go on") {
        let Ok(frame) = frame else {
            broke = true;
            break;
        };
        text.extend_from_slice(frame.data_ref().unwrap());
    }
    (head.status.as_u16(), String::from_utf8_lossy(&text).into_owned(), broke)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_is_refused_in_time_and_recorded_as_failed() {
    let rig = Rig::start(SETTINGS).await;
    let client = rig.gateway.client(&rig.key);
    assert!(client.tool("items", read(1000)).await.raw().is_array());
    let before = Figures::of(rig.gateway.process.id());
    let table = [
        (Fault::Hangs, 504, "Directus did not answer within 1 s"),
        (Fault::DiesInAShortAnswer, 502, "it broke off"),
        (Fault::NoHttp, 502, "the connection to Directus broke"),
        (Fault::NoJson, 502, "it is not JSON"),
        (Fault::AnotherId, 502, "it is not the answer to this request"),
        (Fault::Redirects, 502, "Directus did not take the request (HTTP 307"),
        (Fault::Page, 502, "it does not come as JSON"),
        (Fault::Compressed, 502, "it does not come as JSON"),
        (Fault::ManyHeaders, 502, "the connection to Directus broke"),
        (Fault::LongHead, 502, "the connection to Directus broke"),
        (Fault::EndlessHead, 502, "the connection to Directus broke"),
        (Fault::ResetsAfter, 502, "the connection to Directus broke"),
        (Fault::Errors, 502, "Directus did not take the request (HTTP 500"),
    ];
    for (fault, status, text) in table {
        let (came, told, broke) = call(&client, "items", &read(fault.key())).await;
        assert!(came == status && told.contains(text) && !broke, "{fault:?}: {came} {told}");
        assert!(!told.contains("SELECT") && !told.contains("location"), "{fault:?}: {told}");
    }
    assert_eq!(rig.directus.elsewhere(), 0, "no redirect is followed");
    // A result passes as it comes, as soon as it is certain that it is one.
    for fault in [Fault::Trickles, Fault::DiesInALongAnswer] {
        let (came, told, broke) = call(&client, "items", &read(fault.key())).await;
        assert!(broke || came == 504 || came == 502, "{fault:?}: {came} {told}");
    }
    rig.directus.resets(true);
    eventually(PATIENCE, "connections are reset", async || {
        call(&client, "items", &read(1001)).await.0 == 502
    })
    .await;
    rig.directus.resets(false);
    eventually(PATIENCE, "and are not any more", async || call(&client, "items", &read(1002)).await.0 == 200)
        .await;

    // What was held for all that is given back: connections to an upstream are kept for 4 s.
    let process = rig.gateway.process.id();
    eventually(PATIENCE, "files are closed", async || Figures::of(process).files <= before.files + 4).await;
    let outcomes: Vec<_> = rig.site.calls().await.into_iter().filter_map(|call| call.outcome).collect();
    assert!(
        outcomes.iter().filter(|outcome| *outcome == "failed").count() >= table.len() + 2,
        "{outcomes:?}"
    );
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_asked_for_is_nobodys() {
    let rig = Rig::start(SETTINGS).await;
    let client = rig.gateway.client(&rig.key);
    for key in 1000..1010 {
        let _ = call(&client, "items", &read(Fault::TwoAnswers.key())).await;
        assert_eq!(client.tool("items", read(key)).await.raw(), json!([{"id": key}]));
    }
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_huge_answer_is_streamed_and_one_that_must_be_cut_is_refused() {
    let rig = Rig::start(&SETTINGS.replace("call_timeout: 4s", "call_timeout: 1h")).await;
    let client = rig.gateway.client(&rig.key);
    assert!(client.tool("items", read(1000)).await.raw().is_array());
    let length = if full() { 1 << 30 } else { 64 << 20 };
    rig.directus.huge(length);
    let process = rig.gateway.process.id();
    let before = peak(process);

    let request = client.post(tool("items", &read(Fault::Huge.key())).to_string());
    let http = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .build_http::<http_body_util::Full<bytes::Bytes>>();
    let mut body = http.request(request).await.unwrap().into_body();
    let mut came = 0;
    while let Some(frame) = body.frame().await {
        came += frame.unwrap().data_ref().unwrap().len();
    }
    assert!(came > length, "{came} of {length} bytes");

    for _ in 0..5 {
        let (status, told, _) = call(&client, "weather", &json!({"keys": [Fault::Huge.key()]})).await;
        assert!(
            status == 502 && told.contains("longer than what is read whole (`limits.inspect_bytes`)"),
            "{told}"
        );
    }
    let grown = peak(process).saturating_sub(before);
    assert!(grown < 24 * 1024, "{grown} KiB more for an answer of {length} bytes");
    rig.end().await;
}

/// A Directus whose queue of connections is full: nobody takes them.
#[tokio::test(flavor = "multi_thread")]
async fn a_directus_that_takes_no_connection_is_given_up_in_time() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        waiting.push(stream);
        assert!(waiting.len() < 100, "the queue is never full");
    }
    let (site, _policies) = site(&format!("http://{address}"));
    let key = site.key("desk");
    site.settle(&with_schema(
        "upstream: {connect_timeout: 500ms}\nlimits: {breaker_failures: 2, breaker_pause: 1h}\n",
    ));
    let gateway = site.start();
    let client = gateway.client(&key);
    for _ in 0..2 {
        let (status, told, _) = call(&client, "items", &read(1000)).await;
        assert!(status == 502 && told.contains("no connection to Directus"), "{status} {told}");
    }
    let began = Instant::now();
    let (status, told, _) = call(&client, "items", &read(1000)).await;
    assert!(status == 503 && told.contains("Directus cannot be reached"), "{status} {told}");
    assert!(began.elapsed() < SOON);
    let ready: Value = gateway.get("/readyz").await.json();
    assert_eq!(ready["checks"]["breaker"], "open", "{ready}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directus_that_comes_back_is_called_again() {
    let rig = Rig::start("limits: {breaker_failures: 2, breaker_pause: 200ms}\n").await;
    let client = rig.gateway.client(&rig.key);
    assert!(client.tool("items", read(1000)).await.raw().is_array());
    rig.directus.goes_down();
    eventually(PATIENCE, "calls are refused at once", async || {
        call(&client, "items", &read(1001)).await.0 == 503
    })
    .await;
    rig.directus.comes_up().await;
    eventually(PATIENCE, "calls go through again", async || {
        call(&client, "items", &read(1002)).await.0 == 200
    })
    .await;
    let ready: Value = rig.gateway.get("/readyz").await.json();
    assert_eq!(ready["checks"]["breaker"], "closed", "{ready}");
    rig.end().await;
}

/// The upstream of this file keeps its promises where nothing else is asked of it.
#[tokio::test]
async fn the_upstream_itself_is_there() {
    let directus = Directus::start().await;
    let answer = McpClient::new(format!("{}/mcp", directus.url()), "").rpc("tools/call", json!({})).await;
    assert_eq!(answer.status, 200);
}
