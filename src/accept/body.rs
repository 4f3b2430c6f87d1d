//! A request body that has to arrive in time.

use super::BoxError;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// A request's body did not arrive in time.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the request's body did not arrive within {} s", .0.as_secs_f64())]
pub struct BodyTimeout(
    /// How long it was waited for.
    pub Duration,
);

/// Ends in [`BodyTimeout`] when the inner body has not ended in time, however many pieces of it have come.
#[derive(Debug)]
pub(super) struct DeadlineBody<B> {
    inner: B,
    limit: Duration,
    deadline: Instant,
    /// Made when the body first keeps its reader waiting: most bodies are there with their head.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<B> DeadlineBody<B> {
    /// The clock starts now.
    pub(super) fn new(inner: B, limit: Duration) -> Self {
        Self { inner, limit, deadline: Instant::now() + limit, sleep: None }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for DeadlineBody<B>
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
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let deadline = this.deadline;
        let sleep = this.sleep.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        sleep.as_mut().poll(context).map(|()| Some(Err(BodyTimeout(this.limit).into())))
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

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_is_cut_off_at_the_limit() {
        let trickle = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"x"))), ()))
        });
        let began = Instant::now();
        let error = DeadlineBody::new(StreamBody::new(Box::pin(trickle)), LIMIT).collect().await.unwrap_err();
        assert!(error.is::<BodyTimeout>(), "{error}");
        assert!(began.elapsed() <= LIMIT + Duration::from_secs(1), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_is_there_passes() {
        let body = DeadlineBody::new(Full::new(Bytes::from_static(b"whole")), LIMIT);
        assert_eq!(body.size_hint().exact(), Some(5));
        assert_eq!(body.collect().await.unwrap().to_bytes(), "whole");
    }
}
