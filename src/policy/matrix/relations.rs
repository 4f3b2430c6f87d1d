//! Calls that reach other collections along relations: a read that follows a path, a write in a write.
//!
//! A call that passes is made to do one thing more, and where that passes too it is followed further. Each collection is entered once in
//! each way, since an access is decided alike wherever it arises.

use super::survey::{At, Place, Survey};
use super::values;
use crate::directus::Action;
use crate::directus::carrier::Step;
use crate::directus::schema::{Collection, FieldKind};
use serde_json::{Map, Value, json};
use std::collections::{BTreeSet, VecDeque};

/// Follows every relation from the calls that pass.
pub(super) fn follow(survey: &mut Survey<'_>) {
    let mut entered = BTreeSet::new();
    let mut places: VecDeque<Place> = std::mem::take(&mut survey.places).into();
    entered.extend(places.iter().map(Place::entry));
    while let Some(place) = places.pop_front() {
        let Some(collection) = survey.schema.collection(&place.collection) else { continue };
        let further = match &place.at {
            At::Path(path) => reads(survey, &place, path, collection),
            At::Row(row) => writes(survey, &place, row, collection),
        };
        for place in further {
            if entered.insert(place.entry()) {
                places.push_back(place);
            }
        }
    }
}

/// How a collection is entered, as far as it makes a difference for what lies behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    /// What is there comes back.
    Selected,
    /// It is only looked into, as backwards along a pointer.
    Compared,
    /// It is written.
    Written,
}

impl Place {
    fn entry(&self) -> (String, Way) {
        let way = match &self.at {
            At::Path(path) if path.iter().any(|segment| segment.starts_with('$')) => Way::Compared,
            At::Path(_) => Way::Selected,
            At::Row(_) => Way::Written,
        };
        (self.collection.clone(), way)
    }
}

/// Along every relation of the collection, and backwards along every pointer to it.
fn reads(survey: &mut Survey<'_>, place: &Place, path: &[String], collection: &Collection) -> Vec<Place> {
    let mut passing = Vec::new();
    let mut ways = ways(survey, collection);
    ways.retain(|(_, name)| survey.sees.may(Action::Read, name));
    for (segment, name) in ways {
        let Some(target) = survey.schema.collection(&name) else { continue };
        let path: Vec<String> = path.iter().cloned().chain([segment]).collect();
        let fields = values::fields(survey, target);
        let mut calls: Vec<_> =
            fields.iter().filter_map(|field| selecting(&place.arguments, &path, field)).collect();
        let conditions = fields.iter().map(|field| json!({ field: { "_nnull": true } })).chain([json!({})]);
        calls.extend(conditions.filter_map(|condition| filtering(&place.arguments, &path, condition)));
        // Where fields are wished for, one call that passes is not enough.
        let wished = survey.wishes.contains_key(&name);
        let mut passes = None;
        for arguments in calls {
            if passes.is_some() && !wished {
                break;
            }
            if survey.ask(place.tool, &arguments) {
                passes = passes.or(Some(arguments));
            }
        }
        passing.extend(passes.map(|arguments| Place {
            tool: place.tool,
            arguments,
            collection: name,
            at: At::Path(path),
        }));
    }
    user(survey, place, collection);
    passing
}

/// Where a path can go on from a collection: the segment, and the collection behind it.
fn ways(survey: &Survey<'_>, collection: &Collection) -> Vec<(String, String)> {
    let mut ways = Vec::new();
    for (name, field) in &collection.fields {
        match &field.kind {
            FieldKind::ManyToOne { related } | FieldKind::OneToMany { related, .. } => {
                ways.push((name.clone(), related.clone()));
            }
            FieldKind::ManyToAny { allowed, .. } => {
                ways.extend(allowed.iter().map(|one| (format!("{name}:{one}"), one.clone())));
            }
            FieldKind::Plain | FieldKind::Presentation => {}
        }
    }
    for other in survey.schema.collections() {
        let points = other.fields.values().filter(
            |field| matches!(&field.kind, FieldKind::ManyToOne { related } if *related == collection.name),
        );
        ways.extend(
            points.map(|field| (format!("$FOLLOW({},{})", other.name, field.name), other.name.clone())),
        );
    }
    ways
}

/// The same call, with the field behind a path among those that come back.
fn selecting(arguments: &Map<String, Value>, path: &[String], field: &str) -> Option<Map<String, Value>> {
    if path.iter().any(|segment| segment.starts_with('$')) {
        return None;
    }
    let mut arguments = arguments.clone();
    let fields = arguments.get_mut("query")?.get_mut("fields")?;
    *fields = json!([path.iter().map(String::as_str).chain([field]).collect::<Vec<_>>().join(".")]);
    Some(arguments)
}

/// The same call, selecting by a condition behind a path.
fn filtering(
    arguments: &Map<String, Value>,
    path: &[String],
    condition: Value,
) -> Option<Map<String, Value>> {
    let filter = path.iter().rev().fold(condition, |inner, segment| json!({ segment: inner }));
    let mut arguments = arguments.clone();
    arguments.get_mut("query")?.as_object_mut()?.insert("filter".to_owned(), filter);
    Some(arguments)
}

