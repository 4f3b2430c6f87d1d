//! Cutting what the tool `schema` answers to the collections and fields that a role could read.
//!
//! It is made anew from what is known of it. Where a relation leads to is told only if the role sees all of it, and a note, a choice or
//! a part of a document only if no word in it is the name of something else.

use super::words::{Ears, Heard};
use crate::policy::Visibility;
use serde_json::{Map, Value};

/// Cuts one copy of the answer; `None` where it is of another shape.
pub(super) fn cut(data: &mut Value, sees: Visibility<'_>) -> Option<()> {
    let model = data.as_object()?;
    let heard = Heard::default();
    let cut = if model.get("collections").is_some_and(Value::is_array) {
        overview(model, sees, &heard)?
    } else {
        detailed(model, sees, &heard)?
    };
    *data = Value::Object(cut);
    Some(())
}

/// The names of all collections, with notes on some of them.
fn overview(model: &Map<String, Value>, sees: Visibility<'_>, heard: &Heard) -> Option<Map<String, Value>> {
    let mut cut = Map::new();
    for (key, value) in model {
        let kept: Value = match key.as_str() {
            "collections" | "collection_folders" => {
                value.as_array()?.iter().filter(|name| is_readable(name, sees)).cloned().collect()
            }
            "notes" => {
                let mut notes = value.as_object()?.clone();
                notes.retain(|name, note| sees.reads(name) && Described::of(name, sees, heard).shows(note));
                Value::Object(notes)
            }
            _unknown => return None,
        };
        cut.insert(key.clone(), kept);
    }
    Some(cut)
}

/// Collections with their fields, and what each field leads to.
fn detailed(model: &Map<String, Value>, sees: Visibility<'_>, heard: &Heard) -> Option<Map<String, Value>> {
    let mut cut = Map::new();
    for (collection, fields) in model.iter().filter(|(collection, _)| sees.reads(collection)) {
        let described = Described::of(collection, sees, heard);
        let mut kept = Map::new();
        for (field, description) in fields.as_object()? {
            if sees.reads_field(collection, field) {
                kept.insert(field.clone(), described.field(description.as_object()?));
            }
        }
        cut.insert(collection.clone(), Value::Object(kept));
    }
    Some(cut)
}

fn is_readable(name: &Value, sees: Visibility<'_>) -> bool {
    name.as_str().is_some_and(|name| sees.reads(name))
}

/// What one collection's description may say.
#[derive(Clone, Copy, Debug)]
struct Described<'a> {
    sees: Visibility<'a>,
    ears: Ears<'a>,
}

/// Directus' types of fields, which name nothing. `any` is what it says where a part of a document has none.
const TYPES: [&str; 29] = [
    "alias",
    "any",
    "bigInteger",
    "binary",
    "boolean",
    "csv",
    "date",
    "dateTime",
    "decimal",
    "float",
    "geometry",
    "geometry.LineString",
    "geometry.MultiLineString",
    "geometry.MultiPoint",
    "geometry.MultiPolygon",
    "geometry.Point",
    "geometry.Polygon",
    "hash",
    "integer",
    "json",
    "number",
    "string",
    "string | number | uuid",
    "text",
    "time",
    "timestamp",
    "unknown",
    "uuid",
    "vector",
];

const RELATIONS: [&str; 4] = ["m2o", "o2m", "m2m", "m2a"];

impl<'a> Described<'a> {
    fn of(collection: &'a str, sees: Visibility<'a>, heard: &'a Heard) -> Self {
        Self { sees, ears: Ears { sees: Some(sees), about: Some(collection), heard } }
    }

    /// Whether a text, or another plain value, names nothing that is hidden.
    fn shows(&self, value: &Value) -> bool {
        match value {
            Value::String(text) => !self.ears.names_hidden(text),
            Value::Bool(_) | Value::Number(_) | Value::Null => true,
            Value::Array(_) | Value::Object(_) => false,
        }
    }

