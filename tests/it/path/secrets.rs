//! Neither a client's key nor the token of Directus gets anywhere but where it belongs.

use super::site::{Plan, TOKEN, read};
use http::{HeaderValue, StatusCode};
use serde_json::json;
use std::fmt::Write as _;
use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing_subscriber::fmt::MakeWriter;

/// Keeps all that is logged.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn keys_and_tokens_are_in_no_log_no_trail_and_no_reply() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    // For this thread, which is the only one that these tests' runtime has.
    let _guard = tracing::subscriber::set_default(subscriber);
    let site = Plan::new().start().await;
    let key = site.key.clone();
    // Another test's thread, which keeps no log, may be the first to come to a line, and say for all that nobody is interested.
    site.send(site.tool("items", &read())).await;
    tracing::callsite::rebuild_interest_cache();
    let mut replies = String::new();
    let mut requests = vec![
        site.tool("items", &read()),
        site.tool("items", &json!({"action": "delete", "collection": "articles", "keys": [1]})),
        site.message("initialize", &json!({"clientInfo": {"name": "desk", "version": "1"}})),
        site.message("tools/list", &json!({})),
        site.post("no JSON"),
    ];
    let mut cookie = site.tool("items", &read());
    cookie
        .headers_mut()
        .insert("cookie", HeaderValue::from_str(&format!("directus_session_token={key}")).unwrap());
    let mut address = site.tool("items", &read());
    *address.uri_mut() = format!("/mcp?access_token={key}").parse().unwrap();
    let mut malformed = site.post("{}");
    malformed.headers_mut().insert("authorization", HeaderValue::from_str(&format!("Basic {key}")).unwrap());
    // A client that puts its key where it does not belong: masked, where that can be told.
    requests.push(site.tool(
        "items",
        &json!({"action": "update", "collection": "articles", "keys": [1],
        "data": {"title": "x", "token": key, "meta": format!("Bearer {key}")}}),
    ));
    requests.extend([cookie, address, malformed]);
    for request in requests {
        let came = site.send(request).await;
        assert!(came.status != StatusCode::INTERNAL_SERVER_ERROR);
        replies.push_str(&came.text);
        writeln!(replies, "{:?}", came.headers).unwrap();
    }
    assert!(site.seen().iter().all(|seen| !format!("{:?}", seen.headers).contains(&key)));
    let folder = site.file().parent().unwrap().to_owned();
    let debugged = format!("{:?} {:?}", site.trail, site.schema);
    let file = site.file();
    site.drain.begin();
    site.drain.finish_tasks(std::time::Duration::from_secs(10)).await;
    site.trail.clone().close().await.unwrap();

    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    assert!(log.contains("principal=\"desk\""), "the log was kept: {log}");
    let mut everything =
        vec![("log", log.into_bytes()), ("replies", replies.into_bytes()), ("debug", debugged.into_bytes())];
    assert!(file.exists());
    for entry in std::fs::read_dir(folder).unwrap() {
        everything.push(("trail", std::fs::read(entry.unwrap().path()).unwrap()));
    }
    for (place, bytes) in &everything {
        for secret in [key.as_str(), TOKEN] {
            let found = bytes.windows(secret.len()).position(|window| window == secret.as_bytes());
            assert_eq!(found, None, "{secret} in the {place}");
        }
    }
}
