//! Files of tests.

#![expect(dead_code, reason = "what is described here is never made: the decoder reads into `case`")]

use super::part::{Anything, Text, Texts, Version, part};
use crate::directus::Dialect;
use crate::policy::Code;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};
use std::borrow::Cow;

/// Examples of what a role may and may not, which `warrener test` runs.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "Tests of a role of Warrener")]
pub(crate) struct TestFile {
    /// Always 1.
    version: Version,
    /// The role that is tested; left out: as the file is called.
    role: Option<Text>,
    /// What calls are read with, beside this file: what `directus schema snapshot` writes, or a folder.
    schema: Option<Text>,
    /// Whose tools are called; left out: those of Directus' own MCP endpoint.
    dialect: Option<DialectName>,
    /// Values that calls refer to, by their names: `{$fixture: NAME}`.
    fixtures: Option<Anything>,
    /// The tests.
    tests: Vec<Test>,
}

part! {
    DialectName: json_schema!({ "enum": [Dialect::BuiltIn.as_str(), Dialect::Local.as_str()] });
    DenialCode: json_schema!({ "enum": Code::ALL.map(Code::as_str) });
    Permitted: json_schema!({ "const": "permit" });
    AnyValue: Schema::default();
    Fields: json_schema!({
        "anyOf": [texts(), { "type": "object", "additionalProperties": texts() }],
        "examples": [["title", "author.name"], { "author": ["name"] }],
    });
    Obligations: json_schema!({
        "type": "array", "items": { "type": "object" }, "examples": [[{ "limit": 100 }]],
    });
}

/// One question, and what has to come of it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(extend("oneOf" = json!([{ "required": ["call"] }, { "required": ["list"] }, { "required": ["raw"] }])))]
#[schemars(extend("anyOf" = json!([{ "required": ["expect"] }, rows_that(&json!({ "required": ["expect"] }))])))]
#[schemars(extend("dependencies" = json!({ "each": ["call"] })))]
#[schemars(extend("if" = json!({ "required": ["list"] })))]
#[schemars(extend("then" = json!({ "properties": { "expect": { "type": "array" } } })))]
#[schemars(extend("else" = decided()))]
struct Test {
    /// What it shows; unique in the file.
    name: Text,
    /// A tool call.
    call: Option<Call>,
    /// What is visible.
    list: Option<List>,
    /// A whole request body, byte by byte.
    raw: Option<Text>,
    /// A table: the call is made once for each row, with the row's values in place of `{$each: NAME}`.
    #[schemars(length(min = 1))]
    each: Option<Vec<Row>>,
    /// What has to come of it.
    expect: Option<Expect>,
}

/// The values of a row by their names, and what has to come of the call with them.
#[derive(JsonSchema)]
struct Row {
    /// What has to come of it; left out: what the test says.
    expect: Option<Expect>,
}

/// A test with a table, of which every row is like that.
fn rows_that(are: &Value) -> Value {
    json!({ "required": ["each"], "properties": { "each": { "items": are } } })
}

/// A call comes to a decision, in every row.
fn decided() -> Value {
    let decision = json!({ "properties": { "expect": { "not": { "type": "array" } } } });
    let mut both = decision.clone();
    if let Some(parts) = both.get_mut("properties").and_then(Value::as_object_mut) {
        parts.insert("each".to_owned(), json!({ "items": decision }));
    }
    both
}

fn texts() -> Value {
    json!({ "type": "array", "items": { "type": "string", "pattern": r"\S" } })
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Call {
    /// The tool's name.
    tool: Text,
    /// Its arguments.
    arguments: Option<Anything>,
    /// The query string of the request, such as `tool_mode=registry`.
    query_string: Option<Text>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
enum List {
    Tools,
    Prompts,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
enum Expect {
    /// The call is permitted.
    Permit(Permitted),
    /// The call is permitted in this way.
    PermittedSo(PermittedSo),
    /// The call is denied.
    Denied(Denied),
    /// The names in a list, in any order.
    Names(Texts),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct PermittedSo {
    /// In what way.
    permit: Permit,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Permit {
    /// A rule that permits one of its accesses, such as `reader/read-content`.
    rule: Option<Text>,
    /// A part of the arguments that Directus is sent.
    forward: Option<AnyValue>,
    /// All that is done to the call, as `warrener explain` shows it, in any order; `[]`: nothing.
    obligations: Option<Obligations>,
    /// The fields that the forwarded query asks for, in any order: all of them, or those at the paths that are named.
    fields: Option<Fields>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Denied {
    /// The code of the reason.
    deny: DenialCode,
    /// The rule, such as `guardrails/no-deletes`.
    rule: Option<Text>,
}
