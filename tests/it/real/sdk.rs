//! The two clients of `tests/clients`, each an MCP SDK that nobody here wrote.

use crate::support::client::McpClient;
use crate::support::process::checkout;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An SDK, and the article that its client retitles.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sdk {
    TypeScript,
    Python,
}

pub(crate) const BOTH: [Sdk; 2] = [Sdk::TypeScript, Sdk::Python];

impl Sdk {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TypeScript => "typescript-sdk",
            Self::Python => "python-sdk",
        }
    }

    /// Runs one session; returns what the client printed for each step, or what it said where the session broke.
    pub(crate) async fn session(self, at: &McpClient) -> Result<Session, String> {
        let (url, key) = (at.url().to_owned(), at.key().to_owned());
        // The client takes its time, and the test's own tasks must go on meanwhile.
        tokio::task::spawn_blocking(move || self.run(&url, &key, self.script())).await.unwrap()
    }

    /// As [`Sdk::session`], with a Local MCP's tools; TypeScript only.
    pub(crate) async fn local_session(self, at: &McpClient) -> Result<Session, String> {
        let (url, key) = (at.url().to_owned(), at.key().to_owned());
        tokio::task::spawn_blocking(move || self.run(&url, &key, "tests/clients/local.mjs")).await.unwrap()
    }

    fn run(self, url: &str, key: &str, script: &str) -> Result<Session, String> {
        let home = install();
        let mut command = self.command(&home, script);
        command.env("MCP_URL", url).env("MCP_KEY", key).env("MCP_HOME", &home);
        let output = command.stdin(Stdio::null()).output().unwrap();
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let lines = String::from_utf8(output.stdout).unwrap();
        Ok(Session(lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()))
    }

    fn script(self) -> &'static str {
        match self {
            Self::TypeScript => "tests/clients/client.mjs",
            Self::Python => "tests/clients/client.py",
        }
    }

    fn command(self, home: &Path, script: &str) -> Command {
        let program = match self {
            Self::TypeScript => PathBuf::from("node"),
            Self::Python => home.join("venv/bin/python"),
        };
        let mut command = Command::new(program);
        command.arg(checkout(script));
        command
    }
}

/// Where the SDKs are, installed now if need be.
pub(super) fn install() -> PathBuf {
    let output = Command::new(checkout("tests/clients/install")).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// What a client printed: one object for each step.
#[derive(Debug)]
pub(crate) struct Session(Vec<Value>);

impl Session {
    /// What the step came to; a step that is missing fails the test.
    pub(crate) fn step(&self, name: &str) -> &Value {
        let found = self.0.iter().find(|step| step["step"] == name);
        found.unwrap_or_else(|| panic!("no step `{name}` in {:?}", self.0))
    }

    /// The text of a tool call's result, which must be an error or not, as said.
    pub(crate) fn text(&self, name: &str, is_error: bool) -> &str {
        let step = self.step(name);
        assert_eq!(step["isError"], is_error, "{step}");
        step["text"].as_str().unwrap()
    }

    /// For each tool that is listed, the actions that it offers.
    pub(crate) fn actions(&self) -> &Value {
        &self.step("tools/list")["actions"]
    }
}
