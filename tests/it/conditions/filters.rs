//! A filter is put on what can carry it, and checked beforehand where nothing can.

use super::{Role, update};
use serde_json::{Value, json};

const READER: &str = r#"
permissions:
  - id: read
    collections: [articles]
    actions: [read]
    fields: ["*", "!secret_note"]
    filter: {status: {_neq: archived}}
  - id: comments
    collections: [comments]
    actions: [read]
    fields: [id, text, article]
    filter: {moderation_note: {_null: true}}
  - {id: reviews, collections: [reviews], actions: [read], filter: {score: {_gt: 1}}}
  - id: authors
    collections: [authors]
    actions: [read]
    filter: {password: {_null: true}}
  - {id: links, collections: ["@junctions"], actions: [read]}
"#;

fn read(query: &Value) -> Value {
    json!({"action": "read", "collection": "articles", "query": query})
}

#[test]
fn a_read_is_narrowed_at_the_root() {
    let tester = Role::new(READER);
    let rule = json!({"status": {"_neq": "archived"}});
    for (query, filter) in [
        (json!({"fields": ["title"]}), rule.clone()),
        (json!({"fields": ["title"], "filter": {}}), rule.clone()),
        (json!({"fields": ["title"], "filter": {"id": 5}}), json!({"_and": [{"id": 5}, rule]})),
        (
            json!({"fields": ["title"], "filter": {"_or": [{"id": 5}, {"status": {"_eq": "archived"}}]}}),
            json!({"_and": [{"_or": [{"id": 5}, {"status": {"_eq": "archived"}}]}, rule]}),
        ),
        (
            json!({"fields": ["title"], "filter": {"_and": [{"id": 5}, {"id": 6}]}}),
            json!({"_and": [{"id": 5}, {"id": 6}, rule]}),
        ),
        (json!({"aggregate": {"count": ["*"]}, "groupBy": ["author"]}), rule.clone()),
        (json!({"fields": [], "search": ""}), rule.clone()),
    ] {
        assert_eq!(tester.forwarded("items", &read(&query))["query"]["filter"], filter, "{query}");
    }
    let by_key =
        json!({"action": "read", "collection": "articles", "keys": [1], "query": {"fields": ["id"]}});
    assert_eq!(tester.forwarded("items", &by_key)["query"]["filter"], rule);
    assert!(tester.checks("items", &by_key).is_empty());
}

#[test]
fn whatever_comes_along_is_narrowed_where_it_stands() {
    let tester = Role::new(READER);
    let comments = json!({"moderation_note": {"_null": true}});
    let authors = json!({"password": {"_null": true}});
    for (query, deep) in [
        (json!({"fields": ["comments.text"]}), json!({"comments": {"_filter": comments}})),
        (json!({"fields": ["comments"]}), json!({"comments": {"_filter": comments}})),
        (json!({"fields": ["author.name"]}), json!({"author": {"_filter": authors}})),
        (
            json!({"fields": ["c.text"], "alias": {"c": "comments"}, "deep": {"c": {"_sort": ["id"]}}}),
            json!({"c": {"_sort": ["id"], "_filter": comments}}),
        ),
        (
            json!({"fields": ["comments.text"], "deep": {"comments": {"_filter": {"id": 1}}}}),
            json!({"comments": {"_filter": {"_and": [{"id": 1}, comments]}}}),
        ),
        (
            json!({"fields": ["comments.text"], "deep": {"comments": {"_filter": "{\"id\":1}"}}}),
            json!({"comments": {"_filter": {"_and": [{"id": 1}, comments]}}}),
        ),
        // What `deep` says of a list that is not asked for has no effect, and looks into nothing.
        (
            json!({"fields": ["title"], "deep": {"comments": {"_sort": ["text"]}}}),
            json!({"comments": {"_sort": ["text"], "_filter": comments}}),
        ),
        (
            json!({"fields": ["comments.article.author.name"]}),
            json!({
                "comments": {
                    "article": {"author": {"_filter": authors}, "_filter": {"status": {"_neq": "archived"}}},
                    "_filter": comments,
                },
            }),
        ),
    ] {
        assert_eq!(tester.forwarded("items", &read(&query))["query"]["deep"], deep, "{query}");
    }
    // A wildcard brings the lists along.
    let all = tester.forwarded("items", &read(&json!({})));
    assert_eq!(all["query"]["deep"]["comments"]["_filter"], comments);
    assert_eq!(all["query"]["deep"]["reviews"]["_filter"], json!({"score": {"_gt": 1}}));
    assert_eq!(all["query"]["filter"], json!({"status": {"_neq": "archived"}}));
}

