//! The gateway as its users run it: the built binary, with its own key file, trail and policies.

use super::client::{McpClient, Reply};
use super::process::Process;
use super::trail::{self, Call};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use tempfile::TempDir;

/// Where the upstream token is handed over.
const TOKEN_VARIABLE: &str = "WARRENER_TEST_TOKEN";

/// Everything that one gateway runs on; it outlives the process, so that a second one can be started on it.
#[derive(Debug)]
pub(crate) struct Site {
    folder: TempDir,
    upstream: String,
    token: String,
    policies: PathBuf,
    role: String,
}

/// A running gateway.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) process: Process,
    url: String,
    printed: Arc<Mutex<Vec<String>>>,
}

impl Site {
    /// A gateway in front of `upstream`, which is shown `token`, with the policies of a folder.
    pub(crate) fn new(upstream: &str, token: &str, policies: &Path, role: &str) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            upstream: upstream.to_owned(),
            token: token.to_owned(),
            policies: policies.to_owned(),
            role: role.to_owned(),
        }
    }

    /// Makes a client key.
    pub(crate) fn key(&self, name: &str) -> String {
        let keys = self.keys();
        let words =
            ["key", "new", name, "--role", &self.role, "--token-env", TOKEN_VARIABLE, "--keys", &keys];
        self.run(words).trim().to_owned()
    }

    /// A key that works in the address.
    pub(crate) fn key_in_url(&self, name: &str) -> String {
        let keys = self.keys();
        let words =
            ["key", "new", name, "--role", &self.role, "--token-env", TOKEN_VARIABLE, "--keys", &keys];
        self.run(words.into_iter().chain(["--in-url", "--expires", "1d"])).trim().to_owned()
    }

    /// Writes the settings that the gateway starts with, beside what it is told on its command line.
    pub(crate) fn settle(&self, settings: &str) {
        std::fs::write(self.path("warrener.yaml"), settings).unwrap();
    }

    /// Starts the gateway, and waits until it listens.
    pub(crate) fn start(&self) -> Gateway {
        self.listening(self.serve(self.command(), &self.audit()))
    }

    /// The same on a port that is known before.
    pub(crate) fn start_at(&self, port: u16) -> Gateway {
        self.listening(self.serve_at(self.command(), &self.audit(), port))
    }

    /// The same with these variables of the environment.
    pub(crate) fn start_with(&self, environment: &[(&str, &str)]) -> Gateway {
        let mut command = self.command();
        command.envs(environment.iter().copied());
        self.listening(self.serve(command, &self.audit()))
    }

    /// Starts the gateway as `change` has it, with `stdin`, and waits until it listens.
    pub(crate) fn start_as(&self, stdin: Stdio, change: impl FnOnce(Command) -> Command) -> Gateway {
        self.listening_with(change(self.serve(self.command(), &self.audit())), stdin)
    }

    /// The command that starts the gateway.
    pub(crate) fn serving(&self) -> Command {
        self.serve(self.command(), &self.audit())
    }

    /// Starts a gateway that cannot begin, and returns its exit code and what it said.
    pub(crate) fn start_in_vain(&self) -> (Option<i32>, String) {
        let output = self.serve(self.command(), &self.audit()).stdin(Stdio::null()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Starts the gateway with its trail on a file system that `mount`, a shell script, makes in a name space of its own: `$0` is
    /// the folder, and the rest is the command to go on with.
    pub(crate) fn start_on_small_disk(&self, mount: &str) -> Gateway {
        let folder = self.small_folder();
        std::fs::create_dir_all(&folder).unwrap();
        let mut command = Command::new("unshare");
        command.current_dir(self.folder.path()).env(TOKEN_VARIABLE, &self.token);
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", mount]).arg(&folder);
        command.arg(env!("CARGO_BIN_EXE_warrener"));
        self.listening(self.serve(command, &format!("sqlite://{}", folder.join("trail.db").display())))
    }

    /// Where that file system is, for the gateway.
    pub(crate) fn small_folder(&self) -> PathBuf {
        self.path("small")
    }

    /// Where it is for everyone else, as long as the gateway runs.
    pub(crate) fn small_disk(&self, gateway: &Gateway) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", gateway.process.id()));
        root.join(self.small_folder().strip_prefix("/").unwrap())
    }

    fn serve(&self, command: Command, audit: &str) -> Command {
        self.serve_at(command, audit, 0)
    }

    fn serve_at(&self, mut command: Command, audit: &str, port: u16) -> Command {
        command.args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--upstream", &self.upstream]);
        command.args(["--token-env", TOKEN_VARIABLE, "--keys", &self.keys(), "--role", &self.role]);
        command.arg("--policies").arg(&self.policies).args(["--audit", audit]);
        command
    }

    fn listening(&self, command: Command) -> Gateway {
        self.listening_with(command, Stdio::null())
    }

    fn listening_with(&self, mut command: Command, stdin: Stdio) -> Gateway {
        let log = self.path("gateway.log");
        let mut process = Process::start_with(command.stdout(Stdio::piped()), stdin, log);
        let (address, printed) = announced(BufReader::new(process.stdout()).lines());
        let url = address.unwrap_or_else(|| panic!("it did not listen:\n{}", process.log()));
        Gateway { process, url, printed }
    }

    /// Runs a subcommand to its end, and returns what it printed; a failure fails the test.
    pub(crate) fn run<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> String {
        let mut command = self.command();
        let output = command.args(words).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?} ended with {}:\n{said}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a subcommand to its end, and returns its exit code with all that it said.
    pub(crate) fn try_run<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> (Option<i32>, String) {
        let output = self.command().args(words).stdin(Stdio::null()).output().unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        (output.status.code(), said)
    }

    /// Runs a subcommand to its end, whatever that is: its exit code and what it printed.
    pub(crate) fn ended<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> (Option<i32>, String) {
        let output = self.command().args(words).stdin(Stdio::null()).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Every call of the trail, oldest first.
    pub(crate) async fn calls(&self) -> Vec<Call> {
        trail::calls(&self.path("trail.db")).await
    }

    /// The digest of each body that the trail says is forwarded.
    pub(crate) async fn forwarded(&self) -> BTreeSet<Vec<u8>> {
        trail::forwarded(&self.path("trail.db")).await
    }

    /// The trail's file.
    pub(crate) fn trail(&self) -> PathBuf {
        self.path("trail.db")
    }

    /// The trail's address, as the command line takes it.
    pub(crate) fn audit(&self) -> String {
        format!("sqlite://{}", self.path("trail.db").display())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_warrener"));
        command.current_dir(self.folder.path()).env(TOKEN_VARIABLE, &self.token);
        command
    }

    fn keys(&self) -> String {
        self.path("keys.yaml").display().to_string()
    }

    fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.folder.path().join(name.as_ref())
    }
}

