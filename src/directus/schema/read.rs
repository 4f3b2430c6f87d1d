//! Reading a snapshot: the three answers of Directus' REST interface, or the file of its `schema snapshot`.

use super::{Collection, Deselect, Field, FieldKind, OnDelete, SchemaSnapshot};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The system collections, fields and relations of Directus 12.4.0, which a `schema snapshot` file leaves out.
const SYSTEM: &str = include_str!("system.json");

/// Why a snapshot cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {cause}")]
pub struct SchemaError {
    what: &'static str,
    cause: String,
}

#[derive(Deserialize)]
struct Answers {
    collections: Vec<CollectionRow>,
    fields: Vec<FieldRow>,
    relations: Vec<RelationRow>,
}

#[derive(Deserialize)]
struct CollectionRow {
    collection: String,
    meta: Option<CollectionMeta>,
}

#[derive(Deserialize)]
struct CollectionMeta {
    singleton: Option<Value>,
}

#[derive(Deserialize)]
struct FieldRow {
    collection: String,
    field: String,
    #[serde(rename = "type")]
    type_name: Option<String>,
    schema: Option<FieldSchema>,
    meta: Option<FieldMeta>,
}

#[derive(Deserialize)]
struct FieldMeta {
    special: Option<Value>,
    searchable: Option<Value>,
}

#[derive(Deserialize)]
struct FieldSchema {
    #[serde(default)]
    is_primary_key: bool,
    default_value: Option<Value>,
}

#[derive(Deserialize)]
struct RelationRow {
    collection: String,
    field: String,
    related_collection: Option<String>,
    meta: Option<RelationMeta>,
    schema: Option<RelationSchema>,
}

#[derive(Deserialize)]
struct RelationSchema {
    on_delete: Option<String>,
}

#[derive(Deserialize)]
struct RelationMeta {
    one_field: Option<String>,
    one_deselect_action: Option<String>,
    one_allowed_collections: Option<Value>,
    one_collection_field: Option<String>,
    junction_field: Option<String>,
    sort_field: Option<String>,
}

impl SchemaSnapshot {
    /// Reads what `GET /collections`, `GET /fields` and `GET /relations` answered, with or without the `data` around it.
    ///
    /// # Errors
    /// When one of them is not what Directus answers there.
    pub fn from_rest(collections: &str, fields: &str, relations: &str) -> Result<Self, SchemaError> {
        Ok(build(Answers {
            collections: rows("the answer of GET /collections", collections)?,
            fields: rows("the answer of GET /fields", fields)?,
            relations: rows("the answer of GET /relations", relations)?,
        }))
    }

    /// Reads the file that `directus schema snapshot` writes, as YAML or JSON. Such a file has no system collections, so
    /// those of Directus 12.4.0 are put beside it.
    ///
    /// # Errors
    /// When it is not such a file.
    pub fn from_snapshot(text: &str) -> Result<Self, SchemaError> {
        let what = "the schema snapshot";
        let broken = |cause: String| SchemaError { what, cause };
        let mut system: Answers = serde_json::from_str(SYSTEM).map_err(|error| broken(error.to_string()))?;
        let own: Answers = serde_saphyr::from_str(text).map_err(|error| broken(error.to_string()))?;
        let version = Self::version_in_snapshot(text);
        system.collections.extend(own.collections);
        system.fields.extend(own.fields);
        system.relations.extend(own.relations);
        Ok(build(system).of_version(version))
    }

    /// The version that the file of a `schema snapshot` is of, where it says so.
    pub fn version_in_snapshot(text: &str) -> Option<String> {
        #[derive(Deserialize)]
        struct Head {
            directus: Option<String>,
        }
        serde_saphyr::from_str::<Head>(text).ok()?.directus
    }

    /// The version in the answer of `GET /server/info`, where it has one: it does for whoever has a token.
    pub fn version_in_info(text: &str) -> Option<String> {
        let info: Value = serde_json::from_str(text).ok()?;
        Some(info.get("data")?.get("version")?.as_str()?.to_owned())
    }
}

fn rows<T: for<'de> Deserialize<'de>>(what: &'static str, text: &str) -> Result<Vec<T>, SchemaError> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Wrapped<T> {
        Answer { data: Vec<T> },
        Rows(Vec<T>),
    }
    match serde_json::from_str(text) {
        Ok(Wrapped::Answer { data } | Wrapped::Rows(data)) => Ok(data),
        Err(error) => Err(SchemaError { what, cause: error.to_string() }),
    }
}

