//! Restarts while clients call: the socket stays, connections wait, and no call fails.

use super::{PATIENCE, Port, read, reader_policies, site};
use crate::support::client::McpClient;
use crate::support::gateway::Gateway;
use crate::support::upstream::Upstream;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

const RESTARTS: usize = 3;
/// So many calls get through between two of them.
const BETWEEN: usize = 40;
/// Half of them keep their connections, and half make one for each call.
const CLIENTS: usize = 8;

/// Calls that go on until they are told to stop; each says what it has called, and what failed.
struct Load {
    over: Arc<AtomicBool>,
    tasks: JoinSet<(Vec<i64>, Vec<String>)>,
}

impl Load {
    fn start(port: &Port, key: &str) -> Self {
        let (over, next, mut tasks) =
            (Arc::<AtomicBool>::default(), Arc::<AtomicI64>::default(), JoinSet::new());
        next.store(1000, Ordering::SeqCst);
        for number in 0..CLIENTS {
            let fresh = (number % 2 == 1).then(|| (port.client(key).url().to_owned(), key.to_owned()));
            tasks.spawn(calls(port.client(key), fresh, next.clone(), over.clone()));
        }
        Self { over, tasks }
    }

    async fn end(mut self) -> (BTreeSet<i64>, Vec<String>) {
        self.over.store(true, Ordering::SeqCst);
        let (mut called, mut failed) = (BTreeSet::new(), Vec::new());
        while let Some(done) = tokio::time::timeout(PATIENCE, self.tasks.join_next()).await.unwrap() {
            let (keys, errors) = done.unwrap();
            called.extend(keys);
            failed.extend(errors);
        }
        (called, failed)
    }
}

async fn calls(
    mut client: McpClient,
    fresh: Option<(String, String)>,
    next: Arc<AtomicI64>,
    over: Arc<AtomicBool>,
) -> (Vec<i64>, Vec<String>) {
    let (mut called, mut failed) = (Vec::new(), Vec::new());
    while !over.load(Ordering::SeqCst) {
        if let Some((url, key)) = &fresh {
            client = McpClient::new(url, key);
        }
        let key = next.fetch_add(1, Ordering::SeqCst);
        let params = serde_json::json!({"name": "items", "arguments": read(key)});
        match client.try_send(client.message("tools/call", &params)).await {
            Ok(reply) if !reply.is_refusal() => called.push(key),
            Ok(reply) => failed.push(format!("{key}: {} {}", reply.status, reply.text())),
            Err(error) => failed.push(format!("{key}: {error:?}")),
        }
    }
    (called, failed)
}

/// Ends the old gateway, and starts the next one: after it, as systemd does, or while it still serves.
async fn replaced(
    mut old: Gateway,
    overlapping: bool,
    start: impl FnOnce() -> Gateway + Send + 'static,
) -> Gateway {
    if !overlapping {
        old.process.terminate();
        assert!(old.process.ended(PATIENCE).await.success());
        return tokio::task::spawn_blocking(start).await.unwrap();
    }
    // It serves once it has the trail, and that is not before the old one has gone.
    let new = tokio::task::spawn_blocking(start);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!new.is_finished(), "two gateways write one trail");
    old.process.terminate();
    assert!(old.process.ended(PATIENCE).await.success());
    new.await.unwrap()
}

async fn no_call_fails(overlapping: bool) {
    let (upstream, policies, port) = (Upstream::start().await, reader_policies(), Arc::new(Port::new()));
    let site = Arc::new(site(upstream.url(), policies.path()));
    let key = site.key("busy");
    let mut gateway = port.start(&site);
    let load = Load::start(&port, &key);
    for _ in 0..RESTARTS {
        upstream.has_seen(upstream.seen().len() + BETWEEN).await;
        let (site, port) = (site.clone(), port.clone());
        gateway = replaced(gateway, overlapping, move || port.start(&site)).await;
    }
    upstream.has_seen(upstream.seen().len() + BETWEEN).await;
    let (called, failed) = load.end().await;
    assert!(
        failed.is_empty(),
        "{} of {} calls failed: {failed:#?}",
        failed.len(),
        called.len() + failed.len()
    );
    gateway.process.terminate();
    assert!(gateway.process.ended(PATIENCE).await.success());

    // Each was done once, and is in the trail once, with its end.
    let seen: Vec<i64> = upstream.seen().iter().map(|seen| seen.key).collect();
    assert_eq!(seen.len(), called.len());
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), called);
    let calls = site.calls().await;
    assert_eq!(calls.len(), called.len());
    assert!(calls.iter().all(|call| call.outcome.as_deref() == Some("ok")));
    site.run(["audit", "verify", "--audit", &site.audit()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_fails_when_one_gateway_follows_another() {
    no_call_fails(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_fails_when_the_next_gateway_waits_for_the_one_before() {
    no_call_fails(true).await;
}
