//! Tokens of a small provider on the loopback interface, with real keys.

use super::*;
use crate::config::{Issuer, MappedRole};
use http::StatusCode;
use jsonwebtoken::Algorithm as Signed;
pub(super) use provider::Signer;
use provider::{IdentityProvider, Mood, claims, part};
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;
use tokio::time::sleep;

#[path = "../../../tests/it/support/provider.rs"]
#[expect(dead_code, reason = "it also grants tokens, which only clients ask for")]
mod provider;

const AUDIENCE: &str = "https://gateway.example.com/mcp";

/// Short ages, for tests that wait.
const SHORT: Ages = Ages {
    max_age: Duration::from_millis(150),
    keep: Duration::from_millis(600),
    again: Duration::from_millis(50),
};

/// Ages that no test outlives.
const LONG: Ages =
    Ages { max_age: Duration::from_mins(10), keep: Duration::from_hours(1), again: Duration::from_mins(1) };

/// A token of three parts as they are written here.
pub(super) fn raw(header: &str, claims: &str, signature: &str) -> String {
    use base64::Engine as _;
    let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{signature}", part(header), part(claims))
}

fn settings(at: &IdentityProvider) -> Jwt {
    let role = |role: &str| MappedRole { role: role.to_owned(), token: None };
    Jwt {
        issuer: Issuer { written: at.url().to_owned(), url: at.url().parse().unwrap() },
        audience: AUDIENCE.to_owned(),
        resource: None,
        jwks_url: None,
        jwks_max_age: Jwt::JWKS_MAX_AGE,
        jwks_keep: Jwt::JWKS_KEEP,
        algorithms: Algorithm::ALL.map(|(_, algorithm)| algorithm).to_vec(),
        role_claim: vec!["realm_access".to_owned(), "roles".to_owned()],
        roles: [("editors".to_owned(), role("editor")), ("readers".to_owned(), role("reader"))].into(),
        principal_claim: "sub".to_owned(),
        leeway: Jwt::LEEWAY,
        token: None,
        scopes: Vec::new(),
    }
}

fn gateway(at: &IdentityProvider, ages: Ages) -> Provider {
    Provider::with(&settings(at), Some(&"upstream".into()), ages, Duration::from_millis(400)).unwrap()
}

fn now() -> Timestamp {
    crate::telemetry::Clock::now(&crate::telemetry::SystemClock)
}

async fn word(gateway: &Provider, token: &str) -> String {
    match gateway.identify(token, now()).await {
        Ok(found) => format!("{} as {}", found.principal.name, found.principal.role),
        Err(rejected) => rejected.as_str().to_owned(),
    }
}

/// The claims with some of them changed; null takes one away.
fn but(claims: &Value, changes: &Value) -> Value {
    let mut claims = claims.clone();
    for (name, value) in changes.as_object().unwrap() {
        claims.as_object_mut().unwrap().insert(name.clone(), value.clone());
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        }
    }
    claims
}

