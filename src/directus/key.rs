//! Primary keys as the collection reads them.

use super::access::Key;
use super::call::shown;
use super::misread::Misread;
use super::schema::Collection;
use serde_json::Value;

/// Reads a list of keys of that collection.
///
/// # Errors
/// When one of them is not canonical, so that the database could take it for another (`"01"`, `" 1"`, `1e0`).
pub(crate) fn keys(collection: &Collection, list: &[Value]) -> Result<Vec<Key>, Misread> {
    list.iter().map(|value| key(collection, value)).collect()
}

/// Reads one key of that collection.
///
/// # Errors
/// As [`keys`].
pub(crate) fn key(collection: &Collection, value: &Value) -> Result<Key, Misread> {
    typed(collection.key_type(), value).ok_or_else(|| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let wanted = match collection.key_type() {
            Some("integer" | "bigInteger") => "an integer without sign, point or leading zero",
            Some("uuid") => "a UUID in lower case",
            Some(_) | None => "a plain text",
        };
        Misread::because(format!(
            "`{}` is not a key of {} in its one canonical form, {wanted}",
            shown(&text),
            collection.name
        ))
    })
}

/// Reads a key of that type, if it is in its canonical form.
pub(crate) fn typed(key_type: Option<&str>, value: &Value) -> Option<Key> {
    match key_type {
        Some("integer" | "bigInteger") => integer(value),
        Some("uuid") => value.as_str().filter(|text| is_uuid(text)).map(|text| Key::Text(text.to_owned())),
        Some("string" | "text") => {
            value.as_str().filter(|text| is_plain(text)).map(|text| Key::Text(text.to_owned()))
        }
        Some(_) | None => None,
    }
}

/// Whether the text is a UUID in lower case.
pub(crate) fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
}

fn integer(value: &Value) -> Option<Key> {
    let number = match value {
        Value::Number(number) => number.as_u64()?,
        Value::String(text) => {
            let number: u64 = text.parse().ok()?;
            // Directus hands a text on to the database, which has its own idea of `01` and `+1`.
            (number.to_string() == *text && number <= crate::mcp::json::MAX_INTEGER).then_some(number)?
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    Some(Key::Number(number))
}

/// A text key that no database trims or folds on the way.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.len() <= 255 && text.trim() == text && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directus::schema::{Field, FieldKind};
    use serde_json::json;

    fn with_key(type_name: &str) -> Collection {
        let id = Field {
            name: "id".into(),
            type_name: type_name.into(),
            kind: FieldKind::Plain,
            default: None,
            filled_on_create: true,
            filled_on_update: false,
            overwritten_on_create: false,
            searchable: true,
        };
        Collection {
            name: "c".into(),
            fields: [("id".to_owned(), id)].into(),
            primary_key: Some("id".into()),
            ..Collection::default()
        }
    }

    #[test]
    fn integers_have_one_form() {
        let collection = with_key("integer");
        assert_eq!(key(&collection, &json!(7)), Ok(Key::Number(7)));
        assert_eq!(key(&collection, &json!("7")), Ok(Key::Number(7)));
        let odd = json!([
            "01",
            " 1",
            "1 ",
            "1e0",
            "1.0",
            "+1",
            "-1",
            "0x1",
            "１",
            "",
            -1,
            1.0,
            1.5,
            true,
            null,
            [1],
            {}
        ]);
        for value in odd.as_array().unwrap() {
            assert!(key(&collection, value).is_err(), "{value}");
        }
    }

    #[test]
    fn uuids_are_in_lower_case() {
        let collection = with_key("uuid");
        assert!(key(&collection, &json!("5c7b1f0e-0000-4000-8000-000000000000")).is_ok());
        let odd =
            json!(["5C7B1F0E-0000-4000-8000-000000000000", "5c7b1f0e000040008000000000000000", "x", 1, ""]);
        for value in odd.as_array().unwrap() {
            assert!(key(&collection, value).is_err(), "{value}");
        }
    }

    #[test]
    fn a_collection_without_a_known_key_has_none() {
        assert!(key(&Collection::default(), &json!(1)).is_err());
        assert!(key(&with_key("string"), &json!(" a")).is_err());
        assert!(key(&with_key("string"), &json!("a b")).is_ok());
    }
}
