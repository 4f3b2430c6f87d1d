//! Reading keys under a filter, before a call acts on them.
//!
//! Directus does not narrow a write by a filter where the write names its items (FACTS section 5). So the items are read under the
//! filter first, and unless all of them come back the write does not go on.

use super::access::Key;
use super::call::{Mode, ToolCall};
use super::dialect::Dialect;
use super::key;
use super::local::LocalTool;
use super::schema::Collection;
use super::tool::{Tool, Verb};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Items that have to be under a filter.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyCheck {
    /// How the items are asked for.
    dialect: Dialect,
    collection: String,
    primary_key: String,
    key_type: Option<String>,
    keys: BTreeSet<Key>,
    filter: Map<String, Value>,
}

impl KeyCheck {
    /// Of these items of the collection. `None` where it has no key, or where they cannot be asked for so.
    pub(crate) fn new(
        dialect: Dialect,
        collection: &Collection,
        keys: &[Key],
        filter: &Map<String, Value>,
    ) -> Option<Self> {
        let check = Self {
            dialect,
            collection: collection.name.clone(),
            primary_key: collection.primary_key.clone()?,
            key_type: collection.key_type().map(str::to_owned),
            keys: keys.iter().cloned().collect(),
            filter: filter.clone(),
        };
        check.call()?.reads_back().ok().map(|()| check)
    }

    /// Makes one of two that are about the same items' kind; whether it did.
    pub(crate) fn take_in(&mut self, other: &Self) -> bool {
        let same = (self.dialect, &self.collection, &self.filter)
            == (other.dialect, &other.collection, &other.filter);
        if same {
            self.keys.extend(other.keys.iter().cloned());
        }
        same
    }

    /// As `explain` shows it.
    pub fn shown(&self) -> Value {
        let keys: Vec<Value> = self.keys.iter().map(Key::to_value).collect();
        json!({ "collection": self.collection, "keys": keys, "filter": self.filter })
    }

    /// The call that reads them; `None` where no tool does.
    pub fn call(&self) -> Option<ToolCall> {
        let (local, tool) = tool(self.dialect, &self.collection)?;
        let keys: Vec<Value> = self.keys.iter().map(Key::to_value).collect();
        let limit = keys.len();
        let named = json!({ &self.primary_key: { "_in": keys } });
        let filter = json!({ "_and": [named, self.filter] });
        let query = json!({ "fields": [self.primary_key], "filter": filter, "limit": limit });
        let mut arguments = Map::new();
        arguments.insert("action".to_owned(), Value::from(Verb::Read.as_str()));
        if tool == Tool::Items {
            arguments.insert("collection".to_owned(), Value::from(self.collection.as_str()));
        }
        arguments.insert("query".to_owned(), query);
        Some(ToolCall { mode: Mode::Legacy, local, tool, arguments })
    }

    /// Whose tool reads them.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Whether Directus' reply to that call has all of them.
    pub fn is_met_by(&self, reply: &[u8]) -> bool {
        let Some(rows) = rows(self.dialect, reply) else { return false };
        let key_of = |row: &Value| key::typed(self.key_type.as_deref(), row.get(&self.primary_key)?);
        let came: BTreeSet<Key> = rows.iter().filter_map(key_of).collect();
        self.keys.is_subset(&came)
    }
}

/// The tool that reads items of the collection, and its name in the Local MCP.
fn tool(dialect: Dialect, collection: &str) -> Option<(Option<LocalTool>, Tool)> {
    match dialect {
        Dialect::BuiltIn => built_in(collection).map(|tool| (None, tool)),
        Dialect::Local => local(collection).map(|(local, tool)| (Some(local), tool)),
    }
}

fn built_in(collection: &str) -> Option<Tool> {
    match collection {
        "directus_files" => Some(Tool::Files),
        "directus_folders" => Some(Tool::Folders),
        "directus_flows" => Some(Tool::Flows),
        "directus_operations" => Some(Tool::Operations),
        other => (!other.starts_with("directus_")).then_some(Tool::Items),
    }
}

fn local(collection: &str) -> Option<(LocalTool, Tool)> {
    match collection {
        "directus_files" => Some((LocalTool::ReadFiles, Tool::Files)),
        "directus_folders" => Some((LocalTool::ReadFolders, Tool::Folders)),
        "directus_users" => Some((LocalTool::ReadUsers, Tool::Items)),
        "directus_comments" => Some((LocalTool::ReadComments, Tool::Items)),
        other => (!other.starts_with("directus_")).then_some((LocalTool::ReadItems, Tool::Items)),
    }
}

