//! The snapshot that accesses are told by, when it is old or cannot be had.

use super::site::{Plan, read};
use crate::support::process::free_port;
use crate::support::upstream::Upstream as Stub;
use http::StatusCode;
use serde_json::json;
use std::time::{Duration, Instant};
use warrener::upstream::{SchemaCache, Upstream, UpstreamOptions};

fn cache(url: &str) -> SchemaCache {
    let upstream = Upstream::new(&UpstreamOptions::new(url.parse().unwrap())).unwrap();
    SchemaCache::new(upstream, None, Duration::from_hours(1))
}

/// A cache that never gets a schema.
pub(super) fn nowhere() -> SchemaCache {
    cache(&format!("http://127.0.0.1:{}", free_port()))
}

#[tokio::test]
async fn without_a_schema_what_depends_on_it_is_refused_and_the_tool_is_recorded() {
    let site = Plan { schema: Some(nowhere()), ..Plan::new() }.start().await;
    for request in [site.tool("items", &read()), site.message("tools/list", &json!({}))] {
        let came = site.send(request).await;
        assert_eq!(came.status, StatusCode::SERVICE_UNAVAILABLE, "{}", came.text);
        assert!(came.text.contains("Directus cannot be reached: try again in 1 s"), "{}", came.text);
    }
    assert!(site.seen().is_empty());
    let recorded = site.end().await;
    assert_eq!(recorded[0].tool.as_deref(), Some("items"));
    assert_eq!((recorded[0].decision.as_str(), recorded[0].reason.as_deref()), ("deny", Some("unavailable")));
}

#[tokio::test]
async fn a_call_that_changes_the_schema_makes_the_snapshot_stale() {
    let stub = Stub::start().await;
    let table = [
        (("items", read()), false),
        (("collections", json!({"action": "read", "keys": ["articles"]})), false),
        (
            (
                "collections",
                json!({"action": "update", "data": [{"collection": "articles", "meta": {"note": "x"}}]}),
            ),
            true,
        ),
        // Nobody knows what such a tool does.
        (("weather", json!({})), true),
    ];
    for ((tool, arguments), stale) in table {
        let site = Plan { schema: Some(cache(stub.url())), ..Plan::new() };
        let site = site.start().await;
        site.schema.current().await.unwrap();
        let before = Instant::now();
        let came = site.send(site.tool(tool, &arguments)).await;
        assert_eq!(site.seen().len(), 1, "{tool} {arguments}: {}", came.text);
        site.schema.current().await.unwrap();
        let read_again = site.schema.age().unwrap() < before.elapsed();
        assert_eq!(read_again, stale, "{tool} {arguments}");
    }
}
