//! The certificate that a client has shown.

use super::{Active, Tls, files};
use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls_pki_types::{CertificateDer, UnixTime};
use sha2::{Digest as _, Sha256};
use std::fmt::{self, Write as _};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use webpki::EndEntityCert;

/// The certificate of a client, whose chain and possession were proved in the handshake: an extension of every request that came
/// over such a connection.
#[derive(Clone)]
pub struct ClientCertificate {
    shown: Arc<Shown>,
}

struct Shown {
    /// The client's own certificate first.
    chain: Vec<CertificateDer<'static>>,
    sha256: String,
    names: Vec<String>,
    /// In seconds since 1970 UTC.
    ends: i64,
    /// Who says today whether it is still accepted.
    tls: Tls,
    /// By what it was accepted last.
    accepted: ArcSwap<Active>,
}

/// Why a certificate that was good when its connection began is so no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Lapsed {
    /// Its time is over.
    #[error("the client's certificate: it has expired")]
    Expired,
    /// The authorities were exchanged, and it is of none of them.
    #[error("the client's certificate: it is of no authority that is accepted now")]
    Withdrawn,
}

impl ClientCertificate {
    pub(super) fn shown(
        chain: &[CertificateDer<'static>],
        tls: &Tls,
        active: &Arc<Active>,
    ) -> io::Result<Self> {
        let unread = || io::Error::new(io::ErrorKind::InvalidData, "the client's certificate cannot be read");
        let leaf = chain.first().ok_or_else(unread)?;
        let read = EndEntityCert::try_from(leaf).map_err(|_| unread())?;
        let names = read.valid_uri_names().chain(read.valid_dns_names()).map(str::to_owned).collect();
        let shown = Shown {
            chain: chain.to_vec(),
            sha256: hex(&Sha256::digest(leaf)),
            names,
            ends: files::validity(leaf).ok_or_else(unread)?.1,
            tls: tls.clone(),
            accepted: ArcSwap::new(active.clone()),
        };
        Ok(Self { shown: Arc::new(shown) })
    }

    /// SHA-256 of the certificate in small hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.shown.sha256
    }

    /// Its alternative names: URIs and names of hosts.
    pub fn names(&self) -> &[String] {
        &self.shown.names
    }

    /// Whether it is still good. A connection may be older than the authorities that are accepted now.
    ///
    /// # Errors
    /// When its time is over, or the authorities were exchanged for others.
    pub fn holds(&self, now: Timestamp) -> Result<(), Lapsed> {
        let shown = &self.shown;
        if now.as_second() > shown.ends {
            return Err(Lapsed::Expired);
        }
        let active = shown.tls.shared.active.load_full();
        if Arc::ptr_eq(&active, &shown.accepted.load()) {
            return Ok(());
        }
        let (leaf, others) = shown.chain.split_first().ok_or(Lapsed::Withdrawn)?;
        let clients = active.clients.as_ref().ok_or(Lapsed::Withdrawn)?;
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        clients.verify_client_cert(leaf, others, time).map_err(|_| Lapsed::Withdrawn)?;
        shown.accepted.store(active);
        Ok(())
    }
}

impl Lapsed {
    /// The same as a part of a sentence.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "it has expired",
            Self::Withdrawn => "it is of no authority that is accepted now",
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientCertificate").field("names", &self.shown.names).finish_non_exhaustive()
    }
}
