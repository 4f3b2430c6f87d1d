//! What editors do all day is permitted, and comes back as Directus itself answers it: two Directus that begin alike get the same calls
//! in the same order, one of them through the gateway, as the shipped *content-editor*.

use super::directus::{ADMIN, AllowDeletes, Directus};
use crate::support::gateway::Site;
use crate::support::process::checkout;
use serde_json::{Value, json};

#[expect(clippy::needless_pass_by_value, reason = "a table of values reads better without references")]
fn read(collection: &str, query: Value) -> (&'static str, Value) {
    ("items", json!({"action": "read", "collection": collection, "query": query}))
}

fn item(arguments: Value) -> (&'static str, Value) {
    ("items", arguments)
}

/// Reads: paging, sorting, filters, relations, functions, sums.
fn reads() -> Vec<(&'static str, Value)> {
    let title = || json!(["id", "title"]);
    let by = |filter: Value| read("articles", json!({"fields": title(), "filter": filter, "sort": ["id"]}));
    vec![
        read("articles", json!({"fields": title(), "limit": 2, "sort": ["-id"]})),
        read("articles", json!({"fields": title(), "limit": 2, "page": 2})),
        read("articles", json!({"fields": title(), "limit": 2, "offset": 3})),
        read("articles", json!({"fields": title(), "sort": ["status", "-price"]})),
        read("articles", json!({"fields": title(), "sort": ["author.name", "id"]})),
        by(json!({"status": {"_eq": "published"}})),
        by(json!({"published_on": {"_gte": "2023-01-01T00:00:00Z"}})),
        by(json!({"published_on": {"_between": ["2021-01-01T00:00:00Z", "2023-06-01T00:00:00Z"]}})),
        by(json!({"year(published_on)": {"_eq": 2022}})),
        by(json!({"title": {"_contains": "ticle 3"}})),
        by(json!({"id": {"_in": [1, 3]}})),
        by(json!({"cover": {"_nnull": true}})),
        by(json!({"author": {"name": {"_eq": "Author 2"}}})),
        by(json!({"comments": {"_some": {"text": {"_contains": "1"}}}})),
        by(json!({"tags": {"tags_id": {"name": {"_eq": "tag2"}}}})),
        by(
            json!({"_or": [{"price": {"_gt": 40}}, {"_and": [{"status": {"_eq": "draft"}}, {"price": {"_lt": 30}}]}]}),
        ),
        read("articles", json!({"fields": ["title", "author.name", "author.email"], "sort": ["id"]})),
        read("articles", json!({"fields": ["title", "comments.text"], "sort": ["id"]})),
        read("articles", json!({"fields": ["title", "tags.tags_id.name"], "sort": ["id"]})),
        read(
            "articles",
            json!({"fields": ["title", "blocks.item:block_text.content", "blocks.collection"], "sort": ["id"]}),
        ),
        read("articles", json!({"fields": ["title", "cover.title", "cover.type"], "sort": ["id"]})),
        read("comments", json!({"fields": ["text", "article.author.name"], "sort": ["id"]})),
        read("articles", json!({"fields": ["heading"], "alias": {"heading": "title"}, "sort": ["id"]})),
        read(
            "articles",
            json!({"fields": ["c.text"], "alias": {"c": "comments"}, "deep": {"c": {"_limit": 1, "_sort": ["-id"]}}}),
        ),
        read(
            "articles",
            json!({"fields": ["comments.id"], "deep": {"comments": {"_filter": {"id": {"_gt": 2}}}}, "sort": ["id"]}),
        ),
        read("articles", json!({"fields": ["id", "year(published_on)", "count(comments)"], "sort": ["id"]})),
        read("articles", json!({"aggregate": {"count": ["*"]}})),
        read("articles", json!({"aggregate": {"sum": ["price"], "avg": ["price"]}, "groupBy": ["status"]})),
        read("orders", json!({"aggregate": {"max": ["total"], "min": ["total"]}})),
        read("articles", json!({"fields": title(), "search": "Article 4"})),
        read("site_settings", json!({"fields": ["title"]})),
        read("customers", json!({"fields": ["name", "orders.total"], "sort": ["id"]})),
        item(
            json!({"action": "read", "collection": "articles", "keys": [2, 1], "query": {"fields": ["id", "title"], "sort": ["id"]}}),
        ),
        item(json!({"action": "read", "collection": "tags"})),
        item(json!({"action": "read", "collection": "reviews", "query": {"fields": ["*"]}})),
        ("files", json!({"action": "read", "query": {"fields": ["title", "type", "filesize"]}})),
        ("folders", json!({"action": "read", "query": {"fields": ["name"]}})),
        ("system-prompt", json!({})),
    ]
    .into_iter()
    .chain(more_reads())
    .collect()
}

