//! `audit query` by the columns that few people ask for, and by what is in a call.

use super::audit;
use crate::trail::{NOON, Place, intent, outcome, refusal, subject};
use serde_json::json;
use uuid::Uuid;
use warrener::audit::entry::{Entry, Outcome, OutcomeWord, Subject};
use warrener::directus::access::{Access, Action, Extent, Fields};

fn named(n: u128) -> Uuid {
    Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0000 + n)
}

fn with(n: u128, subject: Subject) -> Entry {
    Entry { subject: Some(Box::new(subject)), at: NOON + i64::try_from(n).unwrap(), ..intent(named(n)) }
}

/// Six calls that differ in what the flags are about, in the order of their numbers.
async fn six(place: &Place) {
    let trail = place.open().await;
    let read = |collection: &str, fields: &[&str], via: &str| {
        let mut access =
            Access::asked(Action::Read, collection, Fields::named(fields.iter().copied()), Extent::All);
        access.via = via.to_owned();
        access
    };
    let calls = [
        Subject {
            client_name: Some("Claude [desktop]".to_owned()),
            client_version: Some("1.2".to_owned()),
            client_address: Some("10.0.0.7".to_owned()),
            trace_id: Some("4bf92f35".to_owned()),
            arguments: Some(json!({"data": {"title": "Die Größe: 50%"}}).to_string()),
            ..subject()
        },
        Subject {
            client_address: Some("10.0.1.7".to_owned()),
            method: "prompts/get".to_owned(),
            ..subject()
        },
        Subject {
            accesses: vec![read("articles", &["title"], ""), read("authors", &["email"], "author")],
            arguments: Some(json!({"query": {"search": "a*b?\"c"}}).to_string()),
            ..subject()
        },
        Subject {
            accesses: vec![read("articles", &["email"], ""), read("authors", &["name"], "author")],
            arguments: None,
            ..subject()
        },
        // Let through, since the role is observed.
        Subject { decision: "deny", reason: Some("no_permission"), enforced: false, ..subject() },
    ];
    for (n, subject) in (0..).zip(calls) {
        trail.commit(with(n, subject)).await.unwrap();
    }
    let late = Outcome {
        word: OutcomeWord::Error,
        http_status: Some(502),
        error_code: Some("RECORD_NOT_UNIQUE".to_owned()),
        items: Some(20),
        response_bytes: Some(70_000),
        response_digest: None,
        duration_us: Some(1_500_000),
    };
    trail.commit(Entry { outcome: Some(late), ..outcome(named(0)) }).await.unwrap();
    trail.commit(outcome(named(1))).await.unwrap();
    trail.commit(Entry { at: NOON + 5, ..refusal(named(5)) }).await.unwrap();
    trail.close().await.unwrap();
}

#[tokio::test]
async fn finds_calls_by_each_column_and_by_what_is_in_them() {
    let place = Place::new();
    six(&place).await;
    for (line, expected) in [
        ("--id 01930000-0000-7000-8000-000000000003", [3].as_slice()),
        ("--id 01930000-0000-7000-8000-00000000000*", &[0, 1, 2, 3, 4, 5]),
        ("--client-name Claude*", &[0]),
        ("--client-name *[desktop]", &[0]),
        ("--client-version 1.*", &[0]),
        ("--client-address 10.0.*", &[0, 1]),
        ("--client-address 10.0.0.7", &[0]),
        ("--method prompts/get", &[1]),
        ("--reason no_permission", &[4]),
        ("--reason *", &[4, 5]),
        ("--observed", &[4]),
        ("--observed --decision deny", &[4]),
        ("--enforced --decision deny", &[5]),
        ("--decision deny", &[4, 5]),
        ("--error-code RECORD_*", &[0]),
        ("--error-code POLICY_DENIED", &[5]),
        ("--http-status 200", &[1]),
        ("--http-status 5xx", &[0]),
        ("--slower-than 1s", &[0]),
        ("--slower-than 12ms", &[0, 1]),
        ("--slower-than 12345us", &[0]),
        ("--larger-than 511", &[0, 1]),
        ("--larger-than 512", &[0]),
        ("--more-items-than 2", &[0]),
        ("--policy-revision r1", &[0, 1, 2, 3, 4, 5]),
        ("--policy-revision r", &[]),
        ("--trace-id 4bf92f35", &[0]),
        ("--field email", &[2, 3]),
        ("--field e*", &[2, 3]),
        ("--field email --collection authors", &[2]),
        ("--field email --collection articles", &[3]),
        ("--field mail", &[]),
        ("--via author", &[2, 3]),
        ("--via author --field email", &[2]),
        ("--via rev* --action update", &[0, 1, 4]),
        ("--text title", &[0]),
        ("--text DIE", &[0]),
        ("--text GRÖßE", &[0]),
        ("--text 50%", &[0]),
        ("--text 5_%", &[]),
        ("--text a*b", &[2]),
        ("--text b?", &[2]),
        ("--text a?b", &[]),
        ("--text \"c", &[2]),
        ("--text [a-z]", &[]),
        ("--text %", &[0]),
    ] {
        let answer = audit(&place, &format!("query --oldest-first --format json {line}")).await;
        let ids: Vec<_> = answer.rows().into_iter().map(|row| row["id"].clone()).collect();
        let expected: Vec<String> = expected.iter().map(|&n| named(n).to_string()).collect();
        assert_eq!(json!(ids), json!(expected), "{line}");
    }
}
