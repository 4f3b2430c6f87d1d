//! `warrener stdio` as a client starts it: lines in, lines out, each of which must be one message.

use serde_json::{Value, json};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// A line that has not come by then never would.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running bridge; it ends with the value.
#[derive(Debug)]
pub(crate) struct Bridge {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// How a bridge ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// What it wrote that nobody had read yet.
    pub(crate) rest: Vec<Value>,
    pub(crate) status: ExitStatus,
    pub(crate) said: String,
}

impl Bridge {
    /// Starts it with these words, in that folder, and with these variables only.
    pub(crate) fn start(folder: &Path, words: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_warrener"));
        command.arg("stdio").args(words).current_dir(folder);
        command.env_clear().envs(variables.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Writes bytes as they are.
    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let input = self.input.as_mut().unwrap();
        input.write_all(bytes.as_ref()).await.unwrap();
        input.flush().await.unwrap();
    }

    /// Writes a request.
    pub(crate) async fn ask(&mut self, id: impl Into<Value>, method: &str, params: Value) {
        let id: Value = id.into();
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.write(format!("{message}\n")).await;
    }

    /// Writes a call of `items`.
    pub(crate) async fn items(&mut self, id: impl Into<Value>, arguments: Value) {
        self.ask(id, "tools/call", json!({"name": "items", "arguments": arguments})).await;
    }

    /// The next message that it writes.
    pub(crate) async fn line(&mut self) -> Value {
        let mut line = String::new();
        let read = timeout(PATIENCE, self.output.read_line(&mut line)).await;
        read.unwrap_or_else(|_| panic!("no line comes")).unwrap();
        message(&line)
    }

    /// Nothing comes for a while.
    pub(crate) async fn is_silent(&mut self) {
        let mut line = String::new();
        let read = timeout(Duration::from_millis(300), self.output.read_line(&mut line)).await;
        assert!(read.is_err(), "{line}");
    }

    /// Ends its input.
    pub(crate) fn hang_up(&mut self) {
        self.input = None;
    }

    /// Ends its input, and waits until it has ended.
    pub(crate) async fn end(mut self) -> Ended {
        self.hang_up();
        self.ended().await
    }

    /// Waits until it has ended, with its input as it is.
    pub(crate) async fn ended(mut self) -> Ended {
        let (mut written, mut said) = (String::new(), String::new());
        let reading = async {
            self.output.read_to_string(&mut written).await.unwrap();
            self.child.stderr.take().unwrap().read_to_string(&mut said).await.unwrap();
            self.child.wait().await.unwrap()
        };
        let status = timeout(PATIENCE, reading).await.unwrap_or_else(|_| panic!("it does not end"));
        Ended { rest: written.split_inclusive('\n').map(message).collect(), status, said }
    }
}

/// A line as the message that it has to be.
fn message(line: &str) -> Value {
    let text = line.strip_suffix('\n').unwrap_or_else(|| panic!("half a line: {line:?}"));
    assert!(!text.contains(['\r', '\n', '\0', '\u{feff}']), "{line:?}");
    let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    assert_eq!(value["jsonrpc"], "2.0", "{line}");
    value
}
