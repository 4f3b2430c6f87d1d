//! Reading items: which, in what order, how many, and how much of each.

use super::arguments::Query;
use super::fault::Fault;
use super::filter::{Place, order};
use super::model::{Model, Row};
use super::store::Store;
use crate::directus::schema::FieldKind;
use serde_json::{Map, Value, json};
use std::cmp::Ordering;

/// How many items Directus returns, and updates, where the query has no limit.
const DEFAULT_LIMIT: i64 = 100;

/// What is shown of an item: names, each with what is shown behind it. Nothing behind it means the plain value.
type Selection = Map<String, Value>;

/// One collection, ready to be read.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) model: &'a Model,
    pub(super) store: &'a Store,
    pub(super) collection: &'a str,
}

impl<'a> Reader<'a> {
    /// What the query finds among the items with these keys, or among all.
    pub(super) fn find(&self, query: &Query, keys: Option<&[Value]>) -> Result<Vec<Value>, Fault> {
        // An unknown field is an error even where there is no item to show it of.
        let selection = self.selection(query)?;
        let rows = self.rows(query, keys)?;
        if let Some(counted) = &query.count {
            return Ok(vec![count(counted, &rows)]);
        }
        Ok(window(query, rows).into_iter().map(|row| self.show(row, selection.as_ref())).collect())
    }

    /// The keys of what the query finds.
    pub(super) fn find_keys(&self, query: &Query) -> Result<Vec<Value>, Fault> {
        let rows = window(query, self.rows(query, None)?);
        Ok(rows.into_iter().filter_map(|row| row.get("id").cloned()).collect())
    }

