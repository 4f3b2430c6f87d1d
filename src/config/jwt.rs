//! The settings for tokens of an OpenID provider: `identity.jwt`.

use super::Secret;
use crate::identity::Algorithm;
use std::collections::BTreeMap;
use std::time::Duration;
use url::Url;

/// Whose tokens are taken, for whom they have to be, and what they stand for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwt {
    /// The provider.
    pub issuer: Issuer,
    /// What a token has to name in `aud`; the gateway's own address where it is left out.
    pub audience: String,
    /// The gateway's own address as its clients write it, with `/mcp`; with it there is metadata for clients (RFC 9728).
    pub resource: Option<Url>,
    /// Where the provider's keys are; left out: where its metadata says.
    pub jwks_url: Option<Url>,
    /// Keys are asked for again when they are older; 10 m.
    pub jwks_max_age: Duration,
    /// While the provider does not answer, they are taken for so long; 1 h.
    pub jwks_keep: Duration,
    /// How a token may be signed; every asymmetric way that is known here.
    pub algorithms: Vec<Algorithm>,
    /// The claim with the roles: its name, and before it the names of the objects that it is in.
    pub role_claim: Vec<String>,
    /// What each of its values stands for; those that are not here stand for nothing.
    pub roles: BTreeMap<String, MappedRole>,
    /// The claim with the principal's name; `sub`.
    pub principal_claim: String,
    /// How far the provider's clock may be off; 30 s.
    pub leeway: Duration,
    /// The Directus token that goes upstream; that of `upstream` where it is left out.
    pub token: Option<Secret>,
    /// Scopes that a client is told to ask the provider for.
    pub scopes: Vec<String>,
}

/// The provider's name, which is an address too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// As it is written here and has to be written in each token.
    pub written: String,
    /// The same as an address.
    pub url: Url,
}

/// What a role of the provider's stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappedRole {
    /// The policy role.
    pub role: String,
    /// The Directus token that goes upstream for it; the usual one where it is left out.
    pub token: Option<Secret>,
}

impl Jwt {
    /// Keys are asked for again when they are older.
    pub const JWKS_MAX_AGE: Duration = Duration::from_mins(10);

    /// While the provider does not answer, they are taken for so long.
    pub const JWKS_KEEP: Duration = Duration::from_hours(1);

    /// How far the provider's clock may be off.
    pub const LEEWAY: Duration = Duration::from_secs(30);

    /// Most that it may be off: with more, an expired token would be one that is used for long.
    pub const LONGEST_LEEWAY: Duration = Duration::from_mins(5);
}
