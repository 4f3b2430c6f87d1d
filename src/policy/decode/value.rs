//! Primary keys and plain values.

use super::Decoder;
use crate::directus::access::Key;
use crate::directus::field::is_path;
use crate::mcp::json::MAX_INTEGER;
use crate::policy::yaml::{Node, Shape, object};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

impl Decoder<'_> {
    /// A list of primary keys in their canonical form.
    pub(super) fn keys(&mut self, node: &Node) -> Option<BTreeSet<Key>> {
        let items = self.list(node)?;
        Some(items.iter().filter_map(|item| self.key(item)).collect())
    }

    fn key(&mut self, node: &Node) -> Option<Key> {
        match &node.shape {
            Shape::Number(number) => {
                let key = number.as_u64().filter(|number| *number <= MAX_INTEGER).map(Key::Number);
                if key.is_none() {
                    let message = format!("`{number}` cannot be a primary key");
                    self.error("key", &node.span, message, "write a whole number without sign or point");
                }
                key
            }
            Shape::Text { text, .. } => self.text_key(node, text),
            Shape::Broken => None,
            Shape::Null | Shape::Bool(_) | Shape::List(_) | Shape::Map(_) => {
                self.expected(node, "a primary key", "write a number, or a text in quotes");
                None
            }
        }
    }

    fn text_key(&mut self, node: &Node, text: &str) -> Option<Key> {
        match canonical_key(text) {
            Ok(key) => Some(key),
            Err(Some(canonical)) => {
                let message = format!("`{text}` is not the form in which keys are compared");
                self.error("key", &node.span, message, format!("write `\"{canonical}\"`"));
                None
            }
            Err(None) => {
                let message = format!("`{text}` cannot be a primary key");
                self.error("key", &node.span, message, "write the key as Directus shows it");
                None
            }
        }
    }

    /// Fields and the values that they get.
    pub(super) fn presets(&mut self, node: &Node) -> Option<Map<String, Value>> {
        let entries = self.entries(node)?;
        for entry in entries {
            if is_path(&entry.key) {
                let message = format!("`{}` is not a field of the written item itself", entry.key);
                self.error("presets", &entry.key_span, message, "write the name of one of its own fields");
            }
            if let Shape::Text { text, .. } = &entry.value.shape
                && text.starts_with('$')
            {
                // Directus fills its variables into presets of its own only; here it would be a text like any other.
                let message = format!("`{text}` would be written as it stands");
                self.error(
                    "presets",
                    &entry.value.span,
                    message,
                    "write a value, or a preset in Directus itself",
                );
            }
        }
        Some(object(entries))
    }
}

/// The key, or the form in which it would be one.
fn canonical_key(text: &str) -> Result<Key, Option<String>> {
    let trimmed = text.trim();
    if trimmed.is_empty() || text.chars().any(char::is_control) {
        return Err(None);
    }
    if trimmed.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: u64 = trimmed.parse().ok().filter(|number| *number <= MAX_INTEGER).ok_or(None)?;
        let canonical = number.to_string();
        return if canonical == text { Ok(Key::Number(number)) } else { Err(Some(canonical)) };
    }
    if is_uuid(trimmed) {
        let canonical = trimmed.to_ascii_lowercase();
        return if canonical == text { Ok(Key::Text(canonical)) } else { Err(Some(canonical)) };
    }
    if trimmed != text {
        return Err(Some(trimmed.to_owned()));
    }
    // Databases take `1e0`, `1.0` and `+1` for 1.
    if trimmed.parse::<f64>().is_ok_and(f64::is_finite) { Err(None) } else { Ok(Key::Text(text.to_owned())) }
}

/// 8-4-4-4-12 hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}
