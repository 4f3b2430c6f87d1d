//! How fast recorded calls are decided again: the command `warrener replay`, on a trail on the disk.
//!
//! ```sh
//! cargo bench --bench replay            # 50,000 calls
//! cargo bench --bench replay -- --full  # 1,000,000 calls: 3 GB in the system's temporary folder
//! ```
//!
//! The calls are those that a content-editor of the shipped policies may and may not make of the measured ones, over and over, recorded
//! by a trail as a gateway records them.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench that cannot go on ends, and its figures are for people"
)]

use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use uuid::Uuid;
use warrener::administer;
use warrener::audit::entry::{Entry, Kind, Outcome, Subject};
use warrener::audit::trail::{TextKind, Trail, TrailOptions};
use warrener::directus::{Meaning, SchemaSnapshot};
use warrener::policy::facts::facts_with_values;
use warrener::policy::judge::{Judged, Wire, judge};
use warrener::policy::{PolicySet, Principal, Proof};

const ROLE: &str = "content-editor";

fn main() {
    let full = std::env::args().any(|argument| argument == "--full");
    let calls = if full { 1_000_000 } else { 50_000 };
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("trail.db").display());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(record(&url, calls));
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let start = Instant::now();
    let output = Command::new(env!("CARGO_BIN_EXE_warrener"))
        .args(["replay", "--audit", &url, "--policies"])
        .arg(&policies)
        .output()
        .unwrap();
    let took = start.elapsed();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    println!(
        "{calls} calls in {:.1} s: {:.0} calls/s",
        took.as_secs_f64(),
        calls as f64 / took.as_secs_f64()
    );
}

/// Writes a trail of so many calls, a thousand at a time.
async fn record(url: &str, calls: usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let schema = administer::schema(&root.join("tests/fixtures/schema")).unwrap();
    let (policies, _) = administer::policies(Some(&root.join("policies"))).unwrap();
    let subjects = subjects(&root.join("tests/fixtures/calls.jsonl"), &policies, &schema);
    assert!(subjects.len() > 200, "only {} of the measured calls are recorded", subjects.len());
    let trail = Trail::open(&TrailOptions::new(url)).await.unwrap();
    trail.keep_text(schema.digest(), TextKind::Schema, schema.text()).await.unwrap();
    let start = Instant::now();
    let mut recorded = 0;
    while recorded < calls {
        let some = (calls - recorded).min(1000);
        let writers: Vec<_> = (0..some)
            .map(|n| {
                let subject = subjects.get((recorded + n) % subjects.len()).cloned().unwrap();
                tokio::spawn(one(trail.clone(), subject))
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        recorded += some;
    }
    trail.close().await.unwrap();
    println!("{calls} calls recorded in {:.0} s", Duration::as_secs_f64(&start.elapsed()));
}

/// Records one call: a refusal by itself, or an intent and its outcome.
async fn one(trail: Trail, subject: Subject) {
    let (call, at) = (Uuid::now_v7(), jiff::Timestamp::now().as_microsecond());
    let denied = subject.decision == "deny";
    let kind = if denied { Kind::Refusal } else { Kind::Intent };
    let entry = Entry { call, kind, at, subject: Some(Box::new(subject)), outcome: None, note: None };
    trail.commit(entry).await.unwrap();
    if !denied {
        let outcome = Outcome { http_status: Some(200), ..Outcome::default() };
        let entry =
            Entry { call, kind: Kind::Outcome, at, subject: None, outcome: Some(outcome), note: None };
        trail.submit(entry).await.unwrap();
    }
}

/// What the trail keeps of each measured call that has accesses.
fn subjects(calls: &Path, policies: &PolicySet, schema: &SchemaSnapshot) -> Vec<Subject> {
    let text = std::fs::read_to_string(calls).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.filter_map(|line: Value| subject(&line, policies, schema)).collect()
}

fn subject(line: &Value, policies: &PolicySet, schema: &SchemaSnapshot) -> Option<Subject> {
    let body = line.get("request").filter(|request| !request.is_null())?.to_string();
    let wire = Wire {
        query_string: line.get("query_string").and_then(Value::as_str).unwrap_or_default(),
        content_type: vec!["application/json"],
        body: body.as_bytes(),
        ..Wire::default()
    };
    let principal = Principal { name: "bench".to_owned(), role: ROLE.to_owned(), proof: Proof::Key };
    let Judged { message, decision } = judge(policies, &principal, Some(schema), &wire);
    let Ok((Meaning::Tool(call), decoded)) = message else { return None };
    let role = policies.role(ROLE)?;
    let facts = facts_with_values(role, &call, &decoded, &|_, _| true).importing(decoded.imports.clone());
    let facts = serde_json::to_string(&facts).unwrap();
    let reason = match &decision.verdict {
        warrener::policy::Verdict::Deny(first, _) => Some(first.clone()),
        warrener::policy::Verdict::Permit(_) => None,
    };
    Some(Subject {
        principal: principal.name,
        role: principal.role,
        method: "tools/call".to_owned(),
        tool: Some(call.tool.as_str().to_owned()),
        decision: if reason.is_some() { "deny" } else { "permit" },
        rule: reason.as_ref().map(|reason| reason.rule.clone()),
        reason: reason.as_ref().map(|reason| reason.code.as_str()),
        enforced: true,
        policy_revision: decision.revision.clone(),
        schema_digest: Some(schema.digest().to_owned()),
        accesses: decision.accesses,
        facts: Some(facts),
        count: 1,
        ..Subject::default()
    })
}
