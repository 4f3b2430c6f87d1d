//! `warrener suggest`: the least policy that the calls of a trail need, as a file.

use crate::support::gateway::Site;
use crate::support::process::checkout;
use crate::support::upstream::Upstream;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// A trail of a day's work of an editor.
async fn recorded() -> (Upstream, Site) {
    let upstream = Upstream::start().await;
    let site = Site::new(upstream.url(), "upstream-token", &checkout("policies"), "content-editor");
    let key = site.key("desk");
    let mut gateway = site.start();
    let client = gateway.client(&key);
    let file = "5c7b1f0e-0000-4000-8000-000000000000";
    let read = |fields: Value| json!({"action": "read", "collection": "articles", "query": {"fields": fields, "limit": 1}});
    let update = |data: Value| json!({"action": "update", "collection": "articles", "keys": [1], "data": data, "query": {"fields": ["id"]}});
    for (tool, arguments) in [
        ("items", read(json!(["title"]))),
        ("items", read(json!(["title", "status"]))),
        ("items", read(json!(["title", "author.name"]))),
        ("items", json!({"action": "read", "collection": "tags", "query": {"limit": 5}})),
        ("items", update(json!({"title": "x"}))),
        ("items", update(json!({"tags": {"create": [{"tags_id": 3}], "delete": [1]}}))),
        ("items", json!({"action": "delete", "collection": "articles", "keys": [1]})),
        (
            "files",
            json!({"action": "update", "keys": [file], "data": {"filename_disk": "x.png"}, "query": {"fields": ["id"]}}),
        ),
        ("items", read(json!(["no_such_field"]))),
    ] {
        client.tool(tool, arguments).await;
    }
    gateway.process.terminate();
    assert!(gateway.process.ended(PATIENCE).await.success(), "{}", gateway.process.log());
    (upstream, site)
}

/// Exit code, output and errors of a command about the trail.
fn told(site: &Site, command: &str, policies: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let mut words = Command::new(env!("CARGO_BIN_EXE_warrener"));
    words.args([command, "--audit", &site.audit(), "--policies"]).arg(policies).args(more);
    let output = words.output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.code(), out, err)
}

