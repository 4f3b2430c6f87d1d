//! The keys, fields and rows that the plain calls are made with: those that the role's own permissions speak of.

use super::survey::Survey;
use crate::directus::access::Action;
use crate::directus::field::is_path;
use crate::directus::schema::{Collection, Field, FieldKind};
use crate::directus::{Key, key};
use crate::policy::document::Permission;
use crate::policy::validation::Rule;
use serde_json::{Map, Value, json};

/// Most rows that are tried for one validation.
const MOST: usize = 16;

/// The permissions of the role that speak of an action on a collection.
pub(super) fn speaking<'a>(
    survey: &Survey<'a>,
    action: Action,
    collection: &str,
) -> impl Iterator<Item = &'a Permission> {
    let junction = survey.rules.is_junction(collection);
    let collection = collection.to_owned();
    survey.rules.role.permissions.iter().filter(move |permission| {
        permission.actions.contains(&action) && permission.collections.matches(&collection, junction)
    })
}

/// A key of each permission that names some, and one that none names; none where the collection has no key that is understood.
pub(super) fn keys(survey: &Survey<'_>, collection: &Collection) -> Vec<Value> {
    let fits = |value: &Value| key::typed(collection.key_type(), value).is_some();
    let junction = survey.rules.is_junction(&collection.name);
    let own = survey.rules.role.permissions.iter();
    let own = own.filter(|permission| permission.collections.matches(&collection.name, junction));
    let own = own.filter_map(|permission| {
        permission.keys.iter().flatten().map(Key::to_value).find(|value| fits(value))
    });
    let any = [json!(1), json!("00000000-0000-4000-8000-000000000000")];
    let mut keys = Vec::new();
    for value in own.chain(any.into_iter().find(|value| fits(value))) {
        if !keys.contains(&value) {
            keys.push(value);
        }
    }
    keys
}

/// The key, and a field of each permission that the role may read.
pub(super) fn fields(survey: &Survey<'_>, collection: &Collection) -> Vec<String> {
    let readable = speaking(survey, Action::Read, &collection.name).filter_map(|permission| {
        plainest(collection, |name| survey.rules.readable(permission, &collection.name, name))
    });
    distinct(
        collection.primary_key.clone().into_iter().chain(readable).chain(wished(survey, &collection.name)),
    )
}

/// The fields that calls are to name.
fn wished(survey: &Survey<'_>, collection: &str) -> impl Iterator<Item = String> {
    survey.wishes.get(collection).into_iter().flatten().cloned()
}

/// A field that a call can name, a plain one where there is one: a relation would bring others along.
fn plainest(collection: &Collection, is_open: impl Fn(&str) -> bool) -> Option<String> {
    let rank = |field: &&Field| match field.kind {
        FieldKind::Plain => 0,
        FieldKind::ManyToOne { .. } | FieldKind::ManyToAny { .. } => 1,
        FieldKind::OneToMany { .. } | FieldKind::Presentation => 2,
    };
    let open = collection.fields.values().filter(|field| is_open(&field.name) && !is_path(&field.name));
    open.min_by_key(rank).map(|field| field.name.clone())
}

/// Rows without anything, and for each validation rows that meet it.
pub(super) fn rows(survey: &Survey<'_>, collection: &Collection, action: Action) -> Vec<Map<String, Value>> {
    let rules = speaking(survey, action, &collection.name).filter_map(|one| one.validation.as_ref());
    let met = rules.flat_map(|validation| {
        let written = constants(&Value::Object(validation.text.clone()));
        let alternatives = alternatives(&validation.rule);
        alternatives.into_iter().map(move |parts| row(&parts, &written, collection)).collect::<Vec<_>>()
    });
    let plain: Vec<Map<String, Value>> = [Map::new()].into_iter().chain(met).collect();
    let named = wished(survey, &collection.name).filter_map(|name| collection.fields.get(&name));
    let with: Vec<_> =
        named.flat_map(|field| with_field(survey, collection, action, field, &plain)).collect();
    plain.into_iter().chain(with).collect()
}

