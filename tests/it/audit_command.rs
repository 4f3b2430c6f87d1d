//! `warrener audit`: what it lists, shows and says.

mod export;
mod filters;
mod show;
mod stats;

use crate::trail::{NOON, Place, id, intent, outcome, refusal, subject};
use clap::Parser;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;
use warrener::audit::entry::{Entry, Kind, Outcome, Subject};
use warrener::audit::stats::Screen;
use warrener::audit::trail::Trail;
use warrener::cli::audit::{AuditArgs, run};
use warrener::directus::access::{Access, Action, Extent, Fields};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    audit: AuditArgs,
}

/// What a command has written: data, messages, and the error that ended it.
pub(crate) struct Answer {
    pub(crate) data: String,
    pub(crate) notes: String,
    pub(crate) error: Option<String>,
}

impl Answer {
    pub(crate) fn rows(&self) -> Vec<Value> {
        self.data.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

pub(crate) async fn audit(place: &Place, line: &str) -> Answer {
    audit_on(place, line, Screen::default()).await
}

async fn audit_on(place: &Place, line: &str, screen: Screen) -> Answer {
    let url = place.url();
    let words = ["audit", "--audit", &url].into_iter().chain(line.split_whitespace());
    let line = Line::try_parse_from(words).unwrap();
    let (mut data, mut notes) = (Vec::new(), Vec::new());
    let error = run(line.audit, screen, &mut data, &mut notes).await.err().map(|error| error.to_string());
    Answer { data: String::from_utf8(data).unwrap(), notes: String::from_utf8(notes).unwrap(), error }
}

fn named(n: u128) -> Uuid {
    Uuid::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0000 + n)
}

/// Five calls, an hour apart, the last at noon.
async fn five(place: &Place) -> Trail {
    let trail = place.open().await;
    let at = |hours: i64, entry: Entry| Entry { at: entry.at - hours * 3_600_000_000, ..entry };
    let write = async |entry| trail.commit(entry).await.unwrap();
    write(at(4, intent(named(4)))).await;
    write(at(4, outcome(named(4)))).await;
    let other = Subject { principal: "robot".to_owned(), role: "reader".to_owned(), ..subject() };
    write(at(3, Entry { subject: Some(Box::new(other)), ..intent(named(3)) })).await;
    write(at(2, refusal(named(2)))).await;
    let files = Subject {
        tool: Some("files".to_owned()),
        accesses: vec![Access::asked(
            Action::Read,
            "directus_files",
            Fields::all(),
            Extent::Query { limit: Some(5), said: true, filtered: false },
        )],
        ..subject()
    };
    write(at(1, Entry { subject: Some(Box::new(files)), ..intent(named(1)) })).await;
    let failed = Outcome { word: warrener::audit::entry::OutcomeWord::Failed, ..Outcome::default() };
    write(at(1, Entry { outcome: Some(failed), ..outcome(named(1)) })).await;
    let ping = Subject {
        method: "ping".to_owned(),
        tool: None,
        accesses: Vec::new(),
        arguments: None,
        rule: Some("protocol".to_owned()),
        ..subject()
    };
    write(Entry {
        subject: Some(Box::new(ping)),
        outcome: outcome(named(0)).outcome,
        kind: Kind::Outcome,
        ..intent(named(0))
    })
    .await;
    trail
}

#[tokio::test]
async fn finds_calls_by_each_filter() {
    let place = Place::new();
    let _trail = five(&place).await;
    for (line, expected) in [
        ("", [0, 1, 2, 3, 4].as_slice()),
        ("--oldest-first", &[4, 3, 2, 1, 0]),
        ("--limit 2", &[0, 1]),
        ("--limit 0", &[]),
        ("--since 2026-11-22T10:00:00Z", &[0, 1, 2]),
        ("--until 2026-11-22T10:00:00Z", &[3, 4]),
        ("--since 2026-11-22T09:00 --until 2026-11-22T11:00", &[2, 3]),
        ("--since 2026-11-23", &[]),
        ("--principal robot", &[3]),
        ("--principal rob", &[]),
        ("--principal ro*", &[3]),
        ("--role editor", &[0, 1, 2, 4]),
        ("--tool files", &[1]),
        ("--action update", &[3, 4]),
        ("--action delete", &[2]),
        ("--collection articles", &[3, 4]),
        ("--collection directus_*", &[1]),
        ("--collection *", &[1, 2, 3, 4]),
        ("--collection articles --action delete", &[]),
        ("--decision deny", &[2]),
        ("--decision permit", &[0, 1, 3, 4]),
        ("--rule guardrails/*", &[2]),
        ("--rule editor/write", &[1, 3, 4]),
        ("--rule [a-z]*", &[]),
        ("--rule ?ditor/write", &[]),
        ("--outcome failed", &[1]),
        ("--outcome refused", &[2]),
        ("--outcome open", &[3]),
        ("--outcome ok --role editor", &[0, 4]),
    ] {
        let answer = audit(&place, &format!("query --format json {line}")).await;
        let ids: Vec<Value> = answer.rows().into_iter().map(|row| row["id"].clone()).collect();
        let expected: Vec<String> = expected.iter().map(|&n| named(n).to_string()).collect();
        assert_eq!(json!(ids), json!(expected), "{line}");
        assert_eq!(
            answer.notes,
            if ids.is_empty() && line != "--limit 0" {
                "no such calls\n"
            } else if line == "--limit 2" {
                "there are more than 2 such calls: `--limit N` shows more of them\n"
            } else if line == "--limit 0" {
                "there are more than 0 such calls: `--limit N` shows more of them\n"
            } else {
                ""
            },
            "{line}"
        );
    }
}

#[tokio::test]
async fn json_has_the_whole_row() {
    let place = Place::new();
    let trail = five(&place).await;
    let answer = audit(&place, "query --format json --decision deny").await;
    let row = &answer.rows()[0];
    assert_eq!(row["started_at"], "2026-11-22T10:00:00.000000Z");
    assert_eq!(row["arguments"], json!({"action": "update", "note": "é\u{0}"}));
    assert_eq!(
        row["accesses"],
        json!([{"action": "delete", "collection": "reviews", "fields": [], "extent": "all", "via": "", "asked": true}])
    );
    assert_eq!(row["arguments_digest"].as_str().map(str::len), Some(64));
    assert_eq!(row.as_object().unwrap().len(), 29);
    let ping = &audit(&place, "query --format json --rule protocol").await.rows()[0];
    assert_eq!((&ping["arguments"], &ping["arguments_digest"]), (&Value::Null, &Value::Null));
    trail.close().await.unwrap();
}

#[tokio::test]
async fn csv_has_a_header_and_a_line_per_call() {
    let place = Place::new();
    let _trail = five(&place).await;
    let answer = audit(&place, "query --format csv --outcome failed").await;
    let lines: Vec<&str> = answer.data.lines().collect();
    assert!(lines[0].starts_with("id,started_at,finished_at,duration_ms,principal,"), "{}", lines[0]);
    assert!(lines[0].ends_with(",trace_id,principal_id,seq,count,accesses"), "{}", lines[0]);
    assert!(lines[1].contains(r#","{""action"":""update"",""note"":""é\u0000""}","#), "{}", lines[1]);
    assert_eq!(lines.len(), 2);
    let nothing = audit(&place, "query --format csv --role nobody").await;
    assert_eq!(nothing.data.lines().collect::<Vec<_>>(), [lines[0]]);
}

#[tokio::test]
async fn a_table_has_the_columns_that_people_look_for() {
    let place = Place::new();
    let _trail = five(&place).await;
    let answer = audit(&place, "query").await;
    assert!(
        answer.data.lines().nth(1).unwrap().starts_with("2026-11-22T12:00:00.000  permit    ok       desk  ")
    );
    let words: Vec<Vec<&str>> = answer.data.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0].join(" "), "TIME (UTC) DECISION OUTCOME PRINCIPAL ROLE TOOL ACCESS RULE MS ID");
    assert_eq!(words[1][..8].join(" "), "2026-11-22T12:00:00.000 permit ok desk editor ping - protocol");
    assert_eq!(
        words[3].join(" "),
        format!(
            "2026-11-22T10:00:00.000 deny refused desk editor items delete reviews guardrails/no-deletes 0.5 {}",
            named(2)
        )
    );
    assert_eq!(words[4][1..9].join(" "), "permit - robot reader items update articles +1");
}

#[tokio::test]
async fn long_answers_come_in_pages_without_gap_or_repeat() {
    let place = Place::new();
    let trail = place.open().await;
    let calls: Vec<Uuid> = (0..350).map(|_| id()).collect();
    for &call in &calls {
        // All at the same time: the id must tell them apart.
        trail.submit(Entry { at: NOON, ..intent(call) }).await.unwrap();
    }
    trail.close().await.unwrap();
    let shown =
        |answer: &Answer| -> Vec<Value> { answer.rows().into_iter().map(|row| row["id"].clone()).collect() };
    let mut expected: Vec<String> = calls.iter().map(Uuid::to_string).collect();
    assert_eq!(json!(shown(&audit(&place, "query --format json --oldest-first").await)), json!(expected));
    expected.reverse();
    assert_eq!(json!(shown(&audit(&place, "query --format json").await)), json!(expected));
    expected.truncate(200);
    assert_eq!(json!(shown(&audit(&place, "query --format json --limit 200").await)), json!(expected));

    let table = audit(&place, "query").await;
    assert_eq!(table.data.lines().count(), 101);
    assert_eq!(table.notes, "there are more than 100 such calls: `--limit N` shows more of them\n");
}

#[tokio::test]
async fn shows_one_call_whole() {
    let place = Place::new();
    let _trail = five(&place).await;
    let sheet = audit(&place, &format!("show {}", named(4))).await.data;
    for expected in [
        "id                01930000-0000-7000-8000-000000000004\n",
        "outcome           ok\n",
        "duration_ms       12.345\n",
        "\naccesses\n  update articles [body, title] {\"keys\":[1,\"a\"]}\n",
        "  update articles [body, title] {\"keys\":[1,\"a\"]} via reviews (implied)\n",
        "\narguments\n{\n  \"action\": \"update\",\n",
        "\nentries\n  2 intent   2026-11-22T08:00:00.000000Z ",
        "    received  0707070707",
        "  3 outcome  2026-11-22T08:00:00.012345Z ",
    ] {
        assert!(sheet.contains(expected), "{expected:?} is not in\n{sheet}");
    }
    assert!(!sheet.contains("forwarded"), "what there is not is not shown:\n{sheet}");
    let whole: Value = serde_json::from_str(
        &audit(&place, "show --format json 01930000-0000-7000-8000-000000000004").await.data,
    )
    .unwrap();
    assert_eq!(whole["entries"][1]["kind"], "outcome");
    assert_eq!(whole["entries"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn an_id_may_be_short_as_long_as_it_is_one_call() {
    let place = Place::new();
    let trail = place.open().await;
    let ids = ["0193aaaa-0000-7000-8000-000000000001", "0193aabb-0000-7000-8000-000000000001"];
    for id in ids {
        trail.commit(intent(id.parse().unwrap())).await.unwrap();
    }
    for (prefix, expected) in [
        ("0193aab", Ok(ids[1])),
        ("0193AAA", Ok(ids[0])),
        (
            "0193aa",
            Err(
                "several calls have an id that begins with `0193aa`, such as `0193aaaa-0000-7000-8000-000000000001` and `0193aabb-0000-7000-8000-000000000001`: give more of it",
            ),
        ),
        ("0194", Err("no call in the trail has the id `0194`: `warrener audit query` lists ids")),
        ("zz", Err("no call in the trail has the id `zz`: `warrener audit query` lists ids")),
    ] {
        let answer = audit(&place, &format!("show --format json {prefix}")).await;
        match expected {
            Ok(id) => assert!(answer.data.contains(id), "{prefix}: {:?}", answer.error),
            Err(error) => assert_eq!(answer.error.as_deref(), Some(error)),
        }
    }
}

#[tokio::test]
async fn mistakes_get_one_clear_message() {
    let place = Place::new();
    let missing = audit(&place, "query").await;
    assert_eq!(
        missing.error,
        Some(format!(
            "there is no audit trail at `{}`: name another with `--audit sqlite://FILE`",
            place.path().display()
        ))
    );
    assert!(!place.path().exists(), "reading has created the file");
    std::fs::write(place.path(), "").unwrap();
    let empty = audit(&place, "query").await;
    assert_eq!(empty.error, Some(format!("`{}` is not an audit trail of Warrener", place.path().display())));
    std::fs::remove_file(place.path()).unwrap();
    let _trail = place.open().await;
    let error = audit(&place, "query --since soon").await.error.unwrap();
    assert!(error.starts_with("`soon` is not a time: write how long ago"), "{error}");
}

#[tokio::test]
async fn what_clients_wrote_does_not_reach_the_terminal_raw() {
    let place = Place::new();
    let trail = place.open().await;
    let evil = "\u{1b}[2J\u{9b}31m\u{202e}";
    let all = Subject {
        principal: evil.to_owned(),
        role: evil.to_owned(),
        client_name: Some(evil.to_owned()),
        tool: Some(evil.to_owned()),
        rule: Some(evil.to_owned()),
        detail: Some(evil.to_owned()),
        arguments: Some(json!({ evil: evil }).to_string()),
        accesses: vec![Access::asked(Action::Read, evil, Fields::named([evil]), Extent::All)],
        schema_digest: Some(evil.to_owned()),
        ..subject()
    };
    let call = id();
    trail.commit(Entry { subject: Some(Box::new(all)), ..intent(call) }).await.unwrap();
    for format in ["table", "json", "csv"] {
        for command in ["query".to_owned(), "tail".to_owned(), format!("show {call}")] {
            let data = audit(&place, &format!("{command} --format {format}")).await.data;
            let raw =
                data.chars().find(|c| (c.is_control() && !matches!(c, '\n' | '\r')) || *c == '\u{202e}');
            assert_eq!(raw, None, "{command} --format {format}:\n{data:?}");
            assert!(data.contains("[2J"), "{data}");
        }
    }
}

#[tokio::test]
async fn tail_shows_the_latest_and_follows() {
    let place = Place::new();
    let trail = five(&place).await;
    let ids = |text: &str| {
        text.lines().map(|line| line.split_whitespace().last().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let latest = audit(&place, "tail -n 2").await;
    assert_eq!(ids(&latest.data)[1..], [named(1).to_string(), named(0).to_string()]);

    let (mut written, reading) = tokio::io::duplex(64 * 1024);
    let (mut out, mut notes) = (Follower(reading), Vec::new());
    let url = place.url();
    let line = Line::try_parse_from(["audit", "--audit", &url, "tail", "-f", "-n", "1", "--format", "json"])
        .unwrap();
    let watched = async {
        let first = next_line(&mut written).await;
        assert_eq!(first["id"], named(0).to_string());
        trail.commit(outcome(named(3))).await.unwrap();
        let ended = next_line(&mut written).await;
        assert_eq!((&ended["id"], &ended["outcome"]), (&json!(named(3).to_string()), &json!("ok")));
    };
    tokio::select! {
        result = run(line.audit, Screen::default(), &mut out, &mut notes) => panic!("it ended by itself: {result:?}"),
        () = watched => {}
    }
}

/// Lets a test read what a command that never ends has written so far.
struct Follower(tokio::io::DuplexStream);

impl std::io::Write for Follower {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        use futures_util::FutureExt as _;
        use tokio::io::AsyncWriteExt as _;
        self.0.write(bytes).now_or_never().unwrap_or(Err(std::io::ErrorKind::WouldBlock.into()))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn next_line(from: &mut tokio::io::DuplexStream) -> Value {
    use tokio::io::AsyncReadExt as _;
    let mut line = Vec::new();
    let read = async {
        loop {
            match from.read_u8().await.unwrap() {
                b'\n' => return serde_json::from_slice(&line).unwrap(),
                byte => line.push(byte),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), read).await.expect("a line within 10 s")
}
