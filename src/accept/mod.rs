//! Where requests come in: sockets, standard input, the limits of HTTP, and the way out when the gateway ends.
//!
//! Nothing here knows MCP but [`stdio`], which has to know which line answers which. A request for `POST /mcp` goes to the path's stack;
//! `/healthz` and `/readyz` are answered here, and so is the metadata by which clients find an identity provider; all else is refused. Only
//! HTTP/1 is spoken on a cleartext port, since a connection that has not yet said which HTTP it speaks would escape the limits on time;
//! over TLS a client says so in the handshake.

mod body;
mod connection;
mod descriptors;
mod drain;
mod farewell;
mod forwarded;
mod hosts;
mod http1;
mod http2;
mod in_time;
mod network;
mod ready;
mod refuse;
mod route;
mod scrape;
pub mod stdio;
mod tcp;
mod tls;
mod whole;

pub use crate::telemetry::metrics::Connections;
pub use body::BodyTimeout;
pub use descriptors::raise_open_files;
pub use drain::{Drain, Drained};
pub use hosts::Hosts;
pub(crate) use hosts::host_name;
pub use network::{Network, NoNetwork};
pub use ready::{Check, Readiness};
pub use route::Route;
pub use scrape::{Scrape, Told};
pub use tcp::{BindError, bind, serve};
pub use tls::{ClientCertificate, Lapsed, Tls, TlsError};
pub(crate) use whole::{Unread, whole};

use crate::config::{Config, Limits};
use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Whatever went wrong below.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body that streams.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// The other end of the connection that a request came over: an extension of every request that gets to the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// Whose request it is: the peer's, or where that is a trusted proxy, whom it got the request from. An extension of every request that
/// gets to the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client(pub IpAddr);

/// A request of another server as the stack takes it: with whom it is from, and a body that has to arrive within `body_timeout`.
///
/// The peer is whom the request counts as from: where a proxy stands in front of that server, give the address that it vouches for.
pub fn adopted<B>(request: Request<B>, peer: SocketAddr, body_timeout: Duration) -> Request<Body>
where
    B: http_body::Body<Data = Bytes, Error: Into<BoxError>> + Send + Unpin + 'static,
{
    let mut request = request.map(|body| body::DeadlineBody::new(body, body_timeout).boxed_unsync());
    request.extensions_mut().insert(Peer(peer));
    request.extensions_mut().insert(Client(peer.ip()));
    request
}

/// What one listener bears. Every wait has an end.
#[derive(Clone, Debug)]
pub struct Options {
    /// Most connections at once; those beyond are answered 503 and closed.
    pub connections: usize,
    /// For a whole request head to arrive, and for the first or next request to begin.
    pub header_timeout: Duration,
    /// For a whole request body to arrive, and for a client to take the next piece of a reply.
    pub body_timeout: Duration,
    /// For what is under way to end once the gateway ends.
    pub drain_timeout: Duration,
    /// Where connections may come from that speak for others.
    pub trusted_proxies: Arc<[Network]>,
    /// The certificate that is shown; `None` for cleartext.
    pub tls: Option<Tls>,
    /// Where connections are counted.
    pub counted: Connections,
}

impl From<&Limits> for Options {
    fn from(limits: &Limits) -> Self {
        Self {
            connections: limits.connections,
            header_timeout: limits.header_timeout,
            body_timeout: limits.body_timeout,
            drain_timeout: limits.drain_timeout,
            trusted_proxies: Arc::default(),
            tls: None,
            counted: Connections::default(),
        }
    }
}

/// Everything but the certificate, which [`Tls::open`] reads.
impl From<&Config> for Options {
    fn from(config: &Config) -> Self {
        let trusted_proxies = config.listen.trusted_proxies.as_slice().into();
        Self { trusted_proxies, ..Self::from(&config.limits) }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::from(&Limits::default())
    }
}
