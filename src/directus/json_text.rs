//! Values that may also stand as text.

use super::misread::Misread;
use crate::mcp::json;
use serde_json::Value;
use std::borrow::Cow;

/// The texts of a list.
///
/// # Errors
/// When it is not one.
pub(crate) fn texts<'a>(value: &'a Value, name: &str) -> Result<Vec<&'a str>, Misread> {
    let list = value.as_array().ok_or_else(|| Misread::because(format!("`{name}` is not a list")))?;
    let text = |value: &'a Value| {
        value.as_str().ok_or_else(|| Misread::because(format!("`{name}` holds something that is not a text")))
    };
    list.iter().map(text).collect()
}

/// The value, or what its text says in JSON. Inside of `deep` Directus reads such texts (FACTS section 3).
///
/// # Errors
/// When the text is not strict JSON.
pub(crate) fn parsed<'a>(value: &'a Value, name: &str) -> Result<Cow<'a, Value>, Misread> {
    match value.as_str() {
        None => Ok(Cow::Borrowed(value)),
        Some(text) => json::read(text.as_bytes())
            .map(Cow::Owned)
            .map_err(|error| Misread::because(format!("`{name}` is a text that is not JSON: {error}"))),
    }
}