fn more_reads() -> Vec<(&'static str, Value)> {
    let by = |filter: Value| {
        read("articles", json!({"fields": ["id", "status"], "filter": filter, "sort": ["id"]}))
    };
    let deep = |fields: Value, deep: Value| {
        read("articles", json!({"fields": fields, "deep": deep, "sort": ["id"]}))
    };
    vec![
        by(json!({"status": {"_neq": "draft"}})),
        by(json!({"status": {"_nin": ["draft", "review"]}})),
        by(json!({"author": {"_null": true}})),
        by(json!({"author": {"_eq": 2}})),
        by(json!({"author": 2})),
        by(json!({"title": {"_starts_with": "Art"}})),
        by(json!({"title": {"_ends_with": "5"}})),
        by(json!({"title": {"_icontains": "ARTICLE"}})),
        by(json!({"title": {"_ncontains": "1"}})),
        by(json!({"body": {"_nempty": true}})),
        by(json!({"price": {"_lte": 30}})),
        by(json!({"month(published_on)": {"_eq": 1}})),
        by(json!({"published_on": {"_lt": "$NOW"}})),
        by(json!({"comments": {"_none": {"id": {"_lt": 3}}}})),
        by(json!({"count(comments)": {"_gt": 1}})),
        by(json!({"author": {"articles": {"title": {"_contains": "6"}}}})),
        read(
            "authors",
            json!({"fields": ["name", "articles.title", "articles.comments.text"], "sort": ["id"]}),
        ),
        read("authors", json!({"fields": ["name", "articles"], "sort": ["-name"]})),
        read("orders", json!({"fields": ["total", "customer.name"], "sort": ["-total"], "limit": 3})),
        read("reviews", json!({"aggregate": {"avg": ["score"]}, "groupBy": ["article"]})),
        read("articles", json!({"aggregate": {"count": ["id"]}, "groupBy": ["year(published_on)"]})),
        read("comments", json!({"fields": ["*", "article.title"], "sort": ["id"], "limit": 4})),
        read(
            "tags",
            json!({"fields": ["name"], "filter": {"name": {"_in": ["tag1", "tag3"]}}, "sort": ["name"]}),
        ),
        read("articles_tags", json!({"fields": ["articles_id.title", "tags_id.name"], "sort": ["id"]})),
        read("articles", json!({"fields": ["writer.name"], "alias": {"writer": "author"}, "sort": ["id"]})),
        read("articles", json!({"fields": ["*"], "sort": ["id"], "limit": 2})),
        read("articles", json!({"fields": [], "limit": 3, "sort": ["id"]})),
        deep(
            json!(["title", "comments.text"]),
            json!({"comments": {"_limit": 1, "_page": 2, "_sort": ["id"]}}),
        ),
        deep(
            json!(["title", "tags.tags_id.name"]),
            json!({"tags": {"_filter": {"tags_id": {"name": {"_eq": "tag1"}}}}}),
        ),
        deep(
            json!(["title", "author.articles.title"]),
            json!({"author": {"articles": {"_limit": 2, "_sort": ["-id"]}}}),
        ),
        (
            "files",
            json!({"action": "read", "query": {"fields": ["title"], "filter": {"type": {"_starts_with": "image/"}}}}),
        ),
    ]
}

