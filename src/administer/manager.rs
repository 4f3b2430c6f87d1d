//! The service manager, such as systemd: the socket that it hands over, and what it is told.
//!
//! Where `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `LISTEN_FDS` are not set there is none, and nothing is said to anybody.

use crate::audit::trail::Trail;
use listenfd::ListenFd;
use sd_notify::NotifyState;
use std::io;
use std::net::TcpListener as Socket;
use std::time::Duration;
use tokio::net::TcpListener;

/// Why what the service manager hands over cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum HandOverError {
    /// There is one way in.
    #[error("the service manager hands over {0} sockets, and the gateway listens on one")]
    Several(usize),
    /// It is of another kind.
    #[error("what the service manager hands over is not a TCP socket that is listened on: {0}")]
    Unusable(#[source] io::Error),
}

/// The socket that the service manager listens on for this process; `None` where there is none. It is taken once: a second call finds
/// none.
///
/// # Errors
/// [`HandOverError`], where there are several, or something else.
pub fn handed_over() -> Result<Option<Socket>, HandOverError> {
    let mut sockets = ListenFd::from_env();
    match sockets.len() {
        0 => Ok(None),
        1 => sockets.take_tcp_listener(0).map_err(HandOverError::Unusable),
        several => Err(HandOverError::Several(several)),
    }
}

/// The socket as the runtime knows it.
pub(super) fn listener(socket: Socket) -> Result<TcpListener, HandOverError> {
    socket.set_nonblocking(true).map_err(HandOverError::Unusable)?;
    TcpListener::from_std(socket).map_err(HandOverError::Unusable)
}

/// The gateway serves.
pub(super) fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("serving")]);
}

/// Policies and certificate are read anew.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "the service manager is not told of a reload"),
    }
}

/// They were; where the policies are `behind`, the last good ones decide.
pub(super) fn reloaded(behind: bool) {
    let status = if behind {
        "serving by the last good policies: those in the folder are not valid"
    } else {
        "serving"
    };
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The drain has begun.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("ending: calls under way are finished")]);
}

/// How often the service manager wants a sign of life; `None` where it wants none.
pub(super) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().filter(|every| !every.is_zero())
}

/// Gives a sign of life three times in the time that the service manager waits, as long as there is life: the runtime runs this and
/// another task, and what writes the trail answers. A disk that fails is no reason for an end, since calls are refused until it
/// works; a writer that is stuck answers nobody, and whoever waits for it waits in vain.
pub(super) async fn watch(trail: Trail, every: Duration) {
    let pace = every / 3;
    loop {
        let (asked, other) = (trail.clone(), tokio::spawn(tokio::task::yield_now()));
        if other.await.is_ok() && asked.responds(pace).await {
            tell(&[NotifyState::Watchdog]);
        } else {
            tracing::error!(
                "what writes the audit trail does not answer: the service manager gets no sign of life"
            );
        }
        tokio::time::sleep(pace).await;
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}
