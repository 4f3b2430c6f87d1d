//! Clients that are too many, too slow, too long or too odd.

use super::directus::Fault;
use super::figures::{Figures, peak};
use super::{PATIENCE, Rig, full};
use crate::support::process::eventually;
use crate::support::request::tool;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What one connection may cost the gateway, in KiB, however it is left.
const A_CONNECTION: u64 = 64;

fn read(key: i64) -> Value {
    json!({"action": "read", "collection": "articles", "keys": [key], "query": {"fields": ["id"]}})
}

/// The bytes of a well-formed call, with these headers beside those that it has.
fn bytes(rig: &Rig, key: i64, headers: &str) -> String {
    let body = tool("items", &read(key)).to_string();
    format!("{}content-length: {}\r\n\r\n{body}", head(rig, headers), body.len())
}

/// A well-formed head, without its end.
fn head(rig: &Rig, headers: &str) -> String {
    format!(
        "POST /mcp HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n{headers}",
        rig.key
    )
}

async fn connect(rig: &Rig) -> TcpStream {
    TcpStream::connect(rig.address()).await.unwrap()
}

async fn sends(rig: &Rig, text: &str) -> TcpStream {
    let mut stream = connect(rig).await;
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// What arrives until the other end closes, which has to be in time.
async fn rest(stream: &mut TcpStream) -> String {
    let mut came = Vec::new();
    // A reset is an end too.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut came)).await.expect("the connection stays open");
    String::from_utf8_lossy(&came).into_owned()
}

/// Writes until the other side has had enough, or so many bytes are written; says how many.
async fn pours(stream: &mut TcpStream, piece: &[u8], most: usize) -> usize {
    let mut written = 0;
    while written < most {
        match timeout(PATIENCE, stream.write_all(piece)).await.expect("it is neither read nor refused") {
            Ok(()) => written += piece.len(),
            Err(_) => break,
        }
    }
    written
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_connections_is_turned_away_and_leaves_nothing() {
    let rig = Rig::start("limits: {connections: 64, header_timeout: 2s}\n").await;
    let process = rig.gateway.process.id();
    drop(rest(&mut sends(&rig, "GET /healthz HTTP/1.0\r\n\r\n").await).await);
    let before = Figures::of(process);
    let mut told = 0;
    for _ in 0..5 {
        let mut flood = Vec::new();
        for _ in 0..300 {
            // The kernel may not take it either.
            if let Ok(stream) = TcpStream::connect(rig.address()).await {
                flood.push(stream);
            }
        }
        let last = flood.last_mut().unwrap();
        told += usize::from(rest(last).await.starts_with("HTTP/1.1 503"));
        let held = Figures::of(process);
        assert!(held.files <= before.files + 64 + 64 + 8, "{before:?} {held:?}");
        drop(flood);
    }
    assert!(told <= 5);
    let client = rig.gateway.client(&rig.key);
    eventually(PATIENCE, "calls go through again", async || {
        client
            .try_send(client.post(tool("items", &read(1000)).to_string()))
            .await
            .is_ok_and(|reply| reply.status == 200)
    })
    .await;
    drop(client);
    eventually(PATIENCE, "files are closed", async || Figures::of(process).files <= before.files + 4).await;
    let grown = Figures::of(process).memory.saturating_sub(before.memory);
    assert!(grown < 16 * 1024, "{grown} KiB more");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_cost_little_and_calls_go_on() {
    let count = if full() { 10_000 } else { 1_000 };
    let rig = Rig::start("limits: {connections: 12000, header_timeout: 5m}\n").await;
    let process = rig.gateway.process.id();
    let client = rig.gateway.client(&rig.key);
    assert!(client.tool("items", read(1000)).await.raw().is_array());
    let before = Figures::of(process);
    let mut idle = Vec::new();
    for number in 0..count {
        // Half of them have begun a head.
        let text = if number % 2 == 0 { "" } else { "POST /mcp HTTP/1.1\r\nhost: local" };
        idle.push(sends(&rig, text).await);
    }
    eventually(PATIENCE, "all are taken", async || Figures::of(process).files >= before.files + idle.len())
        .await;
    let began = Instant::now();
    assert!(client.tool("items", read(1001)).await.raw().is_array());
    assert!(began.elapsed() < PATIENCE);
    let held = Figures::of(process);
    let each = held.memory.saturating_sub(before.memory) / u64::try_from(count).unwrap();
    assert!(each < A_CONNECTION, "{each} KiB for each idle connection: {before:?} {held:?}");
    // The trail may have begun one of its own.
    assert!(held.threads <= before.threads + 4, "no threads of their own: {before:?} {held:?}");
    drop(idle);
    eventually(PATIENCE, "files are closed", async || Figures::of(process).files <= before.files + 8).await;
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_huge_endless_or_compressed_are_refused_and_not_kept() {
    let rig = Rig::start("limits: {body_bytes: 64KiB, body_timeout: 2s}\n").await;
    let process = rig.gateway.process.id();
    let client = rig.gateway.client(&rig.key);
    assert!(client.tool("items", read(1000)).await.raw().is_array());
    let before = peak(process);
    let piece = vec![b' '; 64 * 1024];

    let mut huge = sends(&rig, &format!("{}content-length: 1000000000000\r\n\r\n", head(&rig, ""))).await;
    let written = pours(&mut huge, &piece, 64 << 20).await;
    assert!(written < 64 << 20, "a huge body was read on");
    let told = rest(&mut huge).await;
    assert!(told.is_empty() || told.starts_with("HTTP/1.1 413"), "{told}");

    let mut endless = sends(&rig, &format!("{}transfer-encoding: chunked\r\n\r\n", head(&rig, ""))).await;
    let chunk = [b"10000\r\n", piece.as_slice(), b"\r\n"].concat();
    let written = pours(&mut endless, &chunk, 64 << 20).await;
    assert!(written < 64 << 20, "an endless body was read on");
    let told = rest(&mut endless).await;
    assert!(told.is_empty() || told.starts_with("HTTP/1.1 413"), "{told}");

    // A thousand chunks of a byte each, none of which is long; then the end of the time.
    let mut drops = sends(&rig, &format!("{}transfer-encoding: chunked\r\n\r\n", head(&rig, ""))).await;
    let began = Instant::now();
    while drops.write_all(b"1\r\n \r\n").await.is_ok() && began.elapsed() < PATIENCE {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(began.elapsed() < PATIENCE, "a slow body was read on");

    let bomb = crate::support::request::gzip(&" ".repeat(8 << 20));
    let mut request = client.post(bomb);
    request.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    assert_eq!(client.send(request).await.status, 415);

    let grown = peak(process).saturating_sub(before);
    assert!(grown < 16 * 1024, "{grown} KiB more");
    let calls = rig.site.calls().await;
    let refused = calls.iter().filter(|call| call.outcome.as_deref() == Some("refused")).count();
    assert!(refused >= 4, "each is recorded: {calls:#?}");
    assert_eq!(rig.directus.seen().len(), 1, "nothing of it is forwarded");
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_left_and_its_call_is_recorded_to_the_end() {
    let rig = Rig::start("limits: {body_timeout: 1s}\n").await;
    rig.directus.huge(16 << 20);
    let process = rig.gateway.process.id();
    let client = rig.gateway.client(&rig.key);
    assert!(client.tool("items", read(1000)).await.raw().is_array());
    let before = peak(process);
    let mut readers = Vec::new();
    for _ in 0..8 {
        readers.push(sends(&rig, &bytes(&rig, Fault::Huge.key(), "")).await);
    }
    eventually(PATIENCE, "all calls have ended", async || {
        let calls = rig.site.calls().await;
        calls.len() == 9 && calls.iter().all(|call| call.outcome.is_some())
    })
    .await;
    let grown = peak(process).saturating_sub(before);
    assert!(grown < 48 * 1024, "{grown} KiB more for eight clients that do not read");
    drop(readers);
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_closes_its_half_is_gone_and_what_it_called_is_recorded() {
    let rig = Rig::start("").await;
    for key in 1000..1010 {
        let mut stream = sends(&rig, &bytes(&rig, key, "")).await;
        stream.shutdown().await.unwrap();
        let told = rest(&mut stream).await;
        assert!(told.is_empty() || told.starts_with("HTTP/1.1 200 OK"), "{told}");
    }
    eventually(PATIENCE, "all calls have ended", async || {
        rig.site.calls().await.iter().all(|call| call.outcome.is_some())
    })
    .await;
    // Whatever of it has reached Directus is in the trail.
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pipelined_is_answered_in_order_and_one_at_a_time() {
    let rig = Rig::start("").await;
    let mut all: String = (1000..1019).map(|key| bytes(&rig, key, "")).collect();
    all.push_str(&bytes(&rig, 1019, "connection: close\r\n"));
    let mut stream = sends(&rig, &all).await;
    let told = rest(&mut stream).await;
    let answered: Vec<i64> =
        told.split(r#"\"id\":"#).skip(1).map(|rest| rest.get(..4).unwrap().parse().unwrap()).collect();
    assert_eq!(answered, (1000..1020).collect::<Vec<_>>(), "{told}");
    assert_eq!(rig.directus.most_at_once(), 1);
    rig.end().await;
}
