//! Finding the one credential of a request, strictly.

use super::key;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue};
use url::form_urlencoded;

/// Why a request has no principal. The reply is 401 for all of them; the reason is for the trail and the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// There is no `Authorization` header.
    #[error("no credential")]
    Missing,
    /// There is more than one `Authorization` header.
    #[error("more than one `Authorization` header")]
    Repeated,
    /// The header is not `Bearer`, one space, one client key.
    #[error("the `Authorization` header is not `Bearer`, one space and a client key")]
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
    /// The principal is shut out by `identity.refuse`.
    #[error("`{name}` is refused by `identity.refuse`")]
    Refused {
        /// Who is shut out.
        name: String,
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
        }
    }

    /// Whose key it was, where the key was proved although it is not let in.
    pub fn principal(&self) -> Option<&str> {
        match self {
            Self::Expired { name } | Self::Refused { name } => Some(name),
            Self::Missing | Self::Repeated | Self::Malformed | Self::Cookie | Self::Query | Self::Unknown => {
                None
            }
        }
    }
}

/// The client key that a request carries in its one `Authorization` header.
///
/// # Errors
/// When there is not exactly one header of exactly that form.
pub(super) fn key_in<'a>(headers: impl IntoIterator<Item = &'a HeaderValue>) -> Result<&'a str, Rejected> {
    let mut headers = headers.into_iter();
    let header = headers.next().ok_or(Rejected::Missing)?;
    if headers.next().is_some() {
        return Err(Rejected::Repeated);
    }
    let text = header.to_str().map_err(|_| Rejected::Malformed)?;
    let (scheme, token) = text.split_once(' ').ok_or(Rejected::Malformed)?;
    if scheme.eq_ignore_ascii_case("bearer") && key::is_well_formed(token) {
        Ok(token)
    } else {
        Err(Rejected::Malformed)
    }
}

/// Rejects a request that has a credential anywhere but in its `Authorization` header.
///
/// Directus takes a session cookie and `access_token` in the address, however it is spelled, whenever it finds nothing it
/// likes in the header. Neither would be forwarded; refusing them tells the client that they do nothing.
pub(super) fn nowhere_else(headers: &HeaderMap, query: Option<&str>) -> Result<(), Rejected> {
    if headers.contains_key(COOKIE) {
        return Err(Rejected::Cookie);
    }
    let mut parameters = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    if parameters.any(|(name, _)| name.to_ascii_lowercase().contains("access_token")) {
        return Err(Rejected::Query);
    }
    Ok(())
}

/// The key of a whole request: in its one `Authorization` header, and nowhere else.
///
/// # Errors
/// When there is a credential elsewhere, or not exactly one there.
pub(super) fn key_of<'a>(headers: &'a HeaderMap, query: Option<&str>) -> Result<&'a str, Rejected> {
    nowhere_else(headers, query)?;
    key_in(headers.get_all(AUTHORIZATION))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "wr_0123456789012345678901234567890123456789abc";

    fn check(headers: &[String], expect: &Result<&str, Rejected>) {
        let headers: Vec<HeaderValue> =
            headers.iter().map(|value| HeaderValue::from_bytes(value.as_bytes()).unwrap()).collect();
        assert_eq!(&key_in(&headers), expect, "{headers:?}");
    }

    #[test]
    fn the_header_has_one_form() {
        check(&[format!("Bearer {KEY}")], &Ok(KEY));
        check(&[format!("bEARER {KEY}")], &Ok(KEY));
        check(&[], &Err(Rejected::Missing));
        check(&[format!("Bearer {KEY}"), format!("Bearer {KEY}")], &Err(Rejected::Repeated));
        for malformed in [
            String::new(),
            "Bearer".to_owned(),
            "Bearer ".to_owned(),
            KEY.to_owned(),
            format!("Bearer  {KEY}"),
            format!("Bearer\t{KEY}"),
            format!("Bearer {KEY} "),
            format!("Bearer {KEY} x"),
            format!("Bearer {KEY},Bearer {KEY}"),
            format!(" Bearer {KEY}"),
            format!("Basic {KEY}"),
            "Bearer directus-static-token".to_owned(),
            format!("Bearer {}é", KEY.trim_end_matches('c')),
        ] {
            check(&[malformed], &Err(Rejected::Malformed));
        }
    }

    #[test]
    fn a_credential_elsewhere_is_refused_and_not_skipped() {
        let mut headers = HeaderMap::new();
        for (query, expect) in [
            (None, Ok(())),
            (Some("tool_mode=registry"), Ok(())),
            (Some("access_token=x"), Err(Rejected::Query)),
            (Some("a=b&access%5Ftoken=x"), Err(Rejected::Query)),
            (Some("[access_token]=x"), Err(Rejected::Query)),
            (Some("access_token[]=x"), Err(Rejected::Query)),
        ] {
            assert_eq!(nowhere_else(&headers, query), expect, "{query:?}");
        }
        headers.insert(COOKIE, HeaderValue::from_static("directus_session_token=x"));
        assert_eq!(nowhere_else(&headers, None), Err(Rejected::Cookie));
    }
}
