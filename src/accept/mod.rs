//! Where requests come in: sockets, the limits of HTTP, and the way out when the gateway ends.
//!
//! Nothing here knows MCP. A request for `POST /mcp` goes to the path's stack; `/healthz` and `/readyz` are answered here, and so
//! is the metadata by which clients find an identity provider; all else is refused. Only HTTP/1 is spoken on a cleartext port, since a connection that has not yet said which HTTP it speaks
//! would escape the limits on time.

mod body;
mod connection;
mod drain;
mod ready;
mod refuse;
mod route;
mod tcp;
mod whole;

pub use body::BodyTimeout;
pub use drain::{Drain, Drained};
pub use ready::{Check, Readiness};
pub use route::Route;
pub use tcp::{BindError, bind, serve};
pub(crate) use whole::{Unread, whole};

use crate::config::{Config, Limits};
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use std::net::SocketAddr;
use std::time::Duration;

/// Whatever went wrong below.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body that streams.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// The other end of the connection that a request came over: an extension of every request that gets to the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

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
}

impl From<&Limits> for Options {
    fn from(limits: &Limits) -> Self {
        Self {
            connections: limits.connections,
            header_timeout: limits.header_timeout,
            body_timeout: limits.body_timeout,
            drain_timeout: limits.drain_timeout,
        }
    }
}

impl From<&Config> for Options {
    fn from(config: &Config) -> Self {
        Self::from(&config.limits)
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::from(&Limits::default())
    }
}
