//! A search looks at what may be read, and at nothing else: it passes where that is all, else it is put as a filter.

use super::{Role, create, update};
use serde_json::{Value, json};

const READER: &str = r#"
permissions:
  - {id: articles, collections: [articles], actions: [read], fields: ["*", "!secret_note"]}
  - {id: some, collections: [authors], actions: [read], fields: [id, name], filter: {password: {_null: true}}}
  - {id: all, collections: [tags], actions: [read]}
  - {id: numbers, collections: [reviews], actions: [read], fields: [id, score]}
  - {id: settings, collections: [site_settings], actions: [read], fields: [title]}
  - {id: files, collections: [directus_files], actions: [read], fields: [id, title, filesize]}
  - {id: comments, collections: [comments], actions: [read, create, update], fields: [id, text, article], by_query: true, max_items: 10}
"#;

fn read(collection: &str, query: &Value) -> Value {
    json!({"action": "read", "collection": collection, "query": query})
}

/// The query that is forwarded for a search of articles.
fn forwarded(query: &Value) -> Value {
    Role::new(READER).forwarded("items", &read("articles", query))["query"].clone()
}

/// Where a text is looked for in articles.
fn anywhere(text: &str) -> Value {
    let fields = ["body", "slug", "status", "title", "user_created", "user_updated"];
    fields.iter().map(|field| json!({*field: {"_icontains": text}})).collect()
}

#[test]
fn a_search_is_put_as_a_filter_over_what_may_be_read() {
    let numbers = |number: Value| {
        let equal = |field: &str| json!({field: {"_eq": number}});
        json!([
            equal("author"), {"body": {"_icontains": "7"}}, equal("id"), equal("price"), {"slug": {"_icontains": "7"}},
            {"status": {"_icontains": "7"}}, {"title": {"_icontains": "7"}}, {"user_created": {"_icontains": "7"}},
            {"user_updated": {"_icontains": "7"}},
        ])
    };
    let key = "5c7b1f0e-0000-4000-8000-000000000000";
    let mut file = anywhere(key);
    file.as_array_mut().unwrap().insert(1, json!({"cover": {"_eq": key}}));
    for (term, or) in [
        ("x", anywhere("x")),
        // As they are: in both, `%` and `_` stand for any letters, and the database goes by its own rules for upper and lower case.
        ("50%_\\ off", anywhere("50%_\\ off")),
        ("ÄRGER İ ß", anywhere("ÄRGER İ ß")),
        // Without what JavaScript takes for white space around it; alone, that is searched for.
        ("\u{feff} \u{a0}x y\n", anywhere("x y")),
        ("\u{85}x", anywhere("\u{85}x")),
        ("  ", anywhere("  ")),
        ("7", numbers(json!(7))),
        (" 7 ", numbers(json!(7))),
        // Directus writes none of these like that, or no such integer can stand there.
        ("07", anywhere("07")),
        ("+7", anywhere("+7")),
        ("-0", anywhere("-0")),
        ("7.5", anywhere("7.5")),
        ("1e3", anywhere("1e3")),
        ("2147483648", anywhere("2147483648")),
        (key, file),
        ("5c7b1f0e", anywhere("5c7b1f0e")),
        // In a filter these would be a time, the user's own row, a truth value, nothing.
        ("$NOW", anywhere("$now")),
        (" $CURRENT_USER.token", anywhere("$current_user.token")),
        ("$CURRENT_ROLE", anywhere("$current_role")),
        ("$FOLLOW(reviews,article)", anywhere("$follow(reviews,article)")),
        ("x,$CURRENT_USER.email", anywhere("x,$current_user.email")),
        ("true", anywhere("TRUE")),
        ("false", anywhere("FALSE")),
        ("null", anywhere("Null")),
        ("NULL", anywhere("Null")),
        ("True", anywhere("True")),
    ] {
        let query = json!({"fields": ["title"], "search": term});
        assert_eq!(forwarded(&query), json!({"fields": ["title"], "filter": {"_or": or}}), "{term:?}");
    }
}

