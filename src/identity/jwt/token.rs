//! A token as it is written: three parts of base64url, two of them JSON objects, each with one reading.

use super::algorithm::Algorithm;
use super::rejected::TokenRejected;
use crate::mcp::json;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// Longest token that is looked at, in bytes. Those of Entra with two hundred groups have about 8 KiB.
pub(super) const LONGEST: usize = 16 * 1024;

/// Longest key id, in bytes.
const LONGEST_KEY_ID: usize = 256;

/// What is written in a token. Nothing of it is proved.
#[derive(Debug)]
pub(super) struct Token<'a> {
    pub(super) algorithm: Algorithm,
    /// Which key signed it, where it says so.
    pub(super) key_id: Option<String>,
    pub(super) claims: Map<String, Value>,
    /// What is signed.
    pub(super) signed: &'a [u8],
    /// The signature, in base64url.
    pub(super) signature: &'a str,
}

/// Who a token says has issued it; `None` where it says nothing that can be read.
pub(super) fn issuer(text: &str) -> Option<String> {
    let [_, claims, _] = parts(text)?;
    let claims = object(claims, "").ok()?;
    claims.get("iss").and_then(Value::as_str).map(str::to_owned)
}

impl<'a> Token<'a> {
    /// Reads a token in its compact form (RFC 7515, section 7.1).
    ///
    /// `jku`, `jwk`, `x5u` and `x5c` in its header are never looked at: a token does not say which key is to be trusted (RFC 8725,
    /// section 3.10).
    ///
    /// # Errors
    /// When it is not of that form, when it is signed by an algorithm that is not allowed, and when it is not an access token by its
    /// header.
    pub(super) fn read(text: &'a str, allowed: &[Algorithm]) -> Result<Self, TokenRejected> {
        if text.len() > LONGEST {
            return Err(TokenRejected::TooLong);
        }
        let [header, claims, signature] = parts(text).ok_or_else(|| not_three(text))?;
        let signed = text.as_bytes().get(..header.len() + 1 + claims.len()).unwrap_or_default();
        let header = object(header, "its header is not one JSON object")?;
        if header.contains_key("crit") {
            return Err(TokenRejected::Critical);
        }
        let algorithm = header.get("alg").and_then(Value::as_str).and_then(Algorithm::named);
        let algorithm = algorithm.filter(|one| allowed.contains(one)).ok_or(TokenRejected::Algorithm)?;
        is_typed(&header)?;
        let key_id = key_id(&header)?;
        let claims = object(claims, "its claims are not one JSON object")?;
        Ok(Self { algorithm, key_id, claims, signed, signature })
    }
}

fn parts(text: &str) -> Option<[&str; 3]> {
    let mut parts = text.split('.');
    let three = [parts.next()?, parts.next()?, parts.next()?];
    (parts.next().is_none() && three.iter().all(|part| !part.is_empty())).then_some(three)
}

fn not_three(text: &str) -> TokenRejected {
    let what = if text.bytes().filter(|byte| *byte == b'.').count() == 4 {
        "it is encrypted, and only signed ones can be read"
    } else {
        "it does not have three parts"
    };
    TokenRejected::Malformed(what)
}

fn object(part: &str, what: &'static str) -> Result<Map<String, Value>, TokenRejected> {
    let broken = || TokenRejected::Malformed(what);
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| broken())?;
    match json::read(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) | Err(_) => {
            Err(broken())
        }
    }
}

/// An access token is of the type `at+jwt` (RFC 9068, section 2.1) or, with most providers, `JWT`; Okta and Cognito leave it out, which
/// says no less than `JWT` does. Every other type is another kind of token, such as `logout+jwt` or `dpop+jwt` (RFC 8725, section
/// 3.11).
fn is_typed(header: &Map<String, Value>) -> Result<(), TokenRejected> {
    let Some(value) = header.get("typ") else { return Ok(()) };
    let written = value.as_str().ok_or(TokenRejected::Type)?.to_ascii_lowercase();
    // Without a slash it stands for the media type behind `application/` (RFC 7515, section 4.1.9).
    match written.strip_prefix("application/").unwrap_or(&written) {
        "jwt" | "at+jwt" => Ok(()),
        _ => Err(TokenRejected::Type),
    }
}

