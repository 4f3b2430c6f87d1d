//! `audit stats`: what is counted, and how it looks.

use super::{audit, audit_on, five};
use crate::trail::{NOON, Place, id, intent, outcome, refusal, subject};
use serde_json::{Value, json};
use warrener::audit::entry::{Entry, Outcome, OutcomeWord, Subject};
use warrener::audit::stats::Screen;
use warrener::directus::access::{Access, Action, Extent, Fields};

const HOUR: i64 = 3_600_000_000;

/// 100 calls in three hours: hour 0 has 60, hour 1 none, hour 2 has 40. Call n took n+1 ms; every tenth is denied, every
/// twentieth of those is only observed; every 25th failed.
async fn hundred(place: &Place) {
    let trail = place.open().await;
    for n in 0..100_i64 {
        let at = NOON + if n < 60 { n * 1000 } else { 2 * HOUR + n * 1000 };
        let duration = Some((n.unsigned_abs() + 1) * 1000);
        let call = id();
        let role = if n % 3 == 0 { "reader" } else { "editor" }.to_owned();
        if n % 10 == 0 {
            let subject = Subject { role, decision: "deny", enforced: n % 20 == 0, ..subject() };
            let outcome = Outcome { duration_us: duration, ..refusal(call).outcome.unwrap() };
            let entry =
                Entry { at, subject: Some(Box::new(subject)), outcome: Some(outcome), ..refusal(call) };
            trail.submit(entry).await.unwrap();
        } else {
            let subject = Subject { role, ..subject() };
            trail.submit(Entry { at, subject: Some(Box::new(subject)), ..intent(call) }).await.unwrap();
            let word = if n % 25 == 1 { OutcomeWord::Failed } else { OutcomeWord::Ok };
            let ended = Outcome { word, duration_us: duration, ..Outcome::default() };
            trail.submit(Entry { at, outcome: Some(ended), ..outcome(call) }).await.unwrap();
        }
    }
    trail.close().await.unwrap();
}

#[tokio::test]
async fn counts_calls_denials_errors_and_durations() {
    let place = Place::new();
    hundred(&place).await;
    let all = "--since 2026-11-22 --until 2026-11-23";
    for (line, expected) in [
        (
            String::new(),
            json!([{"calls": 100, "denied": 5, "would_deny": 5, "errors": 4, "median_ms": 50.0, "p95_ms": 95.0}]),
        ),
        (
            "--by role".to_owned(),
            json!([
                {"role": "editor", "calls": 66, "denied": 3, "would_deny": 3, "errors": 3, "median_ms": 50.0, "p95_ms": 95.0},
                {"role": "reader", "calls": 34, "denied": 2, "would_deny": 2, "errors": 1, "median_ms": 49.0, "p95_ms": 97.0},
            ]),
        ),
        (
            "--by role,decision --role reader --limit 1".to_owned(),
            json!([{"role": "reader", "decision": "permit", "calls": 30, "denied": 0, "would_deny": 0, "errors": 1,
                "median_ms": 49.0, "p95_ms": 97.0}]),
        ),
        (
            "--by enforced --decision deny".to_owned(),
            json!([
                {"enforced": "false", "calls": 5, "denied": 0, "would_deny": 5, "errors": 0, "median_ms": 51.0, "p95_ms": 91.0},
                {"enforced": "true", "calls": 5, "denied": 5, "would_deny": 0, "errors": 0, "median_ms": 41.0, "p95_ms": 81.0},
            ]),
        ),
        (
            "--every 1h --since 2026-11-22T12:00 --until 2026-11-22T15:00".to_owned(),
            json!([
                {"start": "2026-11-22T12:00:00.000000Z", "calls": 60, "denied": 3, "would_deny": 3, "errors": 3, "median_ms": 30.0, "p95_ms": 57.0},
                {"start": "2026-11-22T13:00:00.000000Z", "calls": 0, "denied": 0, "would_deny": 0, "errors": 0, "median_ms": null, "p95_ms": null},
                {"start": "2026-11-22T14:00:00.000000Z", "calls": 40, "denied": 2, "would_deny": 2, "errors": 1, "median_ms": 80.0, "p95_ms": 98.0},
            ]),
        ),
        (
            // The first interval begins on the hour, and has what came after `since` only.
            "--every 1h --since 2026-11-22T12:00:00.050 --until 2026-11-22T13:00".to_owned(),
            json!([{"start": "2026-11-22T12:00:00.000000Z", "calls": 10, "denied": 0, "would_deny": 1, "errors": 1, "median_ms": 55.0, "p95_ms": 60.0}]),
        ),
        ("--role nobody --by role".to_owned(), json!([])),
    ] {
        let line = if line.contains("--since") { line } else { format!("{all} {line}") };
        let answer = audit(&place, &format!("stats --format json {line}")).await;
        assert_eq!(json!(answer.rows()), expected, "{line}");
    }
    let without_times = audit(&place, "stats --format json --by day").await;
    assert_eq!(without_times.rows().len(), 1, "from the first call to now: {}", without_times.data);
    assert_eq!(audit(&place, &format!("stats {all} --role nobody")).await.notes, "no such calls\n");
}

