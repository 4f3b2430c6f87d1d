//! Every call of a list that was written without a look at how answers are found, decided one by one.

use super::generate::{COLLECTIONS, FLOW, HOST};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use warrener::directus::accesses::Decoded;
use warrener::directus::accesses::accesses;
use warrener::directus::call::Mode;
use warrener::directus::{Action, Meaning, SchemaSnapshot, Tool, ToolCall};
use warrener::policy::{AccessRequest, Decision, PolicySet, Principal, Proof};

/// A thing that a call does: the action, the collection, a field or none in particular.
pub(super) type Thing = (Action, String, Option<String>);

/// What comes of all calls for one role.
#[derive(Debug, Default)]
pub(super) struct Tried {
    /// What calls that pass ask for.
    pub(super) asked: BTreeSet<Thing>,
    /// What they bring about in turn.
    pub(super) in_turn: BTreeSet<Thing>,
    /// For each call whether it passes, and in which form.
    pub(super) outcomes: Vec<Option<String>>,
}

/// The calls, decoded.
pub(super) fn calls(schema: &SchemaSnapshot) -> Vec<(Meaning, Decoded)> {
    let mut calls = Vec::new();
    for collection in COLLECTIONS {
        let (tool, keys) = match collection {
            "directus_files" => (Tool::Files, [json!(FLOW), json!("00000000-0000-4000-8000-000000000001")]),
            "directus_flows" => (Tool::Flows, [json!(FLOW), json!("00000000-0000-4000-8000-000000000001")]),
            _ => (Tool::Items, [json!(7), json!(1)]),
        };
        for mut arguments in items(&keys, tool) {
            if tool == Tool::Items {
                arguments["collection"] = json!(collection);
            }
            calls.push((tool, arguments));
        }
        for flow in [FLOW, "00000000-0000-4000-8000-000000000001"] {
            calls.push((Tool::TriggerFlow, json!({"id": flow, "collection": collection})));
            let pointed = keys
                .iter()
                .map(|key| (Tool::TriggerFlow, json!({"id": flow, "collection": collection, "keys": [key]})));
            calls.extend(pointed);
        }
    }
    for collection in COLLECTIONS {
        for tool in [Tool::Fields, Tool::Relations] {
            for field in ["id", "f", "fg", "g", "$bytes", "new"] {
                let data = json!({"collection": collection, "field": field});
                for action in ["create", "update"] {
                    let mut data = data.clone();
                    if tool == Tool::Fields {
                        data = json!({"field": field});
                    }
                    calls.push((
                        tool,
                        json!({"action": action, "collection": collection, "field": field, "data": data}),
                    ));
                    calls.push((tool, json!({"action": action, "collection": collection, "data": data})));
                }
                calls.push((tool, json!({"action": "delete", "collection": collection, "field": field})));
            }
        }
        calls.push((Tool::Collections, json!({"action": "delete", "keys": [collection]})));
        for action in ["create", "update"] {
            calls.push((Tool::Collections, json!({"action": action, "data": [{"collection": collection}]})));
        }
    }
    for id in [FLOW, "00000000-0000-4000-8000-000000000001"] {
        calls.push((Tool::Assets, json!({"id": id})));
    }
    let understood = |(tool, arguments): (Tool, Value)| {
        let call = ToolCall::new(Mode::Legacy, tool, arguments.as_object().unwrap().clone()).ok()?;
        let decoded = accesses(&call, schema).ok()?;
        Some((Meaning::Tool(call), decoded))
    };
    calls.into_iter().filter_map(understood).collect()
}

