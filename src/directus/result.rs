//! What Directus answers.

use super::call::Mode;
use super::dialect::Dialect;
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::fmt;

/// What the trail notes of a reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Whether the reply is an error, of the protocol or of the tool.
    pub is_error: bool,
    /// Directus' own code for it, where it gives one.
    pub error_code: Option<String>,
    /// How many items the result holds, where that can be told.
    pub items: Option<u64>,
}

/// Reads a reply to a message. It is skimmed, not built: an answer may be long.
pub fn summarise(reply: &[u8]) -> Summary {
    let error = Summary { is_error: true, ..Summary::default() };
    let Ok(reply) = serde_json::from_slice::<Reply<'_>>(reply) else { return error };
    if let Some(inner) = reply.error {
        return Summary { error_code: inner.code.map(|code| code.to_string()), ..error };
    }
    let Some(result) = reply.result else { return error };
    let text = result.content.first().and_then(|part| part.text.as_deref()).unwrap_or_default();
    if result.is_error {
        let entries: Vec<ErrorEntry<'_>> = serde_json::from_str(text).unwrap_or_default();
        let code = entries.into_iter().next().and_then(|entry| entry.code).map(Cow::into_owned);
        return Summary { error_code: code, ..error };
    }
    // `raw` in the legacy mode, `data` in registry mode (FACTS section 7); the Local MCP answers a bare list.
    let items = if text.starts_with('[') {
        serde_json::from_str::<Count>(text).ok()
    } else {
        serde_json::from_str::<Items>(text).ok().and_then(|items| items.raw.or(items.data))
    };
    Summary { is_error: false, error_code: None, items: items.map(|count| count.0) }
}

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    result: Option<ToolResult<'a>>,
    error: Option<ProtocolError>,
}

#[derive(Deserialize)]
struct ProtocolError {
    code: Option<Value>,
}

#[derive(Deserialize)]
struct ToolResult<'a> {
    #[serde(borrow, default)]
    content: Vec<Part<'a>>,
    #[serde(default, rename = "isError")]
    is_error: bool,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct ErrorEntry<'a> {
    #[serde(borrow)]
    code: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Items {
    raw: Option<Count>,
    data: Option<Count>,
}

/// How many items a value stands for: the length of a list, one for anything else but null.
struct Count(u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Counter)
    }
}

struct Counter;

