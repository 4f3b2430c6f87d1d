//! `warrener replay`: recorded calls decided again by other policies, without a request.

use crate::support::gateway::Site;
use crate::support::process::checkout;
use crate::support::upstream::Upstream;
use crate::trail::{id, refusal};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use warrener::audit::entry::Entry;
use warrener::audit::trail::{Trail, TrailOptions};

const PATIENCE: Duration = Duration::from_secs(30);

/// A trail of some calls under the shipped policies, and the gateway's place.
async fn recorded() -> (Upstream, Site) {
    let upstream = Upstream::start().await;
    let site = Site::new(upstream.url(), "upstream-token", &checkout("policies"), "content-editor");
    let key = site.key("desk");
    let mut gateway = site.start();
    let client = gateway.client(&key);
    for _ in 0..3 {
        client
            .tool("items", json!({"action": "read", "collection": "articles", "query": {"limit": 1}}))
            .await;
    }
    client
        .tool(
            "items",
            json!({"action": "update", "collection": "articles", "keys": [1], "data": {"title": "x"}}),
        )
        .await;
    client.tool("items", json!({"action": "delete", "collection": "articles", "keys": [1]})).await;
    client.tool("items", json!({"action": "read", "collection": "no_such_collection"})).await;
    gateway.process.terminate();
    assert!(gateway.process.ended(PATIENCE).await.success(), "{}", gateway.process.log());
    (upstream, site)
}

/// Exit code and output of a replay.
fn replay(site: &Site, policies: &Path, more: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_warrener"));
    command.args(["replay", "--audit", &site.audit(), "--policies"]).arg(policies).args(more);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code(), said)
}

/// The shipped policies with another one for editors.
fn other(permissions: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["guardrails.yaml", "developer.yaml"] {
        std::fs::copy(checkout("policies").join(name), folder.path().join(name)).unwrap();
    }
    let policy =
        format!("version: 1\nrole: content-editor\ndescription: For a test.\npermissions:\n{permissions}");
    std::fs::write(folder.path().join("content-editor.yaml"), policy).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_policies_change_nothing() {
    let (_upstream, site) = recorded().await;
    let (code, said) = replay(&site, &checkout("policies"), &["--strict", "--format", "json"]);
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((code, &report["calls"], &report["same"]), (Some(0), &json!(6), &json!(6)), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_change_is_grouped_with_examples() {
    let (_upstream, site) = recorded().await;
    let policies = other(
        "  - {id: read, collections: [articles], actions: [read]}
  - {id: tidy, collections: [articles, '@junctions', reviews, comments], actions: [delete, update], fields: ['*', '!title']}
",
    );
    let (code, said) = replay(&site, policies.path(), &[]);
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"since \S+", "since [TIME]");
    settings.add_filter(r"revision [0-9a-f]{12}", "revision [REVISION]");
    settings.add_filter(r"[0-9a-f]{8}-[0-9a-f-]{27}", "[ID]");
    settings.bind(|| insta::assert_snapshot!(said, @r#"
    6 calls since [TIME] decided again by revision [REVISION]
      the same                  4
      newly denied              1
      newly permitted           1
      undecidable               0

    newly denied
          1  content-editor  items: update articles  by content-editor/- (was content-editor/write-content)
             Updating articles names the field `title`, which this role may not write. Leave it out.
             such as [ID]

    newly permitted
          1  content-editor  items: delete articles  by content-editor/tidy (was content-editor/no-content-deletes)
             such as [ID]
    "#));
    assert_eq!(code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_trail_does_not_tell_is_counted_and_fails_a_strict_run() {
    let (_upstream, site) = recorded().await;
    site.run(["audit", "erase", "--principal", "desk", "--audit", &site.audit()]);
    let (code, said) = replay(&site, &checkout("policies"), &["--strict"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("5: it has no facts: they were erased"), "{said}");
    assert_eq!(replay(&site, &checkout("policies"), &[]).0, Some(0));
}

/// A clock that jumped: calls of before stand behind calls of after.
#[tokio::test(flavor = "multi_thread")]
async fn calls_are_taken_by_their_time_and_not_by_their_place() {
    let (_upstream, site) = recorded().await;
    let trail = Trail::open(&TrailOptions::new(site.audit())).await.unwrap();
    let refused = |at: &str| {
        let at = at.parse::<Timestamp>().unwrap().as_microsecond();
        Entry { at, ..refusal(id()) }
    };
    for at in ["2020-01-03T00:00:00Z", "2020-01-01T00:00:00Z", "2020-01-02T00:00:00Z"] {
        trail.commit(refused(at)).await.unwrap();
    }
    trail.close().await.unwrap();
    let calls = |since: &str| {
        let said = replay(&site, &checkout("policies"), &["--since", since, "--format", "json"]).1;
        serde_json::from_str::<Value>(&said).unwrap()["calls"].as_u64().unwrap()
    };
    assert_eq!(calls("2020-01-01"), 6 + 3);
    assert_eq!(calls("2020-01-02"), 6 + 2);
    assert_eq!(calls("2020-01-03"), 6 + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_has_one_clear_error() {
    let (_upstream, site) = recorded().await;
    for (more, error) in [
        (vec!["--since", "soon"], "error: `soon` is not a time"),
        (vec!["--role", "poet"], "error: there is no role `poet` in the policies\n"),
    ] {
        let (code, said) = replay(&site, &checkout("policies"), &more);
        assert!(code == Some(1) && said.starts_with(error), "{said}");
    }
    let (code, said) = replay(&site, Path::new("/no/such/folder"), &[]);
    assert!(code != Some(0) && said.starts_with("error: "), "{said}");
}
