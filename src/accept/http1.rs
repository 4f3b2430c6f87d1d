//! HTTP/1 over one connection.

use super::connection::{LONGEST_HEAD, READ_AHEAD, log_end};
use super::{BoxError, Drain, Options};
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep;
use tower::{Service, ServiceExt as _};

/// For so long after the end has begun a connection may ask once more. What is on its way already would be lost with a connection
/// that is closed at once, and the client could not know whether it was acted on. The answer says that the connection ends with it.
const LAST_REQUEST: Duration = Duration::from_millis(500);

/// Serves the connection until it ends, and says whether it was cut.
pub(super) async fn serve<T, S, B>(stream: T, service: S, options: &Options, drain: &Drain) -> bool
where
    T: AsyncRead + AsyncWrite + Unpin,
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: http_body::Body<Data = Bytes, Error = BoxError> + Send + 'static,
{
    let asked = Arc::new(AtomicBool::new(false));
    let noted = asked.clone();
    let service = service.map_request(move |request| {
        noted.store(true, Ordering::SeqCst);
        request
    });
    let service = TowerToHyperService::new(service);
    let mut connection = pin!(http(options).serve_connection(TokioIo::new(stream), service));
    let stop = drain.stop();
    tokio::select! {
        ended = connection.as_mut() => {
            log_end(ended);
            return false;
        }
        () = stop.cancelled() => {}
    }
    tokio::select! {
        biased;
        ended = connection.as_mut() => {
            log_end(ended);
            return false;
        }
        () = sleep(LAST_REQUEST) => {}
        () = drain.cut().cancelled() => {}
    }
    // A connection over which nothing was asked yet would be waited for until its timeout.
    if !asked.load(Ordering::SeqCst) {
        return false;
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        biased;
        ended = connection.as_mut() => {
            log_end(ended);
            false
        }
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
