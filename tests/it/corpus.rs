//! The calls that were measured on a real Directus, judged by the library: what is forwarded is judged the same again, and
//! a policy that permits everything shows that no measured access is missing from the decoded ones, field by field.

use crate::support::process::checkout;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use warrener::administer;
use warrener::directus::SchemaSnapshot;
use warrener::policy::diagnostic::Source;
use warrener::policy::judge::{Judged, Wire, judge};
use warrener::policy::set::GuardrailsFile;
use warrener::policy::{Code, PolicySet, Principal, Proof};

/// Permits all that a policy can permit, importing from the hosts of the measurements included.
const EVERYTHING: &str = r#"version: 1
role: everything
description: Everything.
permissions:
  - id: all
    collections: ["*"]
    actions: [read, create, update, delete, execute, import]
    by_query: true
    max_items: unlimited
import_from: ["http://127.0.0.1:9777/", "http://127.0.0.2:9777/", "http://[::1]:9777/", "http://169.254.169.254/"]
prompts: ["*"]
"#;

/// What describes the data model.
const MODEL: [&str; 3] = ["directus_collections", "directus_fields", "directus_relations"];

/// A line of the measurements.
#[derive(Debug, Deserialize)]
struct Call {
    id: String,
    query_string: String,
    request: Option<Value>,
    raw_body: Option<String>,
    #[serde(default)]
    http: Http,
    accesses: Vec<Access>,
    directus: Answer,
}

#[derive(Debug, Default, Deserialize)]
struct Http {
    #[serde(default)]
    headers: Map<String, Value>,
}

/// An access, as it was measured or as it is explained.
#[derive(Debug, Deserialize)]
struct Access {
    action: String,
    collection: String,
    fields: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    http_status: u16,
    is_error: Option<bool>,
}

impl Call {
    /// Whether the real Directus did anything. A write can stand although the answer says that it failed.
    fn was_executed(&self) -> bool {
        self.directus.http_status == 200
            && (self.directus.is_error != Some(true) || !self.accesses.is_empty())
    }
}

struct Engine {
    set: PolicySet,
    schema: SchemaSnapshot,
    principal: Principal,
}

impl Engine {
    fn shipped(role: &str) -> Self {
        let (set, _) = administer::policies(Some(&checkout("policies"))).unwrap();
        Self::new(set, role)
    }

    fn permitting_everything() -> Self {
        let source = Source::new("everything.yaml", EVERYTHING);
        let set = PolicySet::load(&[source], GuardrailsFile::Optional);
        Self::new(set.unwrap_or_else(|problems| panic!("{problems}")).0, "everything")
    }

    fn new(set: PolicySet, role: &str) -> Self {
        let schema = administer::schema(&checkout("tests/fixtures/schema")).unwrap();
        let principal = Principal { name: "corpus".to_owned(), role: role.to_owned(), proof: Proof::Key };
        Self { set, schema, principal }
    }

    fn call(&self, call: &Call) -> Judged {
        let body = match &call.raw_body {
            Some(body) => body.clone(),
            None => call.request.as_ref().unwrap().to_string(),
        };
        let header = |name: &str| {
            let found = call.http.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| match value.as_array() {
                Some(list) => list.iter().map(|one| one.as_str().unwrap()).collect(),
                None => value.as_str().into_iter().collect(),
            })
        };
        self.judge(&Wire {
            query_string: &call.query_string,
            content_type: header("content-type").unwrap_or_else(|| vec!["application/json"]),
            content_encoding: header("content-encoding").unwrap_or_default(),
            body: body.as_bytes(),
            ..Wire::default()
        })
    }

    fn judge(&self, wire: &Wire<'_>) -> Judged {
        judge(&self.set, &self.principal, Some(&self.schema), wire)
    }
}

fn corpus() -> Vec<Call> {
    let text = std::fs::read_to_string(checkout("tests/fixtures/calls.jsonl")).unwrap();
    let calls = text.lines().map(|line| serde_json::from_str::<Call>(line).unwrap());
    let calls: Vec<_> = calls.filter(|call| call.request.is_some() || call.raw_body.is_some()).collect();
    assert_eq!(calls.len(), 456);
    calls
}

