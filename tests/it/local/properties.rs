//! Calls of the Local MCP by chance: whatever is understood is sent as it was written, and reads back as the same call.

use super::ID;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};
use warrener::directus::call::{Called, Mode};
use warrener::directus::{Dialect, LocalTool, ToolCall};

/// Names that arguments have, in either dialect.
const NAMES: [&str; 20] = [
    "collection",
    "query",
    "item",
    "id",
    "data",
    "fields",
    "flowId",
    "flowDefinition",
    "keys",
    "url",
    "raw",
    "field",
    "comment",
    "action",
    "meta",
    "file",
    "headers",
    "deep",
    "filter",
    "limit",
];

/// Values that an argument may have, the right ones among them.
fn values() -> impl Strategy<Value = Value> {
    select(vec![
        json!("articles"),
        json!("../users"),
        json!(ID),
        json!(""),
        json!(1),
        json!("1"),
        json!(null),
        json!(true),
        json!([]),
        json!(["1"]),
        json!(["title", "id"]),
        json!({}),
        json!({"fields": ["title"]}),
        json!({"meta": "total_count", "limit": 1}),
        json!({"filter": {"id": {"_eq": 1}}, "deep": {"reviews": {"_limit": 1}}}),
        json!({"filter": {"a": {"b": {"_eq": 1}}}}),
        json!({"id": ID, "title": "x"}),
        json!([{"id": ID, "tags": ["a"]}]),
        json!({"field": "f", "type": "string", "meta": null}),
        json!({"type": "text"}),
        json!({"id": ID, "options": {"collections": ["articles"]}}),
    ])
}

/// The arguments of a tool that says everything.
fn whole(tool: LocalTool) -> Value {
    let query = json!({"fields": ["title"], "filter": {"_and": [{"id": {"_in": [1, 2]}}]}, "limit": 1});
    match tool {
        LocalTool::UsersMe => json!({"fields": ["id"]}),
        LocalTool::ReadUsers | LocalTool::ReadComments | LocalTool::ReadFolders => json!({"query": query}),
        LocalTool::ReadItems => json!({"collection": "articles", "query": query}),
        LocalTool::CreateItem => {
            json!({"collection": "articles", "item": {"title": "x"}, "query": {"fields": ["id"]}})
        }
        LocalTool::UpdateItem => {
            json!({"collection": "articles", "id": "1", "data": {"title": null}, "query": {"fields": ["id"]}})
        }
        LocalTool::DeleteItem => json!({"collection": "articles", "id": 1}),
        LocalTool::TriggerFlow => json!({
            "flowDefinition": {"id": ID, "options": {"collections": ["articles"]}}, "flowId": ID,
            "collection": "articles", "keys": ["1"], "data": {"x": 1},
        }),
        LocalTool::ReadFiles => json!({"id": ID, "query": {"fields": ["id"]}}),
        LocalTool::ImportFile => json!({"url": "https://example.com/a", "data": {"id": ID, "title": "x"}}),
        LocalTool::UpdateFiles => json!({"data": [{"id": ID, "title": "x"}]}),
        LocalTool::ReadFields => json!({"collection": "articles"}),
        LocalTool::ReadField => json!({"collection": "articles", "field": "title"}),
        LocalTool::CreateField => json!({"collection": "articles", "data": {"field": "f", "type": "string"}}),
        LocalTool::UpdateField => json!({"collection": "articles", "field": "f", "data": {"type": "text"}}),
        LocalTool::UpsertComment => json!({"id": ID, "collection": "articles", "item": 1, "comment": "x"}),
        LocalTool::ReadCollections | LocalTool::ReadFlows | LocalTool::SystemPrompt => json!({}),
    }
}

/// A whole call of which one or two arguments are left out or replaced.
fn calls() -> impl Strategy<Value = (LocalTool, Map<String, Value>)> {
    let change = (select(NAMES.to_vec()), proptest::option::of(values()));
    (select(LocalTool::ALL.to_vec()), proptest::collection::vec(change, 0..3)).prop_map(|(tool, changes)| {
        let mut arguments = whole(tool).as_object().unwrap().clone();
        for (name, value) in changes {
            match value {
                Some(value) => arguments.insert(name.to_owned(), value),
                None => arguments.shift_remove(name),
            };
        }
        (tool, arguments)
    })
}

fn read_again(call: &ToolCall) -> Called {
    Called::read(Dialect::Local, Mode::Legacy, &call.to_params()).unwrap()
}

/// What the Local MCP does not look at is not sent.
fn without_counts(tool: LocalTool, arguments: &Map<String, Value>) -> Value {
    let mut arguments = Value::Object(arguments.clone());
    if tool == LocalTool::SystemPrompt {
        return json!({});
    }
    if let Some(query) = arguments.get_mut("query").and_then(Value::as_object_mut) {
        query.shift_remove("meta");
    }
    if tool == LocalTool::ReadFiles && arguments.get("raw") == Some(&json!(false)) {
        arguments.as_object_mut().unwrap().shift_remove("raw");
    }
    arguments
}

#[test]
fn a_whole_call_of_every_tool_is_understood() {
    for tool in LocalTool::ALL {
        let arguments = whole(tool).as_object().unwrap().clone();
        let call = ToolCall::of_local(tool, arguments).unwrap_or_else(|error| panic!("{tool:?}: {error}"));
        assert_eq!(call.name(), tool.as_str());
        assert_eq!(Value::Object(call.sent().into_owned()), whole(tool));
        assert_eq!(read_again(&call), Called::Directus(call));
    }
}

proptest! {
    #[test]
    fn what_is_understood_is_sent_as_it_was_written((tool, arguments) in calls()) {
        if let Ok(call) = ToolCall::of_local(tool, arguments.clone()) {
            prop_assert_eq!(Value::Object(call.sent().into_owned()), without_counts(tool, &arguments));
            prop_assert_eq!(read_again(&call), Called::Directus(call));
        }
    }
}
