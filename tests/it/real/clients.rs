//! Every SDK through the gateway, in every era that it speaks: they work, they are stopped where they must be, and the trail has it all.

use super::directus::{ADMIN, AllowDeletes, Directus};
use super::dump::Dump;
use super::sdk::{Client, Session, clients, that_sign_in};
use crate::support::client::McpClient;
use crate::support::gateway::Site;
use crate::support::process::free_port;
use crate::support::provider::{IdentityProvider, Signer, claims};
use crate::support::trail::Call;
use serde_json::{Value, json};

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn every_sdk_works_and_cannot_delete() {
    let directus = Directus::start(AllowDeletes::On).await;
    let site = directus.guarded("content-editor");
    let keys: Vec<_> = clients().into_iter().map(|sdk| (sdk, site.key(&sdk.name()))).collect();
    let gateway = site.start();
    let sessions = keys.len();
    for (sdk, key) in keys {
        let session = sdk.session(&gateway.client(&key)).await.unwrap();
        does_what_an_editor_may(sdk, &session);
        let calls = site.calls().await;
        is_recorded(sdk, &calls.iter().filter(|call| call.principal == sdk.name()).collect::<Vec<_>>());
        title_is(&directus, sdk.article, &format!("Retitled by {}", sdk.name())).await;
    }
    title_is(&directus, 6, "Article 6").await;
    is_listed_by_the_command_line(&site, sessions);
}

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn every_sdk_only_reads_as_a_reader() {
    let directus = Directus::start(AllowDeletes::On).await;
    let site = directus.guarded("reader");
    let key = site.key("reader");
    let gateway = site.start();
    let before = Dump::of(&directus).await;
    for sdk in clients() {
        let session = sdk.session(&gateway.client(&key)).await.unwrap();
        let offered = session.actions().as_object().unwrap().values();
        assert!(offered.clone().all(|actions| *actions == json!(["read"]) || *actions == json!([])));
        assert_eq!(session.actions()["items"], json!(["read"]));
        assert!(session.text("read", false).contains("\"title\":"));
        is_denied(&session, "update", "reader/read-only", "may only read");
        is_denied(&session, "delete", "reader/read-only", "may only read");
    }
    assert_eq!(before.changes(&Dump::of(&directus).await), "");
}

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn an_sdk_with_its_key_in_the_address_works_and_cannot_delete() {
    let directus = Directus::start(AllowDeletes::On).await;
    let site = directus.guarded("content-editor");
    let keys: Vec<_> = that_sign_in().into_iter().map(|sdk| (sdk, site.key_in_url(&sdk.name()))).collect();
    let gateway = site.start();
    for (sdk, key) in keys {
        let address = format!("{}?access_token={key}", gateway.client("").url());
        let session = sdk.session(&McpClient::new(address, "")).await.unwrap();
        does_what_an_editor_may(sdk, &session);
        let calls = site.calls().await;
        is_recorded(sdk, &calls.iter().filter(|call| call.principal == sdk.name()).collect::<Vec<_>>());
        assert!(!gateway.process.log().contains(&key));
    }
    title_is(&directus, 6, "Article 6").await;
}

