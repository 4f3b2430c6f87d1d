//! Presets are put into what is made, and nowhere else.

use super::{Role, create, update};
use serde_json::{Value, json};

const PRESET: &str = r#"
permissions:
  - id: drafts
    collections: [articles]
    actions: [create]
    fields: ["*", "!status", "!price"]
    presets: {status: draft, price: 0}
    validation: {status: {_eq: draft}}
  - {id: change, collections: [articles], actions: [update], fields: ["*", "!status", "!price"]}
  - {id: reviews, collections: [reviews], actions: [create, update]}
  - {id: media, collections: [directus_files], actions: [import], presets: {folder: 5c7b1f0e-0000-4000-8000-000000000000}}
import_from: ["https://images.example.com/"]
"#;

#[test]
fn what_a_create_leaves_out_is_filled() {
    let role = Role::new(PRESET);
    for (data, filled) in [
        (json!({"title": "x"}), json!({"title": "x", "status": "draft", "price": 0})),
        (json!({}), json!({"status": "draft", "price": 0})),
        (json!({"status": "draft"}), json!({"status": "draft", "price": 0})),
        (
            json!([{"title": "x"}, {"title": "y"}]),
            json!([{"title": "x", "status": "draft", "price": 0}, {"title": "y", "status": "draft", "price": 0}]),
        ),
        // As text it is the same.
        (json!("{\"title\": \"x\"}"), json!({"title": "x", "status": "draft", "price": 0})),
    ] {
        assert_eq!(role.forwarded("items", &create(&data))["data"], filled, "{data}");
    }
    // A change gets nothing.
    assert_eq!(role.forwarded("items", &update(&json!({"title": "x"})))["data"], json!({"title": "x"}));
}

#[test]
fn what_is_made_in_a_write_is_filled_where_it_stands() {
    let role = Role::new(PRESET);
    let review = |article: &Value| json!({"action": "create", "collection": "reviews", "data": {"article": article}, "query": {"fields": []}});
    let forwarded = role.forwarded("items", &review(&json!({"title": "x"})));
    assert_eq!(forwarded["data"], json!({"article": {"title": "x", "status": "draft", "price": 0}}));
    // One that may be there already would be changed by its presets.
    let (code, by, message) = role.denied("items", &review(&json!({"id": 5, "title": "x"})));
    assert_eq!((code.as_str(), by.as_str()), ("not_understood", "tester/drafts"), "{message}");
    let (_, _, message) = role.denied("items", &review(&json!({"id": 5})));
    assert!(message.contains("may be there already"), "{message}");
    role.forwarded("items", &review(&json!(5)));
}

/// The client may not name the field; that the value is the one which it would get anyway makes no difference.
#[test]
fn a_preset_is_not_a_permission() {
    let role = Role::new(PRESET);
    for data in [
        json!({"status": "published"}),
        json!({"status": null}),
        json!({"price": 1}),
        json!([{"status": "draft"}, {"status": "published"}]),
    ] {
        assert_eq!(role.denied("items", &create(&data)).0, "no_permission", "{data}");
    }
    assert_eq!(role.denied("items", &update(&json!({"status": "draft"}))).0, "no_permission");
}

#[test]
fn an_imported_file_gets_them_too() {
    let role = Role::new(PRESET);
    let folder = "5c7b1f0e-0000-4000-8000-000000000000";
    for (entry, file) in [
        (json!({"url": "https://images.example.com/a.png"}), json!({"folder": folder})),
        (
            json!({"url": "https://images.example.com/a.png", "file": {"title": "A"}}),
            json!({"title": "A", "folder": folder}),
        ),
    ] {
        let forwarded = role.forwarded("files", &json!({"action": "import", "data": [entry]}));
        assert_eq!(forwarded["data"][0]["file"], file);
    }
}

#[test]
fn a_preset_that_makes_something_is_judged_like_anything_else() {
    let role = Role::new(
        r"
permissions:
  - {id: a, collections: [articles], actions: [create], presets: {author: {name: nobody}}}
",
    );
    assert_eq!(role.denied("items", &create(&json!({"title": "x"}))).0, "not_understood");
}

/// A pattern may name collections that do not have the field; the next permission is then as good as the first.
#[test]
fn presets_that_the_collection_cannot_have_leave_the_access_to_the_next_permission() {
    let first = "permissions:\n  - {id: a, collections: [articles, tags], actions: [create], presets: {status: draft}}\n";
    let tag =
        json!({"action": "create", "collection": "tags", "data": {"name": "x"}, "query": {"fields": []}});
    let (code, rule, message) = Role::new(first).denied("items", &tag);
    assert_eq!((code.as_str(), rule.as_str()), ("not_understood", "tester/a"), "{message}");
    assert!(message.contains("tags has no field `status`"), "{message}");
    let both = Role::new(&format!("{first}  - {{id: b, collections: [tags], actions: [create]}}\n"));
    assert_eq!(both.forwarded("items", &tag)["data"], json!({"name": "x"}));
    assert_eq!(both.forwarded("items", &create(&json!({})))["data"], json!({"status": "draft"}));
}
