//! What nobody could be asked to leave out is blanked in the answer.

use super::site::{Plan, TESTER, policies, tool_result};
use crate::support::trail;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Notify;

/// The role may use a tool of somebody else's; two fields are redacted.
const RUNS: &str = r#"
redact: ["customers.ssn", "*.token"]
"#;

/// The role runs flows.
const FLOWS: &str = r#"
version: 1
role: tester
description: Runs flows.
permissions:
  - {id: run, collections: [directus_flows, articles], actions: [execute]}
redact: ["customers.ssn", "*.token"]
"#;

#[tokio::test]
async fn what_a_tool_of_others_answers_is_blanked_by_name() {
    let answer = tool_result(&json!({"ssn": "SSN-000-1", "name": "Cust 1", "list": [{"token": "t0ken"}]}));
    let site = Plan::new().with_role(RUNS).with_result(&answer).start().await;
    let told = site.send(site.tool("weather", &json!({"city": "x"}))).await.json().to_string();
    assert!(told.contains("Cust 1"), "{told}");
    assert!(!told.contains("SSN-000-1") && !told.contains("t0ken"), "{told}");
    assert_eq!(site.seen().len(), 1);
}

/// While Directus works on a call, the policies become others that redact nothing: it is answered as it was decided.
#[tokio::test]
async fn a_call_ends_under_the_revision_that_decided_it() {
    let answer = tool_result(&json!({"ssn": "SSN-000-1", "name": "Cust 1"}));
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begins, waits) = (begun.clone(), go_on.clone());
    let plan = Plan::new().with_role(RUNS).answering(move |seen| {
        let (begins, waits) = (begins.clone(), waits.clone());
        let message = json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": answer.clone()}).to_string();
        Box::pin(async move {
            begins.notify_one();
            waits.notified().await;
            Ok(super::site::reply(http::StatusCode::OK, "application/json", message))
        })
    });
    let site = plan.start().await;
    let decided_by = site.policies.load_full();
    let call = async || site.send(site.tool("weather", &json!({"city": "x"}))).await.json().to_string();
    let change = async {
        begun.notified().await;
        site.policies.store(Arc::new(policies(TESTER)));
        go_on.notify_one();
    };
    let (told, ()) = tokio::join!(call(), change);
    assert!(told.contains("Cust 1") && !told.contains("SSN-000-1"), "{told}");
    go_on.notify_one();
    assert!(call().await.contains("SSN-000-1"), "the next one is decided anew");

    let mut connection = trail::open(&site.file()).await;
    let statement = "SELECT policy_revision FROM calls ORDER BY seq";
    let revisions: Vec<String> = sqlx::query_scalar(statement).fetch_all(&mut connection).await.unwrap();
    assert_eq!(revisions, [decided_by.revision(), site.policies.load().revision()]);
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_not_passed_on() {
    let site = Plan::new()
        .with_role(RUNS)
        .answering(|_| {
            Box::pin(async { Ok(super::site::reply(http::StatusCode::OK, "application/json", "{\"ssn\":")) })
        })
        .start()
        .await;
    let came = site.send(site.tool("weather", &json!({}))).await;
    assert_eq!(came.status, http::StatusCode::BAD_GATEWAY);
}

/// Values under a redacted name, told in every way in which a flow may tell them; and what stays.
fn secrets() -> Value {
    json!({
        "name": "Cust 1", "ssn": "SECRET", "rows": [{"customer": {"ssn": ["SECRET"], "city": "Bern"}}],
        "text": "{\"ssn\":\"SECRET\",\"s\\u0073n\":\"SECRET\"}", "log": "call with token=SECRET",
        "odd": "{\"ssn\":\"SECRET\",\"n\":1e999}", "cut off": "[{\"ssn\":\"SECRET\"}",
    })
}

