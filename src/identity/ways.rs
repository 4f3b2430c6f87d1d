//! The ways in that are configured, and which of them judges a request.

use super::certificate::Certificates;
use super::credential::{Credential, without_key};
use super::jwt::Jwt;
use super::rejected::Rejected;
use super::ring::{KeyRing, Place};
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
        let credential = match Credential::of(request.headers(), request.uri().query()) {
            Ok(credential) => credential,
            // A certificate is how a connection was made, and says who calls only where nothing else does.
            Err(Rejected::Missing) => return Judged::Now(self.by_certificate(request)),
            Err(rejected) => return Judged::Now(Err(rejected)),
        };
        match credential {
            Credential::Key(key) => Judged::Now(self.admit(self.keys.holder(key, Place::Header, now))),
            Credential::KeyInUrl(key) => {
                let found = self.admit(self.keys.holder(key, Place::Url, now));
                Judged::Now(without_key(request.uri()).and_then(|stripped| {
                    *request.uri_mut() = stripped;
                    found
                }))
            }
            Credential::Jwt(token) => self.by_jwt(token, now),
            Credential::Other(_) => Judged::Now(Err(Rejected::Malformed)),
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

    fn by_certificate<B>(&self, request: &Request<B>) -> Result<Found, Rejected> {
        let certificates = self.certificates.as_ref().ok_or(Rejected::Missing)?;
        self.admit(certificates.identify(request.extensions()))
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
