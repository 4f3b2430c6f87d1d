//! What Directus answers.

use serde_json::{Map, Value};

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

/// Reads a reply to `tools/call`; what is not one tells nothing.
pub fn summarise(reply: &Value) -> Summary {
    if let Some(error) = reply.get("error") {
        let code = error.get("code").map(Value::to_string);
        return Summary { is_error: true, error_code: code, items: None };
    }
    let Some(result) = reply.get("result") else {
        return Summary { is_error: true, ..Summary::default() };
    };
    let inner = text(result).and_then(|text| serde_json::from_str::<Value>(text).ok());
    if result.get("isError") == Some(&Value::Bool(true)) {
        let code = inner.as_ref().and_then(|list| list.get(0)).and_then(|first| first.get("code"));
        return Summary {
            is_error: true,
            error_code: code.and_then(Value::as_str).map(str::to_owned),
            items: None,
        };
    }
    // `raw` in the legacy mode, `data` in registry mode (FACTS section 7).
    let data = inner.as_ref().and_then(|inner| inner.get("raw").or_else(|| inner.get("data")));
    Summary { is_error: false, error_code: None, items: data.map(count) }
}

/// The tools of a reply to `tools/list`, in place.
pub fn tools_mut(reply: &mut Value) -> Option<&mut Vec<Value>> {
    reply.get_mut("result")?.get_mut("tools")?.as_array_mut()
}

/// The text of a tool result's first part.
pub fn text(result: &Value) -> Option<&str> {
    result.get("content")?.get(0)?.get("text")?.as_str()
}

/// A JSON-RPC reply of the gateway's own.
pub fn reply(id: &Value, result: Value) -> Value {
    let mut object = Map::new();
    object.insert("jsonrpc".to_owned(), Value::from("2.0"));
    object.insert("id".to_owned(), id.clone());
    object.insert("result".to_owned(), result);
    Value::Object(object)
}

fn count(data: &Value) -> u64 {
    match data {
        Value::Array(items) => u64::try_from(items.len()).unwrap_or(u64::MAX),
        Value::Null => 0,
        Value::Object(_) | Value::String(_) | Value::Number(_) | Value::Bool(_) => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(text: &str, is_error: bool) -> Summary {
        summarise(&json!({"result": {"content": [{"type": "text", "text": text}], "isError": is_error}}))
    }

    #[test]
    fn items_are_counted_in_both_modes() {
        assert_eq!(of(r#"{"raw":[{"id":1},{"id":2}]}"#, false).items, Some(2));
        assert_eq!(of(r#"{"data":{"id":1},"url":"x"}"#, false).items, Some(1));
        assert_eq!(of(r#"{"raw":null}"#, false).items, Some(0));
        assert_eq!(of("not json", false).items, None);
    }

    #[test]
    fn errors_keep_their_code() {
        let denied = of(r#"[{"error":"x","code":"FORBIDDEN"}]"#, true);
        assert_eq!((denied.is_error, denied.error_code.as_deref()), (true, Some("FORBIDDEN")));
        assert_eq!(summarise(&json!({"error": {"code": -32601}})).error_code.as_deref(), Some("-32601"));
        assert!(summarise(&json!({})).is_error);
    }
}
