//! Tokens of Directus' own: OAuth at the same resource, and passthrough, before a Directus that answers what a test says.

use super::site::{ADDRESS, Came, Plan, Recorded, Site, from, read, whole};
use crate::support::directus::{OWN, ROLE, StandIn, USER, claims, jwt};
use futures_util::future::join_all;
use http::Request;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;
use warrener::config::Limits;
use warrener::identity::{KeyFile, KeyRing, Roles, SameResource, Ways};
use warrener::upstream::{Upstream, UpstreamOptions};

const PUBLIC_URL: &str = "https://cms.example.com";
const STATIC: &str = "static-token-of-a-user";
const CHALLENGE: &str = r#"Bearer resource_metadata="https://cms.example.com/.well-known/oauth-protected-resource/mcp", scope="mcp:access""#;

/// Which ways are on beside keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum On {
    SameResource,
    Passthrough,
    Both,
}

fn ways(directus: &StandIn, on: On, strangers: u32) -> Ways {
    let roles = || Roles::new([("Editors".to_owned(), "tester".to_owned())]);
    let same = SameResource { public_url: PUBLIC_URL.to_owned(), roles: roles() };
    let upstream = Upstream::new(&UpstreamOptions::new(directus.url().parse().unwrap())).unwrap();
    let keys = KeyRing::in_memory(&KeyFile::default(), None).unwrap();
    Ways::by_key(keys)
        .and_directus(
            (on != On::Passthrough).then_some(same),
            (on != On::SameResource).then(roles),
            (upstream, OWN.to_owned().into()),
            strangers,
        )
        .unwrap()
}

async fn site(directus: &StandIn, on: On) -> Site {
    Plan { ways: Some(ways(directus, on, 60)), ..Plan::new() }.start().await
}

fn request(token: &str, address: SocketAddr) -> Request<warrener::accept::Body> {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "items", "arguments": read()}});
    let request = Request::post("/mcp")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {token}"));
    from(request.body(whole(body.to_string())).unwrap(), address)
}

async fn send(site: &Site, token: &str) -> Came {
    site.send(request(token, ADDRESS)).await
}

fn with(key: &str, value: Value) -> String {
    let mut claims = claims();
    claims[key] = value;
    jwt(&claims)
}

fn words(recorded: &[Recorded]) -> Vec<&str> {
    let refused = recorded.iter().filter_map(|row| row.error_code.as_deref());
    refused.collect()
}

#[tokio::test]
async fn a_good_token_is_asked_about_once_and_goes_upstream_itself() {
    let oauth = jwt(&claims());
    for (on, token, questions) in [
        (On::SameResource, oauth.as_str(), 2),
        (On::Passthrough, STATIC, 3),
        (On::Both, &oauth, 2),
        (On::Both, STATIC, 3),
    ] {
        let directus = StandIn::start().await;
        directus.takes(token);
        let site = site(&directus, on).await;
        let came = join_all((0..20).map(|_| send(&site, token))).await;
        assert!(came.iter().all(|came| came.status == 200), "{on:?}: {came:?}");
        assert_eq!(directus.asked().len(), questions, "{:?}", directus.asked());
        for seen in site.seen() {
            let authorization: Vec<_> =
                seen.headers.iter().filter(|(name, _)| name == "authorization").collect();
            assert_eq!(authorization, [&("authorization".to_owned(), format!("Bearer {token}"))]);
            let principal = ("x-warrener-principal".to_owned(), format!("directus:{USER}"));
            assert!(seen.headers.contains(&principal), "{seen:?}");
        }
        let recorded = site.end_without(token).await;
        assert_eq!(recorded.len(), 20);
        for row in recorded {
            assert_eq!((row.principal, row.role), (format!("directus:{USER}"), "tester".to_owned()));
        }
    }
}

/// What is wrong, the token, what is done to Directus, the status and the word for it.
type Case = (&'static str, String, fn(&StandIn), u16, &'static str);

