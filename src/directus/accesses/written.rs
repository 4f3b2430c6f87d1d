//! Writes in writes: what a row does beyond its own collection, at any depth.
//!
//! Directus saves what stands under a relation before or after the row itself (FACTS section 5): an object under a many-to-one
//! field is created or updated, a list under a one-to-many field replaces all children. Each of these is an access of its own,
//! with the path through which it arises.

use super::implied;
use crate::directus::access::{Access, Action, Extent, Fields, Key};
use crate::directus::arguments::Written;
use crate::directus::call::shown;
use crate::directus::carrier::{At, Carrier, Filled, Row, RowFate};
use crate::directus::field::{no_data, own_field};
use crate::directus::key;
use crate::directus::misread::Misread;
use crate::directus::schema::{Collection, Deselect, FieldKind, SchemaSnapshot};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Most levels of relations that one write is followed through.
const DEEPEST: usize = 20;

/// Most accesses that one write may make.
const MOST: usize = 2000;

/// Collects the accesses of one write, the root first.
#[derive(Debug)]
pub(super) struct Writes<'a> {
    schema: &'a SchemaSnapshot,
    accesses: Vec<Access>,
}

/// What becomes of a row, as far as it can be told without asking the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is made, so it has no children yet.
    Created,
    /// It is there, and changed.
    Updated,
}

impl Fate {
    fn action(self) -> Action {
        match self {
            Self::Created => Action::Create,
            Self::Updated => Action::Update,
        }
    }
}

/// Where in the write a row stands.
#[derive(Clone, Copy, Debug)]
struct Place<'p> {
    /// The path to it; empty at the root.
    via: &'p str,
    /// Where it stands in the arguments.
    at: &'p At<'p>,
    depth: usize,
    fate: Fate,
    /// How many rows have the same data; more than one where keys or a query name several.
    rows: u64,
}

/// A one-to-many relation, seen from its parent.
#[derive(Clone, Copy, Debug)]
struct Children<'c> {
    collection: &'c Collection,
    /// The child's field that points to the parent.
    back: &'c str,
    deselect: Deselect,
    sort_field: Option<&'c str>,
}

impl Children<'_> {
    /// What Directus writes into a child that it puts under the parent.
    fn filled(&self) -> BTreeMap<String, Filled> {
        let sort = self.sort_field.map(|sort| (sort.to_owned(), Filled::Unknown));
        sort.into_iter().chain([(self.back.to_owned(), Filled::Unknown)]).collect()
    }

    /// What it writes into one that loses its parent.
    fn nullified(&self) -> BTreeMap<String, Filled> {
        BTreeMap::from([(self.back.to_owned(), Filled::Null)])
    }
}

impl<'a> Writes<'a> {
    pub(super) fn new(schema: &'a SchemaSnapshot) -> Self {
        Self { schema, accesses: Vec::new() }
    }

    /// Everything that was found.
    pub(super) fn into_accesses(self) -> Vec<Access> {
        self.accesses
    }

    /// The rows of the call itself. In a list of rows for an update the key says which item is meant; it is not written.
    ///
    /// # Errors
    /// When it cannot be told what one of them does.
    pub(super) fn rows(
        &mut self,
        target: &'a Collection,
        data: &Written<'_>,
        fate: Fate,
        extent: &Extent,
    ) -> Result<(), Misread> {
        // The root stands first, whatever is found below it.
        self.add(Access::asked(fate.action(), &target.name, Fields::none(), extent.clone()))?;
        let all = At::argument("data");
        let keyed = matches!((fate, data), (Fate::Updated, Written::Several(_)));
        let rows = if keyed { 1 } else { parents(extent) };
        let place = Place { via: "", at: &all, depth: 0, fate, rows };
        let mut named = BTreeSet::new();
        let mut written = Vec::new();
        match data {
            Written::One(row) => {
                named.extend(self.row(target, row, place)?);
                written.push(root_row(fate, extent, &all));
            }
            Written::Several(rows) => {
                for (index, row) in rows.iter().enumerate() {
                    let at = all.index(index);
                    named.extend(self.row(target, row, Place { at: &at, ..place })?);
                    written.push(root_row(fate, extent, &at));
                }
            }
        }
        if let (true, Some(key)) = (keyed, &target.primary_key) {
            named.remove(key);
        }
        if let Some(root) = self.accesses.first_mut() {
            root.fields.named = named;
            root.carrier = Carrier::Rows(written);
        }
        let filled = implied::filled(target, fate.action(), extent);
        filled.map_or(Ok(()), |filled| self.add(filled))
    }

