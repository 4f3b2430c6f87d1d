//! Both SDKs through the gateway: they work, they are stopped where they must be, and the trail has it all.

use super::directus::{ADMIN, AllowDeletes, Directus};
use super::dump::Dump;
use super::sdk::{BOTH, Sdk, Session};
use crate::support::gateway::Site;
use crate::support::trail::Call;
use serde_json::{Value, json};

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn both_sdks_work_and_cannot_delete() {
    let directus = Directus::start(AllowDeletes::On).await;
    let site = directus.guarded("content-editor");
    let keys = BOTH.map(|sdk| (sdk, site.key(sdk.name())));
    let gateway = site.start();
    for (sdk, key) in keys {
        let session = sdk.session(&gateway.client(&key)).await.unwrap();
        does_what_an_editor_may(sdk, &session);
        let calls = site.calls().await;
        is_recorded(&calls.iter().filter(|call| call.principal == sdk.name()).collect::<Vec<_>>());
    }
    titles_are(&directus, &["Retitled by typescript-sdk", "Retitled by python-sdk", "Article 6"]).await;
    is_listed_by_the_command_line(&site);
}

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn both_sdks_only_read_as_a_reader() {
    let directus = Directus::start(AllowDeletes::On).await;
    let site = directus.guarded("reader");
    let key = site.key("reader");
    let gateway = site.start();
    let before = Dump::of(&directus).await;
    for sdk in BOTH {
        let session = sdk.session(&gateway.client(&key)).await.unwrap();
        let offered = session.actions().as_object().unwrap().values();
        assert!(offered.clone().all(|actions| *actions == json!(["read"]) || *actions == json!([])));
        assert_eq!(session.actions()["items"], json!(["read"]));
        assert!(session.text("read", false).contains("Article"));
        is_denied(&session, "update", "reader/read-only", "may only read");
        is_denied(&session, "delete", "reader/read-only", "may only read");
    }
    assert_eq!(before.changes(&Dump::of(&directus).await), "");
}

pub(super) fn does_what_an_editor_may(sdk: Sdk, session: &Session) {
    // Links between items may be deleted, so that `items` offers it; deleting a folder also writes the settings, so `folders` does not.
    // `trigger-flow` is not listed at all.
    let expected = json!({
        "system-prompt": [],
        "items": ["create", "read", "update", "delete"],
        "files": ["read", "update", "delete", "import"],
        "folders": ["create", "read", "update"],
        "assets": [],
        "flows": ["read"],
        "operations": ["read"],
        "schema": [],
        "collections": ["read"],
        "fields": ["read"],
        "relations": ["read"],
    });
    assert_eq!(*session.actions(), expected);
    assert!(session.text("read", false).contains("Article"));
    assert!(session.text("update", false).contains(&format!("Retitled by {}", sdk.name())));
    is_denied(session, "delete", "content-editor/no-content-deletes", "may not delete content");
}

/// The client's model finds the rule and the reason in the result.
fn is_denied(session: &Session, step: &str, rule: &str, reason: &str) {
    let denial: Value = serde_json::from_str(session.text(step, true)).unwrap();
    assert_eq!(denial[0]["code"], "POLICY_DENIED", "{denial}");
    assert_eq!(denial[0]["rule"], rule, "{denial}");
    assert!(denial[0]["error"].as_str().is_some_and(|text| text.contains(reason)), "{denial}");
}

pub(super) fn is_recorded(calls: &[&Call]) {
    assert!(calls.iter().all(|call| call.role == "content-editor"), "{calls:#?}");
    for method in ["initialize", "notifications/initialized", "tools/list"] {
        assert!(
            calls.iter().any(|call| call.method == method && call.decision == "permit"),
            "{method}: {calls:#?}"
        );
    }
    let tools: Vec<_> =
        calls.iter().filter(|call| call.method == "tools/call").map(|call| row(call)).collect();
    let expected = [
        ["read", "permit", "", "ok"],
        ["update", "permit", "", "ok"],
        ["delete", "deny", "forbidden", "refused"],
    ];
    assert_eq!(tools, expected.map(|row| row.map(str::to_owned)), "{calls:#?}");
}

fn row(call: &Call) -> [String; 4] {
    assert_eq!(call.tool.as_deref(), Some("items"));
    let (reason, outcome) = (call.reason.clone(), call.outcome.clone());
    [
        call.action().unwrap_or_default(),
        call.decision.clone(),
        reason.unwrap_or_default(),
        outcome.unwrap_or_default(),
    ]
}

async fn titles_are(directus: &Directus, expected: &[&str]) {
    let query = json!({"fields": ["title"], "sort": ["id"]});
    let read = json!({"action": "read", "collection": "articles", "keys": [2, 3, 6], "query": query});
    let rows = directus.client(ADMIN).tool("items", read).await.raw();
    let titles: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["title"].as_str().unwrap()).collect();
    assert_eq!(titles, expected);
}

fn is_listed_by_the_command_line(site: &Site) {
    let rows = site.run(["audit", "query", "--audit", &site.audit(), "--format", "json"]);
    let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let denied: Vec<_> =
        rows.iter().filter(|row| row["rule"] == "content-editor/no-content-deletes").collect();
    assert_eq!(denied.len(), 2, "{rows:#?}");
}