/// Each finds the provider by the gateway's metadata (RFC 9728), asks it for a token for the gateway, and comes back with it.
#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn an_sdk_signs_in_at_the_provider_that_the_gateway_names() {
    let directus = Directus::start(AllowDeletes::On).await;
    let site = directus.guarded("content-editor");
    let signer = Signer::p256("one");
    let provider = IdentityProvider::start(&[&signer]).await;
    let port = free_port();
    let resource = format!("http://127.0.0.1:{port}/mcp");
    site.settle(&format!(
        "version: 1
identity:
  jwt: {{issuer: '{}', resource: '{resource}', role_claim: realm_access.roles, roles: {{cms-editors: content-editor}}}}
",
        provider.url()
    ));
    let gateway = site.start_at(port);
    for sdk in that_sign_in() {
        let mut claims = claims(provider.url(), &resource, &["cms-editors"]);
        claims["sub"] = json!(sdk.name());
        provider.grant(signer.token(&claims));
        let session = sdk.signed_in_session(&gateway.client("")).await.unwrap();
        does_what_an_editor_may(sdk, &session);
        let principal = format!("jwt:{}", sdk.name());
        let calls = site.calls().await;
        is_recorded(sdk, &calls.iter().filter(|call| call.principal == principal).collect::<Vec<_>>());
        title_is(&directus, sdk.article, &format!("Retitled by {}", sdk.name())).await;
        let form = provider.forms().pop().unwrap();
        assert!(form.contains("grant_type=client_credentials"), "{form}");
        assert!(form.contains(&format!("resource=http%3A%2F%2F127.0.0.1%3A{port}%2Fmcp")), "{form}");
    }
    // A token for somebody else's gateway, from the same provider.
    let sdk = that_sign_in()[0];
    provider.grant(signer.token(&claims(provider.url(), "https://other.example.com/mcp", &["cms-editors"])));
    let refused = sdk.signed_in_session(&gateway.client("")).await;
    assert!(refused.is_err(), "{refused:?}");
    title_is(&directus, 6, "Article 6").await;
}

pub(super) fn does_what_an_editor_may(sdk: Client, session: &Session) {
    let opening = session.step("initialize");
    // The TypeScript SDK of the line before does not tell it over standard input.
    assert_eq!(opening["protocol"] == "2026-07-28", sdk.is_modern, "{opening}");
    assert_eq!(opening["server"]["name"], if sdk.is_modern { "warrener" } else { "directus-mcp" });
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
    assert!(session.text("read", false).contains("\"title\":"));
    assert!(session.text("update", false).contains(&format!("Retitled by {}", sdk.name())));
    is_denied(session, "delete", "content-editor/no-content-deletes", "may not delete content");
}

/// The client's model finds the rule and the reason in the result.
pub(super) fn is_denied(session: &Session, step: &str, rule: &str, reason: &str) {
    let denial: Value = serde_json::from_str(session.text(step, true)).unwrap();
    assert_eq!(denial[0]["code"], "POLICY_DENIED", "{denial}");
    assert_eq!(denial[0]["rule"], rule, "{denial}");
    assert!(denial[0]["error"].as_str().is_some_and(|text| text.contains(reason)), "{denial}");
}

pub(super) fn is_recorded(sdk: Client, calls: &[&Call]) {
    assert!(calls.iter().all(|call| call.role == "content-editor"), "{calls:#?}");
    let opening: &[_] =
        if sdk.is_modern { &["server/discover"] } else { &["initialize", "notifications/initialized"] };
    for method in opening.iter().copied().chain(["tools/list"]) {
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

/// The action, the decision, its reason and the outcome of a call of `items`; what there is not is empty.
pub(super) fn row(call: &Call) -> [String; 4] {
    assert_eq!(call.tool.as_deref(), Some("items"));
    let (reason, outcome) = (call.reason.clone(), call.outcome.clone());
    [
        call.action().unwrap_or_default(),
        call.decision.clone(),
        reason.unwrap_or_default(),
        outcome.unwrap_or_default(),
    ]
}

pub(super) async fn title_is(directus: &Directus, key: u64, expected: &str) {
    let read =
        json!({"action": "read", "collection": "articles", "keys": [key], "query": {"fields": ["title"]}});
    let rows = directus.client(ADMIN).tool("items", read).await.raw();
    assert_eq!(rows, json!([{"title": expected}]));
}

fn is_listed_by_the_command_line(site: &Site, sessions: usize) {
    let rows = site.run(["audit", "query", "--audit", &site.audit(), "--format", "json"]);
    let rows: Vec<Value> = rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let denied: Vec<_> =
        rows.iter().filter(|row| row["rule"] == "content-editor/no-content-deletes").collect();
    assert_eq!(denied.len(), sessions, "{rows:#?}");
}
