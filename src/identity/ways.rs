//! The ways in that are configured, and which of them judges a request.

use super::certificate::{Certificates, Shown};
use super::credential::{Credential, without_key};
use super::jwt::Jwt;
use super::rejected::Rejected;
use super::ring::{KeyRing, Place};
use crate::accept::ClientCertificate;
use crate::policy::Principal;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Request};
use jiff::Timestamp;
use secrecy::SecretString;
use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// A caller who has proved who it is.
#[derive(Clone, Debug)]
pub struct Found {
    /// Who calls.
    pub principal: Principal,
    /// The Directus token that goes upstream for it.
    pub token: SecretString,
}

/// The ways in. One that is not configured does not exist.
///
/// A request has one credential, whose form decides which way judges it. What that way says is the answer: no other one is tried.
#[derive(Debug)]
pub struct Ways {
    keys: Arc<KeyRing>,
    jwt: Option<Arc<Jwt>>,
    certificates: Option<Certificates>,
    /// Principals that are shut out, whatever their way in.
    refuse: Arc<BTreeSet<String>>,
}

/// What a way in says to a request.
pub enum Judged {
    /// Known at once, without asking anybody.
    Now(Result<Found, Rejected>),
    /// Somebody has to be asked.
    Asked(BoxFuture<'static, Result<Found, Rejected>>),
}

impl Ways {
    /// Client keys, and no other way.
    pub fn by_key(keys: KeyRing) -> Self {
        Self { keys: Arc::new(keys), jwt: None, certificates: None, refuse: Arc::default() }
    }

    /// Knows clients by their certificates too; where the list is empty, a certificate only opens the door.
    pub fn and_certificates(mut self, certificates: Certificates) -> Self {
        self.certificates = Some(certificates).filter(|certificates| !certificates.is_empty());
        self
    }

    /// Shuts these principals out.
    pub fn refusing(mut self, refuse: &[String]) -> Self {
        self.refuse = Arc::new(refuse.iter().cloned().collect());
        self
    }

    /// The client keys.
    pub fn keys(&self) -> &Arc<KeyRing> {
        &self.keys
    }

    /// What a client without a valid credential is told about how to get one, for `WWW-Authenticate`.
    pub fn challenge(&self) -> HeaderValue {
        HeaderValue::from_static("Bearer")
    }

    /// Forgets what no longer counts.
    #[expect(clippy::unused_self, reason = "a key leaves nothing behind")]
    pub(crate) fn forget(&self) {}

    /// Who sent a request. `address` is where it comes from. A key in the request's own address is taken out of it.
    pub fn judge<B>(&self, request: &mut Request<B>, address: Option<IpAddr>, now: Timestamp) -> Judged {
        let _ = address;
        let certificate = request.extensions().get::<ClientCertificate>();
        let shown = match Shown::by(certificate, self.certificates.as_ref(), now) {
            Ok(shown) => shown,
            Err(rejected) => return Judged::Now(Err(rejected)),
        };
        match (Credential::of(request.headers(), request.uri().query()), shown) {
            // A certificate is how a connection was made, and says who calls only where nothing else does.
            (Err(Rejected::Missing), Shown::Client(client)) => Judged::Now(self.admit(Ok(client.alone()))),
            (Err(rejected), _) => Judged::Now(Err(rejected)),
            (Ok(Credential::Key(key)), shown) => {
                let found = self.admit(self.keys.holder(key, Place::Header, now));
                Judged::Now(found.and_then(|found| shown.and_key(found)))
            }
            (Ok(Credential::KeyInUrl(key)), shown) => {
                let found = self.admit(self.keys.holder(key, Place::Url, now));
                let found = found.and_then(|found| shown.and_key(found));
                Judged::Now(without_key(request.uri()).and_then(|stripped| {
                    *request.uri_mut() = stripped;
                    found
                }))
            }
            (Ok(Credential::Jwt(_) | Credential::Other(_)), Shown::Client(client)) => {
                Judged::Now(Err(client.and_other()))
            }
            (Ok(Credential::Jwt(token)), Shown::Nobody) => self.by_jwt(token, now),
            (Ok(Credential::Other(_)), Shown::Nobody) => Judged::Now(Err(Rejected::Malformed)),
        }
    }

    fn by_jwt(&self, token: &str, now: Timestamp) -> Judged {
        let Some(jwt) = self.jwt.as_ref().filter(|jwt| jwt.is_for(token)).cloned() else {
            return Judged::Now(Err(Rejected::Malformed));
        };
        let (token, refuse) = (SecretString::from(token), self.refuse.clone());
        Judged::Asked(Box::pin(async move {
            use secrecy::ExposeSecret as _;
            admit(&refuse, jwt.identify(token.expose_secret(), now).await)
        }))
    }

    fn admit(&self, found: Result<Found, Rejected>) -> Result<Found, Rejected> {
        admit(&self.refuse, found)
    }
}

/// Whoever has proved who it is comes in, unless it is shut out by name.
fn admit(refuse: &BTreeSet<String>, found: Result<Found, Rejected>) -> Result<Found, Rejected> {
    let found = found?;
    if refuse.contains(&found.principal.name) {
        return Err(Rejected::Refused { name: found.principal.name });
    }
    Ok(found)
}

impl fmt::Debug for Judged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now(judged) => f.debug_tuple("Now").field(judged).finish(),
            Self::Asked(_) => f.write_str("Asked(…)"),
        }
    }
}