/// A value that is compared with one of the current user's reads the user.
fn user(survey: &mut Survey<'_>, place: &Place, collection: &Collection) {
    let At::Path(path) = &place.at else { return };
    let Some(users) = survey.schema.collection("directus_users") else { return };
    let Some(own) = values::fields(survey, collection).into_iter().next_back() else { return };
    for field in values::fields(survey, users) {
        let condition = json!({ &own: { "_eq": format!("$CURRENT_USER.{field}") } });
        if filtering(&place.arguments, path, condition).is_some_and(|call| survey.ask(place.tool, &call)) {
            return;
        }
    }
}

/// Rows in the row: made, changed and taken away along every relation.
fn writes(survey: &mut Survey<'_>, place: &Place, row: &[Step], collection: &Collection) -> Vec<Place> {
    let mut passing = Vec::new();
    for (name, field) in &collection.fields {
        let (targets, pointer): (Vec<&String>, Option<&str>) = match &field.kind {
            FieldKind::ManyToOne { related } => (vec![related], None),
            FieldKind::ManyToAny { allowed, collection_field } => {
                (allowed.iter().collect(), Some(collection_field))
            }
            FieldKind::OneToMany { related, .. } => {
                passing.extend(children(survey, place, row, name, related));
                continue;
            }
            FieldKind::Plain | FieldKind::Presentation => continue,
        };
        for target in targets {
            for inner in one(survey, target) {
                let mut put = vec![(name.as_str(), inner)];
                put.extend(pointer.map(|pointer| (pointer, json!(target))));
                let below = [Step::Key(name.clone())];
                passing.extend(written(survey, place, row, &put, &below, target));
            }
        }
    }
    passing
}

/// A new item, or one that is there.
fn one(survey: &Survey<'_>, name: &str) -> Vec<Value> {
    let Some(target) = survey.schema.collection(name) else { return Vec::new() };
    // A row with a key is made where there is none of that key, so both have to be open.
    if !survey.sees.may(Action::Create, name) {
        return Vec::new();
    }
    let made = values::rows(survey, target, Action::Create).into_iter().map(Value::Object);
    made.chain(keyed(survey, target)).collect()
}

/// Items that are there, as a row names them.
fn keyed(survey: &Survey<'_>, target: &Collection) -> Vec<Value> {
    let Some(primary_key) = &target.primary_key else { return Vec::new() };
    let rows = values::rows(survey, target, Action::Update);
    let keys = values::keys(survey, target);
    let with = |key: &Value, row: &Map<String, Value>| {
        let mut row = row.clone();
        row.insert(primary_key.clone(), key.clone());
        Value::Object(row)
    };
    keys.iter().flat_map(|key| rows.iter().map(move |row| with(key, row))).collect()
}

/// Items of a list.
fn children(survey: &mut Survey<'_>, place: &Place, row: &[Step], name: &str, related: &str) -> Vec<Place> {
    let Some(target) = survey.schema.collection(related) else { return Vec::new() };
    let made = values::rows(survey, target, Action::Create)
        .into_iter()
        .map(|row| (Action::Create, Value::Object(row)));
    let changed = keyed(survey, target).into_iter().map(|row| (Action::Update, row));
    let gone = values::keys(survey, target).into_iter().map(|key| (Action::Delete, key));
    let mut passing = Vec::new();
    for (action, item) in made.chain(changed).chain(gone).collect::<Vec<_>>() {
        if !survey.sees.may(action, related) {
            continue;
        }
        let word = action.as_str();
        let put = [(name, json!({ word: [item] }))];
        let below = [Step::Key(name.to_owned()), Step::Key(word.to_owned()), Step::Index(0)];
        passing
            .extend(written(survey, place, row, &put, &below, related).filter(|_| action != Action::Delete));
    }
    written(survey, place, row, &[(name, json!([]))], &[], related);
    passing
}

/// The same call with more in its row; the place of what was put there, where the call passes.
fn written(
    survey: &mut Survey<'_>,
    place: &Place,
    row: &[Step],
    put: &[(&str, Value)],
    below: &[Step],
    collection: &str,
) -> Option<Place> {
    let mut arguments = Value::Object(place.arguments.clone());
    let there = row.iter().try_fold(&mut arguments, |value, step| match step {
        Step::Key(key) => value.get_mut(key),
        Step::Index(index) => value.get_mut(index),
    });
    let there = there?.as_object_mut()?;
    for (name, value) in put {
        there.insert((*name).to_owned(), value.clone());
    }
    let Value::Object(arguments) = arguments else { return None };
    survey.ask(place.tool, &arguments).then(|| Place {
        tool: place.tool,
        arguments,
        collection: collection.to_owned(),
        at: At::Row([row, below].concat()),
    })
}
