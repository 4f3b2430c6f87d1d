//! One place of a query: a collection, and what the query says of it there.

use super::{DEFAULT_LIMIT, MOST, Query};
use crate::directus::access::{Extent, Fields};
use crate::directus::call::shown;
use crate::directus::field::own_field;
use crate::directus::misread::Misread;
use crate::directus::schema::{Collection, FieldKind};
use std::collections::{BTreeMap, BTreeSet};

/// Most relations that one path may go along.
const DEEPEST: usize = 20;

/// One place of a query.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about one place")]
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    pub(super) collection: &'a Collection,
    pub(super) shown: Shown,
    /// What comes back.
    pub(super) selected: Fields,
    /// How `fields` says so, word by word.
    pub(super) entries: Listed,
    /// What is sorted or filtered by.
    pub(super) compared: BTreeSet<String>,
    /// Whether all columns are searched.
    pub(super) searched: bool,
    /// Names that stand for others here.
    pub(super) aliases: BTreeMap<String, String>,
    /// As Directus will apply it; `None` for no limit.
    pub(super) limit: Option<u64>,
    /// Whether the query gives it.
    pub(super) said: bool,
    /// Whether there is a filter, and one that Directus does not take for none.
    pub(super) filtered: bool,
    /// Whether sums or groups come back instead of items.
    pub(super) aggregated: bool,
    /// Whether only a wildcard leads here.
    pub(super) expanded: bool,
    /// Whether something outside sorts, filters or counts by what is here.
    pub(super) looked_into: bool,
    /// The place above, and the relation that leads here from it, whatever it is called on the way.
    pub(super) from: Option<(String, String)>,
}

/// Names in the order in which they come, each of them once. A call may bring tens of thousands.
#[derive(Clone, Debug, Default)]
pub(super) struct Listed {
    order: Vec<String>,
    seen: BTreeSet<String>,
}

impl Listed {
    pub(super) fn add(&mut self, name: impl Into<String>) {
        let name = name.into();
        if self.seen.insert(name.clone()) {
            self.order.push(name);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.order.iter().map(String::as_str)
    }

    pub(super) fn into_order(self) -> Vec<String> {
        self.order
    }
}

/// How the items of a place come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shown {
    /// They do not: they are only compared with.
    Compared,
    /// One for each item above.
    One,
    /// A list for each item above.
    List,
    /// They are what is asked for.
    Root,
}

impl<'a> Place<'a> {
    pub(super) fn new(collection: &'a Collection, shown: Shown) -> Self {
        Self {
            collection,
            shown,
            selected: Fields::none(),
            entries: Listed::default(),
            compared: BTreeSet::new(),
            searched: false,
            aliases: BTreeMap::new(),
            limit: Some(DEFAULT_LIMIT),
            said: false,
            filtered: false,
            aggregated: false,
            expanded: false,
            looked_into: false,
            from: None,
        }
    }

    pub(super) fn fields(&self) -> Fields {
        let mut fields = self.selected.clone();
        fields.named.extend(self.compared.iter().cloned());
        if self.searched {
            let only = self.columns().filter(|name| !fields.named.contains(*name));
            fields.searched = only.cloned().collect();
            fields.named.extend(fields.searched.iter().cloned());
        }
        fields
    }

    /// Which items of a place below the root.
    pub(super) fn extent(&self) -> Extent {
        match self.shown {
            Shown::Compared => Extent::Children(0),
            Shown::One => Extent::Query { limit: Some(1), said: true, filtered: true },
            Shown::List | Shown::Root => {
                Extent::Query { limit: self.limit, said: self.said, filtered: self.filtered }
            }
        }
    }

    /// All columns are looked at, as an unpublished version may hold any of them.
    pub(super) fn compare_all(&mut self) {
        self.compared.extend(self.columns().cloned());
    }

