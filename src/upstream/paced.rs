//! A reply's body that has to go on in time.

use super::BoxError;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// Directus did not go on with its answer in time.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the answer did not go on within {} s", .0.as_secs_f64())]
pub struct Stalled(
    /// How long it was waited for.
    pub Duration,
);

/// Ends in [`Stalled`] where a piece of the inner body is waited for too long. It knows the length that the inner one knows, which
/// `tower_http`'s does not: an answer that is known to be short is passed on in one piece.
#[derive(Debug)]
pub(super) struct PacedBody<B> {
    inner: B,
    limit: Duration,
    /// Runs while a piece is waited for.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<B> PacedBody<B> {
    pub(super) fn new(inner: B, limit: Duration) -> Self {
        Self { inner, limit, sleep: None }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for PacedBody<B>
where
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(context) {
            this.sleep = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let limit = this.limit;
        let sleep = this.sleep.get_or_insert_with(|| Box::pin(sleep(limit)));
        sleep.as_mut().poll(context).map(|()| Some(Err(Stalled(limit).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use http_body_util::{BodyExt as _, Full, StreamBody};
    use std::convert::Infallible;

    const LIMIT: Duration = Duration::from_secs(30);

    /// So many pieces, each after so long.
    fn pieces(count: usize, after: Duration) -> impl Body<Data = Bytes, Error = Infallible> + Unpin {
        let pieces = stream::unfold(count, move |left| async move {
            let left = left.checked_sub(1)?;
            sleep(after).await;
            Some((Ok(Frame::data(Bytes::from_static(b"x"))), left))
        });
        StreamBody::new(Box::pin(pieces))
    }

    #[tokio::test(start_paused = true)]
    async fn each_piece_has_its_own_time() {
        let slow = PacedBody::new(pieces(10, Duration::from_secs(29)), LIMIT);
        assert_eq!(slow.collect().await.unwrap().to_bytes().len(), 10);
        let stalled = PacedBody::new(pieces(10, Duration::from_secs(31)), LIMIT);
        assert!(stalled.collect().await.unwrap_err().is::<Stalled>());
    }

    #[test]
    fn its_length_is_known() {
        let body = PacedBody::new(Full::new(Bytes::from_static(b"whole")), LIMIT);
        assert_eq!(body.size_hint().exact(), Some(5));
    }
}
