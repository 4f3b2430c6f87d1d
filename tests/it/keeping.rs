//! What a gateway does for its trail as the settings say: how much it keeps of arguments, for how long, and where it signs.

use crate::support::gateway::Site;
use crate::support::process::{checkout, eventually};
use crate::support::upstream::Upstream;
use crate::trail::{id, intent, outcome};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use uuid::Uuid;
use warrener::audit::entry::Entry;
use warrener::audit::trail::{Trail, TrailOptions};

const PATIENCE: Duration = Duration::from_secs(30);

async fn site(settings: &str) -> (Upstream, Site) {
    let upstream = Upstream::start().await;
    let site = Site::new(upstream.url(), "upstream-token", &checkout("policies"), "content-editor");
    site.settle(&format!("version: 1\naudit: {{{settings}}}\n"));
    (upstream, site)
}

/// What the trail has of the arguments of a call with a long text and a secret in it.
async fn kept(word: &str) -> Option<String> {
    let (_upstream, site) = site(&format!("arguments: {word}")).await;
    let key = site.key("desk");
    let mut gateway = site.start();
    let data = json!({"title": "x".repeat(100_000), "password": "correct horse"});
    let arguments = json!({"action": "delete", "collection": "articles", "keys": [1], "data": data});
    gateway.client(&key).tool("items", arguments).await;
    gateway.process.terminate();
    assert!(gateway.process.ended(PATIENCE).await.success(), "{}", gateway.process.log());
    let line = site.run(["audit", "query", "--format", "json", "--audit", &site.audit()]);
    let call: Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    assert!(!line.contains("correct horse"), "{line}");
    assert_eq!(call["arguments_digest"].as_str().map(str::len), Some(64), "{call}");
    (!call["arguments"].is_null()).then(|| call["arguments"].to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_are_kept_whole_or_bounded_or_not_at_all_and_never_with_a_secret() {
    let (full, masked) = (kept("full").await.unwrap(), kept("masked").await.unwrap());
    assert!(full.contains(&"x".repeat(100_000)), "{} bytes", full.len());
    assert!(!masked.contains("xxx"), "{} bytes", masked.len());
    assert_eq!(kept("digest").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_are_too_old_go_by_themselves() {
    let (_upstream, site) = site("retention: 30d").await;
    let at = |days: i64| (Timestamp::now() - SignedDuration::from_hours(24 * days)).as_microsecond();
    let start = Timestamp::from_microsecond(at(401)).unwrap();
    let trail = Trail::open(&TrailOptions { at: start, ..TrailOptions::new(site.audit()) }).await.unwrap();
    let call = async |days: i64| -> Uuid {
        let call = id();
        trail.commit(Entry { at: at(days), ..intent(call) }).await.unwrap();
        trail.commit(Entry { at: at(days), ..outcome(call) }).await.unwrap();
        call
    };
    call(400).await;
    call(31).await;
    let recent: BTreeSet<String> = [call(29).await, call(0).await].map(|call| call.to_string()).into();
    trail.close().await.unwrap();
    site.key("desk");
    let mut gateway = site.start();
    let ids = || {
        let lines = site.run(["audit", "query", "--format", "json", "--audit", &site.audit()]);
        let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
        lines.lines().map(id).collect::<BTreeSet<_>>()
    };
    eventually(PATIENCE, "what is older than thirty days is gone", async || ids() == recent).await;
    gateway.process.terminate();
    assert!(gateway.process.ended(PATIENCE).await.success(), "{}", gateway.process.log());
    let verified = site.run(["audit", "verify", "--audit", &site.audit()]);
    assert!(verified.contains("pruned             up to entry "), "{verified}");
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_go_to_standard_output() {
    let (_upstream, site) =
        site("signing_key: warrener.signing.pem, checkpoints: {every: 1h, to: stdout}").await;
    site.run(["key", "signing"]);
    site.key("desk");
    let mut gateway = site.start();
    gateway.process.terminate();
    assert!(gateway.process.ended(PATIENCE).await.success(), "{}", gateway.process.log());
    let mut said: Vec<Value> = Vec::new();
    // One at the start and one at the end, which the reading of the pipe may be behind.
    eventually(PATIENCE, "both checkpoints are printed", async || {
        said = gateway.printed().iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
        said.len() == 2
    })
    .await;
    assert!(
        said.iter().all(|said| said["event"] == "checkpoint" && said["signature"].is_string()),
        "{said:?}"
    );
}
