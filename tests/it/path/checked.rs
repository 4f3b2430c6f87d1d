//! The check before a write: the items that it names are read under the role's filter, and unless all come back nothing is written.

use super::site::{Plan, TOKEN, policies, reply, tool_result};
use http::StatusCode;
use serde_json::{Value, json};
use warrener::upstream::UpstreamError;

const DRAFTER: &str = r"
version: 1
role: tester
description: Changes drafts.
permissions:
  - {id: read, collections: [articles], actions: [read], fields: [id]}
  - {id: drafts, collections: [articles], actions: [update, delete], filter: {status: {_eq: draft}}}
";

fn plan() -> Plan {
    Plan { policies: policies(DRAFTER), ..Plan::new() }
}

/// A plan whose upstream knows these drafts, and does whatever it is told to.
fn knowing(drafts: &[u64]) -> Plan {
    let drafts: Vec<Value> = drafts.iter().map(|id| json!({"id": id})).collect();
    plan().answering(move |seen| {
        let reads = seen.body["params"]["arguments"]["action"] == "read";
        let result = tool_result(&if reads { json!(drafts) } else { json!([1]) });
        let message = json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": result});
        Box::pin(async move { Ok(reply(StatusCode::OK, "application/json", message.to_string())) })
    })
}

fn delete(keys: &[u64]) -> Value {
    json!({"action": "delete", "collection": "articles", "keys": keys})
}

#[tokio::test]
async fn a_write_goes_on_when_every_key_comes_back() {
    let site = knowing(&[1, 2]).start().await;
    let came = site.send(site.tool("items", &delete(&[2, 1]))).await;
    assert_eq!(came.json()["result"]["isError"], Value::Null, "{}", came.text);
    let seen = site.seen();
    let arguments: Vec<&Value> = seen.iter().map(|seen| &seen.body["params"]["arguments"]).collect();
    let filter = json!({"_and": [{"id": {"_in": [1, 2]}}, {"status": {"_eq": "draft"}}]});
    let read = json!({
        "action": "read", "collection": "articles", "query": {"fields": ["id"], "filter": filter, "limit": 2},
    });
    assert_eq!(arguments, [&read, &delete(&[2, 1])]);
    // The check is made in the name in which the write is.
    for seen in &seen {
        assert!(seen.headers.contains(&("authorization".to_owned(), format!("Bearer {TOKEN}"))), "{seen:?}");
    }
    let recorded = site.end().await;
    assert_eq!(recorded.len(), 1, "a check is a part of its call");
    assert_eq!(recorded[0].line(), "intent outcome permit items tester/drafts - ok");
}

#[tokio::test]
async fn a_write_is_refused_when_one_key_does_not_come_back() {
    let site = knowing(&[1]).start().await;
    let error = site.send(site.tool("items", &delete(&[1, 2]))).await.tool_error();
    assert_eq!(
        (&error["code"], &error["reason"], &error["rule"]),
        (&json!("POLICY_DENIED"), &json!("no_permission"), &json!("tester/drafts")),
        "{error}"
    );
    assert!(error["error"].as_str().unwrap().contains("not for all of these"), "{error}");
    assert_eq!(site.seen().len(), 1, "nothing but the check went to Directus");
    let recorded = site.end().await;
    assert_eq!(recorded[0].line(), "intent outcome permit items tester/drafts - refused");
    assert_eq!(recorded[0].error_code.as_deref(), Some("no_permission"));
}

#[tokio::test]
async fn a_check_that_cannot_be_made_is_not_met() {
    let error = json!([{"error": "Forbidden", "code": "FORBIDDEN"}]).to_string();
    for result in [
        json!({"content": [{"type": "text", "text": error}], "isError": true}),
        json!({"content": []}),
        json!({"content": [{"type": "text", "text": "{\"raw\":[{\"id\":\"01\"}]}"}]}),
        json!({"content": [{"type": "text", "text": "{\"raw\":[{\"id\":1,\"id\":2}]}"}]}),
        tool_result(&json!([1])),
    ] {
        let site = plan().with_result(&result).start().await;
        let error = site.send(site.tool("items", &delete(&[1]))).await.tool_error();
        assert_eq!(error["reason"], "no_permission", "{result}: {error}");
        assert_eq!(site.seen().len(), 1, "{result}");
        site.end().await;
    }
    let site = plan().answering(|_| {
        let after = std::time::Duration::from_secs(1);
        Box::pin(async move { Err(UpstreamError::Timeout { after }) })
    });
    let site = site.start().await;
    let came = site.send(site.tool("items", &delete(&[1]))).await;
    assert_eq!(came.error_code(), -32603, "{}", came.text);
    assert_eq!(site.seen().len(), 1);
    assert_eq!(site.end().await[0].line(), "intent outcome permit items tester/drafts - failed");
}
