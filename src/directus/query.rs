//! The `query` argument: which fields it names, and how much it selects.

use super::access::{Access, Action, Extent, Fields, Origin};
use super::arguments::{object, only};
use super::field::{column, no_data, own_field};
use super::misread::Misread;
use super::schema::{Collection, FieldKind, SchemaSnapshot};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Rows that Directus returns, or changes, where no limit is given.
pub(crate) const DEFAULT_LIMIT: u64 = 100;

/// Parts of a query that can reach other collections, or fields under other names.
const BEYOND: [&str; 7] = ["alias", "deep", "aggregate", "groupBy", "search", "version", "versionRaw"];

/// Everything that a query may say.
const KNOWN: [&str; 13] = [
    "fields",
    "sort",
    "filter",
    "limit",
    "offset",
    "page",
    "backlink",
    "alias",
    "deep",
    "aggregate",
    "groupBy",
    "search",
    "version",
];

/// What a query says of the collection that it is put to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    /// What `fields` selects; all by wildcard where it says nothing.
    selected: Fields,
    /// Whether `fields` is there, and empty: then only keys come back.
    keys_only: bool,
    /// Named by `sort` or `filter`.
    compared: BTreeSet<String>,
    /// As Directus will apply it; `None` for no limit.
    limit: Option<u64>,
    /// Whether the query gives it.
    said: bool,
    /// Whether there is a filter, and one that Directus does not take for none.
    filtered: bool,
}

impl Query {
    /// Reads the query that is put to a collection; no query at all is the empty one.
    ///
    /// Directus drops unknown keys without a word, so that `filters` selects every row; here they are refused.
    ///
    /// # Errors
    /// When it says anything that this version does not follow.
    pub(crate) fn read(query: Option<&Map<String, Value>>, collection: &Collection) -> Result<Self, Misread> {
        let mut read = Self { selected: Fields::all(), limit: Some(DEFAULT_LIMIT), ..Self::default() };
        let Some(query) = query else { return Ok(read) };
        if let Some(part) = BEYOND.into_iter().find(|part| query.contains_key(*part)) {
            return Err(Misread::beyond(&format!("`{part}` in the query")));
        }
        only(query, "query", &KNOWN)?;
        if let Some(fields) = query.get("fields") {
            read.select(collection, fields)?;
        }
        if let Some(sort) = query.get("sort") {
            read.sort(collection, sort)?;
        }
        if let Some(filter) = query.get("filter") {
            read.filtered = super::filter::read(collection, object(filter, "filter")?, &mut read.compared)?;
        }
        if let Some(limit) = query.get("limit") {
            let limit = limit.as_i64().ok_or_else(|| Misread::because("`limit` is not an integer"))?;
            // Any negative limit is none (FACTS section 4).
            read.limit = u64::try_from(limit).ok();
            read.said = true;
        }
        for part in ["offset", "page"] {
            if query.get(part).is_some_and(|value| value.as_u64().is_none()) {
                return Err(Misread::because(format!("`{part}` is not an integer of at least 0")));
            }
        }
        if query.get("backlink").is_some_and(|value| !value.is_boolean()) {
            return Err(Misread::because("`backlink` is neither true nor false"));
        }
        Ok(read)
    }

    /// Which rows a read or an update by query is about.
    pub(crate) fn extent(&self) -> Extent {
        match (self.limit, self.filtered) {
            (None, false) => Extent::All,
            (limit, filtered) => Extent::Query { limit, said: self.said, filtered },
        }
    }

    /// The accesses of a read with this query.
    pub(crate) fn reads(
        &self,
        collection: &Collection,
        extent: Extent,
        schema: &SchemaSnapshot,
    ) -> Vec<Access> {
        let mut fields = self.fields();
        if self.keys_only {
            fields.named.extend(collection.primary_key.clone());
        }
        let mut accesses = vec![Access::asked(Action::Read, &collection.name, fields, extent)];
        accesses.extend(self.children(collection, schema));
        accesses
    }

    /// The accesses of reading written rows back with this query.
    ///
    /// A read-back that names no field comes along by itself, so a projection may cut it down to nothing; the key of a
    /// written row is readable to its writer.
    pub(crate) fn read_back(
        &self,
        collection: &Collection,
        extent: Extent,
        schema: &SchemaSnapshot,
    ) -> Vec<Access> {
        let mut fields = self.fields();
        let key = collection.primary_key.as_deref();
        if !self.compared.iter().any(|name| Some(name.as_str()) == key) {
            fields.named.retain(|name| Some(name.as_str()) != key);
        }
        let origin = match (fields.named.is_empty(), fields.wildcard) {
            (false, _) => Origin::Asked,
            (true, true) => Origin::Expanded,
            (true, false) => {
                let keys = Fields::named(key);
                return vec![
                    Access::asked(Action::Read, &collection.name, keys, extent).with_origin(Origin::Included),
                ];
            }
        };
        let mut accesses =
            vec![Access::asked(Action::Read, &collection.name, fields, extent).with_origin(origin)];
        accesses.extend(self.children(collection, schema));
        accesses
    }

    fn fields(&self) -> Fields {
        let mut fields = self.selected.clone();
        fields.named.extend(self.compared.iter().cloned());
        fields
    }

    /// A one-to-many field brings the keys of its children: asked where it is named, expanded where a wildcard does.
    fn children(&self, collection: &Collection, schema: &SchemaSnapshot) -> Vec<Access> {
        let child = |name: &String, kind: &FieldKind| {
            let FieldKind::OneToMany { related, .. } = kind else { return None };
            let named = self.selected.named.contains(name);
            let origin = if named { Origin::Asked } else { Origin::Expanded };
            let key = schema.collection(related).and_then(|related| related.primary_key.clone());
            let extent = Extent::Query { limit: Some(DEFAULT_LIMIT), said: false, filtered: false };
            (named || self.selected.wildcard).then(|| {
                Access::asked(Action::Read, related, Fields::named(key), extent)
                    .with_origin(origin)
                    .with_via(name)
            })
        };
        collection.fields.iter().filter_map(|(name, field)| child(name, &field.kind)).collect()
    }

    fn select(&mut self, collection: &Collection, fields: &Value) -> Result<(), Misread> {
        let list = texts(fields, "fields")?;
        self.selected = Fields::none();
        self.keys_only = list.is_empty();
        // Directus splits an entry at its commas, and trims what it gets.
        for name in list.iter().flat_map(|entry| entry.split(',')).map(str::trim) {
            if name == "*" {
                self.selected.wildcard = true;
                continue;
            }
            match own_field(collection, name, "fields")? {
                FieldKind::Plain
                | FieldKind::ManyToOne { .. }
                | FieldKind::ManyToAny { .. }
                | FieldKind::OneToMany { .. } => self.selected.named.insert(name.to_owned()),
                FieldKind::Presentation => return Err(no_data(name)),
            };
        }
        Ok(())
    }

    fn sort(&mut self, collection: &Collection, sort: &Value) -> Result<(), Misread> {
        for entry in texts(sort, "sort")? {
            let name = entry.strip_prefix('-').unwrap_or(entry);
            self.compared.insert(column(collection, name, "sort")?);
        }
        Ok(())
    }
}

fn texts<'a>(value: &'a Value, name: &str) -> Result<Vec<&'a str>, Misread> {
    let list = value.as_array().ok_or_else(|| Misread::because(format!("`{name}` is not a list")))?;
    let text = |value: &'a Value| {
        value.as_str().ok_or_else(|| Misread::because(format!("`{name}` holds something that is not a text")))
    };
    list.iter().map(text).collect()
}
