//! Calls that would do something else than they say. Each was sent through the Local MCP to see what it does.

use super::{ID, everything};
use serde_json::{Value, json};

/// Names of collections that are none.
const ELSEWHERE: [&str; 18] = [
    "../users",
    "articles/../../users",
    "articles/1",
    "customers?fields=ssn&x=",
    "articles#",
    "articles%2f..%2f..%2fusers",
    "%2e%2e/users",
    "..\\users",
    "..",
    ".",
    "",
    " articles",
    "articles\t",
    "art\nicles",
    "articles;x",
    "//example.com",
    "ärticles",
    "no_such_collection",
];

/// Keys that are none where an integer is.
const KEYS: [&str; 17] = [
    "../../items/customers/1",
    "../../users/me",
    "..",
    "1/../2",
    "1?fields=secret_note",
    "1#",
    "%31",
    "%2e%2e%2f%2e%2e%2fusers%2fme",
    "..\\..\\users\\me",
    "",
    "01",
    " 1",
    "1 ",
    "+1",
    "1e0",
    "0x1",
    "-1",
];

/// Keys that are none where a UUID is.
const IDS: [&str; 8] = [
    "../users/me",
    "",
    "me",
    ".",
    "%2e%2e/users/me",
    "5C7B1F0E-0000-4000-8000-000000000000",
    "5c7b1f0e-0000-4000-8000-000000000000/",
    "5c7b1f0e-0000-4000-8000-000000000000?x=",
];

fn refused(tool: &str, arguments: &Value) {
    let (code, ..) = everything().denied(tool, arguments);
    assert_eq!(code, "not_understood", "{tool} {arguments}");
}

/// Names and keys become a part of a path: `../users` reads the users, and `%2e%2e` is `..` to whoever parses an address.
#[test]
fn no_name_and_no_key_leads_to_another_address() {
    for name in ELSEWHERE {
        refused("read-items", &json!({"collection": name, "query": {"fields": ["id"]}}));
        refused("create-item", &json!({"collection": name, "item": {}}));
        refused("update-item", &json!({"collection": name, "id": 1, "data": {}}));
        refused("delete-item", &json!({"collection": name, "id": 1}));
        refused("read-fields", &json!({"collection": name}));
        refused("read-field", &json!({"collection": name, "field": "id"}));
        refused("create-field", &json!({"collection": name, "data": {"field": "f", "type": "string"}}));
        refused("update-field", &json!({"collection": name, "field": "title", "data": {}}));
        refused("upsert-comment", &json!({"collection": name, "item": 1, "comment": "x"}));
        let flow = json!({"id": ID, "options": {"collections": [name]}});
        refused(
            "trigger-flow",
            &json!({"flowDefinition": flow, "flowId": ID, "collection": name, "keys": []}),
        );
    }
    for key in KEYS {
        refused("update-item", &json!({"collection": "articles", "id": key, "data": {}}));
        refused("delete-item", &json!({"collection": "articles", "id": key}));
        refused("upsert-comment", &json!({"collection": "articles", "item": key, "comment": "x"}));
    }
    for id in IDS {
        refused("read-files", &json!({"id": id}));
        refused("read-files", &json!({"id": id, "raw": true}));
        refused("upsert-comment", &json!({"id": id, "collection": "articles", "item": 1, "comment": "x"}));
        refused("update-files", &json!({"data": [{"id": id, "title": "x"}]}));
        refused("import-file", &json!({"url": "https://images.example.com/a.png", "data": {"id": id}}));
        let flow = json!({"id": id, "options": {"collections": ["articles"]}});
        refused(
            "trigger-flow",
            &json!({"flowDefinition": flow, "flowId": id, "collection": "articles", "keys": []}),
        );
    }
    for field in ["../../users", "a/b", "title?x=", "", "..", "%2e%2e", "title#", "ti tle"] {
        refused("read-field", &json!({"collection": "articles", "field": field}));
        refused("update-field", &json!({"collection": "articles", "field": field, "data": {}}));
    }
}

