//! The schema snapshot under change: what is changed behind the gateway's back is seen within `schema.max_age`, what is changed through
//! it at once, and without a snapshot nothing is decided that depends on one.

use super::directus::{ADMIN, AllowDeletes, Directus};
use crate::support::client::{McpClient, ToolResult};
use crate::support::request::{at, with_method};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

/// An update that takes all comments from an article that has none, so that nothing is lost by trying.
async fn takes_all_comments(client: &McpClient) -> ToolResult {
    client.tool("items", all_comments()).await
}

fn all_comments() -> Value {
    json!({
        "action": "update", "collection": "articles", "keys": [6], "data": {"comments": []}, "query": {"fields": ["id"]},
    })
}

fn deselect(action: &str) -> Value {
    json!({"meta": {"one_deselect_action": action}})
}

async fn rest(directus: &Directus, method: Method, path: &str, body: &Value) {
    let admin = directus.client(ADMIN);
    let reply = admin.send(at(with_method(admin.post(body.to_string()), method), path)).await;
    assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.text());
}

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn what_changes_behind_its_back_is_seen_in_time() {
    let directus = Directus::start(AllowDeletes::On).await;
    let site = directus.guarded("content-editor");
    site.settle("version: 1\nschema: {max_age: 1s}\n");
    let key = site.key("editor");
    let gateway = site.start();
    let client = gateway.client(&key);
    let older = Duration::from_millis(1100);

    let before = takes_all_comments(&client).await;
    assert!(!before.is_error, "{}", before.text);
    rest(&directus, Method::PATCH, "/relations/comments/article", &deselect("delete")).await;
    tokio::time::sleep(older).await;
    let after = takes_all_comments(&client).await;
    assert!(after.is_error && after.text.contains("content-editor/no-content-deletes"), "{}", after.text);

    // A column becomes a pointer to Directus' users: what could be written as a value now makes a user.
    let field = json!({"field": "owner", "type": "uuid", "meta": {}, "schema": {}});
    rest(&directus, Method::POST, "/fields/articles", &field).await;
    tokio::time::sleep(older).await;
    let data = json!({"owner": {"email": "new@example.com", "token": "stolen"}});
    let update = json!({"action": "update", "collection": "articles", "keys": [6], "data": data, "query": {"fields": ["id"]}});
    client.tool("items", update.clone()).await;
    let relation =
        json!({"collection": "articles", "field": "owner", "related_collection": "directus_users"});
    rest(&directus, Method::POST, "/relations", &relation).await;
    tokio::time::sleep(older).await;
    let reply = client.tool("items", update).await;
    assert!(reply.is_error && reply.text.contains("POLICY_DENIED"), "{}", reply.text);
    assert!(reply.text.contains("directus_users"), "{}", reply.text);
}

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn what_changes_through_it_is_seen_at_once() {
    let directus = Directus::start(AllowDeletes::On).await;
    let site = directus.guarded("developer");
    site.settle("version: 1\nschema: {max_age: 1h}\n");
    let key = site.key("developer");
    let gateway = site.start();
    let client = gateway.client(&key);
    let before = takes_all_comments(&client).await;
    assert!(!before.is_error, "{}", before.text);
    let data = json!({
        "collection": "comments", "field": "article", "related_collection": "articles", "meta": {"one_deselect_action": "delete"},
    });
    let update = json!({"action": "update", "collection": "comments", "field": "article", "data": data});
    let flipped = client.tool("relations", update).await;
    assert!(!flipped.is_error, "{}", flipped.text);
    let after = takes_all_comments(&client).await;
    assert!(after.is_error && after.text.contains("comments.delete"), "{}", after.text);
}

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn without_a_snapshot_nothing_is_decided_that_depends_on_one() {
    let mut directus = Directus::start(AllowDeletes::On).await;
    let site = directus.guarded("content-editor");
    site.settle("version: 1\nschema: {max_age: 1s}\n");
    let key = site.key("editor");
    let gateway = site.start();
    let client = gateway.client(&key);
    let ready = async || client.send(at(with_method(client.post(""), Method::GET), "/readyz")).await;
    assert_eq!(ready().await.status, StatusCode::OK);
    assert!(!takes_all_comments(&client).await.is_error);
    directus.stop();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let call = json!({"name": "items", "arguments": all_comments()});
    let reply = client.rpc("tools/call", call).await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{}", reply.text());
    assert!(reply.text().contains("Directus cannot be reached"), "{}", reply.text());
    let reply = ready().await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(reply.text().contains(r#""schema":"failed""#), "{}", reply.text());
    let calls = site.calls().await;
    assert_eq!(calls.last().unwrap().reason.as_deref(), Some("unavailable"));
}
