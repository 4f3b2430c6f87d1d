//! HTTP/2 over one connection. It is spoken over TLS only, where the client has chosen it in the handshake.
//!
//! What HTTP/2 leaves unbounded is bounded here by [`Streams`]: a connection on which nothing is asked, a client that does not take its
//! replies, and one that asks and takes back.

mod read_out;
mod streams;

pub(super) use read_out::ReadOut;

use self::streams::{Streams, Verdict};
use super::connection::{LONGEST_HEAD, READ_AHEAD, log_end};
use super::{BoxError, Drain, Options};
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, interval};
use tower::{Service, ServiceExt as _};

/// Most requests at once over one connection.
const AT_ONCE: u32 = 64;

/// Bytes of a request's body that may come before they are asked for.
const WINDOW: u32 = 64 * 1024;

/// The same for all requests of a connection.
const WHOLE_WINDOW: u32 = 4 * WINDOW;

/// Streams that were taken back before they were looked at; more of them end the connection.
const TAKEN_BACK: usize = 16;

/// Streams that are faulty; more of them end the connection.
const FAULTY: usize = 64;

/// Serves the connection until it ends, and says whether it was cut.
pub(super) async fn serve<T, S, B>(stream: T, service: S, options: &Options, drain: &Drain) -> bool
where
    T: AsyncRead + AsyncWrite + Unpin,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes, Error = BoxError> + Send + Unpin + 'static,
{
    let streams = Streams::new(options);
    let watched = streams.clone();
    let service = service_fn(move |request| {
        let (stream, reply) = (watched.open(), service.clone().oneshot(request));
        async move { reply.await.map(|reply| stream.answer(reply)) }
    });
    let mut connection = pin!(http(options).serve_connection(TokioIo::new(stream), service));
    let mut look = interval(often(options));
    let stop = drain.stop();
    // Set once no new requests are taken, to when those that are there have to be done at the latest if the client is gone.
    let mut closing: Option<Instant> = None;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                log_end(ended);
                return false;
            }
            () = stop.cancelled(), if closing.is_none() => {}
            () = drain.cut().cancelled() => return streams.open_now() > 0,
            now = look.tick() => match streams.verdict(now) {
                Verdict::Well => continue,
                Verdict::Close if closing.is_none() => {}
                // The client was told, and does not go.
                Verdict::Close if closing.is_some_and(|since| now < since + options.header_timeout) => continue,
                Verdict::Close => return false,
                Verdict::Cut(why) => {
                    tracing::debug!(why, "a connection is cut");
                    return false;
                }
            },
        }
        closing = Some(Instant::now());
        connection.as_mut().graceful_shutdown();
    }
}

/// How often a connection is looked at.
fn often(options: &Options) -> Duration {
    let shortest = options.header_timeout.min(options.body_timeout);
    (shortest / 8).max(Duration::from_millis(10))
}

fn http(options: &Options) -> http2::Builder<TokioExecutor> {
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_concurrent_streams(AT_ONCE)
        .max_header_list_size(u32::try_from(LONGEST_HEAD).unwrap_or(u32::MAX))
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WHOLE_WINDOW)
        .max_send_buf_size(READ_AHEAD)
        .max_pending_accept_reset_streams(TAKEN_BACK)
        .max_local_error_reset_streams(FAULTY)
        .keep_alive_interval(options.header_timeout)
        .keep_alive_timeout(options.header_timeout);
    http
}
