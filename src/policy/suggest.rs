//! The least policy that recorded calls need: each permission of a role, narrowed to what was used of it.
//!
//! What comes out permits nothing that the role is not permitted now. A permission keeps its conditions, and its place before those that
//! came behind it; where one is left out and a later one with other conditions would take its place, it stays, whole, for that action on
//! that collection. Names are those that the calls had: under another schema a collection may be a junction that was none.

mod narrow;
mod scalar;
mod text;

pub use text::Head;

use super::PolicySet;
use super::decision::{Code, Reason};
use super::document::{Permission, Role};
use super::facts::Recalled;
use super::replay::Again;
use crate::directus::{Access, Action, Extent, Origin, SchemaSnapshot};
use std::collections::{BTreeMap, BTreeSet};

/// What calls used of the permissions of a role.
#[derive(Clone, Debug)]
pub struct Uses<'s> {
    set: &'s PolicySet,
    role: &'s Role,
    includes_denied: bool,
    /// By the permission's place in the file.
    places: BTreeMap<Place, Used>,
    wanted: BTreeMap<(String, Action), Wanted>,
    /// The schemas that were seen, by digest, and the collections in them; whether each is a junction there.
    schemas: BTreeSet<String>,
    collections: BTreeMap<String, BTreeSet<bool>>,
    /// Calls that the role's policy lets through.
    pub permitted: u64,
    /// Calls that it denies, or would, were it not observed.
    pub denied: u64,
    /// Calls of which the trail does not tell enough.
    pub undecidable: u64,
}

/// A permission, a collection, and what was done there.
type Place = (usize, String, Action);

/// What was used at one place.
#[derive(Clone, Debug, Default)]
struct Used {
    fields: BTreeSet<String>,
    /// Whether all fields were asked for that there are.
    all: bool,
    /// Whether the collection was a junction then; both, where the schema has changed.
    junction: BTreeSet<bool>,
}

/// What was denied for want of a permission.
#[derive(Clone, Debug, Default)]
struct Wanted {
    used: Used,
    /// Most items that one call named, where it said a number.
    most: Option<u64>,
    tally: Tally,
}

/// How many calls, and when the last of them was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tally {
    calls: u64,
    last: String,
}

impl Tally {
    fn add(&mut self, day: &str) {
        self.calls += 1;
        if self.last.as_str() < day {
            day.clone_into(&mut self.last);
        }
    }
}

impl<'s> Uses<'s> {
    /// Of a role, so far nothing; `None` where there is no such role. What is denied for want of a permission is looked at where
    /// `includes_denied` says so.
    pub fn of(set: &'s PolicySet, role: &str, includes_denied: bool) -> Option<Self> {
        Some(Self {
            set,
            role: set.role(role)?,
            includes_denied,
            places: BTreeMap::new(),
            wanted: BTreeMap::new(),
            schemas: BTreeSet::new(),
            collections: BTreeMap::new(),
            permitted: 0,
            denied: 0,
            undecidable: 0,
        })
    }

    /// Adds a call of the role, with the day that it was made on.
    pub fn add(&mut self, schema: &SchemaSnapshot, recalled: &Recalled, day: &str) {
        if self.schemas.insert(schema.digest().to_owned()) {
            for collection in schema.collections() {
                let junction = schema.is_junction(&collection.name);
                self.collections.entry(collection.name.clone()).or_default().insert(junction);
            }
        }
        let (again, findings) = self.set.look_again(&self.role.name, schema, recalled);
        match &again {
            Again::Undecidable(_) => self.undecidable += 1,
            Again::Permit { observed, .. } if observed.is_empty() => {
                self.permitted += 1;
                self.use_all(&findings.covered, schema);
            }
            Again::Permit { .. } | Again::Deny(_) => {
                self.denied += 1;
                let mut reasons = findings.denials.iter().chain(&findings.observed);
                if self.includes_denied && reasons.all(|reason| self.is_want(reason)) {
                    self.want(recalled, &findings.covered, schema, day);
                }
            }
        }
    }

    /// Whether it is denied for nothing but a permission that is not there.
    fn is_want(&self, reason: &Reason) -> bool {
        reason.code == Code::NoPermission && reason.rule == format!("{}/-", self.role.name)
    }

    fn use_all(&mut self, covered: &[(&Access, &Permission)], schema: &SchemaSnapshot) {
        for (access, permission) in covered.iter().filter(|(access, _)| is_listable(&access.collection)) {
            let place = self.role.permissions.iter().position(|one| std::ptr::eq(one, *permission));
            let Some(place) = place else { continue };
            let used = self.places.entry((place, access.collection.clone(), access.action)).or_default();
            used.add(access, schema, |field| permission.fields.matches(field));
        }
    }