/// Writes; each leaves the two Directus alike, and asks back for what nobody generates.
fn writes() -> Vec<(&'static str, Value)> {
    let quiet = |fields: Value| json!({ "fields": fields });
    vec![
        item(
            json!({"action": "create", "collection": "articles", "data": {"title": "New", "status": "draft", "author": 1},
            "query": quiet(json!(["id", "title", "author.name"]))}),
        ),
        item(
            json!({"action": "create", "collection": "tags", "data": [{"name": "one"}, {"name": "two"}], "query": quiet(json!(["id", "name"]))}),
        ),
        item(json!({"action": "create", "collection": "articles",
            "data": {"title": "Tagged", "tags": [{"tags_id": 1}, {"tags_id": {"name": "three"}}], "comments": [{"text": "first"}]},
            "query": quiet(json!(["id", "title", "tags.tags_id.name", "comments.text"]))})),
        item(json!({"action": "create", "collection": "articles",
            "data": {"title": "Blocks", "blocks": [{"collection": "block_text", "item": {"content": "words"}}]},
            "query": quiet(json!(["title", "blocks.item:block_text.content"]))})),
        item(
            json!({"action": "update", "collection": "articles", "keys": [1], "data": {"title": "Retitled"}, "query": quiet(json!(["id", "title"]))}),
        ),
        item(
            json!({"action": "update", "collection": "articles", "keys": [2, 3], "data": {"status": "review"}, "query": quiet(json!(["id", "status"]))}),
        ),
        item(
            json!({"action": "update", "collection": "articles", "data": [{"id": 4, "price": 1}, {"id": 5, "price": 2}], "query": quiet(json!(["id", "price"]))}),
        ),
        item(
            json!({"action": "update", "collection": "articles", "keys": [1], "data": {"author": null}, "query": quiet(json!(["id", "author"]))}),
        ),
        item(
            json!({"action": "update", "collection": "articles", "keys": [1], "data": {"author": {"id": 2, "name": "Renamed"}}, "query": quiet(json!(["author.name"]))}),
        ),
        item(
            json!({"action": "update", "collection": "articles", "keys": [1], "data": {"tags": {"create": [{"tags_id": 3}], "update": [], "delete": [1]}},
            "query": quiet(json!(["tags.tags_id.name"]))}),
        ),
        item(
            json!({"action": "update", "collection": "articles", "keys": [1], "data": {"meta": {"create": [1], "delete": [2]}}, "query": quiet(json!(["meta"]))}),
        ),
        item(
            json!({"action": "update", "collection": "articles", "keys": [2], "data": {"comments": {"create": [{"text": "second"}], "update": [{"id": 4, "text": "moved"}], "delete": []}},
            "query": quiet(json!(["comments.text"]))}),
        ),
        item(
            json!({"action": "update", "collection": "site_settings", "data": {"title": "Site"}, "query": quiet(json!(["title"]))}),
        ),
        item(json!({"action": "delete", "collection": "articles_tags", "keys": [2]})),
        ("folders", json!({"action": "create", "data": {"name": "Press"}, "query": quiet(json!(["name"]))})),
    ]
}

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn an_editor_s_day_is_the_same_through_the_gateway() {
    let (bare, guarded) = tokio::join!(Directus::start(AllowDeletes::On), Directus::start(AllowDeletes::On));
    let site = guarded.guarded("content-editor");
    let key = site.key("editor");
    let gateway = site.start();
    let (direct, client) = (bare.client(ADMIN), gateway.client(&key));
    let mut wrong = Vec::new();
    let day: Vec<_> = reads().into_iter().chain(writes()).chain(reads()).collect();
    for (tool, arguments) in &day {
        let expected = direct.tool(tool, arguments.clone()).await;
        let mut found = client.tool(tool, arguments.clone()).await;
        // A day's work in a few seconds is more than the shipped limits take.
        while found.text.contains("RATE_LIMITED") {
            tokio::time::sleep(std::time::Duration::from_millis(250)).await;
            found = client.tool(tool, arguments.clone()).await;
        }
        assert!(!expected.is_error, "{tool} {arguments}: {}", expected.text);
        if found.is_error || found.raw() != expected.raw() {
            wrong
                .push(format!("{tool} {arguments}\n  directly {}\n  guarded  {}", expected.text, found.text));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), day.len(), wrong.join("\n"));
    let distinct = reads().len() + writes().len();
    assert!(distinct >= 80, "{distinct}");
    replayed(&site, day.len());
}

