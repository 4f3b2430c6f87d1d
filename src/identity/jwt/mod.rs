//! Tokens of an OpenID provider, for teams whose clients sign in to their company.
//!
//! The gateway is a resource server: a client brings an access token that the provider has signed for this gateway. It is read strictly
//! ([RFC 7519], and [RFC 8725] for what others got wrong), its signature is checked with the provider's published keys, and one of its
//! claims says which role speaks for the client. The token itself ends here: what goes upstream is a Directus token of the gateway's.
//!
//! What is checked, in this order: its length and form; its algorithm, against a list of asymmetric ones; that its header asks for
//! nothing that is not known; that it is an access token ([RFC 9068]; an ID token is none), from this issuer and for this audience; its
//! signature, with a key of the right kind that the provider has published under the token's `kid`; its time; its principal; and that
//! exactly one of its roles means something here. Only what comes after the signature is ever recorded in a principal's name.
//!
//! Deliberately absent: keys from the token itself (`jku`, `jwk`, `x5u`, `x5c`), encrypted tokens, opaque tokens and introspection. A
//! token that the provider has revoked is good until its `exp`, so let it be short; `identity.refuse` and `warrener stop` are at once.
//!
//! [RFC 7519]: https://www.rfc-editor.org/rfc/rfc7519
//! [RFC 8725]: https://www.rfc-editor.org/rfc/rfc8725
//! [RFC 9068]: https://www.rfc-editor.org/rfc/rfc9068

mod algorithm;
mod claims;
mod fetch;
mod jwk;
mod keys;
mod rejected;
mod role;
mod token;

pub use algorithm::Algorithm;
pub(crate) use fetch::is_private;
pub use rejected::TokenRejected;

use self::claims::Expected;
use self::fetch::Source;
use self::keys::{Ages, Keys};
use self::role::Roles;
use self::token::Token;
use super::challenge::Resource;
use super::name::of_way;
use super::rejected::Rejected;
use super::secret::{SecretError, read_secret};
use super::ways::Found;
use crate::config::{Jwt, Secret};
use crate::policy::{Principal, Proof};
use crate::telemetry;
use crate::upstream::SetupError;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// For the provider to answer, metadata and keys together.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two questions for keys. Tokens with made-up key ids cannot make it less.
const AGAIN: Duration = Duration::from_secs(10);

/// The provider whose tokens are taken, and what they stand for.
#[derive(Debug)]
pub struct Provider {
    keys: Keys,
    expected: Expected,
    algorithms: Vec<Algorithm>,
    /// The claim with the principal's name.
    principal: String,
    roles: Roles<Grant>,
    /// What clients are told, where the gateway knows its own address.
    resource: Option<Arc<Resource>>,
}

/// What a role of the provider's stands for.
#[derive(Clone, Debug)]
struct Grant {
    role: String,
    /// The Directus token that goes upstream.
    token: SecretString,
}

/// Why tokens of a provider cannot be taken at all.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// It cannot be asked.
    #[error("the identity provider of `identity.jwt` cannot be asked")]
    Setup(#[from] SetupError),
    /// The Directus token of a role cannot be had.
    #[error("the Directus token for `{value}` in `identity.jwt.roles`: {cause}")]
    Token {
        /// The provider's role.
        value: String,
        /// Why not.
        #[source]
        cause: SecretError,
    },
    /// A role names no token, and there is no default.
    #[error(
        "`{value}` in `identity.jwt.roles` names no Directus token and there is no default: set `upstream.token_env`, or `identity.jwt.token_env`"
    )]
    NoToken {
        /// The provider's role.
        value: String,
    },
}

impl Provider {
    /// Takes tokens as the settings say; the Directus token is `default` where they name none. Nothing is asked yet.
    ///
    /// # Errors
    /// When a Directus token cannot be had, or when the provider's certificate could not be checked on this machine.
    pub fn new(settings: &Jwt, default: Option<&SecretString>) -> Result<Self, ProviderError> {
        let ages = Ages { max_age: settings.jwks_max_age, keep: settings.jwks_keep, again: AGAIN };
        Self::with(settings, default, ages, PATIENCE)
    }

