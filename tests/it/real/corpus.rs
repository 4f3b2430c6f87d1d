//! Every call of the corpus as *content-editor*, with a policy that hides some fields: none of their values comes back, and what
//! changes in the database is what an editor may change.

use super::directus::{AllowDeletes, Directus};
use super::dump::Dump;
use crate::support::process::checkout;
use crate::support::request::at;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// What the seed puts into the hidden fields.
const MARKERS: [&str; 5] = ["ARTSECRET-", "SSN-000-", "TAGSECRET-", "AUTHORPW-", "VERSIONSECRET-"];

/// The fields that the policy hides, beside those that are hidden already.
const HIDDEN: &str = r#"redact: ["*.secret_note", "*.ssn", "*.secret_code", "*.password", "#;

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn no_hidden_value_comes_back() {
    let directus = Directus::start(AllowDeletes::On).await;
    let policies = tempfile::tempdir().unwrap();
    hide(policies.path());
    let site = directus.guarded_by(policies.path(), "content-editor");
    let key = site.key("intruder");
    let gateway = site.start();
    let client = gateway.client(&key);
    let (mut wrong, mut answered) = (Vec::new(), 0);
    for line in fs::read_to_string(checkout("tests/fixtures/calls.jsonl")).unwrap().lines() {
        let call: Value = serde_json::from_str(line).unwrap();
        let Some(body) = body(&call) else { continue };
        let query = call["query_string"].as_str().unwrap_or_default().replace('#', "%23");
        let reply = client.send(at(client.post(body), &format!("/mcp{query}"))).await;
        answered += usize::from(!reply.is_refusal());
        if MARKERS.iter().any(|marker| reply.text().contains(marker)) {
            wrong.push(format!("{}: {}", call["id"], reply.text()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(answered > 100, "only {answered} calls were let through, so this shows nothing");
}

/// Where the shipped role may delete: files, folders, and links between items.
const DELETABLE: [&str; 5] =
    ["directus_files", "directus_folders", "uploads", "articles_tags", "articles_blocks"];

/// The whole database is compared before and after each call, on a Directus that deletes whatever an administrator asks it to.
#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn nothing_changes_but_what_an_editor_may_change() {
    let directus = Directus::start(AllowDeletes::On).await;
    let policies = tempfile::tempdir().unwrap();
    hide(policies.path());
    let site = directus.guarded_by(policies.path(), "content-editor");
    let key = site.key("intruder");
    let gateway = site.start();
    let client = gateway.client(&key);
    let (mut wrong, mut driven, mut changing) = (Vec::new(), 0, 0);
    let mut before = Dump::of(&directus).await;
    for line in fs::read_to_string(checkout("tests/fixtures/calls.jsonl")).unwrap().lines() {
        let call: Value = serde_json::from_str(line).unwrap();
        let Some(body) = body(&call) else { continue };
        let query = call["query_string"].as_str().unwrap_or_default().replace('#', "%23");
        let reply = client.send(at(client.post(body), &format!("/mcp{query}"))).await;
        driven += 1;
        let after = Dump::of(&directus).await;
        let changed = before.changed(&after);
        changing += usize::from(!changed.is_empty());
        if reply.is_refusal() && !changed.is_empty() {
            wrong.push(format!("{}: refused, and changed\n{}", call["id"], before.changes(&after)));
        }
        let own = |table: &&String| {
            table.as_str() == "tables"
                || (table.starts_with("directus_") && !DELETABLE.contains(&table.as_str()))
        };
        for table in changed.iter().filter(own) {
            wrong.push(format!("{}: writes {table}\n{}", call["id"], before.changes(&after)));
        }
        for row in before.deleted(&after) {
            if !DELETABLE.iter().any(|table| row.starts_with(&format!("{table}: "))) {
                wrong.push(format!("{}: deletes {row}", call["id"]));
            }
        }
        before = after;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(driven > 400, "only {driven} calls were driven");
    assert!(changing >= 15, "only {changing} calls changed anything, so this shows little");
}

/// What a call sends. A system column that is dropped would not come back for the calls after it.
fn body(call: &Value) -> Option<String> {
    let body = match (&call["request"], &call["raw_body"]) {
        (Value::Null, raw) => raw.as_str()?.to_owned(),
        (request, _) => request.to_string(),
    };
    let drops = ["\"fields\"", "\"delete\"", "directus_"].iter().all(|word| body.contains(word));
    (!drops).then_some(body)
}

/// The shipped policies without their limits of rate, and with more fields hidden.
fn hide(folder: &Path) {
    for name in ["content-editor.yaml", "developer.yaml", "guardrails.yaml"] {
        let text = fs::read_to_string(checkout(&format!("policies/{name}"))).unwrap();
        let (before, after) = text.split_once("\nlimits:\n").unwrap_or((&text, ""));
        let rest = after.lines().skip_while(|line| line.starts_with("  - "));
        let mut text = [before.lines().collect::<Vec<_>>(), rest.collect()].concat().join("\n");
        if name == "content-editor.yaml" {
            assert!(text.contains("\nredact: ["), "{text}");
            text = text.replace("redact: [", HIDDEN);
        }
        fs::write(folder.join(name), format!("{text}\n")).unwrap();
    }
}
