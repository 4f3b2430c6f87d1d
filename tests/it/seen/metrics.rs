//! The metrics are those that are documented, and a client cannot make more of them.

use super::{PATIENCE, Watched};
use crate::support::client::McpClient;
use crate::support::process::{checkout, eventually};
use crate::support::upstream::{HELD, Upstream};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use warrener::telemetry::metrics::catalogue::{ALL, Kind, document};

/// The names of all series with the labels that they have, read from the text.
fn series(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels = labels.trim_end_matches('}').split("\",").filter_map(|label| label.split_once('='));
        found.entry(name.to_owned()).or_default().extend(labels.map(|(name, _)| name.to_owned()));
    }
    found
}

/// The value of a series, written as the text has it.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with(series))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[test]
fn the_page_is_that_of_the_code() {
    let path = checkout("docs/metrics.md");
    if std::env::var_os("WARRENER_UPDATE").is_some() {
        std::fs::write(&path, document()).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        page == document(),
        "docs/metrics.md is behind: run this test with WARRENER_UPDATE=1\n{}",
        document()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_is_what_is_documented() {
    let watched = Watched::start(&[]).await;
    let read = json!({"action": "read", "collection": "articles", "query": {"fields": ["id"], "limit": 1}, "keys": [1]});
    assert!(!watched.client.tool("items", read).await.is_error);
    let delete = json!({"action": "delete", "collection": "articles", "keys": [1]});
    assert!(watched.client.tool("items", delete).await.is_error);
    assert_eq!(watched.client.rpc("ping", json!({})).await.status, 200);
    let stranger = McpClient::new(watched.client.url(), "wrn_nobody");
    assert_eq!(stranger.rpc("ping", json!({})).await.status, 401);
    let outcomes = "warrener_calls_total{role=\"content-editor\",tool=\"items\",action=\"read\",decision=\"permit\",outcome=\"ok\"}";
    // An outcome is counted when the answer has ended, and on the disk a little later: the client may be quicker.
    eventually(PATIENCE, "all is counted", async || {
        let text = watched.scrape().await;
        value(&text, outcomes) == Some(1.0) && value(&text, "warrener_trail_waiting_entries") == Some(0.0)
    })
    .await;

    let text = watched.scrape().await;
    assert!(text.ends_with("# EOF\n"), "{text}");
    let denied = "warrener_calls_total{role=\"content-editor\",tool=\"items\",action=\"delete\",decision=\"deny\",outcome=\"refused\"}";
    for (series, expect) in [
        (denied, 1.0),
        (
            "warrener_calls_total{role=\"content-editor\",tool=\"none\",action=\"none\",decision=\"permit\"",
            1.0,
        ),
        ("warrener_refusals_total{reason=\"forbidden\"}", 1.0),
        ("warrener_call_seconds_count", 3.0),
        ("warrener_decision_seconds_count", 3.0),
        ("warrener_upstream_seconds_count", 1.0),
        ("warrener_trail_waiting_entries", 0.0),
        ("warrener_trail_failing", 0.0),
        ("warrener_policy_reloads_total{result=\"taken\"}", 0.0),
        ("warrener_policy_behind", 0.0),
        ("warrener_stops", 0.0),
        ("warrener_stops_unknown", 0.0),
        ("warrener_calls_under_way", 0.0),
        ("warrener_breaker_open", 0.0),
        ("warrener_connections_turned_away_total", 0.0),
    ] {
        assert_eq!(value(&text, series), Some(expect), "{series}\n{text}");
    }
    for at_least in
        ["warrener_trail_entries_total", "warrener_trail_last_entry", "warrener_trail_commit_seconds_count"]
    {
        assert!(value(&text, at_least) >= Some(3.0), "{at_least}\n{text}");
    }
    assert!(value(&text, "warrener_trail_size_bytes") > Some(10_000.0), "{text}");
    assert!(value(&text, "warrener_connections_open") >= Some(1.0), "{text}");
    assert!(value(&text, "process_start_time_seconds") > Some(1.7e9), "{text}");

    let documented: BTreeMap<String, BTreeSet<String>> = ALL
        .iter()
        .flat_map(|one| one.series().into_iter().map(move |series| (one, series)))
        .map(|(one, series)| {
            let mut labels: BTreeSet<String> = one.labels.iter().map(|&label| label.to_owned()).collect();
            if one.kind == Kind::Histogram && series.ends_with("_bucket") {
                labels.insert("le".to_owned());
            }
            (series, labels)
        })
        .collect();
    assert_eq!(series(&text), documented);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_under_way_until_it_has_ended() {
    let watched = Watched::start(&[]).await;
    let under_way = async || value(&watched.scrape().await, "warrener_calls_under_way");
    let read = json!({"action": "read", "collection": "articles", "query": {"fields": ["id"], "limit": 1}, "keys": [HELD]});
    let client = watched.client.clone();
    let call = tokio::spawn(async move { client.tool("items", read).await.is_error });
    watched.upstream.has_seen(1).await;
    assert_eq!(under_way().await, Some(1.0));
    watched.upstream.let_go();
    assert!(!call.await.unwrap());
    eventually(PATIENCE, "nothing is under way", async || under_way().await == Some(0.0)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directus_that_is_gone_is_told() {
    // The port is free again, and nothing else will have it while the test runs.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let file = format!("schema: {{file: '{}'}}\n", checkout("tests/fixtures/schema").display());
    // Where the schema comes from Directus, too, it is Directus that cannot be reached, and not the call that is denied.
    for (schema, first) in [(file.as_str(), 502), ("", 503)] {
        let settings = format!(
            "version: 1\nmetrics: {{listen: '127.0.0.1:0'}}\nlimits: {{breaker_failures: 2, breaker_pause: 1h}}\n{schema}"
        );
        let watched = Watched::before(&format!("http://{gone}"), Upstream::start().await, &settings, &[]);
        let breaker = async || value(&watched.scrape().await, "warrener_breaker_open");
        let call = json!({"name": "items", "arguments": {"action": "read", "collection": "articles", "keys": [1], "query": {"fields": ["id"]}}});
        let call = async || watched.client.rpc("tools/call", call.clone()).await;
        assert_eq!(breaker().await, Some(0.0));
        for _ in 0..2 {
            assert_eq!(call().await.status, first, "{schema}");
        }
        assert_eq!(breaker().await, Some(1.0), "{schema}");
        let refused = call().await;
        assert_eq!(refused.status, 503);
        assert!(refused.text().contains("Directus cannot be reached: try again in 3"), "{}", refused.text());
        assert_eq!(watched.client.rpc("ping", json!({})).await.status, 200, "what needs no Directus goes on");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_a_client_invents_becomes_a_series() {
    let watched = Watched::start(&[]).await;
    let flood = async |n: u32| {
        for name in [format!("tool-{n}"), format!("bad\n\"}} {n}\u{7}")] {
            let call = json!({"name": name, "arguments": {"action": format!("act-{n}"), "collection": format!("c{n}")}});
            watched.client.rpc("tools/call", call).await;
        }
        watched.client.rpc(&format!("method/{n}"), json!({})).await;
        let collection = format!("invented_{n}");
        let call =
            json!({"name": "items", "arguments": {"action": "read", "collection": collection, "query": {}}});
        watched.client.rpc("tools/call", call).await;
        let stranger = McpClient::new(watched.client.url(), format!("stranger-{n}"));
        stranger.rpc("ping", json!({})).await;
    };
    flood(0).await;
    let count = |text: &str| text.lines().count();
    let before = watched.scrape().await;
    for n in 1..40 {
        flood(n).await;
    }
    let after = watched.scrape().await;
    assert_eq!(count(&before), count(&after), "{before}\n---\n{after}");
    for invented in ["tool-", "bad", "act-", "method/", "invented_", "stranger-", "desk", "articles", "\u{7}"]
    {
        let values = after.lines().filter(|line| !line.starts_with('#'));
        for line in values {
            assert!(!line.contains(&format!("=\"{invented}")), "{line}");
        }
    }
    assert!(value(&after, "warrener_refusals_total{reason=\"not_understood\"}") >= Some(80.0), "{after}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_listener_answers_nothing_else_and_the_clients_port_does_not_answer_for_it() {
    let watched = Watched::start(&[]).await;
    let url = watched.at().await;
    for path in ["/", "/mcp", "/healthz", "/readyz", "/metrics/x", "//metrics"] {
        assert_eq!(watched.get(&url.replace("/metrics", path)).await.status, 404, "{path}");
    }
    let call = McpClient::new(url.replace("/metrics", "/mcp"), watched.client.key());
    assert_eq!(call.rpc("ping", json!({})).await.status, 404, "no call goes in there");
    assert_eq!(watched.gateway.get("/metrics").await.status, 404);
    assert!(watched.site.calls().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_slowly_or_not_at_all_holds_nothing_up() {
    let watched = Watched::start(&[]).await;
    let url = watched.at().await;
    let address = url.trim_start_matches("http://").trim_end_matches("/metrics").to_owned();
    let mut slow = Vec::new();
    for n in 0..40 {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        let mut request = String::new();
        // Half a head, or many requests whose answers are never read.
        for _ in 0..if n % 2 == 0 { 0 } else { 200 } {
            write!(request, "GET /metrics HTTP/1.1\r\nhost: {address}\r\n\r\n").unwrap();
        }
        request.push_str("GET /metrics HT");
        // It may have been turned away already.
        let _ = stream.write_all(request.as_bytes()).await;
        slow.push(stream);
    }
    let read = json!({"action": "read", "collection": "articles", "query": {"fields": ["id"], "limit": 1}, "keys": [1]});
    for _ in 0..20 {
        assert!(!watched.client.tool("items", read.clone()).await.is_error);
    }
    // Those that are turned away hear it, or are closed.
    let mut first = [0; 12];
    let told = slow.last_mut().unwrap().read(&mut first).await.unwrap_or_default();
    assert!(told == 0 || first.starts_with(b"HTTP/1.1 503"), "{first:?}");
    drop(slow);
    eventually(PATIENCE, "others are answered again", async || {
        // Whom there is no room for may be closed without a word.
        watched.try_get(&url).await.is_some_and(|reply| reply.status == 200)
    })
    .await;
}
