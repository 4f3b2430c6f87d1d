//! A schema that is known by what the policies say of it: where none is given, the patterns themselves stand for collections.

use crate::directus::SchemaSnapshot;
use crate::directus::schema::SchemaError;
use crate::policy::PolicySet;
use crate::policy::document::Permission;
use crate::policy::pattern::{CollectionPatterns, Glob, Patterns};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

impl PolicySet {
    /// A schema with Directus' own collections, and one for each pattern that the policies have for others, called like the pattern: it
    /// stands for whatever collection matches that pattern and is not named otherwise. Its fields are those that the policies name.
    ///
    /// It has no relations, so what calls reach along them does not show.
    ///
    /// # Errors
    /// Never, as Directus' own collections are built in.
    pub fn schema_of_patterns(&self) -> Result<SchemaSnapshot, SchemaError> {
        let permissions = || self.roles().flat_map(|role| &role.permissions);
        let forbids = self.roles().flat_map(|role| &role.forbid).chain(&self.guardrails().forbid);
        let lists = permissions().map(|one| &one.collections).chain(forbids.map(|one| &one.collections));
        let mut collections: BTreeSet<String> = lists.flat_map(names).collect();
        let redacts = || self.roles().flat_map(|role| &role.redact).chain(&self.guardrails().redact);
        collections.extend(redacts().map(|pattern| pattern.collection().as_str().to_owned()));
        collections.retain(|name| !name.starts_with("directus_"));
        let mut fields: BTreeSet<String> = permissions().flat_map(|one| globs(&one.fields)).collect();
        fields.extend(permissions().flat_map(spoken_of).map(str::to_owned));
        fields.extend(redacts().map(|pattern| pattern.field().as_str().to_owned()));
        SchemaSnapshot::from_snapshot(&snapshot(&collections, &fields).to_string())
    }
}

fn snapshot(collections: &BTreeSet<String>, fields: &BTreeSet<String>) -> Value {
    let field = |collection: &str, name: &str| match name {
        "id" => json!({
            "collection": collection, "field": "id", "type": "integer", "schema": { "is_primary_key": true },
        }),
        name => json!({ "collection": collection, "field": name, "type": "string", "schema": {} }),
    };
    let fields = collections.iter().flat_map(|collection| {
        let named = fields.iter().map(String::as_str).filter(|name| *name != "id");
        ["id"].into_iter().chain(named).map(move |name| field(collection, name))
    });
    // Whatever has a relation with a junction field is a junction.
    let junction = json!({
        "collection": CollectionPatterns::JUNCTIONS, "field": "id", "meta": { "junction_field": "id" },
    });
    let relations: Vec<Value> =
        collections.contains(CollectionPatterns::JUNCTIONS).then_some(junction).into_iter().collect();
    let rows = collections.iter().map(|name| json!({ "collection": name, "meta": {} }));
    json!({
        "collections": rows.collect::<Vec<_>>(),
        "fields": fields.collect::<Vec<_>>(),
        "relations": relations,
    })
}

fn names(list: &CollectionPatterns) -> Vec<String> {
    let junctions = list.junctions().map(|_| CollectionPatterns::JUNCTIONS.to_owned());
    globs(list.names()).into_iter().chain(junctions).collect()
}

fn globs(list: &Patterns) -> Vec<String> {
    list.included().iter().chain(list.excluded()).map(Glob::as_str).map(str::to_owned).collect()
}

/// The fields that a permission's rules are about.
pub(in crate::policy) fn spoken_of(permission: &Permission) -> Vec<&str> {
    let mut fields = Vec::new();
    for rule in [&permission.filter, &permission.presets].into_iter().flatten() {
        compared(rule, &mut fields);
    }
    fields.extend(permission.validation.iter().flat_map(|one| one.rule.fields()));
    fields
}

fn compared<'r>(rule: &'r Map<String, Value>, fields: &mut Vec<&'r str>) {
    for (key, value) in rule {
        match value {
            Value::Array(parts) if key.starts_with('_') => {
                for part in parts.iter().filter_map(Value::as_object) {
                    compared(part, fields);
                }
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => {
                fields.push(key);
            }
        }
    }
}
