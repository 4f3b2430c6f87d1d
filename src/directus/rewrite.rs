//! What an obligation does to a call before it is forwarded.

use super::call::ToolCall;
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
        let fields =
            Query::read(query, target, schema)?.spelled_out(&projection.spelled, &projection.dropped);
        let list = fields.iter().cloned().map(Value::from).collect();
        Ok((self.with_query("fields", list), fields))
    }

    /// The same call, with a limit on what comes back at a path; the root's is empty.
    pub(crate) fn limit(mut self, via: &str, limit: u64) -> Self {
        if via.is_empty() {
            return self.with_query("limit", Value::from(limit));
        }
        let mut query = self.arguments.get("query").and_then(Value::as_object).cloned().unwrap_or_default();
        let mut deep = query.get("deep").cloned().unwrap_or_else(|| Value::Object(Map::new()));
        let mut place = Some(&mut deep);
        for segment in via.split('.') {
            place = place
                .and_then(Value::as_object_mut)
                .map(|object| object.entry(segment).or_insert_with(|| Value::Object(Map::new())));
        }
        if let Some(object) = place.and_then(Value::as_object_mut) {
            object.insert("_limit".to_owned(), Value::from(limit));
        }
        query.insert("deep".to_owned(), deep);
        self.arguments.insert("query".to_owned(), Value::Object(query));
        self
    }

    /// The collection whose items the call's query is about.
    fn target(&self) -> Option<&str> {
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
        for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
            if let Some(Value::Object(file)) = entry.get_mut("file") {
                file.retain(|name, _| IMPORTED.contains(&name.as_str()));
            } else {
                entry.insert("file".to_owned(), Value::Object(Map::new()));
            }
        }
        self
    }

    fn with_query(mut self, part: &str, value: Value) -> Self {
        let mut query = self.arguments.get("query").and_then(Value::as_object).cloned().unwrap_or_default();
        query.insert(part.to_owned(), value);
        self.arguments.insert("query".to_owned(), Value::Object(query));
        self
    }
}
