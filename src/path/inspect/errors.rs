//! Errors, made anew: what Directus says of one may name fields, values and statements that a role may not read.
//!
//! Of an error of the protocol the code and the message stay, of an error of a tool the entries with what is known of them. Each text is
//! kept only if every word in it is one that the role may read; Directus' own code stays.

use super::words::Ears;
use crate::mcp::error::INTERNAL_ERROR;
use serde_json::{Map, Value, json};

/// Stands in the place of a text that is not shown.
const UNTOLD: &str =
    "Directus could not carry out this call. What it says about it names things that this role may not read.";

/// Longest code that is one.
const LONGEST_CODE: usize = 64;

/// The answer anew, if it is an error. The id is that of the answer.
pub(super) fn anew(message: &Value, ears: &Ears<'_>) -> Option<Value> {
    let (member, value) = match (message.get("error"), message.get("result")) {
        (Some(error), None) => ("error", protocol(error, ears)),
        (None, Some(result)) if result.get("isError") == Some(&Value::Bool(true)) => {
            ("result", tool(result, ears))
        }
        (Some(_) | None, Some(_)) | (None, None) => return None,
    };
    Some(json!({ "jsonrpc": "2.0", "id": message.get("id"), member: value }))
}

fn protocol(error: &Value, ears: &Ears<'_>) -> Value {
    let code = error.get("code").and_then(Value::as_i64).unwrap_or(INTERNAL_ERROR);
    json!({ "code": code, "message": told(error.get("message"), ears) })
}

fn tool(result: &Value, ears: &Ears<'_>) -> Value {
    let parts = result.get("content").and_then(Value::as_array).into_iter().flatten();
    let texts = parts.filter_map(|part| part.get("text")?.as_str());
    let content: Vec<Value> =
        texts.map(|text| json!({ "type": "text", "text": entries(text, ears) })).collect();
    json!({ "content": content, "isError": true })
}

/// The text of a tool's error is a list of entries as JSON, in Directus; other tools write plain text.
fn entries(text: &str, ears: &Ears<'_>) -> String {
    let Ok(read) = serde_json::from_str::<Value>(text) else {
        return if ears.may_hear(text) { text.to_owned() } else { UNTOLD.to_owned() };
    };
    match read {
        Value::Array(list) => list.iter().map(|one| entry(one, ears)).collect::<Value>().to_string(),
        // What is written by numbers in it is not any more, once it is written anew.
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
            let text = other.to_string();
            if ears.may_hear(&text) { text } else { UNTOLD.to_owned() }
        }
    }
}

fn entry(entry: &Value, ears: &Ears<'_>) -> Value {
    let mut known = Map::new();
    known.insert("error".to_owned(), told(entry.get("error"), ears));
    if let Some(code) = entry.get("code").and_then(Value::as_str).filter(|code| is_code(code, ears)) {
        known.insert("code".to_owned(), Value::from(code));
    }
    if let Some(Value::Bool(recoverable)) = entry.get("recoverable") {
        known.insert("recoverable".to_owned(), Value::from(*recoverable));
    }
    if let Some(next) = entry.get("next").and_then(|next| next_step(next, ears)) {
        known.insert("next".to_owned(), next);
    }
    Value::Object(known)
}

/// In registry mode Directus says which tool to ask: `search`, with words or with names of tools.
fn next_step(next: &Value, ears: &Ears<'_>) -> Option<Value> {
    let heard = |text: &&Value| text.as_str().is_some_and(|text| ears.may_hear(text));
    let tool = next.get("tool").filter(heard)?;
    let input = next.get("input")?;
    let mut known = Map::new();
    if let Some(query) = input.get("query").filter(heard) {
        known.insert("query".to_owned(), query.clone());
    }
    if let Some(names) = input.get("names").and_then(Value::as_array) {
        known.insert("names".to_owned(), names.iter().filter(heard).cloned().collect());
    }
    Some(json!({ "tool": tool, "input": known }))
}

fn told(text: Option<&Value>, ears: &Ears<'_>) -> Value {
    let text = text.and_then(Value::as_str).filter(|text| ears.may_hear(text));
    Value::from(text.unwrap_or(UNTOLD))
}

/// A code is a word in capitals, or a number of the database's; whatever else stands there is not shown.
fn is_code(code: &str, ears: &Ears<'_>) -> bool {
    let letters = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let is_word = !code.is_empty() && code.len() <= LONGEST_CODE && code.bytes().all(letters);
    is_word && (ears.sees.is_none() || !ears.is_hidden(code))
}