/// Rows with a field more: what presets would put there, and something that fits it.
fn with_field(
    survey: &Survey<'_>,
    collection: &Collection,
    action: Action,
    field: &Field,
    rows: &[Map<String, Value>],
) -> Vec<Map<String, Value>> {
    let presets = speaking(survey, action, &collection.name).filter_map(|one| one.presets.as_ref());
    let preset = presets.filter_map(|presets| presets.get(&field.name)).cloned();
    let is_key = collection.primary_key.as_ref() == Some(&field.name);
    let fitting = match &field.kind {
        FieldKind::OneToMany { .. } => json!({ "create": [], "update": [], "delete": [] }),
        FieldKind::Plain if is_key && field.type_name == "uuid" => {
            json!("00000000-0000-4000-8000-000000000000")
        }
        FieldKind::Plain if is_key && field.type_name == "string" => json!("a"),
        FieldKind::Plain if is_key => json!(1),
        FieldKind::Plain
        | FieldKind::ManyToOne { .. }
        | FieldKind::ManyToAny { .. }
        | FieldKind::Presentation => Value::Null,
    };
    let values: Vec<Value> = preset.chain([fitting]).collect();
    let with = |row: &Map<String, Value>, value: &Value| {
        let mut row = row.clone();
        row.entry(field.name.clone()).or_insert_with(|| value.clone());
        row
    };
    rows.iter().flat_map(|row| values.iter().map(move |value| with(row, value))).collect()
}

/// A column that each permission lets be changed, whether it is there or would be new.
pub(super) fn columns(survey: &Survey<'_>, collection: &str) -> Vec<String> {
    let there = survey.schema.collection(collection);
    let names = speaking(survey, Action::Update, collection).flat_map(|permission| {
        let there = there.and_then(|there| plainest(there, |name| permission.fields.matches(name)));
        let new = permission.fields.included().first().map(|glob| glob.as_str().replace('*', "new"));
        there.into_iter().chain(new)
    });
    let names = keys_of_columns(survey, collection).chain(names).chain(wished(survey, collection));
    distinct(names.chain(["new_field".to_owned()]))
}

/// The columns that permissions for the data model name by key.
fn keys_of_columns(survey: &Survey<'_>, collection: &str) -> impl Iterator<Item = String> {
    let keys = survey.rules.role.permissions.iter().filter_map(|permission| permission.keys.as_ref());
    let prefix = format!("{collection}.");
    keys.flatten().filter_map(move |key| match key {
        Key::Text(text) => text.strip_prefix(&prefix).map(str::to_owned),
        Key::Number(_) => None,
    })
}

/// What collections would be called that the patterns of the role speak of, and that are not there.
pub(super) fn new_collections(survey: &Survey<'_>) -> Vec<String> {
    let permissions = survey.rules.role.permissions.iter();
    let globs = permissions.flat_map(|permission| permission.collections.names().included());
    distinct(globs.map(|glob| glob.as_str().replace('*', "new")))
        .into_iter()
        .filter(|name| survey.schema.collection(name).is_none())
        .collect()
}

/// A rule as conditions that together meet it, in each way that its `_or` leaves open.
fn alternatives(rule: &Rule) -> Vec<Vec<&Rule>> {
    match rule {
        Rule::Field(..) => vec![vec![rule]],
        Rule::Or(rules) => rules.iter().flat_map(alternatives).take(MOST).collect(),
        Rule::And(rules) => rules.iter().fold(vec![Vec::new()], |ways, rule| {
            let more = alternatives(rule);
            let joined =
                ways.iter().flat_map(|way| more.iter().map(move |also| [way.clone(), also.clone()].concat()));
            joined.take(MOST).collect()
        }),
    }
}

/// A row that meets conditions by the values that the rule itself speaks of; a field that none fits is left out.
fn row(conditions: &[&Rule], written: &[Value], collection: &Collection) -> Map<String, Value> {
    let fields =
        conditions.iter().flat_map(|rule| rule.fields()).filter_map(|name| collection.fields.get(name));
    let fits =
        |field: &Field, value: &Value| conditions.iter().all(|rule| rule.takes(field, value) == Some(true));
    let met = |field: &Field| {
        let value = written.iter().find(|value| fits(field, value))?;
        Some((field.name.clone(), value.clone()))
    };
    fields.filter_map(met).collect()
}

/// The values of a rule's text, their neighbours, and a few more.
fn constants(rule: &Value) -> Vec<Value> {
    let mut values = match rule {
        Value::Object(parts) => parts.values().flat_map(constants).collect(),
        Value::Array(parts) => parts.iter().flat_map(constants).collect(),
        Value::Number(number) => {
            let near =
                number.as_i64().map(|number| [number, number.saturating_add(1), number.saturating_sub(1)]);
            near.map_or_else(|| vec![rule.clone()], |near| near.map(Value::from).to_vec())
        }
        Value::String(text) => vec![rule.clone(), json!(format!("{text}a")), json!(format!("a{text}"))],
        Value::Null | Value::Bool(_) => vec![rule.clone()],
    };
    values.extend([json!("a"), json!(0), json!(1), json!(true), json!(false), json!(""), Value::Null]);
    values
}

fn distinct(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut distinct = Vec::new();
    for name in names {
        if !distinct.contains(&name) {
            distinct.push(name);
        }
    }
    distinct
}
