//! Every way past a gateway that looks at names only: each works on Directus itself, and none through the gateway.

use super::directus::{ADMIN, AllowDeletes, Directus};
use super::dump::Dump;
use crate::support::client::McpClient;
use crate::support::request::{
    Raw, at, cookie, delete, delete_arguments, delete_message, execute, gzip, items, raw_params, tool,
    update, with_header, with_method, without_authorization,
};
use http::Method;
use serde_json::json;

/// The articles that the cases act on have keys from here on, each with a review of the same key.
const FIRST: i64 = 100;

/// A flow of the seed that deletes comments with full permissions, whoever triggers it.
const DELETING_FLOW: &str = "9b21fcd6-76a2-4ea3-81f6-d10a68f9373b";

/// A way to write what an editor must not write; it acts on the article of the given key, or on its review.
type Case = (&'static str, OnDirectus, fn(&McpClient, i64) -> Raw);

/// What Directus itself makes of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnDirectus {
    Works,
    Fails,
}
use OnDirectus::{Fails, Works};

const CASES: &[Case] = &[
    ("a plain delete", Works, delete),
    ("a delete in `execute`", Works, |c, key| at(execute(c, key), "/mcp?tool_mode=registry")),
    ("registry mode spelled otherwise", Works, |c, key| at(execute(c, key), "/mcp?%74ool%5Fmode=%72egistry")),
    ("`execute` without registry mode", Fails, execute),
    ("`reviews: []`", Works, |c, key| update(c, key, &json!({"reviews": []}))),
    ("`reviews: null`", Works, |c, key| update(c, key, &json!({"reviews": null}))),
    ("`reviews: {delete}`", Works, |c, key| update(c, key, &json!({"reviews": {"delete": [key]}}))),
    ("`data` as a string", Works, |c, key| update(c, key, &json!(r#"{"reviews": []}"#))),
    ("a create that deletes two relations away", Works, |c, key| {
        let data = json!({"text": "x", "article": {"id": key, "reviews": []}});
        items(c, &json!({"action": "create", "collection": "comments", "data": data}))
    }),
    ("the key `action` twice", Works, |c, key| {
        let arguments =
            format!(r#"{{"action":"read","collection":"articles","keys":[{key}],"action":"delete"}}"#);
        raw_params(c, &format!(r#"{{"name":"items","arguments":{arguments}}}"#))
    }),
    ("the key `action` twice, once escaped", Works, |c, key| {
        let arguments =
            format!(r#"{{"action":"read","collection":"articles","keys":[{key}],"acti\u006fn":"delete"}}"#);
        raw_params(c, &format!(r#"{{"name":"items","arguments":{arguments}}}"#))
    }),
    ("`__proto__` in place of the parameters", Works, |c, key| {
        let arguments = delete_arguments(key);
        raw_params(c, &format!(r#"{{"__proto__":{{"name":"items","arguments":{arguments}}}}}"#))
    }),
    ("`__proto__` in place of the arguments, escaped", Works, |c, key| {
        let arguments = delete_arguments(key);
        raw_params(c, &format!(r#"{{"name":"items","\u005f_proto__":{{"arguments":{arguments}}}}}"#))
    }),
    ("UTF-7", Works, |c, key| {
        let body = delete_message(key).replace("articles", "+AGEAcgB0AGkAYwBsAGUAcw-");
        with_header(c.post(body), "content-type", "application/json; charset=utf-7")
    }),
    ("UTF-16", Works, |c, key| {
        let body: Vec<u8> = delete_message(key).encode_utf16().flat_map(u16::to_le_bytes).collect();
        with_header(c.post(body), "content-type", "application/json; charset=utf-16le")
    }),
    ("a byte order mark", Works, |c, key| c.post(format!("\u{feff}{}", delete_message(key)))),
    ("gzip", Works, |c, key| with_header(c.post(gzip(&delete_message(key))), "content-encoding", "gzip")),
    ("GET with a body", Works, |c, key| with_method(delete(c, key), Method::GET)),
    ("HEAD with a body", Works, |c, key| with_method(delete(c, key), Method::HEAD)),
    ("the path with a slash", Works, |c, key| at(delete(c, key), "/mcp/")),
    ("the path in capitals", Works, |c, key| at(delete(c, key), "/MCP")),
    ("a batch", Fails, |c, key| c.post(format!("[{}]", delete_message(key)))),
    ("a key with a space before it", Works, |c, key| {
        let (keys, data) = ([format!(" {key}")], json!({"title": "by an odd key"}));
        items(c, &json!({"action": "update", "collection": "articles", "keys": keys, "data": data}))
    }),
    ("a hundred rows, by a misspelt filter", Works, |c, key| {
        let (data, query) = (json!({"price": key}), json!({"filters": {"id": {"_eq": 1}}}));
        items(c, &json!({"action": "update", "collection": "articles", "data": data, "query": query}))
    }),
    ("a new user with a token, by `user_created`", Works, |c, key| {
        let user = json!({"email": format!("{key}@example.com"), "token": format!("stolen-{key}")});
        update(c, key, &json!({"user_created": user}))
    }),
    ("the key in a cookie", Works, |c, key| {
        without_authorization(with_header(delete(c, key), "cookie", &cookie(c)))
    }),
    ("the key in the query string", Works, |c, key| {
        without_authorization(at(delete(c, key), &format!("/mcp?access_token={}", c.key())))
    }),
    ("a malformed header before a cookie", Works, |c, key| {
        let request = with_header(delete(c, key), "authorization", "Bearer  two-spaces");
        with_header(request, "cookie", &cookie(c))
    }),
    ("a flow that deletes", Works, |c, key| {
        // The flow deletes what the inner keys name: a comment of the seed, whatever the outer ones say.
        let data = json!({"collection": "articles", "keys": [1]});
        let arguments = json!({"id": DELETING_FLOW, "collection": "articles", "keys": [key], "data": data});
        c.post(tool("trigger-flow", &arguments).to_string())
    }),
    ("a dropped column", Works, |c, _| {
        let arguments = json!({"action": "delete", "collection": "articles", "field": "slug"});
        c.post(tool("fields", &arguments).to_string())
    }),
];

/// So that the next test can be trusted to have something to stop.
#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn each_works_on_directus_itself() {
    let directus = Directus::start(AllowDeletes::On).await;
    let client = directus.client(ADMIN);
    prepare(&client).await;
    let mut wrong = Vec::new();
    for ((name, expected, request), key) in CASES.iter().zip(FIRST..) {
        let before = Dump::of(&directus).await;
        let reply = client.send(request(&client, key)).await;
        let changes = before.changes(&Dump::of(&directus).await);
        let found = if changes.is_empty() { Fails } else { Works };
        if found != *expected {
            wrong.push(format!("{name}: {found:?}: {} {}\n{changes}", reply.status, reply.text()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn none_works_through_the_gateway() {
    let directus = Directus::start(AllowDeletes::On).await;
    prepare(&directus.client(ADMIN)).await;
    let site = directus.guarded("content-editor");
    let key = site.key("intruder");
    let gateway = site.start();
    let client = gateway.client(&key);
    let before = Dump::of(&directus).await;
    let mut wrong = Vec::new();
    for ((name, _, request), key) in CASES.iter().zip(FIRST..) {
        let reply = client.send(request(&client, key)).await;
        if !reply.is_refusal() {
            wrong.push(format!("{name}: {} {}", reply.status, reply.text()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(before.changes(&Dump::of(&directus).await), "");

    let calls = site.calls().await;
    assert!(calls.iter().all(|call| call.decision == "deny"), "{calls:#?}");
    for reason in ["forbidden", "not_understood"] {
        assert!(calls.iter().any(|call| call.reason.as_deref() == Some(reason)), "{reason}: {calls:#?}");
    }
}

/// Makes an article with a review for each case.
async fn prepare(admin: &McpClient) {
    let articles: Vec<_> = (FIRST..)
        .take(CASES.len())
        .map(|key| json!({"id": key, "title": "a victim", "reviews": [{"id": key, "text": "another"}]}))
        .collect();
    let create = json!({"action": "create", "collection": "articles", "data": articles});
    assert_eq!(admin.tool("items", create).await.raw().as_array().unwrap().len(), CASES.len());
}
