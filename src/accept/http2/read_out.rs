//! The body of a request that is answered without being read.

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// More than this of a body is not read only to be dropped.
const MOST: usize = 1 << 20;

/// Nor is it waited for longer.
const PATIENCE: Duration = Duration::from_secs(2);

/// A body that is read out when it is dropped before its end. Dropping it at once would reset its stream, and some clients, curl among
/// them, then do not show the reply that they have got: a client without a valid key would not be told so.
#[derive(Debug)]
pub(in crate::accept) struct ReadOut {
    /// Empty only while it is dropped.
    inner: Option<Incoming>,
}

impl ReadOut {
    pub(in crate::accept) fn new(inner: Incoming) -> Self {
        Self { inner: Some(inner) }
    }
}

impl Body for ReadOut {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.inner {
            Some(inner) => Pin::new(inner).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl Drop for ReadOut {
    fn drop(&mut self) {
        let rest = self.inner.take().filter(|rest| !rest.is_end_stream());
        if let (Some(rest), Ok(runtime)) = (rest, Handle::try_current()) {
            runtime.spawn(timeout(PATIENCE, read_out(rest)));
        }
    }
}

async fn read_out(mut body: Incoming) {
    use http_body_util::BodyExt as _;
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > MOST {
            return;
        }
    }
}
