//! What is aimed at, held against what was measured.

use crate::Turn;
use crate::report::Row;
use std::fmt::Write as _;

/// All that was measured: under which load, and the rows of it.
pub(crate) type Measured = [(Turn, Vec<Row>)];

/// An aim, what there is of it, and whether that is enough.
struct Mark {
    aim: &'static str,
    found: f64,
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
    let rate_beside =
        |rows: &[Row], other: &str| of(rows, "Warrener", &Row::rate) / of(rows, other, &Row::rate);
    let limited = "nginx, `limit_req` and access log";
    let (usual, crowd, paced) = (at(1000, 32, None), at(1000, 128, None), at(1000, 32, Some(1000.0)));
    let added = |of_run: fn(&crate::report::Run) -> f64| {
        let wait = |row: &Row| row.median(of_run);
        of(paced, "Warrener", &wait) - of(paced, "direct", &wait)
    };
    let least = |aim, found: f64, least: f64| Mark { aim, found, decimals: 2, is_met: found >= least };
    let most = |aim, found: f64, most: f64, decimals| Mark { aim, found, decimals, is_met: found <= most };
    let mib = |row: &Row| row.median(|run| run.mib);
    let all = [
        least(
            "calls/s, of a bare proxy with two durable rows: at least 1",
            rate_beside(usual, "bare, with two durable rows"),
            1.0,
        ),
        least("calls/s, of nginx with limit and log: at least 0.3", rate_beside(usual, limited), 0.3),
        most("CPU µs a call: at most 60", of(usual, "Warrener", &|row| row.median(|run| run.cpu)), 60.0, 0),
        most("added median at 1,000 calls/s, µs: under 500", added(|run| run.load.p50), 500.0, 0),
        most("added 99th percentile at 1,000 calls/s, µs: under 2,500", added(|run| run.load.p99), 2500.0, 0),
        least("64 KB answers, of nginx: at least 0.5", rate_beside(at(64_000, 32, None), "nginx"), 0.5),
        least("1 MB answers, of nginx: at least 0.7", rate_beside(at(1_000_000, 32, None), "nginx"), 0.7),
        most("MiB at 32 connections: under 30", of(usual, "Warrener", &mib), 30.0, 0),
        most("MiB at 128 connections: under 60", of(crowd, "Warrener", &mib), 60.0, 0),
        most("CPU of a call with 10,000 rules of other roles, of that with 10: at most 1.25", rules, 1.25, 2),
        most(
            "CPU of a call with 100,000 keys of other clients, of that with 10: at most 1.25",
            keys,
            1.25,
            2,
        ),
    ];
    let mut text = "## What is aimed at\n\nAnswers of 1 KB and 32 connections where nothing else is said.\n\n| aim | found | |\n|---|---|---|\n".to_owned();
    for Mark { aim, found, decimals, is_met } in all {
        let word = if is_met { "met" } else { "**missed**" };
        writeln!(text, "| {aim} | {found:.decimals$} | {word} |").unwrap();
    }
    text + "\n"
}
