//! What is aimed at, held against what was measured.

use crate::Turn;
use crate::report::{Row, Run};
use Bound::{Least, Most};
use std::fmt::Write as _;

/// All that was measured: under which load, and the rows of it.
pub(crate) type Measured = [(Turn, Vec<Row>)];

/// What is aimed at, how it is found of a subject of that name, and what is enough.
type Aim<'a> = (&'static str, &'a dyn Fn(&str) -> f64, Bound);

/// The proxy that does least with a record of intent and outcome.
const FLOOR: &str = "bare, with two durable rows";

/// An aim, what there is of it, and whether that is enough.
struct Mark {
    aim: &'static str,
    found: f64,
    /// The same of the bare proxy with a record, which shows what this machine and its disk take.
    floor: Option<f64>,
    decimals: usize,
    is_met: bool,
}

/// The aims as a table in Markdown; `flat` are the two costs of a call with many rules and with many keys, of that with few.
pub(crate) fn marks(measured: &Measured, [rules, keys]: [f64; 2]) -> String {
    let at = |bytes, connections, rate| {
        let turn = measured
            .iter()
            .find(|(turn, _)| (turn.bytes, turn.connections) == (bytes, connections) && turn.rate == rate);
        turn.map_or(&[][..], |(_, rows)| rows.as_slice())
    };
    let of = |rows: &[Row], name: &str, what: &dyn Fn(&Row) -> f64| {
        rows.iter().find(|row| row.name == name).map_or(f64::NAN, what)
    };
    let limited = "nginx, `limit_req` and access log";
    let (usual, crowd, paced) = (at(1000, 32, None), at(1000, 128, None), at(1000, 32, Some(1000.0)));
    let (long, longest) = (at(64_000, 32, None), at(1_000_000, 32, None));
    let beside = |rows, other| move |name: &str| of(rows, name, &Row::rate) / of(rows, other, &Row::rate);
    let added = |of_run: fn(&Run) -> f64| {
        let wait = move |name: &str| of(paced, name, &|row| row.median(of_run));
        move |name: &str| wait(name) - wait("direct")
    };
    let mib = |rows| move |name: &str| of(rows, name, &|row| row.median(|run| run.mib));
    let cpu = |name: &str| of(usual, name, &|row| row.median(|run| run.cpu));
    let (p50, p99) = (added(|run| run.load.p50), added(|run| run.load.p99));
    let aims: [Aim<'_>; 9] = [
        ("calls/s, of a bare proxy with two durable rows: at least 1", &beside(usual, FLOOR), Least(1.0)),
        ("calls/s, of nginx with limit and log: at least 0.3", &beside(usual, limited), Least(0.3)),
        ("CPU µs a call: at most 60", &cpu, Most(60.0)),
        ("added median at 1,000 calls/s, µs: under 500", &p50, Most(500.0)),
        ("added 99th percentile at 1,000 calls/s, µs: under 2,500", &p99, Most(2500.0)),
        ("64 KB answers, of nginx: at least 0.5", &beside(long, "nginx"), Least(0.5)),
        ("1 MB answers, of nginx: at least 0.7", &beside(longest, "nginx"), Least(0.7)),
        ("MiB at 32 connections: under 30", &mib(usual), Most(30.0)),
        ("MiB at 128 connections: under 60", &mib(crowd), Most(60.0)),
    ];
    let beside_floor = aims.map(|(aim, found, bound)| bound.mark(aim, found("Warrener"), Some(found(FLOOR))));
    let flat = [
        ("CPU of a call with 10,000 rules of other roles, of that with 10: at most 1.25", rules),
        ("CPU of a call with 100,000 keys of other clients, of that with 10: at most 1.25", keys),
    ];
    let flat = flat.map(|(aim, found)| Mark { decimals: 2, ..Most(1.25).mark(aim, found, None) });
    let mut text = format!(
        "## What is aimed at\n\nAnswers of 1 KB and 32 connections where nothing else is said; beside it the same of `{FLOOR}`, which shows what \
         this machine and its disk leave.\n\n| aim | found | | {FLOOR} |\n|---|---|---|---|\n"
    );
    for Mark { aim, found, floor, decimals, is_met } in beside_floor.into_iter().chain(flat) {
        let word = if is_met { "met" } else { "**missed**" };
        let floor = floor.map(|floor| format!("{floor:.decimals$}")).unwrap_or_default();
        writeln!(text, "| {aim} | {found:.decimals$} | {word} | {floor} |").unwrap();
    }
    text + "\n"
}

/// What is enough.
#[derive(Clone, Copy)]
enum Bound {
    /// A ratio that is to be as large.
    Least(f64),
    /// A cost that is to be no larger.
    Most(f64),
}

impl Bound {
    fn mark(self, aim: &'static str, found: f64, floor: Option<f64>) -> Mark {
        let (is_met, decimals) = match self {
            Least(least) => (found >= least, 2),
            Most(most) => (found <= most, 0),
        };
        Mark { aim, found, floor, decimals, is_met }
    }
}
