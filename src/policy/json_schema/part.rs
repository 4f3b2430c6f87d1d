//! What stands behind the keys: words, names, numbers, rules.

use crate::directus::access::Action;
use crate::directus::operator::COMPARISONS;
use crate::mcp::json::MAX_INTEGER;
use crate::policy::check::lint::Lint;
use crate::policy::decode::{FILTER_STRUCTURE, OPERATORS, VALIDATION_STRUCTURE};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};
use std::borrow::Cow;

/// What a name of a collection, a tool or a field has no part of, by the ranges of ASCII; `*` stands for other characters.
const NO_COLLECTION: &str = r"\x00-)+,./:-@\[-^`{-\x7F";
const NO_FIELD: &str = r"\x00-#%-)+,./:-@\[-^`{-\x7F";
const NO_TOOL: &str = r"\x00-)+,/:-@\[-^`{-\x7F";
const NO_PROMPT: &str = r"\x00-\x1F!%<>?@\[-^`{-\x7F";

/// Makes a type of what a value may be.
macro_rules! part {
    ($($name:ident: $schema:expr;)*) => {$(
        pub(crate) struct $name;

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )*};
}
pub(crate) use part;

part! {
    Version: json_schema!({ "const": 1 });
    Text: json_schema!({ "type": "string", "pattern": r"\S" });
    Flag: json_schema!({ "type": "boolean" });
    RoleName: json_schema!({
        "type": "string", "pattern": "^[a-z0-9][a-z0-9-]*$", "not": { "enum": ["guardrails", "protocol"] },
    });
    Id: json_schema!({ "type": "string", "pattern": "^[a-z0-9][a-z0-9-]*$" });
    Actions: json_schema!({ "type": "array", "items": { "enum": Action::ALL.map(Action::as_str) } });
    Collections: names(&format!("^(!?@junctions|!?[^{NO_COLLECTION}]+)$"));
    Fields: names(&format!("^!?[^{NO_FIELD}]+$"));
    Tools: names(&format!("^!?[^{NO_TOOL}]+$"));
    Prompts: names(&format!("^!?[^{NO_PROMPT}]+$"));
    Redacted: json_schema!({
        "type": "array",
        "items": { "type": "string", "pattern": format!(r"^[^{NO_FIELD}]+\.[^{NO_FIELD}]+$") },
    });
    Texts: json_schema!({ "type": "array", "items": { "type": "string", "pattern": r"\S" } });
    Addresses: json_schema!({
        "type": "array", "items": { "type": "string", "pattern": r"^[^@?#*\\]*/[^@?#*\\]*$" },
        "examples": [["https://images.example.com/press/"]],
    });
    Keys: json_schema!({
        "type": "array",
        "items": {
            "anyOf": [
                { "type": "integer", "minimum": 0, "maximum": MAX_INTEGER },
                { "type": "string", "pattern": r"\S" },
            ],
        },
    });
    MaxItems: json_schema!({ "anyOf": [{ "type": "integer", "minimum": 1 }, { "const": "unlimited" }] });
    Presets: json_schema!({
        "type": "object",
        "propertyNames": { "pattern": "^[^.,():$]*$" },
        "additionalProperties": { "not": { "type": "string", "pattern": r"^\$" } },
        "examples": [{ "status": "draft" }],
    });
    Rate: json_schema!({
        "type": "string", "pattern": "^0*[1-9][0-9]*/(s|min|h)$", "examples": ["120/min"],
    });
    Count: json_schema!({ "type": "integer", "minimum": 1, "maximum": u32::MAX });
    LintName: json_schema!({
        "enum": Lint::ALL.into_iter().filter(|lint| lint.can_be_silenced()).map(Lint::name).collect::<Vec<_>>(),
    });
    Anything: json_schema!({ "type": "object" });
}

/// A list of patterns, of which one has to include something.
fn names(pattern: &str) -> Schema {
    json_schema!({
        "type": "array",
        "items": { "type": "string", "pattern": pattern, "allOf": [{ "pattern": r"\S" }] },
        "anyOf": [{ "maxItems": 0 }, { "contains": { "pattern": "^[^!]" } }],
    })
}

/// A filter: fields, paths and what they are compared by.
pub(crate) struct Filter;

impl JsonSchema for Filter {
    fn schema_name() -> Cow<'static, str> {
        "Filter".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let known = [&COMPARISONS[..], &FILTER_STRUCTURE].concat();
        let again = generator.subschema_for::<Self>();
        let several = json!({ "type": "array", "minItems": 1, "items": again });
        let below = json!({ "if": { "type": "object" }, "then": again });
        json_schema!({
            "description": "A filter rule as Directus has it.",
            "type": "object",
            "minProperties": 1,
            "propertyNames": { "anyOf": [{ "pattern": "^(?!_)" }, { "enum": known }] },
            "properties": { "_and": several, "_or": several },
            "additionalProperties": below,
            "examples": [{ "status": { "_neq": "archived" } }],
        })
    }
}

/// A validation: the item's own fields, each with comparisons.
pub(crate) struct Validation;

impl JsonSchema for Validation {
    fn schema_name() -> Cow<'static, str> {
        "Validation".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let again = generator.subschema_for::<Self>();
        let mut properties = serde_json::Map::new();
        for word in VALIDATION_STRUCTURE {
            properties.insert(word.to_owned(), json!({ "type": "array", "minItems": 1, "items": again }));
        }
        json_schema!({
            "description": "What a written item must meet, as a rule on its own fields.",
            "type": "object",
            "minProperties": 1,
            "propertyNames": { "anyOf": [{ "pattern": "^(?!_)[^.,():$]*$" }, { "enum": VALIDATION_STRUCTURE }] },
            "properties": properties,
            "additionalProperties": comparisons(),
            "examples": [{ "status": { "_in": ["draft", "review"] } }],
        })
    }
}

fn comparisons() -> Value {
    let scalar = || json!({ "type": ["string", "number", "boolean"] });
    let properties: serde_json::Map<String, Value> = OPERATORS
        .into_iter()
        .map(|operator| {
            let takes = match operator {
                "_in" | "_nin" => json!({ "type": "array", "items": scalar() }),
                "_between" | "_nbetween" => {
                    json!({ "type": "array", "minItems": 2, "maxItems": 2, "items": scalar() })
                }
                "_null" | "_nnull" | "_empty" | "_nempty" => json!({ "type": "boolean" }),
                "_contains" | "_ncontains" | "_icontains" | "_starts_with" | "_ends_with" | "_regex" => {
                    json!({ "type": "string", "pattern": r"\S" })
                }
                _ => scalar(),
            };
            (operator.to_owned(), takes)
        })
        .collect();
    json!({ "type": "object", "minProperties": 1, "properties": properties, "additionalProperties": false })
}
