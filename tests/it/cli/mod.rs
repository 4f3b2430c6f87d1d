//! The command line as its users see it: what the built program prints, and how it ends.

mod ask;
mod connect;
mod doctor;
mod help;
mod lint;
mod proof;
mod start;
mod stop;
mod tested;
mod wrong;

use crate::support::process::checkout;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;

/// A command that has not ended by then would never have.
const PATIENCE: Duration = Duration::from_secs(30);

/// A working folder. What changes from run to run is replaced in every snapshot.
struct Desk {
    folder: TempDir,
    _filters: insta::internals::SettingsBindDropGuard,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = insta::Settings::clone_current();
        for (found, shown) in [
            (folder.path().to_str().unwrap(), "[DIR]"),
            (checkout("").to_str().unwrap().trim_end_matches('/'), "[CHECKOUT]"),
            (r"127\.0\.0\.1:\d{5}", "127.0.0.1:[PORT]"),
            (r"wr_[A-Za-z0-9_-]{43}", "wr_[KEY]"),
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "[TIME]"),
            (r"\b[0-9a-f]{64}\b", "[DIGEST]"),
            (r"\b[0-9a-f]{32}\b", "[PSEUDONYM]"),
        ] {
            settings.add_filter(found, shown);
        }
        Self { folder, _filters: settings.bind_to_scope() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, with the folder that it is in.
    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Runs the program with these words, where `POLICIES` and `SCHEMA` stand for the project's own.
    async fn run(&self, line: &str) -> String {
        self.run_with(line, "").await
    }

    /// As [`Desk::run`], with variables `NAME=value` in an environment that is empty otherwise.
    async fn run_with(&self, line: &str, variables: &str) -> String {
        let words: Vec<&str> = line.split_whitespace().collect();
        self.run_words_with(&words, variables).await
    }

    /// As [`Desk::run`], with words that may have spaces in them.
    async fn run_words(&self, words: &[&str]) -> String {
        self.run_words_with(words, "").await
    }

    async fn run_words_with(&self, words: &[&str], variables: &str) -> String {
        let own = |word: &&str| match *word {
            "POLICIES" => checkout("policies").display().to_string(),
            "SCHEMA" => checkout("tests/fixtures/schema").display().to_string(),
            other => other.to_owned(),
        };
        let line = words.join(" ");
        let variables = variables.split_whitespace().filter_map(|one| one.split_once('='));
        let mut command = Command::new(env!("CARGO_BIN_EXE_warrener"));
        command.args(words.iter().map(own)).current_dir(self.folder.path());
        command.env_clear().env("COLUMNS", "100").envs(variables);
        command.stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(PATIENCE, command.output()).await;
        let output = output.unwrap_or_else(|_| panic!("`{line}` does not end")).unwrap();
        let code = output.status.code().unwrap_or_else(|| panic!("`{line}`: {}", output.status));
        let mut shown = format!("exit code {code}\n");
        for (name, bytes) in [("output", output.stdout), ("messages", output.stderr)] {
            if !bytes.is_empty() {
                let text = String::from_utf8(bytes).unwrap();
                let lines = text.lines().map(|line| format!("{}\n", line.trim_end()));
                shown.extend(["--- ", name, "\n"]);
                shown.extend(lines);
            }
        }
        shown
    }
}
