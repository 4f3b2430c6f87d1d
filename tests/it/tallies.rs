//! Tallies of hours: statistics that are taken from them are those that calls counted one by one come to, whatever happens to the
//! trail meanwhile.

use crate::support::gateway::Site;
use crate::support::process::{checkout, eventually};
use crate::support::upstream::Upstream;
use crate::trail::{NOON, Place, id, intent, outcome, refusal, subject};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::Config;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection as _};
use std::time::Duration;
use warrener::audit::entry::{Entry, Kind, Outcome, OutcomeWord, Subject};
use warrener::audit::filter::{AccessFilter, Column, Filter, OutcomeFilter};
use warrener::audit::query::TrailReader;
use warrener::audit::retention::prune;
use warrener::audit::stats::{Count, Dimension, Interval};
use warrener::audit::tallies::tally;
use warrener::audit::trail::{Trail, TrailOptions};
use warrener::audit::verify::{Evidence, Fault, Verdict, Verified, verify};
use warrener::directus::access::Action;

const HOUR: i64 = 3_600_000_000;

/// A call, as chance makes it.
#[derive(Clone, Debug)]
struct Called {
    /// After the first hour begins, in microseconds.
    at: i64,
    kind: Kind,
    ended: bool,
    words: [usize; 4],
    enforced: bool,
    duration_us: Option<u64>,
    count: u64,
}

/// Calls in six hours from noon on. Few are open, since no hour of theirs is tallied, and some are on the very edge of an hour.
fn calls() -> impl Strategy<Value = Vec<Called>> {
    let at = prop_oneof![4 => 0..6 * HOUR, 1 => (0_i64..6, -1_i64..=0).prop_map(|(hour, less)| hour * HOUR + less)];
    let kind = prop_oneof![Just(Kind::Intent), Just(Kind::Refusal), Just(Kind::Outcome)];
    let duration = (0_u64..1000, 0_u32..8).prop_map(|(digits, power)| digits * 10_u64.pow(power));
    let duration = prop::option::weighted(0.9, duration);
    let words = prop::array::uniform4(0_usize..4);
    let call = (at, kind, prop::bool::weighted(0.98), words, any::<bool>(), duration, 1_u64..5);
    let call = call.prop_map(|(at, kind, ended, words, enforced, duration_us, count)| Called {
        at: at.max(0),
        kind,
        ended,
        words,
        enforced,
        duration_us,
        count,
    });
    prop::collection::vec(call, 0..80)
}

