//! What an obligation does to a call before it is forwarded.

use super::call::ToolCall;
use super::conjunct;
use super::json_text::parsed;
use super::local::{LocalTool, Takes};
use super::misread::Misread;
use super::reading::Query;
use super::schema::SchemaSnapshot;
use super::tool::{Tool, Verb};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What may be said of an imported file; everything else (`id`, `type`, `filename_disk`, …) decides over other files or
/// over what the bytes are taken for (FACTS section 6).
const IMPORTED: [&str; 4] = ["title", "description", "folder", "tags"];

/// What a query is to ask for instead of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Projection {
    /// The fields to ask for in place of a wildcard, by its path.
    pub(crate) spelled: BTreeMap<String, Vec<String>>,
    /// The paths that a wildcard leads to, and that are left out.
    pub(crate) dropped: BTreeSet<String>,
}

impl Projection {
    /// Whether there is nothing to change.
    pub(crate) fn is_empty(&self) -> bool {
        self.spelled.is_empty() && self.dropped.is_empty()
    }
}

impl ToolCall {
    /// Whether the tool takes a `query` that says which fields come back.
    pub fn is_projectable(&self) -> bool {
        self.local.is_none_or(|tool| tool.takes() != Takes::Nothing) && self.takes_query()
    }

    /// Whether the tool takes a `query` that says which items come back too, at every relation.
    pub fn is_narrowable(&self) -> bool {
        let whole = self.local.is_none_or(|tool| {
            // One file is asked for by its key, and then nothing of the query but its fields is looked at.
            tool.takes() == Takes::Query
                && !(tool == LocalTool::ReadFiles && self.arguments.contains_key("keys"))
        });
        whole && self.takes_query()
    }

    fn takes_query(&self) -> bool {
        match self.tool {
            Tool::Items | Tool::Files | Tool::Folders => true,
            // Creating takes no query there, and reads back what was made all the same.
            Tool::Flows | Tool::Operations => {
                self.arguments.get("action").and_then(Value::as_str) != Some(Verb::Create.as_str())
            }
            Tool::Assets
            | Tool::TriggerFlow
            | Tool::Collections
            | Tool::Fields
            | Tool::Relations
            | Tool::Schema
            | Tool::SystemPrompt => false,
        }
    }

    /// The same call, with its wildcards spelled out as the projection says, and the fields that it then asks for.
    ///
    /// # Errors
    /// When its query cannot be followed.
    pub(crate) fn project(
        self,
        projection: &Projection,
        schema: &SchemaSnapshot,
    ) -> Result<(Self, Vec<String>), Misread> {
        let target = self.target().and_then(|name| schema.collection(name)).ok_or(Misread::NoSchema)?;
        let query = self.arguments.get("query").and_then(Value::as_object);
        let mut fields =
            Query::read(query, target, schema)?.spelled_out(&projection.spelled, &projection.dropped);
        if fields.is_empty() && self.local.is_some() {
            // The Local MCP cannot ask for no field; the key of a written item is known to its writer.
            fields.extend(target.primary_key.clone());
        }
        let list = fields.iter().cloned().map(Value::from).collect();
        Ok((self.with_query("fields", list), fields))
    }

    /// The same call, with a limit on what comes back at a path; the root's is empty.
    pub(crate) fn limit(mut self, via: &str, limit: u64) -> Self {
        if via.is_empty() {
            return self.with_query("limit", Value::from(limit));
        }
        if let Some(place) = self.deep_mut(via) {
            place.insert("_limit".to_owned(), Value::from(limit));
        }
        self
    }

    /// The same call, with a rule beside what it filters by at a path; the root's is empty.
    ///
    /// # Errors
    /// When there is no such place, or a filter there that is none.
    pub(crate) fn and_filter(mut self, via: &str, rule: &Map<String, Value>) -> Result<Self, Misread> {
        let nowhere = || Misread::because("there is no place for the filter of this role");
        let (place, name) = if via.is_empty() {
            (self.query_mut().ok_or_else(nowhere)?, "filter")
        } else {
            (self.deep_mut(via).ok_or_else(nowhere)?, "_filter")
        };
        let there = match place.get(name) {
            None => None,
            Some(filter) => Some(parsed(filter, name)?.into_owned()),
        };
        place.insert(name.to_owned(), conjunct::and(there, rule));
        Ok(self)
    }

    /// What it searches for at the root.
    pub(crate) fn term(&self) -> Option<&str> {
        self.arguments.get("query")?.get("search")?.as_str()
    }

