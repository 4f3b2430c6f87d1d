//! Every tool of the Local MCP, and what it does.

use super::{ID, accesses, everything};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use warrener::directus::LocalTool;

/// A call, where `$ID` is a UUID, and the first of the accesses that it makes.
const TABLE: [(&str, &str, &[&str]); 25] = [
    (
        "users-me",
        r#"{"fields": ["email", "role.name"]}"#,
        &[
            "read directus_users [email,role] {children:1}",
            "read directus_roles [name] {query:1} through role",
        ],
    ),
    (
        "read-users",
        r#"{"query": {"filter": {"token": {"_starts_with": "a"}}, "fields": ["id"]}}"#,
        &["read directus_users [id,token] {query:100}"],
    ),
    (
        "read-collections",
        "{}",
        &[
            "read directus_fields [*] all",
            "read directus_collections [*] all",
            "read directus_relations [*] all",
        ],
    ),
    (
        "read-items",
        r#"{"collection": "articles", "query": {"fields": ["title"], "sort": ["-id"], "limit": 3, "meta": "filter_count"}}"#,
        &["read articles [id,title] {query:3}"],
    ),
    (
        "create-item",
        r#"{"collection": "tags", "item": {"name": "x"}, "query": {"fields": ["id"]}}"#,
        &[
            "create tags [name] {keys:[]}",
            "create tags [id] {keys:[]}, not asked",
            "read tags [id] {keys:[]}, not asked",
        ],
    ),
    (
        "update-item",
        r#"{"collection": "articles", "id": 1, "data": {"reviews": []}, "query": {"fields": ["id"]}}"#,
        &["update articles [reviews] {keys:[1]}", "delete reviews [] {children:1} through reviews.delete"],
    ),
    ("delete-item", r#"{"collection": "customers", "id": "1"}"#, &["delete customers [] {keys:[1]}"]),
    ("read-flows", "{}", &["read directus_flows [*] {query:100}"]),
    (
        "trigger-flow",
        r#"{"flowDefinition": {"id": "$ID", "options": {"collections": ["articles"]}}, "flowId": "$ID", "collection": "articles", "keys": ["1"], "data": {"collection": "customers"}}"#,
        &[
            "execute directus_flows [] {keys:[$ID]}",
            "execute articles [] {keys:[1]}",
            "execute customers [] {keys:[1]} through data",
        ],
    ),
    ("read-folders", r#"{"query": {"fields": ["name"]}}"#, &["read directus_folders [name] {query:100}"]),
    ("read-folders", "{}", &["read directus_folders [*] {query:100}"]),
    ("read-files", r#"{"query": {"fields": ["title"]}}"#, &["read directus_files [title] {query:100}"]),
    (
        "read-files",
        r#"{"id": "$ID", "query": {"fields": ["title"]}}"#,
        &["read directus_files [title] {keys:[$ID]}"],
    ),
    ("read-files", r#"{"id": "$ID", "raw": true}"#, &["read directus_files [$bytes] {keys:[$ID]}"]),
    (
        "import-file",
        r#"{"url": "https://images.example.com/a.png", "data": {"id": "$ID", "title": "x"}}"#,
        &["import directus_files [title] {keys:[]}", "create directus_files [] {keys:[]}, not asked"],
    ),
    (
        "update-files",
        r#"{"data": [{"id": "$ID", "title": "x", "folder": null}]}"#,
        &["update directus_files [folder,title] {keys:[$ID]}"],
    ),
    ("read-fields", "{}", &["read directus_fields [*] all"]),
    ("read-fields", r#"{"collection": "tags"}"#, &["read directus_fields [*] {keys:[tags]}"]),
    (
        "read-field",
        r#"{"collection": "tags", "field": "name"}"#,
        &["read directus_fields [*] {keys:[tags.name]}"],
    ),
    (
        "create-field",
        r#"{"collection": "directus_users", "data": {"field": "f", "type": "string", "meta": {}}}"#,
        &[
            "create directus_fields [meta,type] {keys:[directus_users.f]}",
            "update directus_users [f] {keys:[]} through model",
            "read directus_fields [*] {keys:[directus_users.f]}",
        ],
    ),
    (
        "update-field",
        r#"{"collection": "tags", "field": "name", "data": {"schema": {"is_nullable": true}}}"#,
        &[
            "update directus_fields [schema] {keys:[tags.name]}",
            "update tags [name] {keys:[]} through model",
            "read directus_fields [*] {keys:[tags.name]}",
        ],
    ),
    (
        "read-comments",
        r#"{"query": {"fields": ["comment", "user_created.email"], "limit": 5}}"#,
        &[
            "read directus_comments [comment,user_created] {query:5}",
            "read directus_users [email] {query:1} through user_created",
        ],
    ),
    (
        "upsert-comment",
        r#"{"collection": "articles", "item": 1, "comment": "Hello"}"#,
        &["create directus_comments [collection,comment,item] {keys:[]}"],
    ),
    (
        "upsert-comment",
        r#"{"id": "$ID", "collection": "articles", "item": "1", "comment": "Hello"}"#,
        &["update directus_comments [collection,comment,item] {keys:[$ID]}"],
    ),
    (
        "system-prompt",
        r#"{"promptOverride": "x"}"#,
        &["read directus_settings [mcp_system_prompt] all, not asked"],
    ),
];

/// The table, filled in.
fn table() -> Vec<(&'static str, Value, Vec<String>)> {
    let filled = |text: &str| text.replace("$ID", ID);
    let row = |(tool, arguments, accesses): (&'static str, &str, &[&str])| {
        let arguments = serde_json::from_str(&filled(arguments)).unwrap();
        (tool, arguments, accesses.iter().map(|access| filled(access)).collect())
    };
    TABLE.into_iter().map(row).collect()
}

#[test]
fn every_tool_makes_the_accesses_of_its_row() {
    for (tool, arguments, expected) in table() {
        let made = accesses(tool, &arguments);
        let begins: Vec<&String> = made.iter().take(expected.len()).collect();
        assert_eq!(begins, expected.iter().collect::<Vec<_>>(), "{tool} {arguments}: {made:#?}");
    }
}

#[test]
fn every_tool_has_a_row() {
    let rows: BTreeSet<&str> = table().iter().map(|(tool, ..)| *tool).collect();
    assert_eq!(rows, LocalTool::ALL.into_iter().map(LocalTool::as_str).collect());
}

/// What is not seen in the first accesses: what a comment is put on, whom it tells, and what an import replaces and shows.
#[test]
fn what_a_tool_does_beside_its_collection_is_told() {
    let on = json!({"collection": "customers", "item": 7, "comment": format!("Hello @{ID}")});
    let made = accesses("upsert-comment", &on);
    assert!(made.contains(&"read customers [] {keys:[7]} through item".to_owned()), "{made:#?}");
    let told = "create directus_notifications [] {keys:[]} through comment, not asked".to_owned();
    assert!(made.contains(&told), "{made:#?}");
    assert!(made.iter().any(|access| access.starts_with("read directus_comments [*]")), "{made:#?}");

    let import = json!({"url": "https://images.example.com/a.png", "data": {"id": ID}});
    let made = accesses("import-file", &import);
    assert!(
        made.contains(&format!("update directus_files [$bytes] {{keys:[{ID}]}} through file.id")),
        "{made:#?}"
    );
    assert!(made.iter().any(|access| access.starts_with("read directus_files [*]")), "{made:#?}");
}

/// What the Local MCP takes without a look is not asked for: the counts of `meta`, and what is said to `system-prompt`.
#[test]
fn a_call_is_sent_as_it_was_written() {
    for (tool, arguments, _) in table() {
        let sent = everything().forwarded(tool, &arguments);
        let mut expected = arguments.clone();
        match tool {
            "system-prompt" => expected = json!({}),
            "read-items" => drop(expected["query"].as_object_mut().unwrap().remove("meta")),
            _ => {}
        }
        assert_eq!(sent, expected, "{tool}");
    }
}
