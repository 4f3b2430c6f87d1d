//! Which request goes where: `POST /mcp` to the stack, two probes and the metadata for clients answered here, nothing else anywhere.

use super::ready::{Readiness, Ready};
use super::{Body, Drain, refuse};
use crate::identity::Resource;
use futures_util::future::BoxFuture;
use http::header::{HOST, ORIGIN};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower::{Service, ServiceExt as _};

/// The one path that leads to Directus.
const MCP: &str = "/mcp";

/// Sends requests for `POST /mcp` to the stack `S` and answers all others.
#[derive(Clone)]
pub struct Route<S> {
    stack: S,
    /// Browser origins that may call. A request without `Origin` is no browser's.
    origins: Arc<[String]>,
    ready: Arc<Ready>,
    drain: Drain,
    /// What clients may know about how to sign in; nothing where they cannot.
    resource: Option<Arc<Resource>>,
}

impl<S> Route<S> {
    /// In front of the stack, for browsers from `origins` only, with `readiness` behind `/readyz`.
    pub fn new(stack: S, origins: &[String], readiness: Readiness, drain: Drain) -> Self {
        Self { stack, origins: origins.into(), ready: Arc::new(Ready::new(readiness)), drain, resource: None }
    }

    /// Tells clients where to sign in for this resource (RFC 9728).
    pub fn with_resource(mut self, resource: Option<Arc<Resource>>) -> Self {
        self.resource = resource;
        self
    }

    /// The resource's metadata, where this is the path of it. It is public: no credential is asked for, and none is looked at.
    fn metadata<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        let resource = self.resource.as_ref()?;
        let path = request.uri().path();
        resource.paths().iter().any(|one| one == path).then(|| match *request.method() {
            Method::GET | Method::HEAD => refuse::json(StatusCode::OK, &resource.metadata()),
            _ => refuse::method("GET, HEAD"),
        })
    }

    /// The reply to a request that is not for the stack; `None` where it is.
    fn refusal<B>(&self, request: &Request<B>) -> Option<Response<Body>> {
        if !has_its_host(request) {
            return Some(refuse::text(StatusCode::BAD_REQUEST, "exactly one Host header is needed\n"));
        }
        if let Some(metadata) = self.metadata(request) {
            return Some(metadata);
        }
        if request.uri().path() != MCP {
            return Some(refuse::text(StatusCode::NOT_FOUND, "not found\n"));
        }
        if !self.welcomes(request.headers()) {
            return Some(refuse::text(StatusCode::FORBIDDEN, "this origin may not call\n"));
        }
        (request.method() != Method::POST).then(|| refuse::method("POST"))
    }

    /// A page in a browser must not be able to use a gateway that only its user can reach.
    fn welcomes(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(ORIGIN).iter();
        let (first, second) = (origins.next(), origins.next());
        first.is_none_or(|origin| {
            second.is_none() && self.origins.iter().any(|allowed| origin.as_bytes() == allowed.as_bytes())
        })
    }
}

/// HTTP/1.1 asks for exactly one `Host`; two of them are a way to be read differently by different servers.
fn has_its_host<B>(request: &Request<B>) -> bool {
    let hosts = request.headers().get_all(HOST).iter().count();
    hosts == 1 || (hosts == 0 && request.version() == Version::HTTP_10)
}

impl<S> Service<Request<Body>> for Route<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The stack is only asked for once it is known that the request is for it.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if let Some(probe) = Probe::of(request.uri().path()) {
            let (ready, ending) = (self.ready.clone(), self.drain.has_begun());
            let method = request.method().clone();
            return Box::pin(async move { Ok(probe.answer(&method, &ready, ending).await) });
        }
        if let Some(reply) = self.refusal(&request) {
            return Box::pin(async { Ok(reply) });
        }
        Box::pin(self.stack.clone().oneshot(request))
    }
}

impl<S> fmt::Debug for Route<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route").field("origins", &self.origins).finish_non_exhaustive()
    }
}

