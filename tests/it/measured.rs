//! The calls that were measured on a real Directus, through `warrener explain`: the list of accesses that a permitted
//! call is judged by holds every access which that call really made.

use crate::support::process::checkout;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::process::{Command, Stdio};

const CALLS: &str = "tests/fixtures/calls.jsonl";
/// How many of the measured calls have a body that can be explained.
const EXPLAINED: usize = 456;
/// Where a content editor may delete, and change what is Directus' own.
const MEDIA: [&str; 2] = ["directus_files", "directus_folders"];

/// A line of the measurements.
#[derive(Debug, Deserialize)]
struct Measured {
    id: String,
    accesses: Vec<Access>,
    request: Option<serde_json::Value>,
    raw_body: Option<String>,
}

/// A line of the answer.
#[derive(Debug, Deserialize)]
struct Explained {
    id: String,
    decision: String,
    accesses: Vec<Access>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Access {
    action: String,
    collection: String,
}

#[test]
fn what_is_permitted_does_nothing_that_is_not_listed() {
    for role in ["reader", "content-editor", "developer"] {
        for (measured, explained) in permitted(role) {
            // `prompts/get` is permitted by `prompts` in the policy, and by nothing else.
            // What a flow does in turn is covered by `execute`.
            let runs = explained.accesses.iter().any(|access| access.action == "execute");
            let listed = |access: &&Access| {
                runs || access.collection == "prompts" || explained.accesses.contains(access)
            };
            let unlisted: Vec<_> = measured.accesses.iter().filter(|access| !listed(access)).collect();
            assert!(unlisted.is_empty(), "{role}: {}: {unlisted:?}", measured.id);
        }
    }
}

#[test]
fn a_content_editor_deletes_no_content_and_changes_nothing_of_directus() {
    for (measured, _) in permitted("content-editor") {
        for access in &measured.accesses {
            let media = MEDIA.contains(&access.collection.as_str());
            assert!(media || access.action != "delete", "{}: {access:?}", measured.id);
            let own = access.collection.starts_with("directus_");
            assert!(media || !own || access.action == "read", "{}: {access:?}", measured.id);
        }
    }
}

#[test]
fn a_reader_writes_nothing() {
    for (measured, _) in permitted("reader") {
        let writes: Vec<_> = measured.accesses.iter().filter(|access| access.action != "read").collect();
        assert!(writes.is_empty(), "{}: {writes:?}", measured.id);
    }
}

/// The calls that the role is permitted, with what they did and what they are judged by.
fn permitted(role: &str) -> Vec<(Measured, Explained)> {
    let measured: Vec<Measured> = lines(&std::fs::read_to_string(checkout(CALLS)).unwrap());
    let measured = measured.into_iter().filter(|call| call.request.is_some() || call.raw_body.is_some());
    let calls: Vec<_> = measured.zip(explain(role)).collect();
    assert_eq!(calls.len(), EXPLAINED);
    assert!(calls.iter().all(|(measured, explained)| measured.id == explained.id));
    let permitted: Vec<_> =
        calls.into_iter().filter(|(_, explained)| explained.decision == "permit").collect();
    assert!(permitted.len() > 50, "`{role}` is permitted next to nothing: {}", permitted.len());
    permitted
}

fn explain(role: &str) -> Vec<Explained> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_warrener"));
    command.args(["explain", "--role", role, "--policies"]).arg(checkout("policies"));
    command.arg("--schema").arg(checkout("tests/fixtures/schema")).arg("--jsonl").arg(checkout(CALLS));
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let explained: Vec<Explained> = lines(&String::from_utf8(output.stdout).unwrap());
    let decisions: BTreeSet<_> = explained.iter().map(|line| line.decision.as_str()).collect();
    assert_eq!(decisions, BTreeSet::from(["deny", "permit"]));
    explained
}

fn lines<T: serde::de::DeserializeOwned>(text: &str) -> Vec<T> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}
