//! `warrener stdio --upstream`: the whole path, for one client, in its own process.

use super::{GARBAGE, TOKEN, delete, hello, read, stand_in, text};
use crate::support::bridge::Bridge;
use crate::support::process::checkout;
use crate::support::trail;
use crate::support::upstream::{HELD, Upstream};
use serde_json::json;
use std::process::{Command, Output};
use tempfile::TempDir;

fn start(folder: &TempDir, upstream: &str, more: &[&str]) -> Bridge {
    let policies = checkout("policies").display().to_string();
    let words = ["--upstream", upstream, "--policies", &policies, "--audit", "sqlite://trail.db"];
    Bridge::start(folder.path(), &[&words[..], more].concat(), &[("DIRECTUS_TOKEN", TOKEN)])
}

fn run(folder: &TempDir, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_warrener")).args(words).current_dir(folder.path()).output().unwrap()
}

/// Whether a process listens anywhere, by what the kernel says.
fn listens(pid: u32) -> bool {
    let sockets: Vec<String> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.trim_end_matches(']').to_owned()))
        .collect();
    let tables = ["tcp", "tcp6"]
        .map(|table| std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default());
    let mut lines = tables.iter().flat_map(|table| table.lines());
    lines.any(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        columns.get(3) == Some(&"0A")
            && columns.get(9).is_some_and(|inode| sockets.iter().any(|one| one == inode))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_decided_and_recorded_as_by_any_gateway() {
    let folder = tempfile::tempdir().unwrap();
    let signing = run(&folder, &["key", "signing"]);
    assert!(signing.status.success(), "{signing:?}");
    std::fs::write(
        folder.path().join("warrener.yaml"),
        "version: 1\naudit: {signing_key: warrener.signing.pem}\n",
    )
    .unwrap();
    let mut bridge = start(&folder, &stand_in().await, &["--role", "content-editor", "--name", "laptop"]);
    bridge.ask(0, "initialize", hello()).await;
    assert_eq!(bridge.line().await["result"]["protocolVersion"], "2025-06-18");
    assert!(!listens(bridge.id()));
    bridge.write("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n").await;
    bridge.items(1, read(1)).await;
    assert!(text(&bridge.line().await).contains("\"title\""));
    bridge.items(2, delete(1)).await;
    assert!(text(&bridge.line().await).contains("content-editor/no-content-deletes"));
    let second = start(&folder, "http://127.0.0.1:1", &[]).ended().await;
    assert!(second.status.code() == Some(1) && second.rest.is_empty(), "{second:?}");
    let ended = bridge.end().await;
    assert!(ended.status.success() && ended.rest.is_empty(), "{ended:?}");

    let calls = trail::calls(&folder.path().join("trail.db")).await;
    assert!(
        calls.iter().all(|call| call.principal == "laptop" && call.role == "content-editor"),
        "{calls:#?}"
    );
    let tools: Vec<_> = calls.iter().filter(|call| call.method == "tools/call").collect();
    let rows: Vec<_> = tools.iter().map(|call| (call.decision.as_str(), call.outcome.as_deref())).collect();
    assert_eq!(rows, [("permit", Some("ok")), ("deny", Some("refused"))], "{calls:#?}");
    let verified = run(
        &folder,
        &["audit", "verify", "--audit", "sqlite://trail.db", "--public-key", "warrener.signing.pem.pub"],
    );
    assert!(verified.status.success(), "{verified:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_recorded_and_gone_on_from() {
    let folder = tempfile::tempdir().unwrap();
    let mut bridge = start(&folder, &stand_in().await, &[]);
    let long = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}}{}", " ".repeat(2 * 1024 * 1024));
    for (line, code) in GARBAGE.into_iter().chain([(long.as_bytes(), -32600)]) {
        bridge.write([line, b"\n"].concat()).await;
        let answer = bridge.line().await;
        assert!(answer["error"]["code"] == code && answer["id"].is_null(), "{answer}");
    }
    bridge.ask("next", "ping", json!({})).await;
    assert_eq!(bridge.line().await["id"], "next");
    assert!(bridge.end().await.status.success());
    let calls = trail::calls(&folder.path().join("trail.db")).await;
    let refused: Vec<_> = calls.iter().filter_map(|call| call.reason.as_deref()).collect();
    assert!(refused.contains(&"not_understood") && refused.contains(&"too_large"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_is_answered_before_the_end_and_a_signal_is_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let upstream = Upstream::start().await;
    let mut bridge = start(&folder, upstream.url(), &[]);
    bridge.items(1, read(HELD)).await;
    upstream.has_seen(1).await;
    bridge.hang_up();
    upstream.let_go();
    let ended = bridge.end().await;
    assert!(ended.status.success() && ended.rest.len() == 1, "{ended:?}");

    let mut bridge = start(&folder, upstream.url(), &[]);
    bridge.items(1, read(HELD)).await;
    upstream.has_seen(2).await;
    let killed = Command::new("kill").args(["-TERM", &bridge.id().to_string()]).status().unwrap();
    assert!(killed.success());
    upstream.let_go();
    let ended = bridge.ended().await;
    assert!(ended.status.success() && ended.rest.len() == 1, "{ended:?}");
    let calls = trail::calls(&folder.path().join("trail.db")).await;
    assert!(calls.iter().all(|call| call.outcome.as_deref() == Some("ok")), "{calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stopped_is_stopped_here_too() {
    let folder = tempfile::tempdir().unwrap();
    let stopped = run(&folder, &["stop", "--reason", "Articles are being moved"]);
    assert!(stopped.status.success(), "{stopped:?}");
    let mut bridge = start(&folder, &stand_in().await, &[]);
    bridge.items(1, read(1)).await;
    assert!(text(&bridge.line().await).contains("Articles are being moved"));
    bridge.end().await;
}

/// The client starts the command wherever it likes, and whoever stops it is where the settings are.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_stopped_beside_the_settings_is_stopped_wherever_it_was_started() {
    let upstream = stand_in().await;
    for (settings, words) in [
        ("", &["stop", "--reason", "Articles are being moved"][..]),
        ("keys: in/keys.yaml\n", &["stop", "--reason", "Articles are being moved"]),
        ("stops: my.stop.yaml\n", &["stop", "--reason", "Articles are being moved"]),
    ] {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::create_dir(folder.path().join("in")).unwrap();
        let file = folder.path().join("warrener.yaml");
        std::fs::write(&file, format!("version: 1\n{settings}")).unwrap();
        let file = file.display().to_string();
        let mut bridge = start(&elsewhere, &upstream, &["--config", &file]);
        bridge.items(1, read(1)).await;
        assert!(!text(&bridge.line().await).contains("Articles are being moved"));
        let stopped = run(&folder, words);
        assert!(stopped.status.success(), "{stopped:?}");
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        bridge.items(2, read(1)).await;
        assert!(text(&bridge.line().await).contains("Articles are being moved"), "{settings}");
        let ended = bridge.end().await;
        assert!(!ended.said.contains("not used"), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_used_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let settings = "version: 1
listen: {address: '127.0.0.1:0', tls: {certificate: c.pem, key: k.pem, client_ca: a.pem}}
metrics: {listen: '127.0.0.1:1'}
identity:
  passthrough: {roles: {a: reader}}
  same_resource: {public_url: 'https://cms.example.com', roles: {a: reader}}
  certificates: [{san: a, name: a, role: reader}]
  jwt: {issuer: 'https://a', audience: a, role_claim: r, roles: {a: reader}}
";
    std::fs::write(folder.path().join("warrener.yaml"), settings).unwrap();
    let bridge = start(&folder, &stand_in().await, &[]);
    let said = bridge.end().await.said;
    for setting in ["metrics", "listen.tls", "same_resource", "passthrough", "certificates", "jwt"] {
        assert!(said.contains(setting), "{setting}\n{said}");
    }
}

#[tokio::test]
async fn what_would_spoil_the_answers_is_refused_at_the_start() {
    for (settings, more, expect) in [
        ("", &["--role", "nobody"][..], "there is no policy for the role `nobody`"),
        ("audit: {feed: stdout}", &[], "`audit.feed` is `stdout`"),
        ("audit: {signing_key: x, checkpoints: {to: stdout}}", &[], "`audit.checkpoints.to` is `stdout`"),
        ("identity: {refuse: [stdio]}", &[], "`stdio` is shut out"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("warrener.yaml"), format!("version: 1\n{settings}\n")).unwrap();
        let ended = start(&folder, "http://127.0.0.1:1", more).ended().await;
        assert!(ended.status.code() == Some(1) && ended.rest.is_empty(), "{settings}: {ended:?}");
        assert!(ended.said.contains(expect), "{settings}: {ended:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let ended = Bridge::start(folder.path(), &[], &[]).ended().await;
    assert!(ended.said.contains("no upstream is set") || ended.said.contains("token"), "{ended:?}");
}
