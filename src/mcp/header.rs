//! The HTTP headers that say how a body is to be read.

/// Why a request's headers are refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Directus executes `charset=utf-7` and `utf-16` bodies that read as another call in UTF-8 (FACTS section 1).
    #[error("the content type must be `application/json`, in UTF-8, and be given once")]
    ContentType,
    /// Directus inflates what it is told is compressed.
    #[error("a content encoding is not accepted: send the body as it is")]
    ContentEncoding,
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
}