#[tokio::test]
async fn both_copies_of_what_a_flow_answers_are_blanked() {
    let result = json!({
        "content": [{"type": "text", "text": json!({"raw": secrets()}).to_string()}],
        "structuredContent": {"data": secrets()},
    });
    let plan = Plan { policies: policies(FLOWS), ..Plan::new() };
    let site = plan.with_result(&result).start().await;
    let arguments = json!({"id": "5c7b1f0e-0000-4000-8000-000000000000", "collection": "articles"});
    let came = site.send(site.tool("trigger-flow", &arguments)).await;
    assert!(!came.text.contains("SECRET"), "{}", came.text);
    let result = &came.json()["result"];
    let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    for copy in [&text["raw"], &result["structuredContent"]["data"]] {
        assert_eq!((&copy["name"], &copy["rows"][0]["customer"]["city"]), (&json!("Cust 1"), &json!("Bern")));
        assert_eq!((&copy["ssn"], &copy["text"]), (&json!("***"), &json!("{\"ssn\":\"***\"}")));
    }
}

#[tokio::test]
async fn an_answer_of_a_flow_in_another_shape_is_not_passed_on() {
    let text = |text: &str| json!({"type": "text", "text": text});
    for result in [
        json!({"content": [text("SECRET")]}),
        json!({"content": [text("{\"raw\":{\"ssn\":\"SECRET\",\"n\":1e999}}")]}),
        json!({"content": [text("{\"raw\":1,\"ssn\":\"SECRET\"}")]}),
        json!({"content": [text("{\"raw\":1}"), text("{\"raw\":{\"x\":\"SECRET\"}}")]}),
        json!({"content": [text("{\"raw\":1}")], "structuredContent": {"ssn": "SECRET"}}),
        json!({"content": [], "_meta": {"ssn": "SECRET"}}),
    ] {
        let plan = Plan { policies: policies(FLOWS), ..Plan::new() };
        let site = plan.with_result(&result).start().await;
        let arguments = json!({"id": "5c7b1f0e-0000-4000-8000-000000000000", "collection": "articles"});
        let came = site.send(site.tool("trigger-flow", &arguments)).await;
        assert_eq!(came.json()["error"]["code"], -32603, "{result}: {}", came.text);
        assert!(!came.text.contains("SECRET"), "{result}: {}", came.text);
    }
}

#[tokio::test]
async fn every_part_that_a_tool_of_others_answers_is_blanked() {
    let json = json!({"ssn": "SECRET", "x": 1}).to_string();
    let content = json!([
        {"type": "text", "text": json, "_meta": {"ssn": "SECRET"}},
        {"type": "text", "text": "It is fine: 20 degrees."},
        {"type": "text", "text": "ssn: SECRET"},
        {"type": "image", "data": "aGk=", "mimeType": "image/png", "annotations": {"ssn": "SECRET"}},
        {"type": "resource_link", "uri": "x://y?ssn=SECRET", "name": "y"},
        {"type": "resource", "resource": {"uri": "x://y", "text": json, "_meta": {"ssn": "SECRET"}}},
    ]);
    let result = json!({
        "content": content, "structuredContent": {"any": {"ssn": "SECRET", "x": 1}}, "_meta": {"ssn": "SECRET"},
    });
    let site = Plan::new().with_role(RUNS).with_result(&result).start().await;
    let came = site.send(site.tool("weather", &json!({}))).await;
    let blanked = json!({"ssn": "***", "x": 1});
    assert_eq!(
        came.json()["result"],
        json!({
            "content": [
                {"type": "text", "text": blanked.to_string()},
                {"type": "text", "text": "It is fine: 20 degrees."},
                {"type": "text", "text": "***"},
                {"type": "image", "data": "aGk=", "mimeType": "image/png"},
                {"type": "resource_link", "uri": "***", "name": "y"},
                {"type": "resource", "resource": {"uri": "x://y", "text": blanked.to_string()}},
            ],
            "structuredContent": {"any": blanked},
        })
    );
    for result in [
        json!({"content": [{"type": "tool_use", "text": "SECRET"}]}),
        json!({"content": [{"type": "text", "text": {"ssn": "SECRET"}}]}),
        json!({"content": [], "isError": "SECRET"}),
        json!({"toolResult": "SECRET"}),
        json!({"prompts": "SECRET"}),
    ] {
        let site = Plan::new().with_role(RUNS).with_result(&result).start().await;
        let came = site.send(site.tool("weather", &json!({}))).await;
        assert_eq!(came.json()["error"]["code"], -32603, "{result}: {}", came.text);
        assert!(!came.text.contains("SECRET"), "{result}: {}", came.text);
    }
}
