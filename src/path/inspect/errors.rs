//! Error texts: what Directus says of an error may name fields, values and statements that a role may not read.
//!
//! An answer that begins like a result of Directus' is passed on as it comes. Everything else is an error, or may be one: it is read whole,
//! and each of its texts is kept only if every word in it is one that the role may read. Directus' own code for it stays.

use crate::policy::Visibility;
use serde_json::Value;

/// Stands in the place of a text that is not shown.
const UNTOLD: &str =
    "Directus could not carry out this call. What it says about it names things that this role may not read.";

/// How the answers to tool calls begin that are no errors (FACTS section 7). An error's text is a list.
const RESULTS: [&str; 6] = [
    r#"{"content":[{"type":"text","text":"{\"raw\":"#,
    r#"{"content":[{"type":"text","text":"{\"data\":"#,
    r#"{"structuredContent":{"data":"#,
    r#"{"content":[]"#,
    r#"{"content":[{"type":"image","#,
    r#"{"content":[{"type":"audio","#,
];

/// Bytes of an answer that are looked at to tell whether it is a result.
pub(super) const HEAD: usize = 256;

/// Whether an answer of which this is the beginning is a result and no error.
pub(super) fn is_result(head: &[u8]) -> bool {
    let Ok(head) = std::str::from_utf8(head)
        .or_else(|error| std::str::from_utf8(head.get(..error.valid_up_to()).unwrap_or_default()))
    else {
        return false;
    };
    let Some((before, rest)) = head.split_once(r#""result":"#) else { return false };
    // Nothing but the version and the id may stand before it: an `error` could.
    let plain = !before.contains("error") && before.starts_with('{');
    plain && RESULTS.iter().any(|begin| rest.starts_with(begin))
}

/// Cuts the texts of an error, of the protocol or of a tool, in every copy.
pub(super) fn cut(message: &mut Value, sees: &Visibility<'_>, about: Option<&str>) {
    let told = |text: &str| tells_nothing(text, sees, about);
    if let Some(text) = message.get_mut("error").and_then(|error| error.get_mut("message")) {
        keep(text, &told);
        if let Some(error) = message.get_mut("error").and_then(Value::as_object_mut) {
            error.retain(|key, _| key == "code" || key == "message");
        }
    }
    let Some(result) = message.get_mut("result").and_then(Value::as_object_mut) else { return };
    if result.get("isError") != Some(&Value::Bool(true)) {
        return;
    }
    result.retain(|key, _| key == "isError" || key == "content");
    for part in result.get_mut("content").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(text) = part.get_mut("text") else { continue };
        match text.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok()) {
            Some(mut errors) => {
                entries(&mut errors, &told);
                *text = Value::from(errors.to_string());
            }
            None => keep(text, &told),
        }
    }
}

/// Every text of the error but its code.
fn entries(errors: &mut Value, told: &dyn Fn(&str) -> bool) {
    match errors {
        Value::Array(list) => list.iter_mut().for_each(|entry| entries(entry, told)),
        Value::Object(entry) => {
            for (key, value) in entry.iter_mut() {
                if key != "code" {
                    entries(value, told);
                }
            }
        }
        text @ Value::String(_) => keep(text, told),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn keep(text: &mut Value, told: &dyn Fn(&str) -> bool) {
    if !text.as_str().is_some_and(told) {
        *text = Value::from(UNTOLD);
    }
}

/// Words of Directus' own sentences, which name nothing where they do not stand in quotes.
const SENTENCES: [&str; 20] = [
    "access",
    "action",
    "collection",
    "data",
    "error",
    "field",
    "fields",
    "file",
    "id",
    "item",
    "items",
    "key",
    "keys",
    "name",
    "path",
    "query",
    "type",
    "user",
    "value",
    "values",
];

/// Whether a text names nothing that the role may not read, and is no statement of the database.
fn tells_nothing(text: &str, sees: &Visibility<'_>, about: Option<&str>) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
    let names = |piece: &str| {
        let word = piece.trim_start_matches(|letter| !is_part(letter));
        let is_name = piece.len() > word.len() && piece.starts_with(['"', '\'', '`', '.', '{']);
        (is_name || !SENTENCES.contains(&word)) && sees.hides(word, about)
    };
    // Each piece is a word with the one sign that stands before it.
    let ends = text.char_indices().filter(|(_, letter)| !is_part(*letter)).map(|(at, _)| at);
    let mut starts: Vec<usize> = std::iter::once(0).chain(ends).collect();
    starts.push(text.len());
    let mut pieces = starts.windows(2).filter_map(|pair| text.get(*pair.first()?..*pair.last()?));
    !is_statement(text) && !pieces.any(names)
}

/// A database's own text: it repeats the statement with its values.
fn is_statement(text: &str) -> bool {
    let text = text.to_lowercase();
    let begins =
        ["select ", "insert ", "update ", "delete ", "alter ", "create ", "drop ", "with ", "pragma "];
    let speaks = [
        "sqlite",
        "sqlstate",
        "constraint failed",
        "syntax error",
        "no such column",
        "no such table",
        "violates",
        "duplicate entry",
        " - ",
    ];
    begins.iter().any(|begin| text.starts_with(begin)) || speaks.iter().any(|part| text.contains(part))
}
