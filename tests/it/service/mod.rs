//! The gateway as a service: what a service manager is told, the socket that it hands over, restarts under load, backups, and the
//! files that an operator installs.

mod backup;
mod files;
mod inside;
mod manager;
mod restart;
mod settings;

use crate::support::client::McpClient;
use crate::support::gateway::{Gateway, Site};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A shell that puts its standard input where a service manager puts a socket, and says so as that does.
const HAND_OVER: &str = r#"LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@" 3<&0 </dev/null"#;

/// A socket that is listened on for whoever it is handed to.
struct Port(TcpListener);

impl Port {
    fn new() -> Self {
        Self::at("127.0.0.1:0")
    }

    fn at(address: &str) -> Self {
        Self(TcpListener::bind(address).unwrap())
    }

    fn client(&self, key: &str) -> McpClient {
        McpClient::new(format!("http://{}/mcp", self.0.local_addr().unwrap()), key)
    }

    fn stdin(&self) -> Stdio {
        Stdio::from(OwnedFd::from(self.0.try_clone().unwrap()))
    }

    /// Starts the site's gateway on the socket, and waits until it serves.
    fn start(&self, site: &Site) -> Gateway {
        site.start_as(self.stdin(), |command| by_shell(HAND_OVER, &command))
    }
}

/// The command, started by a shell's script.
fn by_shell(script: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", script]).arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    shell.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell
}

/// The arguments of a call that reads one article.
fn read(key: i64) -> Value {
    json!({"action": "read", "collection": "articles", "keys": [key], "query": {"fields": ["id"]}})
}

/// Policies without limits.
fn reader_policies() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("guardrails.yaml", "version: 1\ndescription: None.\nforbid: []\n");
    write(
        "reader.yaml",
        "version: 1\nrole: reader\ndescription: Reads articles.\npermissions:\n  - {id: read, collections: [articles], actions: [read]}\n",
    );
    folder
}

fn site(upstream: &str, policies: &Path) -> Site {
    Site::new(upstream, "upstream-token", policies, "reader")
}
