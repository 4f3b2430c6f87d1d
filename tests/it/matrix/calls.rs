//! Ordinary calls of every tool, word and collection, written without a look at how the table is made. A tool or a word that is new
//! has to get its calls here before this compiles.

use super::Asked;
use serde_json::{Value, json};
use warrener::directus::schema::{Collection, FieldKind};
use warrener::directus::{SchemaSnapshot, Tool, Verb};
use warrener::policy::explain;

pub(super) fn calls(schema: &SchemaSnapshot) -> Vec<Asked> {
    let each = |name: Option<&str>| -> Vec<&Collection> {
        schema.collections().filter(|one| name.map_or(!one.is_system(), |name| one.name == name)).collect()
    };
    let mut calls = Vec::new();
    for tool in Tool::ALL {
        let arguments: Vec<Value> = match tool {
            Tool::Items => each(None).into_iter().flat_map(|one| items(tool, one)).collect(),
            Tool::Files => {
                each(Some("directus_files")).into_iter().flat_map(|one| items(tool, one)).collect()
            }
            Tool::Folders => {
                each(Some("directus_folders")).into_iter().flat_map(|one| items(tool, one)).collect()
            }
            Tool::Flows => {
                each(Some("directus_flows")).into_iter().flat_map(|one| items(tool, one)).collect()
            }
            Tool::Operations => {
                each(Some("directus_operations")).into_iter().flat_map(|one| items(tool, one)).collect()
            }
            Tool::Assets => vec![json!({"id": UUID})],
            Tool::TriggerFlow => schema
                .collections()
                .map(|one| json!({"id": UUID, "collection": one.name, "data": {"collection": one.name}}))
                .collect(),
            Tool::Collections | Tool::Fields | Tool::Relations => model(tool, schema),
            Tool::Schema => vec![json!({}), json!({"keys": ["articles"]})],
            Tool::SystemPrompt => vec![json!({})],
        };
        calls.extend(arguments.into_iter().map(|arguments| {
            Asked {
                name: [Some(tool.as_str()), arguments["action"].as_str()]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join(" "),
                query_string: String::new(),
                body: explain::call(&Value::from(tool.as_str()), &arguments).to_string(),
            }
        }));
    }
    calls
}

const UUID: &str = "5c7b1f0e-0000-4000-8000-000000000000";

fn key(collection: &Collection) -> Value {
    match collection.key_type() {
        Some("uuid") => json!(UUID),
        Some("string") => json!("a"),
        _ => json!(1),
    }
}

/// Reads of all there is, with everything one relation away; writes with what hangs on them.
fn items(tool: Tool, collection: &Collection) -> Vec<Value> {
    let key = key(collection);
    let mut calls = Vec::new();
    for verb in tool.verbs() {
        let base = json!({"action": verb.as_str(), "collection": collection.name});
        let keyed = matches!(tool, Tool::Flows | Tool::Operations);
        let named = if keyed { json!({"key": key}) } else { json!({"keys": [key]}) };
        let rest: Vec<Value> = match verb {
            Verb::Read => [json!(["*"]), json!(["*.*"]), json!([collection.primary_key])]
                .map(|fields| json!({"query": {"fields": fields, "limit": 2}}))
                .to_vec(),
            Verb::Create => rows(collection).into_iter().map(|row| json!({"data": row})).collect(),
            Verb::Update => rows(collection)
                .into_iter()
                .map(|row| joined(&named, &json!({"data": row, "query": {"fields": []}})))
                .collect(),
            Verb::Delete => vec![named],
            Verb::Import => vec![json!({"data": [{"url": "https://images.example.com/a.png"}]})],
        };
        for rest in rest {
            let mut call = joined(&base, &rest);
            if tool != Tool::Items {
                call.as_object_mut().unwrap().remove("collection");
            }
            calls.push(call);
        }
    }
    calls
}

/// A row with nothing, and rows with one relation each.
fn rows(collection: &Collection) -> Vec<Value> {
    let nested = collection.fields.values().flat_map(|field| match &field.kind {
        FieldKind::ManyToOne { .. } => vec![json!({&field.name: {}}), json!({&field.name: null})],
        FieldKind::OneToMany { .. } => vec![
            json!({&field.name: []}),
            json!({&field.name: {"create": [{}]}}),
            json!({&field.name: {"delete": [1]}}),
        ],
        FieldKind::ManyToAny { allowed, collection_field } => {
            allowed.iter().map(|one| json!({&field.name: {}, collection_field: one})).collect()
        }
        FieldKind::Plain => vec![json!({&field.name: "a"})],
        FieldKind::Presentation => Vec::new(),
    });
    [json!({})].into_iter().chain(nested).collect()
}

fn model(tool: Tool, schema: &SchemaSnapshot) -> Vec<Value> {
    let mut calls = vec![json!({"action": "read"})];
    for collection in schema.collections() {
        let name = &collection.name;
        for verb in tool.verbs() {
            let base = json!({"action": verb.as_str()});
            let change = json!({"field": "extra", "type": "string"});
            let rest = match (tool, verb) {
                (Tool::Collections, Verb::Read | Verb::Delete) => json!({"keys": [name]}),
                (Tool::Collections, _) => json!({"data": [{"collection": name, "meta": {}}]}),
                (Tool::Relations, Verb::Create) => json!({
                    "collection": name, "field": "extra",
                    "data": {"collection": name, "field": "extra", "related_collection": "directus_users"},
                }),
                (Tool::Relations, Verb::Update) => json!({"collection": name, "field": "extra"}),
                (_, Verb::Create | Verb::Update) => json!({"collection": name, "data": change}),
                (_, Verb::Read | Verb::Delete | Verb::Import) => {
                    json!({"collection": name, "field": "extra"})
                }
            };
            calls.push(joined(&base, &rest));
        }
    }
    calls
}

fn joined(one: &Value, other: &Value) -> Value {
    let both = one.as_object().unwrap().iter().chain(other.as_object().unwrap());
    Value::Object(both.map(|(key, value)| (key.clone(), value.clone())).collect())
}
