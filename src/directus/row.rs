//! A written row: which fields it writes.

use super::call::shown;
use super::field::{no_data, own_field};
use super::misread::Misread;
use super::schema::{Collection, FieldKind};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The fields that a row writes.
///
/// # Errors
/// When a value reaches into another collection (an object or a list under a relation), or a field is not the
/// collection's. Directus drops unknown fields without a word; a client that invents one is better told.
pub(crate) fn fields(collection: &Collection, row: &Map<String, Value>) -> Result<BTreeSet<String>, Misread> {
    for (name, value) in row {
        let kind = own_field(collection, name, "data")?;
        let reaches = match kind {
            // A JSON document is a value like any other, whatever keys it has.
            FieldKind::Plain => false,
            FieldKind::ManyToOne { .. } | FieldKind::ManyToAny { .. } => !is_key(value),
            // Even null, false and "" replace all children here (FACTS section 5).
            FieldKind::OneToMany { .. } => true,
            FieldKind::Presentation => return Err(no_data(name)),
        };
        if reaches {
            return Err(Misread::beyond(&format!(
                "writing the relation `{}` of {}",
                shown(name),
                collection.name
            )));
        }
    }
    Ok(row.keys().cloned().collect())
}

/// A value that points to an item, or to none, without being one.
fn is_key(value: &Value) -> bool {
    match value {
        Value::Null | Value::Number(_) => true,
        // Some relations are written as JSON text; a key never looks like that.
        Value::String(text) => !text.trim_start().starts_with(['{', '[']),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}
