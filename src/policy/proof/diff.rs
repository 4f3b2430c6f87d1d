//! What other policies would change: for each role, which actions on which collections and fields, and under which conditions.
//!
//! Both are asked about every kind of access that either of them tells apart, so what is not in the answer stays as it is. A permission
//! that only gets another name, or that is never come to, is no change; conditions that are put otherwise are told, whether or not some
//! call would notice.

mod group;
mod others;
mod shown;
mod state;

pub use shown::COLUMNS;

use super::kinds::TooManyKinds;
use super::stand::can_be_named;
use super::world::{self, World, listed};
use crate::directus::SchemaSnapshot;
use crate::directus::access::Action;
use crate::directus::schema::Collection;
use crate::policy::PolicySet;
use crate::policy::rules::Rules;
use others::{about_role, guardrails};
use state::{State, has_fields};
use std::collections::BTreeSet;

/// What changes from some policies to others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// What roles may do, what comes to the same standing together.
    pub rows: Vec<Row>,
    /// What else changes, in words: roles that come and go, limits, tools, prompts.
    pub others: Vec<Other>,
}

/// A change of what one role may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The role.
    pub role: String,
    /// The actions.
    pub actions: Vec<Action>,
    /// The collections as policies list them: `*` for all, `!` before those that are left out.
    pub collections: Vec<String>,
    /// What becomes of it.
    pub change: Change,
}

/// A change of one action on one collection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// Which way.
    pub kind: Kind,
    /// The fields that it is about, likewise; `None` where an action has none.
    pub fields: Option<Vec<String>>,
    /// What is needed for it before; empty where it could not be done at all, whatever the fields.
    pub before: Vec<String>,
    /// What is needed for it then; empty where it cannot be done at all.
    pub after: Vec<String>,
}

/// Which way something changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It could not be done, and can then.
    Gains,
    /// It could be done, and cannot then.
    Loses,
    /// It can be done before and then, under other conditions.
    Conditions,
    /// Nobody may ask for it, before or then; then a call may bring it about in turn.
    InTurn,
    /// Nobody may ask for it, before or then; then no call may bring it about in turn either.
    NotInTurn,
}

/// A change of something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// The role; `None` for the guardrails.
    pub role: Option<String>,
    /// What becomes of what.
    pub words: &'static str,
}

impl Difference {
    /// Whether every call is decided as before.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.others.is_empty()
    }

    /// What changes from one set of policies to another; of a schema where one is given, else of any.
    ///
    /// # Errors
    /// When the patterns tell too many kinds of names apart.
    pub fn between(
        old: &PolicySet,
        new: &PolicySet,
        schema: Option<&SchemaSnapshot>,
    ) -> Result<Self, TooManyKinds> {
        let worlds = World::all(&[old, new], &[], schema)?;
        let names: BTreeSet<&str> = old.roles().chain(new.roles()).map(|role| role.name.as_str()).collect();
        let (mut rows, mut others) = (Vec::new(), Vec::new());
        for name in names {
            others.extend(about_role(name, old.role(name), new.role(name)));
            rows.extend(group::rows(name, &worlds, |world| {
                let rules = |set| Rules::of(set, name, Some(&world.schema));
                changes(world, rules(old), rules(new))
            }));
        }
        others.extend(guardrails(old, new));
        Ok(Self { rows, others })
    }
}

/// What changes of one action on one collection.
#[derive(Debug)]
struct Changed<'w> {
    action: Action,
    collection: &'w str,
    changes: Vec<Change>,
}

/// Every action on every collection of a world, with what changes of it.
fn changes<'w>(world: &'w World, old: Option<Rules<'w>>, new: Option<Rules<'w>>) -> Vec<Changed<'w>> {
    let mut changed = Vec::new();
    for action in Action::ALL {
        for collection in world.schema.collections() {
            let [old, new] = [old, new].map(|rules| State::of(rules, action, collection));
            let found = compare(&old, &new, world, collection, action);
            changed.push(Changed { action, collection: &collection.name, changes: found });
        }
    }
    changed
}

fn compare(
    old: &State<'_>,
    new: &State<'_>,
    world: &World,
    collection: &Collection,
    action: Action,
) -> Vec<Change> {
    let none = Vec::new;
    match (old.is_open, new.is_open) {
        (false, false) if old.in_turn == new.in_turn => Vec::new(),
        (false, false) => {
            let kind = if new.in_turn { Kind::InTurn } else { Kind::NotInTurn };
            vec![Change { kind, fields: None, before: none(), after: none() }]
        }
        (false, true) => {
            let fields = shown(&new.fields, world, collection, action);
            vec![Change { kind: Kind::Gains, fields, before: none(), after: new.words(world, None) }]
        }
        (true, false) => {
            let fields = shown(&old.fields, world, collection, action);
            vec![Change { kind: Kind::Loses, fields, before: old.words(world, None), after: none() }]
        }
        (true, true) => open(old, new, world, collection, action),
    }
}

/// What changes of something that can be done before and then.
fn open(
    old: &State<'_>,
    new: &State<'_>,
    world: &World,
    collection: &Collection,
    action: Action,
) -> Vec<Change> {
    let mut changes = Vec::new();
    let gained: BTreeSet<&str> = new.fields.difference(&old.fields).copied().collect();
    let lost: BTreeSet<&str> = old.fields.difference(&new.fields).copied().collect();
    if !gained.is_empty() {
        let fields = shown(&gained, world, collection, action);
        let (before, after) = (old.words(world, None), new.words(world, None));
        changes.push(Change { kind: Kind::Gains, fields, before, after });
    }
    if !lost.is_empty() {
        let fields = shown(&lost, world, collection, action);
        let (before, after) = (old.words(world, None), new.words(world, None));
        changes.push(Change { kind: Kind::Loses, fields, before, after });
    }
    let common: BTreeSet<&str> = old.fields.intersection(&new.fields).copied().collect();
    if old.within(&common) != new.within(&common) || old.is_recorded != new.is_recorded {
        let fields = shown(&common, world, collection, action);
        let (before, after) = (old.words(world, Some(&common)), new.words(world, Some(&common)));
        changes.push(Change { kind: Kind::Conditions, fields, before, after });
    }
    changes
}

/// Fields as policies list them.
fn shown(
    fields: &BTreeSet<&str>,
    world: &World,
    collection: &Collection,
    action: Action,
) -> Option<Vec<String>> {
    if !has_fields(action) {
        return None;
    }
    let all = world::fields(collection).filter(|field| can_be_named(action, &collection.name, field));
    let words = |name: &str| world.field(name);
    Some(listed(&fields.iter().copied().map(words).collect(), &all.map(words).collect()))
}