fn key_id(header: &Map<String, Value>) -> Result<Option<String>, TokenRejected> {
    match header.get("kid") {
        None => Ok(None),
        Some(Value::String(id)) if !id.is_empty() && id.len() <= LONGEST_KEY_ID => Ok(Some(id.clone())),
        Some(_) => Err(TokenRejected::Malformed("its `kid` is no text of 1 to 256 bytes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::jwt::tests::raw;

    const ALL: [Algorithm; 2] = [Algorithm::Rs256, Algorithm::Es256];

    fn word(header: &str, claims: &str) -> &'static str {
        let token = raw(header, claims, "c2ln");
        Token::read(&token, &ALL).map_or_else(|rejected| rejected.as_str(), |_| "read")
    }

    #[test]
    fn a_header_says_one_thing_and_nothing_else() {
        for (header, expect) in [
            (r#"{"alg":"RS256"}"#, "read"),
            (r#"{"alg":"RS256","typ":"JWT","kid":"one"}"#, "read"),
            (r#"{"alg":"RS256","typ":"at+jwt"}"#, "read"),
            (r#"{"alg":"RS256","typ":"application/AT+JWT"}"#, "read"),
            (r#"{"alg":"RS256","jku":"https://evil.example","x5u":"https://evil.example","jwk":{}}"#, "read"),
            (r#"{"alg":"none"}"#, "token-algorithm"),
            (r#"{"alg":"HS256"}"#, "token-algorithm"),
            (r#"{"alg":"PS256"}"#, "token-algorithm"),
            (r#"{"alg":["RS256"]}"#, "token-algorithm"),
            ("{}", "token-algorithm"),
            (r#"{"alg":"RS256","alg":"none"}"#, "token-malformed"),
            (r#"{"alg":"none","\u0061lg":"RS256"}"#, "token-malformed"),
            (r#"{"alg":"RS256","crit":["b64"],"b64":false}"#, "token-critical"),
            (r#"{"alg":"RS256","crit":[]}"#, "token-critical"),
            (r#"{"alg":"RS256","typ":"logout+jwt"}"#, "token-type"),
            (r#"{"alg":"RS256","typ":"dpop+jwt"}"#, "token-type"),
            (r#"{"alg":"RS256","typ":null}"#, "token-type"),
            (r#"{"alg":"RS256","typ":""}"#, "token-type"),
            (r#"{"alg":"RS256","kid":1}"#, "token-malformed"),
            (r#"{"alg":"RS256","kid":""}"#, "token-malformed"),
            (r#"["RS256"]"#, "token-malformed"),
            ("", "token-malformed"),
        ] {
            assert_eq!(word(header, "{}"), expect, "{header}");
        }
        let long = format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(257));
        assert_eq!(word(&long, "{}"), "token-malformed");
    }

    #[test]
    fn claims_are_one_object_with_one_reading() {
        for (claims, expect) in [
            ("{}", "read"),
            (r#"{"sub":"a","sub":"b"}"#, "token-malformed"),
            (r#"{"exp":1,"\u0065xp":99999999999}"#, "token-malformed"),
            (r#"{"exp":1e400}"#, "token-malformed"),
            ("[]", "token-malformed"),
            ("null", "token-malformed"),
            ("{} {}", "token-malformed"),
            ("eyJhbGciOiJub25lIn0.e30.", "token-malformed"),
        ] {
            assert_eq!(word(r#"{"alg":"RS256"}"#, claims), expect, "{claims}");
        }
    }

    #[test]
    fn there_are_three_parts_of_base64url_within_a_bound() {
        let good = raw(r#"{"alg":"RS256"}"#, "{}", "c2ln");
        let [header, claims, _] = parts(&good).unwrap();
        for text in [
            String::new(),
            "..".to_owned(),
            format!("{header}.{claims}"),
            format!("{header}.{claims}."),
            format!("{header}.{claims}.c2ln.c2ln"),
            format!("{header}.{claims}.c2ln.c2ln.c2ln"),
            format!("{header}=.{claims}.c2ln"),
            format!("{header}.e30=.c2ln"),
            format!("{header}.e31.c2ln"),
            format!("{header}.e3+.c2ln"),
            format!("{header} .{claims}.c2ln"),
        ] {
            assert!(Token::read(&text, &ALL).is_err(), "{text}");
        }
        let padded = format!(r#"{{"x":"{}"}}"#, "x".repeat(LONGEST));
        assert_eq!(word(r#"{"alg":"RS256"}"#, &padded), "token-malformed");
        assert!(Token::read(&good, &ALL).is_ok());
    }
}
