//! What a query says of its places, read by the grammar that Directus has for it and without the engine's own reading.

use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use warrener::directus::schema::FieldKind;
use warrener::directus::{SchemaSnapshot, ToolCall};

/// The names that stand for others, and the places that are looked into from outside.
pub(super) struct Places<'a> {
    schema: &'a SchemaSnapshot,
    /// By place, then by name.
    aliases: BTreeMap<String, BTreeMap<String, String>>,
    /// Where something sorts, filters or counts by what is there, or computes with it.
    pub(super) looked_into: BTreeSet<String>,
}

impl<'a> Places<'a> {
    pub(super) fn of(call: &ToolCall, schema: &'a SchemaSnapshot) -> Self {
        let mut places = Self { schema, aliases: BTreeMap::new(), looked_into: BTreeSet::new() };
        let query = call.arguments.get("query").and_then(Value::as_object);
        if let (Some(target), Some(query)) = (call.target(), query) {
            places.name("", &query.get("alias").cloned().unwrap_or_default());
            let deep = query.get("deep").and_then(Value::as_object).cloned().unwrap_or_default();
            places.names_below("", &deep);
            places.look("", target, &|part| query.get(part).cloned());
            for entry in texts(query.get("fields")) {
                places.field("", target, entry.trim());
            }
            places.look_below("", target, &deep);
        }
        places
    }

    /// The field that a name stands for at a place.
    pub(super) fn meant<'n>(&'n self, via: &str, name: &'n str) -> &'n str {
        self.aliases.get(via).and_then(|names| names.get(name)).map_or(name, String::as_str)
    }

    fn name(&mut self, via: &str, aliases: &Value) {
        for (name, target) in read(aliases).as_object().into_iter().flatten() {
            let target = target.as_str().unwrap_or_default().to_owned();
            self.aliases.entry(via.to_owned()).or_default().insert(name.clone(), target);
        }
    }

    fn names_below(&mut self, via: &str, deep: &Map<String, Value>) {
        if let Some(aliases) = deep.get("_alias") {
            self.name(via, aliases);
        }
        for (segment, below) in deep.iter().filter(|(segment, _)| !segment.starts_with('_')) {
            if let Some(below) = below.as_object() {
                self.names_below(&join(via, segment), below);
            }
        }
    }

    fn look_below(&mut self, via: &str, collection: &str, deep: &Map<String, Value>) {
        for (segment, below) in deep.iter().filter(|(segment, _)| !segment.starts_with('_')) {
            let Some(below) = below.as_object() else { continue };
            for (via, collection) in self.step(via, collection, segment) {
                self.look(&via, &collection, &|part| below.get(&format!("_{part}")).map(read));
                self.look_below(&via, &collection, below);
            }
        }
    }

    /// Everything at one place by which it is sorted, filtered or computed.
    fn look(&mut self, via: &str, collection: &str, part: &dyn Fn(&str) -> Option<Value>) {
        for target in self.aliases.get(via).cloned().unwrap_or_default().into_values() {
            if target.contains('(') {
                self.path(via, collection, &target);
            }
        }
        for entry in texts(part("sort").as_ref()) {
            self.path(via, collection, entry.trim_start_matches('-'));
        }
        for entry in texts(part("groupBy").as_ref()) {
            self.path(via, collection, &entry);
        }
        for fields in part("aggregate").unwrap_or_default().as_object().into_iter().flatten() {
            for entry in texts(Some(fields.1)) {
                self.path(via, collection, &entry);
            }
        }
        self.filter(via, collection, &part("filter").unwrap_or_default());
    }

    /// A path whose end is compared: all on the way is looked into.
    fn path(&mut self, via: &str, collection: &str, path: &str) {
        let (first, rest) = split(path);
        if let Some((name, inside)) = first.strip_suffix(')').and_then(|first| first.split_once('(')) {
            let inside = inside.split(',').next().unwrap_or_default();
            if !name.starts_with('$') {
                // What `count` counts is the last thing in it; another function is of a column there.
                let counted = if name == "count" { format!("{inside}.id") } else { inside.to_owned() };
                return self.path(via, collection, &counted);
            }
        }
        let Some(rest) = rest else { return };
        for (via, collection) in self.step(via, collection, first) {
            self.looked_into.insert(via.clone());
            self.path(&via, &collection, rest);
        }
    }

