//! Tokens of Directus' own as two ways in: OAuth tokens at the same resource, and static tokens that are passed through.
//!
//! Both are judged by the same questions. Directus is asked whether it takes the token, which is what the token goes upstream to
//! afterwards; and the role of its user is read with the gateway's own token, so that no claim of the token's is believed alone. What
//! Directus said is [kept](answers) for a while.

mod answers;
mod ask;
mod claims;
mod roles;

pub use roles::Roles;

use self::answers::Answers;
use self::ask::{Ask, User};
use self::claims::Claims;
use super::name;
use super::rejected::Rejected;
use super::ways::Found;
use crate::policy::{Principal, Proof};
use crate::upstream::Upstream;
use futures_util::future::BoxFuture;
use http::HeaderValue;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use std::collections::BTreeSet;
use std::io::Error as NoRandomness;
use std::net::IpAddr;
use std::sync::Arc;

/// The word for both ways in a principal's name: a user of Directus is the same principal, whichever token it shows.
const WAY: &str = "directus";

/// OAuth tokens of the same resource are taken.
#[derive(Clone, Debug)]
pub struct SameResource {
    /// Directus' `PUBLIC_URL`, without a slash at its end.
    pub public_url: String,
    /// Which policy role a role of Directus' has.
    pub roles: Roles,
}

/// The ways in with a token of Directus' own.
#[derive(Debug)]
pub(super) struct DirectusTokens {
    same_resource: Option<SameResource>,
    passthrough: Option<Roles>,
    ask: Ask,
    answers: Answers,
}

impl DirectusTokens {
    /// Asks that Directus, and reads its users with the gateway's own token. `strangers` bounds the tokens that nobody has seen yet, by
    /// address and minute.
    ///
    /// # Errors
    /// When the machine has no randomness for the digests under which answers are kept.
    pub(super) fn new(
        upstream: Upstream,
        own: SecretString,
        same_resource: Option<SameResource>,
        passthrough: Option<Roles>,
        strangers: u32,
    ) -> Result<Self, NoRandomness> {
        let answers = Answers::new(strangers)?;
        Ok(Self { same_resource, passthrough, ask: Ask::new(upstream, own), answers })
    }

    /// What Directus itself sends to a client without a token, so that it finds Directus' OAuth.
    pub(super) fn challenge(&self) -> Option<HeaderValue> {
        let url = &self.same_resource.as_ref()?.public_url;
        let metadata = format!("{url}/.well-known/oauth-protected-resource/mcp");
        HeaderValue::try_from(format!(r#"Bearer resource_metadata="{metadata}", scope="{}""#, claims::SCOPE))
            .ok()
    }

    /// Every policy role that a role of Directus' has.
    pub(super) fn roles(&self) -> BTreeSet<String> {
        let all = self.same_resource.iter().map(|way| &way.roles).chain(&self.passthrough);
        all.flat_map(Roles::policies).cloned().collect()
    }

    /// Forgets what no longer counts.
    pub(super) fn forget(&self) {
        self.answers.forget();
    }

    /// Judges a JWT, if it says that Directus has issued it and such tokens are taken. That it says so proves nothing yet.
    pub(super) fn by_oauth(
        self: &Arc<Self>,
        token: &str,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Option<BoxFuture<'static, Result<Found, Rejected>>> {
        let way = self.same_resource.as_ref()?;
        let claims = Claims::read(token).filter(Claims::is_directus)?;
        let claims = match claims.checked(&format!("{}/mcp", way.public_url), now) {
            Ok(claims) => claims,
            Err(rejected) => return Some(Box::pin(std::future::ready(Err(rejected)))),
        };
        let (this, roles) = (self.clone(), way.roles.clone());
        Some(self.found(token, address, async move |token| {
            this.ask.takes(&token).await?;
            let user = this.ask.user(&claims.id).await?;
            if user.role() != claims.role.as_deref() {
                return Err(Rejected::Stale { name: principal_name(&claims.id)? });
            }
            principal(&user, &roles, Proof::OAuth)
        }))
    }

    /// Judges a static token, if such tokens are passed through.
    pub(super) fn by_static(
        self: &Arc<Self>,
        token: &str,
        address: Option<IpAddr>,
    ) -> Option<BoxFuture<'static, Result<Found, Rejected>>> {
        let (this, roles) = (self.clone(), self.passthrough.clone()?);
        Some(self.found(token, address, async move |token| {
            let id = this.ask.holder(&token).await?;
            let effective = this.ask.roles(&token).await?;
            let user = this.ask.user(&id).await?;
            if user.role().is_some_and(|role| !effective.iter().any(|effective| effective == role)) {
                return Err(Rejected::Stale { name: principal_name(&id)? });
            }
            principal(&user, &roles, Proof::Token)
        }))
    }

    /// Whose token it is, by what Directus said before or says now. The token itself goes upstream.
    fn found<F, A>(
        self: &Arc<Self>,
        token: &str,
        address: Option<IpAddr>,
        ask: F,
    ) -> BoxFuture<'static, Result<Found, Rejected>>
    where
        F: FnOnce(SecretString) -> A + Send + 'static,
        A: Future<Output = Result<Principal, Rejected>> + Send + 'static,
    {
        let (this, token) = (self.clone(), SecretString::from(token));
        Box::pin(async move {
            let asked = ask(token.clone());
            let principal = this.answers.of(token.expose_secret(), address, asked).await?;
            Ok(Found { principal, token })
        })
    }
}

/// A user as a principal, with the policy role that the role in the database has.
fn principal(user: &User, roles: &Roles, proof: Proof) -> Result<Principal, Rejected> {
    let name = principal_name(&user.id)?;
    match roles.of(user) {
        Some(role) => Ok(Principal { name, role: role.clone(), proof }),
        None => Err(Rejected::NoRole { name, why: user.without_role() }),
    }
}

fn principal_name(id: &str) -> Result<String, Rejected> {
    let why = || "Directus' user has an id that is none".to_owned();
    name::of_way(WAY, id).ok_or_else(|| Rejected::Unavailable { why: why() })
}