#[tokio::test]
async fn tokens_of_every_kind_of_key_are_taken() {
    let (rsa, ec, ed) = (Signer::rsa("rsa"), Signer::p256("ec"), Signer::ed25519("ed"));
    let at = IdentityProvider::start(&[&rsa, &ec, &ed]).await;
    let gateway = gateway(&at, LONG);
    let claims = claims(at.url(), AUDIENCE, &["offline_access", "editors"]);
    for signer in [rsa.clone(), rsa.clone().by(Signed::PS256), rsa.by(Signed::RS512), ec, ed.clone()] {
        assert_eq!(word(&gateway, &signer.token(&claims)).await, "jwt:ada as editor");
    }
    let renamed = ed.sign(&json!({"alg": "Ed25519", "typ": "at+jwt", "kid": "ed"}), &claims);
    assert_eq!(word(&gateway, &renamed).await, "jwt:ada as editor");
    let found = gateway.identify(&renamed, now()).await.unwrap();
    assert_eq!((found.principal.proof, found.token.expose_secret()), (Proof::Jwt, "upstream"));
    assert_eq!(at.paths(), ["/.well-known/openid-configuration", "/keys"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_token_is_said_and_only_what_is_proved_names_somebody() {
    let (rsa, ec) = (Signer::rsa("rsa"), Signer::p256("ec"));
    let at = IdentityProvider::start(&[&rsa, &ec]).await;
    let gateway = gateway(&at, LONG);
    let good = claims(at.url(), AUDIENCE, &["readers"]);
    let seconds = now().as_second();
    let changed = |changes: Value| rsa.token(&but(&good, &changes));
    let signed = rsa.token(&good);
    let (body, signature) = signed.rsplit_once('.').unwrap();
    let stranger = Signer::p256("ec");
    for (token, expect, named) in [
        (signed.clone(), "jwt:ada as reader", false),
        (changed(json!({"exp": seconds - 60})), "token-expired", true),
        (changed(json!({"nbf": seconds + 600})), "token-early", true),
        (changed(json!({"iat": seconds + 600})), "token-early", true),
        (changed(json!({"exp": null})), "token-claims", false),
        (changed(json!({"iss": "https://evil.example"})), "token-issuer", false),
        (changed(json!({"aud": "account"})), "token-audience", false),
        (changed(json!({"at_hash": "x"})), "token-type", false),
        (changed(json!({"cnf": {"jkt": "x"}})), "token-bound", false),
        (changed(json!({"sub": null})), "token-claims", false),
        (changed(json!({"sub": 7})), "token-claims", false),
        (changed(json!({"sub": ""})), "token-claims", false),
        (changed(json!({"realm_access": null})), "token-no-role", true),
        (changed(json!({"realm_access": {"roles": ["guests"]}})), "token-no-role", true),
        (changed(json!({"realm_access": {"roles": ["readers", "editors"]}})), "token-roles", true),
        // Nobody has signed it.
        (format!("{}.{}.", part(&json!({"alg": "none"})), part(&good)), "token-malformed", false),
        (format!("{}.{}.{signature}", part(&json!({"alg": "none"})), part(&good)), "token-algorithm", false),
        (format!("{body}.{}", "A".repeat(signature.len())), "token-signature", false),
        (format!("{body}.AAAA"), "token-signature", false),
        (format!("{body}.{signature}="), "token-signature", false),
        (body.to_owned(), "token-malformed", false),
        // Somebody else has, under the name of a key that is there.
        (stranger.token(&good), "token-signature", false),
        (stranger.token(&but(&good, &json!({"exp": seconds - 60}))), "token-signature", false),
        // Not that.
        (
            format!(
                "{}.{}.{signature}",
                signed.split('.').next().unwrap(),
                part(&but(&good, &json!({"sub": "bob"})))
            ),
            "token-signature",
            false,
        ),
        // A key is used for what it is.
        (ec.sign(&json!({"alg": "ES256", "kid": "rsa"}), &good), "token-key", false),
        (rsa.sign(&json!({"alg": "PS256", "kid": "rsa"}), &good), "token-signature", false),
        (rsa.sign(&json!({"alg": "RS256", "kid": "ec"}), &good), "token-key", false),
        (ec.sign(&json!({"alg": "ES384", "kid": "ec"}), &good), "token-key", false),
        // The one key that fits is meant where none is named.
        (rsa.sign(&json!({"alg": "RS256"}), &good), "jwt:ada as reader", false),
    ] {
        let found = gateway.identify(&token, now()).await;
        let principal = found.as_ref().err().and_then(|rejected| rejected.principal()).map(str::to_owned);
        assert_eq!(principal.as_deref(), named.then_some("jwt:ada"), "{expect}");
        assert_eq!(word(&gateway, &token).await, expect, "{token}");
    }
}

/// The public key is known to everybody, so it must not be a secret for anybody (RFC 8725, section 2.1).
#[tokio::test]
async fn a_public_key_is_no_secret() {
    let rsa = Signer::rsa("rsa");
    let at = IdentityProvider::start(&[&rsa]).await;
    let gateway = gateway(&at, LONG);
    let claims = claims(at.url(), AUDIENCE, &["editors"]);
    let jwk = rsa.jwk();
    let modulus = jwk["n"].as_str().unwrap();
    for secret in [modulus.to_owned(), jwk.to_string(), json!({"keys": [jwk]}).to_string()] {
        let key = jsonwebtoken::EncodingKey::from_secret(secret.as_bytes());
        for (name, algorithm) in [("HS256", Signed::HS256), ("HS512", Signed::HS512)] {
            let signed = format!("{}.{}", part(&json!({"alg": name, "kid": "rsa"})), part(&claims));
            let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, algorithm).unwrap();
            assert_eq!(word(&gateway, &format!("{signed}.{signature}")).await, "token-algorithm");
        }
    }
    let mut published = jwk.clone();
    published["kid"] = json!("oct");
    at.publish(vec![jwk, json!({"kty": "oct", "kid": "oct", "k": "c2VjcmV0"})]);
    let key = jsonwebtoken::EncodingKey::from_secret(b"secret");
    let signed = format!("{}.{}", part(&json!({"alg": "HS256", "kid": "oct"})), part(&claims));
    let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, Signed::HS256).unwrap();
    assert_eq!(word(&gateway, &format!("{signed}.{signature}")).await, "token-algorithm");
}

/// A token does not say which key is to be trusted.
#[tokio::test]
async fn keys_that_a_token_brings_along_are_never_looked_at() {
    let (own, theirs) = (Signer::p256("own"), Signer::p256("theirs"));
    let at = IdentityProvider::start(&[&own]).await;
    let evil = IdentityProvider::start(&[&theirs]).await;
    let gateway = gateway(&at, LONG);
    let claims = claims(at.url(), AUDIENCE, &["editors"]);
    let url = format!("{}/keys", evil.url());
    for (id, expect) in [("theirs", "token-key"), ("own", "token-signature")] {
        let header =
            json!({"alg": "ES256", "kid": id, "jku": url, "x5u": url, "jwk": theirs.jwk(), "x5c": ["MIIB"]});
        assert_eq!(word(&gateway, &theirs.sign(&header, &claims)).await, expect);
    }
    let honest = json!({"alg": "ES256", "kid": "own", "jku": url});
    assert_eq!(word(&gateway, &own.sign(&honest, &claims)).await, "jwt:ada as editor");
    assert!(evil.paths().is_empty());
}

#[tokio::test]
async fn a_new_key_is_picked_up_and_a_withdrawn_one_forgotten() {
    let (old, new) = (Signer::p256("old"), Signer::p256("new"));
    let at = IdentityProvider::start(&[&old]).await;
    let gateway = gateway(&at, SHORT);
    let claims = claims(at.url(), AUDIENCE, &["readers"]);
    assert_eq!(word(&gateway, &old.token(&claims)).await, "jwt:ada as reader");
    sleep(SHORT.again).await;
    at.publish(vec![old.jwk(), new.jwk()]);
    assert_eq!(word(&gateway, &new.token(&claims)).await, "jwt:ada as reader", "at once");
    at.publish(vec![new.jwk()]);
    assert_eq!(word(&gateway, &old.token(&claims)).await, "jwt:ada as reader", "until its age is over");
    sleep(SHORT.max_age + SHORT.again).await;
    assert_eq!(word(&gateway, &old.token(&claims)).await, "token-key");
}

#[tokio::test]
async fn made_up_key_ids_do_not_make_the_gateway_ask() {
    let signer = Signer::p256("one");
    let at = IdentityProvider::start(&[&signer]).await;
    let gateway = Arc::new(gateway(&at, Ages { again: Duration::from_mins(1), ..LONG }));
    let claims = claims(at.url(), AUDIENCE, &["readers"]);
    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let (gateway, signer, claims) = (gateway.clone(), signer.clone(), claims.clone());
            tokio::spawn(async move {
                let token =
                    signer.sign(&json!({"alg": "ES256", "kid": format!("made-up-{number}")}), &claims);
                word(&gateway, &token).await
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), "token-key");
    }
    assert_eq!(at.asked(), 1);
    // Nor do tokens that would not be taken anyway.
    let elsewhere = but(&claims, &json!({"iss": "https://evil.example"}));
    assert_eq!(word(&gateway, &signer.token(&elsewhere)).await, "token-issuer");
    assert_eq!(word(&gateway, &signer.token(&claims)).await, "jwt:ada as reader");
    assert_eq!(at.asked(), 1);
}

