//! The content model of the stand-in: what Directus would answer to `GET /collections`, `/fields` and `/relations`.

use crate::directus::SchemaSnapshot;
use crate::directus::schema::{Collection, Field, FieldKind};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The user collections with their items, and the items of system collections.
const CONTENT: &str = include_str!("model.json");

/// The system collections of Directus 12.4.0.
const SYSTEM: &str = include_str!("../directus/schema/system.json");

/// An item: its columns by name.
pub(super) type Row = Map<String, Value>;

/// What collections there are, and what is in them at the start.
#[derive(Debug)]
pub(super) struct Model {
    /// As the gateway reads it from the three lists below.
    pub(super) schema: SchemaSnapshot,
    pub(super) collections: Vec<Value>,
    pub(super) fields: Vec<Value>,
    pub(super) relations: Vec<Value>,
    /// Field names in the order in which Directus returns them.
    order: BTreeMap<String, Vec<String>>,
    pub(super) items: BTreeMap<String, Vec<Row>>,
}

/// Why the stand-in's own content cannot be read; its tests make sure that this does not happen.
#[derive(Debug, thiserror::Error)]
#[error("the content of the stand-in is broken: {0}")]
pub struct ModelError(String);

#[derive(Deserialize)]
struct Content {
    collections: Map<String, Value>,
    relations: Vec<Relation>,
    system_items: BTreeMap<String, Vec<Row>>,
}

#[derive(Deserialize)]
struct OwnCollection {
    #[serde(default)]
    note: Option<String>,
    #[serde(default)]
    hidden: bool,
    fields: Map<String, Value>,
    items: Vec<Row>,
}

#[derive(Deserialize)]
struct OwnField {
    #[serde(rename = "type")]
    type_name: String,
    #[serde(default)]
    key: bool,
    #[serde(default)]
    special: Option<Vec<String>>,
    #[serde(default)]
    note: Option<String>,
    #[serde(default)]
    hidden: bool,
    #[serde(default)]
    readonly: bool,
}

#[derive(Deserialize)]
struct Relation {
    /// Collection, dot, field.
    many: String,
    one: String,
    alias: Option<String>,
    deselect: Option<String>,
    junction: Option<String>,
    on_delete: Option<String>,
}

#[derive(Deserialize)]
struct System {
    collections: Vec<Value>,
    fields: Vec<Value>,
    relations: Vec<Value>,
}

impl Model {
    /// The built-in model.
    pub(super) fn built_in() -> Result<Self, ModelError> {
        let content: Content = serde_json::from_str(CONTENT)?;
        let system: System = serde_json::from_str(SYSTEM)?;
        let (mut collections, mut fields, mut items) = (Vec::new(), Vec::new(), content.system_items);
        for (name, value) in content.collections {
            let own: OwnCollection = serde_json::from_value(value)?;
            collections.push(collection_row(&name, &own));
            for (sort, (field, value)) in own.fields.into_iter().enumerate() {
                fields.push(field_row(&name, &field, sort, &serde_json::from_value(value)?));
            }
            items.insert(name, own.items);
        }
        let mut relations: Vec<Value> = content.relations.iter().map(relation_row).collect();
        collections.extend(system.collections);
        fields.extend(system.fields);
        relations.extend(system.relations);
        let order = order_of(&fields);
        let schema = snapshot(&collections, &fields, &relations)?;
        let mut model = Self { schema, collections, fields, relations, order, items };
        model.complete_items();
        Ok(model)
    }

    pub(super) fn collection(&self, name: &str) -> Option<&Collection> {
        self.schema.collection(name)
    }

    /// The fields of a collection, in the order in which Directus returns them; those without data are left out.
    pub(super) fn fields_of(&self, collection: &str) -> impl Iterator<Item = &Field> {
        let known = self.collection(collection);
        let order = self.order.get(collection).map(Vec::as_slice).unwrap_or_default();
        order
            .iter()
            .filter_map(move |name| known?.fields.get(name))
            .filter(|field| field.kind != FieldKind::Presentation)
    }

    /// The fields of a collection that have a column of their own.
    pub(super) fn columns_of(&self, collection: &str) -> impl Iterator<Item = &Field> {
        self.fields_of(collection).filter(|field| !matches!(field.kind, FieldKind::OneToMany { .. }))
    }

    /// An item has every column of its collection, with null where nothing was said.
    fn complete_items(&mut self) {
        for (collection, mut rows) in std::mem::take(&mut self.items) {
            for row in &mut rows {
                let said = std::mem::take(row);
                let column = |field: &Field| {
                    (field.name.clone(), said.get(&field.name).cloned().unwrap_or(Value::Null))
                };
                *row = self.columns_of(&collection).map(column).collect();
            }
            self.items.insert(collection, rows);
        }
    }
}