impl Called {
    fn entries(&self) -> Vec<Entry> {
        let pick = |n: usize, words: [&'static str; 4]| words[self.words[n]];
        let some = |n, words| Some(pick(n, words)).filter(|word| !word.is_empty()).map(str::to_owned);
        let permitted = self.kind != Kind::Refusal && self.words[0] < 3;
        let subject = Subject {
            principal: pick(3, ["desk", "robot", "press", ""]).to_owned(),
            role: pick(0, ["editor", "reader", "developer", ""]).to_owned(),
            method: pick(1, ["tools/call", "tools/call", "ping", ""]).to_owned(),
            tool: some(2, ["items", "files", "its", ""]),
            decision: if permitted { "permit" } else { "deny" },
            rule: some(3, ["editor/write", "guardrails/no-deletes", "reader/-", ""]),
            reason: Some("forbidden").filter(|_| !permitted),
            enforced: self.enforced,
            count: self.count,
            ..subject()
        };
        let words = [OutcomeWord::Ok, OutcomeWord::Error, OutcomeWord::Failed, OutcomeWord::Unknown];
        let ended = Outcome {
            word: words[self.words[1]],
            error_code: some(2, ["", "FORBIDDEN", "", "INVALID_QUERY"]),
            duration_us: self.duration_us,
            ..outcome(id()).outcome.unwrap()
        };
        let (call, at) = (id(), NOON + self.at);
        let first = Entry { call, kind: self.kind, at, subject: Some(Box::new(subject)), ..outcome(call) };
        if self.kind != Kind::Intent {
            return vec![Entry { outcome: Some(ended), ..first }];
        }
        let first = Entry { outcome: None, ..first };
        let end = at + i64::try_from(self.duration_us.unwrap_or(70)).unwrap();
        let last = Entry { outcome: Some(ended), at: end, ..outcome(call) };
        if self.ended { vec![first, last] } else { vec![first] }
    }
}

/// Questions, as chance makes them; most are such that tallies have the answer.
fn questions() -> impl Strategy<Value = Vec<Count>> {
    let dimensions = [
        Dimension::Method,
        Dimension::Role,
        Dimension::Tool,
        Dimension::Decision,
        Dimension::Enforced,
        Dimension::Rule,
        Dimension::Reason,
        Dimension::Outcome,
        Dimension::ErrorCode,
        Dimension::Hour,
        Dimension::Day,
        Dimension::Principal,
        Dimension::HttpStatus,
        Dimension::Collection,
    ];
    let conditions = [
        "role=editor",
        "role=*e*",
        "role=",
        "tool=items",
        "tool=it*",
        "method=ping",
        "decision=deny",
        "rule=*/*",
        "reason=forbidden",
        "error_code=FORBIDDEN",
        "outcome=ok",
        "outcome=open",
        "enforced",
        "not enforced",
        "principal=robot",
        "slow",
        "update",
    ];
    let by = prop::sample::subsequence(dimensions.to_vec(), 0..3);
    let conditions = prop::sample::subsequence(conditions.to_vec(), 0..3);
    let edge = || prop::option::of(prop_oneof![-HOUR..7 * HOUR, (-1_i64..7).prop_map(|hour| hour * HOUR)]);
    let every = prop_oneof![3 => Just(0_u64), 1 => Just(45), 2 => Just(60), 1 => Just(90), 1 => Just(150), 1 => Just(1440)];
    let question =
        (by, conditions, edge(), edge(), every).prop_map(|(by, conditions, since, until, minutes)| {
            let time = |edge: i64| Timestamp::from_microsecond(NOON + edge).unwrap();
            let filter = Filter { since: since.map(time), until: until.map(time), ..filter(&conditions) };
            Count { filter, by, every: Some(Duration::from_mins(minutes)).filter(|every| !every.is_zero()) }
        });
    prop::collection::vec(question, 20)
}

fn filter(conditions: &[&str]) -> Filter {
    let mut filter = Filter::default();
    for condition in conditions {
        match condition.split_once('=') {
            Some(("outcome", "open")) => filter.outcome = Some(OutcomeFilter::Open),
            Some(("outcome", word)) => filter.outcome = Some(OutcomeFilter::Is(word.to_owned())),
            Some((column, pattern)) => {
                let column = match column {
                    "role" => Column::Role,
                    "tool" => Column::Tool,
                    "method" => Column::Method,
                    "decision" => Column::Decision,
                    "rule" => Column::Rule,
                    "reason" => Column::Reason,
                    "error_code" => Column::ErrorCode,
                    _ => Column::Principal,
                };
                filter.columns.push((column, pattern.to_owned()));
            }
            None if *condition == "slow" => filter.slower_than = Some(Duration::from_millis(5)),
            None if *condition == "update" => {
                filter.access = AccessFilter { action: Some(Action::Update), ..AccessFilter::default() };
            }
            None => filter.enforced = Some(*condition == "enforced"),
        }
    }
    filter
}

/// A day later: all hours are over.
fn later() -> Timestamp {
    Timestamp::from_microsecond(NOON).unwrap() + SignedDuration::from_hours(24)
}

/// Opens the trail before noon, so that all of it can be pruned, and with a writer that waits as long as a gateway's does.
async fn open(place: &Place) -> Trail {
    let at = Timestamp::from_microsecond(NOON - HOUR).unwrap();
    Trail::open(&TrailOptions { at, ..TrailOptions::new(place.url()) }).await.unwrap()
}

async fn write(trail: &Trail, calls: &[Called]) {
    for entry in calls.iter().flat_map(Called::entries) {
        trail.submit(entry).await.unwrap();
    }
}

async fn answers(place: &Place, questions: &[Count]) -> Vec<Vec<Interval>> {
    let mut reader = TrailReader::open(&place.url()).await.unwrap();
    let mut answers = Vec::new();
    for question in questions {
        let (mut counting, mut intervals) =
            (reader.count(question.clone(), later()).await.unwrap(), Vec::new());
        while let Some(interval) = counting.next().await.unwrap() {
            intervals.push(interval);
        }
        answers.push(intervals);
    }
    answers
}

/// Asks with the tallies that there are, and without any.
async fn agree(place: &Place, questions: &[Count], when: &str) {
    let tallied = answers(place, questions).await;
    let copy = Place::new();
    let into = AssertSqlSafe(format!("VACUUM INTO '{}'", copy.path().display()));
    sqlx::query(into).execute(&mut place.connect().await).await.unwrap();
    execute(&copy, &["DELETE FROM tallied_hours"]).await;
    assert_eq!(hours(&copy).await, 0);
    for ((question, one), other) in questions.iter().zip(tallied).zip(answers(&copy, questions).await) {
        assert_eq!(one, other, "{when}: {question:?}");
    }
}

async fn execute(place: &Place, statements: &[&str]) {
    let mut connection = place.connect().await;
    for statement in statements {
        sqlx::query(AssertSqlSafe(*statement)).execute(&mut connection).await.expect(statement);
    }
    connection.close().await.unwrap();
}

async fn hours(place: &Place) -> usize {
    place.rows("SELECT strftime('%Y-%m-%dT%H', hour * 3600, 'unixepoch') FROM tallied_hours").await.len()
}

async fn verified(place: &Place) -> Result<Verified, Fault> {
    match verify(&place.url(), &Evidence::default(), &mut |_, _| {}).await.unwrap() {
        Verdict::Whole(found) => Ok(found),
        Verdict::Broken(fault) => Err(fault),
    }
}

#[test]
fn statistics_are_the_same_with_and_without_tallies() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(4);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    proptest!(config, |(mut first in calls(), second in calls(), questions in questions(), cut in 0..7 * HOUR)| {
        runtime.block_on(async {
            let place = Place::new();
            let trail = open(&place).await;
            first.sort_by_key(|call| call.at);
            write(&trail, &first).await;
            // What was handed over before is written by then.
            trail.checkpoint().await.unwrap();
            tally(&place.url(), later()).await.unwrap();
            agree(&place, &questions, "tallied").await;
            // The clock jumps back: calls of hours that were tallied.
            write(&trail, &second).await;
            trail.close().await.unwrap();
            agree(&place, &questions, "called again").await;
            open(&place).await.close().await.unwrap();
            tally(&place.url(), later()).await.unwrap();
            agree(&place, &questions, "tallied again").await;
            prune(&place.url(), Timestamp::from_microsecond(NOON + cut).unwrap(), None).await.unwrap();
            agree(&place, &questions, "pruned").await;
            tally(&place.url(), later()).await.unwrap();
            agree(&place, &questions, "pruned and tallied").await;
            prop_assert_eq!(verified(&place).await.map(|found| found.tallied_hours), Ok(hours(&place).await as u64));
            Ok(())
        })?;
    });
}

