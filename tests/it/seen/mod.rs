//! What the gateway shows of itself: metrics, and a log without secrets.

mod logs;
mod metrics;
mod monitoring;
mod traces;

use crate::support::client::{McpClient, Reply};
use crate::support::gateway::{Gateway, Site};
use crate::support::process::{checkout, eventually};
use crate::support::upstream::Upstream;
use std::time::Duration;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A gateway that tells its metrics, with one client.
struct Watched {
    upstream: Upstream,
    site: Site,
    gateway: Gateway,
    client: McpClient,
}

impl Watched {
    async fn start(environment: &[(&str, &str)]) -> Self {
        Self::with("version: 1\nmetrics: {listen: '127.0.0.1:0'}\n", environment).await
    }

    async fn with(settings: &str, environment: &[(&str, &str)]) -> Self {
        let upstream = Upstream::start().await;
        let url = upstream.url().to_owned();
        Self::before(&url, upstream, settings, environment)
    }

    /// Before another Directus than `upstream`.
    fn before(url: &str, upstream: Upstream, settings: &str, environment: &[(&str, &str)]) -> Self {
        let site = Site::new(url, "upstream-secret-token", &checkout("policies"), "content-editor");
        let key = site.key("desk");
        site.settle(settings);
        let gateway = site.start_with(environment);
        let client = gateway.client(&key);
        Self { upstream, site, gateway, client }
    }

    /// Where the metrics are told.
    async fn at(&self) -> String {
        let mut url = None;
        eventually(PATIENCE, "the metrics are told", async || {
            let log = self.gateway.process.log();
            url = log.split('"').find(|word| word.ends_with("/metrics")).map(str::to_owned);
            url.is_some()
        })
        .await;
        url.unwrap()
    }

    async fn get(&self, url: &str) -> Reply {
        self.try_get(url).await.unwrap_or_else(|| panic!("no reply from {url}"))
    }

    async fn try_get(&self, url: &str) -> Option<Reply> {
        let request = http::Request::get(url).body(http_body_util::Full::default()).unwrap();
        McpClient::new(url, "").try_send(request).await.ok()
    }

    /// The metrics as they are told now.
    async fn scrape(&self) -> String {
        let reply = self.get(&self.at().await).await;
        assert_eq!(reply.status, 200);
        assert!(reply.content_type.starts_with("application/openmetrics-text"), "{}", reply.content_type);
        reply.text()
    }
}
