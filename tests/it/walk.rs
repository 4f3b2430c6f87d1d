//! The way that the page about the language shows: from the recorded calls of a role to a policy that is proved, tested, observed and
//! enforced. Each step is the command that stands there.

use crate::support::gateway::Site;
use crate::support::process::{checkout, eventually};
use crate::support::upstream::Upstream;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

const PROOF: &str = "version: 1
assertions:
  - id: keeps-content
    roles: [content-editor]
    never: {actions: [delete], collections: [\"*\"]}
";

const EXAMPLES: &str = "version: 1
role: content-editor
schema: SCHEMA
tests:
  - name: reads titles
    call: {tool: items, arguments: {action: read, collection: articles, query: {fields: [title], limit: 1}}}
    expect: permit
  - name: does not read authors
    call: {tool: items, arguments: {action: read, collection: authors, query: {fields: [name], limit: 1}}}
    expect: {deny: no_permission}
";

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        // The examples and proofs of the shipped editor are about more than is left of it.
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(name));
        } else if !name.starts_with("content-editor.") && !name.ends_with(".proof.yaml") {
            fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn from_recorded_calls_to_a_policy_that_is_enforced() {
    let upstream = Upstream::start().await;
    let folder = tempfile::tempdir().unwrap();
    let (live, new) = (folder.path().join("policies"), folder.path().join("new"));
    copy(&checkout("policies"), &live);
    fs::copy(checkout("policies/content-editor.yaml"), live.join("content-editor.yaml")).unwrap();
    let site = Site::new(upstream.url(), "upstream-token", &live, "content-editor");
    let key = site.key("desk");
    let mut gateway = site.start();
    let read = |collection: &str, field: &str| json!({"action": "read", "collection": collection, "query": {"fields": [field], "limit": 1}});
    for _ in 0..3 {
        gateway.client(&key).tool("items", read("articles", "title")).await;
    }

    // suggest, check, diff, replay
    let text = |path: &Path| path.display().to_string();
    let (at_live, at_new, audit) = (text(&live), text(&new), site.audit());
    copy(&live, &new);
    let suggested =
        site.run(["suggest", "--role", "content-editor", "--policies", &at_live, "--audit", &audit]);
    fs::write(new.join("content-editor.yaml"), &suggested).unwrap();
    site.run(["check", "--policies", &at_new]);
    let replayed = ["replay", "--policies", &at_new, "--audit", &audit, "--strict", "--format", "json"];
    let replayed: serde_json::Value = serde_json::from_str(&site.run(replayed)).unwrap();
    assert_eq!((&replayed["same"], &replayed["newly_denied"]["calls"]), (&json!(3), &json!(0)));
    let less = site.ended(["diff", &at_live, &at_new]);
    assert!(less.0 == Some(1) && less.1.contains("content-editor loses"), "{less:?}");
    assert!(!less.1.contains("gains"), "{less:?}");

    // prove, test
    fs::write(new.join("content-editor.proof.yaml"), PROOF).unwrap();
    let schema = checkout("tests/fixtures/schema").display().to_string();
    fs::write(new.join("content-editor.test.yaml"), EXAMPLES.replace("SCHEMA", &schema)).unwrap();
    let proved = site.run(["prove", "--policies", &at_new]);
    assert!(proved.contains("keeps-content: holds for content-editor"), "{proved}");
    site.run(["test", "--policies", &at_new, "--coverage"]);

    // observe
    let observed =
        suggested.replacen("\nrole: content-editor\n", "\nrole: content-editor\nmode: observe\n", 1);
    assert_ne!(observed, suggested);
    let put = |text: &str| {
        let beside = live.join("content-editor.yaml.new");
        fs::write(&beside, text).unwrap();
        fs::rename(&beside, live.join("content-editor.yaml")).unwrap();
    };
    put(&observed);
    let stats = ["audit", "stats", "--by", "rule", "--observed", "--format", "json", "--audit", &audit];
    eventually(PATIENCE, "what is observed is let through and counted", async || {
        let found = gateway.client(&key).tool("items", read("authors", "name")).await;
        !found.is_error && site.run(stats).contains("content-editor/-")
    })
    .await;

    // enforce
    put(&suggested);
    eventually(PATIENCE, "what was observed is denied", async || {
        gateway.client(&key).tool("items", read("authors", "name")).await.is_error
    })
    .await;
    assert!(!gateway.client(&key).tool("items", read("articles", "title")).await.is_error);
    gateway.process.terminate();
    assert!(gateway.process.ended(PATIENCE).await.success(), "{}", gateway.process.log());
}