#[test]
fn it_goes_beside_whatever_else_the_query_says() {
    let x = json!({"_or": anywhere("x")});
    for (more, filter) in [
        (json!({"filter": {}}), x.clone()),
        (json!({"filter": {"_or": []}}), json!({"_and": [{"_or": []}, x]})),
        (json!({"filter": {"id": 5}}), json!({"_and": [{"id": 5}, x]})),
        (
            json!({"filter": {"_or": [{"id": 5}, {"price": 1}]}}),
            json!({"_and": [{"_or": [{"id": 5}, {"price": 1}]}, x]}),
        ),
        (json!({"filter": {"_and": [{"id": 5}]}}), json!({"_and": [{"id": 5}, x]})),
        (json!({"aggregate": {"count": ["*"]}, "groupBy": ["status"]}), x.clone()),
        (json!({"sort": ["-title"], "limit": 3, "offset": 1, "page": 2}), x.clone()),
        // An alias means nothing in a filter.
        (json!({"fields": ["body"], "alias": {"body": "title"}}), x.clone()),
    ] {
        let mut query = more.clone();
        query["search"] = json!("x");
        let mut expected = more.clone();
        expected["filter"] = filter;
        if expected.get("fields").is_none() && expected.get("aggregate").is_none() {
            query["fields"] = json!(["id"]);
            expected["fields"] = json!(["id"]);
        }
        assert_eq!(forwarded(&query), expected, "{more}");
    }
    let tester = Role::new(READER);
    // Beside the filter of the permission, which may speak of what is hidden.
    let authors = tester.forwarded("items", &read("authors", &json!({"fields": ["id"], "search": "x"})));
    let both = json!([{"_or": [{"name": {"_icontains": "x"}}]}, {"password": {"_null": true}}]);
    assert_eq!(authors["query"], json!({"fields": ["id"], "filter": {"_and": both}}));
    let keys = json!({"action": "read", "collection": "articles", "keys": [1], "query": {"fields": ["id"], "search": "x"}});
    assert_eq!(tester.forwarded("items", &keys)["query"]["filter"], x);
    let file = json!({"action": "read", "query": {"fields": ["id"], "search": "77"}});
    let found = json!([{"filesize": {"_eq": 77}}, {"title": {"_icontains": "77"}}]);
    assert_eq!(tester.forwarded("files", &file)["query"]["filter"], json!({"_or": found}));
}

#[test]
fn it_passes_where_all_may_be_read_and_where_it_looks_at_nothing() {
    let tester = Role::new(READER);
    for (collection, query) in [
        ("tags", json!({"fields": ["name"], "search": "x"})),
        ("tags", json!({"fields": ["name"], "search": "$NOW"})),
        ("articles", json!({"fields": ["id"], "search": ""})),
        ("reviews", json!({"fields": ["id"], "search": ""})),
    ] {
        assert_eq!(tester.forwarded("items", &read(collection, &query))["query"], query);
    }
}

#[test]
fn what_it_does_is_shown() {
    let tester = Role::new(READER);
    let query = json!({"fields": ["id"], "search": "x"});
    let explained = tester.decide("items", &read("articles", &query)).explained(&Value::Null);
    assert_eq!(explained["obligations"], json!([{"search": {"_or": anywhere("x")}}]));
    let fields = json!(["body", "id", "slug", "status", "title", "user_created", "user_updated"]);
    assert_eq!(explained["accesses"][0]["fields"], fields);
}

