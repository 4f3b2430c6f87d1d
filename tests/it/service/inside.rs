//! `examples/axum.rs`: the gateway inside an application of somebody else's.

use super::{PATIENCE, read, reader_policies, site};
use crate::support::client::McpClient;
use crate::support::gateway::Site;
use crate::support::process::Process;
use crate::support::upstream::Upstream;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Starts the example with these settings beside those that it needs.
fn start(site: &Site, upstream: &str, policies: &Path, more: &str) -> (Process, String) {
    let folder = site.trail().parent().unwrap().to_owned();
    let settings = format!(
        "version: 1\nupstream: {{url: '{upstream}', token_env: WARRENER_TEST_TOKEN}}\npolicies: {}\nkeys: keys.yaml\naudit: {{url: '{}'}}\n{more}",
        policies.display(),
        site.audit()
    );
    site.settle(&settings);
    // Cargo builds the examples beside the program before it runs a test.
    let program = Path::new(env!("CARGO_BIN_EXE_warrener")).with_file_name("examples").join("axum");
    let mut command = Command::new(program);
    command
        .args(["warrener.yaml", "127.0.0.1:0"])
        .current_dir(&folder)
        .env("WARRENER_TEST_TOKEN", "upstream-token");
    let mut process = Process::start(command.stdout(Stdio::piped()), folder.join("axum.log"));
    let mut line = String::new();
    BufReader::new(process.stdout()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening on ").unwrap_or_default().to_owned();
    (process, url)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_enforces_and_records() {
    let (upstream, policies) = (Upstream::start().await, reader_policies());
    let site = site(upstream.url(), policies.path());
    let key = site.key("claude");
    let (mut process, url) = start(&site, upstream.url(), policies.path(), "");
    assert!(url.starts_with("http://"), "{}", process.log());

    let client = McpClient::new(format!("{url}/mcp"), &key);
    assert!(!client.tool("items", read(1)).await.is_error);
    let write = serde_json::json!({"action": "delete", "collection": "articles", "keys": [1]});
    assert!(client.tool("items", write).await.is_error);
    let stranger = McpClient::new(format!("{url}/mcp"), "wr_nobody");
    assert_eq!(stranger.rpc("tools/list", serde_json::json!({})).await.status, 401);
    let get = |path: &str| {
        http::Request::get(format!("{url}{path}")).body(http_body_util::Full::default()).unwrap()
    };
    assert!(client.send(get("/")).await.text().contains("an application"));
    assert_eq!(client.send(get("/mcp")).await.status, 405);
    assert_eq!(client.send(get("/readyz")).await.status, 200);
    // A web page is kept out here too.
    let mut request = client.message("tools/list", &serde_json::json!({}));
    request.headers_mut().insert("origin", "https://evil.example.com".parse().unwrap());
    assert_eq!(client.send(request).await.status, 403);

    process.terminate();
    assert!(process.ended(PATIENCE).await.success());
    let decisions: Vec<_> =
        site.calls().await.into_iter().map(|call| (call.principal, call.decision, call.outcome)).collect();
    let of = |who: &str, decision: &str, outcome: &str| {
        (who.to_owned(), decision.to_owned(), Some(outcome.to_owned()))
    };
    assert_eq!(
        decisions,
        [of("claude", "permit", "ok"), of("claude", "deny", "refused"), of("", "deny", "refused")]
    );
    site.run(["audit", "verify", "--audit", &site.audit()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_holds_a_connection_does_not_keep_the_trail_open() {
    let (upstream, policies) = (Upstream::start().await, reader_policies());
    let site = site(upstream.url(), policies.path());
    let key = site.key("claude");
    // The second time the operator does not wait for the drain to be over.
    for (patience, signals) in [("1s", 1), ("1h", 2)] {
        let limits = format!("limits: {{drain_timeout: {patience}}}\n");
        let (mut process, url) = start(&site, upstream.url(), policies.path(), &limits);
        let client = McpClient::new(format!("{url}/mcp"), &key);
        assert!(!client.tool("items", read(1)).await.is_error);
        let mut stranger = std::net::TcpStream::connect(url.strip_prefix("http://").unwrap()).unwrap();
        stranger.write_all(b"POST /mcp HTTP/1.1\r\nhost: localhost\r\n").unwrap();
        assert!(!client.tool("items", read(1)).await.is_error);
        let began = Instant::now();
        for _ in 0..signals {
            process.terminate();
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        assert!(process.ended(PATIENCE).await.success(), "{}", process.log());
        assert!(began.elapsed() < Duration::from_secs(10), "{patience}");
        site.run(["audit", "verify", "--audit", &site.audit()]);
        drop(stranger);
    }
    assert!(site.calls().await.iter().all(|call| call.outcome.as_deref() == Some("ok")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_application_has_to_see_to_is_refused() {
    let (upstream, policies) = (Upstream::start().await, reader_policies());
    let site = site(upstream.url(), policies.path());
    site.key("claude");
    for (listen, setting) in [
        ("{address: '127.0.0.1:0', tls: {certificate: c.pem, key: k.pem}}", "`listen.tls`"),
        (
            "{address: '127.0.0.1:0', tls: {certificate: c.pem, key: k.pem, client_ca: a.pem}}",
            "`listen.tls.client_ca`",
        ),
        ("{address: '127.0.0.1:0', trusted_proxies: [127.0.0.1]}", "`listen.trusted_proxies`"),
    ] {
        let (mut process, url) =
            start(&site, upstream.url(), policies.path(), &format!("listen: {listen}\n"));
        assert_eq!(url, "", "{listen}");
        assert!(!process.ended(PATIENCE).await.success());
        assert!(
            process.log().contains("Embedded") && process.log().contains(setting.trim_matches('`')),
            "{}",
            process.log()
        );
    }
}
