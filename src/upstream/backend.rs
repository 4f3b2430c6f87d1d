//! Where calls go: to Directus' own endpoint, or to its Local MCP.

use super::{LocalMcp, Reply, Upstream, UpstreamError};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::Request;
use http_body_util::Full;
use std::task::{Context, Poll};
use tower::Service;

/// Where calls go.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "a box would be one more allocation for each call")]
pub enum Backend {
    /// Over HTTP to the endpoint of Directus 11.12 and later.
    BuiltIn(Upstream),
    /// To a process beside an older Directus.
    Local(LocalMcp),
}

impl Service<Request<Full<Bytes>>> for Backend {
    type Response = Reply;
    type Error = UpstreamError;
    type Future = BoxFuture<'static, Result<Reply, UpstreamError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), UpstreamError>> {
        match self {
            Self::BuiltIn(upstream) => upstream.poll_ready(context),
            Self::Local(local) => local.poll_ready(context),
        }
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        match self {
            Self::BuiltIn(upstream) => upstream.call(request),
            Self::Local(local) => local.call(request),
        }
    }
}
