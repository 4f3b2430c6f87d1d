//! The Directus behind the gateway: calls to it, and the schema snapshot that is read from it.

mod error;
mod http;
mod schema;

pub use error::{ReadError, UpstreamError};
pub use http::{SetupError, Upstream, UpstreamOptions};
pub use schema::{SchemaCache, SchemaUnavailable};

use ::http::Response;
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;

/// Whatever went wrong below.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body that streams.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// What Directus answers: status and headers are there, the body streams.
pub type Reply = Response<Body>;
