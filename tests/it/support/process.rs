//! Processes that a test starts, and ends by their own pid.

use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// How often something is looked at that cannot be waited for.
const LOOK: Duration = Duration::from_millis(20);

/// A process that ends with the value, and whose messages are shown where the test fails.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; what it writes to stderr goes to the file `log`.
    pub(crate) fn start(command: &mut Command, log: PathBuf) -> Self {
        Self::start_with(command, Stdio::null(), log)
    }

    /// The same with something else than nothing as its standard input.
    pub(crate) fn start_with(command: &mut Command, stdin: Stdio, log: PathBuf) -> Self {
        let stderr = std::fs::File::create(&log).unwrap();
        let child = command.stdin(stdin).stderr(stderr).spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, log }
    }

    /// Its standard output, where that was piped.
    pub(crate) fn stdout(&mut self) -> std::process::ChildStdout {
        self.child.stdout.take().unwrap()
    }

    /// What it wrote to stderr so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to end.
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("sh").args(["-c", "kill -\"$1\" \"$0\"", &pid, name]).status().unwrap();
        assert!(status.success(), "the process {pid} is gone already; it said:\n{}", self.log());
    }

    /// Ends it at once (SIGKILL), as a crash or the kernel would, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(&mut self, within: Duration) -> ExitStatus {
        let mut status = None;
        eventually(within, "the process ends", async || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        })
        .await;
        status.unwrap()
    }

    /// Its status, where it has ended.
    pub(crate) fn status(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }
}

impl Process {
    #[expect(clippy::print_stderr, reason = "it is shown below the test that failed")]
    fn show_log(&self) {
        eprintln!("--- {}\n{}", self.log.display(), self.log());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; there is nothing else to do then.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() && !self.log().is_empty() {
            self.show_log();
        }
    }
}

/// Looks until `holds` does; fails with `what` after `within`.
pub(crate) async fn eventually(within: Duration, what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let looking = async {
        while !holds().await {
            tokio::time::sleep(LOOK).await;
        }
    };
    let done = tokio::time::timeout(within, looking).await;
    assert!(done.is_ok(), "not within {within:?}: {what}");
}

/// A port of the loopback interface that nobody listens on.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A path of the checkout.
pub(crate) fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
