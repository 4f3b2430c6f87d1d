//! The requests of one connection, and whether its client behaves.

use super::Options;
use crate::accept::BoxError;
use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// Requests that were taken back before their reply began; with so many the connection takes no more, and with twice as many it is cut.
/// What a request had begun goes on without it, so taking it back does not make room for others.
const TAKEN_BACK: usize = 100;

/// A longer piece of a reply is handed out in several, so that a slow client that goes on is told from one that does not.
const PIECE: usize = 16 * 1024;

/// The requests of one connection. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// How long a connection may be there with nothing asked.
    idle: Duration,
    /// How long a client may take for the next piece of a reply.
    patience: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    open: usize,
    /// When the last request ended, or the connection began.
    idle_since: Instant,
    /// Replies of which a piece was handed out that is not gone yet, and since when.
    handed_out: BTreeMap<u64, Instant>,
    next: u64,
    taken_back: usize,
}

/// What is to become of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes on.
    Well,
    /// It takes no more requests, and ends with those that are there.
    Close,
    /// It ends now, and why.
    Cut(&'static str),
}

/// One request, from its head to the last byte of its reply.
#[derive(Debug)]
pub(super) struct Stream {
    streams: Streams,
    number: u64,
    answered: bool,
}

/// The body of a reply, which notes how its reader gets on.
#[derive(Debug)]
pub(super) struct Reply<B> {
    inner: B,
    /// What is left of the last piece.
    rest: Bytes,
    stream: Stream,
}

impl Streams {
    pub(super) fn new(options: &Options) -> Self {
        let state = State {
            open: 0,
            idle_since: Instant::now(),
            handed_out: BTreeMap::new(),
            next: 0,
            taken_back: 0,
        };
        let (idle, patience) = (options.header_timeout, options.body_timeout);
        Self { shared: Arc::new(Shared { idle, patience, state: Mutex::new(state) }) }
    }

    /// A request has come.
    pub(super) fn open(&self) -> Stream {
        let mut state = self.state();
        state.open += 1;
        state.next += 1;
        Stream { streams: self.clone(), number: state.next, answered: false }
    }

    /// How many requests there are.
    pub(super) fn open_now(&self) -> usize {
        self.state().open
    }

    pub(super) fn verdict(&self, now: Instant) -> Verdict {
        let state = self.state();
        let late = |since: &Instant| now.saturating_duration_since(*since) >= self.shared.patience;
        if state.handed_out.values().any(late) {
            return Verdict::Cut("a reply is not taken");
        }
        if state.taken_back >= 2 * TAKEN_BACK {
            return Verdict::Cut("too many requests are taken back");
        }
        let idle = state.open == 0 && now.saturating_duration_since(state.idle_since) >= self.shared.idle;
        if idle || state.taken_back >= TAKEN_BACK { Verdict::Close } else { Verdict::Well }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream {
    /// Goes on with the reply.
    pub(super) fn answer<B>(mut self, reply: Response<B>) -> Response<Reply<B>> {
        self.answered = true;
        reply.map(|inner| Reply { inner, rest: Bytes::new(), stream: self })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let mut state = self.streams.state();
        state.open -= 1;
        state.idle_since = Instant::now();
        state.handed_out.remove(&self.number);
        state.taken_back += usize::from(!self.answered);
    }
}

impl<B: Body<Data = Bytes, Error = BoxError> + Unpin> Body for Reply<B> {
    type Data = Bytes;
    type Error = BoxError;

    /// A reply is asked for its next piece once there is room to send it: until then the client has not taken the last one.
    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let (streams, number) = (&this.stream.streams, this.stream.number);
        streams.state().handed_out.remove(&number);
        let frame = if this.rest.is_empty() {
            Pin::new(&mut this.inner).poll_frame(context)
        } else {
            Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut this.rest)))))
        };
        let frame =
            frame.map(|frame| frame.map(|frame| frame.map(|frame| first_piece(frame, &mut this.rest))));
        if frame.is_ready() {
            streams.state().handed_out.insert(number, Instant::now());
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, rest) = (self.inner.size_hint(), self.rest.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(rest));
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}

