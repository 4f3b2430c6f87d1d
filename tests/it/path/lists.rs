//! Lists that tell a client what it may do are cut to its role.

use super::site::{Plan, reply};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use warrener::accept::Body;

fn tool(name: &str, actions: &[&str]) -> Value {
    json!({"name": name, "description": "d", "inputSchema": {"type": "object",
        "properties": {"action": {"type": "string", "enum": actions}, "keys": {"type": "array"}}}})
}

#[tokio::test]
async fn tools_are_those_that_some_call_of_could_be_permitted() {
    let all = ["create", "read", "update", "delete"];
    let plain = |name: &str| json!({"name": name, "inputSchema": {"type": "object", "properties": {}}});
    let result = json!({"tools": [tool("items", &all), tool("files", &all), tool("collections", &all), plain("trigger-flow"),
        plain("schema"), plain("system-prompt"), plain("weather"), plain("unheard-of"), {"no": "name"}], "other": "SECRET"});
    let site = Plan::new().with_result(&result).start().await;
    let answer = site.send(site.message("tools/list", &json!({}))).await.json();
    let tools = answer["result"]["tools"].as_array().unwrap();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["items", "collections", "schema", "system-prompt", "weather"]);
    let items = &tools[0];
    assert_eq!(items["inputSchema"]["properties"]["action"]["enum"], json!(["create", "read", "update"]));
    assert_eq!(items["inputSchema"]["properties"]["keys"], json!({"type": "array"}), "the rest stays");
    assert_eq!(items["description"], "d");
    assert!(!answer.to_string().contains("SECRET"), "what is not known does not: {answer}");
    let row = site.end().await.remove(0);
    assert_eq!(row.line(), "outcome permit - protocol - ok");
}

#[tokio::test]
async fn the_registry_s_search_is_cut_in_both_of_its_forms() {
    let input = "{\n  action: \"create\" | \"read\" | \"update\" | \"delete\";\n  keys?: string[];\n}";
    let data =
        json!({"results": [{"name": "items", "inputType": input}, {"name": "files", "inputType": input}]});
    let text = json!({"data": data}).to_string();
    let result = json!({"content": [{"type": "text", "text": text}], "structuredContent": {"data": data}});
    let site = Plan::new().with_result(&result).start().await;
    let answer = site.send(search(site.tool("search", &json!({"names": ["items", "files"]})))).await.json();
    let inner: Value =
        serde_json::from_str(answer["result"]["content"][0]["text"].as_str().unwrap()).unwrap();
    for results in [&inner["data"]["results"], &answer["result"]["structuredContent"]["data"]["results"]] {
        assert_eq!(results.as_array().unwrap().len(), 1, "{results}");
        assert_eq!(results[0]["name"], "items");
        let input = results[0]["inputType"].as_str().unwrap();
        assert!(input.contains("action: \"create\" | \"read\" | \"update\";"), "{input}");
    }
    assert_eq!(site.end().await[0].tool.as_deref(), Some("search"));
}

#[tokio::test]
async fn prompts_are_those_of_the_role() {
    let argument = json!({"name": "topic", "description": "Value for topic", "required": false});
    let public = json!({"name": "public-a", "description": null, "arguments": [argument]});
    let mut more = public.clone();
    more["messages"] = json!("SECRET");
    let list = json!({"prompts": [more, {"name": "private"}, {"name": "public-b"}], "nextCursor": "SECRET"});
    let prompt = json!({
        "messages": [{"role": "user", "content": {"type": "text", "text": "Hello"}}], "description": "Greets",
    });
    let answer = prompt.clone();
    let plan = Plan::new().answering(move |seen| {
        let result = if seen.body["method"] == "prompts/list" { list.clone() } else { answer.clone() };
        let message = json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": result});
        Box::pin(async move { Ok(reply(StatusCode::OK, "application/json", message.to_string())) })
    });
    let site = plan.start().await;
    let answer = site.send(site.message("prompts/list", &json!({}))).await.json();
    assert_eq!(answer["result"], json!({"prompts": [public, {"name": "public-b"}]}));
    let came = site.send(site.message("prompts/get", &json!({"name": "public-a"}))).await;
    assert_eq!(came.json()["result"], prompt);
    let came = site.send(site.message("prompts/get", &json!({"name": "private"}))).await;
    assert_eq!(came.json()["error"]["data"]["code"], "POLICY_DENIED", "{}", came.text);
    assert_eq!(site.seen().len(), 2);
}

#[tokio::test]
async fn a_list_that_does_not_look_like_one_is_refused() {
    let list = |result: &Value| json!({"jsonrpc": "2.0", "id": 1, "result": result}).to_string();
    let text = |text: &str| json!({"content": [{"type": "text", "text": text}]});
    let table: [(&str, String); 9] = [
        ("tools/list", "no JSON".to_owned()),
        ("tools/list", "[]".to_owned()),
        ("tools/list", list(&json!({}))),
        ("tools/list", list(&json!({"tools": {"items": {}}}))),
        ("prompts/list", list(&json!({"prompts": "all"}))),
        ("search", list(&text("no JSON"))),
        ("search", list(&text("{\"results\":[]}"))),
        ("search", list(&json!({"content": [{"type": "image", "data": ""}]}))),
        ("search", list(&json!({"content": [], "structuredContent": {}}))),
    ];
    for (method, body) in table {
        let answer = body.clone();
        let plan = Plan::new().answering(move |_| {
            let answer = answer.clone();
            Box::pin(async move { Ok(reply(StatusCode::OK, "application/json", answer)) })
        });
        let site = plan.start().await;
        let request = match method {
            "search" => search(site.tool("search", &json!({"names": ["items"]}))),
            _ => site.message(method, &json!({})),
        };
        let came = site.send(request).await;
        assert_eq!(
            (came.status, came.error_code()),
            (StatusCode::BAD_GATEWAY, -32603),
            "{method}: {body}: {}",
            came.text
        );
        assert!(!came.text.contains("\"results\""), "{}", came.text);
        let row = site.end().await.remove(0);
        assert_eq!(
            (row.outcome.as_deref(), row.error_code.as_deref()),
            (Some("failed"), Some("not_understood")),
            "{method}: {body}"
        );
    }
}

/// The request at the registry's address.
fn search(mut request: Request<Body>) -> Request<Body> {
    *request.uri_mut() = "/mcp?tool_mode=registry".parse().unwrap();
    request
}