fn snapshot_settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"since\s(# )?\S+Z", "since [TIME]");
    settings.add_filter(r"last on \d{4}-\d\d-\d\d", "last on [DAY]");
    settings.add_filter(r"revision\s(# )?[0-9a-f]{12}", "revision [REVISION]");
    settings
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_used_becomes_a_policy() {
    let (_upstream, site) = recorded().await;
    let (code, file, errors) = told(&site, "suggest", &checkout("policies"), &["--role", "content-editor"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    let (permissions, _) = file.split_once("\nforbid:\n").expect(&file);
    snapshot_settings().bind(|| {
        insta::assert_snapshot!(permissions, @r#"
    # yaml-language-server: $schema=./policy.schema.json
    # What the calls of content-editor since [TIME] needed, and no more; out of revision [REVISION].
    # 6 calls that the policies of that revision let through, beside 2 that they deny and 0 of which the trail does not
    # tell enough.
    # Decided again by this file, all of those pass. What nobody has done yet is not in it, and the comments of the file
    # that it comes from are not either.
    # Nobody used the permissions link, media, write-media, read-model, read-system.
    # Nobody used the collections articles_blocks, block_secret, block_text, comments, customers, directus_access,
    # directus_activity, directus_collections, directus_comments, directus_dashboards, directus_deployment_projects,
    # directus_deployment_runs, directus_deployments, directus_extensions, directus_fields, directus_files,
    # directus_flows, directus_folders, directus_migrations, directus_notifications, directus_oauth_clients,
    # directus_oauth_codes, directus_oauth_consents, directus_oauth_tokens, directus_operations, directus_panels,
    # directus_permissions, directus_policies, directus_presets, directus_relations, directus_revisions, directus_roles,
    # directus_sessions, directus_settings, directus_shares, directus_translations, directus_users, directus_versions,
    # orders, profiles, prompts, reviews, site_settings.
    version: 1
    role: content-editor
    description: "Reads, creates and updates content; works on files and folders; links items and unlinks them. System collections can be read. Content is never deleted."

    permissions:
      # 3 calls, last on [DAY]
      - id: read-content-articles
        collections: [articles]
        actions: [read]
        fields: [author, status, title]
        max_items: 100

      # 1 call, last on [DAY]
      - id: read-content-authors
        collections: [authors]
        actions: [read]
        fields: [name]
        max_items: 100

      # 1 call, last on [DAY]
      - id: read-content-tags
        collections: [tags]
        actions: [read]
        max_items: 100

      # 2 calls, last on [DAY]
      - id: write-content-articles
        collections: [articles]
        actions: [update]
        fields: [tags, title]
        max_items: 50

      # 1 call, last on [DAY]
      - id: write-content-articles-tags-create
        collections: [articles_tags]
        actions: [create]
        fields: [tags_id]
        max_items: 50

      # 1 call, last on [DAY]
      - id: write-content-articles-tags-update
        collections: [articles_tags]
        actions: [update]
        fields: [articles_id]
        max_items: 50
    "#);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_else_stays_and_every_call_is_decided_alike() {
    let (_upstream, site) = recorded().await;
    let (_, file, _) = told(&site, "suggest", &checkout("policies"), &["--role", "content-editor"]);
    let (_, others) = file.split_once("\n\nforbid:\n").expect(&file);
    insta::assert_snapshot!(others, @r#"
      - id: no-system-writes
        collections: ["directus_*", "!directus_files", "!directus_folders"]
        actions: [create, update, delete, execute, import]
        reason: "This client may not change Directus itself. Ask a developer."
      - id: no-content-deletes
        collections: ["*", "!directus_files", "!directus_folders", "!@junctions"]
        actions: [delete]
        reason: "AI clients may not delete content. Ask an editor."

    import_from: ["https://images.example.com/"]
    prompts: ["*"]

    limits:
      - id: calls
        rate: 300/min
        burst: 60
      - id: writes
        rate: 60/min
        burst: 20
        actions: [create, update, delete, import]
      - id: parallel
        concurrency: 8

    redact: ["directus_flows.options", "directus_operations.options"]
    "#);

    // Put in the place of the old one, it decides every call of the trail alike.
    let folder = tempfile::tempdir().unwrap();
    for name in ["guardrails.yaml", "developer.yaml"] {
        std::fs::copy(checkout("policies").join(name), folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("content-editor.yaml"), &file).unwrap();
    let (code, report, errors) = told(&site, "replay", folder.path(), &["--strict", "--format", "json"]);
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(
        (code, &report["calls"], &report["same"]),
        (Some(0), &json!(9), &json!(9)),
        "{report}{errors}"
    );
    // What it suggests of itself is itself.
    let (_, again, _) = told(&site, "suggest", folder.path(), &["--role", "content-editor"]);
    let rules = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(rules(&again), rules(&file));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_denied_for_want_of_a_permission_is_added_where_that_is_asked_for() {
    let (_upstream, site) = recorded().await;
    let words = ["--role", "content-editor", "--include-denied"];
    let (code, file, errors) = told(&site, "suggest", &checkout("policies"), &words);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    let (_, added) = file.split_once("  # DENIED").expect(&file);
    let added = format!("  # DENIED{}", added.split("\nforbid:").next().unwrap());
    snapshot_settings().bind(|| {
        insta::assert_snapshot!(added, @r#"
    # DENIED SO FAR, for want of this permission: 1 call, last on [DAY]
    - id: denied-update-directus-files
      collections: [directus_files]
      actions: [update]
      fields: [filename_disk]
      max_items: 1
    "#);
    });
    // What a rule forbids is nothing that is missing.
    assert!(!file.contains("denied-delete"), "{file}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_suggest_and_bad_input_are_one_clear_error() {
    let (_upstream, site) = recorded().await;
    for (more, error) in [
        (vec!["--role", "reader"], "error: no call of `reader` since "),
        (
            vec!["--role", "content-editor", "--since", "2999-01-01"],
            "error: no call of `content-editor` since 2999-01-01T00:00:00.000000Z is in the trail, so there is nothing to suggest\n",
        ),
        (vec!["--role", "poet"], "error: there is no role `poet` in the policies\n"),
        (vec!["--role", "content-editor", "--since", "soon"], "error: `soon` is not a time"),
        (vec![], "error: the following required arguments were not provided"),
    ] {
        let (code, out, said) = told(&site, "suggest", &checkout("policies"), &more);
        assert!(code == Some(1) && out.is_empty() && said.starts_with(error), "{said}");
    }
    site.run(["audit", "erase", "--principal", "desk", "--audit", &site.audit()]);
    let (code, _, said) = told(&site, "suggest", &checkout("policies"), &["--role", "content-editor"]);
    assert_eq!(code, Some(1), "{said}");
}
