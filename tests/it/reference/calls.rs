//! Calls by chance, of the kinds that conditions apply to: reads that reach along relations in every part of a query, and writes in writes.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// What a query of articles may say, part by part.
const FIELDS: [&str; 24] = [
    "*",
    "*.*",
    "id",
    "title",
    "status",
    "author",
    "author.name",
    "author.*",
    "author.articles.title",
    "comments",
    "comments.text",
    "comments.*",
    "comments.article.title",
    "reviews.text",
    "tags.tags_id.name",
    "blocks.item:block_text.content",
    "blocks.item.*",
    "count(comments)",
    "author.count(articles)",
    "year(date_created)",
    "c.text",
    "c.article.author.name",
    "a.name",
    "n",
];

fn part(choices: &[Value]) -> impl Strategy<Value = Option<Value>> + use<> {
    prop::option::weighted(0.25, prop::sample::select(choices.to_vec()))
}

/// A query of articles. Some are of no effect, and some make no sense.
fn query() -> impl Strategy<Value = Value> {
    let fields = prop::option::weighted(0.9, prop::sample::subsequence(FIELDS.to_vec(), 0..4));
    let alias = part(&[
        json!({"c": "comments"}),
        json!({"c": "comments", "d": "comments"}),
        json!({"a": "author", "c": "comments"}),
        json!({"n": "title", "a": "author"}),
        json!({"n": "count(comments)"}),
    ]);
    let sort = part(&[
        json!(["title"]),
        json!(["-author.name"]),
        json!(["count(comments)"]),
        json!(["a.name", "id"]),
        json!(["author.count(articles)"]),
        json!(["n"]),
    ]);
    let filter = part(&[
        json!({"title": {"_eq": "x"}}),
        json!({"author": {"_eq": 1}}),
        json!({"author": {"name": {"_eq": "x"}}}),
        json!({"_or": [{"id": {"_gt": 1}}, {"comments": {"_some": {"text": {"_eq": "x"}}}}]}),
        json!({"count(comments)": {"_gt": 1}}),
        json!({"$FOLLOW(reviews,article)": {"text": {"_eq": "x"}}}),
        json!({"blocks": {"item:block_text": {"content": {"_eq": "x"}}}}),
        json!({"_and": []}),
    ]);
    let deep = part(&[
        json!({"comments": {"_filter": {"id": {"_gt": 1}}, "_limit": 2}}),
        json!({"comments": {"_filter": "{\"id\":{\"_gt\":1}}", "_sort": "text,-article.title"}}),
        json!({"comments": {"article": {"author": {"_filter": {"name": {"_eq": "x"}}}}}}),
        json!({"comments": {"_alias": {"x": "article"}, "_limit": -1}}),
        json!({"author": {"_filter": {"name": {"_eq": "x"}}, "articles": {"_limit": "7"}}}),
        json!({"c": {"_limit": 200}}),
        json!({"tags": {"tags_id": {"_filter": {"name": {"_eq": "x"}}}}}),
        json!({"comments": {"_aggregate": {"count": "*"}}}),
        json!({"comments": {"_groupBy": ["article.title"]}}),
    ]);
    let limit = part(&[json!(1), json!(5), json!(60), json!(-1)]);
    let rest = prop::option::weighted(
        0.15,
        prop::sample::select(vec![
            ("search", json!("x")),
            ("search", json!(" 7 ")),
            ("search", json!("$NOW")),
            ("search", json!("")),
            ("version", json!("draft")),
            ("version", json!("main")),
            ("versionRaw", json!(true)),
            ("page", json!(2)),
            ("offset", json!(0)),
            ("aggregate", json!({"count": ["*"]})),
            ("groupBy", json!(["author.name"])),
        ]),
    );
    (fields, alias, sort, filter, deep, limit, rest).prop_map(
        |(fields, alias, sort, filter, deep, limit, rest)| {
            let parts = [
                ("fields", fields.map(|fields| json!(fields))),
                ("alias", alias),
                ("sort", sort),
                ("filter", filter),
                ("deep", deep),
                ("limit", limit),
            ];
            let said = parts.into_iter().filter_map(|(name, value)| Some((name, value?))).chain(rest);
            said.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>().into()
        },
    )
}

/// A row of articles, with others in it.
fn article(depth: u32) -> BoxedStrategy<Value> {
    let status = part(&[json!("draft"), json!("fresh"), json!(null)]);
    let author =
        part(&[json!(1), json!(null), json!({"name": "x"}), json!({"id": 1, "name": "x"}), json!({"id": 2})]);
    let tags = part(&[
        json!([]),
        json!({"create": [{"tags_id": {"name": "x"}}]}),
        json!({"update": [{"id": 1, "tags_id": {"id": 2, "name": "x"}}], "delete": [2]}),
    ]);
    let blocks = part(&[
        json!({"create": [{"collection": "block_text", "item": {"content": "x"}}]}),
        json!([{"id": 1, "collection": "block_text", "item": {"id": 1, "content": "x"}}]),
    ]);
    let (comments, reviews) =
        (prop::option::weighted(0.3, list(depth)), prop::option::weighted(0.2, list(depth)));
    let title = prop::option::weighted(0.7, Just(json!("x")));
    (title, status, author, tags, blocks, comments, reviews)
        .prop_map(|(title, status, author, tags, blocks, comments, reviews)| {
            let fields = [
                ("title", title),
                ("status", status),
                ("author", author),
                ("tags", tags),
                ("blocks", blocks),
                ("comments", comments),
                ("reviews", reviews),
            ];
            object(fields)
        })
        .boxed()
}

