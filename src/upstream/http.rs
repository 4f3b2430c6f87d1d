//! The HTTP client for Directus: pooled connections, a bound on every wait, and no redirects.

use super::paced::PacedBody;
use super::{BoxError, ReadError, Reply, UpstreamError};
use crate::accept::{Unread, whole};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Request, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret as _, SecretString};
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceBuilder};
use url::Url;

/// Longest answer that is read whole, in bytes: the fields of a large Directus are a few MiB.
const LONGEST_ANSWER: u64 = 16 * 1024 * 1024;

/// A connection that nobody uses is given up before Directus gives it up: Node closes its end after 5 s, and a request that
/// meets the closing is lost.
const IDLE_CONNECTION: Duration = Duration::from_secs(4);

/// Who the gateway says it is.
pub const AGENT: &str = concat!("warrener/", env!("CARGO_PKG_VERSION"));

const USER_AGENT: HeaderValue = HeaderValue::from_static(AGENT);

type Connector = BoxCloneSyncService<Uri, MaybeHttpsStream<TokioIo<TcpStream>>, BoxError>;

/// The client for one Directus. Clones share their connections.
///
/// As a [`Service`] it sends what it is given, wherever the request's URI points; [`Upstream::uri`] makes such a URI.
#[derive(Clone)]
pub struct Upstream {
    client: Client<Connector, Full<Bytes>>,
    base: Base,
    reply_timeout: Duration,
    read_timeout: Duration,
}

/// Where Directus is and how long it is waited for.
#[derive(Clone, Debug)]
pub struct UpstreamOptions {
    /// Its base address, such as `https://cms.example.com`, with or without a path.
    pub url: Url,
    /// For a connection to be made, TLS included.
    pub connect_timeout: Duration,
    /// From the request to the reply's head.
    pub reply_timeout: Duration,
    /// Between two pieces of the reply's body.
    pub read_timeout: Duration,
}

impl UpstreamOptions {
    /// The usual patience between two pieces of a reply's body.
    pub const READ_TIMEOUT: Duration = Duration::from_secs(30);

    /// For a Directus at that address, with the usual patience: 5 s to connect, 60 s to answer, 30 s between two pieces.
    pub fn new(url: Url) -> Self {
        Self {
            url,
            connect_timeout: Duration::from_secs(5),
            reply_timeout: Duration::from_mins(1),
            read_timeout: Self::READ_TIMEOUT,
        }
    }
}

/// Why there can be no client for that address.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The address is not one of a Directus.
    #[error(
        "the upstream address `{0}` must be `http://HOST` or `https://HOST`, without user, query or fragment"
    )]
    Address(Url),
    /// The machine has no certificates to check Directus' own against.
    #[error(
        "no root certificates on this machine to check `{0}` with; install `ca-certificates`, or set `SSL_CERT_FILE`"
    )]
    Certificates(Url, #[source] std::io::Error),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[source] BoxError),
}

