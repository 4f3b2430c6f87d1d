//! A gateway whose files change while calls are running: its policies, and what is stopped.

mod policies;
mod stopped;

use crate::support::client::{McpClient, Reply};
use crate::support::gateway::{Gateway, Site};
use crate::support::process::eventually;
use crate::support::trail;
use crate::support::upstream::Upstream;
use serde_json::{Value, json};
use sqlx::Row as _;
use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinSet;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The client.
const CLIENT: &str = "desk";

/// A folder of policies as name and text.
type Files<'a> = &'a [(&'a str, &'a str)];

/// A gateway with a folder of policies that can be changed, in front of an upstream that keeps what it was asked.
struct Workshop {
    upstream: Upstream,
    site: Site,
    gateway: Gateway,
    client: McpClient,
    folder: TempDir,
}

impl Workshop {
    /// Starts the gateway on these policies; the client's role is `reader`.
    async fn start(files: Files<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let policies = folder.path().join("policies");
        std::fs::create_dir(&policies).unwrap();
        for (name, text) in files {
            std::fs::write(policies.join(name), text).unwrap();
        }
        let upstream = Upstream::start().await;
        let site = Site::new(upstream.url(), "upstream-token", &policies, "reader");
        let key = site.key(CLIENT);
        let gateway = site.start();
        let client = gateway.client(&key);
        Self { upstream, site, gateway, client, folder }
    }

    /// Ends the gateway at once, and starts another one on the same files.
    fn start_again(&mut self) {
        self.gateway.process.kill();
        self.gateway = self.site.start();
        self.client = self.gateway.client(self.client.key());
    }

    /// The folder of policies, or a place beside it.
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path("policies").join(name), text).unwrap();
    }

    async fn call(&self, call: &Value) -> String {
        said(&self.client.rpc("tools/call", call.clone()).await)
    }

    /// Waits until a call is answered so.
    async fn answers(&self, call: &Value, expect: &str) {
        eventually(PATIENCE, expect, async || self.call(call).await == expect).await;
    }

    /// Waits until the log has that text, and tells how often it has.
    async fn logs(&self, text: &str) -> usize {
        eventually(PATIENCE, text, async || self.gateway.process.log().contains(text)).await;
        self.gateway.process.log().matches(text).count()
    }

    /// How `/readyz` finds the policies, while the gateway is ready.
    async fn readiness(&self) -> String {
        let reply = self.gateway.get("/readyz").await;
        assert!(reply.status.is_success(), "{}", reply.text());
        reply.json()["checks"]["policies"].as_str().unwrap().to_owned()
    }

    /// The notes of the trail's entries of a kind, in their order.
    async fn notes(&self, kind: &str) -> Vec<Value> {
        let mut connection = trail::open(&self.site.trail()).await;
        let rows = sqlx::query("SELECT note FROM entries WHERE kind = ? ORDER BY seq").bind(kind);
        let rows = rows.fetch_all(&mut connection).await.unwrap();
        rows.iter().map(|row| serde_json::from_str(&row.get::<String, _>(0)).unwrap()).collect()
    }
}

/// Calls that are made over and over by several tasks, and how they were answered.
struct Traffic {
    tasks: JoinSet<BTreeMap<String, u64>>,
    made: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
}

impl Traffic {
    /// Begins to make these calls.
    fn of(client: &McpClient, calls: &[Value]) -> Self {
        let (made, ended) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let mut tasks = JoinSet::new();
        for call in calls {
            let (client, call) = (client.clone(), call.clone());
            let (made, ended) = (made.clone(), ended.clone());
            tasks.spawn(async move {
                let mut answers = BTreeMap::new();
                while !ended.load(Ordering::Relaxed) {
                    let reply = client.rpc("tools/call", call.clone()).await;
                    *answers.entry(said(&reply)).or_default() += 1;
                    made.fetch_add(1, Ordering::Relaxed);
                    // The key may call 200 times a second.
                    tokio::time::sleep(Duration::from_millis(15)).await;
                }
                answers
            });
        }
        Self { tasks, made, ended }
    }

    /// Lets so many more calls be made.
    async fn flows(&self, calls: u64) {
        let end = self.made.load(Ordering::Relaxed) + calls;
        eventually(PATIENCE, "calls are made", async || self.made.load(Ordering::Relaxed) >= end).await;
    }

    /// Ends it, and tells how often each answer came.
    async fn end(self) -> BTreeMap<String, u64> {
        self.ended.store(true, Ordering::Relaxed);
        let mut all = BTreeMap::new();
        for (answer, count) in self.tasks.join_all().await.into_iter().flatten() {
            *all.entry(answer).or_default() += count;
        }
        all
    }
}

/// `ok`, or the code of the refusal with its rule.
fn said(reply: &Reply) -> String {
    let Some(result) = reply.tool_result() else { return format!("{} {}", reply.status, reply.text()) };
    if !result.is_error {
        return "ok".to_owned();
    }
    let error = serde_json::from_str::<Value>(&result.text).unwrap()[0].take();
    format!("{} {}", error["code"].as_str().unwrap(), error["rule"].as_str().unwrap_or("-"))
}

fn read() -> Value {
    json!({"name": "items", "arguments": {"action": "read", "collection": "articles", "keys": [1], "query": {"fields": ["id"]}}})
}

/// The key under which the upstream sees a delete.
const DELETED: i64 = 13;

fn delete() -> Value {
    json!({"name": "items", "arguments": {"action": "delete", "collection": "tags", "keys": [DELETED]}})
}

/// Puts a link in the place of another in one step.
fn swap_link(link: &Path, target: &Path) {
    let beside = link.with_extension("new");
    symlink(target, &beside).unwrap();
    std::fs::rename(&beside, link).unwrap();
}
