//! The gateway as its users run it, in front of a process.

use crate::support::gateway::{Gateway, Site};
use crate::support::process::{checkout, eventually};
use crate::support::upstream::Upstream;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

const TOKEN: &str = "the-secret-token-of-directus";

const ROLE: &str = r"
version: 1
role: editor
description: Reads.
permissions:
  - {id: read, collections: [articles, customers, tags], actions: [read], fields: [id], max_items: 9}
";

struct Desk {
    folder: TempDir,
    upstream: Upstream,
}

impl Desk {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("editor.yaml"), ROLE).unwrap();
        std::fs::write(folder.path().join("guardrails.yaml"), "version: 1\ndescription: None.\n").unwrap();
        Self { folder, upstream: Upstream::start().await }
    }

    fn site(&self, args: &[&str], more: &str) -> Site {
        let site = Site::new(self.upstream.url(), TOKEN, self.folder.path(), "editor");
        let log = self.log().display().to_string();
        let args = json!(args);
        site.settle(&format!(
            "version: 1\nupstream:\n  command: python3\n  args: {args}\n  env: {{FAKE_LOG: {log:?}, HTTPS_PROXY: 'http://bob:hunter2var@proxy:1'}}\n{more}"
        ));
        site
    }

    fn fake(&self) -> Site {
        self.site(&[&checkout("tests/local_mcp/fake.py").display().to_string()], "  timeout: 2s\n")
    }

    fn log(&self) -> std::path::PathBuf {
        self.folder.path().join("lines.log")
    }
}

fn read(collection: &str) -> Value {
    json!({"collection": collection, "query": {"fields": ["id"]}})
}

async fn ends(mut gateway: Gateway) -> String {
    gateway.process.terminate();
    assert!(gateway.process.ended(Duration::from_secs(30)).await.success());
    gateway.process.log()
}

#[tokio::test]
async fn calls_are_decided_forwarded_and_recorded() {
    let desk = Desk::new().await;
    let site = desk.fake();
    let key = site.key("desk");
    let gateway = site.start();
    let client = gateway.client(&key);
    let read_one = client.tool("read-items", read("articles")).await;
    assert_eq!((read_one.is_error, read_one.text.as_str()), (false, r#"[{"id":1}]"#));
    let delete = client.tool("delete-item", json!({"collection": "articles", "id": 1})).await;
    assert!(delete.is_error && delete.text.contains("POLICY_DENIED"), "{}", delete.text);
    let other = client.tool("items", json!({"action": "read", "collection": "articles"})).await;
    assert!(other.is_error && other.text.contains("POLICY_DENIED"), "{}", other.text);
    let list = client.rpc("tools/list", json!({})).await.json();
    assert_eq!(list["result"]["tools"].as_array().unwrap().len(), 1, "{list}");
    let ready = gateway.get("/readyz").await;
    assert!(ready.text().contains("local-mcp"), "{}", ready.text());

    let log = ends(gateway).await;
    assert!(!log.contains(TOKEN), "{log}");
    let reached = std::fs::read_to_string(desk.log()).unwrap();
    let reached: Vec<Value> = reached.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let tools: Vec<_> = reached.iter().filter(|line| line["method"] == "tools/call").collect();
    assert_eq!(tools.len(), 1, "{reached:#?}");
    // One role, one limit: what goes on is what was judged.
    assert_eq!(tools[0]["params"]["arguments"]["query"], json!({"fields": ["id"], "limit": 9}));
    let calls = site.calls().await;
    let outcomes: Vec<_> = calls
        .iter()
        .filter(|call| call.method == "tools/call")
        .map(|call| (call.tool.as_deref().unwrap(), call.outcome.as_deref().unwrap()))
        .collect();
    assert_eq!(outcomes, [("read-items", "ok"), ("delete-item", "refused"), ("items", "refused")]);
}

#[tokio::test]
async fn a_process_that_dies_or_is_silent_is_told_and_recorded() {
    let desk = Desk::new().await;
    let site = desk.fake();
    let key = site.key("desk");
    let gateway = site.start();
    let client = gateway.client(&key);
    let dead = client.rpc("tools/call", json!({"name": "read-items", "arguments": read("customers")})).await;
    assert!(dead.text().contains("Directus may have carried out the call"), "{}", dead.text());
    let again = json!({"name": "read-items", "arguments": read("articles")});
    eventually(Duration::from_secs(20), "it is started again", async || {
        !client.rpc("tools/call", again.clone()).await.is_refusal()
    })
    .await;
    let silent = client.rpc("tools/call", json!({"name": "read-items", "arguments": read("tags")})).await;
    assert_eq!(silent.status, 504, "{}", silent.text());

    let log = ends(gateway).await;
    assert!(log.contains("it ends now"), "what it said on standard error is in the log: {log}");
    assert!(log.contains("@proxy:1") && !log.contains("hunter2var"), "{log}");
    assert!(!log.contains(TOKEN), "{log}");
    let outcomes: Vec<_> = site.calls().await.into_iter().map(|call| call.outcome.unwrap()).collect();
    // Those that came during the pause did not reach it either.
    let last: Vec<&str> = outcomes.iter().rev().take(2).map(String::as_str).collect();
    assert_eq!((outcomes[0].as_str(), last), ("failed", vec!["failed", "ok"]), "{outcomes:?}");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_said_and_nothing_is_lost() {
    let desk = Desk::new().await;
    let site = desk.site(&["/nowhere.py"], "");
    let key = site.key("desk");
    let gateway = site.start();
    let client = gateway.client(&key);
    let refused =
        client.rpc("tools/call", json!({"name": "read-items", "arguments": read("articles")})).await;
    assert!(refused.text().contains("is not running"), "{}", refused.text());
    assert!(!gateway.get("/healthz").await.status.is_server_error());
    let log = ends(gateway).await;
    assert!(log.contains("No such file"), "{log}");
    assert!(!Path::new(&desk.log()).exists());
}
