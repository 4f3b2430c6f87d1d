//! What a policy does to calls of the Local MCP: in its own arguments where they can carry it, else the call is denied.

use super::ID;
use crate::conditions::Role;
use serde_json::{Value, json};

fn read(query: &Value) -> Value {
    json!({"collection": "articles", "query": query})
}

#[test]
fn a_read_is_narrowed_in_the_tool_s_own_arguments() {
    let role = Role::new(
        "permissions:
  - {id: read, collections: [articles], actions: [read], fields: [id, title], filter: {status: {_neq: archived}}, max_items: 20}
",
    )
    .local();
    for (query, forwarded) in [
        (
            json!({}),
            json!({"fields": ["id", "title"], "limit": 20, "filter": {"status": {"_neq": "archived"}}}),
        ),
        (
            // A negative one is none.
            json!({"fields": ["id"], "limit": -1}),
            json!({"fields": ["id"], "limit": 20, "filter": {"status": {"_neq": "archived"}}}),
        ),
        (
            json!({"fields": ["title"], "limit": 5, "filter": {"id": {"_in": [1, 2]}}}),
            json!({"fields": ["title"], "limit": 5,
                "filter": {"_and": [{"id": {"_in": [1, 2]}}, {"status": {"_neq": "archived"}}]}}),
        ),
    ] {
        assert_eq!(role.forwarded("read-items", &read(&query)), read(&forwarded));
    }
    assert_eq!(role.denied("read-items", &read(&json!({"fields": ["secret_note"]}))).0, "no_permission");
    assert_eq!(role.denied("read-items", &read(&json!({"limit": 21}))).0, "over_limit");
}

/// The Local MCP would drop such a rule, and answer items that the role may not read.
#[test]
fn a_filter_that_would_be_dropped_denies() {
    for filter in [
        json!({"user_created": {"email": {"_eq": "x"}}}),
        json!({"reviews": {"_some": {"id": {"_gt": 1}}}}),
        json!({"status": {"_in": [true]}}),
        json!({"status": "draft"}),
        json!({"_and": [{"status": {"_eq": "draft"}}], "title": {"_eq": "x"}}),
    ] {
        let role = Role::new(&format!(
            "permissions:\n  - {{id: p, collections: [articles], actions: [read, delete], filter: {filter}}}\n"
        ));
        let built_in = json!({"action": "read", "collection": "articles", "query": {"fields": ["id"]}});
        role.forwarded("items", &built_in);
        let role = role.local();
        assert_eq!(
            role.denied("read-items", &read(&json!({"fields": ["id"]}))).0,
            "not_understood",
            "{filter}"
        );
        // Nor could the items be looked up under it.
        let delete = json!({"collection": "articles", "id": 1});
        assert_eq!(role.denied("delete-item", &delete).0, "not_understood", "{filter}");
        // A client that writes the rule itself gets no further.
        let asked = read(&json!({"fields": ["id"], "filter": filter}));
        assert_eq!(role.denied("read-items", &asked).0, "not_understood", "{filter}");
    }
}

/// A write by key is preceded by a read under the filter, made with a tool of the same dialect.
#[test]
fn keys_are_checked_with_the_dialect_s_own_tool() {
    let role = Role::new(
        "permissions:
  - {id: drafts, collections: [articles, directus_files, directus_comments], actions: [update, delete], filter: {id: {_nnull: true}}}
  - {id: read, collections: [articles], actions: [read], filter: {status: {_eq: draft}}}
",
    )
    .local();
    let update =
        json!({"collection": "articles", "id": 1, "data": {"title": "x"}, "query": {"fields": ["id"]}});
    let check = json!({"collection": "articles", "keys": [1], "filter": {"id": {"_nnull": true}}});
    assert_eq!(role.checks("update-item", &update), [check]);
    // A file is looked up likewise, but what comes back of it cannot be cut.
    let file = json!({"data": [{"id": ID, "title": "x"}]});
    assert_eq!(role.denied("update-files", &file).0, "not_understood");
    // What is commented on has to be open to the role.
    let comment = json!({"id": ID, "collection": "articles", "item": 1, "comment": "x"});
    assert_eq!(role.denied("upsert-comment", &comment).0, "not_understood");
    let open = Role::new(
        "permissions:
  - {id: comment, collections: [directus_comments], actions: [read, create, update]}
  - {id: read, collections: [articles], actions: [read], filter: {status: {_eq: draft}}}
",
    )
    .local();
    let check = json!({"collection": "articles", "keys": [1], "filter": {"status": {"_eq": "draft"}}});
    assert_eq!(open.checks("upsert-comment", &comment), [check]);
    let other = json!({"collection": "customers", "item": 1, "comment": "x"});
    assert_eq!(open.denied("upsert-comment", &other).0, "no_permission");
}

