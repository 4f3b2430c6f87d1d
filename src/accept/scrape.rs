//! What watches the gateway asks here, on a listener of its own: `GET /metrics`, and nothing else.

use super::hosts::{Hosts, Stranger};
use super::{Body, refuse};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::Service;

const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Tells all metrics as text. It may ask the file system.
pub type Told = Arc<dyn Fn() -> String + Send + Sync>;

/// Answers `GET /metrics` with what is told, and all else with a refusal.
#[derive(Clone)]
pub struct Scrape {
    told: Told,
    hosts: Hosts,
}

impl Scrape {
    /// For requests to these names.
    pub fn new(told: Told, hosts: Hosts) -> Self {
        Self { told, hosts }
    }

    fn refusal<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        match self.hosts.check(request) {
            Ok(()) => {}
            Err(Stranger::Ambiguous | Stranger::Elsewhere) => {
                return Some(refuse::text(
                    StatusCode::FORBIDDEN,
                    "this host is not one of this listener's\n",
                ));
            }
        }
        if request.uri().path() != "/metrics" {
            return Some(refuse::text(StatusCode::NOT_FOUND, "not found\n"));
        }
        let reads = [Method::GET, Method::HEAD].contains(request.method());
        (!reads).then(|| refuse::method("GET, HEAD"))
    }
}

impl Service<Request<Body>> for Scrape {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if let Some(refusal) = self.refusal(&request) {
            return Box::pin(async { Ok(refusal) });
        }
        let told = self.told.clone();
        Box::pin(async move {
            // Whole before the first byte goes out: a client that reads slowly holds a text, and no lock.
            let Ok(text) = tokio::task::spawn_blocking(move || told()).await else {
                return Ok(refuse::text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be told\n"));
            };
            let mut reply =
                Response::new(Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync());
            reply.headers_mut().insert(CONTENT_TYPE, OPEN_METRICS);
            Ok(reply)
        })
    }
}

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrape").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Listen;
    use http::header::HOST;
    use http_body_util::Empty;
    use tower::ServiceExt as _;

    #[tokio::test]
    async fn one_path_is_answered_and_nothing_else() {
        for (method, target, host, expect) in [
            ("GET", "/metrics", "127.0.0.1:9090", 200),
            ("GET", "/metrics?x=1", "localhost", 200),
            ("HEAD", "/metrics", "localhost", 200),
            ("POST", "/metrics", "localhost", 405),
            ("DELETE", "/metrics", "localhost", 405),
            ("GET", "/metrics/", "localhost", 404),
            ("GET", "/", "localhost", 404),
            ("GET", "/healthz", "localhost", 404),
            ("POST", "/mcp", "localhost", 404),
            ("GET", "/metrics", "evil.example.com", 403),
        ] {
            let scrape = Scrape::new(Arc::new(|| "# EOF\n".to_owned()), Hosts::of(&Listen::default()));
            let request = Request::builder().method(method).uri(target).header(HOST, host);
            let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
            let reply = scrape.oneshot(request.body(body).unwrap()).await.unwrap();
            assert_eq!(reply.status().as_u16(), expect, "{method} {target} {host}");
        }
    }
}
