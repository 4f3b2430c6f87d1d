//! The Directus behind the gateway: calls to it over HTTP or through its Local MCP, and the schema snapshot that is read from it.

mod backend;
mod error;
mod http;
mod paced;
mod schema;
mod stdio;

pub use backend::Backend;
pub use error::{ReadError, UpstreamError};
pub use http::{AGENT, SetupError, Upstream, UpstreamOptions};
pub use paced::Stalled;
pub use schema::{SchemaCache, SchemaUnavailable};
pub use stdio::{LocalMcp, LocalMcpOptions, NotStarted, Variable};

pub use crate::accept::{Body, BoxError};

use ::http::Response;

/// What Directus answers: status and headers are there, the body streams.
pub type Reply = Response<Body>;
