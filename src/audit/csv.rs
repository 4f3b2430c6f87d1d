//! Calls as CSV (RFC 4180).
//!
//! Fields say what the trail says: one that begins with `=`, `+`, `-` or `@` stays as it is, since whatever reads the file to
//! count or to search would be misled by an apostrophe before it. Who opens it in a spreadsheet imports the columns as text.

use super::call::Call;
use super::escape::{escape_json, escape_lines};
use serde_json::Value;
use std::io::{self, Write};

/// Writes the names of the columns: those of the view `calls`, and `accesses`.
///
/// # Errors
///
/// Those of `out`.
pub fn write_head(out: &mut dyn Write) -> io::Result<()> {
    write_line(Call::COLUMNS.into_iter().chain(["accesses"]), out)
}

/// Writes a call as one line; what is no text is in JSON.
///
/// # Errors
///
/// Those of `out`.
pub fn write_call(call: &Call, out: &mut dyn Write) -> io::Result<()> {
    write_line(fields(call)?.iter().map(String::as_str), out)
}

/// Writes one line: a field is quoted where it holds a comma, a quote, a line break, or white space at its ends.
///
/// # Errors
///
/// Those of `out`.
pub fn write_line<'f>(fields: impl IntoIterator<Item = &'f str>, out: &mut dyn Write) -> io::Result<()> {
    for (n, field) in fields.into_iter().enumerate() {
        let field = escape_lines(field);
        let separator = if n == 0 { "" } else { "," };
        if field.contains([',', '"', '\r', '\n']) || field.trim() != field {
            write!(out, "{separator}\"{}\"", field.replace('"', "\"\""))?;
        } else {
            write!(out, "{separator}{field}")?;
        }
    }
    out.write_all(b"\r\n")
}

fn fields(call: &Call) -> Result<Vec<String>, serde_json::Error> {
    let whole = serde_json::to_value(call)?;
    let fields = whole.as_object().into_iter().flat_map(|object| object.values());
    Ok(fields.map(field).collect())
}

fn field(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            escape_json(&value.to_string()).into_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(fields: &[&str]) -> String {
        let mut out = Vec::new();
        write_line(fields.iter().copied(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn csv_is_quoted_where_it_must_be() {
        for (fields, expected) in [
            (["a", "", "é"].as_slice(), "a,,é\r\n"),
            (&["a,b", "\"q\"", "l1\r\nl2"], "\"a,b\",\"\"\"q\"\"\",\"l1\r\nl2\"\r\n"),
            (&[" x", "\u{1b}[m"], "\" x\",\\u{1b}[m\r\n"),
            // A choice, see the module.
            (&["=1+1", "@x"], "=1+1,@x\r\n"),
        ] {
            assert_eq!(csv(fields), expected);
        }
    }
}
