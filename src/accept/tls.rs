//! TLS: a certificate that is exchanged without a connection being dropped, and whom it is asked of clients.
//!
//! Deliberately absent: early data, which could be replayed, and renegotiation. Where clients show certificates no session is
//! resumed either, so that each connection begins with a certificate that is good at that time.

mod client;
mod files;
mod handshake;
mod reload;

pub use client::{ClientCertificate, Lapsed};
pub use files::TlsError;
pub(super) use handshake::Secured;

use self::files::Reading;
use crate::config;
use crate::telemetry::Clock;
use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::server::danger::ClientCertVerifier;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// The certificate that a listener shows. Clones are the same.
#[derive(Clone)]
pub struct Tls {
    shared: Arc<Shared>,
}

struct Shared {
    files: config::Tls,
    /// Swapped whole; a handshake is made with what is active when it begins.
    active: ArcSwap<Active>,
    /// Digest of what the files held at the start.
    first: [u8; 32],
    /// What is in the files is refused.
    behind: AtomicBool,
    /// The files are to be looked at now.
    at_once: Notify,
    clock: Arc<dyn Clock>,
}

/// What handshakes are made with.
struct Active {
    server: Arc<ServerConfig>,
    /// Whom certificates of clients have to be from; `None` where they are not asked for.
    clients: Option<Arc<dyn ClientCertVerifier>>,
}

impl Tls {
    /// Reads the files. What is odd about them, but no reason not to start, is logged.
    ///
    /// # Errors
    /// When a file cannot be read, or they cannot be used together; the error says what to do.
    pub fn open(files: &config::Tls, clock: Arc<dyn Clock>) -> Result<Self, TlsError> {
        let reading = Reading::settled(files);
        let loaded = reading.load(files)?;
        if let Some(problem) = loaded.untimely(clock.now()) {
            tracing::warn!("{problem}: clients will not connect");
        }
        files::warn_when_open(&files.key);
        let (files, active) = (files.clone(), ArcSwap::from_pointee(loaded.active));
        let first = reading.digest();
        let (behind, at_once) = (AtomicBool::new(false), Notify::new());
        Ok(Self { shared: Arc::new(Shared { files, active, first, behind, at_once, clock }) })
    }

    /// Has the files looked at now, whether they seem to have changed or not.
    pub fn at_once(&self) {
        self.shared.at_once.notify_one();
    }

    /// Whether what is in the files is refused, so that the last good certificate is shown.
    pub fn is_behind(&self) -> bool {
        self.shared.behind.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("files", &self.shared.files).finish_non_exhaustive()
    }
}
