//! `warrener doctor` in front of the real Directus, with an administrator's token and with a lesser one.

use super::directus::{ADMIN, AllowDeletes, Directus, EDITOR};
use super::dump::Dump;
use crate::support::gateway::Site;
use crate::support::process::checkout;
use serde_json::Value;

/// `level finding` of each, and all that is said.
fn diagnosed(site: &Site, url: &str) -> (Vec<String>, String) {
    let policies = checkout("policies").display().to_string();
    let audit = site.audit();
    let words =
        ["doctor", "--format", "json", "--listen", "127.0.0.1:9", "--upstream", url, "--audit", &audit];
    let more = ["--token-env", "WARRENER_TEST_TOKEN", "--policies", &policies];
    let (code, text) = site.ended(words.into_iter().chain(more));
    assert_eq!(code, Some(0), "{text}");
    let report: Value = serde_json::from_str(&text).unwrap();
    let found = report["findings"].as_array().unwrap().iter();
    let found =
        found.map(|one| format!("{} {}", one["level"].as_str().unwrap(), one["finding"].as_str().unwrap()));
    (found.collect(), text)
}

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn an_administrator_s_token_sees_all() {
    let directus = Directus::start(AllowDeletes::On).await;
    let before = Dump::of(&directus).await;
    let site = directus.guarded("content-editor");
    let (found, text) = diagnosed(&site, directus.url());
    for expected in [
        "ok directus",
        "ok version",
        "ok clock",
        "ok token",
        "note administrator",
        "ok schema",
        "ok mcp",
        "note allow-deletes",
        "warn relation-deletes",
        "warn cascade-deletes",
        "warn flows",
        "note around",
    ] {
        assert!(found.iter().any(|one| one == expected), "{expected}: {text}");
    }
    for said in
        ["12.4.0", "admin@example.com", "articles.reviews", "deleting from `customers`", "manual-delete"]
    {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(!text.contains(ADMIN), "{text}");
    assert_eq!(before.changes(&Dump::of(&directus).await), "", "it only reads");
}

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn a_lesser_token_sees_less_and_says_so() {
    let directus = Directus::start(AllowDeletes::Off).await;
    let site = Site::new(directus.url(), EDITOR, &checkout("policies"), "content-editor");
    let policies = checkout("policies").display().to_string();
    let words = ["doctor", "--format", "json", "--listen", "127.0.0.1:9", "--upstream", directus.url()];
    let more = ["--token-env", "WARRENER_TEST_TOKEN", "--policies", &policies];
    let (code, text) = site.ended(words.into_iter().chain(more));
    let report: Value = serde_json::from_str(&text).unwrap();
    let level = |name: &str| {
        let found = report["findings"].as_array().unwrap();
        found.iter().find(|one| one["finding"] == name).map(|one| one["level"].as_str().unwrap().to_owned())
    };
    assert_eq!(level("token").as_deref(), Some("ok"), "{text}");
    assert_eq!(level("administrator").as_deref(), Some("ok"), "{text}");
    assert_eq!(level("rights").as_deref(), Some("note"), "{text}");
    assert_eq!(level("mcp").as_deref(), Some("ok"), "{text}");
    assert_eq!(level("allow-deletes").as_deref(), Some("note"), "{text}");
    // An editor may not read the data model, and the gateway could decide nothing with this token alone.
    assert_eq!((level("schema").as_deref(), code), (Some("fail"), Some(1)), "{text}");
    assert!(!text.contains(EDITOR), "{text}");
}
