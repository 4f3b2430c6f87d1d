//! Whether one permission covers one access, and what it asks for in return.

mod filter;
mod rows;
mod search;

use filter::Around;
pub(crate) use filter::Filtering;
pub(crate) use rows::Preset;

use super::document::{MaxItems, Permission};
use super::rules::Rules;
use crate::directus::carrier::Carrier;
use crate::directus::reading::DEFAULT_LIMIT;
use crate::directus::schema::FieldKind;
use crate::directus::{Access, Action, Extent, ToolCall};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What a permission that covers an access asks to be done.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Needs {
    /// A limit to set.
    pub(crate) limit: Option<u64>,
    /// How its filter is kept.
    pub(crate) filter: Option<Filtering>,
    /// The condition to find by, in place of a search that would look at more than may be read.
    pub(crate) search: Option<Map<String, Value>>,
    /// What is put into the rows.
    pub(crate) presets: Vec<Preset>,
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
    /// It does not speak of all that a search looks at, and the search cannot be put otherwise, for that reason.
    Search(&'static str),
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
    /// It would cover the access, but asks (by that key) for something that cannot be done to this call, for that reason.
    Undischarged(&'static str, String),
    /// What is written does not meet its validation, by these fields.
    Invalid(Vec<String>),
}

/// How strictly to look: a call that is there, or whether any call could be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Look<'c> {
    /// At this call, with everything it names.
    Exactly {
        /// The call.
        call: &'c ToolCall,
        /// Whether the access is the reading back of what the call writes, which is not counted again.
        is_read_back: bool,
        /// The permission that covers the place above, for what is read below another.
        above: Option<&'c Permission>,
    },
    /// Whether some call of this kind could be covered: filter, validation, presets and numbers left aside.
    Leniently,
}

/// Whether the permission covers the access.
pub(crate) fn cover(
    permission: &Permission,
    access: &Access,
    rules: &Rules<'_>,
    look: Look<'_>,
) -> Result<Needs, Mismatch> {
    let junction = rules.is_junction(&access.collection);
    if !permission.actions.contains(&access.action)
        || !permission.collections.matches(&access.collection, junction)
    {
        return Err(Mismatch::Elsewhere);
    }
    if permission.keys.as_ref().is_some_and(BTreeSet::is_empty) {
        return Err(Mismatch::Keys);
    }
    let Look::Exactly { call, is_read_back, above } = look else { return Ok(Needs::default()) };
    keys(permission, access)?;
    let search = fields(permission, access, rules, call, is_read_back)?;
    let limit = match (access.action, is_read_back) {
        (Action::Read, true) => None,
        (Action::Read, false) => read_many(permission, access, call)?,
        (Action::Update | Action::Delete, _) => write_many(permission, access)?,
        (Action::Create | Action::Execute | Action::Import, _) => named(permission, count(&access.extent))?,
    };
    let filter = filter::filtering(permission, access, Around { rules, call, above })?;
    let presets = rows::rows(permission, access, rules, call)?;
    Ok(Needs { limit: limit.or_else(|| said_limit(access, filter.as_ref())), filter, search, presets })
}

/// An update of what a filtered query selects says its limit: what is read back then has the same one.
fn said_limit(access: &Access, filter: Option<&Filtering>) -> Option<u64> {
    let unsaid = matches!(access.extent, Extent::Query { said: false, .. });
    (unsaid && access.action == Action::Update && filter.is_some()).then_some(DEFAULT_LIMIT)
}

fn keys(permission: &Permission, access: &Access) -> Result<(), Mismatch> {
    let Some(allowed) = &permission.keys else { return Ok(()) };
    match &access.extent {
        // "All of none" would cover what names no item at all, such as a change of the collection itself.
        Extent::Keys(keys) if !keys.is_empty() && keys.iter().all(|key| allowed.contains(key)) => Ok(()),
        Extent::Keys(_)
        | Extent::Children(_)
        | Extent::New(_)
        | Extent::Singleton
        | Extent::Query { .. }
        | Extent::All => Err(Mismatch::Keys),
    }
}

/// Gives the condition by which a search has to find, where it may not look at everything.
fn fields(
    permission: &Permission,
    access: &Access,
    rules: &Rules<'_>,
    call: &ToolCall,
    is_read_back: bool,
) -> Result<Option<Map<String, Value>>, Mismatch> {
    let reads = access.action == Action::Read;
    let bad = |name: &&String| {
        let open = permission.fields.matches(name) || rows::is_preset(permission, access, call, name);
        !open || (reads && rules.redacted(&access.collection, name).is_some())
    };
    let bad = access.fields.named.iter().filter(bad).cloned();
    let (searched, bad): (Vec<String>, Vec<String>) =
        bad.partition(|name| access.fields.searched.contains(name));
    if !bad.is_empty() {
        return Err(Mismatch::Fields(bad));
    }
    if reads && access.fields.wildcard && !call.is_projectable() && !shows_all(permission, access, rules) {
        let why = "it brings back fields that this role may not read, and cannot be asked to leave them out";
        return Err(Mismatch::Undischarged("fields", why.to_owned()));
    }
    if searched.is_empty() {
        return Ok(None);
    }
    search::found_by(permission, access, rules, call, is_read_back).map(Some)
}

/// Whether every field there is may be read.
fn shows_all(permission: &Permission, access: &Access, rules: &Rules<'_>) -> bool {
    let collection = rules.schema().and_then(|schema| schema.collection(&access.collection));
    collection.is_none_or(|collection| {
        let mut data = collection.fields.values().filter(|field| field.kind != FieldKind::Presentation);
        data.all(|field| rules.readable(permission, &collection.name, &field.name))
    })
}

/// A read: what the request does not bound is bounded here, what it asks for beyond is refused with the number.
fn read_many(permission: &Permission, access: &Access, call: &ToolCall) -> Result<Option<u64>, Mismatch> {
    let Some(MaxItems::At(most)) = permission.max_items else { return Ok(None) };
    match access.extent {
        Extent::Query { limit: Some(asked), said: true, .. } if asked > most => {
            Err(Mismatch::TooMany { asked, most })
        }
        Extent::Query { limit: Some(_), said: true, .. } => Ok(None),
        // What Directus bounds by itself below the root is left as it is where that is enough.
        Extent::Query { limit: Some(default), said: false, .. }
            if !access.via.is_empty() && default <= most =>
        {
            Ok(None)
        }
        Extent::Query { .. } | Extent::All if takes_limit(access, call) => Ok(Some(most)),
        Extent::Query { .. } | Extent::All => Err(Mismatch::Undischarged(
            "max_items",
            "this tool takes no limit; name what is to be read".to_owned(),
        )),
        Extent::Keys(_) | Extent::Children(_) | Extent::New(_) | Extent::Singleton => {
            named(permission, count(&access.extent))
        }
    }
}

/// Whether a limit can be put where the access arises.
fn takes_limit(access: &Access, call: &ToolCall) -> bool {
    let place = match access.carrier {
        Carrier::Place(_) => true,
        Carrier::Nothing | Carrier::Rows(_) => false,
    };
    place && call.is_narrowable()
}

/// A change or a delete of items that may not be named: `by_query` permits it, `max_items` bounds it.
fn write_many(permission: &Permission, access: &Access) -> Result<Option<u64>, Mismatch> {
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
        (Some(MaxItems::Unlimited), _) => Ok(None),
        (Some(MaxItems::At(most)), Extent::Query { limit: Some(asked), said: true, filtered: true }) => {
            if *asked > most {
                Err(Mismatch::TooMany { asked: *asked, most })
            } else {
                Ok(None)
            }
        }
        // Directus bounds it already; a wider bound would write more than the request asks for.
        (Some(MaxItems::At(most)), Extent::Query { limit: Some(default), said: false, filtered: true }) => {
            Ok(Some(most.min(*default)))
        }
        (Some(MaxItems::At(_)) | None, _) => Err(Mismatch::Unbounded),
    }
}

fn named(permission: &Permission, asked: u64) -> Result<Option<u64>, Mismatch> {
    match permission.max_items {
        Some(MaxItems::At(most)) if asked > most => Err(Mismatch::TooMany { asked, most }),
        Some(MaxItems::At(_) | MaxItems::Unlimited) | None => Ok(None),
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