/// The beginning of a frame; what does not fit is the rest.
fn first_piece(frame: Frame<Bytes>, rest: &mut Bytes) -> Frame<Bytes> {
    match frame.into_data() {
        Ok(mut data) => {
            *rest = data.split_off(PIECE.min(data.len()));
            Frame::data(data)
        }
        Err(trailers) => trailers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::poll_fn;
    use http_body_util::{BodyExt as _, Full};

    const LIMIT: Duration = Duration::from_secs(10);

    fn streams() -> Streams {
        let options = Options { header_timeout: LIMIT, body_timeout: 2 * LIMIT, ..Options::default() };
        Streams::new(&options)
    }

    fn body() -> impl Body<Data = Bytes, Error = BoxError> + Unpin {
        Full::new(Bytes::from_static(b"whole")).map_err(|never| match never {})
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_once_nothing_is_asked() {
        let streams = streams();
        let at = |after| Instant::now() + after;
        assert_eq!(streams.verdict(at(LIMIT / 2)), Verdict::Well);
        assert_eq!(streams.verdict(at(LIMIT)), Verdict::Close);
        let stream = streams.open();
        tokio::time::advance(3 * LIMIT).await;
        assert_eq!(streams.verdict(at(LIMIT)), Verdict::Well, "Directus takes its time");
        drop(stream.answer(Response::new(body())));
        assert_eq!((streams.open_now(), streams.verdict(at(LIMIT / 2))), (0, Verdict::Well));
        assert_eq!(streams.verdict(at(LIMIT)), Verdict::Close);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reply_has_to_be_taken() {
        let streams = streams();
        let mut reply = streams.open().answer(Response::new(body()));
        let late = Verdict::Cut("a reply is not taken");
        assert_eq!(streams.verdict(Instant::now() + 9 * LIMIT), Verdict::Well, "it has not begun");
        poll_fn(|context| Pin::new(reply.body_mut()).poll_frame(context)).await.unwrap().unwrap();
        assert_eq!(streams.verdict(Instant::now() + LIMIT), Verdict::Well);
        assert_eq!(streams.verdict(Instant::now() + 2 * LIMIT), late);
        assert!(reply.body_mut().frame().await.is_none());
        drop(reply);
        assert_eq!(streams.verdict(Instant::now()), Verdict::Well);
    }

    /// As long as the client goes on, a long reply may take any time.
    #[tokio::test(start_paused = true)]
    async fn a_long_reply_is_handed_out_in_pieces() {
        let streams = streams();
        let whole = Bytes::from(vec![7; 5 * PIECE + 1]);
        let body = Full::new(whole.clone()).map_err(|never| match never {});
        let mut reply = streams.open().answer(Response::new(body)).into_body();
        let (mut taken, mut pieces) = (Vec::new(), 0);
        while !reply.is_end_stream() {
            assert_eq!(reply.size_hint().exact(), Some((whole.len() - taken.len()) as u64));
            taken.extend_from_slice(reply.frame().await.unwrap().unwrap().data_ref().unwrap());
            pieces += 1;
            tokio::time::advance(LIMIT).await;
            assert_eq!(streams.verdict(Instant::now()), Verdict::Well);
        }
        assert_eq!((taken, pieces), (whole.to_vec(), 6));
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_not_taken_back_for_ever() {
        let streams = streams();
        for _ in 0..500 {
            drop(streams.open().answer(Response::new(body())));
        }
        for count in 1..=2 * TAKEN_BACK {
            drop(streams.open());
            let expect = match count {
                count if count < TAKEN_BACK => Verdict::Well,
                count if count < 2 * TAKEN_BACK => Verdict::Close,
                _ => Verdict::Cut("too many requests are taken back"),
            };
            assert_eq!(streams.verdict(Instant::now()), expect, "{count}");
        }
    }
}