/// The items of a reply; `None` where it is anything else.
fn rows(dialect: Dialect, reply: &[u8]) -> Option<Vec<Value>> {
    #[derive(Deserialize)]
    struct Reply {
        result: ToolResult,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ToolResult {
        content: Vec<Part>,
        #[serde(default)]
        is_error: bool,
    }
    #[derive(Deserialize)]
    struct Part {
        text: String,
    }
    #[derive(Deserialize)]
    struct Raw {
        raw: Vec<Value>,
    }
    let reply: Reply = serde_json::from_slice(reply).ok().filter(|reply: &Reply| !reply.result.is_error)?;
    let text = &reply.result.content.first()?.text;
    match dialect {
        Dialect::BuiltIn => serde_json::from_str::<Raw>(text).ok().map(|read| read.raw),
        Dialect::Local => serde_json::from_str(text).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directus::SchemaSnapshot;

    fn of(name: &str, keys: &[Key]) -> KeyCheck {
        of_dialect(Dialect::BuiltIn, name, keys).unwrap()
    }

    fn of_dialect(dialect: Dialect, name: &str, keys: &[Key]) -> Option<KeyCheck> {
        let schema = SchemaSnapshot::from_rest(
            &json!([{"collection": name, "meta": null}]).to_string(),
            &json!([{"collection": name, "field": "id", "type": "integer", "schema": {"is_primary_key": true}}])
                .to_string(),
            "[]",
        )
        .unwrap();
        let filter = json!({"status": {"_eq": "draft"}});
        KeyCheck::new(dialect, schema.collection(name).unwrap(), keys, filter.as_object().unwrap())
    }

    fn reply(text: &str, is_error: bool) -> Vec<u8> {
        json!({"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": text}], "isError": is_error}})
            .to_string()
            .into_bytes()
    }

    #[test]
    fn every_key_has_to_come_back() {
        let check = of("articles", &[Key::Number(1), Key::Number(2)]);
        for (text, met) in [
            (r#"{"raw":[{"id":1},{"id":2}]}"#, true),
            (r#"{"raw":[{"id":"2"},{"id":1},{"id":3}]}"#, true),
            (r#"{"raw":[{"id":1}]}"#, false),
            (r#"{"raw":[{"id":1},{"id":1}]}"#, false),
            (r#"{"raw":[{"id":1},{"ID":2}]}"#, false),
            (r#"{"raw":[1,2]}"#, false),
            (r#"{"raw":[]}"#, false),
            (r#"{"raw":{"id":1}}"#, false),
            (r#"{"data":[{"id":1},{"id":2}]}"#, false),
            ("", false),
        ] {
            assert_eq!(check.is_met_by(&reply(text, false)), met, "{text}");
        }
        assert!(!check.is_met_by(&reply(r#"{"raw":[{"id":1},{"id":2}]}"#, true)));
        assert!(
            !check.is_met_by(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32603,\"message\":\"x\"}}")
        );
        assert!(!check.is_met_by(b"<html>"));
    }

    #[test]
    fn the_keys_are_read_under_the_filter() {
        let mut check = of("articles", &[Key::Number(2), Key::Number(1)]);
        let same = check.clone();
        assert!(check.take_in(&same));
        assert_eq!(
            Value::Object(check.call().unwrap().arguments),
            json!({"action": "read", "collection": "articles", "query": {
                "fields": ["id"], "limit": 2,
                "filter": {"_and": [{"id": {"_in": [1, 2]}}, {"status": {"_eq": "draft"}}]},
            }})
        );
        assert_eq!(of(FILES, &[Key::Number(1)]).call().unwrap().tool, Tool::Files);
        assert_eq!(of_dialect(Dialect::BuiltIn, "directus_users", &[Key::Number(1)]), None);
    }

    const FILES: &str = "directus_files";

    #[test]
    fn only_the_same_check_is_taken_in() {
        let mut articles = of("articles", &[Key::Number(1)]);
        assert!(!articles.take_in(&of("tags", &[Key::Number(2)])));
        let mut other = of("articles", &[Key::Number(2)]);
        other.filter.clear();
        assert!(!articles.take_in(&other));
        assert_eq!(articles.keys.len(), 1);
    }
}
