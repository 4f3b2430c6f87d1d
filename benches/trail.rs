//! What durability costs: calls per second through `Trail::commit`, by how many wait at a time.
//!
//! ```sh
//! cargo bench --bench trail            # two seconds each, in the system's temporary folder
//! TMPDIR=/var/tmp cargo bench --bench trail   # on the disk that counts
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench that cannot go on ends, and its figures are for people"
)]

use std::time::{Duration, Instant};
use uuid::Uuid;
use warrener::audit::entry::{Entry, Kind, Outcome, Subject};
use warrener::audit::trail::{Trail, TrailOptions};
use warrener::directus::access::{Access, Action, Extent, Fields, Key};

const LENGTH: Duration = Duration::from_secs(2);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    println!("{:>6} {:>10} {:>14} {:>10} {:>10}", "tasks", "calls/s", "entries/commit", "p50 ms", "p99 ms");
    for tasks in [1, 8, 32, 128] {
        runtime.block_on(measure(tasks));
    }
}

/// Each task makes one call after the other: an intent that it waits for, and an outcome that it hands over.
async fn measure(tasks: usize) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("trail.db").display());
    let trail = Trail::open(&TrailOptions::new(url)).await.unwrap();
    let start = Instant::now();
    let callers: Vec<_> = (0..tasks).map(|_| tokio::spawn(caller(trail.clone(), start + LENGTH))).collect();
    let mut waits = Vec::new();
    for caller in callers {
        waits.extend(caller.await.unwrap());
    }
    let seconds = start.elapsed().as_secs_f64();
    let per_commit = trail.entries() as f64 / trail.commits() as f64;
    trail.close().await.unwrap();
    waits.sort_unstable();
    let rate = waits.len() as f64 / seconds;
    let (p50, p99) = (percentile(&waits, 50), percentile(&waits, 99));
    println!("{tasks:>6} {rate:>10.0} {per_commit:>14.1} {p50:>10.2} {p99:>10.2}");
}

async fn caller(trail: Trail, end: Instant) -> Vec<Duration> {
    let mut waits = Vec::new();
    while Instant::now() < end {
        let call = Uuid::now_v7();
        let start = Instant::now();
        trail.commit(intent(call)).await.unwrap();
        waits.push(start.elapsed());
        trail.submit(outcome(call)).await.unwrap();
    }
    waits
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let at = sorted.len() * percent / 100;
    sorted.get(at).or(sorted.last()).map_or(0.0, |wait| wait.as_secs_f64() * 1000.0)
}

/// A call as large as most: an update of two articles, with its read-back.
fn intent(call: Uuid) -> Entry {
    let keys = Extent::Keys(vec![Key::Number(1), Key::Number(2)]);
    let fields = Fields::named(["title", "body", "status"]);
    let subject = Subject {
        principal: "editorial-desk".to_owned(),
        role: "content-editor".to_owned(),
        client_name: Some("bench".to_owned()),
        client_address: Some("127.0.0.1".to_owned()),
        method: "tools/call".to_owned(),
        tool: Some("items".to_owned()),
        decision: "permit",
        rule: Some("content-editor/write".to_owned()),
        enforced: true,
        request_bytes: 400,
        arguments: Some(format!(
            r#"{{"action":"update","collection":"articles","data":"{}"}}"#,
            "x".repeat(200)
        )),
        received: Some([1; 32]),
        forwarded: Some([2; 32]),
        policy_revision: "0".repeat(64),
        accesses: vec![
            Access::asked(Action::Update, "articles", fields.clone(), keys.clone()),
            Access::asked(Action::Read, "articles", fields, keys),
        ],
        facts: Some(format!(r#"{{"accesses":"{}"}}"#, "y".repeat(200))),
        count: 1,
        ..Subject::default()
    };
    Entry { call, kind: Kind::Intent, at: 0, subject: Some(Box::new(subject)), outcome: None, note: None }
}

fn outcome(call: Uuid) -> Entry {
    let outcome = Outcome { http_status: Some(200), items: Some(2), ..Outcome::default() };
    Entry { call, kind: Kind::Outcome, at: 0, subject: None, outcome: Some(outcome), note: None }
}