/// What comes back of a write is cut to what may be read. A filter or a limit cannot be put on it, so it is then left out.
#[test]
fn a_read_back_is_projected_or_left_out() {
    let text = |read: &str| {
        format!(
            "permissions:\n  - {{id: write, collections: [articles], actions: [create, update], fields: [title]}}\n{read}"
        )
    };
    let create = json!({"collection": "articles", "item": {"title": "x"}});
    let some =
        Role::new(&text("  - {id: read, collections: [articles], actions: [read], fields: [title]}\n"))
            .local();
    let sent = some.forwarded("create-item", &create);
    assert_eq!(
        sent,
        json!({"collection": "articles", "item": {"title": "x"}, "query": {"fields": ["title"]}})
    );
    // Only the key, since the Local MCP cannot ask for nothing.
    let filtered =
        "  - {id: read, collections: [articles], actions: [read], filter: {status: {_eq: draft}}}\n";
    for read in ["", filtered] {
        let role = Role::new(&text(read)).local();
        let sent = role.forwarded("create-item", &create);
        assert_eq!(
            sent,
            json!({"collection": "articles", "item": {"title": "x"}, "query": {"fields": ["id"]}})
        );
        let update = json!({"collection": "articles", "id": 1, "data": {"title": "x"}, "query": {"fields": ["title"]}});
        assert!(
            ["no_permission", "not_understood"].contains(&role.denied("update-item", &update).0.as_str())
        );
    }
}

#[test]
fn presets_and_validations_reach_the_item() {
    let role = Role::new(
        "permissions:
  - id: write
    collections: [articles, directus_comments]
    actions: [create, read]
    presets: {status: draft}
    validation: {status: {_eq: draft}}
",
    )
    .local();
    let create = |item: Value| json!({"collection": "articles", "item": item, "query": {"fields": ["id"]}});
    let sent = role.forwarded("create-item", &create(json!({"title": "x"})));
    assert_eq!(sent, create(json!({"title": "x", "status": "draft"})));
    assert_eq!(role.denied("create-item", &create(json!({"status": "published"}))).0, "invalid_value");
}

/// An argument that a tool has no room for cannot be preset.
#[test]
fn a_preset_that_would_be_dropped_denies() {
    let role = Role::new(
        "permissions:
  - {id: write, collections: [directus_comments], actions: [create], presets: {user_updated: null}}
  - {id: read, collections: [directus_comments, articles], actions: [read]}
",
    )
    .local();
    let comment = json!({"collection": "articles", "item": 1, "comment": "x"});
    assert_eq!(role.denied("upsert-comment", &comment).0, "not_understood");
}

#[test]
fn one_file_takes_no_filter_and_many_do() {
    let role = Role::new(
        "permissions:
  - {id: read, collections: [directus_files], actions: [read], fields: [id, title, $bytes], filter: {title: {_eq: x}}, max_items: 5}
",
    )
    .local();
    let sent = role.forwarded("read-files", &json!({}));
    assert_eq!(
        sent,
        json!({"query": {"fields": ["id", "title"], "limit": 5, "filter": {"title": {"_eq": "x"}}}})
    );
    assert_eq!(role.denied("read-files", &json!({"id": ID})).0, "not_understood");
    // The bytes are looked up by key first.
    let check = json!({"collection": "directus_files", "keys": [ID], "filter": {"title": {"_eq": "x"}}});
    assert_eq!(role.checks("read-files", &json!({"id": ID, "raw": true})), [check]);
}

