//! `audit export`: every call once it has ended, once, in an order that can be gone on with.

use super::{audit, five, named};
use crate::trail::{NOON, Place, id, intent, outcome, refusal};
use serde_json::Value;
use std::collections::BTreeSet;
use uuid::Uuid;
use warrener::audit::entry::{Entry, Outcome};

fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn lines_are_the_calls_that_have_ended_in_the_order_of_their_ends() {
    let place = Place::new();
    let trail = five(&place).await;
    let exported = audit(&place, "export --format jsonl").await;
    let expected = [4, 2, 1, 0].map(|n| named(n).to_string());
    assert_eq!(ids(&exported.rows()), expected, "call 3 has not ended");
    assert_eq!(exported.notes, format!("4 calls; `--after {}` goes on behind them\n", named(0)));
    assert_eq!(
        exported.rows()[0],
        audit(&place, "query --format json --oldest-first --limit 1").await.rows()[0]
    );

    // Call 3 began long before the last one that was written.
    trail.commit(outcome(named(3))).await.unwrap();
    let later = audit(&place, &format!("export --format jsonl --after {}", named(0))).await;
    assert_eq!(ids(&later.rows()), [named(3).to_string()]);
    assert_eq!(later.notes, format!("1 call; `--after {}` goes on behind it\n", named(3)));
    let nothing = audit(&place, &format!("export --format jsonl --after {}", named(3))).await;
    assert_eq!((nothing.data.as_str(), nothing.notes.as_str()), ("", "no such calls\n"));
    trail.close().await.unwrap();
}

#[tokio::test]
async fn a_place_that_cannot_be_gone_on_from_is_an_error() {
    let place = Place::new();
    let _trail = five(&place).await;
    let gone = audit(&place, "export --format jsonl --after 01940000-0000-7000-8000-000000000000").await;
    assert_eq!(
        gone.error.as_deref(),
        Some(
            "no call in the trail has the id `01940000-0000-7000-8000-000000000000`: `warrener audit query` lists ids"
        )
    );
    let open = audit(&place, &format!("export --format jsonl --after {}", named(3))).await;
    assert_eq!(
        open.error,
        Some(format!("the call `{}` has not ended, so that there is nothing behind its end", named(3)))
    );
}

#[tokio::test]
async fn times_are_those_of_the_ends() {
    let place = Place::new();
    let trail = place.open().await;
    let at = |seconds: i64| NOON + seconds * 1_000_000;
    let calls: Vec<Uuid> = (0..4).map(|_| id()).collect();
    for (n, call) in (0..).zip(&calls) {
        trail.commit(Entry { at: at(n), ..intent(*call) }).await.unwrap();
    }
    // The first to begin is the last to end, a day later; the third ends while the clock has jumped back.
    for (n, seconds) in [(1, 10), (3, 20), (2, 5), (0, 80_000)] {
        trail.commit(Entry { at: at(seconds), ..outcome(calls[n]) }).await.unwrap();
    }
    for (line, expected) in [
        ("", [1, 3, 2, 0].as_slice()),
        ("--since 2026-11-22T12:00:10", &[1, 3, 0]),
        ("--since 2026-11-22T12:00:11", &[3, 0]),
        ("--since 2026-11-23", &[0]),
        ("--since 2026-11-24", &[]),
        // It stops where the order does: what comes behind is for the next time.
        ("--until 2026-11-22T12:00:20", &[1]),
        ("--until 2026-11-22T12:00:21", &[1, 3, 2]),
        ("--since 2026-11-22T12:00:15 --until 2026-11-23", &[3]),
    ] {
        let exported = audit(&place, &format!("export --format jsonl {line}")).await;
        let expected: Vec<String> = expected.iter().map(|&n: &usize| calls[n].to_string()).collect();
        assert_eq!(ids(&exported.rows()), expected, "{line}");
    }
    trail.close().await.unwrap();
}

#[tokio::test]
async fn a_call_of_which_the_end_was_not_known_is_exported_when_it_was_closed() {
    let place = Place::new();
    let call = id();
    let trail = place.open().await;
    // Long ago, and nothing since.
    trail.commit(Entry { at: NOON - 40 * 86_400_000_000, ..intent(call) }).await.unwrap();
    trail.close().await.unwrap();
    let trail = place.open().await;
    let exported = audit(&place, "export --format jsonl --since 1m").await;
    assert_eq!(ids(&exported.rows()), [call.to_string()]);
    assert_eq!(exported.rows()[0]["outcome"], "unknown");
    trail.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn going_on_while_calls_are_written_loses_none_and_doubles_none() {
    let place = Place::new();
    let trail = place.open().await;
    let writer = tokio::spawn({
        let trail = trail.clone();
        async move {
            let mut under_way = Vec::new();
            let mut all = BTreeSet::new();
            for n in 0..1500_usize {
                let call = id();
                all.insert(call.to_string());
                if n % 7 == 0 {
                    trail.commit(refusal(call)).await.unwrap();
                } else {
                    trail.commit(intent(call)).await.unwrap();
                    under_way.push(call);
                }
                // Calls end in another order than they began.
                if under_way.len() > 20 {
                    let call = under_way.remove((n * 31) % under_way.len());
                    trail.submit(outcome(call)).await.unwrap();
                }
            }
            // What is only handed over may be written after the last look.
            for call in under_way {
                trail.commit(outcome(call)).await.unwrap();
            }
            all
        }
    });
    let mut seen = Vec::new();
    let mut go_on = String::new();
    let mut rounds = 0;
    loop {
        let done = writer.is_finished() && trail.ready().await.is_ok();
        let rows = audit(&place, &format!("export --format jsonl {go_on}")).await.rows();
        rounds += usize::from(!rows.is_empty());
        seen.extend(ids(&rows));
        if let Some(last) = seen.last() {
            go_on = format!("--after {last}");
        }
        if done && rows.is_empty() {
            break;
        }
    }
    let all = writer.await.unwrap();
    assert!(rounds > 3, "{rounds} rounds");
    assert_eq!(seen.len(), all.len());
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), all);
    trail.close().await.unwrap();
}

#[tokio::test]
async fn a_file_is_made_for_its_owner_and_never_written_over() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let _trail = five(&place).await;
    let path = place.path().with_file_name("calls.csv");
    let line = format!("export --format csv --output {}", path.display());
    let exported = audit(&place, &line).await;
    assert_eq!((exported.data.as_str(), exported.error), ("", None));
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(text.starts_with("id,started_at,"), "{text}");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let again = audit(&place, &line).await;
    assert_eq!(again.error, Some(format!("cannot create `{}`", path.display())));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn a_call_without_a_known_time_of_its_end_is_a_line_too() {
    let place = Place::new();
    let trail = place.open().await;
    let call = id();
    let outcome = Outcome { duration_us: None, ..refusal(call).outcome.unwrap() };
    trail.commit(Entry { outcome: Some(outcome), ..refusal(call) }).await.unwrap();
    let exported =
        audit(&place, "export --format jsonl --since 2026-11-22T12:00 --until 2026-11-22T12:01").await;
    assert_eq!(ids(&exported.rows()), [call.to_string()]);
    trail.close().await.unwrap();
}
