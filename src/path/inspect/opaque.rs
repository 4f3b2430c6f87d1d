//! What tools of others answer: nobody knows its shape, so it is made anew from the members that MCP knows, and blanked by name.

use super::cut::pick;
use crate::directus::result::blank;
use serde_json::{Map, Value};

/// The result without what stands under a hidden name; `None` where MCP does not know its shape.
pub(super) fn result(result: &Value, hidden: &dyn Fn(&str) -> bool) -> Option<Value> {
    let mut known = pick(result, &["content", "structuredContent", "isError"])?;
    if known.get("isError").is_some_and(|flag| *flag != Value::Bool(false)) {
        return None;
    }
    if let Some(structured) = known.get_mut("structuredContent") {
        blank(structured, hidden);
    }
    let parts = known.get_mut("content")?.as_array_mut()?;
    for one in parts {
        *one = Value::Object(part(one, hidden)?);
    }
    Some(Value::Object(known))
}

fn part(part: &Value, hidden: &dyn Fn(&str) -> bool) -> Option<Map<String, Value>> {
    let members: &[&str] = match part.get("type")?.as_str()? {
        "text" => &["type", "text"],
        "image" | "audio" => &["type", "data", "mimeType"],
        "resource_link" => &["type", "uri", "name", "title", "description", "mimeType"],
        "resource" => &["type", "resource"],
        _unknown => return None,
    };
    let mut known = pick(part, members)?;
    if let Some(resource) = known.get_mut("resource") {
        *resource = Value::Object(texts(pick(resource, &["uri", "mimeType", "text", "blob"])?, hidden)?);
        return Some(known);
    }
    texts(known, hidden)
}

/// Every member is a text. Its own name is MCP's, whatever a field may be called.
fn texts(mut members: Map<String, Value>, hidden: &dyn Fn(&str) -> bool) -> Option<Map<String, Value>> {
    for text in members.values_mut() {
        text.as_str()?;
        blank(text, hidden);
    }
    Some(members)
}