fn build(answers: Answers) -> SchemaSnapshot {
    let mut collections: BTreeMap<String, Collection> = BTreeMap::new();
    for row in answers.collections {
        // Directus answers a system collection twice when it has settings of its own: what either says counts.
        let collection = collections.entry(row.collection.clone()).or_default();
        collection.name = row.collection;
        collection.singleton |= row.meta.and_then(|meta| meta.singleton).is_some_and(|flag| truthy(&flag));
    }
    for row in answers.fields {
        if let Some(collection) = collections.get_mut(&row.collection) {
            enter(collection, row);
        }
    }
    for row in answers.relations {
        relate(&mut collections, row);
    }
    SchemaSnapshot::new(collections, None)
}

fn enter(collection: &mut Collection, row: FieldRow) {
    let (special, searchable) = row.meta.map(|meta| (meta.special, meta.searchable)).unwrap_or_default();
    let special = special.as_ref().map(names).unwrap_or_default();
    let has = |word: &str| special.iter().any(|special| special == word);
    let is_key = row.schema.as_ref().is_some_and(|schema| schema.is_primary_key);
    if is_key {
        collection.primary_key = Some(row.field.clone());
    }
    let kind = if row.schema.is_some() { FieldKind::Plain } else { FieldKind::Presentation };
    let default = row.schema.and_then(|schema| schema.default_value).filter(|value| !value.is_null());
    let overwritten_on_create = ["date-created", "user-created", "role-created"].into_iter().any(has);
    let field = Field {
        name: row.field.clone(),
        type_name: row.type_name.unwrap_or_default(),
        kind,
        filled_on_create: is_key || default.is_some() || overwritten_on_create || has("uuid"),
        filled_on_update: ["date-updated", "user-updated", "role-updated"].into_iter().any(has),
        overwritten_on_create,
        default: default.map(|value| value.to_string()),
        searchable: !has("conceal") && searchable.is_none_or(|flag| flag.is_null() || truthy(&flag)),
    };
    collection.fields.insert(row.field, field);
}

/// Enters a relation at both of its ends. Directus goes by relations alone, not by a field's `special`, so this does too.
fn relate(collections: &mut BTreeMap<String, Collection>, row: RelationRow) {
    let meta = row.meta;
    if let Some(many) = collections.get_mut(&row.collection) {
        many.junction |= meta.as_ref().is_some_and(|meta| meta.junction_field.is_some());
        let allowed = meta.as_ref().and_then(|meta| meta.one_allowed_collections.as_ref()).map(names);
        let collection_field = meta.as_ref().and_then(|meta| meta.one_collection_field.clone());
        let field = many.fields.get_mut(&row.field);
        if let Some(field) = field.filter(|field| !is_list(field)) {
            if let Some(related) = &row.related_collection {
                field.kind = FieldKind::ManyToOne { related: related.clone() };
            } else if let (Some(allowed), Some(collection_field)) = (allowed, collection_field) {
                field.kind = FieldKind::ManyToAny { allowed, collection_field };
            }
        }
    }
    let Some(one) = row.related_collection.and_then(|related| collections.get_mut(&related)) else { return };
    let consequence = match row.schema.and_then(|schema| schema.on_delete).as_deref() {
        Some("CASCADE") => Some(Deselect::Delete),
        Some("SET NULL" | "SET DEFAULT") => Some(Deselect::Nullify),
        Some(_) | None => None,
    };
    if let Some(consequence) = consequence {
        one.on_delete.push(OnDelete {
            collection: row.collection.clone(),
            field: row.field.clone(),
            consequence,
        });
    }
    let Some(meta) = meta else { return };
    let Some(one_field) = meta.one_field else { return };
    let deselect = match meta.one_deselect_action.as_deref() {
        Some("delete") => Deselect::Delete,
        Some(_) | None => Deselect::Nullify,
    };
    if let Some(one_side) = one.fields.get_mut(&one_field).filter(|field| !is_list(field)) {
        let (related, field) = (row.collection, row.field);
        one_side.kind = FieldKind::OneToMany { related, field, deselect, sort_field: meta.sort_field };
    }
}

/// A field can be an end of two relations. As the list of one it is the most that it can be: whatever is written to it
/// replaces children, and Directus goes by the first relation that it finds.
fn is_list(field: &Field) -> bool {
    matches!(field.kind, FieldKind::OneToMany { .. })
}

/// SQLite gives a boolean as 0 or 1.
fn truthy(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| value.as_i64().is_some_and(|number| number != 0))
}

/// A list, or the comma-separated string that older versions keep.
fn names(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::String(list) => list.split(',').map(|name| name.trim().to_owned()).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}
