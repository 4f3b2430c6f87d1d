//! The items of the stand-in, in memory.

use super::fault::Fault;
use super::model::{Model, Row};
use serde_json::Value;
use std::collections::BTreeMap;

/// Every item of every collection.
#[derive(Clone, Debug)]
pub(super) struct Store {
    tables: BTreeMap<String, Vec<Row>>,
    /// Every new key is larger than all before it, whether those are still there or not.
    last_key: BTreeMap<String, u64>,
}

impl Store {
    pub(super) fn new(model: &Model) -> Self {
        let largest = |rows: &Vec<Row>| {
            rows.iter().filter_map(|row| row.get("id").and_then(Value::as_u64)).max().unwrap_or(0)
        };
        let last_key = model.items.iter().map(|(name, rows)| (name.clone(), largest(rows))).collect();
        Self { tables: model.items.clone(), last_key }
    }

    /// The items of a collection, in the order of their making.
    pub(super) fn rows(&self, collection: &str) -> &[Row] {
        self.tables.get(collection).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn row(&self, collection: &str, key: &Value) -> Option<&Row> {
        self.rows(collection).iter().find(|row| row.get("id") == Some(key))
    }

    pub(super) fn row_mut(&mut self, collection: &str, key: &Value) -> Option<&mut Row> {
        self.tables.get_mut(collection)?.iter_mut().find(|row| row.get("id") == Some(key))
    }

    pub(super) fn insert(&mut self, collection: &str, row: Row) {
        if let Some(key) = row.get("id").and_then(Value::as_u64) {
            let last = self.last_key.entry(collection.to_owned()).or_default();
            *last = key.max(*last);
        }
        self.tables.entry(collection.to_owned()).or_default().push(row);
    }

    pub(super) fn remove(&mut self, collection: &str, key: &Value) {
        if let Some(rows) = self.tables.get_mut(collection) {
            rows.retain(|row| row.get("id") != Some(key));
        }
    }

    /// The keys of the items whose field has that value.
    pub(super) fn keys_where(&self, collection: &str, field: &str, value: &Value) -> Vec<Value> {
        let matching = self.rows(collection).iter().filter(|row| row.get(field) == Some(value));
        matching.filter_map(|row| row.get("id").cloned()).collect()
    }

    /// A key that no item has had. The same calls get the same keys every time.
    pub(super) fn new_key(&mut self, collection: &str, type_name: &str) -> Value {
        let last = self.last_key.entry(collection.to_owned()).or_default();
        *last += 1;
        if type_name == "uuid" {
            format!("0b1d1f6a-0001-4000-8000-{last:012x}").into()
        } else {
            (*last).into()
        }
    }
}

/// A key as the collection has it: numbers in the form of text are numbers. Directus forbids what cannot be one.
pub(super) fn canonical_key(model: &Model, collection: &str, key: &Value) -> Result<Value, Fault> {
    let type_name =
        model.collection(collection).and_then(|collection| collection.key_type()).unwrap_or_default();
    let canonical = match (type_name, key) {
        ("integer", Value::Number(number)) => number.as_u64().map(Value::from),
        ("integer", Value::String(text)) => text.parse::<u64>().ok().map(Value::from),
        (_, Value::String(text)) => is_uuid(text).then(|| text.to_lowercase().into()),
        _ => None,
    };
    canonical.ok_or_else(Fault::forbidden)
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}
