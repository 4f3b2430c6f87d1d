//! Keeps what clients wrote from steering the terminal that shows it.

use crate::mcp::shown::steers;
use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with every character that a terminal would obey, or that would reorder or hide its neighbours, as `\u{1b}`.
///
/// ```
/// assert_eq!(warrener::audit::escape::escape("\u{1b}[2Jé"), "\\u{1b}[2Jé");
/// ```
pub fn escape(text: &str) -> Cow<'_, str> {
    replace(text, steers, |out, c| write!(out, "\\u{{{:x}}}", u32::from(c)))
}

/// The same where tabs and line breaks are wanted, as in a quoted field.
pub fn escape_lines(text: &str) -> Cow<'_, str> {
    replace(
        text,
        |c| steers(c) && !matches!(c, '\t' | '\r' | '\n'),
        |out, c| write!(out, "\\u{{{:x}}}", u32::from(c)),
    )
}

/// The same for JSON text, in its own spelling, so that it says the same as before. All such characters stand inside
/// strings there.
pub fn escape_json(json: &str) -> Cow<'_, str> {
    replace(
        json,
        |c| steers(c) && c != '\n',
        |out, c| c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(out, "\\u{unit:04x}")),
    )
}

fn replace(
    text: &str,
    bad: impl Fn(char) -> bool,
    write: impl Fn(&mut String, char) -> std::fmt::Result,
) -> Cow<'_, str> {
    if !text.contains(&bad) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        // Writing to a string does not fail; should it, the character is left out rather than shown.
        if bad(c) {
            write(&mut escaped, c).unwrap_or_default();
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_a_terminal_obeys_and_nothing_else() {
        for (text, expected) in [
            ("plain é 🐇 日本", "plain é 🐇 日本"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("a\nb\tc\r\u{0}", "a\\u{a}b\\u{9}c\\u{d}\\u{0}"),
            ("\u{9b}31m\u{7f}", "\\u{9b}31m\\u{7f}"),
            ("txt\u{202e}exe\u{200b}\u{e0041}", "txt\\u{202e}exe\\u{200b}\\u{e0041}"),
        ] {
            assert_eq!(escape(text), expected);
        }
        assert_eq!(escape_lines("a\nb\u{1b}"), "a\nb\\u{1b}");
    }

    #[test]
    fn json_says_the_same_when_escaped() {
        let value = serde_json::json!({"k\u{9b}": "a\u{1b}\u{202e}\u{e0041}\n🐇"});
        let escaped = escape_json(&value.to_string()).into_owned();
        assert!(!escaped.contains(steers), "{escaped}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap(), value);
    }
}
