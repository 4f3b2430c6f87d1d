//! The live feed: each call at least once, whatever happens to the file, the shipper or the gateway.

use crate::support::gateway::Site;
use crate::support::process::{Process, checkout, eventually};
use crate::support::upstream::Upstream;
use crate::trail::{Place, id, intent, outcome, refusal};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use uuid::Uuid;
use warrener::audit::feed::{Feed, FeedTarget};
use warrener::audit::trail::Trail;

const PATIENCE: Duration = Duration::from_secs(30);

fn path(place: &Place) -> PathBuf {
    place.path().with_file_name("feed.jsonl")
}

async fn feed(place: &Place) -> Feed {
    Feed::open(&FeedTarget::File(path(place)), &place.url()).await.unwrap()
}

/// The ids of the calls in a file; half lines have none.
fn ids(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let rows = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    rows.map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

async fn call(trail: &Trail) -> String {
    let call = id();
    trail.commit(intent(call)).await.unwrap();
    trail.commit(outcome(call)).await.unwrap();
    call.to_string()
}

async fn arrives(place: &Place, id: &str) {
    eventually(PATIENCE, "the call is in the feed", async || ids(&path(place)).contains(&id.to_owned()))
        .await;
}

#[tokio::test]
async fn a_file_gets_each_call_when_it_has_ended_and_a_new_run_goes_on() {
    let place = Place::new();
    let (trail, before) = (place.open().await, id());
    let first = call(&trail).await;
    trail.commit(intent(before)).await.unwrap();
    trail.close().await.unwrap();

    // A new feed begins now, with the call that the start closes.
    let begun = feed(&place).await;
    let trail = place.open().await;
    let task = begun.start().unwrap();
    arrives(&place, &before.to_string()).await;
    let second = call(&trail).await;
    arrives(&place, &second).await;
    // What ends last is there when it is finished.
    let third = call(&trail).await;
    trail.close().await.unwrap();
    assert!(task.finish(PATIENCE).await);
    assert_eq!(ids(&path(&place)), [before.to_string(), second, third.clone()]);
    assert!(!ids(&path(&place)).contains(&first));
    let lines = fs::read_to_string(path(&place)).unwrap();
    let exported =
        crate::audit_command::audit(&place, &format!("export --format jsonl --after {first}")).await;
    assert_eq!(lines, exported.data, "the same form");

    // While nothing follows, and with a line of which only half got to the disk.
    let trail = place.open().await;
    let missed = call(&trail).await;
    let whole = fs::read_to_string(path(&place)).unwrap();
    fs::write(path(&place), format!("{whole}{{\"id\":\"{missed}\",\"star")).unwrap();
    let task = feed(&place).await.start().unwrap();
    arrives(&place, &missed).await;
    trail.close().await.unwrap();
    assert!(task.finish(PATIENCE).await);
    let found = ids(&path(&place));
    assert_eq!(found[2..], [third, missed]);
    let text = fs::read_to_string(path(&place)).unwrap();
    assert_eq!(text.lines().count(), 5, "half a line, and then whole ones:\n{text}");
}

#[tokio::test]
async fn a_run_goes_on_where_the_last_one_got_to_when_the_file_was_rotated_away_meanwhile() {
    let place = Place::new();
    let trail = place.open().await;
    let task = feed(&place).await.start().unwrap();
    let first = call(&trail).await;
    arrives(&place, &first).await;
    assert!(task.finish(PATIENCE).await);
    let missed = call(&trail).await;
    fs::rename(path(&place), place.path().with_file_name("feed.1")).unwrap();
    let task = feed(&place).await.start().unwrap();
    arrives(&place, &missed).await;
    assert!(task.finish(PATIENCE).await);
    assert_eq!(ids(&path(&place)), [missed]);
    trail.close().await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_moved_away_or_emptied_is_made_anew() {
    let place = Place::new();
    let trail = place.open().await;
    let task = feed(&place).await.start().unwrap();
    let first = call(&trail).await;
    arrives(&place, &first).await;
    let old = path(&place).with_extension("1");
    fs::rename(path(&place), &old).unwrap();
    let second = call(&trail).await;
    arrives(&place, &second).await;
    assert_eq!(ids(&old), [first]);
    assert_eq!(ids(&path(&place)), [second]);
    // As `copytruncate` does.
    fs::File::options().write(true).open(path(&place)).unwrap().set_len(0).unwrap();
    let third = call(&trail).await;
    arrives(&place, &third).await;
    assert_eq!(ids(&path(&place)), [third]);
    trail.close().await.unwrap();
    assert!(task.finish(PATIENCE).await);
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_tried_until_it_can() {
    let place = Place::new();
    let trail = place.open().await;
    let task = feed(&place).await.start().unwrap();
    // Moved away, with something in its place that is no file.
    fs::remove_file(path(&place)).unwrap();
    fs::create_dir(path(&place)).unwrap();
    let waits = call(&trail).await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    fs::remove_dir(path(&place)).unwrap();
    arrives(&place, &waits).await;
    trail.close().await.unwrap();
    assert!(task.finish(PATIENCE).await);
    assert_eq!(ids(&path(&place)), [waits]);
}

#[tokio::test]
async fn a_shipper_that_does_not_read_holds_up_nobody() {
    let place = Place::new();
    let made = Command::new("mkfifo").arg(path(&place)).status().unwrap();
    assert!(made.success());
    let trail = place.open().await;
    // Opened for both, so that the feed can open it; nobody reads.
    let held = fs::File::options().read(true).write(true).open(path(&place)).unwrap();
    let task = feed(&place).await.start().unwrap();
    let calls: Vec<Uuid> = (0..500).map(|_| id()).collect();
    for call in &calls {
        trail.commit(refusal(*call)).await.unwrap();
    }
    trail.close().await.unwrap();
    assert!(!task.finish(Duration::from_millis(500)).await, "a full pipe takes no more");
    drop(held);
}

#[tokio::test]
async fn a_file_of_something_else_is_left_alone() {
    let place = Place::new();
    fs::write(path(&place), "Dear diary,\n").unwrap();
    let error = Feed::open(&FeedTarget::File(path(&place)), &place.url()).await.unwrap_err();
    let expected = format!(
        "`{}` is no feed of Warrener: name a file of its own in `audit.feed`",
        path(&place).display()
    );
    assert_eq!(error.to_string(), expected);
    assert_eq!(fs::read_to_string(path(&place)).unwrap(), "Dear diary,\n");
    let nowhere = FeedTarget::File(place.path().join("nowhere/feed.jsonl"));
    let error = Feed::open(&nowhere, &place.url()).await.unwrap_err();
    assert!(error.to_string().starts_with("cannot open the feed `"), "{error}");
}

#[tokio::test]
async fn what_the_trail_no_longer_has_does_not_keep_the_rest_back() {
    let place = Place::new();
    let other = id().to_string();
    fs::write(path(&place), format!("{{\"id\":\"{other}\"}}\n")).unwrap();
    let trail = place.open().await;
    let there = call(&trail).await;
    let task = feed(&place).await.start().unwrap();
    arrives(&place, &there).await;
    trail.close().await.unwrap();
    assert!(task.finish(PATIENCE).await);
    assert_eq!(ids(&path(&place)), [other, there]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_writes_the_feed_that_its_settings_name_and_goes_on_after_a_kill() {
    let upstream = Upstream::start().await;
    let site = Site::new(upstream.url(), "upstream-token", &checkout("policies"), "reader");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("calls.jsonl");
    site.settle(&format!("version: 1\naudit: {{feed: '{}'}}\n", file.display()));
    let key = site.key("shipped");
    let denied = json!({"action": "delete", "collection": "articles", "keys": [1]});
    let mut gateway = site.start();
    for _ in 0..20 {
        gateway.client(&key).tool("items", denied.clone()).await;
    }
    gateway.process.kill();
    let mut gateway = site.start();
    gateway.client(&key).tool("items", denied.clone()).await;
    gateway.process.terminate();
    assert!(gateway.process.ended(PATIENCE).await.success(), "{}", gateway.process.log());
    let exported = site.run(["audit", "export", "--format", "jsonl", "--audit", &site.audit()]);
    assert_eq!(fs::read_to_string(&file).unwrap(), exported);
    assert_eq!(exported.lines().count(), site.calls().await.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_output_carries_nothing_but_the_feed() {
    let upstream = Upstream::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_warrener"));
    command.current_dir(folder.path()).env("DIRECTUS_TOKEN", "t").env("WARRENER_FEED", "stdout");
    command.args(["serve", "--listen", "127.0.0.1:0", "--upstream", upstream.url()]);
    let mut gateway = Process::start(command.stdout(Stdio::piped()), folder.path().join("log"));
    let said = |gateway: &Process, begin: &str| {
        let log = gateway.log();
        let line =
            log.lines().find_map(|line| line.split_once(begin).map(|(_, rest)| rest.trim().to_owned()));
        line.filter(|_| log.ends_with('\n'))
    };
    let mut address = None;
    eventually(PATIENCE, "it says where it listens", async || {
        address = said(&gateway, "listening on ");
        address.is_some()
    })
    .await;
    let key = said(&gateway, "shown only this once: ").unwrap();
    let client = crate::support::client::McpClient::new(address.unwrap(), &key);
    client.tool("items", json!({"action": "delete", "collection": "articles", "keys": [1]})).await;
    let mut lines = BufReader::new(gateway.stdout()).lines().map(Result::unwrap);
    gateway.terminate();
    assert!(gateway.ended(PATIENCE).await.success(), "{}", gateway.log());
    let line: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    assert_eq!((&line["principal"], &line["decision"]), (&json!("first"), &json!("deny")));
    assert_eq!(lines.next(), None);
}
