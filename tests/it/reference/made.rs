//! The objects of a write that are made, found in its data without the engine's own reading.

use super::query::join;
use serde_json::{Map, Value};
use warrener::directus::schema::FieldKind;
use warrener::directus::{SchemaSnapshot, ToolCall};

/// An object that is made.
pub(super) struct Made {
    pub(super) collection: String,
    /// As the access has it.
    pub(super) via: String,
    /// Where it stands in the arguments, as a JSON pointer.
    pub(super) at: String,
    pub(super) values: Map<String, Value>,
    /// Whether there may be one of its key already, which is then updated.
    pub(super) may_be_there: bool,
}

/// Every object that the call makes.
pub(super) fn made(call: &ToolCall, schema: &SchemaSnapshot) -> Vec<Made> {
    let mut rows = Rows { schema, made: Vec::new() };
    let Some(target) = call.target() else { return rows.made };
    let creates = call.arguments.get("action").and_then(Value::as_str) == Some("create");
    let singleton = schema.collection(target).is_some_and(|collection| collection.singleton);
    let data = call.arguments.get("data").cloned().unwrap_or_default();
    let list = match data {
        Value::Array(list) => {
            list.into_iter().enumerate().map(|(n, row)| (format!("/data/{n}"), row)).collect()
        }
        Value::Object(_) => vec![("/data".to_owned(), data)],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for (at, row) in list {
        if let Value::Object(row) = row {
            if creates && !singleton {
                rows.push(target, &row, "", &at, false);
            }
            rows.below(target, &row, "", &at);
        }
    }
    rows.made
}

struct Rows<'a> {
    schema: &'a SchemaSnapshot,
    made: Vec<Made>,
}

impl Rows<'_> {
    fn push(&mut self, collection: &str, row: &Map<String, Value>, via: &str, at: &str, may_be_there: bool) {
        self.made.push(Made {
            collection: collection.to_owned(),
            via: via.to_owned(),
            at: at.to_owned(),
            values: row.clone(),
            may_be_there,
        });
    }

    /// What stands under the relations of a row.
    fn below(&mut self, collection: &str, row: &Map<String, Value>, via: &str, at: &str) {
        let Some(collection) = self.schema.collection(collection) else { return };
        for (name, value) in row {
            let (via, at) = (join(via, name), format!("{at}/{name}"));
            match collection.fields.get(name).map(|field| &field.kind) {
                Some(FieldKind::ManyToOne { related }) => self.upsert(related, value, &via, &at),
                Some(FieldKind::ManyToAny { collection_field, .. }) => {
                    let related = row.get(collection_field).and_then(Value::as_str).unwrap_or_default();
                    self.upsert(related, value, &via, &at);
                }
                Some(FieldKind::OneToMany { related, .. }) => self.list(related, value, &via, &at),
                Some(FieldKind::Plain | FieldKind::Presentation) | None => {}
            }
        }
    }

    fn list(&mut self, related: &str, value: &Value, via: &str, at: &str) {
        for (n, child) in value.as_array().into_iter().flatten().enumerate() {
            self.upsert(related, child, via, &format!("{at}/{n}"));
        }
        for (n, child) in listed(value, "create") {
            let at = format!("{at}/create/{n}");
            self.push(related, child, &join(via, "create"), &at, false);
            self.below(related, child, via, &at);
        }
        for (n, child) in listed(value, "update") {
            self.below(related, child, via, &format!("{at}/update/{n}"));
        }
    }

    /// An object with a key may be there already, and is made otherwise.
    fn upsert(&mut self, related: &str, value: &Value, via: &str, at: &str) {
        let Some(row) = value.as_object() else { return };
        let key = self.schema.collection(related).and_then(|collection| collection.primary_key.as_ref());
        let named = key.is_some_and(|key| row.contains_key(key));
        self.push(related, row, &join(via, "create"), at, named);
        self.below(related, row, via, at);
    }
}

fn listed<'v>(value: &'v Value, kind: &str) -> Vec<(usize, &'v Map<String, Value>)> {
    let list = value.get(kind).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().enumerate().filter_map(|(n, child)| Some((n, child.as_object()?))).collect()
}