#[tokio::test]
async fn whoever_leaves_while_the_keys_are_fetched_spoils_nothing() {
    let signer = Signer::p256("one");
    let at = IdentityProvider::start(&[&signer]).await;
    let gateway = gateway(&at, LONG);
    let token = signer.token(&claims(at.url(), AUDIENCE, &["readers"]));
    let left = tokio::time::timeout(Duration::from_micros(1), gateway.identify(&token, now())).await;
    assert!(left.is_err());
    assert_eq!(word(&gateway, &token).await, "jwt:ada as reader");
    assert_eq!(at.asked(), 1);
}

#[tokio::test]
async fn the_last_keys_are_kept_while_the_provider_is_down_but_not_for_ever() {
    let signer = Signer::p256("one");
    let at = IdentityProvider::start(&[&signer]).await;
    let gateway = gateway(&at, SHORT);
    let token = signer.token(&claims(at.url(), AUDIENCE, &["readers"]));
    assert_eq!(word(&gateway, &token).await, "jwt:ada as reader");
    let begun = Instant::now();
    at.is(Mood::Gone);
    sleep(SHORT.max_age).await;
    while begun.elapsed() < SHORT.keep.mul_f64(0.8) {
        assert_eq!(word(&gateway, &token).await, "jwt:ada as reader");
        sleep(Duration::from_millis(5)).await;
    }
    assert!(at.paths().len() < 20, "it is asked again, and not for each token: {}", at.paths().len());
    sleep(SHORT.keep).await;
    assert_eq!(word(&gateway, &token).await, "provider-unavailable");
    at.is(Mood::Well);
    sleep(SHORT.again).await;
    assert_eq!(word(&gateway, &token).await, "jwt:ada as reader");
}

