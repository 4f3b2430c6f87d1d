//! Certificate, key and authority: from files to what handshakes are made with.

use super::Active;
use crate::config::{self, ClientCertificates};
use crate::identity::whole;
use crate::telemetry;
use jiff::Timestamp;
use rustls::crypto::CryptoProvider;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;
use webpki::{EndEntityCert, KeyUsage};

/// A chain of certificates has a few thousand bytes; a file of authorities may have hundreds of them.
const LONGEST: u64 = 4 << 20;

/// Between the two readings of files that have to be had at once; longer than the step in which file systems tell times.
const PAUSE: Duration = Duration::from_millis(20);

/// So many times files that keep changing are read.
const TRIES: usize = 25;

/// The protocols that a client may choose from, the best one first.
const PROTOCOLS: [&[u8]; 2] = [super::handshake::HTTP_2, b"http/1.1"];

/// Why TLS cannot be spoken with these files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("the {what} `{path}` cannot be read: {cause}", path = path.display())]
    Read {
        /// What it is for.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        cause: String,
    },
    /// A file is not PEM.
    #[error("the {what} `{path}` is not in PEM: {cause}", path = path.display())]
    Pem {
        /// What it is for.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why not.
        cause: String,
    },
    /// There is no certificate where one should be.
    #[error("the {what} `{path}` has no certificate in it: a line `-----BEGIN CERTIFICATE-----` is missing", path = path.display())]
    NoCertificate {
        /// What it is for.
        what: &'static str,
        /// Which file.
        path: PathBuf,
    },
    /// There is no key where one should be.
    #[error("the key file `{}` has no private key in it: a line `-----BEGIN PRIVATE KEY-----` is missing", .0.display())]
    NoKey(PathBuf),
    /// The key needs a passphrase.
    #[error(
        "the key in `{path}` is encrypted, and nobody is there to type its passphrase; write it without one: `openssl pkey -in {path} -out FILE`",
        path = .0.display()
    )]
    Encrypted(PathBuf),
    /// The two do not belong together.
    #[error(
        "the key in `{key}` does not fit the certificate in `{certificate}`; the first certificate of the file has to be the server's own",
        key = key.display(), certificate = certificate.display()
    )]
    Mismatch {
        /// The certificate file.
        certificate: PathBuf,
        /// The key file.
        key: PathBuf,
    },
    /// They belong together, and yet cannot be used.
    #[error("the certificate in `{path}` cannot be used: {cause}", path = path.display())]
    Unusable {
        /// The certificate file.
        path: PathBuf,
        /// Why not.
        cause: String,
    },
    /// A certificate that no client takes is not put in the place of another one.
    #[error("{0}")]
    Untimely(String),
}

/// What the files held at one moment.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Reading {
    certificate: Result<String, String>,
    key: Result<String, String>,
    client_ca: Option<Result<String, String>>,
}

/// What can be served with, and until when.
pub(super) struct Loaded {
    pub(super) active: Active,
    /// When the certificate begins and ends, in seconds since 1970 UTC; `None` where it does not say.
    validity: Option<(i64, i64)>,
    path: PathBuf,
}

impl Reading {
    /// Reads the files as they are now.
    pub(super) fn of(files: &config::Tls) -> Self {
        let text = |path: &Path| whole::text(path, LONGEST).map_err(|error| telemetry::chain(&error));
        Self {
            certificate: text(&files.certificate),
            key: text(&files.key),
            client_ca: files.client_ca.as_deref().map(text),
        }
    }

    /// Reads the files until they are found the same twice: certificate and key are written one after the other.
    pub(super) fn settled(files: &config::Tls) -> Self {
        let mut last = Self::of(files);
        for _ in 0..TRIES {
            sleep(PAUSE);
            let next = Self::of(files);
            if next == last {
                break;
            }
            last = next;
        }
        last
    }