    /// What is missing, where a permission for it can be written down; nothing for part of a call.
    fn want(
        &mut self,
        recalled: &Recalled,
        covered: &[(&Access, &Permission)],
        schema: &SchemaSnapshot,
        day: &str,
    ) {
        let is_covered = |access: &Access| covered.iter().any(|(one, _)| std::ptr::eq(*one, access));
        let asked = recalled.decoded.accesses.iter().filter(|access| access.origin == Origin::Asked);
        let missing: Vec<&Access> = asked.filter(|access| !is_covered(access)).collect();
        if missing.is_empty() || !missing.iter().all(|access| self.can_be_written(access)) {
            return;
        }
        self.use_all(covered, schema);
        let mut counted = BTreeSet::new();
        for access in missing {
            let wanted = self.wanted.entry((access.collection.clone(), access.action)).or_default();
            wanted.used.add(access, schema, |_| true);
            wanted.most = wanted.most.max(count(&access.extent));
            if counted.insert((&access.collection, access.action)) {
                wanted.tally.add(day);
            }
        }
    }

    /// Writing items that nobody named, and importing from anywhere, are nothing to suggest.
    fn can_be_written(&self, access: &Access) -> bool {
        let named = match access.extent {
            Extent::Keys(_) | Extent::New(_) | Extent::Singleton => true,
            Extent::Children(_) | Extent::Query { .. } | Extent::All => false,
        };
        let by_action = match access.action {
            Action::Read | Action::Create | Action::Execute => true,
            Action::Update | Action::Delete => named,
            Action::Import => self.role.import_from.is_some(),
        };
        by_action
            && is_listable(&access.collection)
            && access.fields.named.iter().all(|name| is_listable(name))
    }

    /// The role with nothing more than what was used.
    pub fn suggestion(&self) -> Suggestion {
        narrow::suggestion(self)
    }
}

impl Used {
    fn add(&mut self, access: &Access, schema: &SchemaSnapshot, is_open: impl Fn(&str) -> bool) {
        self.junction.insert(schema.is_junction(&access.collection));
        // What a preset puts there, and what a search was kept from, needs no permission.
        let open = access.fields.named.iter().filter(|name| is_open(name));
        let (names, odd): (Vec<&String>, Vec<&String>) = open.partition(|name| is_listable(name));
        self.fields.extend(names.into_iter().cloned());
        self.all |= access.fields.wildcard || !odd.is_empty();
    }
}

/// Whether a policy that lists this name means nothing else by it.
fn is_listable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|one| one.is_alphanumeric() || "_-$".contains(one))
}

/// How many items an access is about, where it says a number.
fn count(extent: &Extent) -> Option<u64> {
    match extent {
        Extent::Keys(keys) => u64::try_from(keys.len()).ok(),
        Extent::New(count) | Extent::Children(count) => Some(*count),
        Extent::Query { limit, .. } => *limit,
        Extent::Singleton => Some(1),
        Extent::All => None,
    }
}

/// A role that permits what was used, and how much of it was.
#[derive(Clone, Debug)]
pub struct Suggestion {
    role: Role,
    /// Beside the permissions of the role, in their order.
    whys: Vec<Why>,
    tallies: BTreeMap<String, Tally>,
    /// The permissions that nobody used.
    unused: Vec<String>,
    /// The collections that are permitted and that nobody used.
    untouched: Vec<String>,
    /// Calls that it lets through as before.
    pub kept: u64,
    /// Calls that it would deny, or of which it cannot be told.
    pub lost: u64,
}

/// Why a permission is in a suggestion.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    /// It was used.
    Used,
    /// Without it a later one, with other conditions, would be come to.
    Kept,
    /// It is missing now.
    Denied(Tally),
}

impl Suggestion {
    /// Whether nothing was used, so that nothing would be permitted.
    pub fn is_empty(&self) -> bool {
        self.role.permissions.is_empty()
    }

    /// Decides a call of the role again by the policies that were and by those with this role in them, and counts what comes of it.
    pub fn count(
        &mut self,
        old: &PolicySet,
        new: &PolicySet,
        schema: &SchemaSnapshot,
        recalled: &Recalled,
        day: &str,
    ) {
        let passes = |again: &Again| matches!(again, Again::Permit { observed, .. } if observed.is_empty());
        if !passes(&old.decide_again(&self.role.name, schema, recalled)) {
            return;
        }
        let (again, findings) = new.look_again(&self.role.name, schema, recalled);
        if !passes(&again) {
            self.lost += 1;
            return;
        }
        self.kept += 1;
        let ids: BTreeSet<&str> =
            findings.covered.iter().map(|(_, permission)| permission.id.as_str()).collect();
        for id in ids {
            self.tallies.entry(id.to_owned()).or_default().add(day);
        }
    }
}