impl Upstream {
    /// A client; nothing is connected yet.
    ///
    /// # Errors
    /// When the address is not that of a Directus, or when its certificate could not be checked.
    pub fn new(options: &UpstreamOptions) -> Result<Self, SetupError> {
        let base = Base::new(&options.url)?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTION)
            .build(connector(options)?);
        let (reply_timeout, read_timeout) = (options.reply_timeout, options.read_timeout);
        Ok(Self { client, base, reply_timeout, read_timeout })
    }

    /// The address of something at this Directus: a path such as `/mcp`, with or without a query.
    ///
    /// # Errors
    /// When that cannot stand in a URI.
    pub fn uri(&self, path_and_query: &str) -> Result<Uri, http::Error> {
        self.base.uri(path_and_query)
    }

    /// Sends a request and waits for the head of the reply; the body streams. Redirects are replies like any other.
    ///
    /// # Errors
    /// When no reply begins in time.
    pub async fn send(&self, mut request: Request<Full<Bytes>>) -> Result<Reply, UpstreamError> {
        request.headers_mut().entry(header::USER_AGENT).or_insert(USER_AGENT);
        let after = self.reply_timeout;
        let sent = timeout(after, self.client.request(request)).await;
        let reply = sent.map_err(|_| UpstreamError::Timeout { after })?.map_err(|error| self.fault(error))?;
        Ok(reply.map(|body| PacedBody::new(body, self.read_timeout).boxed_unsync()))
    }

    /// Reads something from Directus' REST interface, whole, as the holder of that token.
    ///
    /// # Errors
    /// When Directus does not answer 200 in time, or answers more than 16 MiB.
    pub async fn get_json(&self, path: &str, token: Option<&SecretString>) -> Result<Bytes, ReadError> {
        let path = path.to_owned();
        let request = match self.get(&path, token) {
            Ok(request) => request,
            Err(cause) => return Err(ReadError::Body { path, cause: cause.into() }),
        };
        let reply = match self.send(request).await {
            Ok(reply) if reply.status() == http::StatusCode::OK => reply,
            Ok(reply) => return Err(ReadError::Status { path, status: reply.status() }),
            Err(error) => return Err(ReadError::Upstream { path, error }),
        };
        whole(reply.into_body(), LONGEST_ANSWER).await.map_err(|unread| {
            let cause = match unread {
                Unread::TooLong => "it is longer than is read",
                Unread::Broken => "it broke off",
            };
            ReadError::Body { path, cause: cause.into() }
        })
    }

    /// Asks whether Directus is there at all; needs no token.
    ///
    /// # Errors
    /// When `GET /server/ping` is not answered with 200.
    pub async fn ready(&self) -> Result<(), ReadError> {
        self.get_json("/server/ping", None).await.map(|_| ())
    }

    fn get(&self, path: &str, token: Option<&SecretString>) -> Result<Request<Full<Bytes>>, http::Error> {
        let mut request = Request::get(self.uri(path)?).header(header::ACCEPT, "application/json");
        if let Some(token) = token {
            let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        request.body(Full::default())
    }

    fn fault(&self, error: hyper_util::client::legacy::Error) -> UpstreamError {
        if error.is_connect() {
            UpstreamError::Connect { authority: self.base.authority.to_string(), cause: error.into() }
        } else {
            UpstreamError::Protocol(error.into())
        }
    }
}

impl Service<Request<Full<Bytes>>> for Upstream {
    type Response = Reply;
    type Error = UpstreamError;
    type Future = BoxFuture<'static, Result<Reply, UpstreamError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), UpstreamError>> {
        // The pool makes connections as they are needed.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let upstream = self.clone();
        Box::pin(async move { upstream.send(request).await })
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upstream").field("base", &self.base).finish_non_exhaustive()
    }
}

/// The fixed part of every address: it is never taken from a client's request.
#[derive(Clone, Debug)]
struct Base {
    scheme: Scheme,
    authority: Authority,
    path: String,
}

impl Base {
    fn new(url: &Url) -> Result<Self, SetupError> {
        let broken = || SetupError::Address(url.clone());
        let scheme = match url.scheme() {
            "http" => Scheme::HTTP,
            "https" => Scheme::HTTPS,
            _ => return Err(broken()),
        };
        let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if !plain || url.fragment().is_some() {
            return Err(broken());
        }
        let authority = url.authority().parse().map_err(|_| broken())?;
        Ok(Self { scheme, authority, path: url.path().trim_end_matches('/').to_owned() })
    }

    fn uri(&self, path_and_query: &str) -> Result<Uri, http::Error> {
        let path = PathAndQuery::try_from(format!("{}{path_and_query}", self.path))?;
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
    }
}