    /// The fields that a row names; what it does beyond them is added to the accesses.
    fn row(
        &mut self,
        target: &'a Collection,
        row: &Map<String, Value>,
        place: Place<'_>,
    ) -> Result<BTreeSet<String>, Misread> {
        if place.depth > DEEPEST {
            return Err(Misread::because(format!("the write goes through more than {DEEPEST} relations")));
        }
        for (name, value) in row {
            let via = join(place.via, name);
            let at = place.at.key(name);
            let below = Place { via: &via, at: &at, depth: place.depth + 1, ..place };
            match own_field(target, name, "data")? {
                // A JSON document is a value like any other, whatever keys it has.
                FieldKind::Plain => {}
                FieldKind::Presentation => return Err(no_data(name)),
                FieldKind::ManyToOne { related } => self.one(Some(related), value, below)?,
                FieldKind::ManyToAny { allowed, collection_field } => {
                    // The row itself says in which of the collections the item is.
                    let said = row.get(collection_field).and_then(Value::as_str);
                    self.one(said.filter(|said| allowed.iter().any(|one| one == said)), value, below)?;
                }
                FieldKind::OneToMany { related, field, deselect, sort_field } => {
                    let collection = self.collection(related)?;
                    let (deselect, sort_field) = (*deselect, sort_field.as_deref());
                    self.many(Children { collection, back: field, deselect, sort_field }, value, below)?;
                }
            }
        }
        Ok(row.keys().cloned().collect())
    }

    /// What stands under a field that points to one item: its key, or the item itself.
    fn one(&mut self, related: Option<&str>, value: &Value, place: Place<'_>) -> Result<(), Misread> {
        match (value, related) {
            (Value::Object(item), Some(related)) => self.upsert(self.collection(related)?, item, None, place),
            (Value::Null | Value::Number(_), _) => Ok(()),
            // Some relations are written as JSON text; a key never looks like that.
            (Value::String(text), _) if !text.trim_start().starts_with(['{', '[']) => Ok(()),
            (Value::Object(_) | Value::String(_) | Value::Bool(_) | Value::Array(_), _) => Err(odd(place)),
        }
    }

    /// What stands under a one-to-many field: a list of all children, changes to them, or nothing, which is an empty list.
    fn many(&mut self, children: Children<'a>, value: &Value, place: Place<'_>) -> Result<(), Misread> {
        match value {
            Value::Array(listed) => self.replace(children, listed, place),
            Value::Null | Value::Bool(false) => self.replace(children, &[], place),
            Value::String(text) if text.is_empty() => self.replace(children, &[], place),
            Value::Number(number) if number.as_f64() == Some(0.0) => self.replace(children, &[], place),
            Value::Object(changes) => self.change(children, changes, place),
            Value::String(_) | Value::Number(_) | Value::Bool(true) => Err(odd(place)),
        }
    }

    /// All children are listed: those that are not go, or lose their pointer.
    fn replace(&mut self, children: Children<'a>, listed: &[Value], place: Place<'_>) -> Result<(), Misread> {
        let mut moved = Vec::new();
        for (index, child) in listed.iter().enumerate() {
            let at = place.at.index(index);
            let place = Place { at: &at, ..place };
            match child {
                Value::Object(item) => self.upsert(children.collection, item, Some(children), place)?,
                Value::String(_) | Value::Number(_) => moved.push(key::key(children.collection, child)?),
                Value::Null | Value::Bool(_) | Value::Array(_) => return Err(odd(place)),
            }
        }
        if !moved.is_empty() {
            let row = Row { at: None, filled: children.filled(), fate: RowFate::Updated };
            let via = join(place.via, "update");
            self.updated(
                children.collection,
                Fields::named([children.back]),
                Extent::Keys(moved),
                row,
                &via,
            )?;
        }
        // A new parent has no children to lose.
        if place.fate == Fate::Updated {
            self.deselected(children, Extent::Children(place.rows), place)
        } else {
            Ok(())
        }
    }