/// Tools without a query bring everything back or nothing.
#[test]
fn what_cannot_be_cut_is_denied() {
    let role = Role::new(
        r#"permissions:
  - {id: read, collections: [directus_flows, directus_users], actions: [read], fields: ["*", "!options", "!email"], max_items: 10}
"#,
    )
    .local();
    assert_eq!(role.denied("read-flows", &json!({})).0, "not_understood");
    assert_eq!(role.denied("users-me", &json!({"fields": ["email"]})).0, "no_permission");
    let sent = role.forwarded("users-me", &json!({"fields": ["*"]}));
    assert!(!sent["fields"].as_array().unwrap().contains(&json!("email")), "{sent}");
    let filtered = Role::new(
        "permissions:\n  - {id: read, collections: [directus_users], actions: [read], filter: {status: {_eq: active}}}\n",
    )
    .local();
    assert_eq!(filtered.denied("users-me", &json!({"fields": ["email"]})).0, "not_understood");
}

#[test]
fn an_import_is_cut_to_what_may_be_said_of_a_file() {
    let text = |fields: &str| {
        format!(
            "permissions:\n  - {{id: media, collections: [directus_files], actions: [read, import]}}\n  - {{id: change, collections: \
             [directus_files], actions: [update], fields: {fields}}}\nimport_from: ['https://images.example.com/']\n"
        )
    };
    let import =
        json!({"url": "https://images.example.com/a.png", "data": {"id": ID, "title": "x", "location": "y"}});
    let sent = Role::new(&text("['*']")).local().forwarded("import-file", &import);
    assert_eq!(sent, json!({"url": "https://images.example.com/a.png", "data": {"id": ID, "title": "x"}}));
    // Who may only change titles does not replace what the file holds.
    let (code, _, message) = Role::new(&text("[title, location]")).local().denied("import-file", &import);
    assert_eq!(code, "no_permission", "{message}");
    let elsewhere = json!({"url": "https://example.com/a.png", "data": {"id": ID}});
    assert_eq!(Role::new(&text("['*']")).local().denied("import-file", &elsewhere).0, "invalid_value");
}

#[test]
fn the_system_prompt_is_decided_by_name() {
    let role = |rule: &str| Role::new(&format!("permissions: []\nsystem_prompt: {rule}\n")).local();
    role("keep").forwarded("system-prompt", &json!({}));
    role("{replace: Hello}").forwarded("system-prompt", &json!({}));
    assert_eq!(role("hide").denied("system-prompt", &json!({})).0, "forbidden");
    assert_eq!(role("{append: Hello}").denied("system-prompt", &json!({})).0, "not_understood");
}

/// `markdown-tool` touches no data, so no permission speaks of it.
#[test]
fn the_tool_without_data_is_let_through_by_name() {
    let markdown = json!({"markdown": "# x"});
    assert_eq!(super::everything().forwarded("markdown-tool", &markdown), markdown);
    let role = Role::new("permissions: []\n").local();
    assert_eq!(role.denied("markdown-tool", &markdown).0, "not_understood");
}

#[test]
fn a_search_becomes_a_filter_that_arrives() {
    let role = Role::new(
        "permissions:
  - {id: read, collections: [articles], actions: [read], fields: [id, title, price], filter: {status: {_neq: archived}}}
  - {id: files, collections: [directus_files], actions: [read], fields: [id, title]}
  - {id: users, collections: [directus_users], actions: [read], fields: [email, password, tfa_secret, token]}
",
    )
    .local();
    let query = json!({"fields": ["id"], "search": "7", "filter": {"id": {"_gt": 1}}});
    let or = json!([{"id": {"_eq": 7}}, {"price": {"_eq": 7}}, {"title": {"_icontains": "7"}}]);
    let filter = json!({"_and": [{"id": {"_gt": 1}}, {"_or": or}, {"status": {"_neq": "archived"}}]});
    assert_eq!(
        role.forwarded("read-items", &read(&query)),
        read(&json!({"fields": ["id"], "filter": filter}))
    );
    let query = json!({"query": {"fields": ["email"], "search": "$CURRENT_USER.token"}});
    // Directus searches in nothing that is concealed, and refuses to filter by it.
    let found = json!({"_or": [{"email": {"_icontains": "$current_user.token"}}]});
    assert_eq!(
        role.forwarded("read-users", &query),
        json!({"query": {"fields": ["email"], "filter": found}})
    );
}
