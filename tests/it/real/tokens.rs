//! Directus' own tokens against a real Directus: OAuth behind nginx at one address, and passthrough.

use super::browser::Browser;
use super::clients::is_denied;
use super::directus::{ADMIN, AllowDeletes, Directus, EDITOR};
use super::nginx::Nginx;
use super::sdk::that_sign_in;
use crate::support::client::{McpClient, Reply};
use crate::support::gateway::{Gateway, Site};
use crate::support::process::{eventually, free_port};
use http::StatusCode;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What the gateway says a revoked token or a changed role may take, and the time that the test itself takes.
const NOTICED: Duration = Duration::from_secs(75);

/// nginx in front, Warrener behind its `/mcp`, and Directus behind the rest.
struct Place {
    browser: Browser,
    nginx: Nginx,
    gateway: Gateway,
    site: Site,
    directus: Directus,
}

impl Place {
    async fn new() -> Self {
        let port = free_port();
        let public_url = format!("http://127.0.0.1:{port}");
        let directus = Directus::start_at(AllowDeletes::On, Some(&public_url)).await;
        let site = directus.guarded("reader");
        site.settle(&format!(
            "version: 1\nidentity:\n  same_resource:\n    public_url: {public_url}\n    \
             roles: {{Content Editor: content-editor, Read Only: reader}}\n"
        ));
        let gateway = site.start();
        let authority = |url: &str| {
            let url: http::Uri = url.parse().unwrap();
            url.authority().unwrap().to_string()
        };
        let nginx =
            Nginx::start(port, &authority(gateway.client("").url()), &authority(directus.url())).await;
        Self { browser: Browser::new(nginx.url()), nginx, gateway, site, directus }
    }

    /// A client that knows nothing but the public address.
    fn client(&self, token: &str) -> McpClient {
        McpClient::new(format!("{}/mcp", self.nginx.url()), token)
    }

    async fn role_of(&self, email: &str, role: &str) {
        let admin = Browser::new(self.directus.url());
        let users = admin.get_json_as(&format!("/users?filter[email]={email}&fields=id"), ADMIN).await;
        let query = role.replace(' ', "%20");
        let roles = admin.get_json_as(&format!("/roles?filter[name]={query}&fields=id"), ADMIN).await;
        let path = format!("/users/{}", users["data"][0]["id"].as_str().unwrap());
        admin.patch(&path, ADMIN, &json!({"role": roles["data"][0]["id"]})).await;
    }
}

async fn reads(client: &McpClient) -> Reply {
    let read =
        json!({"action": "read", "collection": "articles", "query": {"fields": ["id", "title"], "limit": 1}});
    client.rpc("tools/call", json!({"name": "items", "arguments": read})).await
}