impl<'de> Visitor<'de> for Counter {
    type Value = Count;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Count, A::Error> {
        let mut count = 0;
        while items.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Count(count))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Count, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Count(1))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Count, E> {
        Ok(Count(1))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Count, E> {
        Ok(Count(1))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Count, E> {
        Ok(Count(1))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Count, E> {
        Ok(Count(1))
    }

    fn visit_str<E>(self, _: &str) -> Result<Count, E> {
        Ok(Count(1))
    }
}

/// The result of a tool that answers one text, as Directus has it (FACTS section 7).
pub fn text_result(dialect: Dialect, mode: Mode, text: &str) -> Value {
    let told = match (dialect, mode) {
        (Dialect::BuiltIn, Mode::Legacy) => json!({ "raw": text }).to_string(),
        (Dialect::BuiltIn, Mode::Registry) => json!({ "data": text }).to_string(),
        (Dialect::Local, _) => text.to_owned(),
    };
    json!({ "content": [{ "type": "text", "text": told }] })
}

/// Changes what a tool result holds, in both of its copies. The result has the [shape](super::answer) of one; `None` where it cannot be
/// changed. Nothing else stays in a copy that is changed.
pub fn change_data(reply: &mut Value, change: &mut dyn FnMut(&mut Value) -> Option<()>) -> Option<()> {
    let result = reply.get_mut("result")?;
    if let Some(structured) = result.get_mut("structuredContent") {
        change(structured.get_mut("data")?)?;
    }
    for part in result.get_mut("content")?.as_array_mut()? {
        let mut inner: Value = serde_json::from_str(part.get("text")?.as_str()?).ok()?;
        let key = if inner.get("raw").is_some() { "raw" } else { "data" };
        let mut data = inner.get_mut(key)?.take();
        change(&mut data)?;
        *part.get_mut("text")? = Value::from(json!({ key: data }).to_string());
    }
    Some(())
}

/// Stands in the place of what may not be read.
const BLANK: &str = "***";

/// Blanks every value that stands under a hidden name, also where JSON stands in a text.
pub fn blank(value: &mut Value, hidden: &dyn Fn(&str) -> bool) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| blank(item, hidden)),
        Value::Object(entries) => {
            for (name, value) in entries.iter_mut() {
                if hidden(name) && !value.is_null() {
                    *value = Value::from(BLANK);
                } else {
                    blank(value, hidden);
                }
            }
        }
        Value::String(text) => {
            if let Some(blanked) = blanked(text, hidden) {
                *text = blanked;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The text without what stands in it under a hidden name; `None` where it can stay as it is.
///
/// JSON is written anew, so that a key that comes twice comes once. Any other text goes altogether where a hidden name stands in it before a
/// colon or an equals sign, and where it may be JSON that this reader cannot read and another one can.
fn blanked(text: &str, hidden: &dyn Fn(&str) -> bool) -> Option<String> {
    if let Ok(mut inner) = serde_json::from_str::<Value>(text) {
        let holds = inner.is_object() || inner.is_array() || inner.is_string();
        blank(&mut inner, hidden);
        return holds.then(|| inner.to_string());
    }
    let start = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    let like_json = start.starts_with(['{', '[']);
    let spelled = like_json && text.contains("\\u");
    (spelled || names_value(text, like_json, hidden)).then(|| BLANK.to_owned())
}

/// Whether a hidden name stands before a colon or an equals sign, or anywhere.
fn names_value(text: &str, anywhere: bool, hidden: &dyn Fn(&str) -> bool) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|letter| !is_part(letter));
        if rest.is_empty() {
            return false;
        }
        let after = rest.trim_start_matches(is_part);
        let word = rest.strip_suffix(after).unwrap_or(rest);
        let mark = after.trim_start_matches(['"', '\'', '`', '\\', ' ', '\t']);
        if hidden(word) && (anywhere || mark.starts_with([':', '='])) {
            return true;
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, is_error: bool) -> Summary {
        let reply = json!({"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": text}], "isError": is_error}});
        summarise(reply.to_string().as_bytes())
    }

    #[test]
    fn items_are_counted_in_both_modes() {
        assert_eq!(of(r#"{"raw":[{"id":1},{"id":2}]}"#, false).items, Some(2));
        assert_eq!(of(r#"{"data":{"id":1},"url":"x"}"#, false).items, Some(1));
        assert_eq!(of(r#"{"raw":"2"}"#, false).items, Some(1));
        assert_eq!(of(r#"{"raw":[]}"#, false).items, Some(0));
        assert_eq!(of(r#"{"raw":null}"#, false).items, None);
        assert_eq!(of("not json", false).items, None);
        assert_eq!(of("[\n  {\"id\": 1},\n  {\"id\": 2}\n]", false).items, Some(2));
    }

    #[test]
    fn errors_keep_their_code() {
        let denied = of(r#"[{"error":"x","code":"FORBIDDEN"}]"#, true);
        assert_eq!((denied.is_error, denied.error_code.as_deref()), (true, Some("FORBIDDEN")));
        assert_eq!(summarise(br#"{"error":{"code":-32601}}"#).error_code.as_deref(), Some("-32601"));
        assert!(summarise(b"{}").is_error);
        assert!(summarise(b"<html>").is_error);
    }

    #[test]
    fn what_stands_under_a_hidden_name_is_blanked() {
        let hidden = |name: &str| name == "ssn" || name == "none";
        for (value, told) in [
            (json!({"ssn": "SECRET", "name": "x"}), json!({"ssn": "***", "name": "x"})),
            (json!([{"a": [{"ssn": {"b": "SECRET"}}]}]), json!([{"a": [{"ssn": "***"}]}])),
            (json!({"none": null}), json!({"none": null})),
            // JSON in a text, however deep.
            (json!({"more": "{\"ssn\":\"SECRET\"}"}), json!({"more": "{\"ssn\":\"***\"}"})),
            (json!("\"{\\\"ssn\\\":\\\"SECRET\\\"}\""), json!("\"{\\\"ssn\\\":\\\"***\\\"}\"")),
            (json!("{\"s\\u0073n\":\"SECRET\"}"), json!("{\"ssn\":\"***\"}")),
            (json!("{\"ssn\":\"SECRET\",\"ssn\":null}"), json!("{\"ssn\":null}")),
            // What only other readers take for JSON.
            (json!("{\"ssn\":\"SECRET\",\"n\":1e999}"), json!("***")),
            (json!("{\"s\\u0073n\":\"SECRET\",\"n\":1e999}"), json!("***")),
            (json!("\u{feff}{\"ssn\":\"SECRET\"}"), json!("***")),
            (json!("{ssn, SECRET}"), json!("***")),
            (json!("[{\"ssn\":\"SECRET\"}"), json!("***")),
            // Text of other kinds.
            (json!("ssn: SECRET"), json!("***")),
            (json!("a=1&ssn=SECRET"), json!("***")),
            (json!("('ssn' = 'SECRET')"), json!("***")),
            (json!("The ssn is kept elsewhere: ask."), json!("The ssn is kept elsewhere: ask.")),
            (json!("{{title}} [draft]"), json!("{{title}} [draft]")),
            (json!("12.50"), json!("12.50")),
            (json!("assn: x"), json!("assn: x")),
        ] {
            let mut blanked = value.clone();
            blank(&mut blanked, &hidden);
            assert_eq!(blanked, told, "{value}");
        }
    }
}
