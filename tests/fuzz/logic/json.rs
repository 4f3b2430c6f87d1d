//! The JSON reader.

use super::told;
use serde_json::Value;
use warrener::mcp::json::{MAX_DEPTH, read};

/// What a text is refused for that any other reader takes.
const STRICT: [&str; 4] = [
    "appears twice in one object",
    "`__proto__` is not allowed",
    "so that readers disagree on it",
    "the nesting is deeper",
];

/// What is accepted, an ordinary reader takes with the same value, and it reads the same when it is written anew: not one member of an
/// object is lost on the way, every integer is exact, and the nesting is bounded. What is refused, an ordinary reader refuses too, or
/// there is one of four reasons. An error is a line.
pub fn json(data: &[u8]) {
    let ordinary = serde_json::from_slice::<Value>(data);
    match read(data) {
        Ok(value) => {
            assert_eq!(ordinary.ok().as_ref(), Some(&value));
            let text = value.to_string();
            assert_eq!(read(text.as_bytes()).as_ref(), Ok(&value));
            assert_eq!(read(text.as_bytes()).unwrap().to_string(), text);
            assert_eq!(members(&value), colons(data), "a member is lost");
            bounded(&value, 0);
        }
        Err(error) => {
            let error = error.to_string();
            told::line(&error);
            assert!(error.chars().count() < 300, "{error}");
            if let Ok(value) = ordinary {
                assert!(STRICT.iter().any(|reason| error.contains(reason)), "{error}");
                assert!(
                    !error.contains(STRICT[0]) || members(&value) < colons(data),
                    "no key is there twice: {error}"
                );
            }
        }
    }
}

fn members(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(members).sum(),
        Value::Object(entries) => entries.values().map(|value| 1 + members(value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

/// How many members the text has, told without reading it: each has one colon outside of the strings.
fn colons(text: &[u8]) -> usize {
    let (mut count, mut quoted, mut escaped) = (0, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b':' if !quoted => count += 1,
            _ => {}
        }
    }
    count
}

fn bounded(value: &Value, depth: usize) {
    assert!(depth <= MAX_DEPTH, "{depth} levels");
    match value {
        Value::Number(number) => {
            // From 2^53 on, doubles skip integers.
            assert!(number.as_f64().unwrap().abs() < 9_007_199_254_740_992.0, "{number}");
        }
        Value::Array(items) => items.iter().for_each(|item| bounded(item, depth + 1)),
        Value::Object(entries) => entries.iter().for_each(|(key, value)| {
            assert_ne!(key, "__proto__");
            bounded(value, depth + 1);
        }),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