#[tokio::test]
async fn every_other_oauth_token_is_refused_with_a_reason() {
    let good = jwt(&claims());
    let forged = with("iat", json!(1));
    let payload = |text: &str| {
        let encoded = jwt(&Value::Null);
        encoded.replace("bnVsbA", &crate::support::directus::encoded(text))
    };
    let nothing: fn(&StandIn) = |_| {};
    let cases: Vec<Case> = vec![
        ("expired", with("exp", json!(1_600_000_000)), nothing, 401, "expired"),
        ("for something else", with("aud", json!("https://other.example.com/mcp")), nothing, 401, "audience"),
        ("for Directus as a whole", with("aud", json!(PUBLIC_URL)), nothing, 401, "audience"),
        ("a login's", with("aud", Value::Null), nothing, 401, "audience"),
        ("another scope", with("scope", json!("mcp:access all")), nothing, 401, "scope"),
        ("a share", with("share", json!("x")), nothing, 401, "claims"),
        ("an id with a path in it", with("id", json!(format!("{USER}/../me"))), nothing, 401, "claims"),
        ("of another issuer", with("iss", json!("https://idp.example.com")), nothing, 401, "malformed"),
        ("claims twice", payload(r#"{"iss":"x","iss":"directus"}"#), nothing, 401, "malformed"),
        ("no signature", good.rsplit_once('.').unwrap().0.to_owned() + ".", nothing, 401, "malformed"),
        (
            "an OAuth token's beginning",
            good.rsplit_once('.').unwrap().0.to_owned(),
            nothing,
            401,
            "malformed",
        ),
        ("forged or revoked", forged, nothing, 401, "unknown"),
        ("a static one", STATIC.to_owned(), |directus| directus.takes(STATIC), 401, "malformed"),
        (
            "of another role",
            good.clone(),
            |directus| directus.has_role(Some((USER, "Administrator"))),
            401,
            "stale",
        ),
        ("of no role any more", good.clone(), |directus| directus.has_role(None), 401, "stale"),
        (
            "without a policy role",
            good.clone(),
            |directus| directus.has_role(Some((ROLE, "editors"))),
            403,
            "no_role",
        ),
        (
            "of a role called by another's id",
            good.clone(),
            |directus| directus.has_role(Some((ROLE, ROLE))),
            403,
            "no_role",
        ),
        ("suspended", good.clone(), |directus| directus.is_suspended(), 401, "unknown"),
        ("Directus out of order", good.clone(), |directus| directus.breaks(), 503, "unavailable"),
    ];
    for (what, token, does, status, word) in cases {
        let directus = StandIn::start().await;
        directus.takes(&good);
        does(&directus);
        let site = site(&directus, On::SameResource).await;
        let came = send(&site, &token).await;
        assert_eq!(came.status, status, "{what}: {}", came.text);
        let challenge = came.headers.get("www-authenticate").map(|value| value.to_str().unwrap());
        assert_eq!(challenge, (status == 401).then_some(CHALLENGE), "{what}");
        assert!(!came.text.contains(&token) && !came.text.contains(USER), "{what}: {}", came.text);
        assert!(site.seen().is_empty(), "{what}: it was forwarded");
        let questions = directus.asked();
        assert!(questions.iter().all(|asked| !asked.contains("..")), "{what}: {questions:?}");
        let recorded = site.end_without(&token).await;
        assert_eq!(words(&recorded), [word], "{what}");
        assert_eq!((recorded[0].kinds.as_str(), recorded[0].decision.as_str()), ("refusal", "deny"));
    }
}

#[tokio::test]
async fn every_other_static_token_is_refused_with_a_reason() {
    let oauth = jwt(&claims());
    let nothing: fn(&StandIn) = |_| {};
    let cases: Vec<Case> = vec![
        ("unknown", "no-such-token".to_owned(), nothing, 401, "unknown"),
        ("an OAuth token", oauth.clone(), nothing, 401, "malformed"),
        ("a login's", with("aud", Value::Null), nothing, 401, "malformed"),
        (
            "like a client key",
            "wr_chosen-by-somebody".to_owned(),
            |directus| directus.takes("wr_chosen-by-somebody"),
            401,
            "malformed",
        ),
        (
            "without a policy role",
            STATIC.to_owned(),
            |directus| directus.has_role(Some((ROLE, "Others"))),
            403,
            "no_role",
        ),
        ("without a role", STATIC.to_owned(), |directus| directus.has_role(None), 403, "no_role"),
        (
            "of another role than is in effect",
            STATIC.to_owned(),
            |directus| directus.has_role(Some((USER, "Editors"))),
            401,
            "stale",
        ),
        ("Directus out of order", STATIC.to_owned(), |directus| directus.breaks(), 503, "unavailable"),
    ];
    for (what, token, does, status, word) in cases {
        let directus = StandIn::start().await;
        directus.takes(STATIC);
        directus.takes(&oauth);
        does(&directus);
        let site = site(&directus, On::Passthrough).await;
        let came = send(&site, &token).await;
        assert_eq!(came.status, status, "{what}: {}", came.text);
        assert!(!came.text.contains(&token) && !came.text.contains(USER), "{what}: {}", came.text);
        assert!(site.seen().is_empty(), "{what}: it was forwarded");
        assert_eq!(words(&site.end_without(&token).await), [word], "{what}");
    }
}

#[tokio::test]
async fn a_credential_beside_the_token_is_one_too_many() {
    let directus = StandIn::start().await;
    let token = jwt(&claims());
    directus.takes(&token);
    let site = site(&directus, On::Both).await;
    for (name, value, uri, word) in [
        ("authorization", format!("Bearer {STATIC}"), "/mcp", "repeated"),
        ("cookie", format!("directus_session_token={STATIC}"), "/mcp", "cookie"),
        ("x-nothing", String::new(), "/mcp?access_token=x", "query"),
    ] {
        let mut request = request(&token, ADDRESS);
        *request.uri_mut() = uri.parse().unwrap();
        request.headers_mut().append(name, value.parse().unwrap());
        let came = site.send(request).await;
        assert_eq!((came.status.as_u16(), word), (401, word));
    }
    // In the address a token of Directus' does not work, however good it is.
    let mut alone = request(&token, ADDRESS);
    alone.headers_mut().remove("authorization");
    *alone.uri_mut() = format!("/mcp?access_token={token}").parse().unwrap();
    assert_eq!(site.send(alone).await.status, 401);
    assert!(directus.asked().is_empty(), "{:?}", directus.asked());
}

#[tokio::test]
async fn what_was_said_is_not_asked_again_and_does_not_outlive_the_token() {
    let directus = StandIn::start().await;
    let site = site(&directus, On::SameResource).await;
    let soon = Timestamp::now().as_second() + 2;
    let token = with("exp", json!(soon));
    directus.takes(&token);
    assert_eq!(send(&site, &token).await.status, 200);
    let asked = directus.asked().len();
    tokio::time::sleep(Duration::from_millis(2_100)).await;
    assert_eq!(send(&site, &token).await.status, 401, "kept, and expired all the same");
    let unknown = with("iat", json!(1));
    for _ in 0..20 {
        assert_eq!(send(&site, &unknown).await.status, 401);
    }
    assert_eq!(directus.asked().len(), asked + 1, "one question for twenty requests: {:?}", directus.asked());
}

#[tokio::test]
async fn a_directus_out_of_order_is_asked_again() {
    let directus = StandIn::start().await;
    directus.takes(STATIC);
    directus.broken.store(true, Ordering::SeqCst);
    let site = site(&directus, On::Passthrough).await;
    assert_eq!(send(&site, STATIC).await.status, 503);
    directus.broken.store(false, Ordering::SeqCst);
    assert_eq!(send(&site, STATIC).await.status, 200);
}

#[tokio::test]
async fn random_tokens_do_not_become_a_flood_of_questions() {
    let directus = StandIn::start().await;
    directus.takes(STATIC);
    let limits = Limits { strangers: 5, ..Limits::default() };
    let site = Plan { ways: Some(ways(&directus, On::Both, 5)), limits, ..Plan::new() }.start().await;
    assert_eq!(send(&site, STATIC).await.status, 200);
    let before = directus.asked().len();
    let tokens = (0..300).map(|number| match number % 2 {
        0 => format!("random-{number}"),
        _ => with("iat", json!(number)),
    });
    let statuses = join_all(tokens.map(|token| {
        let site = &site;
        async move { send(site, &token).await.status.as_u16() }
    }))
    .await;
    let asked = directus.asked().len() - before;
    assert!(asked <= 8, "{asked} questions");
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429)), "{statuses:?}");
    assert!(statuses.iter().filter(|status| **status == 429).count() >= 290, "{statuses:?}");
    assert_eq!(send(&site, STATIC).await.status, 200, "who is known is not a stranger");

    // From many addresses it is bounded too.
    let (before, began) = (directus.asked().len(), std::time::Instant::now());
    join_all((0..600_u32).map(|number| {
        let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + number);
        let request = request(&format!("from-elsewhere-{number}"), (address, 1).into());
        let site = &site;
        async move { site.send(request).await }
    }))
    .await;
    let asked = directus.asked().len() - before;
    let borne = 50 * (2 + began.elapsed().as_secs());
    assert!(asked as u64 <= borne, "{asked} questions of {borne}");
    let recorded = site.end().await;
    let refused = recorded.iter().filter(|row| row.principal.is_empty());
    assert_eq!(refused.map(|row| row.count).sum::<u64>(), 900, "every one is counted");
}

