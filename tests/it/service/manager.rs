//! What a service manager is told, and what it hands over.

use super::{PATIENCE, Port, by_shell, read, reader_policies, site};
use crate::support::upstream::Upstream;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long the manager waits for a sign of life.
const WATCHDOG: Duration = Duration::from_millis(1500);

/// A service manager's end of the line.
struct Manager {
    socket: UnixDatagram,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        Self { socket, path, _folder: folder }
    }

    fn watches(&self, mut command: Command) -> Command {
        command.env("NOTIFY_SOCKET", &self.path).env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string());
        command
    }

    /// What is told next; `None` where nothing is for so long.
    fn told(&self, within: Duration) -> Option<String> {
        let mut bytes = [0; 4096];
        self.socket.set_read_timeout(Some(within)).unwrap();
        let length = self.socket.recv(&mut bytes).ok()?;
        Some(String::from_utf8(bytes[..length].to_vec()).unwrap())
    }

    /// Reads until something is told that begins so, and returns it.
    fn waits_for(&self, what: &str) -> String {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(told) = self.told(Duration::from_secs(1)).filter(|told| told.starts_with(what)) {
                return told;
            }
        }
        panic!("the service manager is not told {what}")
    }

    /// Whether a sign of life comes within that time; what came before is passed over.
    fn sees_life(&self, within: Duration) -> bool {
        while self.told(Duration::from_millis(1)).is_some() {}
        let end = Instant::now() + within;
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            if self.told(left).is_some_and(|told| told.starts_with("WATCHDOG=1")) {
                return true;
            }
        }
        false
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_told_what_the_gateway_does() {
    let (upstream, policies, manager) = (Upstream::start().await, reader_policies(), Manager::new());
    let site = site(upstream.url(), policies.path());
    site.key("claude");
    let mut gateway = site.start_as(Stdio::null(), |command| manager.watches(command));
    assert_eq!(manager.waits_for("READY=1"), "READY=1\nSTATUS=serving\n");
    manager.waits_for("WATCHDOG=1");
    manager.waits_for("WATCHDOG=1");

    gateway.process.signal("HUP");
    let told = manager.waits_for("RELOADING=1");
    let at = told.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    assert!(at.is_some_and(|at| at.parse::<u64>().is_ok()), "{told}");
    assert_eq!(manager.waits_for("READY=1"), "READY=1\nSTATUS=serving\n");
    std::fs::write(policies.path().join("reader.yaml"), "nonsense").unwrap();
    gateway.process.signal("HUP");
    assert!(manager.waits_for("READY=1").contains("by the last good policies"));

    gateway.process.terminate();
    manager.waits_for("STOPPING=1");
    assert!(gateway.process.ended(PATIENCE).await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_sign_of_life_while_the_trail_is_stuck() {
    let (upstream, policies, manager) = (Upstream::start().await, reader_policies(), Manager::new());
    let site = site(upstream.url(), policies.path());
    let gateway = site.start_as(Stdio::null(), |command| manager.watches(command));
    manager.waits_for("READY=1");
    assert!(manager.sees_life(PATIENCE), "{}", gateway.process.log());

    // Another program has the file, so that the writer waits inside of SQLite.
    let options = SqliteConnectOptions::new().filename(site.trail());
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    // What was written less than a second ago is a sign of life, and one may be under way.
    tokio::time::sleep(Duration::from_millis(2500)).await;
    assert!(!manager.sees_life(Duration::from_secs(2)), "it lies");
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    assert!(manager.sees_life(PATIENCE), "{}", gateway.process.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_is_handed_over_is_served() {
    let (upstream, policies, port) = (Upstream::start().await, reader_policies(), Port::new());
    let site = site(upstream.url(), policies.path());
    let key = site.key("claude");
    let gateway = port.start(&site);
    // Not `--listen`, which the test gives too.
    assert_eq!(gateway.client(&key).url(), port.client(&key).url());
    assert!(!port.client(&key).tool("items", read(1)).await.is_error);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_served_is_refused() {
    let (upstream, policies) = (Upstream::start().await, reader_policies());
    let site = site(upstream.url(), policies.path());
    let refused = |stdin: Stdio, script: &str| {
        let output = by_shell(script, &site.serving()).stdin(stdin).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    // The address in the settings is a loopback one; that of the socket counts.
    let (code, said) = refused(Port::at("0.0.0.0:0").stdin(), super::HAND_OVER);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("in cleartext"), "{said}");
    let two = r#"LISTEN_PID=$$ LISTEN_FDS=2 exec "$0" "$@" 3<&0 4<&0 </dev/null"#;
    let (code, said) = refused(Port::new().stdin(), two);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("hands over 2 sockets"), "{said}");
    let (code, said) = refused(Stdio::null(), super::HAND_OVER);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("not a TCP socket"), "{said}");
}
