//! The plain calls of every tool: each does one thing and as little else as there is, by the keys, fields and addresses of the role.
//!
//! INVARIANT: every tool and every word of its `action` has its calls here; a new one does not compile without.

use super::survey::{At, Place, Survey};
use super::values;
use crate::directus::carrier::Step;
use crate::directus::schema::Collection;
use crate::directus::{Action, Tool, Verb};
use crate::policy::visibility::NEW;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// An address to import from, where the policies list none.
const ANYWHERE: &str = "https://example.com/";

/// Asks about every plain call.
pub(super) fn ask(survey: &mut Survey<'_>) {
    for tool in Tool::ALL {
        match tool {
            Tool::Items => {
                for collection in survey.schema.collections().filter(|collection| !collection.is_system()) {
                    owned(survey, tool, collection);
                }
            }
            Tool::Files => with(survey, "directus_files", |survey, files| owned(survey, tool, files)),
            Tool::Folders => with(survey, "directus_folders", |survey, folders| owned(survey, tool, folders)),
            Tool::Flows => with(survey, "directus_flows", |survey, flows| owned(survey, tool, flows)),
            Tool::Operations => {
                with(survey, "directus_operations", |survey, operations| owned(survey, tool, operations));
            }
            Tool::Assets => with(survey, "directus_files", |survey, files| {
                for key in values::keys(survey, files) {
                    put(survey, tool, json!({ "id": key }));
                }
            }),
            Tool::TriggerFlow => with(survey, "directus_flows", trigger_flow),
            Tool::Collections => collections(survey),
            Tool::Fields | Tool::Relations => columns(survey, tool),
            Tool::Schema | Tool::SystemPrompt => {
                put(survey, tool, json!({}));
            }
        }
    }
}

fn with<'a>(survey: &mut Survey<'a>, name: &str, ask: impl FnOnce(&mut Survey<'a>, &'a Collection)) {
    if let Some(collection) = survey.schema.collection(name) {
        ask(survey, collection);
    }
}

/// Asks about one call; its arguments where it passes.
fn put(survey: &mut Survey<'_>, tool: Tool, arguments: Value) -> Option<Map<String, Value>> {
    let Value::Object(arguments) = arguments else { return None };
    survey.ask(tool, &arguments).then_some(arguments)
}

/// The tools that read and write the items of a collection.
fn owned(survey: &mut Survey<'_>, tool: Tool, collection: &Collection) {
    for verb in tool.verbs() {
        let action = json!({ "action": verb.as_str() });
        let base = if tool == Tool::Items {
            merged(&action, json!({ "collection": collection.name }))
        } else {
            action
        };
        match verb {
            Verb::Read => read(survey, tool, collection, &base),
            Verb::Create => {
                for row in values::rows(survey, collection, Action::Create) {
                    let query = if is_keyed(tool) { json!({}) } else { json!({ "query": { "fields": [] } }) };
                    write(survey, tool, collection, &base, query, &row);
                }
            }
            Verb::Update => update(survey, tool, collection, &base),
            Verb::Delete => {
                for key in values::keys(survey, collection) {
                    put(survey, tool, merged(&base, named(tool, &key)));
                }
            }
            Verb::Import => import(survey, tool, collection, &base),
        }
    }
}

/// Whether a call of the tool names one item by `key`.
fn is_keyed(tool: Tool) -> bool {
    match tool {
        Tool::Flows | Tool::Operations => true,
        Tool::Items
        | Tool::Files
        | Tool::Folders
        | Tool::Assets
        | Tool::TriggerFlow
        | Tool::Collections
        | Tool::Fields
        | Tool::Relations
        | Tool::Schema
        | Tool::SystemPrompt => false,
    }
}

fn named(tool: Tool, key: &Value) -> Value {
    if is_keyed(tool) { json!({ "key": key }) } else { json!({ "keys": [key] }) }
}

/// One field by query and by key, no field at all, and an unpublished version.
fn read(survey: &mut Survey<'_>, tool: Tool, collection: &Collection, base: &Value) {
    let keys = if is_keyed(tool) { Vec::new() } else { values::keys(survey, collection) };
    let fields = values::fields(survey, collection);
    let queries = fields.iter().map(|field| json!({ "fields": [field], "limit": 1 }));
    let queries: Vec<Value> = queries.chain([json!({ "aggregate": { "count": ["*"] } })]).collect();
    let mut calls: Vec<Value> = queries.iter().map(|query| merged(base, json!({ "query": query }))).collect();
    for (key, query) in keys.iter().flat_map(|key| queries.iter().map(move |query| (key, query))) {
        calls.push(merged(base, json!({ "keys": [key], "query": query })));
    }
    for arguments in calls.into_iter().filter_map(|call| put(survey, tool, call)).collect::<Vec<_>>() {
        let at = At::Path(Vec::new());
        survey.places.push(Place { tool, arguments, collection: collection.name.clone(), at });
    }
    for field in fields {
        put(survey, tool, merged(base, json!({ "query": { "fields": [field], "version": "draft" } })));
    }
}

