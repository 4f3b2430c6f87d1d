//! The whole path in front of a Local MCP's tools. What stands here is an upstream that has them; `local_mcp` has the process itself.

use super::site::{Plan, policies, reply};
use http::StatusCode;
use serde_json::{Value, json};
use warrener::directus::Dialect;

const DRAFTER: &str = r"
version: 1
role: tester
description: Changes drafts.
permissions:
  - {id: read, collections: [articles], actions: [read], fields: [id, title], max_items: 9}
  - {id: drafts, collections: [articles], actions: [update], filter: {status: {_eq: draft}}}
";

fn plan() -> Plan {
    Plan { policies: policies(DRAFTER), dialect: Dialect::Local, ..Plan::new() }
}

/// A plan whose upstream knows these drafts, and answers as the Local MCP does.
fn knowing(drafts: &[u64]) -> Plan {
    let drafts: Vec<Value> = drafts.iter().map(|id| json!({"id": id})).collect();
    plan().answering(move |seen| {
        let text = if seen.body["params"]["name"] == "read-items" {
            format!("{:#}", json!(drafts))
        } else {
            "<data>\n{\n  \"id\": 1\n}\n</data>\n<message>\nItem updated: http://x\n</message>".to_owned()
        };
        let result = json!({"content": [{"type": "text", "text": text}]});
        let message = json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": result});
        Box::pin(async move { Ok(reply(StatusCode::OK, "application/json", message.to_string())) })
    })
}

fn update(id: u64) -> Value {
    json!({"collection": "articles", "id": id, "data": {"title": "x"}, "query": {"fields": ["id"]}})
}

#[tokio::test]
async fn a_call_is_forwarded_and_recorded_under_its_own_name() {
    let site = knowing(&[1, 2]).start().await;
    let read = json!({"collection": "articles", "query": {}});
    let came = site.send(site.tool("read-items", &read)).await.json();
    assert!(came["result"]["content"][0]["text"].as_str().unwrap().starts_with('['), "{came}");
    let sent = &site.seen()[0].body["params"];
    let query = json!({"fields": ["id", "title"], "limit": 9});
    assert_eq!(sent, &json!({"name": "read-items", "arguments": {"collection": "articles", "query": query}}));
    let row = site.end().await.remove(0);
    assert_eq!(row.line(), "intent outcome permit read-items tester/read - ok");
    assert_eq!((row.items, row.accesses), (Some(2), 1));
    assert!(row.arguments.unwrap().contains("collection"));
}

#[tokio::test]
async fn a_write_is_checked_with_a_tool_that_is_there() {
    for (known, passes) in [(vec![1, 2], true), (vec![2], false), (vec![], false)] {
        let site = knowing(&known).start().await;
        let came = site.send(site.tool("update-item", &update(1))).await.json();
        assert_eq!(came["result"]["isError"] != true, passes, "{came}");
        let names: Vec<String> =
            site.seen().iter().map(|seen| seen.body["params"]["name"].as_str().unwrap().to_owned()).collect();
        let expected = if passes { vec!["read-items", "update-item"] } else { vec!["read-items"] };
        assert_eq!(names, expected);
        let filter = json!({"_and": [{"id": {"_in": [1]}}, {"status": {"_eq": "draft"}}]});
        let query = json!({"fields": ["id"], "filter": filter, "limit": 1});
        assert_eq!(
            site.seen()[0].body["params"]["arguments"],
            json!({"collection": "articles", "query": query})
        );
    }
}

/// What answers a check in another shape than the Local MCP has none of the keys.
#[tokio::test]
async fn a_check_is_met_by_the_dialect_s_own_answer_only() {
    let item = json!([{"id": 1}]);
    for text in [
        json!({"raw": item}).to_string(),
        json!({"data": item}).to_string(),
        format!("<data>\n{item}\n</data>"),
        "[1]".to_owned(),
        String::new(),
    ] {
        let site = plan().with_result(&json!({"content": [{"type": "text", "text": text}]})).start().await;
        site.send(site.tool("update-item", &update(1))).await.tool_error();
        assert_eq!(site.seen().len(), 1, "{text}");
    }
}

#[tokio::test]
async fn a_trap_is_recorded_and_never_sent() {
    let site = knowing(&[1]).start().await;
    let trap = json!({"collection": "../users", "query": {}});
    let error = site.send(site.tool("read-items", &trap)).await.tool_error();
    assert_eq!(error["code"], "POLICY_DENIED", "{error}");
    site.send(site.tool("items", &json!({"action": "read", "collection": "articles"}))).await.tool_error();
    assert!(site.seen().is_empty());
    let rows = site.end().await;
    assert!(rows.iter().all(|row| row.decision == "deny" && row.reason.as_deref() == Some("not_understood")));
}

#[tokio::test]
async fn the_list_is_cut_to_the_tools_of_the_dialect() {
    let tool = |name: &str| json!({"name": name, "inputSchema": {"type": "object", "properties": {}}});
    let names =
        ["read-items", "create-item", "update-item", "read-users", "system-prompt", "items", "markdown-tool"];
    let list = json!({"tools": names.map(tool)});
    let site = plan().with_result(&list).start().await;
    let answer = site.send(site.message("tools/list", &json!({}))).await.json();
    let tools = answer["result"]["tools"].as_array().unwrap();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["read-items", "update-item", "system-prompt"]);
}

/// Errors of the Local MCP name fields in other shapes.
#[tokio::test]
async fn an_error_names_nothing_hidden() {
    for text in [
        r#"{"error":"You don't have permission to access \"secret_note\"","code":"FORBIDDEN"}"#,
        r#"{"directusApiErrors":[{"message":"Value for field \"secret_note\" has to be unique","code":"RECORD_NOT_UNIQUE"}]}"#,
        "select secret_note from articles - no such column",
    ] {
        let result = json!({"isError": true, "content": [{"type": "text", "text": text}]});
        let site = plan().with_result(&result).start().await;
        let read = json!({"collection": "articles", "query": {"fields": ["id"]}});
        let came = site.send(site.tool("read-items", &read)).await;
        assert!(!came.text.contains("secret_note"), "{}", came.text);
        assert!(came.json()["result"]["isError"] == true, "{}", came.text);
    }
}
