//! What one action on one collection comes to under some policies, as far as it makes a difference.

use crate::directus::access::Action;
use crate::directus::schema::Collection;
use crate::policy::document::Permission;
use crate::policy::matrix::conditions;
use crate::policy::proof::stand::{Stand, Standing, is_brought_about};
use crate::policy::proof::world::{World, fields};
use crate::policy::rules::Rules;
use std::collections::BTreeSet;

/// What one action on one collection comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct State<'w> {
    /// Whether it can be asked for.
    pub(super) is_open: bool,
    /// Whether a call may bring it about in turn.
    pub(super) in_turn: bool,
    /// The fields that can be named.
    pub(super) fields: BTreeSet<&'w str>,
    /// The permissions that speak of it, in order.
    ways: Vec<Way<'w>>,
    /// Whether that is recorded as a denial that would have been.
    pub(super) is_recorded: bool,
}

/// One permission, as far as it makes a difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Way<'w> {
    conditions: Vec<String>,
    /// The fields that it lets be named with any value.
    fields: BTreeSet<&'w str>,
}

impl<'w> State<'w> {
    pub(super) fn of(rules: Option<Rules<'_>>, action: Action, collection: &'w Collection) -> Self {
        let happens = is_brought_about(action);
        let closed = |in_turn| Self {
            is_open: false,
            in_turn: in_turn && happens,
            fields: BTreeSet::new(),
            ways: Vec::new(),
            is_recorded: false,
        };
        // A role that is not there can do nothing.
        let Some(rules) = rules else { return closed(false) };
        let stand = Stand::of(rules, action, &collection.name);
        let ways = match stand.standing(None) {
            Standing::Forbidden(_) => return closed(false),
            Standing::Barred(_) => return closed(true),
            Standing::Open(ways) => ways,
        };
        let is_named = |field: &&str| matches!(stand.standing(Some(field)), Standing::Open(_));
        let named: BTreeSet<&str> =
            if has_fields(action) { fields(collection).filter(is_named).collect() } else { BTreeSet::new() };
        let admits = |way: &Permission, field: &str| match action {
            Action::Read => rules.readable(way, &collection.name, field),
            Action::Create | Action::Update | Action::Delete | Action::Execute | Action::Import => {
                way.fields.matches(field)
            }
        };
        let way = |way: &&Permission| Way {
            conditions: conditions(&rules, way, action),
            fields: named.iter().copied().filter(|field| admits(way, field)).collect(),
        };
        let kept = least(ways.iter().map(way));
        let is_recorded = ways.is_empty() || !stand.observed.is_empty();
        let in_turn = happens;
        Self { is_open: true, in_turn, fields: named, ways: kept, is_recorded }
    }

    /// The permissions with these fields only.
    pub(super) fn within(&self, common: &BTreeSet<&'w str>) -> Vec<Way<'w>> {
        least(self.ways.iter().map(|way| Way {
            conditions: way.conditions.clone(),
            fields: way.fields.intersection(common).copied().collect(),
        }))
    }

    /// What is needed for it, a line for each permission; with the fields of each where they make the difference.
    pub(super) fn words(&self, world: &World, common: Option<&BTreeSet<&'w str>>) -> Vec<String> {
        let ways = common.map_or_else(|| self.ways.clone(), |common| self.within(common));
        let mut lines: Vec<String> = Vec::new();
        for way in ways {
            let mut parts = way.conditions;
            if let Some(common) = common.filter(|common| way.fields != **common) {
                parts.push(in_words(&way.fields, common, world));
            }
            let line = if parts.is_empty() { "no condition".to_owned() } else { parts.join("; ") };
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        if self.is_recorded {
            lines.push("recorded as a denial that would have been".to_owned());
        }
        lines
    }
}

/// Those that are ever come to: one that asks for the same as one before it, and has no more fields, is not.
fn least<'w>(ways: impl Iterator<Item = Way<'w>>) -> Vec<Way<'w>> {
    let mut kept: Vec<Way<'w>> = Vec::new();
    for way in ways {
        let covers = |one: &Way<'w>| one.conditions == way.conditions && one.fields.is_superset(&way.fields);
        if !kept.iter().any(covers) {
            kept.push(way);
        }
    }
    kept
}

/// The fields of one permission, beside those of all.
fn in_words(fields: &BTreeSet<&str>, all: &BTreeSet<&str>, world: &World) -> String {
    let listed =
        |names: Vec<&&str>| names.into_iter().map(|name| world.field(name)).collect::<Vec<_>>().join(", ");
    let others: Vec<&&str> = all.difference(fields).collect();
    if fields.is_empty() {
        "no fields".to_owned()
    } else if others.len() < fields.len() {
        format!("without {}", listed(others))
    } else {
        format!("only {}", listed(fields.iter().collect()))
    }
}

/// Whether a call that does it names fields.
pub(super) fn has_fields(action: Action) -> bool {
    match action {
        Action::Read | Action::Create | Action::Update | Action::Import => true,
        Action::Delete | Action::Execute => false,
    }
}