    fn filter(&mut self, via: &str, collection: &str, filter: &Value) {
        for (key, value) in filter.as_object().into_iter().flatten() {
            let parts = value.as_array().map(Vec::as_slice).unwrap_or_default();
            if ["_and", "_or"].contains(&key.as_str()) {
                for part in parts {
                    self.filter(via, collection, part);
                }
            } else if ["_some", "_none"].contains(&key.as_str()) {
                self.filter(via, collection, value);
            } else if key.contains('(') && !key.starts_with('$') {
                self.path(via, collection, key);
            } else if self.is_of_related(collection, key, value) {
                for (via, collection) in self.step(via, collection, key) {
                    self.looked_into.insert(via.clone());
                    self.filter(&via, &collection, value);
                }
            }
        }
    }

    /// Whether what stands under a key is a filter of what it leads to, and not a comparison of the pointer.
    fn is_of_related(&self, collection: &str, key: &str, value: &Value) -> bool {
        let structure = ["_and", "_or", "_some", "_none"];
        let compares = |key: &String| key.starts_with('_') && !structure.contains(&key.as_str());
        let list = matches!(self.kind(collection, key), Some(FieldKind::OneToMany { .. }));
        list || value.as_object().is_some_and(|value| !value.is_empty() && !value.keys().all(compares))
    }

    /// An entry of `fields`: only a function in it looks into what it leads to.
    fn field(&mut self, via: &str, collection: &str, entry: &str) {
        let (first, rest) = split(entry);
        match rest {
            None => {
                if first.contains('(') {
                    self.path(via, collection, first);
                }
            }
            Some(rest) => {
                let fields = self.schema.collection(collection).map(|collection| &collection.fields);
                let all: Vec<String> = fields.into_iter().flatten().map(|(name, _)| name.clone()).collect();
                let all = if first == "*" { all } else { vec![first.to_owned()] };
                for name in all {
                    for (via, collection) in self.step(via, collection, &name) {
                        self.field(&via, &collection, rest);
                    }
                }
            }
        }
    }

    fn kind(&self, collection: &str, field: &str) -> Option<&'a FieldKind> {
        self.schema.collection(collection)?.fields.get(field).map(|field| &field.kind)
    }

    /// Where a segment leads from a place.
    fn step(&self, via: &str, collection: &str, segment: &str) -> Vec<(String, String)> {
        if let Some(inside) = segment.strip_prefix("$FOLLOW(") {
            let other = inside.split(',').next().unwrap_or_default();
            return vec![(join(via, segment), other.to_owned())];
        }
        let (name, scope) = segment.split_once(':').unwrap_or((segment, ""));
        match self.kind(collection, self.meant(via, name)) {
            Some(FieldKind::ManyToOne { related } | FieldKind::OneToMany { related, .. }) => {
                vec![(join(via, name), related.clone())]
            }
            Some(FieldKind::ManyToAny { allowed, .. }) => allowed
                .iter()
                .filter(|one| scope.is_empty() || scope == one.as_str())
                .map(|one| (join(via, &format!("{name}:{one}")), one.clone()))
                .collect(),
            Some(FieldKind::Plain | FieldKind::Presentation) | None => Vec::new(),
        }
    }
}

/// A path, one step on.
pub(super) fn join(via: &str, segment: &str) -> String {
    if via.is_empty() { segment.to_owned() } else { format!("{via}.{segment}") }
}

/// The first segment of a path, and the rest.
fn split(path: &str) -> (&str, Option<&str>) {
    cut(path, '.').map_or((path, None), |(first, rest)| (first, Some(rest)))
}

/// Cuts at the first such letter that stands in no parentheses.
fn cut(text: &str, at: char) -> Option<(&str, &str)> {
    let is_inside = |before: &str| before.matches('(').count() > before.matches(')').count();
    let (place, _) = text.match_indices(at).find(|(place, _)| !is_inside(text.get(..*place).unwrap()))?;
    Some((text.get(..place)?, text.get(place + 1..)?))
}

/// A list of texts, each of which may hold several with commas between, and a text alone.
fn texts(value: Option<&Value>) -> Vec<String> {
    let list = match value {
        Some(Value::Array(list)) => list.clone(),
        Some(text @ Value::String(_)) => vec![text.clone()],
        Some(_) | None => Vec::new(),
    };
    let mut found = Vec::new();
    for mut text in list.iter().filter_map(Value::as_str) {
        while let Some((first, rest)) = cut(text, ',') {
            found.push(first.trim().to_owned());
            text = rest;
        }
        found.push(text.trim().to_owned());
    }
    found
}

/// Below `deep` an object may be JSON text.
pub(super) fn read(value: &Value) -> Value {
    let text = value.as_str().filter(|text| text.trim_start().starts_with('{'));
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| value.clone())
}