/// What a supervisor asks.
#[derive(Clone, Copy, Debug)]
enum Probe {
    /// Whether the process is alive at all.
    Health,
    /// Whether it can do its work.
    Ready,
}

impl Probe {
    fn of(path: &str) -> Option<Self> {
        match path {
            "/healthz" => Some(Self::Health),
            "/readyz" => Some(Self::Ready),
            _ => None,
        }
    }

    async fn answer(self, method: &Method, ready: &Ready, ending: bool) -> Response<Body> {
        if method != Method::GET && method != Method::HEAD {
            return refuse::method("GET, HEAD");
        }
        match self {
            Self::Health => refuse::text(StatusCode::OK, "ok"),
            Self::Ready => ready.answer(ending).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt as _, Empty};
    use tower::service_fn;

    /// What is answered to a request, by a gateway whose stack answers 202 to everything.
    async fn status(request: http::request::Builder) -> u16 {
        let stack = service_fn(|_: Request<Body>| async { Ok(refuse::text(StatusCode::ACCEPTED, "")) });
        let readiness: Readiness = Arc::new(|| Box::pin(async { vec![("trail", Ok("ok"))] }));
        let route = Route::new(stack, &["https://app.example.com".to_owned()], readiness, Drain::new());
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        let reply = route.oneshot(request.body(body).unwrap()).await.unwrap();
        if reply.status() == StatusCode::METHOD_NOT_ALLOWED {
            assert!(reply.headers().contains_key("allow"));
        }
        reply.status().as_u16()
    }

    #[tokio::test]
    async fn one_path_and_one_method_lead_to_the_stack() {
        for (method, target, expect) in [
            ("POST", "/mcp", 202),
            ("POST", "/mcp?tool_mode=registry", 202),
            ("POST", "http://elsewhere.example.com/mcp", 202),
            ("GET", "/mcp", 405),
            ("HEAD", "/mcp", 405),
            ("DELETE", "/mcp", 405),
            ("PUT", "/mcp", 405),
            ("OPTIONS", "/mcp", 405),
            ("SEARCH", "/mcp", 405),
            ("POST", "/mcp/", 404),
            ("POST", "//mcp", 404),
            ("POST", "/MCP", 404),
            ("POST", "/%6dcp", 404),
            ("POST", "/mcp;x", 404),
            ("POST", "/mcp/x", 404),
            ("POST", "/x/../mcp", 404),
            ("GET", "/", 404),
            ("GET", "/items/articles", 404),
            ("OPTIONS", "*", 404),
            ("CONNECT", "example.com:443", 404),
            ("GET", "/healthz", 200),
            ("HEAD", "/healthz", 200),
            ("POST", "/healthz", 405),
            ("GET", "/readyz", 200),
            ("GET", "/readyz/", 404),
        ] {
            let request = Request::builder().method(method).uri(target).header(HOST, "gateway");
            assert_eq!(status(request).await, expect, "{method} {target}");
        }
    }

    #[tokio::test]
    async fn browsers_come_from_where_they_may() {
        for (origins, expect) in [
            (&[][..], 202),
            (&["https://app.example.com"], 202),
            (&["https://app.example.com:8443"], 403),
            (&["http://app.example.com"], 403),
            (&["https://app.example.com.evil.example"], 403),
            (&["null"], 403),
            (&[""], 403),
            (&["https://app.example.com", "https://app.example.com"], 403),
        ] {
            let request = Request::post("/mcp").header(HOST, "gateway");
            let request = origins.iter().fold(request, |request, origin| request.header(ORIGIN, *origin));
            assert_eq!(status(request).await, expect, "{origins:?}");
        }
    }

    #[tokio::test]
    async fn there_is_one_host() {
        assert_eq!(status(Request::post("/mcp")).await, 400);
        assert_eq!(status(Request::post("/mcp").header(HOST, "a").header(HOST, "b")).await, 400);
        assert_eq!(status(Request::post("/mcp").version(Version::HTTP_10)).await, 202);
    }
}
