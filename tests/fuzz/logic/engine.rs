//! The shipped policies and some of the tests' own, with the schema of the fixtures, and a call judged by them.

use super::told;
use serde_json::{Value, json};
use std::sync::LazyLock;
use warrener::directus::{Access, Action, Origin, SchemaSnapshot};
use warrener::mcp::Id;
use warrener::policy::diagnostic::Source;
use warrener::policy::judge::{Judged, Wire, judge};
use warrener::policy::set::{GuardrailsFile, built_in_sources};
use warrener::policy::{AccessRequest, Decision, PolicySet, Principal, Proof};

/// The schema of the fixtures, as a real Directus answered it.
pub static SCHEMA: LazyLock<SchemaSnapshot> = LazyLock::new(|| {
    SchemaSnapshot::from_rest(
        include_str!("../../fixtures/schema/collections.json"),
        include_str!("../../fixtures/schema/fields.json"),
        include_str!("../../fixtures/schema/relations.json"),
    )
    .unwrap()
});

/// The shipped roles.
pub static SHIPPED: LazyLock<PolicySet> =
    LazyLock::new(|| load(&built_in_sources(), GuardrailsFile::Required));

/// Roles that have more obligations than the shipped ones; without guardrails.
pub static OWN: LazyLock<PolicySet> = LazyLock::new(|| {
    let sources = [Source::new("hiding.yaml", HIDING), Source::new("everything.yaml", EVERYTHING)];
    load(&sources, GuardrailsFile::Optional)
});

/// Hides fields and items, and bounds and fills what is written.
const HIDING: &str = r#"
version: 1
role: hiding
description: Sees and writes a part of everything.
permissions:
  - id: articles
    collections: [articles]
    actions: [read, update]
    fields: ["*", "!secret_note"]
    filter: {status: {_neq: archived}}
    by_query: true
    max_items: 20
  - id: create
    collections: [articles]
    actions: [create]
    fields: ["*", "!secret_note"]
    validation: {status: {_in: [draft, review]}}
    presets: {status: draft}
  - id: comments
    collections: [comments]
    actions: [read, create, update]
    fields: ["*", "!moderation_note"]
    filter: {id: {_gt: 3}}
    max_items: 7
  - id: others
    collections: ["*", "!articles", "!comments", "!block_secret"]
    actions: [read]
    fields: ["*", "!password", "!token", "!ssn", "!internal*", "!secret_code"]
    by_query: true
    max_items: 50
prompts: []
"#;

/// The names that the role `hiding` may not read, in whatever collection.
pub const HIDDEN: [&str; 8] = [
    "secret_note",
    "moderation_note",
    "password",
    "token",
    "ssn",
    "internal",
    "internal_notes",
    "secret_code",
];

/// Permits all that a policy can permit.
const EVERYTHING: &str = r#"
version: 1
role: everything
description: Everything.
permissions:
  - id: all
    collections: ["*"]
    actions: [read, create, update, delete, execute, import]
    by_query: true
    max_items: unlimited
import_from: ["https://images.example.com/"]
prompts: ["*"]
tools: {deny: [], opaque: ["x-*"]}
"#;

fn load(sources: &[Source], guardrails: GuardrailsFile) -> PolicySet {
    PolicySet::load(sources, guardrails).unwrap_or_else(|problems| panic!("{problems}")).0
}

/// Whoever has that role.
pub fn principal(role: &str) -> Principal {
    Principal { name: "fuzz".to_owned(), role: role.to_owned(), proof: Proof::Key }
}

/// A message that calls the tool `items`, or another, in the plain mode.
pub fn call(tool: &str, arguments: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}).to_string()
}

/// Judges a body, and checks what holds of every decision.
pub fn judged(set: &PolicySet, role: &str, query_string: &str, body: &[u8]) -> Judged {
    let principal = principal(role);
    let judge = |query_string: &str, body: &[u8]| {
        let content_type = vec!["application/json"];
        let wire = Wire { query_string, content_type, content_encoding: Vec::new(), body, ..Wire::default() };
        judge(set, &principal, Some(&SCHEMA), &wire)
    };
    let judged = judge(query_string, body);
    told(set, &principal, &judged);
    if let Some(permit) = judged.decision.permit()
        && let Some(forward) = permit.meaning.forward(&Id::Number(1))
    {
        let again = judge(forward.query_string, forward.body().unwrap().as_bytes());
        settled(&judged.decision, &again.decision, &forward.to_value().unwrap());
        covered(set, &principal, &again);
    }
    judged
}

/// The form that is forwarded is permitted as it is, for the same accesses.
fn settled(first: &Decision, again: &Decision, body: &Value) {
    let Some(permit) = again.permit() else {
        panic!("what is forwarded is denied: {}: {body}", again.reason().unwrap());
    };
    let forward = permit.meaning.forward(&Id::Number(1)).unwrap();
    assert_eq!(forward.to_value().unwrap(), *body, "what is forwarded is changed once more");
    assert_eq!(again.accesses, first.accesses, "what is forwarded does something else: {body}");
    assert_eq!(again.permit().unwrap().checks, first.permit().unwrap().checks);
}

/// Every access that is asked for is covered by one permission, and none is forbidden.
fn covered(set: &PolicySet, principal: &Principal, judged: &Judged) {
    // What is decided by name has no permission; nor has the prompt of the instance.
    let by_name = judged.decision.accesses.iter().all(|access| access.origin == Origin::Included);
    for (access, looked) in looked(set, principal, judged) {
        let forbidden: Vec<_> = looked.iter().filter(|one| one.found == "forbids it").collect();
        let dropped = access.origin == Origin::Expanded;
        assert!(dropped || forbidden.is_empty(), "forbidden and permitted: {access:?}: {forbidden:?}");
        let is_covered = looked.last().is_some_and(|last| last.found == "covers it");
        assert!(
            by_name || access.origin != Origin::Asked || is_covered,
            "not covered: {access:?}: {looked:?}"
        );
    }
}

/// Whatever is told of a decision is a line.
fn told(set: &PolicySet, principal: &Principal, judged: &Judged) {
    if let Some(reason) = judged.decision.reason() {
        told::line(&reason.message);
        told::line(&reason.rule);
    }
    for (_, looked) in looked(set, principal, judged) {
        for one in looked {
            told::line(&one.found);
        }
    }
    for check in judged.decision.permit().map(|permit| permit.checks.as_slice()).unwrap_or_default() {
        told::line(&check.message);
    }
}

fn looked<'j>(
    set: &PolicySet,
    principal: &Principal,
    judged: &'j Judged,
) -> Vec<(&'j Access, Vec<warrener::policy::explain::Looked>)> {
    let Ok((meaning, decoded)) = &judged.message else { return Vec::new() };
    let request = AccessRequest { principal, message: Ok((meaning, decoded)), schema: Some(&SCHEMA) };
    decoded.accesses.iter().map(|access| (access, set.looked_at(&request, access))).collect()
}

/// Whether an access changes anything.
pub fn writes(access: &Access) -> bool {
    match access.action {
        Action::Read => false,
        Action::Create | Action::Update | Action::Delete | Action::Execute | Action::Import => true,
    }
}
