//! Clients that sign in to an OpenID provider, and a gateway that takes its tokens: the built binary between the two.

use crate::support::client::Reply;
use crate::support::gateway::{Gateway, Site};
use crate::support::process::{checkout, eventually};
use crate::support::provider::{IdentityProvider, Mood, Signer, claims, part};
use crate::support::trail;
use crate::support::upstream::Upstream;
use http::StatusCode;
use serde_json::{Value, json};
use sqlx::Row as _;
use std::time::Duration;
use warrener::config::Config;
use warrener::policy::diagnostic::Source;

const RESOURCE: &str = "https://gateway.example.com/mcp";

const METADATA: &str = "/.well-known/oauth-protected-resource";

const PATIENCE: Duration = Duration::from_secs(20);

/// A provider, a gateway that takes its tokens, and a Directus behind it.
struct Company {
    signer: Signer,
    provider: IdentityProvider,
    upstream: Upstream,
    site: Site,
    gateway: Gateway,
}

impl Company {
    async fn start() -> Self {
        let signer = Signer::p256("one");
        let provider = IdentityProvider::start(&[&signer]).await;
        let upstream = Upstream::start().await;
        let site = Site::new(upstream.url(), "upstream-token", &checkout("policies"), "reader");
        site.settle(&format!(
            "version: 1
identity:
  refuse: ['jwt:mallory']
  jwt:
    issuer: {}
    resource: {RESOURCE}
    role_claim: realm_access.roles
    roles: {{cms-readers: reader, cms-editors: content-editor}}
    scopes: [openid, cms]
",
            provider.url()
        ));
        let gateway = site.start();
        Self { signer, provider, upstream, site, gateway }
    }

    fn claims(&self, roles: &[&str]) -> Value {
        claims(self.provider.url(), RESOURCE, roles)
    }

    /// A token of a reader's, with some claims changed.
    fn token(&self, changes: &Value) -> String {
        let mut claims = self.claims(&["cms-readers", "offline_access"]);
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        self.signer.token(&claims)
    }

    async fn read(&self, token: &str) -> Reply {
        let arguments =
            json!({"action": "read", "collection": "articles", "keys": [1], "query": {"fields": ["id"]}});
        let params = json!({"name": "items", "arguments": arguments});
        self.gateway.client(token).rpc("tools/call", params).await
    }

