//! What a query reads: the collection that it is put to, and every one that it reaches from there.
//!
//! A query is followed as a set of *places*, one for each path along relations. Whatever the query says at a place, in `fields`,
//! `sort`, `filter`, `deep` or an alias, is gathered there, and makes one access.

mod compare;
mod deep;
mod fields;
mod path;
mod place;

use super::access::{Access, Action, Extent, Fields, Origin};
use super::arguments::{object, only};
use super::carrier::{Carrier, Reach};
use super::misread::Misread;
use super::schema::{Collection, SchemaSnapshot};
use place::{Listed, Place, Shown};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Rows that Directus returns, or changes, where no limit is given.
pub(crate) const DEFAULT_LIMIT: u64 = 100;

/// Most places that one query may reach.
const MOST: usize = 500;

/// Everything that a query may say.
const KNOWN: [&str; 14] = [
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
    "versionRaw",
];

/// A query, followed to wherever it reaches.
#[derive(Clone, Debug)]
pub(crate) struct Query<'a> {
    schema: &'a SchemaSnapshot,
    /// By path; the root's is empty.
    places: BTreeMap<String, Place<'a>>,
    /// Reads that stand beside the tree, such as those of a version or of the current user.
    beside: Vec<Access>,
    /// Whether `fields` is there, and empty: then only keys come back.
    keys_only: bool,
}

impl<'a> Query<'a> {
    /// Reads the query that is put to a collection; no query at all is the empty one.
    ///
    /// Directus drops unknown keys without a word, so that `filters` selects every row; here they are refused.
    ///
    /// # Errors
    /// When it cannot be told what it reads.
    pub(crate) fn read(
        query: Option<&Map<String, Value>>,
        collection: &'a Collection,
        schema: &'a SchemaSnapshot,
    ) -> Result<Self, Misread> {
        let root = Place::new(collection, Shown::Root);
        let places = BTreeMap::from([(String::new(), root)]);
        let mut read = Self { schema, places, beside: Vec::new(), keys_only: false };
        let empty = Map::new();
        let query = query.unwrap_or(&empty);
        only(query, "query", &KNOWN)?;
        // Aliases say what a name means, so they come before everything that names something.
        if let Some(alias) = query.get("alias") {
            read.alias("", alias)?;
        }
        if let Some(deep) = query.get("deep") {
            read.deep("", object(deep, "deep")?, 0)?;
        }
        read.at("", query)?;
        read.rest(query)?;
        match query.get("fields") {
            Some(fields) => read.select_all(fields)?,
            None if read.place("")?.aggregated => {}
            None => read.select("", "*", false)?,
        }
        Ok(read)
    }

    /// Which rows a read or an update by query is about.
    pub(crate) fn extent(&self) -> Extent {
        self.places.get("").map_or(Extent::All, |root| match (root.limit, root.filtered) {
            (None, false) => Extent::All,
            (limit, filtered) => Extent::Query { limit, said: root.said, filtered },
        })
    }

    /// The accesses of a read with this query.
    pub(crate) fn reads(&self, extent: &Extent) -> Vec<Access> {
        self.accesses(extent, false)
    }

    /// The accesses of reading written rows back with this query.
    ///
    /// A read-back that names no field comes along by itself, so a projection may cut it down to nothing; the key of a written
    /// row is readable to its writer.
    ///
    /// # Errors
    /// When it asks for sums, groups or a version, which nobody has seen come back from a write.
    pub(crate) fn read_back(&self, extent: &Extent) -> Result<Vec<Access>, Misread> {
        if self.place("")?.aggregated || !self.beside.iter().all(|access| access.via != "version") {
            return Err(Misread::because(
                "a write is not read back with `aggregate`, `groupBy` or `version`",
            ));
        }
        Ok(self.accesses(extent, true))
    }

    fn accesses(&self, extent: &Extent, of_a_write: bool) -> Vec<Access> {
        let mut accesses = Vec::new();
        for (via, place) in &self.places {
            let mut fields = place.fields();
            let key = place.collection.primary_key.clone();
            if via.is_empty() {
                if self.keys_only {
                    fields.named.extend(key.clone());
                }
                let origin = if of_a_write { written(&mut fields, place, key) } else { Origin::Asked };
                let access = Access::asked(Action::Read, &place.collection.name, fields, extent.clone());
                let versioned = self.beside.iter().any(|access| access.via == "version");
                let reach = if versioned { Reach::Versioned } else { Reach::All };
                accesses.push(access.with_origin(origin).carried(Carrier::Place(reach)));
            } else {
                let origin = if place.expanded { Origin::Expanded } else { Origin::Asked };
                let access = Access::asked(Action::Read, &place.collection.name, fields, place.extent());
                let carrier = Carrier::Place(self.reach(place));
                accesses.push(access.with_origin(origin).with_via(via).carried(carrier));
            }
        }
        accesses.extend(self.beside.iter().cloned());
        accesses
    }