    /// The names of the fields that are columns of the collection.
    fn columns(&self) -> impl Iterator<Item = &'a String> + use<'a> {
        let columns = self.collection.fields.values().filter(|field| match field.kind {
            FieldKind::Plain | FieldKind::ManyToOne { .. } | FieldKind::ManyToAny { .. } => true,
            FieldKind::OneToMany { .. } | FieldKind::Presentation => false,
        });
        columns.map(|field| &field.name)
    }
}

impl Query<'_> {
    /// Goes along a relation, and says where that leads: to one place, or for a pointer into several collections to one for each.
    pub(super) fn step(
        &mut self,
        via: &str,
        segment: &str,
        shown: Shown,
        expanded: bool,
    ) -> Result<Vec<String>, Misread> {
        let (name, scope) =
            segment.split_once(':').map_or((segment, None), |(name, scope)| (name, Some(scope)));
        let place = self.place(via)?;
        let field = place.aliases.get(name).map_or(name, String::as_str);
        let kind = own_field(place.collection, field, "the query")?.clone();
        let field = field.to_owned();
        let place = self.place_mut(via)?;
        let (below, list): (Vec<(String, String)>, bool) = match (&kind, scope) {
            (FieldKind::ManyToOne { related }, None) => (vec![(join(via, name), related.clone())], false),
            (FieldKind::OneToMany { related, .. }, None) => (vec![(join(via, name), related.clone())], true),
            (FieldKind::ManyToAny { allowed, .. }, scope) => {
                let led = allowed.iter().filter(|one| scope.is_none_or(|scope| scope == one.as_str()));
                (led.map(|one| (join(via, &format!("{name}:{one}")), one.clone())).collect(), false)
            }
            (
                FieldKind::ManyToOne { .. }
                | FieldKind::OneToMany { .. }
                | FieldKind::Plain
                | FieldKind::Presentation,
                _,
            ) => (Vec::new(), false),
        };
        if below.is_empty() {
            return Err(Misread::because(format!(
                "`{}` leads from {} to no other collection",
                shown_of(segment),
                place.collection.name
            )));
        }
        // Going along a relation reads the field that it goes along.
        if shown == Shown::Compared {
            place.compared.insert(field.clone())
        } else {
            place.selected.named.insert(field.clone())
        };
        let shown = if shown == Shown::Compared {
            shown
        } else if list {
            Shown::List
        } else {
            Shown::One
        };
        let mut arrived = Vec::new();
        for (path, collection) in below {
            let path = self.arrive(path, &collection, shown, expanded)?;
            let led = format!("{field}:{collection}");
            self.place_mut(&path)?.from = Some((via.to_owned(), led));
            arrived.push(path);
        }
        Ok(arrived)
    }

    /// The same, to look at what is there from outside.
    pub(super) fn look_into(&mut self, via: &str, segment: &str) -> Result<Vec<String>, Misread> {
        let places = self.step(via, segment, Shown::Compared, false)?;
        for place in &places {
            self.place_mut(place)?.looked_into = true;
        }
        Ok(places)
    }

    /// Makes a place, or finds it: what leads there at all counts most.
    pub(super) fn arrive(
        &mut self,
        path: String,
        collection: &str,
        shown: Shown,
        expanded: bool,
    ) -> Result<String, Misread> {
        let collection = self.schema.collection(collection).ok_or_else(|| {
            Misread::because(format!("this Directus has no collection `{}`", shown_of(collection)))
        })?;
        if self.places.len() >= MOST || path.matches('.').count() > DEEPEST {
            return Err(Misread::because(format!(
                "the query goes along more than {DEEPEST} relations, or to more than {MOST} places"
            )));
        }
        let place = self
            .places
            .entry(path.clone())
            .or_insert_with(|| Place { expanded, ..Place::new(collection, shown) });
        place.shown = place.shown.max(shown);
        place.expanded &= expanded;
        Ok(path)
    }
}

/// A path, one step on.
pub(super) fn join(via: &str, segment: &str) -> String {
    if via.is_empty() { segment.to_owned() } else { format!("{via}.{segment}") }
}

fn shown_of(text: &str) -> String {
    shown(text)
}