#[tokio::test]
async fn a_user_is_refused_by_name_whatever_its_token() {
    let directus = StandIn::start().await;
    let oauth = jwt(&claims());
    directus.takes(STATIC);
    directus.takes(&oauth);
    let refusing = ways(&directus, On::Both, 60).refusing(&[format!("directus:{USER}")]);
    let site = Plan { ways: Some(refusing), ..Plan::new() }.start().await;
    for token in [STATIC, &oauth, STATIC] {
        assert_eq!(send(&site, token).await.status, 401);
    }
    assert!(site.seen().is_empty());
    let recorded = site.end().await;
    assert!(recorded.iter().all(|row| row.error_code.as_deref() == Some("refused")), "{recorded:#?}");
    assert!(recorded.iter().all(|row| row.principal == format!("directus:{USER}")), "{recorded:#?}");
}

#[tokio::test]
async fn a_way_that_is_not_configured_does_not_exist() {
    let directus = StandIn::start().await;
    let oauth = jwt(&claims());
    directus.takes(STATIC);
    directus.takes(&oauth);
    let site = Plan::new().start().await;
    for token in [STATIC, &oauth] {
        let came = send(&site, token).await;
        assert_eq!(
            (came.status.as_u16(), came.headers["www-authenticate"].to_str().unwrap()),
            (401, "Bearer")
        );
    }
    assert_eq!(words(&site.end().await).first(), Some(&"malformed"));
    assert!(directus.asked().is_empty());
}