    /// Changes to the children: some made, some changed, some gone.
    fn change(
        &mut self,
        children: Children<'a>,
        changes: &Map<String, Value>,
        place: Place<'_>,
    ) -> Result<(), Misread> {
        for (kind, list) in changes {
            let Value::Array(list) = list else { return Err(odd(place)) };
            let listed = place.at.key(kind);
            match kind.as_str() {
                "create" => {
                    for (index, item) in list.iter().enumerate() {
                        let at = listed.index(index);
                        let item = item.as_object().ok_or_else(|| odd(place))?;
                        let place = Place { at: &at, ..place };
                        self.created(children.collection, item, Some(children), place, RowFate::Created)?;
                    }
                }
                "update" => {
                    for (index, item) in list.iter().enumerate() {
                        let at = listed.index(index);
                        let item = item.as_object().ok_or_else(|| odd(place))?;
                        let key = Self::key_of(children.collection, item)?.ok_or_else(|| odd(place))?;
                        self.changed(
                            children.collection,
                            item,
                            key,
                            Some(children),
                            Place { at: &at, ..place },
                        )?;
                    }
                }
                "delete" => {
                    let keys = key::keys(children.collection, list)?;
                    self.deselected(children, Extent::Keys(keys), place)?;
                }
                other => {
                    return Err(Misread::because(format!(
                        "`{}` under `{}` in `data` is not understood: it takes create, update and delete",
                        shown(other),
                        shown(place.via)
                    )));
                }
            }
        }
        Ok(())
    }

    /// An item that stands in a write. With a key it is updated, or created where there is none of that key; which of them cannot be
    /// told here, so both are.
    fn upsert(
        &mut self,
        target: &'a Collection,
        item: &Map<String, Value>,
        children: Option<Children<'_>>,
        place: Place<'_>,
    ) -> Result<(), Misread> {
        let mut fate = RowFate::Created;
        if let Some(key) = Self::key_of(target, item)? {
            self.changed(target, item, key, children, place)?;
            fate = RowFate::Upserted;
        }
        self.created(target, item, children, place, fate)
    }

    fn created(
        &mut self,
        target: &'a Collection,
        item: &Map<String, Value>,
        children: Option<Children<'_>>,
        place: Place<'_>,
        fate: RowFate,
    ) -> Result<(), Misread> {
        let via = join(place.via, "create");
        let fields =
            Fields::named(self.row(target, item, Place { fate: Fate::Created, rows: 1, ..place })?);
        let extent = Extent::New(place.rows);
        let filled = children.map(|children| children.filled()).unwrap_or_default();
        let row = Row { at: Some(place.at.steps()), filled, fate };
        let access = Access::asked(Action::Create, &target.name, fields, extent.clone());
        self.add(access.with_via(&via).carried(Carrier::Rows(vec![row])))?;
        // The parent's key and the order are Directus' to fill.
        let mut filled = implied::filled(target, Action::Create, &extent);
        if let (Some(filled), Some(children)) = (&mut filled, children) {
            filled.fields.named.extend([children.back.to_owned()]);
            filled.fields.named.extend(children.sort_field.map(str::to_owned));
        }
        filled.map_or(Ok(()), |filled| self.add(filled.with_via(&via)))
    }

    fn changed(
        &mut self,
        target: &'a Collection,
        item: &Map<String, Value>,
        key: Key,
        children: Option<Children<'_>>,
        place: Place<'_>,
    ) -> Result<(), Misread> {
        let mut named = self.row(target, item, Place { fate: Fate::Updated, rows: 1, ..place })?;
        if let Some(key) = &target.primary_key {
            named.remove(key);
        }
        // A child that belongs to another parent is moved here.
        named.extend(children.map(|children| children.back.to_owned()));
        let filled = children.map(|children| children.filled()).unwrap_or_default();
        let row = Row { at: Some(place.at.steps()), filled, fate: RowFate::Updated };
        let (fields, via) = (Fields::named(named), join(place.via, "update"));
        self.updated(target, fields, Extent::Keys(vec![key]), row, &via)
    }

    fn updated(
        &mut self,
        target: &Collection,
        fields: Fields,
        extent: Extent,
        row: Row,
        via: &str,
    ) -> Result<(), Misread> {
        let filled = implied::filled(target, Action::Update, &extent);
        let access = Access::asked(Action::Update, &target.name, fields, extent).with_via(via);
        self.add(access.carried(Carrier::Rows(vec![row])))?;
        filled.map_or(Ok(()), |filled| self.add(filled.with_via(via)))
    }