/// What stands under a list of comments or reviews.
fn list(depth: u32) -> BoxedStrategy<Value> {
    let child = || child(depth);
    prop_oneof![
        Just(json!([])),
        Just(json!([3])),
        prop::collection::vec(child(), 1..3).prop_map(Value::from),
        prop::collection::vec(child(), 1..3).prop_map(|rows| json!({ "create": rows })),
        child().prop_map(|row| json!({"update": [keyed(row, 4)], "create": [{"text": "y"}]})),
        Just(json!({"delete": [3, 4]})),
    ]
    .boxed()
}

/// A comment or a review.
fn child(depth: u32) -> BoxedStrategy<Value> {
    let text = prop::option::weighted(0.7, Just(json!("x")));
    let key = prop::option::weighted(0.2, Just(json!(3)));
    let article = if depth == 0 {
        Just(json!(1)).boxed()
    } else {
        prop_oneof![Just(json!(1)), article(depth - 1), article(depth - 1).prop_map(|row| keyed(row, 2))]
            .boxed()
    };
    (key, text, prop::option::weighted(0.3, article))
        .prop_map(|(id, text, article)| object([("id", id), ("text", text), ("article", article)]))
        .boxed()
}

fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    fields.collect::<Map<_, _>>().into()
}

fn keyed(mut row: Value, key: u64) -> Value {
    row["id"] = json!(key);
    row
}

fn keys() -> impl Strategy<Value = Option<Value>> {
    part(&[json!([1]), json!([1, 2]), json!(["3"])])
}

/// A query for an update, with something beside its filter.
fn beside() -> impl Strategy<Value = Value> {
    let parts = [
        ("limit", json!(1)),
        ("page", json!(2)),
        ("offset", json!(1)),
        ("search", json!("x")),
        ("alias", json!({"t": "title"})),
        ("sort", json!(["id"])),
    ];
    prop::sample::select(parts.to_vec()).prop_map(|(name, value)| {
        let mut query = json!({"fields": [], "filter": {"id": {"_gt": 1}}});
        query[name] = value;
        query
    })
}

/// The arguments of a call of `items`.
fn arguments() -> impl Strategy<Value = Value> {
    let by = |action: &'static str, collection: &'static str| {
        move |fields: [(&str, Option<Value>); 3]| {
            let mut arguments = object(fields);
            arguments["action"] = json!(action);
            arguments["collection"] = json!(collection);
            arguments
        }
    };
    let read = by("read", "articles");
    let (create, create_child) = (by("create", "articles"), by("create", "comments"));
    let (update, update_child) = (by("update", "articles"), by("update", "reviews"));
    let quiet = || prop::option::weighted(0.8, Just(json!({"fields": ["id"]})));
    let narrowed = || {
        let bounded = json!({"fields": ["id"], "filter": {"id": {"_gt": 1}}, "limit": 2});
        prop_oneof![query(), Just(json!({"fields": [], "filter": {"id": {"_gt": 1}}})), Just(bounded)]
    };
    let (versioned, by_query) = (by("read", "articles"), by("update", "articles"));
    prop_oneof![
        // Parts of a query that have a rule of their own.
        1 => keys().prop_map(move |keys| {
            let query = json!({"fields": ["id"], "version": "draft"});
            versioned([("keys", keys), ("query", Some(query)), ("data", None)])
        }),
        2 => beside().prop_map(move |query| {
            by_query([("keys", None), ("query", Some(query)), ("data", Some(json!({"title": "x"})))])
        }),
        4 => (keys(), query()).prop_map(move |(keys, query)| read([("keys", keys), ("query", Some(query)), ("data", None)])),
        2 => (prop::collection::vec(article(2), 1..3), quiet()).prop_map(move |(rows, query)| {
            create([("keys", None), ("query", query), ("data", Some(Value::from(rows)))])
        }),
        1 => (child(2), quiet()).prop_map(move |(row, query)| {
            create_child([("keys", None), ("query", query), ("data", Some(row))])
        }),
        3 => (keys(), article(2), narrowed()).prop_map(move |(keys, row, query)| {
            update([("keys", keys), ("query", Some(query)), ("data", Some(row))])
        }),
        1 => (child(2), quiet()).prop_map(move |(row, query)| {
            update_child([("keys", None), ("query", query), ("data", Some(json!([keyed(row, 5)])))])
        }),
    ]
}

/// A message that calls `items`.
pub(super) fn message() -> impl Strategy<Value = Value> {
    arguments().prop_map(|arguments| {
        let params = json!({"name": "items", "arguments": arguments});
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
    })
}