    fn rows(&self, query: &Query, keys: Option<&[Value]>) -> Result<Vec<&'a Row>, Fault> {
        let place = Place { model: self.model, store: self.store, collection: self.collection, path: "" };
        let mut found = Vec::new();
        for row in self.store.rows(self.collection) {
            let named = keys.is_none_or(|keys| row.get("id").is_some_and(|key| keys.contains(key)));
            let filtered =
                query.filter.as_ref().map_or(Ok(true), |filter| place.lets_through(filter, row))?;
            if named && filtered && query.search.as_ref().is_none_or(|text| mentions(row, text)) {
                found.push(row);
            }
        }
        self.sort(&query.sort, found)
    }

    fn sort(&self, by: &[String], mut rows: Vec<&'a Row>) -> Result<Vec<&'a Row>, Fault> {
        // Sorting by the last key first leaves the order of the earlier ones on top.
        for key in by.iter().rev() {
            let (name, descending) = key.strip_prefix('-').map_or((key.as_str(), false), |name| (name, true));
            self.known(self.collection, name, "")?;
            rows.sort_by(|one, other| {
                let order = order(value_of(one, name), value_of(other, name)).unwrap_or(Ordering::Equal);
                if descending { order.reverse() } else { order }
            });
        }
        Ok(rows)
    }

    /// `None` where only keys are asked for: Directus answers those bare to an empty list of fields.
    fn selection(&self, query: &Query) -> Result<Option<Selection>, Fault> {
        let Some(fields) = &query.fields else { return self.select(["*"]).map(Some) };
        let paths = fields.iter().flat_map(|entry| entry.split(',')).map(str::trim);
        if fields.is_empty() { Ok(None) } else { self.select(paths).map(Some) }
    }

    fn select<'p>(&self, paths: impl IntoIterator<Item = &'p str>) -> Result<Selection, Fault> {
        let mut selection = Selection::new();
        for path in paths {
            self.add(&mut selection, self.collection, path, "")?;
        }
        Ok(selection)
    }

    fn add(&self, selection: &mut Selection, collection: &str, path: &str, place: &str) -> Result<(), Fault> {
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        if name == "*" {
            for field in self.model.fields_of(collection) {
                if rest.is_none() || related(&field.kind).is_some() {
                    self.add_named(selection, collection, (&field.name, rest), place)?;
                } else {
                    selection.entry(field.name.as_str()).or_insert_with(|| json!({}));
                }
            }
            return Ok(());
        }
        self.add_named(selection, collection, (name, rest), place)
    }

    fn add_named(
        &self,
        selection: &mut Selection,
        collection: &str,
        path: (&str, Option<&str>),
        place: &str,
    ) -> Result<(), Fault> {
        let (name, rest) = path;
        let kind = self.known(collection, name, place)?;
        let behind = selection.entry(name).or_insert_with(|| json!({}));
        match (rest, related(kind), behind) {
            (Some(rest), Some(related), Value::Object(behind)) => self.add(behind, related, rest, name),
            _ => Ok(()),
        }
    }

    fn known(&self, collection: &str, name: &str, place: &str) -> Result<&'a FieldKind, Fault> {
        let found = self.model.collection(collection).and_then(|collection| collection.fields.get(name));
        found.map(|field| &field.kind).ok_or_else(|| Fault::no_field(name, collection, place))
    }

    fn show(&self, row: &Row, selection: Option<&Selection>) -> Value {
        match selection {
            Some(selection) => self.show_fields(self.collection, row, selection),
            None => value_of(row, "id").clone(),
        }
    }

    fn show_fields(&self, collection: &str, row: &Row, selection: &Selection) -> Value {
        let fields = self.model.collection(collection).map(|collection| &collection.fields);
        let shown = selection.iter().filter_map(|(name, behind)| {
            let field = fields?.get(name)?;
            Some((name.clone(), self.show_field(&field.kind, value_of(row, name), row, behind.as_object()?)))
        });
        Value::Object(shown.collect())
    }

    fn show_field(&self, kind: &FieldKind, value: &Value, row: &Row, behind: &Selection) -> Value {
        match kind {
            FieldKind::ManyToOne { related } if !behind.is_empty() => self
                .store
                .row(related, value)
                .map_or(Value::Null, |row| self.show_fields(related, row, behind)),
            FieldKind::OneToMany { related, field, .. } => {
                let children =
                    self.store.rows(related).iter().filter(|child| child.get(field) == row.get("id"));
                let show = |child: &Row| {
                    if behind.is_empty() {
                        value_of(child, "id").clone()
                    } else {
                        self.show_fields(related, child, behind)
                    }
                };
                children.map(show).collect()
            }
            FieldKind::ManyToOne { .. }
            | FieldKind::ManyToAny { .. }
            | FieldKind::Plain
            | FieldKind::Presentation => value.clone(),
        }
    }
}

fn window<'r>(query: &Query, rows: Vec<&'r Row>) -> Vec<&'r Row> {
    let limit = usize::try_from(query.limit.unwrap_or(DEFAULT_LIMIT)).unwrap_or(usize::MAX);
    let pages = query.page.map_or(0, |page| page.saturating_sub(1));
    let skipped = usize::try_from(query.offset + pages.saturating_mul(limit as u64)).unwrap_or(usize::MAX);
    rows.into_iter().skip(skipped).take(limit).collect()
}

fn related(kind: &FieldKind) -> Option<&str> {
    match kind {
        FieldKind::ManyToOne { related } | FieldKind::OneToMany { related, .. } => Some(related),
        FieldKind::ManyToAny { .. } | FieldKind::Plain | FieldKind::Presentation => None,
    }
}

fn value_of<'r>(row: &'r Row, name: &str) -> &'r Value {
    row.get(name).unwrap_or(&Value::Null)
}

fn mentions(row: &Row, text: &str) -> bool {
    let text = text.to_lowercase();
    row.values().any(|value| value.as_str().is_some_and(|value| value.to_lowercase().contains(&text)))
}

fn count(fields: &[String], rows: &[&Row]) -> Value {
    let of = |field: &str| rows.iter().filter(|row| !value_of(row, field).is_null()).count();
    match fields {
        [all] if all == "*" => json!({"count": rows.len()}),
        fields => {
            json!({"count": fields.iter().map(|field| (field.clone(), of(field).into())).collect::<Map<_, Value>>()})
        }
    }
}