    /// Whether a filter at a place below the root applies to all that is read there.
    fn reach(&self, place: &Place<'_>) -> Reach {
        let same = |other: &&Place<'_>| other.from.is_some() && other.from == place.from;
        if place.looked_into {
            Reach::LookedInto
        } else if self.places.values().filter(same).count() > 1 {
            Reach::Doubled
        } else if place.shown == Shown::One {
            Reach::ToOne
        } else {
            Reach::All
        }
    }

    /// The `fields` that ask for the same, with wildcards spelled out where `spelled` has a list for their place, and without the
    /// places in `dropped`.
    pub(crate) fn spelled_out(
        &self,
        spelled: &BTreeMap<String, Vec<String>>,
        dropped: &BTreeSet<String>,
    ) -> Vec<String> {
        let mut entries = Listed::default();
        for (via, place) in &self.places {
            if dropped.iter().any(|gone| {
                via == gone || via.strip_prefix(gone.as_str()).is_some_and(|rest| rest.starts_with('.'))
            }) {
                continue;
            }
            let wildcard: Vec<&str> = match (place.selected.wildcard, spelled.get(via)) {
                (false, _) => Vec::new(),
                // A wildcard brings every alias along.
                (true, Some(list)) => list.iter().chain(place.aliases.keys()).map(String::as_str).collect(),
                (true, None) => vec!["*"],
            };
            let named = place.entries.iter().filter(|entry| !dropped.contains(&place::join(via, entry)));
            for entry in wildcard.into_iter().chain(named) {
                entries.add(place::join(via, entry));
            }
        }
        entries.into_order()
    }

    /// What stands at the root only.
    fn rest(&mut self, query: &Map<String, Value>) -> Result<(), Misread> {
        if query.get("backlink").is_some_and(|value| !value.is_boolean()) {
            return Err(Misread::because("`backlink` is neither true nor false"));
        }
        let version = query.get("version");
        if version.is_some_and(|value| !value.is_string())
            || query.get("versionRaw").is_some_and(|value| !value.is_boolean())
        {
            return Err(Misread::because("`version` is not a text, or `versionRaw` neither true nor false"));
        }
        if version.is_some() || query.contains_key("versionRaw") {
            // A version holds any field of the item, and comes before what is published.
            let extent = Extent::Children(1);
            let delta = Access::asked(Action::Read, "directus_versions", Fields::named(["delta"]), extent);
            self.beside.push(delta.with_via("version"));
            self.place_mut("")?.compare_all();
        }
        Ok(())
    }

    fn place(&self, via: &str) -> Result<&Place<'a>, Misread> {
        self.places.get(via).ok_or_else(|| Misread::because("the query leads nowhere"))
    }

    fn place_mut(&mut self, via: &str) -> Result<&mut Place<'a>, Misread> {
        self.places.get_mut(via).ok_or_else(|| Misread::because("the query leads nowhere"))
    }
}

/// Why a rule could not be put into a query of that collection; nothing where Directus selects by it.
pub(crate) fn unfit(
    rule: &Map<String, Value>,
    collection: &Collection,
    schema: &SchemaSnapshot,
) -> Option<Misread> {
    let query = Map::from_iter([
        ("fields".to_owned(), Value::Array(Vec::new())),
        ("filter".to_owned(), Value::Object(rule.clone())),
    ]);
    match Query::read(Some(&query), collection, schema).map(|query| query.extent()) {
        Ok(Extent::Query { filtered: true, .. }) => None,
        Ok(_) => Some(Misread::because("Directus takes it for no filter at all")),
        Err(misread) => Some(misread),
    }
}

/// Where a read-back comes from, and what of it counts.
fn written(fields: &mut Fields, place: &Place<'_>, key: Option<String>) -> Origin {
    if !key.as_ref().is_some_and(|key| place.searched || place.compared.contains(key)) {
        fields.named.retain(|name| Some(name) != key.as_ref());
    }
    match (fields.named.is_empty(), fields.wildcard) {
        (false, _) => Origin::Asked,
        (true, true) => Origin::Expanded,
        (true, false) => {
            fields.named.extend(key);
            Origin::Included
        }
    }
}
