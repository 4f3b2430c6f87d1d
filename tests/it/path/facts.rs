//! What an intent and a refusal keep, so that the decision can be made again without the arguments.

use super::site::{Plan, Site, policies};
use crate::support::trail;
use serde_json::{Value, json};
use sqlx::Row as _;

const ROLE: &str = r#"
version: 1
role: tester
description: For tests of the facts.
permissions:
  - id: drafts
    collections: [articles]
    actions: [create, update]
    validation: {_or: [{status: {_eq: draft}}, {secret_note: {_null: true}}, {slug: {_nempty: true}}]}
  - {id: people, collections: [authors], actions: [create, update], validation: {_or: [{name: {_nnull: true}}, {password: {_null: true}}]}}
redact: ["articles.secret_*"]
"#;

/// The facts of the entries, in their order, with whether the trail has the schema and the policy that they were decided by.
async fn facts(site: Site) -> Vec<(Value, bool)> {
    let file = site.file();
    site.drain.begin();
    site.drain.finish_tasks(std::time::Duration::from_secs(10)).await;
    site.trail.clone().close().await.unwrap();
    let mut connection = trail::open(&file).await;
    let statement =
        "SELECT facts, EXISTS (SELECT 1 FROM texts WHERE kind = 'schema' AND digest = schema_digest)
        FROM entries JOIN payloads USING (seq) WHERE facts IS NOT NULL ORDER BY seq";
    let rows = sqlx::query(statement).fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| (serde_json::from_str(&row.get::<String, _>(0)).unwrap(), row.get(1))).collect()
}

fn create(data: &Value) -> Value {
    json!({"action": "create", "collection": "articles", "data": data, "query": {"fields": []}})
}

async fn sent(calls: &[Value]) -> Vec<(Value, bool)> {
    let mut plan = Plan::new();
    plan.policies = policies(ROLE);
    let site = plan.start().await;
    for arguments in calls {
        site.send(site.tool("items", arguments)).await;
    }
    facts(site).await
}

#[tokio::test]
async fn written_values_are_kept_where_a_validation_speaks_of_them() {
    let author = json!({"name": "Ada", "email": "ada@example.com", "password": "hunter2"});
    let data = json!({
        "status": "draft", "title": "Not looked at", "secret_note": "hush", "slug": "https://bob:hunter2@x.example/", "author": author,
    });
    let found = sent(&[create(&data)]).await;
    let access = |via: &str| {
        found[0].0["accesses"].as_array().unwrap().iter().find(|one| one["via"] == via).unwrap().clone()
    };
    let fields = ["status", "title", "secret_note", "slug", "author"];
    let row = |fields: &[&str], values: Value| json!([{"fate": "created", "fields": fields, "values": values, "null": [], "unknown": []}]);
    assert_eq!(access("")["rows"], row(&fields, json!({"status": "draft"})));
    assert_eq!(access("author.create")["rows"], row(&["name", "email", "password"], json!({"name": "Ada"})));
    let text = found[0].0.to_string();
    for hidden in ["hush", "hunter2", "Not looked at", "ada@example.com"] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
}

#[tokio::test]
async fn a_refusal_keeps_what_it_was_decided_by_too() {
    let found = sent(&[create(&json!({"status": "published"}))]).await;
    let (facts, has_schema) = &found[0];
    assert_eq!(facts["accesses"][0]["rows"][0]["values"], json!({"status": "published"}));
    assert!(*has_schema, "the schema that the refusal was decided by is not kept");
}

#[tokio::test]
async fn what_is_too_long_is_left_out_from_the_values_on() {
    let rows = |count: usize| Value::from(vec![json!({"status": "d".repeat(200), "title": "x"}); count]);
    let found = sent(&[create(&rows(1)), create(&rows(300))]).await;
    assert_eq!(found[0].0["accesses"][0]["rows"][0]["fields"], json!(["status", "title"]));
    let long = &found[1].0["accesses"][0];
    assert_eq!((&long["extent"], &long["rows"][299]), (&json!({"new": 300}), &Value::Null));
}
