//! Directus without a gateway: what the other tests rely on, and why there is a gateway at all.

use super::directus::{ADMIN, AllowDeletes, Directus, EDITOR};
use super::dump::Dump;
use super::sdk::clients;
use serde_json::json;

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn every_sdk_may_delete() {
    let directus = Directus::start(AllowDeletes::On).await;
    for sdk in clients() {
        let session = sdk.session(&directus.client(ADMIN)).await.unwrap();
        let opening = session.step("initialize");
        assert_eq!(opening["server"]["name"], "directus-mcp");
        // Directus speaks the older era only, and the clients of the newer one fall back to it.
        assert!(opening["protocol"].as_str().unwrap().starts_with("2025-"), "{opening}");
        assert_eq!(session.actions().as_object().unwrap().len(), 12);
        assert_eq!(session.actions()["items"], json!(["create", "read", "update", "delete"]));
        assert!(session.text("read", false).contains("\"title\":"));
        assert!(session.text("update", false).contains(&format!("Retitled by {}", sdk.name())));
        assert_eq!(session.text("delete", false), r#"{"raw":[6]}"#);
    }
}

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn a_session_with_a_wrong_token_breaks() {
    let directus = Directus::start(AllowDeletes::On).await;
    for sdk in clients() {
        sdk.session(&directus.client("no-such-token")).await.unwrap_err();
    }
}

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn allow_deletes_off_does_not_stop_a_nested_delete() {
    let directus = Directus::start(AllowDeletes::Off).await;
    let editor = directus.client(EDITOR);
    let before = Dump::of(&directus).await;

    let refused =
        editor.tool("items", json!({"action": "delete", "collection": "reviews", "keys": [1]})).await;
    assert!(refused.is_error, "{}", refused.text);
    assert_eq!(before.changes(&Dump::of(&directus).await), "");

    let emptied = json!({"action": "update", "collection": "articles", "keys": [1], "data": {"reviews": []}});
    assert!(!editor.tool("items", emptied).await.is_error);
    let changes = before.changes(&Dump::of(&directus).await);
    let lost: Vec<_> = changes.lines().filter(|line| line.starts_with("- reviews: ")).collect();
    assert_eq!(lost.len(), 3, "{changes}");
}
