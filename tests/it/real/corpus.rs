//! Every call of the corpus as *content-editor*, with a policy that hides some fields: none of their values comes back.

use super::directus::{AllowDeletes, Directus};
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
