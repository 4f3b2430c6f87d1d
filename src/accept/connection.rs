//! One connection, from its first byte to its last.

use super::body::DeadlineBody;
use super::{Body, Drain, Options, Peer, refuse};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};
use tower::{Service, ServiceBuilder};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::trace::TraceLayer;

/// Longest request head, in bytes. A client key and the headers of MCP need one of them.
const LONGEST_HEAD: usize = 32 * 1024;

/// Most bytes that are read ahead of the stack.
const READ_AHEAD: usize = 64 * 1024;

/// Serves one connection until it ends: by the client, by a timeout, or by the drain. Says whether it was cut.
pub(super) async fn serve<S>(
    stream: tokio::net::TcpStream,
    peer: SocketAddr,
    service: S,
    options: Options,
    drain: Drain,
) -> bool
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let asked = Arc::new(AtomicBool::new(false));
    let io = TokioIo::new(TakenInTime::new(stream, options.body_timeout));
    let service = layered(service, peer, options.body_timeout, asked.clone());
    let mut connection = pin!(http(&options).serve_connection(io, TowerToHyperService::new(service)));
    let stop = drain.stop();
    tokio::select! {
        ended = connection.as_mut() => return log_end(ended),
        () = stop.cancelled() => {}
    }
    // A connection over which nothing was asked yet would be waited for until its timeout.
    if !asked.load(Ordering::SeqCst) {
        return false;
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        ended = connection.as_mut() => log_end(ended),
        () = drain.cut().cancelled() => true,
    }
}

fn http(options: &Options) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(options.header_timeout)
        .max_header_size(LONGEST_HEAD)
        .max_buf_size(READ_AHEAD);
    http
}

/// What every request goes through, whatever it is for.
fn layered<S>(
    service: S,
    peer: SocketAddr,
    body_timeout: Duration,
    asked: Arc<AtomicBool>,
) -> impl Service<
    Request<Incoming>,
    Response = Response<impl http_body::Body<Data = bytes::Bytes, Error = super::BoxError>>,
    Error = Infallible,
    Future: Send,
> + Clone
+ Send
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    // The address of a request may hold a credential that does not belong there, so only its path is logged.
    let span = move |request: &Request<Incoming>| tracing::info_span!("request", method = %request.method(), path = request.uri().path(), %peer);
    ServiceBuilder::new()
        .layer(TraceLayer::new_for_http().make_span_with(span).on_request(()).on_failure(()))
        .layer(CatchPanicLayer::custom(refuse::panicked))
        .map_request(move |request: Request<Incoming>| {
            asked.store(true, Ordering::SeqCst);
            let mut request = request.map(|body| DeadlineBody::new(body, body_timeout).boxed_unsync());
            request.extensions_mut().insert(Peer(peer));
            request
        })
        .service(service)
}

/// A connection that breaks is everyday life, and the client's own business.
fn log_end(ended: hyper::Result<()>) -> bool {
    if let Err(error) = ended {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection broke");
    }
    false
}

/// A stream whose other end has to take what is written in time. Hyper bounds the reading; this bounds the writing, since a
/// client that asks and never reads would hold its connection for ever.
#[derive(Debug)]
struct TakenInTime<T> {
    inner: T,
    limit: Duration,
    /// Runs while a write waits.
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<T> TakenInTime<T> {
    fn new(inner: T, limit: Duration) -> Self {
        Self { inner, limit, sleep: None }
    }

    /// Passes on what a write came to; starts the clock when it waits, and stops it when it does not.
    fn in_time<R>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<R>>) -> Poll<io::Result<R>> {
        if written.is_ready() {
            self.sleep = None;
            return written;
        }
        let limit = self.limit;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(limit)));
        sleep.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for TakenInTime<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for TakenInTime<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.in_time(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.in_time(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(context);
        self.in_time(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.inner).poll_shutdown(context);
        self.in_time(context, shut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::Instant;

    const LIMIT: Duration = Duration::from_secs(30);
    const JUST_IN_TIME: Duration = Duration::from_secs(29);

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_does_not_read_is_given_up() {
        let (ours, mut theirs) = tokio::io::duplex(8);
        let mut ours = TakenInTime::new(ours, LIMIT);
        let began = Instant::now();
        let error = ours.write_all(b"far more than fits").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= LIMIT);
        theirs.read_exact(&mut [0; 8]).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_that_goes_on_is_not() {
        let (ours, mut theirs) = tokio::io::duplex(8);
        let mut ours = TakenInTime::new(ours, LIMIT);
        let reading = tokio::spawn(async move {
            let mut read = 0;
            while read < 40 {
                sleep(JUST_IN_TIME).await;
                read += theirs.read(&mut [0; 8]).await.unwrap();
            }
        });
        ours.write_all(&[7; 40]).await.unwrap();
        reading.await.unwrap();
    }
}