    fn with(
        settings: &Jwt,
        default: Option<&SecretString>,
        ages: Ages,
        patience: Duration,
    ) -> Result<Self, ProviderError> {
        let Jwt { issuer, jwks_url, .. } = settings;
        let source = Source::new(&issuer.url, &issuer.written, jwks_url.as_ref(), patience)?;
        let audience = settings.audience.clone();
        let expected = Expected { issuer: issuer.written.clone(), audience, leeway: settings.leeway };
        let grant = |(value, mapped): (&String, &crate::config::MappedRole)| {
            let source = mapped.token.as_ref().or(settings.token.as_ref());
            let token = token(value, source, default)?;
            Ok((value.clone(), Grant { role: mapped.role.clone(), token }))
        };
        let resource = settings.resource.as_ref();
        let resource = resource.map(|url| Arc::new(Resource::new(url, &issuer.written, &settings.scopes)));
        let grants: Result<BTreeMap<String, Grant>, ProviderError> =
            settings.roles.iter().map(grant).collect();
        Ok(Self {
            keys: Keys::new(source, ages),
            expected,
            algorithms: settings.algorithms.clone(),
            principal: settings.principal_claim.clone(),
            roles: Roles { claim: settings.role_claim.clone(), grants: grants? },
            resource,
        })
    }

    /// Every policy role that a token may come to, for checking that there is a policy for each.
    pub fn roles(&self) -> BTreeSet<String> {
        self.roles.grants.values().map(|grant| grant.role.clone()).collect()
    }

    /// This gateway as a resource that tokens are for; `None` where it does not know its own address.
    pub fn resource(&self) -> Option<&Arc<Resource>> {
        self.resource.as_ref()
    }

    /// Asks for the keys, so that the first client need not wait, and that a wrong address is in the log from the beginning.
    pub async fn begin(&self) {
        if let Err(error) = self.keys.begin().await {
            let (issuer, error) = (&self.expected.issuer, telemetry::chain(&error));
            tracing::warn!(
                issuer,
                error,
                "the identity provider's keys cannot be had: until they can, its tokens are refused"
            );
        }
    }

    /// Whether a token can be this provider's: it does not say that it is another's. Nothing is proved by that.
    pub(super) fn is_for(&self, token: &str) -> bool {
        token::issuer(token).is_none_or(|issuer| issuer == self.expected.issuer)
    }

    /// Whose token that is.
    ///
    /// # Errors
    /// When it is not one of the provider's for this gateway and for now, or when not exactly one role speaks for it.
    pub async fn identify(&self, token: &str, now: Timestamp) -> Result<Found, Rejected> {
        Ok(self.found(token, now).await?)
    }

    async fn found(&self, token: &str, now: Timestamp) -> Result<Found, TokenRejected> {
        let token = Token::read(token, &self.algorithms)?;
        // Before the signature, so that nobody is asked for the keys of a token that would not be taken anyway.
        self.expected.check_place(&token.claims)?;
        self.keys.check(token.key_id.as_deref(), token.algorithm, token.signed, token.signature).await?;
        let name = self.name(&token.claims)?;
        self.expected.check_time(&token.claims, &name, now)?;
        let Grant { role, token } = self.roles.of(&token.claims, &name, |grant| &grant.role)?.clone();
        Ok(Found { principal: Principal { name, role, proof: Proof::Jwt }, token })
    }

    fn name(&self, claims: &Map<String, Value>) -> Result<String, TokenRejected> {
        // Whoever may choose an address for themselves could choose that of somebody else.
        if self.principal == "email" && claims.get("email_verified").is_some_and(|verified| *verified != true)
        {
            return Err(TokenRejected::Claim("email_verified"));
        }
        let written = claims.get(&self.principal).and_then(Value::as_str);
        written.and_then(|subject| of_way("jwt", subject)).ok_or(TokenRejected::Nobody)
    }
}

impl PartialEq for Grant {
    fn eq(&self, other: &Self) -> bool {
        self.role == other.role && self.token.expose_secret() == other.token.expose_secret()
    }
}

fn token(
    value: &str,
    source: Option<&Secret>,
    default: Option<&SecretString>,
) -> Result<SecretString, ProviderError> {
    let value = || value.to_owned();
    match source {
        Some(source) => read_secret(source).map_err(|cause| ProviderError::Token { value: value(), cause }),
        None => default.cloned().ok_or_else(|| ProviderError::NoToken { value: value() }),
    }
}

#[cfg(test)]
mod tests;
