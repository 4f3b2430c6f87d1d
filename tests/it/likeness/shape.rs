//! What a reply looks like, whatever it says: what two servers with different rows can be compared by.

use crate::support::client::Reply;
use serde_json::{Map, Value, json};

/// Members whose value is part of the shape: a client decides by them.
const TELLING: [&str; 8] =
    ["jsonrpc", "id", "type", "code", "isError", "required", "enum", "additionalProperties"];

/// The status of a reply, the kind of its body, and the body's shape.
pub(crate) fn of(reply: &Reply) -> Value {
    let kind = reply.content_type.split(';').next().unwrap_or_default();
    json!({"status": reply.status.as_u16(), "type": kind, "body": shape(&reply.json())})
}

/// Names stay, values become the names of their types; a content part's text is looked into where it is JSON.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => json!("null"),
        Value::Bool(_) => json!("boolean"),
        Value::Number(_) => json!("number"),
        Value::String(_) => json!("string"),
        Value::Array(items) => json!(items.first().map(shape).as_slice()),
        Value::Object(members) => members.iter().map(member).collect::<Map<_, _>>().into(),
    }
}

fn member((name, value): (&String, &Value)) -> (String, Value) {
    let shape = match (name.as_str(), value) {
        ("text", Value::String(text)) => shape(&serde_json::from_str(text).unwrap_or_default()),
        (telling, _) if TELLING.contains(&telling) && !value.is_object() => value.clone(),
        _ => shape(value),
    };
    (name.clone(), shape)
}