    /// The same call, finding by a condition what it would have searched for.
    ///
    /// # Errors
    /// When it has no query.
    pub(crate) fn find_by(mut self, condition: &Map<String, Value>) -> Result<Self, Misread> {
        let query =
            self.query_mut().ok_or_else(|| Misread::because("there is no search to put otherwise"))?;
        query.shift_remove("search");
        self.and_filter("", condition)
    }

    /// The same call without the conditions of its filters that are such a rule; `None` where there are none of them.
    pub(crate) fn without_rules(
        &self,
        is_rule: &mut dyn FnMut(&str, &Map<String, Value>) -> bool,
    ) -> Option<Self> {
        let query = self.arguments.get("query").and_then(Value::as_object)?;
        let mut bare = query.clone();
        take_out(&mut bare, "filter", "", is_rule);
        if let Some(Value::Object(deep)) = bare.get_mut("deep") {
            take_out_below(deep, "", is_rule);
        }
        (bare != *query).then(|| {
            let mut call = self.clone();
            call.arguments.insert("query".to_owned(), Value::Object(bare));
            call
        })
    }

    fn query_mut(&mut self) -> Option<&mut Map<String, Value>> {
        let query = self.arguments.entry("query").or_insert_with(|| Value::Object(Map::new()));
        query.as_object_mut()
    }

    /// What `deep` says at a path; it is made where it is not there.
    fn deep_mut(&mut self, via: &str) -> Option<&mut Map<String, Value>> {
        let new = || Value::Object(Map::new());
        let mut place = self.query_mut()?.entry("deep").or_insert_with(new).as_object_mut()?;
        for segment in via.split('.') {
            place = place.entry(segment).or_insert_with(new).as_object_mut()?;
        }
        Some(place)
    }

    /// The collection whose items the call's query is about.
    pub fn target(&self) -> Option<&str> {
        match self.tool {
            Tool::Items => self.arguments.get("collection").and_then(Value::as_str),
            Tool::Files => Some("directus_files"),
            Tool::Folders => Some("directus_folders"),
            Tool::Flows => Some("directus_flows"),
            Tool::Operations => Some("directus_operations"),
            Tool::Assets
            | Tool::TriggerFlow
            | Tool::Collections
            | Tool::Fields
            | Tool::Relations
            | Tool::Schema
            | Tool::SystemPrompt => None,
        }
    }

    /// The same import, saying of each file only what an import may.
    pub fn cut_imported(mut self) -> Self {
        let Some(Value::Array(entries)) = self.arguments.get_mut("data") else { return self };
        // The Local MCP imports nothing that does not name its file. To replace that has been decided on; elsewhere it is left out.
        let is_named = self.local.is_some();
        for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
            if let Some(Value::Object(file)) = entry.get_mut("file") {
                file.retain(|name, _| IMPORTED.contains(&name.as_str()) || (is_named && name == "id"));
            } else {
                entry.insert("file".to_owned(), Value::Object(Map::new()));
            }
        }
        self
    }

    fn with_query(mut self, part: &str, value: Value) -> Self {
        if let Some(query) = self.query_mut() {
            query.insert(part.to_owned(), value);
        }
        self
    }
}

/// Takes rules out of a filter, and the filter too where nothing else is in it.
fn take_out(
    place: &mut Map<String, Value>,
    name: &str,
    via: &str,
    is_rule: &mut dyn FnMut(&str, &Map<String, Value>) -> bool,
) {
    let Some(filter) = place.get(name).and_then(|filter| parsed(filter, name).ok()) else { return };
    match conjunct::without(filter.clone().into_owned(), &mut |rule| is_rule(via, rule)) {
        Some(left) if left == *filter => {}
        Some(left) => {
            place.insert(name.to_owned(), left);
        }
        None => {
            place.shift_remove(name);
        }
    }
}

fn take_out_below(
    deep: &mut Map<String, Value>,
    via: &str,
    is_rule: &mut dyn FnMut(&str, &Map<String, Value>) -> bool,
) {
    for (segment, below) in deep.iter_mut().filter(|(segment, _)| !segment.starts_with('_')) {
        let Value::Object(below) = below else { continue };
        let via = if via.is_empty() { segment.clone() } else { format!("{via}.{segment}") };
        take_out(below, "_filter", &via, is_rule);
        take_out_below(below, &via, is_rule);
    }
}