#[test]
fn every_answer_has_the_promised_shape() {
    for role in ["reader", "content-editor", "developer"] {
        let engine = Engine::shipped(role);
        for call in corpus() {
            let answer = engine.call(&call).decision.explained(&json!(call.id));
            let keys: Vec<_> = answer.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(keys, ["id", "decision", "reason", "accesses", "obligations", "forward"]);
            assert_eq!(answer["id"], call.id);
            match answer["decision"].as_str().unwrap() {
                "permit" => assert_eq!(answer["reason"], Value::Null, "{}", call.id),
                "deny" => {
                    assert_eq!(answer["forward"], Value::Null, "{}", call.id);
                    assert_ne!(answer["reason"]["message"].as_str().unwrap(), "", "{}", call.id);
                }
                other => panic!("{}: {other}", call.id),
            }
            let listed: Vec<Access> = serde_json::from_value(answer["accesses"].clone()).unwrap();
            for access in &listed {
                assert!(access.fields.is_sorted(), "{}: {:?}", call.id, access.fields);
            }
            assert_eq!(listed.is_empty(), engine.call(&call).decision.accesses.is_empty());
        }
    }
}

#[test]
fn what_is_forwarded_is_permitted_again_without_a_change() {
    for engine in ["reader", "content-editor", "developer"].map(Engine::shipped) {
        let mut forwarded = 0;
        for call in corpus() {
            let answer = engine.call(&call).decision.explained(&Value::Null);
            let Some(forward) = answer["forward"].as_object() else { continue };
            let body = forward["body"].to_string();
            let again = engine.judge(&Wire {
                query_string: forward["query_string"].as_str().unwrap(),
                content_type: vec!["application/json"],
                content_encoding: Vec::new(),
                body: body.as_bytes(),
                ..Wire::default()
            });
            let again = again.decision.explained(&Value::Null);
            assert_eq!(again["decision"], "permit", "{}: {again}", call.id);
            assert_eq!(again["forward"], answer["forward"], "{}", call.id);
            forwarded += 1;
        }
        assert!(forwarded > 50, "{}: {forwarded}", engine.principal.role);
    }
}

/// A call is judged by what it does, not by the era in which it is asked for.
#[test]
fn the_same_call_is_the_same_in_both_eras() {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "progressToken": 1,
    });
    for engine in ["reader", "content-editor", "developer"]
        .map(Engine::shipped)
        .into_iter()
        .chain([Engine::permitting_everything()])
    {
        let mut compared = 0;
        for mut call in corpus() {
            let legacy = engine.call(&call).decision.explained(&Value::Null);
            let Some(request) = &mut call.request else { continue };
            let is_of_both = ["tools/list", "tools/call", "prompts/list", "prompts/get"];
            let is_whole = request["params"].is_null() || request["params"].is_object();
            if call.raw_body.is_some()
                || !is_whole
                || !is_of_both.iter().any(|method| request["method"] == *method)
            {
                continue;
            }
            request["params"]["_meta"] = meta.clone();
            let modern = engine.call(&call).decision.explained(&Value::Null);
            assert_eq!(modern, legacy, "{}", call.id);
            compared += 1;
        }
        assert!(compared > 350, "{compared}");
    }
}

