//! Requests about the protocol itself.

use super::site::{Plan, read, reply};
use http::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn methods_that_are_not_offered_are_not_forwarded() {
    let site = Plan::new().start().await;
    for method in
        ["resources/list", "completion/complete", "Tools/Call", "tools/call ", "sampling/createMessage", ""]
    {
        let came = site.send(site.message(method, &json!({}))).await;
        assert_eq!((came.status, came.error_code()), (StatusCode::OK, -32601), "{method}: {}", came.text);
        assert_eq!(came.json()["id"], 1, "{method}");
    }
    assert!(site.seen().is_empty());
    let recorded = site.end().await;
    assert_eq!(recorded.len(), 6);
    assert_eq!(recorded[0].line(), "refusal deny - protocol not_understood refused");
    assert_eq!(recorded[0].method, "resources/list");
}

#[tokio::test]
async fn notifications_are_taken_and_never_forwarded() {
    let site = Plan::new().start().await;
    for method in ["notifications/initialized", "notifications/cancelled", "notifications/roots/list_changed"]
    {
        let came = site.send(site.post(json!({"jsonrpc": "2.0", "method": method}).to_string())).await;
        assert_eq!((came.status, came.text.as_str()), (StatusCode::ACCEPTED, ""), "{method}");
    }
    assert!(site.seen().is_empty());
    let recorded = site.end().await;
    assert_eq!(recorded.len(), 3);
    assert!(recorded.iter().all(|row| row.kinds == "outcome" && row.decision == "permit"), "{recorded:#?}");
    assert_eq!(recorded[1].method, "notifications/cancelled");
}

#[tokio::test]
async fn a_call_without_an_id_is_refused() {
    let site = Plan::new().start().await;
    let params = json!({"name": "items", "arguments": read()});
    for method in ["tools/call", "tools/list", "initialize", "notifications/"] {
        let body = json!({"jsonrpc": "2.0", "method": method, "params": params});
        let came = site.send(site.post(body.to_string())).await;
        assert_eq!(came.status, StatusCode::BAD_REQUEST, "{method}: {}", came.text);
        assert_eq!(came.json()["id"], Value::Null, "{method}");
    }
    assert!(site.seen().is_empty());
    assert_eq!(site.end().await.len(), 4);
}

#[tokio::test]
async fn ping_is_answered_here_with_the_id_as_it_came() {
    let site = Plan::new().start().await;
    for id in [json!(0), json!(-1), json!(""), json!("abc"), json!(9_007_199_254_740_991_i64)] {
        let came =
            site.send(site.post(json!({"jsonrpc": "2.0", "id": id, "method": "ping"}).to_string())).await;
        assert_eq!(came.json(), json!({"jsonrpc": "2.0", "id": id, "result": {}}));
    }
    assert!(site.seen().is_empty());
}

#[tokio::test]
async fn initialize_is_forwarded_and_later_calls_show_what_the_client_calls_itself() {
    let result = json!({"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "directus"}});
    let site = Plan::new().with_result(&result).start().await;
    let params = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "_meta": {"x": 1}, "other": true,
        "clientInfo": {"name": "Desk\nApp", "version": "1.2"}});
    let came = site.send(site.message("initialize", &params)).await;
    assert_eq!(came.json()["result"], result, "it comes back unchanged");
    let forwarded = &site.seen()[0].body["params"];
    let kept =
        json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": params["clientInfo"]});
    assert_eq!(*forwarded, kept, "only what Directus knows is passed on");
    site.send(site.tool("items", &read())).await;

    let recorded = site.end().await;
    assert_eq!(recorded.len(), 2);
    for row in &recorded {
        assert_eq!(row.client_name.as_deref(), Some("DeskApp"), "without what breaks a log");
        assert_eq!(row.client_version.as_deref(), Some("1.2"));
    }
    assert_eq!(recorded[0].line(), "outcome permit - protocol - ok");
}

#[tokio::test]
async fn an_error_of_the_protocol_comes_back_as_it_is() {
    let error = json!({"code": -32602, "message": "no such prompt"});
    let body = json!({"jsonrpc": "2.0", "id": 1, "error": error}).to_string();
    let plan = Plan::new().answering(move |_| {
        let body = body.clone();
        Box::pin(async move { Ok(reply(StatusCode::OK, "application/json", body)) })
    });
    let site = plan.start().await;
    for (method, params) in [
        ("prompts/list", json!({})),
        ("tools/list", json!({})),
        ("tools/call", json!({"name": "items", "arguments": read()})),
    ] {
        let came = site.send(site.message(method, &params)).await;
        assert_eq!((came.status, &came.json()["error"]), (StatusCode::OK, &error), "{method}");
    }
    for row in site.end().await {
        assert_eq!(
            (row.outcome.as_deref(), row.error_code.as_deref()),
            (Some("error"), Some("-32602")),
            "{row:?}"
        );
    }
}