    /// Makes of them what handshakes are made with. Each time it begins anew: no session of an earlier one is known to it.
    pub(super) fn load(&self, files: &config::Tls) -> Result<Loaded, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let chain = certificates("certificate file", &files.certificate, &self.certificate)?;
        let key = private_key(&files.key, &self.key)?;
        let validity = chain.first().and_then(validity);
        let clients = match (&files.client_ca, &self.client_ca) {
            (Some(path), Some(text)) => {
                Some(verifier(path, text, files.client_certificates, provider.clone())?)
            }
            (None, _) | (_, None) => None,
        };
        let unusable = |error: rustls::Error| {
            let (certificate, key) = (files.certificate.clone(), files.key.clone());
            if matches!(error, rustls::Error::InconsistentKeys(_)) {
                TlsError::Mismatch { certificate, key }
            } else {
                TlsError::Unusable { path: certificate, cause: error.to_string() }
            }
        };
        let builder = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?;
        let builder = match clients.clone() {
            Some(clients) => builder.with_client_cert_verifier(clients),
            None => builder.with_no_client_auth(),
        };
        let mut server = builder.with_single_cert(chain, key).map_err(unusable)?;
        server.alpn_protocols = PROTOCOLS.iter().map(|name| name.to_vec()).collect();
        if clients.is_some() {
            // A session that is resumed is not asked for a certificate again.
            server.session_storage = Arc::new(NoServerSessionStorage {});
            server.send_tls13_tickets = 0;
        }
        let active = Active { server: Arc::new(server), clients };
        Ok(Loaded { active, validity, path: files.certificate.clone() })
    }

    /// Tells one state of the files from another.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()].into_iter().flatten()
        {
            let (word, text) = match part {
                Ok(text) => (b'1', text),
                Err(text) => (b'0', text),
            };
            digest.update([word]);
            digest.update(text.len().to_be_bytes());
            digest.update(text);
        }
        digest.finalize().into()
    }
}

impl Loaded {
    /// Why clients would not take the certificate at that time; `None` where they would.
    pub(super) fn untimely(&self, now: Timestamp) -> Option<String> {
        let (begins, ends) = self.validity?;
        let (now, path) = (now.as_second(), self.path.display());
        let date = |second: i64| Timestamp::from_second(second).unwrap_or(Timestamp::MAX);
        if now > ends {
            return Some(format!("the certificate in `{path}` expired at {}", date(ends)));
        }
        (now < begins).then(|| format!("the certificate in `{path}` is not valid before {}", date(begins)))
    }

    /// When the certificate ends, for the log.
    pub(super) fn ends(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.validity?.1).ok()
    }
}

/// When a certificate begins and ends. It is asked for at the two ends of time, and the answer says when it would do.
pub(super) fn validity(certificate: &CertificateDer<'_>) -> Option<(i64, i64)> {
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    let at = |seconds: u64| {
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        certificate.verify_for_usage(&[], &[], &[], time, KeyUsage::server_auth(), None, None).err()
    };
    let second = |time: UnixTime| i64::try_from(time.as_secs()).ok();
    let begins =
        if let webpki::Error::CertNotValidYet { not_before, .. } = at(0)? { second(not_before)? } else { 0 };
    let webpki::Error::CertExpired { not_after, .. } = at(u64::MAX >> 1)? else { return None };
    Some((begins, second(not_after)?))
}

fn certificates(
    what: &'static str,
    path: &Path,
    text: &Result<String, String>,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let path = path.to_owned();
    let text = match text {
        Ok(text) => text,
        Err(cause) => return Err(TlsError::Read { what, path, cause: cause.clone() }),
    };
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match found {
        Ok(found) if found.is_empty() => Err(TlsError::NoCertificate { what, path }),
        Ok(found) => Ok(found),
        Err(error) => Err(TlsError::Pem { what, path, cause: error.to_string() }),
    }
}

fn private_key(path: &Path, text: &Result<String, String>) -> Result<PrivateKeyDer<'static>, TlsError> {
    let path = path.to_owned();
    let what = "key file";
    let text = match text {
        Ok(text) => text,
        Err(cause) => return Err(TlsError::Read { what, path, cause: cause.clone() }),
    };
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(TlsError::Encrypted(path));
    }
    match PrivateKeyDer::from_pem_slice(text.as_bytes()) {
        Ok(key) => Ok(key),
        Err(rustls_pki_types::pem::Error::NoItemsFound) => Err(TlsError::NoKey(path)),
        Err(error) => Err(TlsError::Pem { what, path, cause: error.to_string() }),
    }
}

fn verifier(
    path: &Path,
    text: &Result<String, String>,
    wanted: ClientCertificates,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let unusable = |cause: String| TlsError::Unusable { path: path.to_owned(), cause };
    let mut roots = RootCertStore::empty();
    for certificate in certificates("file of client authorities", path, text)? {
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    let builder = match wanted {
        ClientCertificates::Required => builder,
        ClientCertificates::Optional => builder.allow_unauthenticated(),
    };
    builder.build().map_err(|error| unusable(error.to_string()))
}

/// Logs that others than its owner and group can read a key.
pub(super) fn warn_when_open(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).map_or(0, |found| found.permissions().mode() & 0o777);
    if mode & 0o007 != 0 {
        tracing::warn!(file = %path.display(), mode = %format_args!("{mode:o}"), "others can read the key of the certificate; `chmod 640` it");
    }
}
