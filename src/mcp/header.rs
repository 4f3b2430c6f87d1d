//! The HTTP headers that say how a body is to be read, and that must agree with it.

use super::revision;

/// Why a request's headers are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Directus executes `charset=utf-7` and `utf-16` bodies that read as another call in UTF-8 (FACTS section 1).
    #[error("the content type must be `application/json`, in UTF-8, and be given once")]
    ContentType,
    /// Directus inflates what it is told is compressed.
    #[error("a content encoding is not accepted: send the body as it is")]
    ContentEncoding,
    /// The revision is not one that the gateway knows.
    #[error("`MCP-Protocol-Version: {0}` is not supported: use one of {known}", known = revision::KNOWN.join(", "))]
    ProtocolVersion(String),
    /// A header names another method or tool than the body.
    #[error("the header `{0}` does not agree with the body")]
    Disagrees(&'static str),
}

/// Checks all values of `Content-Type`.
///
/// # Errors
/// Unless there is exactly one, `application/json`, with no parameter but `charset=utf-8`.
pub fn content_type(values: &[&str]) -> Result<(), HeaderError> {
    let [value] = values else { return Err(HeaderError::ContentType) };
    let mut parts = value.split(';').map(str::trim);
    let plain = parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"));
    if plain && parts.all(is_utf8_charset) { Ok(()) } else { Err(HeaderError::ContentType) }
}

fn is_utf8_charset(parameter: &str) -> bool {
    parameter.split_once('=').is_some_and(|(name, value)| {
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        name.eq_ignore_ascii_case("charset") && value.eq_ignore_ascii_case("utf-8")
    })
}

/// Checks all values of `Content-Encoding`.
///
/// # Errors
/// When there is any but `identity`.
pub fn content_encoding(values: &[&str]) -> Result<(), HeaderError> {
    let plain = values.iter().all(|value| value.trim().eq_ignore_ascii_case("identity"));
    if plain { Ok(()) } else { Err(HeaderError::ContentEncoding) }
}

/// Checks all values of `MCP-Protocol-Version`; a client that leaves it out speaks 2025-03-26.
///
/// # Errors
/// When there are several, or one that the gateway does not know.
pub fn protocol_version(values: &[&str]) -> Result<(), HeaderError> {
    match values {
        [] => Ok(()),
        [value] if revision::is_known(value) => Ok(()),
        [value, ..] => Err(HeaderError::ProtocolVersion(value.chars().take(40).collect())),
    }
}

/// Checks that a header which repeats a part of the body says the same; it may be left out.
///
/// # Errors
/// When it is there and says anything else.
pub fn agrees(name: &'static str, values: &[&str], body: Option<&str>) -> Result<(), HeaderError> {
    match values {
        [] => Ok(()),
        [value] if Some(*value) == body => Ok(()),
        [_, ..] => Err(HeaderError::Disagrees(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_utf8_json_is_read() {
        for good in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"",
            "application/json\t",
        ] {
            assert_eq!(content_type(&[good]), Ok(()), "{good}");
        }
        for bad in [
            "text/plain",
            "application/json; charset=utf-7",
            "application/json; charset=utf-16",
            "application/json; charset=utf-8; charset=utf-7",
            "application/json; boundary=x",
            "application/json;",
            "application/json, text/plain",
            "application/json-rpc",
            "",
        ] {
            assert_eq!(content_type(&[bad]), Err(HeaderError::ContentType), "{bad}");
        }
        assert!(content_type(&[]).is_err());
        assert!(content_type(&["application/json", "application/json"]).is_err());
    }

    #[test]
    fn only_plain_bodies_are_read() {
        assert_eq!(content_encoding(&[]), Ok(()));
        assert_eq!(content_encoding(&["identity"]), Ok(()));
        for bad in ["gzip", "GZIP", "deflate", "identity, gzip", "br", ""] {
            assert_eq!(content_encoding(&[bad]), Err(HeaderError::ContentEncoding), "{bad}");
        }
    }

    #[test]
    fn headers_agree_with_the_body() {
        assert!(protocol_version(&["2025-06-18"]).is_ok());
        assert!(protocol_version(&["1999-01-01"]).is_err());
        assert!(protocol_version(&["2025-06-18", "2025-06-18"]).is_err());
        assert!(agrees("Mcp-Method", &["tools/call"], Some("tools/call")).is_ok());
        assert!(agrees("Mcp-Method", &["tools/list"], Some("tools/call")).is_err());
        assert!(agrees("Mcp-Name", &["items"], None).is_err());
    }
}