/// Whatever it answers instead of keys, it is answered within a bound, nothing is taken, and it is well again when it is.
#[tokio::test]
async fn without_keys_nothing_is_taken() {
    let signer = Signer::p256("one");
    let at = IdentityProvider::start(&[&signer]).await;
    let token = signer.token(&claims(at.url(), AUDIENCE, &["readers"]));
    let says = |status: u16, text: &str| Mood::Says(StatusCode::from_u16(status).unwrap(), text.to_owned());
    for mood in [
        Mood::Gone,
        Mood::Silent,
        Mood::Endless,
        says(500, "{}"),
        says(302, "{}"),
        says(200, ""),
        says(200, "<html>"),
        says(200, "{}"),
        says(200, &json!({"keys": [signer.jwk()]}).to_string()),
        says(
            200,
            &json!({"issuer": "https://evil.example", "jwks_uri": format!("{}/keys", at.url())}).to_string(),
        ),
    ] {
        let gateway = gateway(&at, SHORT);
        at.is(mood.clone());
        let begun = Instant::now();
        assert_eq!(word(&gateway, &token).await, "provider-unavailable", "{mood:?}");
        assert!(begun.elapsed() < Duration::from_secs(3), "{mood:?}: {:?}", begun.elapsed());
        at.is(Mood::Well);
        sleep(SHORT.again).await;
        assert_eq!(word(&gateway, &token).await, "jwt:ada as reader", "{mood:?}");
    }
}

#[tokio::test]
async fn an_address_that_is_not_proved_names_nobody() {
    let signer = Signer::p256("one");
    let at = IdentityProvider::start(&[&signer]).await;
    let settings = Jwt { principal_claim: "email".to_owned(), ..settings(&at) };
    let gateway = Provider::with(&settings, Some(&"upstream".into()), LONG, PATIENCE).unwrap();
    let good = but(&claims(at.url(), AUDIENCE, &["readers"]), &json!({"email": "ada@example.com"}));
    for (verified, expect) in [
        (json!(null), "jwt:ada@example.com as reader"),
        (json!(true), "jwt:ada@example.com as reader"),
        (json!(false), "token-claims"),
        (json!("true"), "token-claims"),
    ] {
        let token = signer.token(&but(&good, &json!({ "email_verified": verified })));
        assert_eq!(word(&gateway, &token).await, expect, "{verified}");
    }
}

#[tokio::test]
async fn each_role_may_have_a_directus_token_of_its_own() {
    let signer = Signer::p256("one");
    let at = IdentityProvider::start(&[&signer]).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("editor.token");
    std::fs::write(&path, "of-editors\n").unwrap();
    let mut settings = settings(&at);
    settings.roles.get_mut("editors").unwrap().token = Some(Secret::File(path));
    // The same role with another token is another thing: which is meant cannot be told.
    settings.roles.insert("others".to_owned(), MappedRole { role: "editor".to_owned(), token: None });
    let gateway = Provider::with(&settings, Some(&"upstream".into()), LONG, PATIENCE).unwrap();
    let of = async |roles: &[&str]| {
        let found = gateway.identify(&signer.token(&claims(at.url(), AUDIENCE, roles)), now()).await;
        found.map_or_else(
            |rejected| rejected.as_str().to_owned(),
            |found| found.token.expose_secret().to_owned(),
        )
    };
    assert_eq!(of(&["editors"]).await, "of-editors");
    assert_eq!(of(&["readers"]).await, "upstream");
    assert_eq!(of(&["editors", "others"]).await, "token-roles");
    assert!(!format!("{gateway:?}").contains("of-editors"));

    let error = Provider::new(&settings, None).unwrap_err().to_string();
    assert!(error.contains("`others`") || error.contains("`readers`"), "{error}");
    assert_eq!(gateway.roles().into_iter().collect::<Vec<_>>(), ["editor", "reader"]);
}