#[tokio::test]
async fn a_call_counts_once_for_each_collection_and_action_of_its_accesses() {
    let place = Place::new();
    let trail = place.open().await;
    let access = |action, collection: &str, via: &str| {
        let mut access = Access::asked(action, collection, Fields::all(), Extent::All);
        access.via = via.to_owned();
        access
    };
    for accesses in [
        vec![
            access(Action::Read, "articles", ""),
            access(Action::Read, "articles", "related"),
            access(Action::Delete, "reviews", "reviews"),
        ],
        vec![access(Action::Read, "reviews", "")],
        Vec::new(),
    ] {
        let subject = Subject { accesses, ..subject() };
        trail.commit(Entry { subject: Some(Box::new(subject)), ..intent(id()) }).await.unwrap();
    }
    trail.close().await.unwrap();
    for (line, expected) in [
        ("--by collection", json!([["reviews", 2], [null, 1], ["articles", 1]])),
        ("--by action", json!([["read", 2], [null, 1], ["delete", 1]])),
        ("--by collection --action delete", json!([["reviews", 1]])),
        ("--by action --collection rev*", json!([["delete", 1], ["read", 1]])),
    ] {
        let line = format!("stats --format json --since 2026-11-22 --until 2026-11-23 {line}");
        let rows = audit(&place, &line).await.rows();
        let counts: Vec<Value> = rows
            .iter()
            .map(|row| json!([row.as_object().unwrap().values().next().unwrap(), row["calls"]]))
            .collect();
        assert_eq!(json!(counts), expected, "{line}");
    }
}

#[tokio::test]
async fn a_table_has_bars_on_a_terminal_only() {
    let place = Place::new();
    hundred(&place).await;
    let line = "stats --every 1h --since 2026-11-22T12:00 --until 2026-11-22T15:00";
    insta::assert_snapshot!(audit(&place, line).await.data, @r#"
    START             CALLS  DENIED  WOULD DENY  ERRORS  MEDIAN MS  P95 MS
    2026-11-22 12:00     60       3           3       3       30.0    57.0
    2026-11-22 13:00      0       0           0       0          -       -
    2026-11-22 14:00     40       2           2       1       80.0    98.0
    "#);
    let screen = |width, coloured| Screen { width: Some(width), coloured };
    insta::assert_snapshot!(audit_on(&place, line, screen(100, false)).await.data, @r#"
    START             CALLS  DENIED  WOULD DENY  ERRORS  MEDIAN MS  P95 MS  █ let through  ░ denied
    2026-11-22 12:00     60       3           3       3       30.0    57.0  ███████████████████████████░
    2026-11-22 13:00      0       0           0       0          -       -
    2026-11-22 14:00     40       2           2       1       80.0    98.0  ██████████████████░
    "#);
    let by_role = "stats --by role,tool --since 2026-11-22 --until 2026-11-23";
    insta::assert_snapshot!(audit_on(&place, by_role, screen(90, false)).await.data, @r#"
    ROLE    TOOL   CALLS  DENIED  WOULD DENY  ERRORS  MEDIAN MS  P95 MS
    editor  items     66       3           3       3       50.0    95.0  ████████████████████░
    reader  items     34       2           2       1       49.0    97.0  ██████████░
    "#);
    for width in [10, 70, 80, 100, 300] {
        let data = audit_on(&place, line, screen(width, true)).await.data;
        for line in data.lines() {
            let plain = line.replace("\u{1b}[31m", "").replace("\u{1b}[0m", "");
            assert!(plain.chars().count() <= width.max(70), "{width}: {plain}");
            assert!(!plain.contains('\u{1b}'), "{plain:?}");
        }
    }
}

#[tokio::test]
async fn csv_has_a_header_and_what_clients_wrote_is_no_command() {
    let place = Place::new();
    let trail = place.open().await;
    let evil = Subject { client_name: Some("\u{1b}[2J,\"x\"".to_owned()), ..subject() };
    trail.commit(Entry { subject: Some(Box::new(evil)), ..intent(id()) }).await.unwrap();
    let line = "stats --by client_name --since 2026-11-22 --until 2026-11-23";
    assert_eq!(
        audit(&place, &format!("{line} --format csv")).await.data,
        "client_name,calls,denied,would_deny,errors,median_ms,p95_ms\r\n\"\\u{1b}[2J,\"\"x\"\"\",1,0,0,0,,\r\n"
    );
    for format in ["table", "json"] {
        let data = audit(&place, &format!("{line} --format {format}")).await.data;
        assert!(!data.contains('\u{1b}'), "{data}");
    }
    let twice = audit(&place, &format!("{line} --by client_name,client_name --format csv")).await.data;
    assert!(twice.starts_with("client_name,calls,"), "{twice}");
    assert!(
        audit(&place, &format!("{line} --format csv --role x")).await.data.starts_with("client_name,calls,")
    );
}

#[tokio::test]
async fn every_column_can_be_counted_by() {
    let place = Place::new();
    let _trail = five(&place).await;
    for by in [
        "principal",
        "role",
        "client_name",
        "client_version",
        "client_address",
        "method",
        "tool",
        "decision",
        "enforced",
        "rule",
        "reason",
        "outcome",
        "error_code",
        "http_status",
        "policy_revision",
        "action",
        "collection",
        "hour",
        "day",
    ] {
        let rows = audit(&place, &format!("stats --by {by} --format json --until 2027-01-01")).await.rows();
        let calls: u64 = rows.iter().map(|row| row["calls"].as_u64().unwrap()).sum();
        assert_eq!(calls, 5, "{by}: {rows:?}");
        assert!(rows[0].as_object().unwrap().contains_key(by), "{rows:?}");
    }
}
