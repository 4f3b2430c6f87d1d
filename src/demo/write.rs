//! Writing items, with all that a write does besides: this is where an update deletes.

use super::fault::Fault;
use super::model::{Model, Row};
use super::store::{Store, canonical_key};
use crate::directus::schema::{Deselect, Field, FieldKind};
use serde_json::{Map, Value};

/// When everything happens, so that the same calls have the same results.
const NOW: &str = "2026-11-22T10:00:00.000Z";

/// Who does it.
const USER: &str = "0b1d1f6a-0000-4000-8000-00000000000a";

/// Writes into a store. After a fault the store is to be thrown away.
pub(super) struct Writer<'a> {
    pub(super) model: &'a Model,
    pub(super) store: &'a mut Store,
}

/// The children of one parent, through one of its fields.
#[derive(Clone, Copy)]
struct Children<'a> {
    collection: &'a str,
    /// The field that points back.
    back: &'a str,
    parent: &'a Value,
    deselect: Deselect,
}

impl Writer<'_> {
    /// Creates an item, and says its key.
    pub(super) fn create(&mut self, collection: &str, data: &Row) -> Result<Value, Fault> {
        let model = self.model;
        let key = self.key_for(collection, data)?;
        let mut row = Row::new();
        for field in model.columns_of(collection) {
            let value = match data.get(&field.name) {
                _ if field.name == "id" => key.clone(),
                Some(value) => self.column(field, value)?,
                None => filled(field),
            };
            row.insert(field.name.clone(), value);
        }
        self.store.insert(collection, row);
        self.write_children(collection, &key, data)?;
        Ok(key)
    }

    /// Updates an item. One that is not there is passed over, as Directus does.
    pub(super) fn update(&mut self, collection: &str, key: &Value, data: &Row) -> Result<(), Fault> {
        let model = self.model;
        if self.store.row(collection, key).is_none() {
            return Ok(());
        }
        for field in model.columns_of(collection) {
            if let Some(value) = data.get(&field.name).filter(|_| field.name != "id") {
                let value = self.column(field, value)?;
                if let Some(row) = self.store.row_mut(collection, key) {
                    row.insert(field.name.clone(), value);
                }
            }
        }
        self.write_children(collection, key, data)
    }

    /// Deletes an item, with what the database does to those that point to it.
    pub(super) fn delete(&mut self, collection: &str, key: &Value) {
        let model = self.model;
        for other in model.collection(collection).map(|known| known.on_delete.as_slice()).unwrap_or_default()
        {
            for pointing in self.store.keys_where(&other.collection, &other.field, key) {
                match other.consequence {
                    Deselect::Delete => self.delete(&other.collection, &pointing),
                    Deselect::Nullify => self.point(&other.collection, &pointing, &other.field, Value::Null),
                }
            }
        }
        self.store.remove(collection, key);
    }

    fn key_for(&mut self, collection: &str, data: &Row) -> Result<Value, Fault> {
        let Some(given) = data.get("id").filter(|key| !key.is_null()) else {
            let type_name = self.model.collection(collection).and_then(|collection| collection.key_type());
            return Ok(self.store.new_key(collection, type_name.unwrap_or_default()));
        };
        let key = canonical_key(self.model, collection, given)?;
        match self.store.row(collection, &key) {
            Some(_) => Err(Fault::not_unique(&plain(&key), "id", collection)),
            None => Ok(key),
        }
    }

    /// The value of a column: an item that stands in the place of a pointer is written, and pointed to.
    fn column(&mut self, field: &Field, value: &Value) -> Result<Value, Fault> {
        let FieldKind::ManyToOne { related } = &field.kind else { return Ok(as_type(field, value)) };
        match value {
            Value::Null => Ok(Value::Null),
            Value::Object(item) => self.write_related(related, item),
            pointer @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                let key = canonical_key(self.model, related, pointer).map_err(|_| Fault::foreign_key())?;
                self.store.row(related, &key).map(|_| key).ok_or_else(Fault::foreign_key)
            }
        }
    }

    /// Updates the item where it has the key of one, creates it otherwise, and says its key.
    fn write_related(&mut self, collection: &str, item: &Row) -> Result<Value, Fault> {
        let key = item.get("id").map(|key| canonical_key(self.model, collection, key)).transpose()?;
        match key.filter(|key| self.store.row(collection, key).is_some()) {
            Some(key) => self.update(collection, &key, item).map(|()| key),
            None => self.create(collection, item),
        }
    }

    fn write_children(&mut self, collection: &str, parent: &Value, data: &Row) -> Result<(), Fault> {
        let model = self.model;
        for field in model.fields_of(collection) {
            if let FieldKind::OneToMany { related, field: back, deselect, .. } = &field.kind
                && let Some(value) = data.get(&field.name)
            {
                self.write_list(Children { collection: related, back, parent, deselect: *deselect }, value)?;
            }
        }
        Ok(())
    }

    fn write_list(&mut self, children: Children<'_>, value: &Value) -> Result<(), Fault> {
        match value {
            Value::Array(list) => self.replace(children, list),
            // Directus takes anything empty for an empty list, and an empty list for the wish to have no children.
            Value::Null | Value::Bool(false) => self.replace(children, &[]),
            Value::String(text) if text.is_empty() => self.replace(children, &[]),
            Value::Object(changes) => self.change(children, changes),
            Value::Bool(true) | Value::Number(_) | Value::String(_) => {
                Err(structure("\"value\" must be of type object"))
            }
        }
    }

    /// The list is all the children that there are to be.
    fn replace(&mut self, children: Children<'_>, list: &[Value]) -> Result<(), Fault> {
        let mut kept = Vec::new();
        for child in list {
            kept.push(self.adopt(children, child)?);
        }
        for child in self.store.keys_where(children.collection, children.back, children.parent) {
            if !kept.contains(&child) {
                self.drop_child(children, &child);
            }
        }
        Ok(())
    }

    /// The object says which children are new, changed and gone.
    fn change(&mut self, children: Children<'_>, changes: &Map<String, Value>) -> Result<(), Fault> {
        if let Some(unknown) =
            changes.keys().find(|name| !["create", "update", "delete"].contains(&name.as_str()))
        {
            return Err(structure(&format!("\"{unknown}\" is not allowed")));
        }
        for name in ["create", "update"] {
            for child in listed(changes, name)? {
                self.adopt(children, child)?;
            }
        }
        for child in listed(changes, "delete")? {
            let key = canonical_key(self.model, children.collection, child)?;
            self.drop_child(children, &key);
        }
        Ok(())
    }

    /// Makes a child of what is listed: a new item, a changed one, or one that is only named.
    fn adopt(&mut self, children: Children<'_>, child: &Value) -> Result<Value, Fault> {
        let mut item = match child {
            Value::Object(item) => item.clone(),
            key @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                let key = canonical_key(self.model, children.collection, key)?;
                self.store.row(children.collection, &key).ok_or_else(Fault::forbidden)?;
                Row::from_iter([("id".to_owned(), key)])
            }
        };
        item.insert(children.back.to_owned(), children.parent.clone());
        self.write_related(children.collection, &item)
    }

    fn drop_child(&mut self, children: Children<'_>, key: &Value) {
        match children.deselect {
            Deselect::Delete => self.delete(children.collection, key),
            Deselect::Nullify => self.point(children.collection, key, children.back, Value::Null),
        }
    }

    fn point(&mut self, collection: &str, key: &Value, field: &str, to: Value) {
        if let Some(row) = self.store.row_mut(collection, key) {
            row.insert(field.to_owned(), to);
        }
    }
}

/// What a column holds where a create says nothing.
fn filled(field: &Field) -> Value {
    match field.name.as_str() {
        "user_created" | "uploaded_by" => USER.into(),
        "date_created" | "created_on" | "modified_on" | "uploaded_on" => NOW.into(),
        _ => field.default.as_ref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null),
    }
}

/// SQLite makes numbers of texts that are ones, in a column of numbers, and texts of numbers in a column of texts.
fn as_type(field: &Field, value: &Value) -> Value {
    match (field.type_name.as_str(), value) {
        ("integer", Value::String(text)) => text.parse::<i64>().map_or_else(|_| value.clone(), Value::from),
        ("string" | "text", Value::Number(number)) => number.to_string().into(),
        _ => value.clone(),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn listed<'v>(changes: &'v Map<String, Value>, name: &str) -> Result<&'v [Value], Fault> {
    let Some(value) = changes.get(name) else { return Ok(&[]) };
    value.as_array().map(Vec::as_slice).ok_or_else(|| structure(&format!("\"{name}\" must be an array")))
}

fn structure(what: &str) -> Fault {
    Fault::payload(&format!("Invalid one-to-many update structure: {what}"))
}
