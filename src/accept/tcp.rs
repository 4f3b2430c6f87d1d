//! The TCP listener: connections are taken, counted, and handed over.

use super::farewell::{TOO_MANY, farewell};
use super::{Body, Drain, Drained, Options, connection};
use http::{Request, Response};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;
use tower::Service;
use tracing::Instrument as _;

/// After an error that is the machine's own, such as too many open files, the listener waits so long.
const PAUSE: Duration = Duration::from_millis(100);

/// Most connections that are told at the same time that there are too many; those beyond are closed without a word.
const TURNED_AWAY: usize = 64;

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Something listens there already.
    #[error("`{0}` is in use by another program; stop that one, or give another address with `--listen`")]
    InUse(SocketAddr),
    /// The system does not let this user listen there.
    #[error(
        "this user may not listen on `{0}`; ports below 1024 need a privilege: give another one with `--listen`"
    )]
    Forbidden(SocketAddr),
    /// The address is not this machine's.
    #[error("`{0}` is no address of this machine; give one that is with `--listen`")]
    NotHere(SocketAddr),
    /// Something else.
    #[error("`{0}` cannot be listened on")]
    Other(SocketAddr, #[source] io::Error),
}

impl BindError {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the standard library has some forty kinds, and may get more"
    )]
    fn of(address: SocketAddr, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AddrInUse => Self::InUse(address),
            io::ErrorKind::PermissionDenied => Self::Forbidden(address),
            io::ErrorKind::AddrNotAvailable => Self::NotHere(address),
            _ => Self::Other(address, error),
        }
    }
}

/// Listens on an address.
///
/// # Errors
/// When that cannot be; the error says what to do.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|error| BindError::of(address, error))
}

/// Serves what comes in until the drain begins; then no more is taken, idle connections are closed, and what is under way is
/// finished within `drain_timeout`. Returns when all of it has ended, the drain's tasks included, with what had to be cut.
pub async fn serve<S>(listener: TcpListener, service: S, options: Options, drain: Drain) -> Drained
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    let listening = Listening::new(listener, service, options, drain);
    listening.accept_until_stopped().await;
    listening.end().await
}

struct Listening<S> {
    listener: TcpListener,
    service: S,
    options: Options,
    drain: Drain,
    /// One permit a connection.
    room: Arc<Semaphore>,
    /// One permit a connection that there is no room for.
    farewells: Arc<Semaphore>,
    connections: TaskTracker,
    cut: Arc<AtomicUsize>,
}

impl<S> Listening<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    fn new(listener: TcpListener, service: S, options: Options, drain: Drain) -> Self {
        let room = Arc::new(Semaphore::new(options.connections.min(Semaphore::MAX_PERMITS)));
        let farewells = Arc::new(Semaphore::new(TURNED_AWAY));
        Self {
            listener,
            service,
            options,
            drain,
            room,
            farewells,
            connections: TaskTracker::new(),
            cut: Arc::default(),
        }
    }

    async fn accept_until_stopped(&self) {
        let stop = self.drain.stop();
        while let Some(accepted) = stop.run_until_cancelled(self.listener.accept()).await {
            match accepted {
                Ok((stream, peer)) => self.take(stream, peer),
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "connections cannot be taken");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn take(&self, stream: TcpStream, peer: SocketAddr) {
        match self.room.clone().try_acquire_owned() {
            Ok(permit) => self.hand_over(stream, peer, permit),
            Err(_) => self.turn_away(stream, peer),
        }
    }

    fn hand_over(&self, stream: TcpStream, peer: SocketAddr, permit: OwnedSemaphorePermit) {
        // Replies are written whole; waiting for more would only delay them. Without it they still arrive.
        let _ = stream.set_nodelay(true);
        let (options, drain, cut) = (self.options.clone(), self.drain.clone(), self.cut.clone());
        let (service, open) = (self.service.clone(), self.options.counted.open());
        // What is logged of a request says where it came from; a span for each request costs more than its line.
        let span = tracing::info_span!("connection", %peer);
        let serving = connection::serve(stream, peer, service, options, drain).instrument(span);
        self.connections.spawn(async move {
            if serving.await {
                cut.fetch_add(1, Ordering::SeqCst);
            }
            drop((permit, open));
        });
    }

    fn turn_away(&self, stream: TcpStream, peer: SocketAddr) {
        self.options.counted.turn_away();
        tracing::warn!(%peer, connections = self.options.connections, "there are too many connections");
        // Over TLS it would take a handshake to say so, and that is what there is no room for.
        if self.options.tls.is_some() {
            return;
        }
        if let Ok(permit) = self.farewells.clone().try_acquire_owned() {
            self.connections.spawn(async move {
                farewell(stream, TOO_MANY).await;
                drop(permit);
            });
        }
    }

    async fn end(self) -> Drained {
        let Self { listener, connections, cut, drain, options, .. } = self;
        // Closing the port tells whoever balances load to go elsewhere.
        drop(listener);
        connections.close();
        if timeout(options.drain_timeout, connections.wait()).await.is_err() {
            drain.cut_off();
            connections.wait().await;
        }
        let tasks = drain.finish_tasks(drain.left(options.drain_timeout)).await;
        Drained { connections: cut.load(Ordering::SeqCst), tasks }
    }
}

/// Errors of `accept` that say something of that one connection only.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_cannot_be_had_is_one_clear_error() {
        let first = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let taken = first.local_addr().unwrap();
        let error = bind(taken).await.unwrap_err().to_string();
        assert!(error.contains(&format!("`{taken}` is in use")), "{error}");
        let error = bind("192.0.2.1:8080".parse().unwrap()).await.unwrap_err().to_string();
        assert!(error.contains("no address of this machine"), "{error}");
    }
}