    /// Children that are no longer listed: the relation says whether they are deleted or lose their pointer.
    fn deselected(
        &mut self,
        children: Children<'_>,
        extent: Extent,
        place: Place<'_>,
    ) -> Result<(), Misread> {
        match children.deselect {
            Deselect::Nullify => {
                let via = join(place.via, "update");
                let row = Row { at: None, filled: children.nullified(), fate: RowFate::Updated };
                self.updated(children.collection, Fields::named([children.back]), extent, row, &via)
            }
            Deselect::Delete => {
                let via = join(place.via, "delete");
                self.add(
                    Access::asked(Action::Delete, &children.collection.name, Fields::none(), extent)
                        .with_via(&via),
                )?;
                for access in implied::cascade(children.collection, self.schema) {
                    let below = join(&via, &access.via);
                    self.add(access.with_via(below))?;
                }
                Ok(())
            }
        }
    }

    /// The key that an item names, where it names one.
    fn key_of(target: &Collection, item: &Map<String, Value>) -> Result<Option<Key>, Misread> {
        let value = target.primary_key.as_ref().and_then(|name| item.get(name));
        value.map(|value| key::key(target, value)).transpose()
    }

    fn collection(&self, name: &str) -> Result<&'a Collection, Misread> {
        super::collection(self.schema, name)
    }

    /// Adds an access. What is done to the same collection on the same path is one access.
    fn add(&mut self, access: Access) -> Result<(), Misread> {
        let alike = self.accesses.iter_mut().skip(1).find(|other| alike(other, &access));
        match alike {
            Some(other) => {
                together(&mut other.extent, access.extent);
                other.carrier.extend(access.carrier);
                other.fields.named.extend(access.fields.named);
            }
            None => self.accesses.push(access),
        }
        if self.accesses.len() > MOST {
            return Err(Misread::because(format!(
                "the write makes more than {MOST} accesses: use smaller portions"
            )));
        }
        Ok(())
    }
}

/// A row of the call itself.
fn root_row(fate: Fate, extent: &Extent, at: &At<'_>) -> Row {
    let fate = match (fate, extent) {
        (Fate::Updated, Extent::Singleton) => RowFate::Singleton,
        (Fate::Updated, _) => RowFate::Updated,
        (Fate::Created, _) => RowFate::Created,
    };
    Row { at: Some(at.steps()), filled: BTreeMap::new(), fate }
}

/// Whether two accesses can be told as one.
fn alike(one: &Access, other: &Access) -> bool {
    let extents = match (&one.extent, &other.extent) {
        (Extent::Keys(_), Extent::Keys(_))
        | (Extent::New(_), Extent::New(_))
        | (Extent::Children(_), Extent::Children(_)) => true,
        (
            Extent::Keys(_)
            | Extent::New(_)
            | Extent::Children(_)
            | Extent::Singleton
            | Extent::Query { .. }
            | Extent::All,
            _,
        ) => false,
    };
    extents
        && (one.action, &one.collection, &one.via, one.origin)
            == (other.action, &other.collection, &other.via, other.origin)
}

/// Adds what the other extent names.
fn together(extent: &mut Extent, other: Extent) {
    match (extent, other) {
        (Extent::Keys(keys), Extent::Keys(more)) => keys.extend(more),
        (Extent::New(count), Extent::New(more)) | (Extent::Children(count), Extent::Children(more)) => {
            *count = count.saturating_add(more);
        }
        // Extents of other kinds are never alike.
        (
            Extent::Keys(_)
            | Extent::New(_)
            | Extent::Children(_)
            | Extent::Singleton
            | Extent::Query { .. }
            | Extent::All,
            _,
        ) => {}
    }
}

/// How many parents an extent names; all that there may be where it names none.
fn parents(extent: &Extent) -> u64 {
    match extent {
        Extent::Keys(keys) => u64::try_from(keys.len()).unwrap_or(u64::MAX),
        Extent::New(count) | Extent::Children(count) => *count,
        Extent::Singleton => 1,
        Extent::Query { limit, .. } => limit.unwrap_or(u64::MAX),
        Extent::All => u64::MAX,
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn odd(place: Place<'_>) -> Misread {
    Misread::because(format!("what `data` says under `{}` is not understood", shown(place.via)))
}
