//! A `search` that would look at fields that a permission does not let be read: it is put as a filter over those that it does.

use super::{Mismatch, Permission, Rules};
use crate::directus::carrier::{Carrier, Reach};
use crate::directus::{Access, Extent, ToolCall, search};
use serde_json::{Map, Value};

/// The condition to find by, in place of the search.
pub(super) fn found_by(
    permission: &Permission,
    access: &Access,
    rules: &Rules<'_>,
    call: &ToolCall,
    is_read_back: bool,
) -> Result<Map<String, Value>, Mismatch> {
    if !access.via.is_empty() {
        return Err(Mismatch::Search("below a relation it cannot be limited to the others"));
    }
    if is_read_back {
        return Err(Mismatch::Search("beside a write it cannot be limited to the others"));
    }
    let is_whole = match access.carrier {
        Carrier::Place(Reach::All) => access.extent != Extent::Singleton && call.is_narrowable(),
        Carrier::Place(Reach::ToOne | Reach::LookedInto | Reach::Doubled | Reach::Versioned)
        | Carrier::Nothing
        | Carrier::Rows(_) => false,
    };
    if !is_whole {
        return Err(Mismatch::Search("no filter can be put here to limit it to the others"));
    }
    let collection = rules.schema().and_then(|schema| schema.collection(&access.collection));
    collection
        .zip(call.term())
        .and_then(|(collection, term)| {
            search::condition(term, collection, |field| rules.readable(permission, &collection.name, field))
        })
        .ok_or(Mismatch::Search("none of the others holds text"))
}
