//! The canonical input of a decision as JSON, so that it can be made again without the arguments of the call.
//!
//! It holds what the engine looks at and nothing else: the accesses in full, how a filter could reach each of them, and of the rows that
//! are written which fields they name, with the values of those fields that the role's validations and presets speak of. A value that is
//! left out is one that cannot be told, which denies wherever it is asked for.

mod recall;

pub use recall::{Recalled, Unclear};

use super::document::Role;
use crate::directus::accesses::Decoded;
use crate::directus::carrier::{Carrier, Filled, Row};
use crate::directus::{Access, Extent, LocalTool, ToolCall};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Longest text that is kept of a written value, in bytes.
const LONGEST_VALUE: usize = 256;

/// Which written values are kept: `keep` is asked for the name of the field, and for the value.
pub type Keep<'k> = &'k dyn Fn(&str, &Value) -> bool;

/// What was decided on, as the trail keeps it.
#[derive(Clone, Debug, Serialize)]
pub struct Facts<'a> {
    query: Vec<&'a str>,
    accesses: Vec<Shown<'a>>,
    #[serde(flatten)]
    call: Option<Kind<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    imports: Option<Vec<String>>,
}

/// What a tool takes depends on these.
#[derive(Clone, Debug, Serialize)]
struct Kind<'a> {
    tool: &'static str,
    local: Option<&'static str>,
    action: Option<&'a str>,
    keyed: bool,
}

/// An access with everything that a decision looks at.
#[derive(Clone, Debug, Serialize)]
struct Shown<'a> {
    action: &'static str,
    collection: &'a str,
    fields: &'a BTreeSet<String>,
    wildcard: bool,
    searched: &'a BTreeSet<String>,
    extent: Value,
    via: &'a str,
    origin: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Vec<Value>>,
}

impl Facts<'_> {
    /// The same, with the addresses that files are imported from.
    pub fn importing(self, imports: Vec<String>) -> Self {
        Self { imports: Some(imports), ..self }
    }
}

/// What was decided on, without the values that are written.
pub fn facts<'a>(call: Option<&'a ToolCall>, decoded: &'a Decoded) -> Facts<'a> {
    with_rows(call, decoded, |_| Value::Null)
}

/// What was decided on for a role, with as much of the written rows as its rules look at.
pub fn facts_with_values<'a>(
    role: &Role,
    call: &'a ToolCall,
    decoded: &'a Decoded,
    keep: Keep<'_>,
) -> Facts<'a> {
    let mentioned = mentioned(role);
    let kept =
        |name: &str, value: &Value| mentioned.contains(name) && is_short_scalar(value) && keep(name, value);
    with_rows(Some(call), decoded, |row| shown_row(row, call, &kept))
}

fn with_rows<'a>(call: Option<&'a ToolCall>, decoded: &'a Decoded, row: impl Fn(&Row) -> Value) -> Facts<'a> {
    let query = call.and_then(|call| call.arguments.get("query")).and_then(Value::as_object);
    let kind = call.map(|call| Kind {
        tool: call.tool.as_str(),
        local: call.local.map(LocalTool::as_str),
        action: call.arguments.get("action").and_then(Value::as_str),
        keyed: call.arguments.contains_key("keys"),
    });
    Facts {
        query: query.into_iter().flat_map(Map::keys).map(String::as_str).collect(),
        accesses: decoded.accesses.iter().map(|access| shown(access, &row)).collect(),
        call: kind,
        imports: None,
    }
}

/// Every field that a validation or the presets of the role speak of.
pub(super) fn mentioned(role: &Role) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for permission in &role.permissions {
        names.extend(permission.validation.iter().flat_map(|validation| validation.rule.fields()));
        names.extend(permission.presets.iter().flat_map(Map::keys).map(String::as_str));
    }
    names
}

fn is_short_scalar(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::String(text) => text.len() <= LONGEST_VALUE,
        Value::Array(_) | Value::Object(_) => false,
    }
}

fn shown<'a>(access: &'a Access, row: &impl Fn(&Row) -> Value) -> Shown<'a> {
    let extent = match &access.extent {
        Extent::Query { limit, said, filtered } => {
            json!({ "query": limit, "said": said, "filtered": filtered })
        }
        Extent::New(count) => json!({ "new": count }),
        Extent::Singleton => json!("singleton"),
        Extent::Keys(_) | Extent::Children(_) | Extent::All => access.extent.shown(),
    };
    let (place, rows) = match &access.carrier {
        Carrier::Nothing => (None, None),
        Carrier::Place(reach) => (Some(reach.as_str()), None),
        Carrier::Rows(rows) => (None, Some(rows.iter().map(row).collect())),
    };
    Shown {
        action: access.action.as_str(),
        collection: &access.collection,
        fields: &access.fields.named,
        wildcard: access.fields.wildcard,
        searched: &access.fields.searched,
        extent,
        via: &access.via,
        origin: access.origin.as_str(),
        place,
        rows,
    }
}

