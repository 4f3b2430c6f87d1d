//! A second evaluator of the policy language, small, slow and written from its description alone, against the engine; and what has to
//! hold of decisions whatever the policy is.

mod calls;
mod compare;
mod conditions;
mod evaluate;
mod generate;
mod made;
mod obliged;
mod properties;
mod query;
mod recalled;
mod searched;
mod suggested;
mod validated;

use crate::support::process::checkout;
use generate::Policy;
use serde_json::Value;
use std::fs;
use warrener::administer;
use warrener::directus::SchemaSnapshot;
use warrener::policy::judge::{Judged, Wire, judge};
use warrener::policy::{PolicySet, Principal, Proof};

/// A message of the measured calls.
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) query_string: String,
    pub(crate) body: String,
}

/// Every message of the corpus that has a plain body.
pub(crate) fn messages() -> Vec<Message> {
    let text = fs::read_to_string(checkout("tests/fixtures/calls.jsonl")).unwrap();
    let message = |line: &str| {
        let call: Value = serde_json::from_str(line).unwrap();
        let request = call.get("request").filter(|request| request.is_object())?;
        let id = call["id"].as_str().unwrap().to_owned();
        let query_string = call["query_string"].as_str().unwrap_or_default().to_owned();
        Some(Message { id, query_string, body: request.to_string() })
    };
    text.lines().filter_map(message).collect()
}

pub(crate) fn schema() -> SchemaSnapshot {
    administer::schema(&checkout("tests/fixtures/schema")).unwrap()
}

pub(crate) fn judged(set: &PolicySet, schema: &SchemaSnapshot, query_string: &str, body: &str) -> Judged {
    let principal = Principal { name: "t".into(), role: "tester".into(), proof: Proof::Key };
    let content_type = vec!["application/json"];
    let wire = Wire { query_string, content_type, body: body.as_bytes(), ..Wire::default() };
    judge(set, &principal, Some(schema), &wire)
}

/// Generated policies, as many as the run is to have.
pub(crate) fn policies(count: u32) -> Vec<Policy> {
    generate::policies(times(count))
}

/// As many as that, or ten times as many in a full run.
pub(crate) fn times(count: u32) -> u32 {
    if std::env::var_os("WARRENER_FULL").is_some() { count * 10 } else { count }
}
