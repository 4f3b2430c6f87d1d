//! Why a token is not taken.

use http::StatusCode;

/// Why a token is not taken. What is said of it may be told to whoever sent it: it says nothing that is not in the token or in the
/// gateway's public metadata.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRejected {
    /// It is longer than is read.
    #[error("the token is longer than is read")]
    TooLong,
    /// It is not a signed JSON Web Token, or could be read in two ways.
    #[error("the token is not a signed JSON Web Token: {0}")]
    Malformed(&'static str),
    /// Its `typ` says that it is something else than an access token.
    #[error("a token of this `typ` is not taken: only `JWT` and `at+jwt`")]
    Type,
    /// It has extensions that have to be understood (`crit`).
    #[error("the token asks for extensions (`crit`), and none is known here")]
    Critical,
    /// It is not signed by an algorithm of the allow-list.
    #[error("the token is not signed by an algorithm that is allowed here")]
    Algorithm,
    /// The provider has no such key.
    #[error("the token is signed with a key that the provider does not have")]
    UnknownKey,
    /// The signature is not that of the key.
    #[error("the signature of the token is wrong")]
    Signature,
    /// Somebody else issued it.
    #[error("the token is of another issuer")]
    Issuer,
    /// It is meant for somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// It is not for showing to a resource.
    #[error("this is no access token: {0}")]
    NotAccess(&'static str),
    /// It is good only together with a proof that the gateway cannot check.
    #[error("the token is bound to a key of the client (`cnf`), which cannot be checked here")]
    Bound,
    /// A claim is missing, or not what it has to be.
    #[error("the claim `{0}` of the token is missing, or is not what it has to be")]
    Claim(&'static str),
    /// The claim with the roles cannot be read.
    #[error("the claim with the roles of the token is not a text, or a list of texts")]
    RoleClaim,
    /// It says nothing that could be a principal's name.
    #[error(
        "the token names nobody: the claim for the principal is missing, or is no text of 1 to 200 visible ASCII characters"
    )]
    Nobody,
    /// Its time is over.
    #[error("the token has expired")]
    Expired {
        /// Whose it was.
        name: String,
    },
    /// Its time has not come.
    #[error("the token is not valid yet: its `nbf` or `iat` lies ahead")]
    Early {
        /// Whose it is.
        name: String,
    },
    /// None of its roles has a policy.
    #[error("no role of the token is one of this gateway's")]
    NoRole {
        /// Whose it is.
        name: String,
    },
    /// More than one of its roles has a policy, and none is chosen for it.
    #[error("more than one role of the token is one of this gateway's: {roles}; exactly one is needed")]
    Roles {
        /// Whose it is.
        name: String,
        /// The policy roles.
        roles: String,
    },
    /// The provider's keys cannot be had, so nothing can be said of the token.
    #[error("the keys of the identity provider cannot be had at the moment")]
    Unavailable,
}

impl TokenRejected {
    /// The reason in one word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::TooLong | Self::Malformed(_) => "token-malformed",
            Self::Type | Self::NotAccess(_) => "token-type",
            Self::Critical => "token-critical",
            Self::Algorithm => "token-algorithm",
            Self::UnknownKey => "token-key",
            Self::Signature => "token-signature",
            Self::Issuer => "token-issuer",
            Self::Audience => "token-audience",
            Self::Bound => "token-bound",
            Self::Claim(_) | Self::RoleClaim | Self::Nobody => "token-claims",
            Self::Expired { .. } => "token-expired",
            Self::Early { .. } => "token-early",
            Self::NoRole { .. } => "token-no-role",
            Self::Roles { .. } => "token-roles",
            Self::Unavailable => "provider-unavailable",
        }
    }

    /// The HTTP status of the reply. Whoever has signed in and still may do nothing need not sign in again.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoRole { .. } | Self::Roles { .. } => StatusCode::FORBIDDEN,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooLong
            | Self::Malformed(_)
            | Self::Type
            | Self::Critical
            | Self::Algorithm
            | Self::UnknownKey
            | Self::Signature
            | Self::Issuer
            | Self::Audience
            | Self::NotAccess(_)
            | Self::Bound
            | Self::Claim(_)
            | Self::RoleClaim
            | Self::Nobody
            | Self::Expired { .. }
            | Self::Early { .. } => StatusCode::UNAUTHORIZED,
        }
    }

    /// Whose token it is, where the provider's signature proves that.
    pub fn principal(&self) -> Option<&str> {
        match self {
            Self::Expired { name }
            | Self::Early { name }
            | Self::NoRole { name }
            | Self::Roles { name, .. } => Some(name),
            Self::TooLong
            | Self::Malformed(_)
            | Self::Type
            | Self::Critical
            | Self::Algorithm
            | Self::UnknownKey
            | Self::Signature
            | Self::Issuer
            | Self::Audience
            | Self::NotAccess(_)
            | Self::Bound
            | Self::Claim(_)
            | Self::RoleClaim
            | Self::Nobody
            | Self::Unavailable => None,
        }
    }
}
