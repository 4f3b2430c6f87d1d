//! Where one role stands with one action on one collection: what stops it, or the permissions that speak of it.
//!
//! These are the rules that decide calls, asked about an access that no call has made yet. What they rule out here, they rule out in
//! every call, since a call passes only where each access that it asks for is covered and none is forbidden.

use super::world::{BYTES, FILES};
use crate::directus::access::{Access, Action, Extent, Fields};
use crate::directus::field::is_path;
use crate::policy::cover::{Look, cover};
use crate::policy::document::{Mode, Permission, Position};
use crate::policy::imports;
use crate::policy::rules::{Hit, Rules};

/// What the rules of a role say of one action on one collection.
#[derive(Clone, Debug)]
pub(super) struct Stand<'a> {
    rules: Rules<'a>,
    action: Action,
    collection: String,
    /// The rules that stop every such access.
    pub(super) forbidden: Vec<Hit<'a>>,
    /// Those that would, were they not observed only.
    pub(super) observed: Vec<Hit<'a>>,
    /// The permissions that speak of it, in the order in which they are tried.
    ways: Vec<&'a Permission>,
}

/// Why no call does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bar {
    /// There is no call that asks for this.
    NoCall,
    /// No address to import from is listed.
    NoSource,
    /// The field is redacted.
    Redacted,
    /// No permission speaks of it.
    NoPermission,
}

/// What comes of it, for one field or for no field in particular.
#[derive(Clone, Debug)]
pub(super) enum Standing<'a> {
    /// No call that asks for it passes: these rules forbid it.
    Forbidden(Vec<Hit<'a>>),
    /// No call that asks for it passes, for another reason.
    Barred(Bar),
    /// These permissions speak of it. None where the role is only observed, and would be denied.
    Open(Vec<&'a Permission>),
}

impl<'a> Stand<'a> {
    pub(super) fn of(rules: Rules<'a>, action: Action, collection: &str) -> Self {
        let access = Access::asked(action, collection, Fields::none(), Extent::Keys(Vec::new()));
        let mode = rules.role.mode;
        let (observed, forbidden) = rules.forbids(&access).partition(|hit: &Hit<'a>| hit.observed(mode));
        let ways = rules.role.permissions.iter().filter(|permission| {
            cover(permission, &access, &rules, Look::Leniently).is_ok()
                && (permission.keys.is_none() || is_keyed(action, collection))
        });
        let ways = ways.collect();
        Self { rules, action, collection: collection.to_owned(), forbidden, observed, ways }
    }

    /// What comes of it, for a field or for no field in particular.
    pub(super) fn standing(&self, field: Option<&str>) -> Standing<'a> {
        if !self.forbidden.is_empty() {
            return Standing::Forbidden(self.forbidden.clone());
        }
        if let Some(bar) = self.bar(field) {
            return Standing::Barred(bar);
        }
        let ways: Vec<&Permission> = self
            .ways
            .iter()
            .copied()
            .filter(|way| field.is_none_or(|field| self.admits(way, field)))
            .collect();
        if ways.is_empty() && self.rules.role.mode == Mode::Enforce {
            return Standing::Barred(Bar::NoPermission);
        }
        Standing::Open(ways)
    }

    /// What stops it, whatever the permissions say.
    fn bar(&self, field: Option<&str>) -> Option<Bar> {
        if self.action == Action::Import {
            if self.collection != FILES {
                return Some(Bar::NoCall);
            }
            if !has_source(&self.rules) {
                return Some(Bar::NoSource);
            }
        }
        let field = field?;
        if !can_be_named(self.action, &self.collection, field) {
            return Some(Bar::NoCall);
        }
        let redacted = self.action == Action::Read && self.rules.redacted(&self.collection, field).is_some();
        redacted.then_some(Bar::Redacted)
    }

    /// Whether a call under that permission can name the field: also one that the presets would fill in, with what they fill in.
    pub(super) fn admits(&self, way: &Permission, field: &str) -> bool {
        match self.action {
            Action::Read => self.rules.readable(way, &self.collection, field),
            Action::Create | Action::Import => {
                way.fields.matches(field)
                    || way.presets.as_ref().is_some_and(|presets| presets.contains_key(field))
            }
            Action::Update | Action::Delete | Action::Execute => way.fields.matches(field),
        }
    }

    /// The rule behind a bar.
    pub(super) fn rule(&self, bar: Bar, field: Option<&str>) -> Option<String> {
        let role = &self.rules.role.name;
        match bar {
            Bar::NoCall => None,
            Bar::NoSource => Some(format!("{role}/import_from")),
            Bar::Redacted => field.and_then(|field| self.rules.redacted(&self.collection, field)),
            Bar::NoPermission => Some(format!("{role}/-")),
        }
    }
}

impl Bar {
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::NoCall => "no call does this",
            Self::NoSource => "no address to import from is listed",
            Self::Redacted => "redacted",
            Self::NoPermission => "no permission",
        }
    }
}

/// Where a rule stands.
pub(super) fn place<'a>(hit: &Hit<'a>) -> (String, &'a Position) {
    (hit.rule(), &hit.forbid.at)
}

/// Whether calls do it in turn, without asking for it.
pub(super) fn is_brought_about(action: Action) -> bool {
    match action {
        Action::Create | Action::Update | Action::Delete => true,
        Action::Read | Action::Execute | Action::Import => false,
    }
}

/// Whether calls name items of this by key where they do that. What is made has no key yet, except in the data model, where a field is
/// known by its name.
fn is_keyed(action: Action, collection: &str) -> bool {
    match action {
        Action::Create => matches!(collection, "directus_fields" | "directus_relations"),
        Action::Import => false,
        Action::Read | Action::Update | Action::Delete | Action::Execute => true,
    }
}

/// Whether a call can name the field of that collection.
pub(super) fn can_be_named(action: Action, collection: &str, field: &str) -> bool {
    match action {
        // Items go whole, and a flow runs on them whole.
        Action::Delete | Action::Execute => false,
        Action::Read if field == BYTES => collection == FILES,
        Action::Read | Action::Create | Action::Import => !is_path(field),
        // What is written to an item is no path, but a column may be called whatever the one who makes it likes.
        Action::Update => true,
    }
}

/// Whether there is an address that every list which has to have it has. Each list has whatever is below its addresses, so of two
/// that meet, one lies below the other.
fn has_source(rules: &Rules<'_>) -> bool {
    let lists = [&rules.role.import_from, &rules.guardrails.import_from];
    let listed = lists.into_iter().flatten().flatten().map(|source| source.url.to_string());
    listed.into_iter().any(|address| imports::check(rules, &[address]).is_empty())
}
