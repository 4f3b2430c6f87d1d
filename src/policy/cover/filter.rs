//! How a permission's `filter` is kept: put on the request where that can carry it, checked beforehand where it cannot.

use super::Mismatch;
use crate::directus::carrier::{Carrier, Reach};
use crate::directus::{Access, Action, Extent, KeyCheck, SchemaSnapshot, ToolCall, conjunct, reading};
use crate::policy::document::Permission;
use crate::policy::rules::Rules;
use serde_json::{Map, Value};

/// What becomes of a permission's filter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filtering {
    /// It is anded to what selects the items of the access' place.
    Anded,
    /// The items are read under it before the call goes on.
    Checked(KeyCheck),
}

/// What a query may not say beside an update of whatever it selects: the update and what is read back would be about other items
/// than those that the filter was put on.
const NOT_BESIDE: [&str; 6] = ["offset", "page", "search", "aggregate", "groupBy", "alias"];

/// What a permission is held against beside the access itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Around<'a> {
    pub(super) rules: &'a Rules<'a>,
    pub(super) call: &'a ToolCall,
    pub(super) above: Option<&'a Permission>,
}

/// How the filter is kept for that access; `None` where it has none, or where the access is about no item that is there.
pub(super) fn filtering(
    permission: &Permission,
    access: &Access,
    around: Around<'_>,
) -> Result<Option<Filtering>, Mismatch> {
    let Some(rule) = &permission.filter else { return Ok(None) };
    match access.action {
        // What is made is no item yet; `validation` speaks of it.
        Action::Create | Action::Import => return Ok(None),
        Action::Read | Action::Update | Action::Delete | Action::Execute => fits(rule, access, around)?,
    }
    match access.action {
        Action::Create | Action::Import => Ok(None),
        Action::Read => match access.carrier {
            Carrier::Place(reach) => anded(rule, access, reach, around).map(Some),
            Carrier::Nothing | Carrier::Rows(_) => checked(rule, access, around).map(Some),
        },
        Action::Update | Action::Delete | Action::Execute => match access.extent {
            Extent::Query { .. } | Extent::All => by_query(access, around.call).map(Some),
            Extent::Keys(_) | Extent::Children(_) | Extent::New(_) | Extent::Singleton => {
                checked(rule, access, around).map(Some)
            }
        },
    }
}

/// A pattern may name collections that do not have the filter's fields.
fn fits(rule: &Map<String, Value>, access: &Access, around: Around<'_>) -> Result<(), Mismatch> {
    let schema = around.rules.schema().ok_or_else(|| undischarged("there is no schema"))?;
    let collection = schema.collection(&access.collection);
    let collection = collection.ok_or_else(|| undischarged("there is no such collection"))?;
    match reading::unfit(rule, collection, schema) {
        None => Ok(()),
        Some(misread) => Err(undischarged(&misread.to_string())),
    }
}

fn anded(
    rule: &Map<String, Value>,
    access: &Access,
    reach: Reach,
    around: Around<'_>,
) -> Result<Filtering, Mismatch> {
    if access.extent == Extent::Singleton {
        return Err(undischarged("the collection has one item only"));
    }
    if !around.call.is_narrowable() {
        return Err(undischarged("this tool takes no filter here"));
    }
    match reach {
        Reach::All => Ok(Filtering::Anded),
        Reach::ToOne => to_one(rule, access, around),
        Reach::LookedInto => Err(undischarged(
            "it sorts, filters or counts by related items that are not all open to this role; ask for the items themselves",
        )),
        Reach::Doubled => {
            Err(undischarged("the same relation is asked for under two names; ask for it once"))
        }
        Reach::Versioned => Err(undischarged("it asks for an unpublished version; leave `version` out")),
    }
}

/// A pointer to one item. That Directus filters what it points to is measured for one version only; on another the permission
/// for the place above has to do it.
fn to_one(rule: &Map<String, Value>, access: &Access, around: Around<'_>) -> Result<Filtering, Mismatch> {
    let field = access.via.rsplit('.').next().unwrap_or_default();
    let mut line = Map::new();
    line.insert(field.to_owned(), Value::Object(rule.clone()));
    let filters = around.rules.schema().is_some_and(SchemaSnapshot::filters_to_one);
    let above = around.above.and_then(|above| above.filter.clone()).map(Value::Object);
    if filters || above.is_some_and(|above| conjunct::has(&above, &line)) {
        return Ok(Filtering::Anded);
    }
    Err(Mismatch::Undischarged(
        "filter",
        format!(
            "this version of Directus may not filter what a pointer to one item leads to; the permission for the items that \
             point there would have to say `filter: {}` as well",
            Value::Object(line)
        ),
    ))
}

fn undischarged(why: &str) -> Mismatch {
    Mismatch::Undischarged("filter", why.to_owned())
}

/// An update of whatever the call's own query selects.
fn by_query(access: &Access, call: &ToolCall) -> Result<Filtering, Mismatch> {
    let query = call.arguments.get("query").and_then(Value::as_object);
    let beside = query.is_some_and(|query| NOT_BESIDE.iter().any(|part| query.contains_key(*part)));
    let is_root = access.action == Action::Update && access.via.is_empty() && call.is_narrowable();
    if !is_root {
        Err(undischarged("the items are not named; give their keys"))
    } else if beside {
        let why = "`offset`, `page`, `search`, `aggregate`, `groupBy` and `alias` do not go with an update by query";
        Err(undischarged(why))
    } else {
        Ok(Filtering::Anded)
    }
}

fn checked(rule: &Map<String, Value>, access: &Access, around: Around<'_>) -> Result<Filtering, Mismatch> {
    match &access.extent {
        Extent::Keys(keys) if !keys.is_empty() => {
            let schema = around.rules.schema().ok_or_else(|| undischarged("there is no schema"))?;
            let collection = schema.collection(&access.collection);
            let dialect = around.call.dialect();
            let check = collection.and_then(|collection| KeyCheck::new(dialect, collection, keys, rule));
            check
                .map(Filtering::Checked)
                .ok_or_else(|| undischarged("its items cannot be looked up beforehand"))
        }
        Extent::Singleton => Err(undischarged("the collection has one item only")),
        Extent::Keys(_) | Extent::Children(_) | Extent::New(_) | Extent::Query { .. } | Extent::All => {
            Err(undischarged("the items are not named; give their keys"))
        }
    }
}