#[test]
fn as_many_calls_are_decided_as_before() {
    let mut lines = Vec::new();
    let everything = Engine::permitting_everything();
    for engine in
        ["reader", "content-editor", "developer"].map(Engine::shipped).into_iter().chain([everything])
    {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for call in corpus() {
            let judged = engine.call(&call);
            *counts
                .entry(judged.decision.reason().map_or("permit", |reason| reason.code.as_str()))
                .or_default() += 1;
        }
        let counts: Vec<String> = counts.iter().map(|(code, count)| format!("{code} {count}")).collect();
        lines.push(format!("{}: {}", engine.principal.role, counts.join(", ")));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    reader: forbidden 108, no_permission 29, not_understood 163, permit 156
    content-editor: forbidden 52, invalid_value 11, no_permission 39, not_understood 163, permit 191
    developer: forbidden 18, invalid_value 11, no_permission 53, not_understood 163, permit 211
    everything: invalid_value 3, not_understood 163, permit 290
    "#);
}

#[test]
fn no_measured_access_is_missing() {
    let engine = Engine::permitting_everything();
    let mut compared = 0;
    let mut missing = Vec::new();
    for call in corpus().iter().filter(|call| call.directus.http_status == 200) {
        let judged = engine.call(call);
        if judged.decision.permit().is_none() {
            continue;
        }
        let answer = judged.decision.explained(&Value::Null);
        let decoded: Vec<Access> = serde_json::from_value(answer["accesses"].clone()).unwrap();
        for measured in &call.accesses {
            compared += 1;
            missing.extend(lacks(&call.id, measured, &decoded));
        }
    }
    assert!(compared > 100, "{compared}");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// What is refused as not understood is sound, but a policy can say nothing about it. So that it stays rare, all that a real
/// Directus executed is listed with the reason. The list may only get shorter.
#[test]
fn few_calls_that_directus_executed_are_not_understood() {
    let engine = Engine::permitting_everything();
    let executed = corpus().into_iter().filter(Call::was_executed);
    let refused = executed.filter(|call| {
        let decision = engine.call(call).decision;
        decision.reason().is_some_and(|reason| reason.code == Code::NotUnderstood)
    });
    let refused: BTreeSet<String> = refused.map(|call| call.id).collect();
    let text = std::fs::read_to_string(checkout("tests/fixtures/not-understood.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let listed: BTreeSet<String> = lines.map(str::to_owned).collect();
    let more: Vec<_> = refused.difference(&listed).collect();
    let fewer: Vec<_> = listed.difference(&refused).collect();
    assert!(more.is_empty(), "no longer understood: {more:?}");
    assert!(fewer.is_empty(), "understood now, so take them from the list: {fewer:?}");
    assert!(listed.len() <= 60, "{}", listed.len());
}

/// What the decoded accesses lack of a measured one; `None` where they have all of it.
fn lacks(id: &str, measured: &Access, decoded: &[Access]) -> Option<String> {
    let same =
        decoded.iter().filter(|one| one.action == measured.action && one.collection == measured.collection);
    let fields: BTreeSet<&str> = same.clone().flat_map(|one| one.fields.iter().map(String::as_str)).collect();
    // The columns of one altered table were noted as one text.
    let has =
        |field: &String| fields.contains("*") || decoded_as(field).split(',').all(|one| fields.contains(one));
    let lacking: Vec<_> = measured.fields.iter().filter(|field| !has(field)).collect();
    let there = same.count() > 0 || is_judged_otherwise(id, measured);
    let lacks = !there || (!lacking.is_empty() && !has_other_fields(id, measured));
    lacks.then(|| format!("{id}: {} {}: {lacking:?} of {fields:?}", measured.action, measured.collection))
}

/// The name that a decoded access has for what was measured under another.
fn decoded_as(field: &str) -> &str {
    match field {
        "<bytes>" => "$bytes",
        other => other.strip_prefix("<table altered> ").unwrap_or(other),
    }
}

/// What is done by no access of the call's own.
fn is_judged_otherwise(id: &str, measured: &Access) -> bool {
    // What a flow does is not looked into: `execute` stands for all of it.
    let by_flow = ["tf-delete-ed", "tf-delete-str"].contains(&id) && measured.collection == "comments";
    // A prompt is permitted by its name, in `prompts`.
    let prompt = id.starts_with("pr-get") && measured.collection == "prompts";
    by_flow || prompt
}

/// Where the fields that were measured are other things than the fields of an access.
fn has_other_fields(id: &str, measured: &Access) -> bool {
    // Whole items go: it was measured as all their fields, and an access that deletes has none. The name of a flow was
    // noted, where an access has its key; and of an import that all of a file comes from elsewhere. Of Directus' own
    // tables the columns were measured; what a client writes of them is called `meta`.
    let always = match measured.action.as_str() {
        "delete" => true,
        "execute" => measured.collection == "directus_flows",
        "import" => measured.collection == "directus_files",
        "create" | "update" => MODEL.contains(&measured.collection.as_str()),
        _ => false,
    };
    // Directus fills what it learns from the bytes that it fetched. With `fields: []` keys are all that comes back, and
    // `count(*)` brings a number that is of no field; both were noted as all fields. So was a search, which looks at the columns
    // and at none of the lists.
    let here = match measured.collection.as_str() {
        "directus_files" => measured.action == "create" && id.starts_with("im-"),
        "customers" => ["rd-fields-empty", "rd-agg-star"].contains(&id),
        "comments" => id == "rd-deep-search" || is_judged_otherwise(id, measured),
        _ => is_judged_otherwise(id, measured),
    };
    always || here
}
