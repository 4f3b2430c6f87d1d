//! Finding the one credential of a request, strictly, and telling by its form alone which way in judges it.

use super::key;
use super::rejected::Rejected;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue};
use std::fmt;
use url::form_urlencoded;

/// Longest credential that is looked at, in bytes: some tokens of OpenID providers carry long lists of groups.
const LONGEST: usize = 8 * 1024;

/// The one credential of a request, by its form. Its form decides which way in judges it, and no other one is tried after that.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Credential<'a> {
    /// A client key.
    Key(&'a str),
    /// Three parts of base64url with points between them.
    Jwt(&'a str),
    /// Any other text, which can only be a static token of Directus.
    Other(&'a str),
}

impl<'a> Credential<'a> {
    /// The credential of a whole request: in its one `Authorization` header, and nowhere else.
    ///
    /// # Errors
    /// When there is a credential elsewhere, or not exactly one there.
    pub(super) fn of(headers: &'a HeaderMap, query: Option<&str>) -> Result<Self, Rejected> {
        nowhere_else(headers, query)?;
        Self::in_header(headers.get_all(AUTHORIZATION))
    }

    /// The credential in these `Authorization` headers, of which there must be one.
    pub(super) fn in_header(headers: impl IntoIterator<Item = &'a HeaderValue>) -> Result<Self, Rejected> {
        let mut headers = headers.into_iter();
        let header = headers.next().ok_or(Rejected::Missing)?;
        if headers.next().is_some() {
            return Err(Rejected::Repeated);
        }
        let text = header.to_str().map_err(|_| Rejected::Malformed)?;
        let (scheme, token) = text.split_once(' ').ok_or(Rejected::Malformed)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Rejected::Malformed);
        }
        Self::by_form(token)
    }

    fn by_form(token: &'a str) -> Result<Self, Rejected> {
        let graphic = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        if !graphic || token.len() > LONGEST {
            return Err(Rejected::Malformed);
        }
        // What looks like a client key is never anything else, were it a static token that somebody chose so.
        if key::has_prefix(token) {
            return if key::is_well_formed(token) { Ok(Self::Key(token)) } else { Err(Rejected::Malformed) };
        }
        // Directus takes even what is broken for a JWT, so whatever has two points is one, or nothing at all.
        if token.bytes().filter(|byte| *byte == b'.').count() == 2 {
            let part = |part: &str| !part.is_empty() && URL_SAFE_NO_PAD.decode(part).is_ok();
            return if token.split('.').all(part) { Ok(Self::Jwt(token)) } else { Err(Rejected::Malformed) };
        }
        Ok(Self::Other(token))
    }
}

impl fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "Key(…)",
            Self::Jwt(_) => "Jwt(…)",
            Self::Other(_) => "Other(…)",
        })
    }
}

/// Rejects a request that has a credential anywhere but in its `Authorization` header.
///
/// Directus takes a session cookie and `access_token` in the address, however it is spelled, whenever it finds nothing it
/// likes in the header. Neither would be forwarded; refusing them tells the client that they do nothing.
fn nowhere_else(headers: &HeaderMap, query: Option<&str>) -> Result<(), Rejected> {
    if headers.contains_key(COOKIE) {
        return Err(Rejected::Cookie);
    }
    let mut parameters = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    if parameters.any(|(name, _)| name.to_ascii_lowercase().contains("access_token")) {
        return Err(Rejected::Query);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "wr_0123456789012345678901234567890123456789abc";

    fn check(headers: &[String], expect: &Result<Credential<'_>, Rejected>) {
        let headers: Vec<HeaderValue> =
            headers.iter().map(|value| HeaderValue::from_bytes(value.as_bytes()).unwrap()).collect();
        assert_eq!(&Credential::in_header(&headers), expect, "{headers:?}");
    }

    #[test]
    fn the_header_has_one_form() {
        check(&[format!("Bearer {KEY}")], &Ok(Credential::Key(KEY)));
        check(&[format!("bEARER {KEY}")], &Ok(Credential::Key(KEY)));
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
            format!("Bearer {}é", KEY.trim_end_matches('c')),
            format!("Bearer {}", "x".repeat(LONGEST + 1)),
        ] {
            check(&[malformed], &Err(Rejected::Malformed));
        }
    }

    #[test]
    fn the_form_alone_tells_the_way() {
        for (token, expect) in [
            (KEY, Ok(Credential::Key(KEY))),
            // Never a static token, whatever Directus would say to it.
            ("wr_short", Err(Rejected::Malformed)),
            ("wr_a.b.c", Err(Rejected::Malformed)),
            ("admin-static-token", Ok(Credential::Other("admin-static-token"))),
            ("Wr_0123", Ok(Credential::Other("Wr_0123"))),
            ("a.b", Ok(Credential::Other("a.b"))),
            ("eyJh.eyJh.c2ln", Ok(Credential::Jwt("eyJh.eyJh.c2ln"))),
            // What only a lax reader takes for a JWT is none, and is no static token either.
            ("eyJh.eyJh.", Err(Rejected::Malformed)),
            ("eyJh.eyJh.c2ln==", Err(Rejected::Malformed)),
            ("eyJ+.eyJh.c2ln", Err(Rejected::Malformed)),
            (".eyJh.c2ln", Err(Rejected::Malformed)),
            ("eyJh.eyJhb.c2ln", Err(Rejected::Malformed)),
        ] {
            assert_eq!(Credential::by_form(token), expect, "{token}");
        }
        assert_eq!(format!("{:?}", Credential::Other("secret")), "Other(…)");
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
