//! The clients of `tests/clients`, each an MCP SDK that nobody here wrote, in the eras that it speaks.

use crate::support::client::McpClient;
use crate::support::process::checkout;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An SDK, in its newest version or in the newest of the line before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sdk {
    TypeScript,
    TypeScriptBefore,
    Python,
    PythonBefore,
    Rust,
}

/// A client, and the article that it retitles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    sdk: Sdk,
    /// Whether it looks for the era without `initialize`, which an SDK of the line before does not know.
    pub(crate) is_modern: bool,
    pub(crate) article: u64,
}

const NEWEST_AND_OLDEST: [Client; 4] = [
    Client { sdk: Sdk::TypeScript, is_modern: true, article: 2 },
    Client { sdk: Sdk::TypeScriptBefore, is_modern: false, article: 2 },
    Client { sdk: Sdk::Python, is_modern: true, article: 3 },
    Client { sdk: Sdk::PythonBefore, is_modern: false, article: 3 },
];

const THE_OTHERS: [Client; 4] = [
    Client { sdk: Sdk::Rust, is_modern: true, article: 4 },
    Client { sdk: Sdk::Rust, is_modern: false, article: 4 },
    Client { sdk: Sdk::TypeScript, is_modern: false, article: 2 },
    Client { sdk: Sdk::Python, is_modern: false, article: 3 },
];

/// The newest and the oldest; with `WARRENER_FULL` all there are.
pub(crate) fn clients() -> Vec<Client> {
    let full = std::env::var_os("WARRENER_FULL").is_some();
    NEWEST_AND_OLDEST.into_iter().chain(THE_OTHERS.into_iter().filter(|_| full)).collect()
}

/// Those that can sign in by themselves.
pub(crate) fn that_sign_in() -> Vec<Client> {
    let can = |sdk| matches!(sdk, Sdk::TypeScript | Sdk::TypeScriptBefore);
    clients().into_iter().filter(|client| can(client.sdk)).collect()
}

/// Those that can start a command.
pub(crate) fn of_commands() -> Vec<Client> {
    clients().into_iter().filter(|client| client.sdk != Sdk::Rust).collect()
}

impl Sdk {
    /// What `tests/clients/install` calls it.
    fn name(self) -> &'static str {
        match self {
            Self::TypeScript => "typescript",
            Self::TypeScriptBefore => "typescript-before",
            Self::Python => "python",
            Self::PythonBefore => "python-before",
            Self::Rust => "rust",
        }
    }

    fn command(self, home: &Path) -> Command {
        let (program, script) = match self {
            Self::TypeScript | Self::TypeScriptBefore => {
                (PathBuf::from("node"), Some("tests/clients/client.mjs"))
            }
            Self::Python | Self::PythonBefore => {
                (home.join("venv/bin/python"), Some("tests/clients/client.py"))
            }
            Self::Rust => (home.join("bin/client"), None),
        };
        let mut command = Command::new(program);
        command.args(script.map(checkout));
        command
    }
}

impl Client {
    /// What it calls itself.
    pub(crate) fn name(self) -> String {
        format!("{}-{}", self.sdk.name(), self.era())
    }

    fn era(self) -> &'static str {
        if self.is_modern { "modern" } else { "legacy" }
    }

    /// Runs one session; returns what the client printed for each step, or what it said where the session broke.
    pub(crate) async fn session(self, at: &McpClient) -> Result<Session, String> {
        let (url, key) = (at.url().to_owned(), at.key().to_owned());
        // The client takes its time, and the test's own tasks must go on meanwhile.
        tokio::task::spawn_blocking(move || self.run(&url, &key)).await.unwrap()
    }

    /// As [`Client::session`], by way of a command that the client starts with these variables.
    pub(crate) async fn stdio_session(
        self,
        words: Vec<String>,
        variables: Vec<(&'static str, String)>,
    ) -> Result<Session, String> {
        let run = move || {
            let mut command = self.command();
            command.envs(variables).arg("--stdio").args(words);
            Session::of(&mut command)
        };
        tokio::task::spawn_blocking(run).await.unwrap()
    }

    /// As [`Client::session`], without a key: it signs in at whatever provider the gateway names.
    pub(crate) async fn signed_in_session(self, at: &McpClient) -> Result<Session, String> {
        let url = at.url().to_owned();
        let run = move || {
            let mut command = self.command();
            Session::of(command.env("MCP_URL", url).env("MCP_SIGN_IN", "desk:between-us"))
        };
        tokio::task::spawn_blocking(run).await.unwrap()
    }

    fn run(self, url: &str, key: &str) -> Result<Session, String> {
        let mut command = self.command();
        command.env("MCP_URL", url).env("MCP_KEY", key);
        Session::of(&mut command)
    }

    fn command(self) -> Command {
        let home = installed(self.sdk.name());
        let mut command = self.sdk.command(&home);
        command.env("MCP_HOME", &home).env("MCP_NAME", self.name()).env("MCP_ERA", self.era());
        command
    }
}

/// Runs a session with a Local MCP's tools.
pub(crate) async fn local_session(at: &McpClient) -> Result<Session, String> {
    let (url, key) = (at.url().to_owned(), at.key().to_owned());
    let run = move || {
        let mut command = Command::new("node");
        command.arg(checkout("tests/clients/local.mjs"));
        Session::of(command.env("MCP_URL", url).env("MCP_KEY", key).env("MCP_HOME", local_home()))
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// Where the SDK is that a Local MCP is made of, installed now if need be.
pub(super) fn local_home() -> PathBuf {
    installed(Sdk::TypeScriptBefore.name())
}

/// The folder of a client of `tests/clients/install`, installed now if need be.
pub(super) fn installed(name: &str) -> PathBuf {
    let mut command = Command::new(checkout("tests/clients/install"));
    let output = command.arg(name).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8(output.stdout).unwrap().trim())
}

/// What a client printed: one object for each step.
#[derive(Debug)]
pub(crate) struct Session(Vec<Value>);

impl Session {
    fn of(command: &mut Command) -> Result<Self, String> {
        let output = command.stdin(Stdio::null()).output().unwrap();
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let lines = String::from_utf8(output.stdout).unwrap();
        Ok(Self(lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()))
    }

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

#[test]
fn the_readme_names_the_versions_that_are_tested() {
    let [readme, installer] =
        ["README.md", "tests/clients/install"].map(|file| std::fs::read_to_string(checkout(file)).unwrap());
    let pins = installer.lines().filter_map(|line| {
        let (pin, package) = line.split_once(" # ")?;
        let (_, version) = pin.trim().split_once('=')?;
        Some((package.split(',').next()?.to_owned(), version.to_owned()))
    });
    let pins: Vec<_> = pins.collect();
    assert_eq!(pins.len(), 7, "{pins:?}");
    for (package, version) in pins {
        assert!(readme.contains(&format!("| `{package}` {version} |")), "{package} {version}");
    }
}
