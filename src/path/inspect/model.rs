//! Cutting what the tool `schema` answers to the collections and fields that a role could read.

use crate::policy::Visibility;
use serde_json::{Map, Value};

/// Cuts one copy of the answer; `None` where it is of another shape.
pub(super) fn cut(data: &mut Value, sees: &Visibility<'_>) -> Option<()> {
    let data = data.as_object_mut()?;
    if data.get("collections").is_some_and(Value::is_array) {
        overview(data, sees)
    } else {
        detailed(data, sees)
    }
}

/// The names of all collections, with notes on some of them.
fn overview(data: &mut Map<String, Value>, sees: &Visibility<'_>) -> Option<()> {
    const LISTS: [&str; 2] = ["collections", "collection_folders"];
    if data.keys().any(|key| key != "notes" && !LISTS.contains(&key.as_str())) {
        return None;
    }
    for list in LISTS {
        let Some(names) = data.get_mut(list) else { continue };
        names.as_array_mut()?.retain(|name| name.as_str().is_some_and(|name| sees.reads(name)));
    }
    if let Some(notes) = data.get_mut("notes") {
        notes.as_object_mut()?.retain(|name, _| sees.reads(name));
    }
    Some(())
}

/// Collections with their fields, and what each field leads to.
fn detailed(data: &mut Map<String, Value>, sees: &Visibility<'_>) -> Option<()> {
    data.retain(|collection, _| sees.reads(collection));
    for (collection, fields) in data.iter_mut() {
        let fields = fields.as_object_mut()?;
        fields.retain(|field, _| sees.reads_field(collection, field));
        for field in fields.values_mut() {
            one(field.as_object_mut()?, sees);
        }
    }
    Some(())
}

/// What one field says: where it leads is told as far as the role sees what is there.
fn one(field: &mut Map<String, Value>, sees: &Visibility<'_>) {
    if let Some(relation) = field.get_mut("relation") {
        if let Some(allowed) = relation.get_mut("one_allowed_collections").and_then(Value::as_array_mut) {
            allowed.retain(|name| name.as_str().is_some_and(|name| sees.reads(name)));
        }
        if names_hidden(relation, sees)
            && let Some(relation) = relation.as_object_mut()
        {
            relation.retain(|key, _| key == "type");
        }
    }
    // A document may point to items of a collection, too.
    if field.get("fields").is_some_and(|fields| names_hidden(fields, sees)) {
        field.remove("fields");
    }
}

/// Whether a description names a collection, or a field of one, that the role cannot read.
fn names_hidden(described: &Value, sees: &Visibility<'_>) -> bool {
    let Some(described) = described.as_object() else { return false };
    let named =
        described.get("collection").map(|name| name.get("value").unwrap_or(name)).and_then(Value::as_str);
    let hidden = named.is_some_and(|name| {
        let fields = ["many_field", "junction_field", "one_collection_field", "sort_field"];
        let fields = fields.into_iter().filter_map(|key| described.get(key)).filter_map(Value::as_str);
        !sees.reads(name) || fields.into_iter().any(|field| !sees.reads_field(name, field))
    });
    hidden || described.get("junction").is_some_and(|junction| names_hidden(junction, sees))
}
