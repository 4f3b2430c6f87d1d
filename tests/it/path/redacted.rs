//! What nobody could be asked to leave out is blanked in the answer.

use super::site::{Plan, tool_result};
use serde_json::json;

/// The role runs flows, and may use a tool of somebody else's; one field is redacted.
const RUNS: &str = r#"
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