    /// Ends the gateway, and tells of each entry in whose name it is, and why.
    async fn recorded(mut self) -> Vec<(String, String, String)> {
        self.gateway.process.terminate();
        self.gateway.process.ended(PATIENCE).await;
        let mut connection = trail::open(&self.site.trail()).await;
        let statement =
            "SELECT principal, role, coalesce(error_code, decision) FROM calls ORDER BY started_at";
        let rows = sqlx::query(statement).fetch_all(&mut connection).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_signed_in_may_do_what_the_role_may() {
    let company = Company::start().await;
    let token = company.token(&json!({}));
    let read = company.read(&token).await;
    assert!(!read.is_refusal(), "{}", read.text());
    let client = company.gateway.client(&token);
    let delete = json!({"action": "delete", "collection": "articles", "keys": [1]});
    let denied = client.tool("items", delete.clone()).await;
    assert!(denied.is_error && denied.text.contains("POLICY_DENIED"), "{}", denied.text);
    assert_eq!(company.upstream.seen().len(), 1, "the read, and nothing else");

    let editor = company.signer.token(&company.claims(&["cms-editors"]));
    assert!(!company.read(&editor).await.is_refusal());

    // Somebody is stopped by the name that the trail has.
    company.site.run(["stop", "--client", "jwt:ada", "--reason", "Ada is on leave"]);
    eventually(PATIENCE, "it is stopped", async || company.read(&token).await.text().contains("on leave"))
        .await;
    let recorded = company.recorded().await;
    let of =
        |role: &str, word: &str| recorded.contains(&("jwt:ada".to_owned(), role.to_owned(), word.to_owned()));
    assert!(of("reader", "permit") && of("content-editor", "permit"), "{recorded:?}");
    assert!(recorded.iter().all(|(principal, ..)| principal == "jwt:ada"), "{recorded:?}");
}

/// Each is told what is wrong, nothing is forwarded, and each leaves an entry: in somebody's name only where that is proved.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_not_taken_is_told_why_and_recorded() {
    let company = Company::start().await;
    let hour_ago = company.claims(&[])["iat"].as_i64().unwrap() - 3600;
    let good = company.token(&json!({}));
    let (signed, _) = good.rsplit_once('.').unwrap();
    let claims = company.claims(&["cms-readers"]);
    let evil = Signer::p256("one");
    let table = [
        ("token-expired", "jwt:ada", 401, company.token(&json!({"exp": hour_ago}))),
        ("token-early", "jwt:ada", 401, company.token(&json!({"nbf": hour_ago + 7200}))),
        ("token-no-role", "jwt:ada", 403, company.token(&json!({"realm_access": {"roles": ["guests"]}}))),
        (
            "token-roles",
            "jwt:ada",
            403,
            company.token(&json!({"realm_access": {"roles": ["cms-readers", "cms-editors"]}})),
        ),
        ("refused", "jwt:mallory", 401, company.token(&json!({"sub": "mallory"}))),
        ("token-issuer", "", 401, company.token(&json!({"iss": "https://evil.example"}))),
        ("token-audience", "", 401, company.token(&json!({"aud": "account"}))),
        ("token-claims", "", 401, company.token(&json!({"sub": "Ada Lovelace"}))),
        ("token-signature", "", 401, evil.token(&claims)),
        ("token-key", "", 401, Signer::p256("two").token(&claims)),
        ("token-algorithm", "", 401, format!("{}.{}.c2ln", part(&json!({"alg": "none"})), part(&claims))),
        ("token-critical", "", 401, company.signer.sign(&json!({"alg": "ES256", "crit": ["x"]}), &claims)),
        ("token-type", "", 401, company.signer.sign(&json!({"alg": "ES256", "typ": "dpop+jwt"}), &claims)),
        ("token-malformed", "", 401, format!("bm90LWpzb24.{}.c2ln", part(&claims))),
        ("malformed", "", 401, format!("{signed}.")),
        ("missing", "", 401, String::new()),
    ];
    for (word, _, status, token) in &table {
        let message = company.gateway.client(token).message("ping", &json!({}));
        let reply = if *word == "missing" {
            let mut message = message;
            message.headers_mut().remove("authorization");
            company.gateway.client("").send(message).await
        } else {
            company.read(token).await
        };
        assert_eq!(reply.status.as_u16(), *status, "{word}: {}", reply.text());
        let challenge = reply.challenge.as_str();
        let names = challenge.starts_with(r#"Bearer resource_metadata="https://gateway.example.com/.well-known/oauth-protected-resource/mcp", scope="openid cms""#);
        assert_eq!(names, *status == 401, "{word}: {challenge}");
        let is_wrong = *status == 401 && *word != "missing";
        assert_eq!(challenge.contains(r#"error="invalid_token""#), is_wrong, "{word}: {challenge}");
        let text = format!("{}{challenge}", reply.text());
        assert!(token.is_empty() || !text.contains(token.as_str()), "{word}: the token is repeated");
    }
    // In the address it is no credential at all, and is not let in beside one.
    let mut message = company.gateway.client(&good).message("ping", &json!({}));
    *message.uri_mut() = format!("{}?access_token={good}", message.uri()).parse().unwrap();
    assert_eq!(company.gateway.client(&good).send(message).await.status, StatusCode::UNAUTHORIZED);

    assert!(company.upstream.seen().is_empty());
    assert!(company.provider.asked() <= 2, "{}", company.provider.asked());
    let recorded = company.recorded().await;
    for (word, principal, ..) in &table {
        let found: Vec<_> = recorded.iter().filter(|(.., reason)| reason == word).collect();
        assert!(
            !found.is_empty() && found.iter().all(|(name, ..)| name == principal),
            "{word}: {recorded:#?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_find_the_provider_and_nothing_else() {
    let company = Company::start().await;
    for path in [METADATA.to_owned(), format!("{METADATA}/mcp")] {
        let reply = company.gateway.get(&path).await;
        assert_eq!((reply.status, reply.content_type.as_str()), (StatusCode::OK, "application/json"));
        let expect = json!({
            "resource": RESOURCE,
            "authorization_servers": [company.provider.url()],
            "bearer_methods_supported": ["header"],
            "resource_name": "Warrener",
            "scopes_supported": ["openid", "cms"],
        });
        assert_eq!(reply.json(), expect);
    }
    for path in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/",
        "/.well-known/oauth-protected-resource/x",
    ] {
        assert_eq!(company.gateway.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    let other = Site::new(company.upstream.url(), "upstream-token", &checkout("policies"), "reader");
    assert_eq!(other.start().get(METADATA).await.status, StatusCode::NOT_FOUND, "where nobody signs in");
}

/// A gateway begins without its provider, says that it cannot tell, and is well when the provider is.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_is_no_reason_to_let_anybody_in() {
    let signer = Signer::p256("one");
    let provider = IdentityProvider::start(&[&signer]).await;
    provider.is(Mood::Gone);
    let upstream = Upstream::start().await;
    let site = Site::new(upstream.url(), "upstream-token", &checkout("policies"), "reader");
    site.settle(&format!(
        "version: 1\nidentity: {{jwt: {{issuer: '{}', audience: cms, role_claim: realm_access.roles, roles: {{a: reader}}}}}}\n",
        provider.url()
    ));
    let key = site.key("desk");
    let gateway = site.start();
    let token = signer.token(&claims(provider.url(), "cms", &["a"]));
    let client = gateway.client(&token);
    let reply = client.rpc("ping", json!({})).await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{}", reply.text());
    assert_eq!(
        gateway.client(&key).rpc("ping", json!({})).await.status,
        StatusCode::OK,
        "keys are another way in"
    );
    assert!(gateway.process.log().contains("keys cannot be had"), "{}", gateway.process.log());
    provider.is(Mood::Well);
    eventually(PATIENCE, "it is asked again", async || {
        client.rpc("ping", json!({})).await.status == StatusCode::OK
    })
    .await;
    assert!(upstream.seen().is_empty());
}

#[test]
fn a_role_without_a_policy_is_found_at_the_start() {
    let site = Site::new("http://127.0.0.1:1", "upstream-token", &checkout("policies"), "reader");
    site.settle("version: 1\nidentity: {jwt: {issuer: 'http://127.0.0.1:1', audience: cms, role_claim: roles, roles: {a: auditor}}}\n");
    let (code, said) = site.start_in_vain();
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("the role `auditor`"), "{said}");
}

#[test]
fn what_the_readme_shows_is_all_that_is_needed() {
    let readme = include_str!("../../README.md");
    let block = readme.split("```text\nidentity:").nth(1).unwrap().split("```").next().unwrap();
    let text = format!("version: 1\nidentity:{block}");
    let read = Config::from_yaml(&Source::new("warrener.yaml", text))
        .unwrap_or_else(|problems| panic!("{problems}"));
    let jwt = read.identity.jwt.unwrap();
    assert_eq!((jwt.audience.as_str(), jwt.roles.len()), (RESOURCE, 2));
    assert_eq!((jwt.jwks_max_age, jwt.jwks_keep), (Duration::from_mins(10), Duration::from_hours(1)));
}
