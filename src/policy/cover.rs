//! Whether one permission covers one access, and what it asks for in return.

use super::document::{MaxItems, Permission};
use super::rules::Rules;
use crate::directus::{Access, Action, Extent};

/// What a permission that covers an access asks to be done to the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// A limit to set.
    pub(crate) limit: Option<u64>,
}

/// Why a permission does not cover an access, the least fitting first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mismatch {
    /// It speaks of other collections or actions.
    Elsewhere,
    /// It speaks of other keys.
    Keys,
    /// It does not speak of these fields, which the request names.
    Fields(Vec<String>),
    /// It does not speak of items that the request does not name.
    ByQuery,
    /// It bounds the number of items, and the request selects all.
    Unbounded,
    /// The request asks for more items than it allows.
    TooMany {
        /// What the request asks for.
        asked: u64,
        /// What the permission allows.
        most: u64,
    },
    /// It would cover the access, but asks for something that cannot be done to this call.
    Undischarged(&'static str),
}

/// How strictly to look: a call that is there, or whether any call could be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// At this call, with everything it names.
    Exactly,
    /// Whether some call of this kind could be covered: filter, validation, presets and numbers left aside.
    Leniently,
}

/// Whether the permission covers the access, read-backs not counted again.
pub(crate) fn cover(
    permission: &Permission,
    access: &Access,
    rules: &Rules<'_>,
    look: Look,
    is_read_back: bool,
) -> Result<Needs, Mismatch> {
    let junction = rules.is_junction(&access.collection);
    if !permission.actions.contains(&access.action)
        || !permission.collections.matches(&access.collection, junction)
    {
        return Err(Mismatch::Elsewhere);
    }
    if look == Look::Leniently {
        return Ok(Needs::default());
    }
    keys(permission, access)?;
    fields(permission, access, rules)?;
    undischarged(permission, access)?;
    match (access.action, is_read_back) {
        (Action::Read, true) => Ok(Needs::default()),
        (Action::Read, false) => read_many(permission, access),
        (Action::Update | Action::Delete, _) => write_many(permission, access),
        (Action::Create | Action::Execute | Action::Import, _) => named(permission, count(&access.extent)),
    }
}

fn keys(permission: &Permission, access: &Access) -> Result<(), Mismatch> {
    let Some(allowed) = &permission.keys else { return Ok(()) };
    match &access.extent {
        Extent::Keys(keys) if keys.iter().all(|key| allowed.contains(key)) => Ok(()),
        Extent::Keys(_)
        | Extent::Children(_)
        | Extent::New(_)
        | Extent::Singleton
        | Extent::Query { .. }
        | Extent::All => Err(Mismatch::Keys),
    }
}

fn fields(permission: &Permission, access: &Access, rules: &Rules<'_>) -> Result<(), Mismatch> {
    let reads = access.action == Action::Read;
    let bad = |name: &&String| {
        !permission.fields.matches(name) || (reads && rules.redacted(&access.collection, name).is_some())
    };
    let bad: Vec<String> = access.fields.named.iter().filter(bad).cloned().collect();
    if bad.is_empty() { Ok(()) } else { Err(Mismatch::Fields(bad)) }
}

/// What the policy language has, and this version cannot enforce yet: an obligation that cannot be discharged is a denial.
fn undischarged(permission: &Permission, access: &Access) -> Result<(), Mismatch> {
    let filtered = permission.filter.is_some();
    match access.action {
        Action::Read | Action::Update | Action::Delete if filtered => Err(Mismatch::Undischarged("filter")),
        Action::Create | Action::Update if permission.validation.is_some() => {
            Err(Mismatch::Undischarged("validation"))
        }
        Action::Create if permission.presets.is_some() => Err(Mismatch::Undischarged("presets")),
        Action::Import if permission.validation.is_some() || permission.presets.is_some() => {
            Err(Mismatch::Undischarged("validation"))
        }
        Action::Read
        | Action::Update
        | Action::Delete
        | Action::Create
        | Action::Execute
        | Action::Import => Ok(()),
    }
}

/// A read: what the request does not bound is bounded here, what it asks for beyond is refused with the number.
fn read_many(permission: &Permission, access: &Access) -> Result<Needs, Mismatch> {
    let Some(MaxItems::At(most)) = permission.max_items else { return Ok(Needs::default()) };
    match access.extent {
        Extent::Query { limit: Some(asked), said: true, .. } if asked > most => {
            Err(Mismatch::TooMany { asked, most })
        }
        Extent::Query { limit: Some(_), said: true, .. } => Ok(Needs::default()),
        // What Directus bounds by itself below the root is left as it is where that is enough.
        Extent::Query { limit: Some(default), said: false, .. }
            if !access.via.is_empty() && default <= most =>
        {
            Ok(Needs::default())
        }
        Extent::Query { .. } | Extent::All => Ok(Needs { limit: Some(most) }),
        Extent::Keys(_) | Extent::Children(_) | Extent::New(_) | Extent::Singleton => {
            named(permission, count(&access.extent))
        }
    }
}

/// A change or a delete of items that may not be named: `by_query` permits it, `max_items` bounds it.
fn write_many(permission: &Permission, access: &Access) -> Result<Needs, Mismatch> {
    let unnamed = match access.extent {
        Extent::Query { .. } | Extent::All => true,
        Extent::Children(_) => access.action == Action::Delete,
        Extent::Keys(_) | Extent::New(_) | Extent::Singleton => false,
    };
    if !unnamed {
        return named(permission, count(&access.extent));
    }
    if !permission.by_query {
        return Err(Mismatch::ByQuery);
    }
    match (permission.max_items, &access.extent) {
        (Some(MaxItems::Unlimited), _) => Ok(Needs::default()),
        (Some(MaxItems::At(most)), Extent::Query { limit: Some(asked), said: true, filtered: true }) => {
            if *asked > most {
                Err(Mismatch::TooMany { asked: *asked, most })
            } else {
                Ok(Needs::default())
            }
        }
        (Some(MaxItems::At(most)), Extent::Query { limit: Some(_), said: false, filtered: true }) => {
            Ok(Needs { limit: Some(most) })
        }
        (Some(MaxItems::At(_)) | None, _) => Err(Mismatch::Unbounded),
    }
}

fn named(permission: &Permission, asked: u64) -> Result<Needs, Mismatch> {
    match permission.max_items {
        Some(MaxItems::At(most)) if asked > most => Err(Mismatch::TooMany { asked, most }),
        Some(MaxItems::At(_) | MaxItems::Unlimited) | None => Ok(Needs::default()),
    }
}

/// How many items the extent names.
fn count(extent: &Extent) -> u64 {
    match extent {
        Extent::Keys(keys) => u64::try_from(keys.len()).unwrap_or(u64::MAX),
        Extent::New(count) | Extent::Children(count) => *count,
        Extent::Singleton => 1,
        Extent::Query { .. } | Extent::All => u64::MAX,
    }
}
