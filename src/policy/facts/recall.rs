//! Facts read back from a trail: a call as far as a decision looks at it.
//!
//! A stand-in for the call is built that the engine reads as it reads any other. A value that was not kept stands in it as what no rule
//! takes for a value, so that a rule which asks for it denies; [`Recalled::lacks`] tells whether that is why.

use super::mentioned;
use crate::directus::accesses::Decoded;
use crate::directus::call::Mode;
use crate::directus::carrier::{Carrier, Filled, Reach, Row, RowFate, Step};
use crate::directus::{Access, Action, Extent, Fields, Key, LocalTool, Origin, Tool, ToolCall};
use crate::policy::document::Role;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Where the written rows stand in the stand-in's arguments; no tool has an argument of that name.
const ROWS: &str = "rows of facts";

/// A call of a trail, ready to be decided again.
#[derive(Clone, Debug)]
pub struct Recalled {
    pub(in crate::policy) call: ToolCall,
    pub(in crate::policy) decoded: Decoded,
    /// The fields that were written with a value that was not kept.
    lacking: Vec<String>,
}

/// Why facts cannot be decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unclear {
    /// There are none, or their rest was left out.
    #[error("its facts were too long to be kept")]
    Truncated,
    /// They are not what this version writes.
    #[error("its facts are of another form than this version writes")]
    Unreadable,
}

impl Recalled {
    /// Reads facts.
    ///
    /// # Errors
    /// [`Unclear`], where they do not tell what the call did.
    pub fn read(facts: &str) -> Result<Self, Unclear> {
        let Ok(Value::Object(facts)) = serde_json::from_str(facts) else { return Err(Unclear::Unreadable) };
        if facts.contains_key("truncated") || has_bare_rows(&facts) {
            return Err(Unclear::Truncated);
        }
        recall(&facts).ok_or(Unclear::Unreadable)
    }

    /// What it asks for first, in short: `update articles`.
    pub fn does(&self) -> String {
        let first = self.decoded.accesses.first();
        first.map(|access| format!("{} {}", access.action, access.collection)).unwrap_or_default()
    }

    /// Whether a rule of the role asks for a value that was not kept.
    pub(in crate::policy) fn lacks(&self, role: &Role) -> bool {
        let mentioned = mentioned(role);
        self.lacking.iter().any(|field| mentioned.contains(field.as_str()))
    }
}

/// Whether the written rows were left out for being too long.
fn has_bare_rows(facts: &Map<String, Value>) -> bool {
    let accesses = facts.get("accesses").and_then(Value::as_array).into_iter().flatten();
    accesses.filter_map(|access| access.get("rows")?.as_array()).flatten().any(Value::is_null)
}

fn recall(facts: &Map<String, Value>) -> Option<Recalled> {
    let mut recalled = Recalled {
        call: stand_in(facts)?,
        decoded: Decoded { accesses: Vec::new(), imports: texts(facts.get("imports")?)? },
        lacking: Vec::new(),
    };
    let mut all = Vec::new();
    for fact in facts.get("accesses")?.as_array()? {
        let (carrier, rows) = carrier(fact, all.len(), &mut recalled.lacking)?;
        all.push(rows);
        recalled.decoded.accesses.push(access(fact, carrier)?);
    }
    recalled.call.arguments.insert(ROWS.to_owned(), Value::Array(all));
    Some(recalled)
}

fn stand_in(facts: &Map<String, Value>) -> Option<ToolCall> {
    let tool = Tool::named(facts.get("tool")?.as_str()?)?;
    let local = match facts.get("local")?.as_str() {
        Some(name) => Some(LocalTool::named(name)?),
        None => None,
    };
    let mut arguments = Map::new();
    if let Some(action) = facts.get("action")?.as_str() {
        arguments.insert("action".to_owned(), action.into());
    }
    if facts.get("keyed")?.as_bool()? {
        arguments.insert("keys".to_owned(), json!([]));
    }
    let parts = texts(facts.get("query")?)?;
    if !parts.is_empty() {
        let query: Map<String, Value> = parts.into_iter().map(|part| (part, Value::Null)).collect();
        arguments.insert("query".to_owned(), Value::Object(query));
    }
    Some(ToolCall { mode: Mode::Legacy, local, tool, arguments })
}

fn access(fact: &Value, carrier: Carrier) -> Option<Access> {
    let fields = Fields {
        named: texts(fact.get("fields")?)?.into_iter().collect(),
        wildcard: fact.get("wildcard")?.as_bool()?,
        searched: texts(fact.get("searched")?)?.into_iter().collect(),
    };
    Some(Access {
        action: Action::named(fact.get("action")?.as_str()?)?,
        collection: fact.get("collection")?.as_str()?.to_owned(),
        fields,
        extent: extent(fact.get("extent")?)?,
        via: fact.get("via")?.as_str()?.to_owned(),
        origin: Origin::named(fact.get("origin")?.as_str()?)?,
        carrier,
    })
}

fn extent(fact: &Value) -> Option<Extent> {
    match fact {
        Value::String(word) if word == "all" => Some(Extent::All),
        Value::String(word) if word == "singleton" => Some(Extent::Singleton),
        Value::Object(fact) => {
            if let Some(keys) = fact.get("keys") {
                return keys.as_array()?.iter().map(key).collect::<Option<_>>().map(Extent::Keys);
            }
            if let Some(count) = fact.get("children") {
                return count.as_u64().map(Extent::Children);
            }
            if let Some(count) = fact.get("new") {
                return count.as_u64().map(Extent::New);
            }
            Some(Extent::Query {
                limit: fact.get("query")?.as_u64(),
                said: fact.get("said")?.as_bool()?,
                filtered: fact.get("filtered")?.as_bool()?,
            })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
    }
}

fn key(value: &Value) -> Option<Key> {
    match value {
        Value::Number(number) => number.as_u64().map(Key::Number),
        Value::String(text) => Some(Key::Text(text.clone())),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What carries the access, and the rows that stand in for those that were written, as the arguments hold them at that place.
fn carrier(fact: &Value, place: usize, lacking: &mut Vec<String>) -> Option<(Carrier, Value)> {
    if let Some(reach) = fact.get("place") {
        return Some((Carrier::Place(Reach::named(reach.as_str()?)?), Value::Null));
    }
    let Some(facts) = fact.get("rows") else { return Some((Carrier::Nothing, Value::Null)) };
    let (mut rows, mut written) = (Vec::new(), Vec::new());
    for (index, fact) in facts.as_array()?.iter().enumerate() {
        let fate = RowFate::named(fact.get("fate")?.as_str()?)?;
        let values = fact.get("values")?.as_object()?;
        let mut row = Map::new();
        for field in texts(fact.get("fields")?)? {
            let value = values.get(&field).cloned().unwrap_or_else(|| {
                lacking.push(field.clone());
                json!({})
            });
            row.insert(field, value);
        }
        let mut filled = BTreeMap::new();
        for (name, value) in [("null", Filled::Null), ("unknown", Filled::Unknown)] {
            filled.extend(texts(fact.get(name)?)?.into_iter().map(|field| (field, value)));
        }
        let at = vec![Step::Key(ROWS.to_owned()), Step::Index(place), Step::Index(index)];
        rows.push(Row { at: Some(at), filled, fate });
        written.push(Value::Object(row));
    }
    Some((Carrier::Rows(rows), Value::Array(written)))
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
}
