//! Which request goes where: `POST /mcp` to the stack, two probes and the metadata for clients answered here, nothing else anywhere.

use super::forwarded::Unreadable;
use super::hosts::{Hosts, Stranger};
use super::ready::{Readiness, Ready};
use super::{Body, Drain, refuse};
use crate::identity::Resource;
use futures_util::TryFutureExt as _;
use futures_util::future::BoxFuture;
use http::header::{CONNECTION, HeaderValue, ORIGIN};
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
    hosts: Hosts,
    ready: Arc<Ready>,
    drain: Drain,
    /// What clients may know about how to sign in; nothing where they cannot.
    resource: Option<Arc<Resource>>,
}

impl<S> Route<S> {
    /// In front of the stack, for browsers from `origins` only, with `readiness` behind `/readyz`.
    pub fn new(stack: S, origins: &[String], readiness: Readiness, drain: Drain) -> Self {
        let (origins, ready) = (origins.into(), Arc::new(Ready::new(readiness)));
        Self { stack, origins, hosts: Hosts::any(), ready, drain, resource: None }
    }

    /// The same for requests to these names only.
    pub fn for_hosts(self, hosts: Hosts) -> Self {
        Self { hosts, ..self }
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
        match self.hosts.check(request) {
            Ok(()) => {}
            Err(Stranger::Ambiguous) => {
                return Some(refuse::text(StatusCode::BAD_REQUEST, "exactly one host is needed\n"));
            }
            Err(Stranger::Elsewhere) => {
                let line = "this host is not one of `listen.allowed_hosts`\n";
                return Some(refuse::text(StatusCode::FORBIDDEN, line));
            }
        }
        if request.extensions().get::<Unreadable>().is_some() {
            return Some(refuse::text(StatusCode::BAD_REQUEST, "X-Forwarded-For cannot be read\n"));
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
        // Of the older HTTP alone: the newer one has its own way to say so.
        let (drain, closes) = (self.drain.clone(), request.version() <= Version::HTTP_11);
        let last = move |mut reply: Response<Body>| {
            // Whoever asks again takes another connection, and meets the next gateway there.
            if closes && drain.has_begun() {
                reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            reply
        };
        if let Some(probe) = Probe::of(request.uri().path()) {
            let (ready, ending) = (self.ready.clone(), self.drain.has_begun());
            let method = request.method().clone();
            return Box::pin(async move { Ok(last(probe.answer(&method, &ready, ending).await)) });
        }
        if let Some(reply) = self.refusal(&request) {
            return Box::pin(async move { Ok(last(reply)) });
        }
        Box::pin(self.stack.clone().oneshot(request).map_ok(last))
    }
}

impl<S> fmt::Debug for Route<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Route")
            .field("origins", &self.origins)
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
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
    use crate::config::Listen;
    use http::Version;
    use http::header::HOST;
    use http_body_util::{BodyExt as _, Empty};
    use tower::service_fn;

    /// In front of a stack that answers 202 to everything.
    fn route() -> Route<
        impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send,
    > {
        let stack = service_fn(|_: Request<Body>| async { Ok(refuse::text(StatusCode::ACCEPTED, "")) });
        let readiness: Readiness = Arc::new(|| Box::pin(async { vec![("trail", Ok("ok"))] }));
        Route::new(stack, &["https://app.example.com".to_owned()], readiness, Drain::new())
    }

    /// What is answered to a request.
    async fn status(request: http::request::Builder) -> u16 {
        let body = Empty::new().map_err(|never| match never {}).boxed_unsync();
        let reply = route().oneshot(request.body(body).unwrap()).await.unwrap();
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
            ("POST", "http://gateway/mcp", 202),
            ("POST", "http://elsewhere.example.com/mcp", 400),
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
            ("CONNECT", "example.com:443", 400),
            ("CONNECT", "gateway", 404),
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
    async fn what_is_asked_of_another_host_is_refused() {
        let to = |host: &'static str| Request::post("/mcp").header(HOST, host);
        assert_eq!(status(to("gateway").header(HOST, "gateway")).await, 400);
        let listen = Listen { allowed_hosts: Some(vec!["gateway".to_owned()]), ..Listen::default() };
        for (request, expect) in [(to("gateway"), 202), (to("localhost:1"), 202), (to("evil.example"), 403)] {
            let request = request.body(Empty::new().map_err(|never| match never {}).boxed_unsync()).unwrap();
            let reply = route().for_hosts(Hosts::of(&listen)).oneshot(request).await.unwrap();
            assert_eq!(reply.status().as_u16(), expect);
        }
        let probe = Request::get("/healthz").header(HOST, "10.0.0.7").version(Version::HTTP_11);
        assert_eq!(status(probe).await, 200, "a supervisor asks by address");
    }

    #[tokio::test]
    async fn nobody_knows_whose_request_it_is() {
        let mut request = Request::post("/mcp").header(HOST, "gateway");
        request.extensions_mut().unwrap().insert(Unreadable);
        assert_eq!(status(request).await, 400);
    }
}