fn connector(options: &UpstreamOptions) -> Result<Connector, SetupError> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let builder = HttpsConnectorBuilder::new();
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let builder = if options.url.scheme() == "https" {
        let roots = builder.with_provider_and_native_roots(provider);
        roots.map_err(|cause| SetupError::Certificates(options.url.clone(), cause))?
    } else {
        // A Directus over http needs no certificates, and a small container may have none.
        let versions =
            ClientConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions();
        let config = versions
            .map_err(|error| SetupError::Tls(error.into()))?
            .with_root_certificates(RootCertStore::empty());
        builder.with_tls_config(config.with_no_client_auth())
    };
    let connector = builder.https_or_http().enable_http1().wrap_connector(tcp);
    let connector = ServiceBuilder::new().timeout(options.connect_timeout).service(connector);
    Ok(BoxCloneSyncService::new(connector))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    fn upstream(address: &str) -> Upstream {
        let options = UpstreamOptions {
            connect_timeout: Duration::from_millis(500),
            reply_timeout: Duration::from_millis(300),
            read_timeout: Duration::from_millis(300),
            ..UpstreamOptions::new(address.parse().unwrap())
        };
        Upstream::new(&options).unwrap()
    }

    /// A listener that answers its first connection's first request with these bytes, and then holds the connection.
    async fn answers(bytes: &'static [u8]) -> (Upstream, tokio::task::JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = upstream(&format!("http://{}", listener.local_addr().unwrap()));
        let task = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap();
            request.truncate(read);
            stream.write_all(bytes).await.unwrap();
            // Held open until the client goes.
            let _ = stream.read(&mut [0; 16]).await;
            request
        });
        (upstream, task)
    }

    #[test]
    fn only_plain_http_addresses_are_taken() {
        for (address, uri) in [
            ("http://cms.example.com", Some("http://cms.example.com/mcp")),
            ("http://cms.example.com:8055/", Some("http://cms.example.com:8055/mcp")),
            ("http://example.com/cms/", Some("http://example.com/cms/mcp")),
            ("http://[::1]:8055", Some("http://[::1]:8055/mcp")),
            ("ftp://example.com", None),
            ("http://user:word@example.com", None),
            ("http://example.com/?x=1", None),
            ("http://example.com/#x", None),
        ] {
            let built = Upstream::new(&UpstreamOptions::new(address.parse().unwrap()));
            let got = built.map(|upstream| upstream.uri("/mcp").unwrap().to_string()).ok();
            assert_eq!(got.as_deref(), uri, "{address}");
        }
    }

    #[tokio::test]
    async fn reads_with_the_token_and_under_its_own_name() {
        let (upstream, task) = answers(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
        let token = SecretString::from("abc");
        assert_eq!(upstream.get_json("/fields?limit=-1", Some(&token)).await.unwrap(), "{}");
        drop(upstream);
        let request = String::from_utf8(task.await.unwrap()).unwrap().to_lowercase();
        assert!(request.starts_with("get /fields?limit=-1 http/1.1\r\n"), "{request}");
        assert!(request.contains("authorization: bearer abc\r\n"), "{request}");
        assert!(request.contains("user-agent: warrener/"), "{request}");
    }

    #[tokio::test]
    async fn says_whose_fault_it_is() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let request =
            |upstream: &Upstream| Request::post(upstream.uri("/mcp").unwrap()).body(Full::default()).unwrap();

        let nobody = upstream(&closed);
        let error = nobody.send(request(&nobody)).await.unwrap_err();
        assert!(matches!(error, UpstreamError::Connect { .. }) && !error.may_have_acted(), "{error:?}");
        assert!(error.source().is_some());

        let (silent, _task) = answers(b"").await;
        let error = silent.send(request(&silent)).await.unwrap_err();
        assert!(matches!(error, UpstreamError::Timeout { .. }) && error.may_have_acted(), "{error:?}");
        assert_eq!(error.to_string(), "Directus did not answer within 0.3 s");

        let (babbling, _task) = answers(b"220 mail.example.com ESMTP\r\n\r\n").await;
        let error = babbling.send(request(&babbling)).await.unwrap_err();
        assert!(matches!(error, UpstreamError::Protocol(_)) && error.may_have_acted(), "{error:?}");
    }

    #[tokio::test]
    async fn a_body_that_stalls_ends_in_an_error() {
        let (upstream, _task) = answers(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
        let error = upstream.get_json("/fields", None).await.unwrap_err();
        assert!(matches!(error, ReadError::Body { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let (upstream, _task) =
            answers(b"HTTP/1.1 302 Found\r\nlocation: /login\r\ncontent-length: 0\r\n\r\n").await;
        let error = upstream.ready().await.unwrap_err();
        assert_eq!(error.to_string(), "`GET /server/ping`: Directus answered 302 Found");
    }
}
