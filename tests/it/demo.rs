//! The demo, run as the README says, with the two calls that it prints.

use crate::support::client::McpClient;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

struct Demo {
    process: Child,
    lines: Receiver<String>,
    _dir: tempfile::TempDir,
}

impl Demo {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_warrener"))
            .args(["demo", "--listen", "127.0.0.1:0"])
            .current_dir(dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let out = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { process, lines, _dir: dir }
    }

    /// The next line that has the text in it.
    fn line_with(&self, text: &str) -> String {
        loop {
            let line = self
                .lines
                .recv_timeout(Duration::from_secs(20))
                .unwrap_or_else(|_| panic!("no line with `{text}`"));
            if line.contains(text) {
                return line;
            }
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What a printed `curl` line would send, and where.
fn sent_by(curl: &str) -> (McpClient, Value) {
    let after = |text: &str, until: char| {
        let rest = curl.split_once(text).unwrap_or_else(|| panic!("no `{text}` in {curl}")).1;
        rest.split(until).next().unwrap().to_owned()
    };
    let client = McpClient::new(after("curl -s ", ' '), after("Bearer ", '\''));
    (client, serde_json::from_str(&after("-d '", '\'')).unwrap())
}

#[tokio::test]
async fn one_call_is_allowed_and_one_denied_and_both_are_shown() {
    let demo = Demo::start();
    let (client, allowed) = sent_by(&demo.line_with("curl"));
    let (_, denied) = sent_by(&demo.line_with("curl"));

    let reply = client.send(client.post(allowed.to_string())).await;
    assert!(reply.text().contains("Opening hours in winter"), "{}", reply.text());
    let shown = demo.line_with("permit");
    assert!(shown.contains("read articles") && shown.contains("content-editor/read-content"), "{shown}");

    let reply = client.send(client.post(denied.to_string())).await;
    let text = reply.tool_result().unwrap().text;
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&text), "the README shows another answer than {text}");
    let shown = demo.line_with("deny");
    assert!(
        shown.contains("delete articles") && shown.contains("content-editor/no-content-deletes"),
        "{shown}"
    );
}