impl Gateway {
    /// The answer to a request for another path than `/mcp`, without a credential.
    pub(crate) async fn get(&self, path: &str) -> Reply {
        let client = McpClient::new(self.url.replace("/mcp", path), "");
        client.send(http::Request::get(client.url()).body(http_body_util::Full::default()).unwrap()).await
    }

    pub(crate) fn client(&self, key: &str) -> McpClient {
        McpClient::new(&self.url, key)
    }

    /// What it has printed to standard output so far.
    pub(crate) fn printed(&self) -> Vec<String> {
        self.printed.lock().unwrap().clone()
    }
}

/// The address in the line that says that the gateway listens, and all lines, as they come. They are read on a thread of its own, so
/// that the gateway never waits for a full pipe.
fn announced(
    lines: impl Iterator<Item = std::io::Result<String>> + Send + 'static,
) -> (Option<String>, Arc<Mutex<Vec<String>>>) {
    let printed = Arc::new(Mutex::new(Vec::new()));
    let (said, address) = mpsc::channel();
    std::thread::spawn({
        let printed = Arc::clone(&printed);
        move || {
            for line in lines.map_while(Result::ok) {
                if let Some((_, address)) = line.split_once("listening on ") {
                    // Only the first one is waited for.
                    let _ = said.send(address.trim().to_owned());
                }
                printed.lock().unwrap().push(line);
            }
        }
    });
    (address.recv().ok(), printed)
}