/// What the trail has of a day is decided again as it was, every call of it.
fn replayed(site: &Site, calls: usize) {
    let policies = checkout("policies").display().to_string();
    let words = ["replay", "--strict", "--format", "json", "--audit", &site.audit(), "--policies", &policies];
    let report: Value = serde_json::from_str(&site.run(words)).unwrap();
    assert_eq!(
        (&report["same"], &report["undecidable"]["calls"]),
        (&report["calls"], &json!(0)),
        "{report:#}"
    );
    assert!(report["calls"].as_u64().unwrap() >= calls as u64, "{report:#}");
}

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn a_developer_s_day_is_the_same_through_the_gateway() {
    let (bare, guarded) = tokio::join!(Directus::start(AllowDeletes::On), Directus::start(AllowDeletes::On));
    let site = guarded.guarded("developer");
    let key = site.key("developer");
    let gateway = site.start();
    let (direct, client) = (bare.client(ADMIN), gateway.client(&key));
    let field =
        |name: &str| json!({"field": name, "type": "string", "schema": {}, "meta": {"interface": "input"}});
    let day = [
        ("schema", json!({"keys": ["articles", "comments"]})),
        ("collections", json!({"action": "read", "keys": ["articles"]})),
        ("fields", json!({"action": "read", "collection": "articles", "field": "title"})),
        ("relations", json!({"action": "read", "collection": "comments", "field": "article"})),
        (
            "flows",
            json!({"action": "read", "query": {"fields": ["name", "status", "trigger"], "sort": ["name"]}}),
        ),
        ("operations", json!({"action": "read", "query": {"fields": ["key", "type"], "sort": ["key"]}})),
        ("fields", json!({"action": "create", "collection": "articles", "data": [field("subtitle")]})),
        (
            "items",
            json!({"action": "update", "collection": "articles", "keys": [1], "data": {"subtitle": "x"}, "query": {"fields": ["id", "subtitle"]}}),
        ),
        ("fields", json!({"action": "delete", "collection": "articles", "field": "subtitle"})),
        ("schema", json!({"keys": ["articles"]})),
    ];
    for (tool, arguments) in &day {
        let expected = direct.tool(tool, arguments.clone()).await;
        assert!(!expected.is_error, "{tool} {arguments}: {}", expected.text);
        let found = client.tool(tool, arguments.clone()).await;
        assert!(!found.is_error, "{tool} {arguments}: {}", found.text);
        // The numbers by which Directus keeps descriptions of fields differ from run to run.
        assert_eq!(without_ids(found.raw()), without_ids(expected.raw()), "{tool} {arguments}");
    }
    replayed(&site, day.len());
}

/// The same without `meta.id`.
fn without_ids(mut value: Value) -> Value {
    match &mut value {
        Value::Array(list) => list.iter_mut().for_each(|one| *one = without_ids(one.take())),
        Value::Object(entries) => {
            if let Some(Value::Object(meta)) = entries.get_mut("meta") {
                meta.remove("id");
            }
            entries.values_mut().for_each(|one| *one = without_ids(one.take()));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    value
}
