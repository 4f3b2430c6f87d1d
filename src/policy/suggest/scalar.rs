//! Values as YAML that every reader takes for the same: in one line, and in quotes wherever a text is more than a plain word.

use crate::mcp::shown::steers;
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// Words that some reader takes for something else than a text.
const TAKEN: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// A text.
pub(super) fn text(text: &str) -> String {
    let is_word = text.starts_with(|one: char| one.is_ascii_lowercase() || one == '_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
        && !TAKEN.contains(&text);
    if is_word { text.to_owned() } else { quoted(text) }
}

/// A text in quotes; what would steer a terminal is spelled out.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for one in text.chars() {
        match one {
            '"' | '\\' => quoted.extend(['\\', one]),
            '\n' => quoted.push_str("\\n"),
            _ if !steers(one) => quoted.push(one),
            _ => {
                let code = u32::from(one);
                // Writing to a string does not fail.
                let written = if code > 0xffff {
                    write!(quoted, "\\U{code:08x}")
                } else {
                    write!(quoted, "\\u{code:04x}")
                };
                written.unwrap_or_default();
            }
        }
    }
    quoted.push('"');
    quoted
}

/// A list of texts.
pub(super) fn list<I: IntoIterator<Item = S>, S: AsRef<str>>(texts: I) -> String {
    let texts: Vec<String> = texts.into_iter().map(|one| text(one.as_ref())).collect();
    format!("[{}]", texts.join(", "))
}

/// Any value.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(string) => text(string),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(self::value).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(entries) => map(entries),
    }
}

/// An object.
pub(super) fn map(entries: &Map<String, Value>) -> String {
    let entries: Vec<String> =
        entries.iter().map(|(key, one)| format!("{}: {}", text(key), value(one))).collect();
    format!("{{{}}}", entries.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::diagnostic::Source;
    use crate::policy::yaml::{self, Shape};
    use proptest::prelude::*;

    #[test]
    fn a_word_is_bare_and_everything_else_is_quoted() {
        for (from, expected) in [
            ("articles", "articles"),
            ("directus_files", "directus_files"),
            ("_neq", "_neq"),
            ("no", "\"no\""),
            ("*", "\"*\""),
            ("!secret", "\"!secret\""),
            ("$NOW", "\"$NOW\""),
            ("1", "\"1\""),
            ("", "\"\""),
            ("a: b # c", "\"a: b # c\""),
            ("a\"\\\n- id: x", "\"a\\\"\\\\\\n- id: x\""),
            ("\u{1b}[2J\u{202e}\u{e0041}", "\"\\u001b[2J\\u202e\\U000e0041\""),
        ] {
            assert_eq!(text(from), expected);
        }
    }

    fn read(text: &str) -> Option<String> {
        let mut problems = Vec::new();
        let node = yaml::parse(&Source::new("x.yaml", format!("{{a: {text}}}\n")), &mut problems);
        assert_eq!(problems, Vec::new(), "{text}");
        let Shape::Map(mut entries) = node.shape else { return None };
        let Shape::Text { text, .. } = entries.pop()?.value.shape else { return None };
        Some(text)
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(one in "[ -~\\n\\t\\r\\x1b\u{85}\u{202e}\u{2028}é🐇\u{e0041}:#{}\\[\\],&*!|>'\"%@`\\\\]{0,12}") {
            prop_assert_eq!(read(&text(&one)), Some(one.clone()));
            prop_assert_eq!(read(&quoted(&one)), Some(one));
        }
    }
}
