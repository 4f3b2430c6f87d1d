//! Calls that the operator has stopped.

use super::site::{CLIENT, Plan, Site, read};
use http::StatusCode;
use serde_json::{Value, json};
use warrener::identity::{Standing, Stop, StopFile, Stops, Whom};

fn stopped(whom: Whom) -> Stops {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stop.yaml");
    let since = "2026-11-22T10:00:00Z".parse().unwrap();
    StopFile::stop(&path, Stop { whom, since, reason: "Articles are being moved".to_owned() }).unwrap();
    Stops::open(&path)
}

async fn site(stops: Stops) -> Site {
    Plan { stops, ..Plan::new() }.start().await
}

#[tokio::test]
async fn every_call_is_refused_with_the_reason_and_recorded() {
    for (whom, whose) in [
        (Whom::All, "All calls are"),
        (Whom::Role("tester".to_owned()), "Calls of this role are"),
        (Whom::Client(CLIENT.to_owned()), "Calls of this client are"),
    ] {
        let site = site(stopped(whom)).await;
        // What would be permitted, what would be denied, what is not understood, and what is not Directus' own.
        for (tool, arguments) in [
            ("items", read()),
            ("items", json!({"action": "delete", "collection": "articles", "keys": [1]})),
            ("items", json!({"action": "read", "collection": "articles", "keys": null})),
            ("invented", json!({})),
            ("weather", json!({"city": "x"})),
            ("system-prompt", json!({})),
        ] {
            let came = site.send(site.tool(tool, &arguments)).await;
            let text = format!(
                "{whose} stopped: Articles are being moved. Do not try again until they are resumed."
            );
            let expect = json!({"error": text, "code": "STOPPED", "reason": "stopped"});
            assert_eq!((came.status, came.tool_error()), (StatusCode::OK, expect), "{tool} {arguments}");
        }
        assert!(site.seen().is_empty());
        let recorded = site.end().await;
        assert_eq!(recorded.len(), 6);
        assert_eq!(recorded[0].line(), "refusal deny items stop stopped refused");
        assert!(recorded.iter().all(|row| row.error_code.as_deref() == Some("stopped")), "{recorded:#?}");
        assert!(
            recorded[0].accesses > 0 && recorded[0].arguments.is_some(),
            "what it would have done is known"
        );
    }
}

#[tokio::test]
async fn others_call_on() {
    for whom in [Whom::Role(CLIENT.to_owned()), Whom::Client("tester".to_owned())] {
        let site = site(stopped(whom)).await;
        assert_eq!(site.send(site.tool("items", &read())).await.json()["result"]["isError"], Value::Null);
        assert_eq!(site.seen().len(), 1);
    }
}

#[tokio::test]
async fn requests_about_the_protocol_go_on() {
    let result = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "d"}});
    let site = Plan { stops: stopped(Whom::All), ..Plan::new() }.with_result(&result).start().await;
    for method in ["initialize", "ping"] {
        let came = site.send(site.message(method, &json!({}))).await;
        assert!(came.json().get("error").is_none(), "{method}: {}", came.text);
    }
    let came = site.send(site.message("resources/list", &json!({}))).await;
    assert_eq!(came.error_code(), -32601, "a method that is not offered is none now");
    for (method, params) in [("prompts/list", json!({})), ("prompts/get", json!({"name": "public-one"}))] {
        let came = site.send(site.message(method, &params)).await;
        let error = &came.json()["error"];
        assert_eq!(error["data"]["code"], "STOPPED", "{method}: {}", came.text);
        assert!(error["message"].as_str().unwrap().contains("Articles are being moved"), "{error}");
    }
}

#[tokio::test]
async fn a_client_that_goes_on_trying_does_not_fill_the_trail() {
    let site = site(stopped(Whom::All)).await;
    for _ in 0..60 {
        site.send(site.tool("items", &read())).await.tool_error();
    }
    let recorded = site.end().await;
    assert_eq!(recorded.len(), 21);
    assert_eq!(recorded.iter().map(|row| row.count).sum::<u64>(), 60);
}

#[tokio::test]
async fn a_stopped_call_uses_up_no_quota() {
    let limits = "\nlimits:\n  - {id: calls, rate: 1/h, burst: 1}\n";
    let site = Plan { stops: stopped(Whom::All), ..Plan::new().with_role(limits) }.start().await;
    let call = async || site.send(site.tool("items", &read())).await;
    for _ in 0..3 {
        assert_eq!(call().await.tool_error()["code"], "STOPPED");
    }
    site.stops.set(Standing::Known(StopFile::default()));
    assert_eq!(call().await.json()["result"]["isError"], Value::Null, "the first one that counts");
    assert_eq!(call().await.tool_error()["code"], "RATE_LIMITED");
}