impl From<serde_json::Error> for ModelError {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

fn snapshot(
    collections: &[Value],
    fields: &[Value],
    relations: &[Value],
) -> Result<SchemaSnapshot, ModelError> {
    let text = |rows: &[Value]| json!(rows).to_string();
    let read = SchemaSnapshot::from_rest(&text(collections), &text(fields), &text(relations));
    read.map_err(|error| ModelError(error.to_string()))
}

fn order_of(fields: &[Value]) -> BTreeMap<String, Vec<String>> {
    let mut order: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in fields {
        if let (Some(collection), Some(field)) = (text(row, "collection"), text(row, "field")) {
            order.entry(collection.to_owned()).or_default().push(field.to_owned());
        }
    }
    order
}

/// The object with one more member.
pub(super) fn with(mut object: Value, member: &str, value: impl Into<Value>) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.insert(member.to_owned(), value.into());
    }
    object
}

/// A string member of a row.
pub(super) fn text<'a>(row: &'a Value, member: &str) -> Option<&'a str> {
    row.get(member).and_then(Value::as_str)
}

fn collection_row(name: &str, own: &OwnCollection) -> Value {
    json!({
        "collection": name,
        "meta": {
            "collection": name, "icon": null, "note": own.note, "display_template": null, "hidden": own.hidden,
            "singleton": false, "translations": null, "archive_field": null, "sort_field": null, "accountability": "all",
            "group": null, "versioning": false, "status": "active",
        },
        "schema": {"name": name},
    })
}

fn field_row(collection: &str, name: &str, sort: usize, own: &OwnField) -> Value {
    let schema = (own.type_name != "alias").then(|| {
        json!({
            "name": name, "table": collection, "data_type": own.type_name, "default_value": null, "is_nullable": !own.key,
            "is_unique": own.key, "is_primary_key": own.key, "has_auto_increment": own.key,
        })
    });
    json!({
        "collection": collection,
        "field": name,
        "type": own.type_name,
        "schema": schema,
        "meta": {
            "collection": collection, "field": name, "special": own.special, "interface": "input", "options": null,
            "readonly": own.readonly || own.key, "hidden": own.hidden || own.key, "sort": sort + 1, "width": "full",
            "note": own.note, "required": false,
        },
    })
}

fn relation_row(relation: &Relation) -> Value {
    let (collection, field) = relation.many.split_once('.').unwrap_or((&relation.many, ""));
    let on_delete = relation.on_delete.as_deref().unwrap_or("SET NULL");
    json!({
        "collection": collection,
        "field": field,
        "related_collection": relation.one,
        "schema": {
            "table": collection, "column": field, "foreign_key_table": relation.one, "foreign_key_column": "id",
            "on_update": "NO ACTION", "on_delete": on_delete, "constraint_name": null,
        },
        "meta": {
            "many_collection": collection, "many_field": field, "one_collection": relation.one, "one_field": relation.alias,
            "one_collection_field": null, "one_allowed_collections": null, "junction_field": relation.junction,
            "sort_field": null, "one_deselect_action": relation.deselect.as_deref().unwrap_or("nullify"),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directus::schema::Deselect;

    #[test]
    fn the_gateway_reads_the_model_as_directus_means_it() {
        let model = Model::built_in().unwrap();
        let articles = model.collection("articles").unwrap();
        assert_eq!(articles.primary_key.as_deref(), Some("id"));
        assert_eq!(articles.key_type(), Some("integer"));
        assert_eq!(
            articles.fields["cover"].kind,
            FieldKind::ManyToOne { related: "directus_files".to_owned() }
        );
        let reviews = FieldKind::OneToMany {
            sort_field: None,
            related: "reviews".to_owned(),
            field: "article".to_owned(),
            deselect: Deselect::Delete,
        };
        assert_eq!(articles.fields["reviews"].kind, reviews);
        assert!(model.schema.is_junction("articles_tags") && !model.schema.is_junction("articles"));
        assert!(model.collection("directus_users").unwrap().fields.contains_key("token"));
    }

    #[test]
    fn every_item_has_every_column_and_only_those() {
        let model = Model::built_in().unwrap();
        for (collection, rows) in &model.items {
            let columns: Vec<&str> = model.columns_of(collection).map(|field| field.name.as_str()).collect();
            assert!(columns.contains(&"id"), "{collection}");
            for row in rows {
                assert_eq!(row.keys().collect::<Vec<_>>(), columns, "{collection}");
            }
        }
    }
}