#[test]
fn where_it_cannot_be_put_otherwise_it_is_refused() {
    let tester = Role::new(READER);
    let search = json!({"fields": ["id"], "search": "7"});
    let with_search = |mut arguments: Value, key: &str| {
        arguments["query"][key] = json!("x");
        arguments
    };
    let comment = json!({"action": "create", "collection": "comments", "data": {"text": "x"}, "query": {"fields": ["id"]}});
    let change = json!({
        "action": "update", "collection": "comments", "keys": [1], "data": {"text": "x"}, "query": {"fields": ["id"]},
    });
    let change_any = json!({
        "action": "update", "collection": "comments", "data": {"text": "x"}, "query": {"fields": ["id"], "filter": {"id": 1}},
    });
    let deep = json!({"fields": ["author.name"], "deep": {"author": {"_search": "x"}}});
    for (arguments, says) in [
        (read("reviews", &search), "none of the others holds text"),
        (read("site_settings", &json!({"fields": ["title"], "search": "x"})), "no filter can be put here"),
        (read("articles", &deep), "below a relation"),
        (with_search(comment, "search"), "beside a write"),
        (with_search(change, "search"), "beside a write"),
        (with_search(change_any, "search"), "beside a write"),
    ] {
        let (code, _, message) = tester.denied("items", &arguments);
        assert_eq!(code, "no_permission", "{arguments}: {message}");
        assert!(message.contains(says), "{arguments}: {message}");
        // What is hidden is not named to the client.
        for hidden in ["secret_note", "password", "moderation_note", "api_key", "text`"] {
            assert!(!message.contains(hidden), "{message}");
        }
    }
    for term in [json!(7), json!(null), json!(["x"]), json!({"_eq": "x"})] {
        let query = json!({"fields": ["id"], "search": term});
        assert_eq!(tester.denied("items", &read("articles", &query)).0, "not_understood");
    }
    // Whatever is named beside it has to be open for itself.
    for more in [
        json!({"sort": ["secret_note"]}),
        json!({"filter": {"secret_note": "x"}}),
        json!({"version": "draft"}),
    ] {
        let mut query = json!({"fields": ["id"], "search": "x"});
        query.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(tester.denied("items", &read("articles", &query)).0, "no_permission", "{query}");
    }
}

#[test]
fn what_is_redacted_is_not_searched_even_where_a_role_is_only_observed() {
    let permissions = READER;
    for (mode, redact) in
        [("enforce", "articles.title"), ("observe", "articles.title"), ("observe", "*.title")]
    {
        let tester = Role::new(&format!("mode: {mode}\n{permissions}redact: [\"{redact}\"]\n"));
        let query = json!({"fields": ["id"], "search": "x"});
        let filter = tester.forwarded("items", &read("articles", &query))["query"]["filter"].to_string();
        assert!(
            filter.contains("slug") && !filter.contains("title") && !filter.contains("secret_note"),
            "{filter}"
        );
    }
    // No permission, so the search would pass as it is.
    let tester = Role::new("mode: observe\npermissions: []\nredact: [\"articles.title\"]\n");
    let query = json!({"fields": ["id"], "search": "x"});
    assert_eq!(tester.denied("items", &read("articles", &query)).1, "tester/redact");
    tester.forwarded("items", &read("tags", &query));
}

#[test]
fn the_first_permission_that_lets_any_text_be_read_is_taken() {
    let tester = Role::new(
        r"
permissions:
  - {id: numbers, collections: [articles], actions: [read], fields: [id, price]}
  - {id: titles, collections: [articles], actions: [read], fields: [id, title, price]}
  - {id: everything, collections: [articles], actions: [read]}
",
    );
    let query = |fields: Value| read("articles", &json!({"fields": fields, "search": "x"}));
    let titles = json!({"_or": [{"title": {"_icontains": "x"}}]});
    assert_eq!(tester.forwarded("items", &query(json!(["id"])))["query"]["filter"], titles);
    assert_eq!(tester.forwarded("items", &query(json!(["body"])))["query"]["search"], "x");
}

#[test]
fn a_write_is_read_back_with_a_search_where_all_may_be_read() {
    let tester =
        Role::new("permissions: [{id: all, collections: [articles], actions: [read, create, update]}]\n");
    for arguments in [create(&json!({"title": "x"})), update(&json!({"title": "x"}))] {
        let mut arguments = arguments;
        arguments["query"]["search"] = json!("x");
        assert_eq!(tester.forwarded("items", &arguments), arguments);
    }
}