fn why(reply: &Reply) -> String {
    reply.json()["error"]["message"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn oauth_of_directus_works_through_the_gateway_at_the_same_address() {
    let place = Place::new().await;
    let challenge = challenge(&place).await;
    let metadata = format!("{}/.well-known/oauth-protected-resource/mcp", place.nginx.url());
    assert_eq!(challenge, format!(r#"Bearer resource_metadata="{metadata}", scope="mcp:access""#));
    assert_eq!(challenge, of_directus(&place).await, "it is what Directus itself sends");

    let grant = place.browser.signs_in("editor@example.com").await;
    let client = place.client(&grant.access);
    assert!(client.rpc("initialize", initialize()).await.status.is_success());
    assert!(reads(&client).await.text().contains("Article"));
    let retitle =
        json!({"action": "update", "collection": "articles", "keys": [1], "data": {"title": "By OAuth"}});
    assert!(!client.tool("items", retitle).await.is_error);
    let delete =
        client.tool("items", json!({"action": "delete", "collection": "articles", "keys": [1]})).await;
    assert!(delete.is_error && delete.text.contains("content-editor/no-content-deletes"), "{}", delete.text);

    // The same token does nothing anywhere else, and no other spelling leads around the gateway.
    for path in ["/mcp/", "/MCP", "/Mcp/", "//mcp/", "/mcp//", "/%6dcp/", "/mcp%2f", "/x/../mcp/"] {
        let other = McpClient::new(format!("{}{path}", place.nginx.url()), &grant.access);
        assert_eq!(reads(&other).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let direct = Browser::new(place.directus.url());
    let me =
        direct.get_json_as("/users/me?fields=id", EDITOR).await["data"]["id"].as_str().unwrap().to_owned();
    let calls = place.site.calls().await;
    let tools: Vec<_> = calls.iter().filter(|call| call.method == "tools/call").collect();
    assert_eq!(tools.len(), 3, "{calls:#?}");
    assert!(tools.iter().all(|call| call.principal == format!("directus:{me}")), "{tools:#?}");
    assert!(tools.iter().all(|call| call.role == "content-editor"), "{tools:#?}");
    sdks_work_and_cannot_delete(&client).await;
    says_nothing(&place, &grant.access);
}

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn other_tokens_are_refused_though_directus_takes_some_of_them() {
    let place = Place::new().await;
    let grant = place.browser.signs_in("editor@example.com").await;
    let login = json!({"email": "editor@example.com", "password": "Passw0rd!x"});
    let direct = McpClient::new(format!("{}/auth/login", place.directus.url()), "");
    let session = direct.send(without_token(&direct, &login)).await.json()["data"]["access_token"].clone();
    let session = session.as_str().unwrap();
    assert!(
        reads(&place.directus.client(session)).await.status.is_success(),
        "Directus takes a login's token"
    );
    let (head, tail) = grant.access.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", tail.chars().rev().collect::<String>());
    for token in [session, EDITOR, ADMIN, &forged, head] {
        assert_eq!(reads(&place.client(token)).await.status, StatusCode::UNAUTHORIZED);
    }
    // A role that is mapped to nothing.
    let other = place.browser.signs_in("min@example.com").await;
    let refused = reads(&place.client(&other.access)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
}

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn a_changed_role_is_denied_as_stale_and_a_revoked_token_in_a_minute() {
    let place = Place::new().await;
    let (used, unused) = (
        place.browser.signs_in("editor@example.com").await,
        place.browser.signs_in("editor@example.com").await,
    );
    let revoked = place.browser.signs_in("ro@example.com").await;
    for grant in [&used, &revoked] {
        assert!(reads(&place.client(&grant.access)).await.status.is_success());
    }
    place.role_of("editor@example.com", "Read Only").await;
    place.browser.revokes(&revoked).await;
    let began = Instant::now();

    let stale = reads(&place.client(&unused.access)).await;
    assert_eq!(stale.status, StatusCode::UNAUTHORIZED);
    assert!(why(&stale).contains("the role of its user has changed"), "{}", stale.text());
    let old = reads(&place.directus.client(&unused.access)).await;
    assert!(old.status.is_success(), "Directus itself goes by the role in the token");
    // Signing in again makes a token with the new role.
    let again = place.browser.signs_in("editor@example.com").await;
    assert!(reads(&place.client(&again.access)).await.status.is_success());

    for (grant, what) in [(&used, "the role has changed"), (&revoked, "it is revoked")] {
        let client = place.client(&grant.access);
        eventually(NOTICED, what, async || reads(&client).await.status == StatusCode::UNAUTHORIZED).await;
    }
    assert!(began.elapsed() < NOTICED, "{:?}", began.elapsed());
    let roles: Vec<_> = place.site.calls().await.into_iter().map(|call| call.role).collect();
    assert!(
        roles.contains(&"content-editor".to_owned()) && roles.contains(&"reader".to_owned()),
        "{roles:?}"
    );
}

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn static_tokens_pass_through_with_the_role_of_their_user() {
    let directus = Directus::start(AllowDeletes::On).await;
    let site = directus.guarded("reader");
    site.settle(
        "version: 1\nidentity: {passthrough: {roles: {Content Editor: content-editor, Developer: developer}}}\n",
    );
    let gateway = site.start();
    assert!(gateway.process.log().contains("static Directus tokens are taken"), "{}", gateway.process.log());
    let delete = json!({"action": "delete", "collection": "reviews", "keys": [1]});
    for (token, status, role) in [
        (EDITOR, 200, "content-editor"),
        ("dev-token", 200, "developer"),
        ("readonly-token", 403, ""),
        ("min-token", 403, ""),
        ("norole-token", 403, ""),
        (ADMIN, 403, ""),
        ("no-such-token", 401, ""),
        ("Editor-token", 401, ""),
        (" editor-token", 401, ""),
    ] {
        let client = gateway.client(token);
        let read = reads(&client).await;
        assert_eq!(read.status.as_u16(), status, "{token}: {}", read.text());
        if status == 200 {
            let refused = client.tool("items", delete.clone()).await;
            assert!(refused.text.contains(&format!("{role}/")), "{token}: {}", refused.text);
            assert!(!gateway.process.log().contains(token) && !read.text().contains(token));
        }
    }
    let calls = site.calls().await;
    let permitted: Vec<_> = calls.iter().filter(|call| call.decision == "permit").collect();
    assert_eq!(permitted.len(), 2, "{calls:#?}");
    assert!(permitted.iter().all(|call| call.principal.starts_with("directus:")), "{permitted:#?}");
    sdks_work_and_cannot_delete(&gateway.client(EDITOR)).await;
}

async fn sdks_work_and_cannot_delete(client: &McpClient) {
    for sdk in that_sign_in() {
        let session = sdk.session(client).await.unwrap();
        assert!(session.text("read", false).contains("\"title\":"));
        assert!(session.text("update", false).contains(&format!("Retitled by {}", sdk.name())));
        is_denied(&session, "delete", "content-editor/no-content-deletes", "may not delete content");
    }
}

fn initialize() -> Value {
    json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}})
}

fn without_token(client: &McpClient, body: &Value) -> http::Request<http_body_util::Full<bytes::Bytes>> {
    let mut request = client.post(body.to_string());
    request.headers_mut().remove("authorization");
    request
}

async fn challenge(place: &Place) -> String {
    let url = format!("{}/mcp", place.nginx.url());
    asked(&url).await
}

async fn of_directus(place: &Place) -> String {
    asked(&format!("{}/mcp", place.directus.url())).await
}

/// The challenge to a client without a token.
async fn asked(url: &str) -> String {
    let client = McpClient::new(url, "");
    let ping = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let reply = client.send(without_token(&client, &ping)).await;
    assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "{}", reply.text());
    reply.challenge
}

/// The token is in no log of the gateway's or of nginx', and not in the trail.
fn says_nothing(place: &Place, token: &str) {
    let trail = std::fs::read(place.site.trail()).unwrap();
    assert!(!trail.windows(token.len()).any(|part| part == token.as_bytes()));
    assert!(!place.gateway.process.log().contains(token));
    let log = place.nginx.access_log();
    assert!(log.contains("POST /mcp\" 200") && !log.contains(token), "{log}");
}
