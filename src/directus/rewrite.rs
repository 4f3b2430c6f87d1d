//! What an obligation does to a call before it is forwarded.

use super::call::ToolCall;
use super::tool::{Tool, Verb};
use serde_json::{Map, Value};

/// What may be said of an imported file; everything else (`id`, `type`, `filename_disk`, …) decides over other files or
/// over what the bytes are taken for (FACTS section 6).
const IMPORTED: [&str; 4] = ["title", "description", "folder", "tags"];

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

    /// The same call, asking for exactly these fields.
    pub fn project(self, fields: impl IntoIterator<Item = String>) -> Self {
        self.with_query("fields", fields.into_iter().map(Value::from).collect())
    }

    /// The same call, with that limit.
    pub fn limit(self, limit: u64) -> Self {
        self.with_query("limit", Value::from(limit))
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
