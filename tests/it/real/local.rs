//! A Local MCP between the gateway and the real Directus: the SDK's own client before the gateway, the SDK's own server behind it.
//!
//! With `WARRENER_LOCAL_MCP` naming the `dist/index.js` of a built `@directus/content-mcp`, that one is behind it.

use super::directus::{ADMIN, AllowDeletes, Directus};
use super::dump::Dump;
use super::sdk::{local_home, local_session};
use crate::support::process::checkout;
use serde_json::{Value, json};
use std::time::Duration;

/// What the server is told on its command line.
fn server() -> Vec<String> {
    match std::env::var("WARRENER_LOCAL_MCP") {
        Ok(built) => vec![built],
        Err(_) => {
            vec![
                checkout("tests/clients/local_mcp.mjs").display().to_string(),
                local_home().display().to_string(),
            ]
        }
    }
}

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn a_client_works_through_it_and_cannot_delete() {
    let directus = Directus::start(AllowDeletes::On).await;
    let site = directus.guarded("content-editor");
    let node = std::env::var("PATH").unwrap();
    site.settle(&format!(
        "version: 1\nupstream:\n  command: node\n  args: {}\n  env: {{PATH: {node:?}}}\n",
        json!(server())
    ));
    let key = site.key("desk");
    let mut gateway = site.start();
    let before = Dump::of(&directus).await;
    let session = local_session(&gateway.client(&key)).await.unwrap();

    assert_eq!(session.step("initialize")["server"]["name"], "Directus MCP Server");
    let names = session.step("tools/list")["names"].as_array().unwrap();
    assert!(names.contains(&json!("read-items")) && !names.contains(&json!("items")), "{names:?}");
    let read: Value = serde_json::from_str(session.text("read", false)).unwrap();
    assert_eq!(read[0]["id"], 2, "{read}");
    assert!(session.text("update", false).contains("Retitled by typescript-sdk"));
    for (step, text) in [
        ("delete", "content-editor/no-content-deletes"),
        ("delete by a relation", "content-editor/no-content-deletes"),
        ("read a token", "POLICY_DENIED"),
    ] {
        assert!(session.text(step, true).contains(text), "{step}: {}", session.text(step, true));
    }
    let changes = before.changes(&Dump::of(&directus).await);
    assert!(changes.contains("Retitled by typescript-sdk"), "{changes}");
    assert!(!changes.contains("reviews"), "{changes}");

    gateway.process.terminate();
    assert!(gateway.process.ended(Duration::from_secs(30)).await.success());
    assert!(!gateway.process.log().contains(ADMIN), "{}", gateway.process.log());
    let calls = site.calls().await;
    let outcomes: Vec<_> = calls
        .iter()
        .filter(|call| call.method == "tools/call")
        .map(|call| (call.tool.clone().unwrap(), call.outcome.clone().unwrap()))
        .collect();
    let expected = [
        ("read-items", "ok"),
        ("update-item", "ok"),
        ("delete-item", "refused"),
        ("update-item", "refused"),
        ("read-users", "refused"),
    ];
    assert_eq!(outcomes, expected.map(|(tool, outcome)| (tool.to_owned(), outcome.to_owned())));
}
