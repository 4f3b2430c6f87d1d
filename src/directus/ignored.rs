//! What Directus was measured not to look at, and what is hence not forwarded.
//!
//! Dropping it is safe whatever another version makes of it: what is judged and forwarded is the call without it.

use super::tool::{Tool, Verb};
use serde_json::{Map, Value};

/// What reading fields and relations takes; these two are not strict about the rest (FACTS section 3).
const READ: [&str; 3] = ["action", "collection", "field"];

/// Parameters of Directus' REST queries, which its MCP endpoint parses and then does nothing with.
const PARAMETERS: [&str; 6] = ["fields", "search", "page", "export", "meta", "version"];

/// Takes out of a tool's arguments what says nothing to Directus.
pub(super) fn drop_ignored(tool: Tool, arguments: &mut Map<String, Value>) {
    let action = arguments.get("action").and_then(Value::as_str).unwrap_or_default();
    match tool {
        // It has one prompt, whatever a client asks for.
        Tool::SystemPrompt => arguments.clear(),
        Tool::Fields | Tool::Relations if action == Verb::Read.as_str() => {
            arguments.retain(|name, _| READ.contains(&name.as_str()));
        }
        // A field is put on the collection beside `data`, never on one inside it (FACTS section 6).
        Tool::Fields if action == Verb::Create.as_str() => match arguments.get_mut("data") {
            Some(Value::Array(rows)) => rows.iter_mut().for_each(drop_collection),
            Some(row) => drop_collection(row),
            None => {}
        },
        // Each row of a list names its own item.
        Tool::Items if action == Verb::Update.as_str() => {
            if matches!(
                (arguments.get("data"), arguments.get("keys")),
                (Some(Value::Array(_)), Some(Value::Array(_)))
            ) {
                arguments.remove("keys");
            }
        }
        Tool::Items
        | Tool::Files
        | Tool::Folders
        | Tool::Assets
        | Tool::Flows
        | Tool::Operations
        | Tool::TriggerFlow
        | Tool::Collections
        | Tool::Fields
        | Tool::Relations
        | Tool::Schema => {}
    }
}

/// Whether a query string of the address, without its question mark, holds only parameters that do nothing here.
pub(super) fn is_ignored(query_string: &str) -> bool {
    query_string.split('&').all(|part| {
        part.split_once('=').is_some_and(|(name, value)| PARAMETERS.contains(&name) && is_plain(value))
    })
}

/// Nothing that one parser could take apart where another does not.
fn is_plain(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'*' | b'_' | b'-' | b'.' | b','))
}

fn drop_collection(row: &mut Value) {
    if let Some(row) = row.as_object_mut() {
        row.remove("collection");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_was_measured_is_dropped() {
        for (tool, given, left) in [
            (Tool::SystemPrompt, json!({"promptOverride": "x"}), json!({})),
            (
                Tool::Fields,
                json!({"action": "read", "collection": "tags", "data": {"x": 1}, "zzz": 1}),
                json!({"action": "read", "collection": "tags"}),
            ),
            (Tool::Relations, json!({"action": "read", "foo": 1}), json!({"action": "read"})),
            (Tool::Relations, json!({"action": "delete", "foo": 1}), json!({"action": "delete", "foo": 1})),
            (
                Tool::Fields,
                json!({"action": "create", "collection": "a", "data": [{"field": "f", "collection": "b"}]}),
                json!({"action": "create", "collection": "a", "data": [{"field": "f"}]}),
            ),
            (
                Tool::Fields,
                json!({"action": "create", "collection": "a", "data": {"field": "f", "collection": "b"}}),
                json!({"action": "create", "collection": "a", "data": {"field": "f"}}),
            ),
            (
                Tool::Fields,
                json!({"action": "update", "collection": "a", "data": {"field": "f", "collection": "b"}}),
                json!({"action": "update", "collection": "a", "data": {"field": "f", "collection": "b"}}),
            ),
            (
                Tool::Items,
                json!({"action": "update", "keys": [3], "data": [{"id": 1}]}),
                json!({"action": "update", "data": [{"id": 1}]}),
            ),
            (
                Tool::Items,
                json!({"action": "update", "keys": [3], "data": {"id": 1}}),
                json!({"action": "update", "keys": [3], "data": {"id": 1}}),
            ),
            (Tool::Items, json!({"action": "read", "foo": 1}), json!({"action": "read", "foo": 1})),
        ] {
            let mut arguments = given.as_object().unwrap().clone();
            drop_ignored(tool, &mut arguments);
            assert_eq!(Value::Object(arguments), left, "{given}");
        }
    }

    #[test]
    fn a_query_string_is_ignored_where_all_of_it_does_nothing() {
        for nothing in ["fields=nope", "search=x&page=1", "meta=*", "version=x", "export=csv"] {
            assert!(is_ignored(nothing), "{nothing}");
        }
        for something in [
            "",
            "tool_mode=registry",
            "page=1&tool_mode=registry",
            "access_token=x",
            "page=1&access_token=x",
            "fields",
            "fields[]=a",
            "meta=%2a",
            "meta=a;tool_mode=registry",
            "meta=a#x",
            "meta=a=b",
            "&meta=a",
            "Meta=a",
        ] {
            assert!(!is_ignored(something), "{something}");
        }
    }
}