/// A call that began so many microseconds after noon, and has ended.
fn called(at: i64) -> [Entry; 2] {
    let (call, at) = (id(), NOON + at);
    [Entry { at, ..intent(call) }, Entry { at: at + 12_345, ..outcome(call) }]
}

/// One call in each of three hours from noon on.
async fn three(place: &Place) -> Trail {
    let trail = open(place).await;
    for entry in (0..3).flat_map(|hour| called(hour * HOUR)) {
        trail.commit(entry).await.unwrap();
    }
    trail
}

async fn tallied(place: &Place) -> Vec<String> {
    place.rows("SELECT strftime('%H', hour * 3600, 'unixepoch') FROM tallied_hours ORDER BY hour").await
}

/// How many calls there are by tool, between noon and six.
async fn calls_of_items(place: &Place) -> u64 {
    let filter = Filter {
        since: Timestamp::from_microsecond(NOON).ok(),
        until: Timestamp::from_microsecond(NOON + 6 * HOUR).ok(),
        ..Filter::default()
    };
    let question = Count { filter, by: vec![Dimension::Tool], every: None };
    answers(place, &[question]).await[0][0].groups.iter().map(|group| group.calls).sum()
}

#[tokio::test]
async fn an_hour_is_tallied_when_it_is_over_and_all_of_it_has_ended() {
    let place = Place::new();
    let trail = three(&place).await;
    let at = |hours: i64, minutes| {
        Timestamp::from_microsecond(NOON + hours * HOUR).unwrap() + SignedDuration::from_mins(minutes)
    };
    for (hours, minutes, expected) in
        [(0, 59, vec![]), (1, 1, vec![]), (1, 2, vec!["12"]), (1, 30, vec!["12"]), (2, 2, vec!["12", "13"])]
    {
        tally(&place.url(), at(hours, minutes)).await.unwrap();
        assert_eq!(tallied(&place).await, expected, "{hours} {minutes}");
    }
    // The third hour has a call under way; the fourth has none at all.
    let open = id();
    trail.commit(Entry { at: NOON + 2 * HOUR + 7, ..intent(open) }).await.unwrap();
    assert_eq!(tally(&place.url(), later()).await.unwrap(), 0);
    trail.commit(Entry { at: NOON + 9 * HOUR, ..outcome(open) }).await.unwrap();
    assert_eq!(tally(&place.url(), later()).await.unwrap(), 1);
    assert_eq!(tallied(&place).await, ["12", "13", "14"]);
    assert_eq!(tally(&place.url(), later()).await.unwrap(), 0, "there is nothing left to do");
    assert_eq!(calls_of_items(&place).await, 4);
    trail.close().await.unwrap();
}