#[test]
fn what_no_filter_applies_to_is_refused() {
    let tester = Role::new(READER);
    for (query, says) in [
        (json!({"fields": ["id"], "sort": ["author.name"]}), "sorts, filters or counts"),
        (
            json!({"fields": ["id"], "filter": {"author": {"name": {"_starts_with": "a"}}}}),
            "sorts, filters or counts",
        ),
        (json!({"fields": ["id"], "filter": {"comments": {"_some": {"id": 1}}}}), "sorts, filters or counts"),
        (json!({"fields": ["id"], "filter": {"comments": {"_none": {"id": 1}}}}), "sorts, filters or counts"),
        (json!({"fields": ["count(comments)"]}), "sorts, filters or counts"),
        (json!({"fields": ["id"], "sort": ["count(comments)"]}), "sorts, filters or counts"),
        (json!({"fields": ["comments.text"], "sort": ["count(comments)"]}), "sorts, filters or counts"),
        (
            json!({"fields": ["id"], "filter": {"$FOLLOW(comments,article)": {"id": 1}}}),
            "sorts, filters or counts",
        ),
        (json!({"fields": ["c.text", "comments.text"], "alias": {"c": "comments"}}), "under two names"),
        (
            json!({"fields": ["c.text", "d.text"], "alias": {"c": "comments", "d": "comments"}}),
            "under two names",
        ),
    ] {
        let (code, rule, message) = tester.denied("items", &read(&query));
        assert_eq!(code, "not_understood", "{query}: {message}");
        assert!(rule.starts_with("tester/") && message.contains(says), "{query}: {rule}: {message}");
    }
}

#[test]
fn an_unpublished_version_is_not_what_a_filter_looks_at() {
    let tester = Role::new(
        r"
permissions:
  - {id: read, collections: [articles], actions: [read], filter: {status: {_neq: archived}}}
  - {id: versions, collections: [directus_versions], actions: [read]}
",
    );
    let query = json!({"fields": ["id"], "version": "draft"});
    let versioned = json!({"action": "read", "collection": "articles", "keys": [1], "query": query});
    assert!(tester.denied("items", &versioned).2.contains("unpublished version"));
}

