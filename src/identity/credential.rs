//! Finding the one credential of a request, strictly, and telling by its form alone which way in judges it.

use super::key;
use super::rejected::Rejected;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue, Uri};
use std::fmt;
use url::form_urlencoded;

/// Longest credential that is looked at, in bytes: some tokens of OpenID providers carry long lists of groups.
const LONGEST: usize = 16 * 1024;

/// The one credential of a request, by its form. Its form decides which way in judges it, and no other one is tried after that.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Credential<'a> {
    /// A client key.
    Key(&'a str),
    /// A client key in the address.
    KeyInUrl(&'a str),
    /// Three parts of base64url with points between them.
    Jwt(&'a str),
    /// Any other text, which can only be a static token of Directus.
    Other(&'a str),
}

impl<'a> Credential<'a> {
    /// The credential of a whole request: in its one `Authorization` header, or a client key in its address, and nowhere else.
    ///
    /// # Errors
    /// When there is not exactly one credential in its place.
    pub(super) fn of(headers: &'a HeaderMap, query: Option<&'a str>) -> Result<Self, Rejected> {
        // Directus takes a session cookie whenever it finds nothing that it likes in the header. It would not be forwarded; refusing it
        // tells the client that it does nothing.
        if headers.contains_key(COOKIE) {
            return Err(Rejected::Cookie);
        }
        match in_address(query)? {
            None => Self::in_header(headers.get_all(AUTHORIZATION)),
            Some(_) if headers.contains_key(AUTHORIZATION) => Err(Rejected::Query),
            Some(key) => Ok(Self::KeyInUrl(key)),
        }
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
            Self::KeyInUrl(_) => "KeyInUrl(…)",
            Self::Jwt(_) => "Jwt(…)",
            Self::Other(_) => "Other(…)",
        })
    }
}

/// The parameter that Directus knows, and some clients.
const PARAMETER: &str = "access_token";

/// The client key in a query string, where there is one: one parameter, spelled exactly so, whose value is a key as it was printed.
///
/// # Errors
/// When there is anything else in it that somebody could take for a credential, however it is spelled.
fn in_address(query: Option<&str>) -> Result<Option<&str>, Rejected> {
    let mut pieces = query.unwrap_or_default().split('&').filter(|piece| is_credential(piece));
    let Some(piece) = pieces.next() else { return Ok(None) };
    let value = piece.strip_prefix(PARAMETER).and_then(|rest| rest.strip_prefix('='));
    match (value.filter(|key| key::is_well_formed(key)), pieces.next()) {
        (Some(key), None) => Ok(Some(key)),
        (_, _) => Err(Rejected::Query),
    }
}

fn is_credential(piece: &str) -> bool {
    let mut names = form_urlencoded::parse(piece.as_bytes());
    names.any(|(name, _)| name.to_ascii_lowercase().contains(PARAMETER))
}

/// The address without its credential, as everything behind this sees it.
///
/// # Errors
/// When what is left is no address.
pub(super) fn without_key(uri: &Uri) -> Result<Uri, Rejected> {
    let kept: Vec<&str> =
        uri.query().unwrap_or_default().split('&').filter(|piece| !is_credential(piece)).collect();
    let question_mark = if kept.is_empty() { "" } else { "?" };
    let mut parts = uri.clone().into_parts();
    let path = format!("{}{question_mark}{}", uri.path(), kept.join("&"));
    parts.path_and_query = Some(path.try_into().map_err(|_| Rejected::Query)?);
    Uri::from_parts(parts).map_err(|_| Rejected::Query)
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
        let key = format!("access_token={KEY}");
        for (query, expect) in [
            ("tool_mode=registry", Err(Rejected::Missing)),
            (&key, Ok(Credential::KeyInUrl(KEY))),
            (&format!("tool_mode=registry&{key}&x"), Ok(Credential::KeyInUrl(KEY))),
            ("access_token=x", Err(Rejected::Query)),
            ("access_token=", Err(Rejected::Query)),
            ("access_token", Err(Rejected::Query)),
            (&format!("{key}&{key}"), Err(Rejected::Query)),
            (&format!("{key}&access_token=x"), Err(Rejected::Query)),
            (&format!("{key}&ACCESS_TOKEN=x"), Err(Rejected::Query)),
            (&format!("a=b&access%5Ftoken={KEY}"), Err(Rejected::Query)),
            (&format!("Access_Token={KEY}"), Err(Rejected::Query)),
            (&format!("[access_token]={KEY}"), Err(Rejected::Query)),
            (&format!("access_token[]={KEY}"), Err(Rejected::Query)),
            (&format!("access_token[0]={KEY}"), Err(Rejected::Query)),
            (&format!(" access_token={KEY}"), Err(Rejected::Query)),
            (&format!("+access_token={KEY}"), Err(Rejected::Query)),
            (&format!("access_token=={KEY}"), Err(Rejected::Query)),
            (&format!("{key}%20"), Err(Rejected::Query)),
            (&format!("access_token=wr%5F{}", KEY.trim_start_matches("wr_")), Err(Rejected::Query)),
            (&format!("a=b;{key}"), Err(Rejected::Missing)),
        ] {
            assert_eq!(Credential::of(&headers, Some(query)), expect, "{query:?}");
        }
        headers.insert(AUTHORIZATION, format!("Bearer {KEY}").try_into().unwrap());
        assert_eq!(Credential::of(&headers, None), Ok(Credential::Key(KEY)));
        assert_eq!(Credential::of(&headers, Some(&key)), Err(Rejected::Query), "two are one too many");
        headers.insert(COOKIE, HeaderValue::from_static("directus_session_token=x"));
        assert_eq!(Credential::of(&headers, None), Err(Rejected::Cookie));
    }

    #[test]
    fn nothing_of_the_key_is_left_in_the_address() {
        for (uri, expect) in [
            (format!("/mcp?access_token={KEY}"), "/mcp"),
            (format!("/mcp?access_token={KEY}&tool_mode=registry"), "/mcp?tool_mode=registry"),
            (format!("/mcp?&tool_mode=registry&access_token={KEY}&x=1"), "/mcp?&tool_mode=registry&x=1"),
            (format!("http://gateway/mcp?access_token={KEY}"), "http://gateway/mcp"),
        ] {
            assert_eq!(without_key(&uri.parse().unwrap()).unwrap().to_string(), expect, "{uri}");
        }
    }
}