/// What the Local MCP does not know it drops, and then the call does more, or something else.
#[test]
fn nothing_that_is_dropped_on_the_way_is_taken() {
    let articles = |query: Value| json!({"collection": "articles", "query": query});
    for (tool, arguments) in [
        // All rows instead of some.
        ("read-items", articles(json!({"filters": {"id": {"_eq": 1}}}))),
        ("read-items", articles(json!({"filter": {"user_created": {"email": {"_eq": "x"}}}}))),
        ("read-items", articles(json!({"filter": {"_and": [{"id": {"_eq": 1}}], "title": {"_eq": "x"}}}))),
        ("read-items", articles(json!({"filter": {"id": {"_in": [true]}}}))),
        ("read-items", articles(json!({"filter": {"title": {"_regex": "x"}}}))),
        ("read-items", articles(json!({"deep": {"comments": {"article": {"_limit": 1}}}}))),
        ("read-items", articles(json!({"limit": "1"}))),
        ("read-items", articles(json!(null))),
        ("read-items", json!({"collection": "articles"})),
        ("read-users", json!({})),
        // One file instead of all, all instead of one.
        ("read-files", json!({"raw": true})),
        ("read-files", json!({"id": ID, "query": {"filter": {"title": {"_eq": "x"}}}})),
        ("read-files", json!({"id": ID, "raw": true, "query": {"fields": ["title"]}})),
        ("read-files", json!({"id": ID, "raw": "true"})),
        ("read-files", json!({"id": null})),
        // A read-back that is not narrowed.
        ("create-item", json!({"collection": "tags", "item": {}, "query": {"filter": {"id": {"_eq": 1}}}})),
        ("update-item", json!({"collection": "tags", "id": 1, "data": {}, "query": {"deep": {}}})),
        // What belongs to the built-in tools.
        ("read-items", json!({"action": "delete", "collection": "articles", "keys": [1], "query": {}})),
        ("update-item", json!({"collection": "articles", "keys": [1], "data": {}})),
        ("update-item", json!({"collection": "articles", "id": [1, 2], "data": {}})),
        ("update-item", json!({"collection": "articles", "id": 1, "data": [{"id": 2}]})),
        ("update-item", json!({"collection": "articles", "id": 1, "data": "{}"})),
        ("update-item", json!({"collection": "articles", "id": 1.5, "data": {}})),
        ("create-item", json!({"collection": "articles", "item": [{}]})),
        ("create-item", json!({"collection": "articles", "data": {}})),
        ("trigger-flow", json!({"id": ID, "collection": "articles", "keys": ["1"]})),
        // Written to another place than it says.
        ("update-field", json!({"collection": "tags", "field": "name", "data": {"field": "id"}})),
        (
            "create-field",
            json!({"collection": "tags", "data": {"field": "f", "type": "string", "collection": "articles"}}),
        ),
        (
            "create-field",
            json!({"collection": "tags", "data": {"field": "f", "type": "string", "meta": {"collection": "directus_users"}}}),
        ),
        (
            "update-field",
            json!({"collection": "tags", "field": "name", "data": {"schema": {"foreign_key_table": "directus_users"}}}),
        ),
        ("update-files", json!({"data": [{"id": ID, "filename_disk": "x"}]})),
        ("update-files", json!({"data": [{"title": "x"}]})),
        ("update-files", json!({"data": {"id": ID}})),
        (
            "import-file",
            json!({"url": "https://images.example.com/a.png", "data": {"id": ID, "type": "image/png"}}),
        ),
        ("import-file", json!({"url": "https://images.example.com/a.png", "data": {"title": "x"}})),
        ("import-file", json!({"url": "https://images.example.com/a.png"})),
        ("users-me", json!({})),
        ("users-me", json!({"fields": []})),
        ("users-me", json!({"fields": ["id"], "query": {}})),
        ("read-flows", json!({"query": {"fields": ["id"]}})),
        ("read-collections", json!({"collection": "articles"})),
        // A flow and its description.
        (
            "trigger-flow",
            json!({"flowDefinition": {"id": "x"}, "flowId": ID, "collection": "articles", "keys": ["1"]}),
        ),
        ("trigger-flow", json!({"flowId": ID, "collection": "articles", "keys": ["1"]})),
    ] {
        refused(tool, &arguments);
    }
}

/// Entries of a list are joined by commas, so that two harmless ones can become a third.
#[test]
fn entries_of_a_list_cannot_join() {
    for query in [
        json!({"fields": ["year(date_created", "secret_note)"]}),
        json!({"fields": ["id,secret_note"]}),
        json!({"fields": ["id"], "sort": ["title,secret_note"]}),
        json!({"fields": ["id"], "groupBy": ["title,secret_note"]}),
        json!({"fields": []}),
    ] {
        refused("read-items", &json!({"collection": "articles", "query": query}));
    }
}

/// Over REST, `/items` has no room for Directus' own collections, nor for the one item of a singleton.
#[test]
fn items_are_items_of_content() {
    for name in ["directus_users", "directus_files", "directus_settings", "directus_comments"] {
        refused("read-items", &json!({"collection": name, "query": {}}));
        refused("create-item", &json!({"collection": name, "item": {}}));
        refused("update-item", &json!({"collection": name, "id": ID, "data": {}}));
        refused("delete-item", &json!({"collection": name, "id": ID}));
    }
    refused("create-item", &json!({"collection": "site_settings", "item": {}}));
    refused("update-item", &json!({"collection": "site_settings", "id": 1, "data": {}}));
}

/// The tools of one dialect are not there in the other, and `trigger-flow`, which is in both, takes other arguments.
#[test]
fn a_dialect_has_its_own_tools_only() {
    let built_in = crate::conditions::Role::new(super::EVERYTHING);
    let local = everything();
    let read = json!({"action": "read", "collection": "articles", "query": {"fields": ["id"]}});
    let read_items = json!({"collection": "articles", "query": {"fields": ["id"]}});
    let flow = json!({"id": ID, "options": {"collections": ["articles"]}});
    let started = json!({"id": ID, "collection": "articles", "keys": ["1"]});
    let local_started =
        json!({"flowDefinition": flow, "flowId": ID, "collection": "articles", "keys": ["1"]});
    for (tool, arguments, is_local) in [
        ("items", &read, false),
        ("read-items", &read_items, true),
        ("trigger-flow", &started, false),
        ("trigger-flow", &local_started, true),
    ] {
        let (understands, does_not) = if is_local { (local, &built_in) } else { (&built_in, local) };
        understands.forwarded(tool, arguments);
        assert_eq!(does_not.denied(tool, arguments).0, "not_understood", "{tool} {arguments}");
    }
    for (tool, arguments) in [
        ("execute", json!({"name": "read-items", "input": read_items})),
        ("search", json!({"query": "x"})),
        ("Read-Items", read_items.clone()),
        ("get-prompts", json!({"query": {}})),
    ] {
        assert_eq!(local.denied(tool, &arguments).0, "not_understood", "{tool}");
    }
}