fn items(keys: &[Value], tool: Tool) -> Vec<Value> {
    let named = |key: &Value| if tool == Tool::Flows { json!({"key": key}) } else { json!({"keys": [key]}) };
    let mut calls = Vec::new();
    let mut put = |parts: &[Value]| {
        let parts = parts.iter().flat_map(|part| part.as_object().unwrap().clone());
        calls.push(Value::Object(parts.collect::<Map<_, _>>()));
    };
    let field_lists =
        [json!(["id"]), json!(["f"]), json!(["fg"]), json!(["g"]), json!(["f", "g"]), json!(["*"])];
    let read = json!({"action": "read"});
    for fields in &field_lists {
        let query = json!({"query": {"fields": fields, "limit": 1}});
        put(&[read.clone(), query.clone()]);
        for key in keys {
            put(&[read.clone(), query.clone(), json!({"keys": [key]})]);
        }
    }
    let count = json!({"query": {"aggregate": {"count": ["*"]}}});
    put(&[read.clone(), count.clone()]);
    for key in keys {
        put(&[read.clone(), count.clone(), json!({"keys": [key]})]);
    }
    put(&[read, json!({"query": {"fields": ["f"]}})]);
    for row in rows(keys) {
        let silent = if tool == Tool::Flows { json!({}) } else { json!({"query": {"fields": []}}) };
        put(&[json!({"action": "create", "data": row}), silent]);
        for key in keys {
            put(&[json!({"action": "update", "data": row, "query": {"fields": []}}), named(key)]);
        }
        if tool == Tool::Files {
            for url in [format!("{HOST}b/c.png"), format!("{HOST}c.png")] {
                put(&[json!({"action": "import", "data": [{"url": url, "file": row}]})]);
            }
        }
    }
    let query = json!({"fields": [], "filter": {"g": {"_nnull": true}}, "limit": 1});
    put(&[json!({"action": "update", "data": {"g": "q"}, "query": query})]);
    for key in keys {
        put(&[json!({"action": "delete"}), named(key)]);
    }
    calls
}

/// Rows with nothing, with one field each, and with `f` beside it, in values that validations and presets may ask for.
fn rows(keys: &[Value]) -> Vec<Value> {
    let mut rows = vec![json!({})];
    for value in ["d", "p"] {
        rows.push(json!({"f": value}));
        for other in ["q", "p"] {
            rows.push(json!({"g": other}));
            rows.push(json!({"f": value, "g": other}));
        }
        rows.push(json!({"f": value, "fg": "q"}));
        rows.push(json!({"f": value, "id": keys[1]}));
    }
    rows.extend([json!({"f": "q"}), json!({"fg": "q"}), json!({"id": keys[1]})]);
    rows.dedup();
    rows
}

/// Decides every call for one role.
pub(super) fn tried(
    set: &PolicySet,
    role: &str,
    schema: &SchemaSnapshot,
    calls: &[(Meaning, Decoded)],
) -> Tried {
    let principal = Principal { name: "t".into(), role: role.to_owned(), proof: Proof::Key };
    let mut tried = Tried::default();
    for (meaning, decoded) in calls {
        let message = Ok((meaning, decoded));
        let decision = set.decide(&AccessRequest { principal: &principal, message, schema: Some(schema) });
        tried.note(&decision);
    }
    tried
}

impl Tried {
    fn note(&mut self, decision: &Decision) {
        let Some(permit) = decision.permit() else {
            self.outcomes.push(None);
            return;
        };
        let checks: Vec<Value> = permit.checks.iter().map(|check| check.keys.shown()).collect();
        let told = format!(
            "{:?} {:?} {} {checks:?}",
            permit.meaning.arguments(),
            permit.obligations,
            decision.observed.is_empty()
        );
        self.outcomes.push(Some(told));
        for access in &decision.accesses {
            let asked = access.origin.is_asked();
            let is_there = COLLECTIONS.contains(&access.collection.as_str());
            if access.origin == warrener::directus::Origin::Included || !is_there {
                continue;
            }
            let things = if asked { &mut self.asked } else { &mut self.in_turn };
            let is_known = |name: &&String| {
                let bytes = *name == "$bytes" && access.collection == "directus_files";
                bytes || ["id", "f", "fg", "g"].contains(&name.as_str())
            };
            let named = access.fields.named.iter().filter(is_known);
            for field in named.cloned().map(Some).chain([None]) {
                things.insert((access.action, access.collection.clone(), field));
            }
        }
    }
}