fn shown_row(row: &Row, call: &ToolCall, keep: Keep<'_>) -> Value {
    let (empty, mut values) = (Map::new(), Map::new());
    let written = row.values(call).unwrap_or(&empty);
    for (name, value) in written.iter().filter(|(name, value)| keep(name, value)) {
        values.insert(name.clone(), value.clone());
    }
    let filled = |wanted: Filled| -> Vec<&String> {
        row.filled.iter().filter(|(_, filled)| **filled == wanted).map(|(name, _)| name).collect()
    };
    let fields: Vec<&String> = written.keys().collect();
    json!({
        "fate": row.fate.as_str(), "fields": fields, "values": values, "null": filled(Filled::Null), "unknown": filled(Filled::Unknown),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directus::call::Mode;
    use crate::directus::{SchemaSnapshot, Tool, accesses::accesses};
    use crate::policy::diagnostic::Source;
    use crate::policy::set::{GuardrailsFile, PolicySet};

    const ROLE: &str = "version: 1\nrole: tester\ndescription: For a test.\npermissions:\n  - {id: a, collections: [tags], \
                        actions: [create, update], validation: {_or: [{name: {_eq: x}}, {size: {_lt: 3}}]}, presets: {kind: k}}\n";

    fn facts_of(arguments: &Value, keep: Keep<'_>) -> Value {
        let schema = SchemaSnapshot::from_rest(
            r#"[{"collection": "tags", "meta": null}]"#,
            r#"[{"collection": "tags", "field": "id", "type": "integer", "schema": {"is_primary_key": true}},
                {"collection": "tags", "field": "name", "type": "string", "schema": {}}, {"collection": "tags", "field": "size", "type": "integer", "schema": {}},
                {"collection": "tags", "field": "kind", "type": "string", "schema": {}}, {"collection": "tags", "field": "other", "type": "string", "schema": {}},
                {"collection": "tags", "field": "parent", "type": "integer", "schema": {}}, {"collection": "tags", "field": "tags", "type": "alias"}]"#,
            r#"[{"collection": "tags", "field": "parent", "related_collection": "tags", "meta": {"one_field": "tags"}}]"#,
        )
        .unwrap();
        let (set, _) =
            PolicySet::load(&[Source::new("tester.yaml", ROLE)], GuardrailsFile::Optional).unwrap();
        let call = ToolCall::new(Mode::Legacy, Tool::Items, arguments.as_object().unwrap().clone()).unwrap();
        let decoded = accesses(&call, &schema).unwrap();
        let facts = facts_with_values(set.role("tester").unwrap(), &call, &decoded, keep);
        serde_json::to_value(facts).unwrap()
    }

    /// The rows of each access that has any, with its path.
    fn rows(facts: &Value) -> Value {
        let accesses = facts["accesses"].as_array().unwrap().iter();
        accesses
            .filter(|access| access.get("rows").is_some())
            .map(|access| json!([access["via"], access["rows"]]))
            .collect()
    }

    #[test]
    fn a_row_is_kept_as_far_as_the_rules_of_the_role_look_at_it() {
        let row = json!({"name": "x", "size": 2, "kind": null, "other": "not looked at"});
        let create = json!({"action": "create", "collection": "tags", "data": row, "query": {"fields": [], "limit": 1}});
        let facts = facts_of(&create, &|_, _| true);
        let kept = json!([["", [{
            "fate": "created", "fields": ["name", "size", "kind", "other"], "values": {"name": "x", "size": 2, "kind": null},
            "null": [], "unknown": [],
        }]]]);
        assert_eq!(rows(&facts), kept);
        assert_eq!((&facts["tool"], &facts["local"]), (&json!("items"), &Value::Null));
        assert_eq!((&facts["action"], &facts["keyed"]), (&json!("create"), &json!(false)));
        assert_eq!(facts["query"], json!(["fields", "limit"]));
    }

    #[test]
    fn every_row_stands_with_its_path_and_what_directus_writes_into_it() {
        let tags = json!({"create": [{"name": "y"}], "delete": [4]});
        let update = json!({"action": "update", "collection": "tags", "keys": [1], "data": {"tags": tags}});
        let row = |fate: &str, name: Option<&str>, nulls: &[&str], unknown: &[&str]| {
            let values: Map<String, Value> =
                name.map(|name| ("name".to_owned(), json!(name))).into_iter().collect();
            let fields: Vec<&String> = values.keys().collect();
            json!({"fate": fate, "fields": fields, "values": values, "null": nulls, "unknown": unknown})
        };
        let mut root = row("updated", None, &[], &[]);
        root["fields"] = json!(["tags"]);
        assert_eq!(
            rows(&facts_of(&update, &|_, _| true)),
            json!([
                ["", [root]],
                ["tags.create", [row("created", Some("y"), &[], &["parent"])]],
                ["tags.update", [row("updated", None, &["parent"], &[])]],
            ])
        );
    }

    #[test]
    fn what_is_no_short_scalar_or_is_not_to_be_kept_is_unknown() {
        for value in
            [json!({"_eq": "x"}), json!(["x"]), json!("x".repeat(LONGEST_VALUE + 1)), json!("secret")]
        {
            let create =
                json!({"action": "create", "collection": "tags", "data": {"name": value, "size": true}});
            let facts = facts_of(&create, &|name, value| name != "name" || value != "secret");
            let row = &rows(&facts)[0][1][0];
            assert_eq!(
                (&row["fields"], &row["values"]),
                (&json!(["name", "size"]), &json!({"size": true})),
                "{value}"
            );
        }
    }
}
