//! The corpus of the fuzzers, replayed: what they are started from and what they once found. `tests/fuzz/README.md` says how to look
//! for more.

#[expect(unreachable_pub, reason = "the package of the fuzzers calls them too")]
#[path = "../fuzz/logic/mod.rs"]
mod logic;

use crate::reference::messages;
use crate::support::process::checkout;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Longest that one file may take; the fuzzers bear with 5 s, on a build that is faster.
const SLOW: Duration = Duration::from_secs(10);

#[test]
fn accesses() {
    replay("accesses");
}

#[test]
fn fields() {
    replay("fields");
}

#[test]
fn json() {
    replay("json");
}

#[test]
fn query() {
    replay("query");
}

#[test]
fn validation() {
    replay("validation");
}

#[test]
fn yaml() {
    replay("yaml");
}

/// What the fuzzers of the decoder were started from.
#[test]
fn measured_calls() {
    for call in messages() {
        let kept = catch_unwind(AssertUnwindSafe(|| logic::accesses::accesses(call.body.as_bytes())));
        assert!(kept.is_ok(), "{}", call.id);
    }
}

/// A new function is replayed, and no folder is left aside.
#[test]
fn every_target_has_a_corpus() {
    let folders = std::fs::read_dir(checkout("tests/fuzz/corpus")).unwrap();
    let mut folders: Vec<_> = folders.map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
    folders.sort();
    assert_eq!(folders, logic::ALL.map(|(name, _)| name));
    for (name, _) in logic::ALL {
        assert!(checkout(&format!("tests/fuzz/targets/{name}.rs")).is_file(), "{name}");
        assert!(files(name).len() >= 20, "{name}");
    }
}

/// Calls the function with every file of its folder; all that fail are named.
fn replay(name: &str) {
    let (_, function) = logic::ALL.into_iter().find(|(other, _)| *other == name).unwrap();
    let mut failed = Vec::new();
    for file in files(name) {
        let data = std::fs::read(&file).unwrap();
        let from = Instant::now();
        // What it panicked with stands in the output of the test.
        if catch_unwind(AssertUnwindSafe(|| function(&data))).is_err() {
            failed.push(file.display().to_string());
        }
        let took = from.elapsed();
        assert!(took < SLOW, "{} takes {took:?}", file.display());
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn files(name: &str) -> Vec<PathBuf> {
    let folder = checkout(&format!("tests/fuzz/corpus/{name}"));
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
