//! A `search`, put as a filter that looks at some of the fields only.
//!
//! Directus 12.4 looks for the term in every field of a text type, with the same comparison that `_icontains` is; for a number, as it
//! writes numbers itself, among the numbers too, and for a UUID among the UUIDs. Concealed fields, and those that are not
//! `searchable`, it passes over.

use super::field::is_path;
use super::schema::{Collection, Field};
use serde_json::{Map, Value, json};

/// Digits of a decimal number that every reader takes for the same one.
const DIGITS: usize = 15;

/// Where JavaScript begins to write a number with an exponent.
const SMALLEST: f64 = 1e-6;

/// The largest integer that JavaScript holds without rounding.
const SAFE: u64 = (1 << 53) - 1;

/// The condition that finds a term in those of a collection's fields that are open; `None` where none of them holds text, so that
/// it does not depend on the term.
pub(crate) fn condition(
    term: &str,
    collection: &Collection,
    is_open: impl Fn(&str) -> bool,
) -> Option<Map<String, Value>> {
    let term = trimmed(term);
    let fields = collection.fields.values().filter(|field| can_be_named(&field.name) && is_open(&field.name));
    let fields: Vec<&Field> = fields.filter(|field| field.searchable).collect();
    if !fields.iter().any(|field| is_text(field)) {
        return None;
    }
    let parts = fields.iter().filter_map(|field| {
        let found = compared(term, field)?;
        Some(json!({ field.name.as_str(): found }))
    });
    Some(Map::from_iter([("_or".to_owned(), parts.collect())]))
}

/// How the term is compared with that field; `None` where it is not.
fn compared(term: &str, field: &Field) -> Option<Value> {
    if is_text(field) {
        return Some(json!({ "_icontains": literal(term) }));
    }
    let equal = |value: Value| json!({ "_eq": value });
    match field.type_name.as_str() {
        "integer" => {
            integer(term).filter(|number| i32::try_from(*number).is_ok()).map(|one| equal(one.into()))
        }
        "bigInteger" => integer(term).map(|one| equal(one.into())),
        "float" | "decimal" => {
            integer(term).map(Value::from).or_else(|| decimal(term).map(Value::from)).map(equal)
        }
        "uuid" => is_uuid(term).then(|| equal(term.into())),
        _ => None,
    }
}

fn is_text(field: &Field) -> bool {
    ["string", "text"].contains(&field.type_name.as_str())
}

/// Whether a filter takes the name for a field, and not for an operator, a path or another name with spaces around it.
fn can_be_named(name: &str) -> bool {
    !is_path(name) && !name.starts_with('_') && name.trim() == name
}

/// Without the white space around it, as JavaScript sees that. White space alone is searched for as it is.
fn trimmed(term: &str) -> &str {
    let blank = |letter: char| letter == '\u{feff}' || (letter.is_whitespace() && letter != '\u{85}');
    match term.trim_matches(blank) {
        "" => term,
        trimmed => trimmed,
    }
}

/// The term as a value that stands for itself. Directus reads `$NOW`, `$CURRENT_USER.token`, `true` and `null` in a filter, but in
/// no other case than these; `_icontains` does not go by the case.
fn literal(term: &str) -> String {
    match term {
        "true" | "false" => term.to_ascii_uppercase(),
        // Both are null there, and nothing between them is.
        "null" | "NULL" => "Null".to_owned(),
        term if term.contains('$') => term.to_ascii_lowercase(),
        term => term.to_owned(),
    }
}

/// An integer in its one form.
fn integer(term: &str) -> Option<i64> {
    let number: i64 = term.parse().ok()?;
    (number.unsigned_abs() <= SAFE && number.to_string() == term).then_some(number)
}

/// A decimal number in its one form.
fn decimal(term: &str) -> Option<f64> {
    let number: f64 = term.parse().ok()?;
    let digits = term.chars().filter(char::is_ascii_digit).count();
    let is_plain = digits <= DIGITS && number.abs() >= SMALLEST;
    (is_plain && number.to_string() == term).then_some(number)
}

fn is_uuid(term: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let groups: Vec<&str> = term.split('-').collect();
    groups.len() == lengths.len()
        && groups.iter().zip(lengths).all(|(group, length)| {
            group.len() == length && group.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
}