#[tokio::test]
async fn a_call_that_comes_late_takes_the_tally_of_its_hour_away() {
    let place = Place::new();
    let trail = three(&place).await;
    assert_eq!(tally(&place.url(), later()).await.unwrap(), 3);
    for entry in called(HOUR + 5) {
        trail.commit(entry).await.unwrap();
    }
    assert_eq!(tallied(&place).await, ["12", "14"]);
    assert_eq!(place.rows("SELECT DISTINCT CAST(hour AS TEXT) FROM tallies").await.len(), 2);
    assert_eq!(calls_of_items(&place).await, 4);
    trail.close().await.unwrap();
    assert_eq!(tally(&place.url(), later()).await.unwrap(), 1);
    assert_eq!(calls_of_items(&place).await, 4);
}

#[tokio::test]
async fn statistics_are_taken_from_tallies_and_verifying_names_one_that_is_not_true() {
    let (more, more_calls) =
        ("UPDATE tallies SET count = 1000 WHERE hour = (SELECT min(hour) + 1 FROM tallied_hours)", 1002);
    let hour = || Fault::Tally { hour: "2026-11-22T13".to_owned() };
    for (sql, calls) in [
        (more, more_calls),
        ("UPDATE tallies SET tool = 'files' WHERE hour = (SELECT min(hour) + 1 FROM tallied_hours)", 3),
        ("UPDATE tallies SET durations = x'0101' WHERE hour = (SELECT min(hour) + 1 FROM tallied_hours)", 3),
        ("DELETE FROM tallies WHERE hour = (SELECT min(hour) + 1 FROM tallied_hours)", 2),
        ("INSERT INTO tallies SELECT hour, n + 1, NULL, role, 'items', decision, enforced, rule, reason, outcome, error_code, 7, durations
          FROM tallies WHERE hour = (SELECT min(hour) + 1 FROM tallied_hours)", 10),
        ("UPDATE tallied_hours SET first = first + 1 WHERE hour = (SELECT min(hour) + 1 FROM tallied_hours)", 3),
        ("UPDATE tallied_hours SET kept = 0 WHERE hour = (SELECT min(hour) + 1 FROM tallied_hours)", 3),
    ] {
        let place = Place::new();
        three(&place).await.close().await.unwrap();
        tally(&place.url(), later()).await.unwrap();
        assert_eq!(verified(&place).await.unwrap().tallied_hours, 3);
        let triggers = place.rows("SELECT sql FROM sqlite_schema WHERE name GLOB 'tall*' AND type = 'trigger'").await;
        assert_eq!(triggers.len(), 5);
        let refused = sqlx::query(AssertSqlSafe(sql)).execute(&mut place.connect().await).await.unwrap_err().to_string();
        assert!(refused.contains("tallies"), "{sql}: {refused}");
        let dropped = triggers.iter().map(|sql| format!("DROP TRIGGER {}", sql.split(' ').nth(2).unwrap()));
        let statements: Vec<String> = dropped.chain([sql.to_owned()]).chain(triggers.clone()).collect();
        let statements: Vec<&str> = statements.iter().map(String::as_str).collect();
        execute(&place, &statements).await;
        assert_eq!(calls_of_items(&place).await, calls, "{sql}");
        assert_eq!(verified(&place).await.unwrap_err(), hour(), "{sql}");
        // Whoever does not believe it deletes it.
        execute(&place, &["DELETE FROM tallied_hours"]).await;
        assert_eq!(calls_of_items(&place).await, 3);
        assert_eq!(tally(&place.url(), later()).await.unwrap(), 3);
        assert_eq!(verified(&place).await.unwrap().tallied_hours, 3, "{sql}");
    }
}

#[tokio::test]
async fn an_hour_of_calls_that_are_all_different_is_counted_one_by_one() {
    let place = Place::new();
    let trail = place.open().await;
    for n in 0..2001 {
        let subject = Subject { tool: Some(format!("tool-{n}")), accesses: Vec::new(), ..subject() };
        trail.submit(Entry { subject: Some(Box::new(subject)), ..refusal(id()) }).await.unwrap();
    }
    trail.close().await.unwrap();
    assert_eq!(tally(&place.url(), later()).await.unwrap(), 1);
    assert_eq!(tally(&place.url(), later()).await.unwrap(), 0, "it is not tried again");
    assert_eq!(place.rows("SELECT role FROM tallies").await.len(), 0);
    assert_eq!(calls_of_items(&place).await, 2001);
    assert_eq!(verified(&place).await.unwrap().tallied_hours, 1);
}

#[tokio::test]
async fn pruning_takes_the_tallies_of_the_hours_with_it() {
    let place = Place::new();
    let trail = three(&place).await;
    assert_eq!(tally(&place.url(), later()).await.unwrap(), 3);
    let before = Timestamp::from_microsecond(NOON + HOUR + 1).unwrap();
    let pruned = prune(&place.url(), before, None).await.unwrap();
    assert_eq!(pruned.entries, 4, "the start, a call and an intent");
    assert_eq!(tallied(&place).await, ["14"]);
    assert_eq!(tally(&place.url(), later()).await.unwrap(), 0);
    assert_eq!(calls_of_items(&place).await, 1);
    // A prune that was broken off behind its marker: its entries count until they are gone, and are not tallied any more.
    execute(&place, &["UPDATE pruned SET through = (SELECT max(seq) FROM entries)"]).await;
    assert_eq!(tallied(&place).await, [""; 0]);
    assert_eq!(tally(&place.url(), later()).await.unwrap(), 0);
    assert_eq!(calls_of_items(&place).await, 1);
    trail.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_go_on_while_hours_are_tallied() {
    let place = Place::new();
    let trail = open(&place).await;
    // Each goes into the hours that are being tallied.
    let writing = tokio::spawn(async move {
        for n in 0..300 {
            for entry in called(n % 40 * HOUR / 2) {
                trail.commit(entry).await.unwrap();
            }
        }
        trail.close().await.unwrap();
    });
    let mut hours = 0;
    while !writing.is_finished() {
        hours += tally(&place.url(), later()).await.unwrap();
    }
    writing.await.unwrap();
    assert!(hours > 0);
    tally(&place.url(), later()).await.unwrap();
    assert_eq!(verified(&place).await.unwrap().tallied_hours, 20);
    assert_eq!(calls_of_items(&place).await, (0..300).filter(|n| n % 40 / 2 < 6).count() as u64);
    assert!(place.verify().status.success(), "the chain is whole");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_tallies_what_was_missed_while_none_ran() {
    let upstream = Upstream::start().await;
    let site = Site::new(upstream.url(), "upstream-token", &checkout("policies"), "reader");
    let trail = Trail::open(&TrailOptions::new(site.audit())).await.unwrap();
    // Long ago, whenever this test is run.
    for entry in (0..3).flat_map(|hour| called((hour - 24 * 400) * HOUR)) {
        trail.commit(entry).await.unwrap();
    }
    trail.close().await.unwrap();
    let gateway = site.start();
    let verify = || site.run(["audit", "verify", "--audit", &site.audit(), "--format", "json"]);
    eventually(Duration::from_secs(30), "three hours are tallied", async || {
        let found: Value = serde_json::from_str(&verify()).unwrap();
        found["tallied_hours"] == 3
    })
    .await;
    drop(gateway);
}
