//! Writes in writes: what a row does beyond its own collection, at any depth.
//!
//! Directus saves what stands under a relation before or after the row itself (FACTS section 5): an object under a many-to-one
//! field is created or updated, a list under a one-to-many field replaces all children. Each of these is an access of its own,
//! with the path through which it arises.

use super::implied;
use crate::directus::access::{Access, Action, Extent, Fields, Key};
use crate::directus::call::shown;
use crate::directus::field::{no_data, own_field};
use crate::directus::key;
use crate::directus::misread::Misread;
use crate::directus::schema::{Collection, Deselect, FieldKind, SchemaSnapshot};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

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

impl<'a> Writes<'a> {
    pub(super) fn new(schema: &'a SchemaSnapshot) -> Self {
        Self { schema, accesses: Vec::new() }
    }

    /// Everything that was found.
    pub(super) fn into_accesses(self) -> Vec<Access> {
        self.accesses
    }

    /// The rows of the call itself. Where they are `keyed`, the key in each says which item is meant; it is not written.
    ///
    /// # Errors
    /// When it cannot be told what one of them does.
    pub(super) fn rows(
        &mut self,
        target: &'a Collection,
        rows: &[&Map<String, Value>],
        fate: Fate,
        extent: &Extent,
        keyed: bool,
    ) -> Result<(), Misread> {
        // The root stands first, whatever is found below it.
        self.add(Access::asked(fate.action(), &target.name, Fields::none(), extent.clone()))?;
        let place = Place { via: "", depth: 0, fate, rows: if keyed { 1 } else { parents(extent) } };
        let mut named = BTreeSet::new();
        for row in rows {
            named.extend(self.row(target, row, place)?);
        }
        if let (true, Some(key)) = (keyed, &target.primary_key) {
            named.remove(key);
        }
        if let Some(root) = self.accesses.first_mut() {
            root.fields.named = named;
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
            let below = Place { via: &via, depth: place.depth + 1, ..place };
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
        for child in listed {
            match child {
                Value::Object(item) => self.upsert(children.collection, item, Some(children), place)?,
                Value::String(_) | Value::Number(_) => moved.push(key::key(children.collection, child)?),
                Value::Null | Value::Bool(_) | Value::Array(_) => return Err(odd(place)),
            }
        }
        if !moved.is_empty() {
            self.updated(
                children.collection,
                Fields::named([children.back]),
                Extent::Keys(moved),
                &join(place.via, "update"),
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
            match kind.as_str() {
                "create" => {
                    for item in list {
                        self.created(
                            children.collection,
                            item.as_object().ok_or_else(|| odd(place))?,
                            Some(children),
                            place,
                        )?;
                    }
                }
                "update" => {
                    for item in list {
                        let item = item.as_object().ok_or_else(|| odd(place))?;
                        let key = Self::key_of(children.collection, item)?.ok_or_else(|| odd(place))?;
                        self.changed(children.collection, item, key, Some(children), place)?;
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
        if let Some(key) = Self::key_of(target, item)? {
            self.changed(target, item, key, children, place)?;
        }
        self.created(target, item, children, place)
    }

    fn created(
        &mut self,
        target: &'a Collection,
        item: &Map<String, Value>,
        children: Option<Children<'_>>,
        place: Place<'_>,
    ) -> Result<(), Misread> {
        let via = join(place.via, "create");
        let fields = Fields {
            named: self.row(target, item, Place { fate: Fate::Created, rows: 1, ..place })?,
            wildcard: false,
        };
        let extent = Extent::New(place.rows);
        self.add(Access::asked(Action::Create, &target.name, fields, extent.clone()).with_via(&via))?;
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
        self.updated(
            target,
            Fields { named, wildcard: false },
            Extent::Keys(vec![key]),
            &join(place.via, "update"),
        )
    }

    fn updated(
        &mut self,
        target: &Collection,
        fields: Fields,
        extent: Extent,
        via: &str,
    ) -> Result<(), Misread> {
        let filled = implied::filled(target, Action::Update, &extent);
        self.add(Access::asked(Action::Update, &target.name, fields, extent).with_via(via))?;
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
                self.updated(children.collection, Fields::named([children.back]), extent, &via)
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
