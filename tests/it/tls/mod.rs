//! TLS, HTTP/2, certificates of clients, and proxies: by clients and proxies that nobody here wrote.

mod certificates;
mod clients;
mod files;
mod proxied;
mod slow;

use crate::support::authority::Authority;
use crate::support::gateway::{Gateway, Site};
use crate::support::upstream::Upstream;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

const ROLE: &str = "version: 1\nrole: reader\npermissions:\n  - {id: all, collections: [\"*\", \"!directus_*\"], actions: [read, delete], max_items: 100}\n";
const GUARDRAILS: &str =
    "version: 1\nforbid:\n  - {id: no-users, collections: [directus_users], actions: [update]}\n";

/// What a gateway with a certificate runs on. The files of certificates are in its folder.
struct Place {
    upstream: Upstream,
    site: Site,
    /// The one that servers have their certificate from.
    authority: Authority,
    folder: TempDir,
    /// That of the client `desk`.
    key: String,
}

impl Place {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let policies = folder.path().join("policies");
        std::fs::create_dir(&policies).unwrap();
        std::fs::write(policies.join("reader.yaml"), ROLE).unwrap();
        std::fs::write(policies.join("guardrails.yaml"), GUARDRAILS).unwrap();
        let authority = Authority::new(folder.path(), "authority");
        authority.put("server", &authority.server());
        let upstream = Upstream::start().await;
        let site = Site::new(upstream.url(), "upstream-token", &policies, "reader");
        let key = site.key("desk");
        Self { upstream, site, authority, folder, key }
    }

    /// The settings with `tls` and what else is in `listen` and beside it.
    fn settle(&self, tls: &str, listen: &str, beside: &str) {
        let folder = self.folder.path().display();
        self.site.settle(&format!(
            "version: 1\nlisten:\n  address: 127.0.0.1:0\n  tls: {{certificate: {folder}/server.pem, key: {folder}/server.key{tls}}}\n{listen}{beside}"
        ));
    }

    /// A gateway that speaks TLS and asks clients for nothing but a key.
    async fn start() -> (Self, Gateway) {
        let place = Self::new().await;
        place.settle("", "", "");
        let gateway = place.site.start();
        (place, gateway)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A call by `curl`, with more arguments; a tool that deletes, so that it is seen whether it was forwarded.
    async fn curl(&self, url: &str, key: Option<&str>, arguments: &[&str]) -> Curled {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params":
            {"name": "items", "arguments": {"action": "delete", "collection": "tags", "keys": [5]}}});
        let mut command = self.command("curl");
        command.args([
            "-sS",
            "--max-time",
            "20",
            "--cacert",
            "authority.pem",
            "-w",
            "\n%{http_code} %{http_version}",
        ]);
        command.args([
            "-H",
            "Content-Type: application/json",
            "-H",
            "Accept: application/json, text/event-stream",
        ]);
        if let Some(key) = key {
            command.args(["-H", &format!("Authorization: Bearer {key}")]);
        }
        command.args(["-d", &body.to_string()]).args(arguments).arg(url);
        Curled::of(&output(command).await)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).stdin(Stdio::null()).kill_on_drop(true);
        command
    }
}

/// What curl saw.
#[derive(Debug)]
struct Curled {
    status: String,
    version: String,
    body: String,
    /// What it said where there was no reply.
    said: String,
}

impl Curled {
    fn of((printed, said): &(String, String)) -> Self {
        let (body, last) = printed.rsplit_once('\n').unwrap_or_default();
        let (status, version) = last.split_once(' ').unwrap_or_default();
        let owned = str::to_owned;
        Self { status: owned(status), version: owned(version), body: owned(body), said: owned(said) }
    }

    fn is_answered(&self) -> bool {
        self.status == "200" && self.body.contains("\"result\"")
    }
}

/// What a command printed, and what it said.
async fn output(mut command: Command) -> (String, String) {
    let output = tokio::time::timeout(5 * PATIENCE, command.output()).await.expect("it goes on").unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// Host and port of a gateway.
fn authority_of(gateway: &Gateway) -> String {
    let url = gateway.client("").url().to_owned();
    url.strip_prefix("https://").and_then(|url| url.strip_suffix("/mcp")).unwrap().to_owned()
}

/// A script in Python, with arguments.
async fn python(folder: &Path, script: &str, arguments: &[&str]) -> (String, String) {
    let mut command = Command::new("python3");
    command.current_dir(folder).stdin(Stdio::null()).kill_on_drop(true).args(["-c", script]).args(arguments);
    output(command).await
}

#[test]
fn the_documented_settings_are_valid() {
    let readme = include_str!("../../../README.md");
    let section = readme.split("### TLS, and clients with certificates").nth(1).unwrap();
    let block = section.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let source = warrener::policy::diagnostic::Source::new("README.md", format!("version: 1\n{block}"));
    let config = warrener::config::Config::from_yaml(&source).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(config.listen.tls.is_some() && config.identity.certificates.len() == 1);
    assert_eq!(config.listen.problem(), None);
}
