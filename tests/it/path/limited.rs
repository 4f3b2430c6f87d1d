//! Limits of the role: how often, and how many at once.

use super::site::{Plan, read, reply, tool_result};
use futures_util::future::join3;
use http::StatusCode;
use serde_json::json;
use std::sync::Arc;
use tokio::sync::Semaphore;

#[tokio::test]
async fn over_the_rate_a_call_is_told_when_to_come_again() {
    let site = Plan::new().with_role("limits:\n  - {id: calls, rate: 2/h}\n").start().await;
    let denied = json!({"action": "read", "collection": "orders"});
    for _ in 0..5 {
        site.send(site.tool("items", &denied)).await;
        site.send(site.message("ping", &json!({}))).await;
    }
    for _ in 0..2 {
        assert_eq!(
            site.send(site.tool("items", &read())).await.json()["result"]["isError"],
            json!(null),
            "what is denied uses nothing up"
        );
    }
    let came = site.send(site.tool("items", &read())).await;
    let error = came.tool_error();
    assert_eq!(
        (came.status, &error["code"], &error["rule"]),
        (StatusCode::OK, &json!("RATE_LIMITED"), &json!("tester/calls"))
    );
    let wait = error["retry_after_ms"].as_u64().unwrap();
    assert!((1..=1_800_000).contains(&wait), "half an hour at most: {wait}");
    assert_eq!(site.seen().len(), 2);
    let last = site.end().await.pop().unwrap();
    assert_eq!(last.line(), "refusal deny items tester/calls rate_limited refused");
}

#[tokio::test]
async fn calls_under_way_hold_their_places_until_they_have_ended() {
    let gate = Arc::new(Semaphore::new(0));
    let held = Arc::clone(&gate);
    let plan =
        Plan::new().with_role("limits:\n  - {id: parallel, concurrency: 2}\n").answering(move |seen| {
            let gate = Arc::clone(&held);
            Box::pin(async move {
                gate.acquire().await.unwrap().forget();
                let result = tool_result(&json!([]));
                let message = json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": result});
                Ok(reply(StatusCode::OK, "application/json", message.to_string()))
            })
        });
    let site = plan.start().await;
    let call = || site.send(site.tool("items", &read()));
    let third = async {
        reached(&site, 2).await;
        let error = call().await.tool_error();
        gate.add_permits(2);
        error
    };
    let (first, second, error) = join3(call(), call(), third).await;
    assert_eq!((&error["code"], &error["rule"]), (&json!("RATE_LIMITED"), &json!("tester/parallel")));
    for came in [first, second] {
        assert_eq!(came.json()["result"]["isError"], json!(null));
    }
    gate.add_permits(1);
    // The places are given back once the outcomes are handed over, which may be just after the answers.
    while site.send(site.tool("items", &read())).await.json()["result"]["isError"] == true {
        tokio::task::yield_now().await;
    }
    assert_eq!(site.seen().len(), 3);
}

/// Waits until the upstream has seen so many requests.
pub(super) async fn reached(site: &super::site::Site, requests: usize) {
    while site.seen().len() < requests {
        tokio::task::yield_now().await;
    }
}
