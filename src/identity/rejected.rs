//! Why a request has no principal.

use http::StatusCode;
use std::time::Duration;

/// Why a request has no principal. The client is told no more than it needs; the reason is for the trail and the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// There is no credential.
    #[error("no credential")]
    Missing,
    /// There is more than one `Authorization` header.
    #[error("more than one `Authorization` header")]
    Repeated,
    /// The header is not `Bearer`, one space, and something that a configured way in takes.
    #[error(
        "the `Authorization` header is not `Bearer`, one space and a credential of a kind that is taken here"
    )]
    Malformed,
    /// There is a cookie: Directus would take one for a credential, so none is let in.
    #[error("a cookie")]
    Cookie,
    /// There is a credential in the address.
    #[error("a credential in the address")]
    Query,
    /// There is no such key, or it was revoked.
    #[error("an unknown key")]
    Unknown,
    /// The key is no longer valid.
    #[error("the key of `{name}` has expired")]
    Expired {
        /// Whose key it was.
        name: String,
    },
    /// The key came where it does not work: in the address, or in the header although it was made for the address.
    #[error("the key of `{name}` came in {place}")]
    Misplaced {
        /// Whose key it was.
        name: String,
        /// Where it came, and what that means.
        place: &'static str,
    },
    /// The principal is shut out by `identity.refuse`.
    #[error("`{name}` is refused by `identity.refuse`")]
    Refused {
        /// Who is shut out.
        name: String,
    },
    /// The token is wrong in itself, or whoever answers for it does not take it.
    #[error("{why}")]
    Token {
        /// One word for the trail, such as `expired`.
        word: &'static str,
        /// The whole reason. It never repeats the token.
        why: &'static str,
    },
    /// The token still says a role that its user no longer has.
    #[error("the role in the token of `{name}` is not the role that the user has now")]
    Stale {
        /// Whose token it was.
        name: String,
    },
    /// The token is good, and nobody has said what its holder may do.
    #[error("no policy role is given to `{name}`: {why}")]
    NoRole {
        /// Whose token it was.
        name: String,
        /// What is missing.
        why: String,
    },
    /// Too many credentials that nobody has seen yet, so whoever answers for them is not asked about this one.
    #[error("too many unknown tokens to ask about them all")]
    Crowded {
        /// When one may be asked about again.
        retry_after: Duration,
    },
    /// The TLS certificate of the connection is nobody's, or no longer good.
    #[error("the client's certificate: {why}")]
    Certificate {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The certificate is one client's, and the credential beside it another's.
    #[error("the certificate is that of `{name}`, and the credential beside it is not")]
    Disagreeing {
        /// Whose certificate it is.
        name: String,
    },
    /// Whoever answers for the credential cannot be asked.
    #[error("the credential cannot be checked: {why}")]
    Unavailable {
        /// Why not. It never repeats the credential.
        why: String,
    },
}

impl Rejected {
    /// The reason in one word.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Repeated => "repeated",
            Self::Malformed => "malformed",
            Self::Cookie => "cookie",
            Self::Query => "query",
            Self::Unknown => "unknown",
            Self::Expired { .. } => "expired",
            Self::Refused { .. } => "refused",
            Self::Misplaced { .. } => "misplaced",
            Self::Token { word, .. } => word,
            Self::Stale { .. } => "stale",
            Self::NoRole { .. } => "no_role",
            Self::Crowded { .. } => "crowded",
            Self::Certificate { .. } => "certificate",
            Self::Disagreeing { .. } => "disagreeing",
            Self::Unavailable { .. } => "unavailable",
        }
    }

    /// Who it was, where that was proved although nobody is let in.
    pub fn principal(&self) -> Option<&str> {
        match self {
            Self::Expired { name }
            | Self::Misplaced { name, .. }
            | Self::Refused { name }
            | Self::Stale { name }
            | Self::Disagreeing { name }
            | Self::NoRole { name, .. } => Some(name),
            Self::Missing
            | Self::Repeated
            | Self::Malformed
            | Self::Cookie
            | Self::Query
            | Self::Unknown
            | Self::Token { .. }
            | Self::Certificate { .. }
            | Self::Crowded { .. }
            | Self::Unavailable { .. } => None,
        }
    }

    /// What the client may be told.
    pub fn told(&self) -> String {
        match self {
            Self::Missing
            | Self::Repeated
            | Self::Malformed
            | Self::Cookie
            | Self::Query
            | Self::Unknown
            | Self::Expired { .. }
            | Self::Misplaced { .. }
            | Self::Refused { .. } => "a valid key is needed: send `Authorization: Bearer KEY`".to_owned(),
            Self::Token { why, .. } => format!("a valid token is needed: {why}"),
            Self::Stale { .. } => {
                "a valid token is needed: the role of its user has changed, so sign in again".to_owned()
            }
            Self::NoRole { .. } => "no role of the gateway is given to the holder of this token".to_owned(),
            Self::Certificate { why } => format!("another certificate is needed: {why}"),
            Self::Disagreeing { .. } => "certificate and key have to be those of one client".to_owned(),
            Self::Crowded { .. } => "too many requests without a valid key".to_owned(),
            Self::Unavailable { .. } => "the token cannot be checked now: try again later".to_owned(),
        }
    }

    /// The HTTP status of the reply. 401 asks the client to sign in again, so whoever has, and still may do nothing, gets 403.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Missing
            | Self::Repeated
            | Self::Malformed
            | Self::Cookie
            | Self::Query
            | Self::Unknown
            | Self::Expired { .. }
            | Self::Misplaced { .. }
            | Self::Refused { .. }
            | Self::Token { .. }
            | Self::Stale { .. } => StatusCode::UNAUTHORIZED,
            // Neither is helped by another key.
            Self::NoRole { .. } | Self::Certificate { .. } | Self::Disagreeing { .. } => {
                StatusCode::FORBIDDEN
            }
            Self::Crowded { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}
