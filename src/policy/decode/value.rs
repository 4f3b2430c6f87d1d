//! Primary keys, filter rules and plain values.

use super::{Decoder, nearest};
use crate::directus::access::Key;
use crate::directus::operator::COMPARISONS;
use crate::mcp::json::MAX_INTEGER;
use crate::policy::yaml::{Node, Shape, object};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What validations can be evaluated with here.
const VALIDATION_OPERATORS: &[&str] = &[
    "_eq",
    "_neq",
    "_lt",
    "_lte",
    "_gt",
    "_gte",
    "_in",
    "_nin",
    "_null",
    "_nnull",
    "_empty",
    "_nempty",
    "_contains",
    "_ncontains",
    "_icontains",
    "_starts_with",
    "_ends_with",
    "_between",
    "_nbetween",
    "_regex",
    "_and",
    "_or",
];

/// What a filter has besides comparisons.
const FILTER_STRUCTURE: &[&str] = &["_some", "_none", "_json", "_and", "_or"];

/// What a rule is used for; a validation is evaluated here, a filter by Directus.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RuleUse {
    Filter,
    Validation,
}

impl RuleUse {
    /// A comparison that Directus only validates with, `_regex` for one, is not among a filter's: it could restrict nothing.
    fn operators(self) -> Vec<&'static str> {
        match self {
            Self::Filter => [&COMPARISONS, FILTER_STRUCTURE].concat(),
            Self::Validation => VALIDATION_OPERATORS.to_vec(),
        }
    }
}

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

    /// A Directus filter rule.
    pub(super) fn rule(&mut self, node: &Node, used: RuleUse) -> Option<Map<String, Value>> {
        let entries = self.entries(node)?;
        if entries.is_empty() {
            let help = "write a rule such as `{status: {_eq: published}}`, or leave the key out";
            self.error("empty-rule", &node.span, "an empty rule restricts nothing", help);
            return None;
        }
        self.check_operators(node, &used.operators());
        Some(object(entries))
    }

    /// Operators begin with an underscore; one that nobody knows would match everything or nothing.
    fn check_operators(&mut self, node: &Node, operators: &[&str]) {
        match &node.shape {
            Shape::Map(entries) => {
                for entry in entries {
                    let known = !entry.key.starts_with('_') || operators.contains(&entry.key.as_str());
                    if !known {
                        let help = nearest(&entry.key, operators).map_or_else(
                            || format!("use {}", super::listed(operators)),
                            |near| format!("did you mean `{near}`?"),
                        );
                        let message = format!("`{}` is not an operator that can be used here", entry.key);
                        self.error("operator", &entry.key_span, message, help);
                    }
                    self.check_operators(&entry.value, operators);
                }
            }
            Shape::List(items) => items.iter().for_each(|item| self.check_operators(item, operators)),
            Shape::Null | Shape::Bool(_) | Shape::Number(_) | Shape::Text { .. } | Shape::Broken => {}
        }
    }

    /// Fields and the values that they get.
    pub(super) fn presets(&mut self, node: &Node) -> Option<Map<String, Value>> {
        self.entries(node).map(object)
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
