//! Rules that an earlier one leaves nothing to do.
//!
//! Permissions are tried in the order of the file, and the first that covers an access is taken. So a narrow permission behind a wide
//! one is never asked, and what it would restrict is not restricted.

use super::lint::Lint;
use super::mix::{covers_fields, excludes_nothing_of};
use super::{Check, Forbid, Permission, Role};
use crate::directus::access::Action;
use crate::policy::document::MaxItems;
use crate::policy::pattern::{CollectionPatterns, Glob};
use std::collections::BTreeSet;

impl Check<'_> {
    /// Reports a permission of which every part is covered by one before it.
    pub(super) fn dead(&mut self, permission: &Permission, role: &Role) -> bool {
        let before: Vec<&Permission> =
            role.permissions.iter().take_while(|one| one.id != permission.id).collect();
        let covering = |part: &Part<'_>| before.iter().find(|one| takes(one, permission, part)).copied();
        let found: Option<Vec<&Permission>> = parts(permission).iter().map(covering).collect();
        let Some(found) = found.filter(|found| !found.is_empty()) else { return false };
        let mut named: Vec<String> = Vec::new();
        for one in found {
            let name = format!("`{}`", one.id);
            if !named.contains(&name) {
                named.push(name);
            }
        }
        let verb = if named.len() == 1 { "permits" } else { "permit" };
        let message = format!(
            "`{}/{}` is never asked: {} before it {verb} all of it",
            role.name,
            permission.id,
            named.join(" and ")
        );
        let help = "the first that covers an access is taken: put the narrower one first, or leave it out";
        self.warn(Lint::DeadRule, permission, message, help);
        true
    }

    /// Reports rules under `forbid` that forbid nothing that one before them does not.
    pub(super) fn dead_forbids(&mut self, forbids: &[Forbid], owner: &str) {
        for (index, forbid) in forbids.iter().enumerate() {
            let mut before = forbids.iter().take(index);
            if let Some(earlier) = before.find(|earlier| forbids_all(earlier, forbid)) {
                let message = format!(
                    "`{owner}/{}` forbids nothing that `{}` before it does not forbid",
                    forbid.id, earlier.id
                );
                self.warn(Lint::DeadRule, forbid, message, "leave it out, or put its reason first");
            }
        }
    }
}

/// One action on what one pattern stands for.
struct Part<'p> {
    action: Action,
    /// `None` for `@junctions`.
    pattern: Option<&'p Glob>,
}

fn parts(permission: &Permission) -> Vec<Part<'_>> {
    let names = permission.collections.names().included().iter().map(Some);
    let patterns: Vec<Option<&Glob>> =
        names.chain((permission.collections.junctions() == Some(true)).then_some(None)).collect();
    let actions = permission.actions.iter();
    actions
        .flat_map(|action| patterns.iter().map(|pattern| Part { action: *action, pattern: *pattern }))
        .collect()
}

/// Whether the earlier permission is taken for every access that the later one covers in this part.
fn takes(earlier: &Permission, later: &Permission, part: &Part<'_>) -> bool {
    let keys = match (&earlier.keys, &later.keys) {
        (None, _) => true,
        (Some(earlier), Some(later)) => earlier.is_superset(later),
        (Some(_), None) => false,
    };
    earlier.actions.contains(&part.action)
        && has(&earlier.collections, &later.collections, part.pattern)
        && keys
        && covers_fields(&earlier.fields, &later.fields)
        && takes_as_many(earlier, later)
        && asks_no_more(earlier, later, part.action)
}

fn has(earlier: &CollectionPatterns, later: &CollectionPatterns, pattern: Option<&Glob>) -> bool {
    let names = earlier.names();
    let everything = names.included().iter().any(Glob::matches_everything);
    let includes = match pattern {
        Some(pattern) => names.included().iter().any(|one| one.covers(pattern)),
        None => everything || earlier.junctions() == Some(true),
    };
    // A junction may have any name but one of Directus' own.
    let excludes_nothing = match pattern {
        Some(pattern) => excludes_nothing_of(names, std::slice::from_ref(pattern), later.names().excluded()),
        None => names.excluded().iter().all(|one| {
            one.as_str().starts_with("directus_")
                || later.names().excluded().iter().any(|other| other.covers(one))
        }),
    };
    let leaves_junctions = earlier.junctions() != Some(false) || later.junctions() == Some(false);
    includes && excludes_nothing && leaves_junctions
}

/// Whether it bounds the number of items no more, and what the request does not name.
fn takes_as_many(earlier: &Permission, later: &Permission) -> bool {
    let most = match (earlier.max_items, later.max_items) {
        (Some(MaxItems::At(earlier)), Some(MaxItems::At(later))) => earlier >= later,
        (Some(MaxItems::At(_)), Some(MaxItems::Unlimited) | None) => false,
        (Some(MaxItems::Unlimited) | None, _) => true,
    };
    most && (!later.by_query || (earlier.by_query && earlier.max_items.is_some()))
}

/// Whether it asks nothing of the call that the later one does not ask as well.
fn asks_no_more(earlier: &Permission, later: &Permission, action: Action) -> bool {
    let same_filter = earlier.filter.is_none() || earlier.filter == later.filter;
    let same_presets = earlier.presets == later.presets;
    let text = |one: &Permission| one.validation.as_ref().map(|validation| validation.text.clone());
    let same_validation = earlier.validation.is_none() || (text(earlier) == text(later) && same_presets);
    // A field with a preset may be written though `fields` does not have it.
    let presets: BTreeSet<&String> = later.presets.iter().flat_map(|presets| presets.keys()).collect();
    let fills_no_more = same_presets
        || (earlier.presets.is_none() && presets.iter().all(|field| earlier.fields.matches(field)));
    match action {
        Action::Create | Action::Import => fills_no_more && same_validation,
        Action::Update => same_filter && same_validation,
        Action::Read | Action::Delete | Action::Execute => same_filter,
    }
}

fn forbids_all(earlier: &Forbid, later: &Forbid) -> bool {
    let names = later.collections.names().included().iter().map(Some);
    let mut patterns = names.chain((later.collections.junctions() == Some(true)).then_some(None));
    let excepts = earlier.except.iter().all(|role| later.except.contains(role));
    earlier.actions.is_superset(&later.actions)
        && (!earlier.observe || later.observe)
        && excepts
        && !super::is_nothing(&later.collections)
        && patterns.all(|pattern| has(&earlier.collections, &later.collections, pattern))
}