    /// A field, or a part of the document that a field holds.
    fn field(&self, field: &Map<String, Value>) -> Value {
        let mut cut = Map::new();
        for (key, value) in field {
            let kept = match key.as_str() {
                "type" => is_one_of(value, &TYPES).then(|| value.clone()),
                "primary_key" | "required" | "readonly" | "note" => self.shows(value).then(|| value.clone()),
                "interface" => value.as_object().map(|interface| self.interface(interface)),
                "relation" => value.as_object().and_then(|relation| self.relation(relation)),
                "fields" => value.as_object().and_then(|parts| self.parts(parts)),
                // Where a document points to items of a collection, this is which.
                "value" => is_readable(value, self.sees).then(|| value.clone()),
                _unknown => None,
            };
            if let Some(kept) = kept {
                cut.insert(key.clone(), kept);
            }
        }
        Value::Object(cut)
    }

    fn interface(&self, interface: &Map<String, Value>) -> Value {
        let mut cut = Map::new();
        for (key, value) in interface {
            let kept = match (key.as_str(), value) {
                ("type", _) => self.shows(value).then(|| value.clone()),
                ("choices", Value::Array(choices)) => {
                    Some(choices.iter().filter_map(|choice| self.choice(choice)).collect())
                }
                (_unknown, _) => None,
            };
            if let Some(kept) = kept {
                cut.insert(key.clone(), kept);
            }
        }
        Value::Object(cut)
    }

    /// A value that can be chosen, alone or with the text that is shown for it.
    fn choice(&self, choice: &Value) -> Option<Value> {
        let Value::Object(choice) = choice else { return self.shows(choice).then(|| choice.clone()) };
        let known = |key: &str| ["text", "value", "icon", "color"].contains(&key);
        let known: Map<String, Value> = choice
            .iter()
            .filter(|(key, _)| known(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        known.values().all(|value| self.shows(value)).then_some(Value::Object(known))
    }

    /// The parts of a document. One that points to items which the role cannot read says nothing.
    fn parts(&self, parts: &Map<String, Value>) -> Option<Value> {
        let leads_away = |part: &Value| part.get("value").is_some_and(|name| !is_readable(name, self.sees));
        if parts.values().any(leads_away) {
            return None;
        }
        let kept = parts.iter().filter(|(name, _)| !self.ears.names_hidden(name));
        let kept = kept.filter_map(|(name, part)| Some((name.clone(), self.field(part.as_object()?))));
        Some(Value::Object(kept.collect()))
    }

    /// Where a field leads: what of it the role sees, if it sees all of it but the collections to choose from.
    fn relation(&self, relation: &Map<String, Value>) -> Option<Value> {
        let kind = relation.get("type").filter(|kind| is_one_of(kind, &RELATIONS))?;
        let alone = || Value::Object(Map::from_iter([("type".to_owned(), kind.clone())]));
        let mut cut = Map::new();
        for (key, value) in relation {
            let kept = match (key.as_str(), value) {
                ("type", _) => Some(value.clone()),
                ("collection" | "many_field", _) => Some(value.clone()).filter(|_| self.leads_to(relation)),
                ("junction", Value::Object(junction)) => self.leads_to(junction).then(|| value.clone()),
                ("one_allowed_collections", Value::Array(names)) => {
                    Some(names.iter().filter(|name| is_readable(name, self.sees)).cloned().collect())
                }
                (_unknown, _) => None,
            };
            let Some(kept) = kept else { return Some(alone()) };
            cut.insert(key.clone(), kept);
        }
        Some(Value::Object(cut))
    }

    /// Whether the role reads the collection that is named, and every field of it that is.
    fn leads_to(&self, named: &Map<String, Value>) -> bool {
        let Some(collection) = named.get("collection").and_then(Value::as_str) else { return false };
        self.sees.reads(collection)
            && named.iter().all(|(key, value)| match key.as_str() {
                "collection" | "type" | "junction" => true,
                "many_field" | "junction_field" | "one_collection_field" | "sort_field" => {
                    value.as_str().is_some_and(|field| self.sees.reads_field(collection, field))
                }
                _unknown => false,
            })
    }
}

fn is_one_of(value: &Value, words: &[&str]) -> bool {
    value.as_str().is_some_and(|word| words.contains(&word))
}