#[test]
fn a_pointer_is_filtered_where_directus_is_known_to_do_so() {
    let query = json!({"fields": ["author.name"]});
    let (_, _, message) = Role::new(READER).at_version(None).denied("items", &read(&query));
    assert!(message.contains(r#"`filter: {"author":{"password":{"_null":true}}}`"#), "{message}");
    assert_eq!(
        Role::new(READER).at_version(Some("11.12.0")).denied("items", &read(&query)).0,
        "not_understood"
    );

    let line = r"filter: {_and: [{status: {_neq: archived}}, {author: {password: {_null: true}}}]}";
    let with_the_line = READER.replacen("filter: {status: {_neq: archived}}", line, 1);
    let tester = Role::new(&with_the_line).at_version(None);
    let forwarded = tester.forwarded("items", &read(&query));
    assert_eq!(forwarded["query"]["deep"]["author"]["_filter"], json!({"password": {"_null": true}}));

    // A wildcard leaves out what it may not bring.
    let all = tester.at_version(Some("11.12.0")).forwarded("items", &read(&json!({"fields": ["*.*"]})));
    assert!(all["query"]["fields"].as_array().unwrap().contains(&json!("comments.text")), "{all}");
    let all = Role::new(READER).at_version(None).forwarded("items", &read(&json!({"fields": ["*.*"]})));
    assert!(!all.to_string().contains("author."), "{all}");
}

const EDITOR: &str = r"
permissions:
  - {id: read, collections: [articles, comments], actions: [read]}
  - id: edit
    collections: [articles]
    actions: [update, delete]
    filter: {status: {_in: [draft, review]}}
    by_query: true
    max_items: 20
  - id: comment
    collections: [comments]
    actions: [create, update, delete]
    filter: {moderation_note: {_null: true}}
    by_query: true
    max_items: unlimited
  - id: reviews
    collections: [reviews]
    actions: [create, update, delete]
    filter: {score: {_gt: 1}}
    by_query: true
    max_items: unlimited
  - {id: files, collections: [directus_files], actions: [read, update, delete], filter: {folder: {_null: false}}}
  - {id: people, collections: [directus_users], actions: [update], filter: {status: {_eq: active}}}
  - {id: settings, collections: [site_settings], actions: [read, update], filter: {title: {_nnull: true}}}
";

#[test]
fn a_write_by_key_is_checked_first() {
    let tester = Role::new(EDITOR);
    let drafts = json!({"status": {"_in": ["draft", "review"]}});
    let articles = |keys: Value| json!({"collection": "articles", "keys": keys, "filter": drafts});
    let comments = |keys: Value| json!({"collection": "comments", "keys": keys, "filter": {"moderation_note": {"_null": true}}});
    let quiet = |arguments: Value| {
        let mut arguments = arguments;
        arguments["query"] = json!({"fields": ["id"]});
        arguments
    };
    for (tool, arguments, checks) in [
        ("items", update(&json!({"title": "x"})), vec![articles(json!([1]))]),
        (
            "items",
            quiet(
                json!({"action": "update", "collection": "articles", "data": [{"id": 2, "title": "x"}, {"id": 1}]}),
            ),
            vec![articles(json!([1, 2]))],
        ),
        (
            "items",
            json!({"action": "delete", "collection": "articles", "keys": [3, 3]}),
            vec![articles(json!([3]))],
        ),
        (
            "items",
            update(&json!({"comments": {"update": [{"id": 7, "text": "x"}], "delete": [8]}})),
            vec![articles(json!([1])), comments(json!([7, 8]))],
        ),
        (
            "items",
            quiet(
                json!({"action": "update", "collection": "comments", "keys": [5], "data": {"article": {"id": 9, "title": "x"}}}),
            ),
            // An article that is not there would be made, which nothing permits.
            vec![],
        ),
        (
            "files",
            json!({"action": "delete", "keys": ["5c7b1f0e-0000-4000-8000-000000000000"]}),
            vec![json!({
                "collection": "directus_files", "keys": ["5c7b1f0e-0000-4000-8000-000000000000"],
                "filter": {"folder": {"_null": false}},
            })],
        ),
        (
            "assets",
            json!({"id": "5c7b1f0e-0000-4000-8000-000000000000"}),
            vec![json!({
                "collection": "directus_files", "keys": ["5c7b1f0e-0000-4000-8000-000000000000"],
                "filter": {"folder": {"_null": false}},
            })],
        ),
    ] {
        if checks.is_empty() {
            assert_eq!(tester.denied(tool, &arguments).0, "no_permission", "{arguments}");
        } else {
            assert_eq!(tester.checks(tool, &arguments), checks, "{arguments}");
        }
    }
}

#[test]
fn a_write_that_can_be_neither_narrowed_nor_checked_is_refused() {
    let tester = Role::new(EDITOR);
    for (arguments, says) in [
        // Children that nobody named are deleted, or lose their pointer.
        (update(&json!({"reviews": []})), "not named"),
        (update(&json!({"comments": []})), "not named"),
        (update(&json!({"comments": [3]})), "not named"),
        (json!({"action": "update", "collection": "site_settings", "data": {"title": "x"}}), "one item only"),
        (json!({"action": "read", "collection": "site_settings"}), "one item only"),
    ] {
        let (code, _, message) = tester.denied("items", &arguments);
        assert_eq!(code, "not_understood", "{arguments}: {message}");
        assert!(message.contains(says), "{arguments}: {message}");
    }
    // Nothing can look at users beforehand.
    let user = json!({"id": "5c7b1f0e-0000-4000-8000-000000000000"});
    assert_eq!(tester.denied("items", &update(&json!({"user_updated": user}))).0, "not_understood");
}

#[test]
fn an_update_by_query_is_narrowed_and_says_its_limit() {
    let tester = Role::new(EDITOR);
    let rule = json!({"status": {"_in": ["draft", "review"]}});
    let by_query = |query: &Value| json!({"action": "update", "collection": "articles", "data": {"title": "x"}, "query": query});
    let forwarded =
        tester.forwarded("items", &by_query(&json!({"filter": {"id": {"_gt": 5}}, "fields": ["id"]})));
    let filter = json!({"_and": [{"id": {"_gt": 5}}, rule]});
    assert_eq!(forwarded["query"], json!({"filter": filter, "fields": ["id"], "limit": 20}));
    assert_eq!(
        tester.checks("items", &by_query(&json!({"filter": {"id": {"_gt": 5}}, "fields": ["id"]}))),
        Vec::<Value>::new()
    );
    let comments = json!({
        "action": "update", "collection": "comments", "data": {"text": "x"},
        "query": {"filter": {"id": {"_gt": 5}}, "fields": ["id"]},
    });
    assert_eq!(tester.forwarded("items", &comments)["query"]["limit"], 100);
    for part in [
        json!({"offset": 1}),
        json!({"page": 2}),
        json!({"search": "x"}),
        json!({"alias": {"status": "title"}}),
        json!({"alias": {"x": "title"}}),
    ] {
        let mut query = json!({"filter": {"id": {"_gt": 5}}, "fields": ["id"]});
        query.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        let (code, _, message) = tester.denied("items", &by_query(&query));
        assert_eq!(code, "not_understood", "{query}: {message}");
    }
    // The policy's own filter is not the client's: it still has to say which items it means.
    assert_eq!(tester.denied("items", &by_query(&json!({"fields": ["id"]}))).0, "no_permission");
}

#[test]
fn what_is_read_back_is_what_may_be_read() {
    let tester = Role::new(
        r"
permissions:
  - {id: read, collections: [articles], actions: [read], filter: {status: {_eq: published}}}
  - {id: edit, collections: [articles], actions: [create, update], by_query: true, max_items: 50}
",
    );
    let rule = json!({"status": {"_eq": "published"}});
    let create = json!({"action": "create", "collection": "articles", "data": {"title": "x"}});
    assert_eq!(tester.forwarded("items", &create)["query"]["filter"], rule);
    let update = json!({"action": "update", "collection": "articles", "keys": [1], "data": {"title": "x"}});
    assert_eq!(tester.forwarded("items", &update)["query"]["filter"], rule);
    // The keys of what was written are its writer's.
    let quiet = json!({
        "action": "update", "collection": "articles", "keys": [1], "data": {"title": "x"}, "query": {"fields": []},
    });
    assert_eq!(tester.forwarded("items", &quiet)["query"], json!({"fields": []}));
}

/// The role's own filter may speak of what the client may not; a client that guesses it learns nothing that it does not see anyway.
#[test]
fn the_role_s_own_filter_may_speak_of_hidden_fields() {
    let tester = Role::new(
        r"
permissions:
  - id: read
    collections: [articles]
    actions: [read]
    fields: [id, title]
    filter: {secret_note: {_null: true}}
  - {id: tags, collections: [tags], actions: [read], fields: [id, name]}
",
    );
    let own = json!({"secret_note": {"_null": true}});
    assert_eq!(tester.forwarded("items", &read(&json!({})))["query"]["filter"], own);
    assert_eq!(tester.forwarded("items", &read(&json!({"filter": own})))["query"]["filter"], own);
    for filter in [
        json!({"secret_note": {"_nnull": true}}),
        json!({"secret_note": {"_null": false}}),
        json!({"_or": [own, {"id": 1}]}),
        json!({"_and": [{"_or": [own]}]}),
        json!({"secret_note": {"_null": true, "_eq": "x"}}),
    ] {
        assert_eq!(tester.denied("items", &read(&json!({"filter": filter}))).0, "no_permission", "{filter}");
    }
    // On another collection it is not the role's own.
    let tags = json!({"action": "read", "collection": "tags", "query": {"filter": {"secret_code": {"_null": true}}}});
    assert_eq!(tester.denied("items", &tags).0, "no_permission");
}

/// Directus updates a hundred where the request says no number; to say a higher one for it would write what nobody asked for.
#[test]
fn an_update_by_query_is_never_made_wider() {
    for (max_items, limit) in [("20", 20), ("100", 100), ("500", 100)] {
        let role = format!(
            "permissions:\n  - {{id: a, collections: [articles, reviews], actions: [read, create, update], by_query: true, max_items: {max_items}}}\n"
        );
        let data = json!({"title": "x"});
        let query = json!({"filter": {"id": {"_gt": 5}}, "fields": ["id"]});
        let update = json!({"action": "update", "collection": "articles", "data": data, "query": query});
        assert_eq!(Role::new(&role).forwarded("items", &update)["query"]["limit"], limit);
    }
}

/// A wildcard brings every alias along, and so does the list of fields that is forwarded in its place: without the alias the comments
/// would be asked for once, and fall under the filter.
#[test]
fn a_wildcard_that_is_spelled_out_keeps_the_aliases() {
    let tester = Role::new(
        r#"
permissions:
  - {id: some, collections: [articles, comments], actions: [read], fields: ["*", "!secret_note"], filter: {id: {_gt: 5}}}
  - {id: all, collections: [comments], actions: [read]}
"#,
    );
    let forwarded = tester.forwarded("items", &read(&json!({"alias": {"c": "comments", "t": "title"}})));
    let fields = forwarded["query"]["fields"].as_array().unwrap();
    assert!(["c", "comments", "t", "title"].iter().all(|name| fields.contains(&json!(name))), "{forwarded}");
    assert!(forwarded["query"].get("deep").is_none(), "{forwarded}");
}

/// A change of a collection itself names no item, so "all of its items are under the filter" would be true of nothing.
#[test]
fn a_filter_or_a_list_of_keys_does_not_cover_the_collection_itself() {
    for condition in ["filter: {status: {_eq: draft}}", "keys: [1]", "validation: {status: {_eq: draft}}"] {
        let tester = Role::new(&format!(
            r"
permissions:
  - {{id: model, collections: [directus_fields], actions: [read, create, delete]}}
  - {{id: edit, collections: [articles], actions: [update], {condition}}}
"
        ));
        for arguments in [
            json!({"action": "create", "collection": "articles", "data": {"field": "x", "type": "string"}}),
            json!({"action": "delete", "collection": "articles", "field": "body"}),
        ] {
            let (code, _, message) = tester.denied("fields", &arguments);
            assert!(["not_understood", "no_permission"].contains(&code.as_str()), "{condition}: {message}");
        }
    }
}

#[test]
fn the_first_permission_whose_filter_can_be_kept_is_taken() {
    let tester = Role::new(
        r"
permissions:
  - {id: some, collections: [articles, comments], actions: [read, update], filter: {id: {_gt: 5}}}
  - {id: all, collections: [articles, comments], actions: [read], fields: [id, text, article]}
",
    );
    // By the second, since no filter applies to a count.
    let counted = tester.forwarded(
        "items",
        &json!({"action": "read", "collection": "articles", "query": {"fields": ["count(comments)"]}}),
    );
    assert_eq!(counted["query"]["filter"], json!({"id": {"_gt": 5}}));
    assert!(counted["query"].get("deep").is_none(), "{counted}");
}

/// Directus would answer with an error, or leave the condition out.
#[test]
fn a_filter_that_the_collection_cannot_have_is_no_filter() {
    for rule in
        ["{statuz: {_eq: draft}}", "{author: {nam: {_eq: x}}}", "{comments: {_some: {moderation: {_eq: x}}}}"]
    {
        let tester = Role::new(&format!(
            "permissions:\n  - {{id: a, collections: [articles], actions: [read, update], filter: {rule}}}\n"
        ));
        for arguments in [read(&json!({"fields": ["id"]})), update(&json!({"title": "x"}))] {
            let (code, _, message) = tester.denied("items", &arguments);
            assert_eq!(code, "not_understood", "{rule}: {message}");
            assert!(message.contains("has no field"), "{rule}: {message}");
        }
    }
}
