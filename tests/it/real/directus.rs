//! A real Directus, seeded, started by `tests/directus/start`.

use crate::support::client::McpClient;
use crate::support::gateway::Site;
use crate::support::process::{Process, checkout, eventually, free_port};
use crate::support::request::at;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// What seed.py gives to the administrator.
pub(crate) const ADMIN: &str = "admin-static-token";
/// What seed.py gives to the user with Directus' own role *Content Editor*.
pub(crate) const EDITOR: &str = "editor-token";

/// The first start on a machine bootstraps a template, and two may be waiting for one.
const START: Duration = Duration::from_mins(3);

/// A running Directus; it ends with the value.
#[derive(Debug)]
pub(crate) struct Directus {
    process: Process,
    folder: TempDir,
    url: String,
}

/// Directus' own switch against deletes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AllowDeletes {
    On,
    Off,
}

impl Directus {
    pub(crate) async fn start(deletes: AllowDeletes) -> Self {
        Self::start_at(deletes, None).await
    }

    /// One that is told that its clients find it at another address than its own.
    pub(crate) async fn start_at(deletes: AllowDeletes, public_url: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let switch = match deletes {
            AllowDeletes::On => "on",
            AllowDeletes::Off => "off",
        };
        let mut command = Command::new(checkout("tests/directus/start"));
        command.arg("--dir").arg(folder.path().join("site"));
        command.args(["--port", &port.to_string(), "--allow-deletes", switch, "--with-parent"]);
        command.args(public_url.map(|url| format!("--public-url={url}")));
        let log = folder.path().join("directus.log");
        let output = std::fs::File::create(folder.path().join("directus.out")).unwrap();
        let process = Process::start(command.stdout(output), log);
        let mut directus = Self { process, folder, url: format!("http://127.0.0.1:{port}") };
        directus.is_ready().await;
        directus
    }

    async fn is_ready(&mut self) {
        let client = self.client(ADMIN);
        let process = &mut self.process;
        eventually(START, "Directus answers", async || {
            assert_eq!(process.status().unwrap(), None, "Directus ended:\n{}", process.log());
            let ping = client.post(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
            client.try_send(ping).await.is_ok_and(|reply| reply.status.is_success())
        })
        .await;
    }

    /// Ends it, as a machine that is switched off does.
    pub(crate) fn stop(&mut self) {
        self.process.kill();
    }

    /// Keeps a copy of its whole state, for [`Directus::restore`].
    pub(crate) fn keep(&self) {
        self.copy("site", "kept");
    }

    /// Brings it back to the state that was kept, without a new start.
    pub(crate) async fn restore(&self) {
        self.copy("kept", "site");
        // What it knows of the schema stays in its memory otherwise.
        let admin = self.client(ADMIN);
        let reply = admin.send(at(admin.post("{}"), "/utils/cache/clear?system=true")).await;
        assert!(reply.status.is_success(), "{} {}", reply.status, reply.text());
    }

    fn copy(&self, from: &str, to: &str) {
        let mut command = Command::new(checkout("tests/directus/copy"));
        let status = command.args([from, to].map(|name| self.folder.path().join(name))).status().unwrap();
        assert!(status.success(), "{command:?}: {status}");
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A client that talks to it without a gateway.
    pub(crate) fn client(&self, token: &str) -> McpClient {
        McpClient::new(format!("{}/mcp", self.url), token)
    }

    /// A gateway in front of it, with the shipped policies and an administrator's token.
    pub(crate) fn guarded(&self, role: &str) -> Site {
        self.guarded_by(&checkout("policies"), role)
    }

    /// The same, with the policies of another folder.
    pub(crate) fn guarded_by(&self, policies: &Path, role: &str) -> Site {
        Site::new(&self.url, ADMIN, policies, role)
    }

    /// The same, with one role and no guardrails worth the name.
    pub(crate) fn guarded_by_role(&self, role: &str, text: &str) -> Site {
        let folder = self.folder.path().join("policies");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{role}.yaml")), text).unwrap();
        std::fs::write(folder.join("guardrails.yaml"), "version: 1\ndescription: None.\n").unwrap();
        self.guarded_by(&folder, role)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("site/data.db")
    }

    pub(crate) fn uploads(&self) -> PathBuf {
        self.folder.path().join("site/uploads")
    }
}