fn update(survey: &mut Survey<'_>, tool: Tool, collection: &Collection, base: &Value) {
    for row in values::rows(survey, collection, Action::Update) {
        for key in values::keys(survey, collection) {
            let rest = merged(&named(tool, &key), json!({ "query": { "fields": [] } }));
            write(survey, tool, collection, base, rest, &row);
        }
        if !is_keyed(tool) {
            for field in values::fields(survey, collection) {
                let filter = json!({ field: { "_nnull": true } });
                let query = json!({ "query": { "fields": [], "filter": filter, "limit": 1 } });
                write(survey, tool, collection, base, query, &row);
            }
        }
    }
}

/// A call that writes a row, from which relations lead on.
fn write(
    survey: &mut Survey<'_>,
    tool: Tool,
    collection: &Collection,
    base: &Value,
    rest: Value,
    row: &Map<String, Value>,
) {
    let call = merged(&merged(base, rest), json!({ "data": row }));
    if let Some(arguments) = put(survey, tool, call) {
        let at = At::Row(vec![Step::Key("data".to_owned())]);
        survey.places.push(Place { tool, arguments, collection: collection.name.clone(), at });
    }
}

/// From every address that is listed, as a new file and in place of one.
fn import(survey: &mut Survey<'_>, tool: Tool, collection: &Collection, base: &Value) {
    let lists = [&survey.rules.role.import_from, &survey.rules.guardrails.import_from];
    let listed = lists.into_iter().flatten().flatten().map(|source| source.url.to_string());
    let addresses: BTreeSet<String> = listed.chain([ANYWHERE.to_owned()]).collect();
    for address in addresses {
        for row in values::rows(survey, collection, Action::Import) {
            put(survey, tool, merged(base, json!({ "data": [{ "url": address, "file": row }] })));
            for key in values::keys(survey, collection) {
                let mut row = row.clone();
                row.insert("id".to_owned(), key);
                put(survey, tool, merged(base, json!({ "data": [{ "url": address, "file": row }] })));
            }
        }
    }
}

/// Every flow that the role names, pointed at every collection.
fn trigger_flow(survey: &mut Survey<'_>, flows: &Collection) {
    for flow in values::keys(survey, flows) {
        for target in survey.schema.collections() {
            let call = json!({ "id": flow, "collection": target.name });
            put(survey, Tool::TriggerFlow, call.clone());
            for key in values::keys(survey, target) {
                put(survey, Tool::TriggerFlow, merged(&call, json!({ "keys": [key] })));
            }
        }
    }
}

/// The tool `collections`, on every collection that is there and on new ones.
fn collections(survey: &mut Survey<'_>) {
    let tool = Tool::Collections;
    for verb in tool.verbs() {
        let base = json!({ "action": verb.as_str() });
        match verb {
            Verb::Read => put(survey, tool, base.clone()),
            Verb::Create | Verb::Update | Verb::Delete | Verb::Import => None,
        };
        for name in all_and_new(survey) {
            let rest = match verb {
                Verb::Read | Verb::Delete => json!({ "keys": [name] }),
                Verb::Create | Verb::Update | Verb::Import => json!({ "data": [{ "collection": name }] }),
            };
            put(survey, tool, merged(&base, rest));
        }
    }
}

/// The tools `fields` and `relations`, on columns that the role may change.
fn columns(survey: &mut Survey<'_>, tool: Tool) {
    let mut passing = None;
    for verb in tool.verbs() {
        let base = json!({ "action": verb.as_str() });
        if *verb == Verb::Read {
            put(survey, tool, base.clone());
        }
        for name in all_and_new(survey) {
            for field in values::columns(survey, &name) {
                let rest = match (verb, tool == Tool::Fields) {
                    // This tool takes the name from the data alone, and `relations` from both.
                    (Verb::Create | Verb::Update, true) => json!({ "data": { "field": field } }),
                    (Verb::Create | Verb::Update, false) => {
                        json!({ "field": field, "data": { "field": field } })
                    }
                    (Verb::Read | Verb::Delete | Verb::Import, _) => json!({ "field": field }),
                };
                let rest = merged(&json!({ "collection": name }), rest);
                let passes = put(survey, tool, merged(&base, rest));
                passing = passing.or(passes.filter(|_| tool == Tool::Relations && *verb == Verb::Create));
            }
        }
    }
    // A relation is put on its other side too, of which it names no column.
    for other in all_and_new(survey) {
        let Some(mut call) = passing.clone() else { return };
        if let Some(Value::Object(data)) = call.get_mut("data") {
            data.insert("related_collection".to_owned(), json!(other));
        }
        survey.ask(tool, &call);
    }
}

fn all_and_new(survey: &Survey<'_>) -> Vec<String> {
    let known = survey.schema.collections().map(|collection| collection.name.clone());
    known.chain(values::new_collections(survey)).chain([NEW.to_owned()]).collect()
}

fn merged(one: &Value, other: Value) -> Value {
    let mut merged = one.clone();
    if let (Some(merged), Value::Object(other)) = (merged.as_object_mut(), other) {
        merged.extend(other);
    }
    merged
}
