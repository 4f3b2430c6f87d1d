//! The ways in that are configured, and which of them judges a request.

use super::certificate::{Certificates, Shown};
use super::challenge::Challenge;
use super::credential::{Credential, without_key};
use super::directus::{DirectusTokens, Roles, SameResource};
use super::jwt::{Provider, TokenRejected};
use super::rejected::Rejected;
use super::ring::{KeyRing, Place};
use crate::accept::ClientCertificate;
use crate::policy::Principal;
use crate::upstream::Upstream;
use futures_util::future::BoxFuture;
use http::Request;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::BTreeSet;
use std::fmt;
use std::io;
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
    directus: Option<Arc<DirectusTokens>>,
    jwt: Option<Arc<Provider>>,
    certificates: Option<Certificates>,
    /// Principals that are shut out, whatever their way in.
    refuse: Arc<BTreeSet<String>>,
}

/// What somebody who is asked says.
type Asked = BoxFuture<'static, Result<Found, Rejected>>;

/// What a way in says to a request.
pub enum Judged {
    /// Known at once, without asking anybody.
    Now(Result<Found, Rejected>),
    /// Somebody has to be asked.
    Asked(Asked),
}

impl Ways {
    /// Client keys, and no other way.
    pub fn by_key(keys: KeyRing) -> Self {
        Self { keys: Arc::new(keys), directus: None, jwt: None, certificates: None, refuse: Arc::default() }
    }

    /// Takes tokens of that Directus' own too: OAuth tokens for the same resource, static tokens that are passed through, or both.
    /// `own` is the gateway's own token; so many tokens that nobody has seen are asked about for one address in a minute.
    ///
    /// # Errors
    /// When the machine has no randomness.
    pub fn and_directus(
        mut self,
        same_resource: Option<SameResource>,
        passthrough: Option<Roles>,
        (upstream, own): (Upstream, SecretString),
        strangers: u32,
    ) -> Result<Self, io::Error> {
        if same_resource.is_some() || passthrough.is_some() {
            let tokens = DirectusTokens::new(upstream, own, same_resource, passthrough, strangers)?;
            self.directus = Some(Arc::new(tokens));
        }
        Ok(self)
    }

    /// Knows clients by their certificates too; where the list is empty, a certificate only opens the door.
    pub fn and_certificates(mut self, certificates: Certificates) -> Self {
        self.certificates = Some(certificates).filter(|certificates| !certificates.is_empty());
        self
    }

    /// Takes the tokens of that provider as well.
    pub fn with_jwt(mut self, provider: Option<Provider>) -> Self {
        self.jwt = provider.map(Arc::new);
        self
    }

    /// The provider whose tokens are taken.
    pub fn jwt(&self) -> Option<&Arc<Provider>> {
        self.jwt.as_ref()
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
    pub fn challenge(&self) -> Challenge {
        let directus = self.directus.as_ref().and_then(|directus| directus.challenge());
        let jwt = || self.jwt.as_ref().map(|jwt| Challenge::Tokens(jwt.resource().cloned()));
        directus.map(Challenge::Directus).or_else(jwt).unwrap_or(Challenge::Bearer)
    }

    /// Every role that a way in gives to somebody, for checking that there is a policy for each.
    pub fn roles(&self) -> BTreeSet<String> {
        let mut roles = self.keys.roles();
        roles.extend(self.jwt.iter().flat_map(|jwt| jwt.roles()));
        roles.extend(self.directus.iter().flat_map(|directus| directus.roles()));
        roles.extend(self.certificates.iter().flat_map(Certificates::roles));
        roles
    }

    /// Forgets what no longer counts.
    pub(crate) fn forget(&self) {
        if let Some(directus) = &self.directus {
            directus.forget();
        }
    }

    /// Who sent a request. `address` is where it comes from. A key in the request's own address is taken out of it.
    pub fn judge<B>(&self, request: &mut Request<B>, address: Option<IpAddr>, now: Timestamp) -> Judged {
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
            (Ok(Credential::Jwt(token)), Shown::Nobody) => self.asked(self.by_jwt(token, address, now)),
            (Ok(Credential::Other(token)), Shown::Nobody) => {
                let directus = self.directus.as_ref();
                self.asked(directus.and_then(|directus| directus.by_static(token, address)))
            }
        }
    }

    /// The way that a JWT says it belongs to, if that is configured. Directus' own tokens and those of a provider cannot be taken for
    /// each other: a provider's issuer is an address.
    fn by_jwt(&self, token: &str, address: Option<IpAddr>, now: Timestamp) -> Option<Asked> {
        if let Some(asked) =
            self.directus.as_ref().and_then(|directus| directus.by_oauth(token, address, now))
        {
            return Some(asked);
        }
        let jwt = self.jwt.clone()?;
        if !jwt.is_for(token) {
            return Some(Box::pin(std::future::ready(Err(TokenRejected::Issuer.into()))));
        }
        let token = SecretString::from(token);
        Some(Box::pin(async move { jwt.identify(token.expose_secret(), now).await }))
    }

    /// What the way says, once it knows; without one the credential is none.
    fn asked(&self, asked: Option<Asked>) -> Judged {
        let Some(asked) = asked else { return Judged::Now(Err(Rejected::Malformed)) };
        let refuse = self.refuse.clone();
        Judged::Asked(Box::pin(async move { admit(&refuse, asked.await) }))
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
