//! What is written has to meet the validation, wherever in the call it is written.

use super::{Role, create, update};
use serde_json::{Value, json};

const DRAFTS: &str = r#"
permissions:
  - id: drafts
    collections: [articles]
    actions: [create, update]
    validation: {status: {_in: [draft, review]}}
  - id: comments
    collections: [comments]
    actions: [create, update]
    validation:
      _or:
        - {article: {_nnull: true}, text: {_nempty: true}}
        - {moderation_note: {_eq: internal}}
  - {id: tags, collections: [tags, "@junctions", reviews], actions: [create, update, delete], by_query: true, max_items: 9}
"#;

fn invalid(role: &Role, arguments: &Value) {
    let (code, by, message) = role.denied("items", arguments);
    assert_eq!(code, "invalid_value", "{arguments}: {message}");
    assert!(by.starts_with("tester/") && message.contains('`'), "{arguments}: {by}: {message}");
}

#[test]
fn a_value_has_to_be_told_to_be_right() {
    let role = Role::new(DRAFTS);
    for data in [json!({"title": "x", "status": "draft"}), json!({"status": "review"})] {
        role.forwarded("items", &create(&data));
        role.forwarded("items", &update(&data));
    }
    // A change is not asked about what it leaves alone; what is new has no status then.
    role.forwarded("items", &update(&json!({"title": "x"})));
    invalid(&role, &create(&json!({"title": "x"})));
    for status in [
        json!("published"),
        json!("Draft"),
        json!("draft "),
        json!("dr\u{e4}ft"),
        json!(null),
        json!(["draft"]),
        json!({"_eq": "draft"}),
        json!(0),
        json!(true),
        json!("$CURRENT_USER"),
    ] {
        invalid(&role, &create(&json!({"status": status})));
        invalid(&role, &update(&json!({"status": status})));
    }
}

#[test]
fn every_row_at_every_depth_is_looked_at() {
    let role = Role::new(DRAFTS);
    let (good, bad) = (json!({"status": "draft"}), json!({"status": "published"}));
    let batch = |rows: Value| json!({"action": "create", "collection": "articles", "data": rows, "query": {"fields": ["id"]}});
    role.forwarded("items", &batch(json!([good, good])));
    invalid(&role, &batch(json!([good, bad])));
    // Through a review to its article, by every way to write it.
    let review = |article: &Value| json!({"action": "create", "collection": "reviews", "data": {"article": article}, "query": {"fields": []}});
    role.forwarded("items", &review(&json!({"status": "draft"})));
    role.forwarded("items", &review(&json!({"id": 5, "status": "draft"})));
    invalid(&role, &review(&json!({"status": "published"})));
    invalid(&role, &review(&json!({"id": 5, "status": "published"})));
    // With a key it may still be made, and then it has no status.
    invalid(&role, &review(&json!({"id": 5, "title": "x"})));
    let link = |article: &Value| json!({"action": "update", "collection": "reviews", "keys": [1], "data": {"article": article}, "query": {"fields": []}});
    invalid(
        &role,
        &link(&json!({"reviews": {"create": [{"article": {"status": "published"}}]}, "status": "draft"})),
    );
    invalid(
        &role,
        &link(
            &json!({"reviews": [{"article": {"status": "draft"}}, {"article": {"status": "x"}}], "status": "draft"}),
        ),
    );
}

#[test]
fn what_directus_writes_is_not_known() {
    let role = Role::new(DRAFTS);
    let comment = |change: Value| update(&json!({"comments": change}));
    // The parent's key is not known here, but that there is one is not told by the request either.
    invalid(&role, &comment(json!({"create": [{"text": "x"}]})));
    invalid(&role, &comment(json!({"update": [{"id": 3, "text": "x"}]})));
    invalid(&role, &comment(json!([3])));
    role.forwarded("items", &comment(json!({"create": [{"moderation_note": "internal"}]})));
    // Unlinking writes null.
    invalid(&role, &comment(json!({"delete": [3]})));
    let lone = |data: Value| json!({"action": "create", "collection": "comments", "data": data, "query": {"fields": []}});
    role.forwarded("items", &lone(json!({"article": 1, "text": "x"})));
    invalid(&role, &lone(json!({"article": 1, "text": ""})));
    invalid(&role, &lone(json!({"article": null, "text": "x"})));
    invalid(&role, &lone(json!({"text": "x"})));
}

#[test]
fn dates_and_users_that_directus_fills_are_not_the_client_s() {
    let role = Role::new(
        r#"
permissions:
  - id: mine
    collections: [articles]
    actions: [create]
    validation: {date_created: {_gt: "2020-01-01T00:00:00Z"}}
  - id: changed
    collections: [articles]
    actions: [update]
    validation: {user_updated: {_eq: 5c7b1f0e-0000-4000-8000-000000000000}}
"#,
    );
    invalid(&role, &create(&json!({"date_created": "2026-01-01T00:00:00Z"})));
    invalid(&role, &update(&json!({"user_updated": "5c7b1f0e-0000-4000-8000-000000000000"})));
    invalid(&role, &update(&json!({"title": "x"})));
}

#[test]
fn what_only_directus_knows_is_denied() {
    for rule in [
        "{user_created: {_eq: $CURRENT_USER}}",
        "{user_created: {_neq: $CURRENT_USER}}",
        "{published_on: {_lt: $NOW}}",
        "{status: {_in: [draft, $CURRENT_ROLE]}, title: {_neq: $CURRENT_USER}}",
    ] {
        let role = Role::new(&format!(
            "permissions:\n  - {{id: a, collections: [articles], actions: [create], validation: {rule}}}\n"
        ));
        let data = json!({"user_created": "x", "published_on": "2020-01-01T00:00:00Z", "status": "draft", "title": "t"});
        invalid(&role, &create(&data));
    }
}

#[test]
fn what_is_no_item_cannot_be_validated() {
    let role = Role::new(
        r"
permissions:
  - {id: model, collections: [directus_fields, directus_collections], actions: [read, create, update], validation: {field: {_nnull: true}}}
  - {id: articles, collections: [articles], actions: [update]}
",
    );
    let arguments =
        json!({"action": "create", "collection": "articles", "data": {"field": "x", "type": "string"}});
    let (code, _, message) = role.denied("fields", &arguments);
    assert_eq!(code, "not_understood", "{message}");
}

#[test]
fn bytes_from_elsewhere_are_anything() {
    let text = |rule: &str| {
        format!(
            "permissions:\n  - {{id: import, collections: [directus_files], actions: [import, update], validation: {rule}}}\n\
             import_from: [\"https://images.example.com/\"]\n"
        )
    };
    let import = |file: Value| json!({"action": "import", "data": [{"url": "https://images.example.com/a.png", "file": file}]});
    let titled = Role::new(&text("{title: {_nempty: true}}"));
    titled.forwarded("files", &import(json!({"title": "A"})));
    assert_eq!(titled.denied("files", &import(json!({}))).0, "invalid_value");
    let typed = Role::new(&text("{type: {_eq: image/png}}"));
    assert_eq!(typed.denied("files", &import(json!({"title": "A"}))).0, "invalid_value");
}
