//! Files of tests.

#![expect(dead_code, reason = "what is described here is never made: the decoder reads into `case`")]

use super::part::{Anything, Text, Texts, Version, part};
use crate::directus::Dialect;
use crate::policy::case::DENIAL_CODES;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;
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
    /// The tests.
    tests: Vec<Test>,
}

part! {
    DialectName: json_schema!({ "enum": [Dialect::BuiltIn.as_str(), Dialect::Local.as_str()] });
    DenialCode: json_schema!({ "enum": DENIAL_CODES });
    Permitted: json_schema!({ "const": "permit" });
    AnyValue: Schema::default();
}

/// One question, and what has to come of it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(extend("oneOf" = json!([{ "required": ["call"] }, { "required": ["list"] }, { "required": ["raw"] }])))]
#[schemars(extend("if" = json!({ "required": ["list"] })))]
#[schemars(extend("then" = json!({ "properties": { "expect": { "type": "array" } } })))]
#[schemars(extend("else" = json!({ "properties": { "expect": { "not": { "type": "array" } } } })))]
struct Test {
    /// What it shows; unique in the file.
    name: Text,
    /// A tool call.
    call: Option<Call>,
    /// What is visible.
    list: Option<List>,
    /// A whole request body, byte by byte.
    raw: Option<Text>,
    /// What has to come of it.
    expect: Expect,
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
    /// The call is permitted, and what is forwarded has these parts.
    Forwarded(Forwarded),
    /// The call is denied.
    Denied(Denied),
    /// The names in a list, in any order.
    Names(Texts),
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Forwarded {
    /// What goes upstream.
    permit: Forward,
    /// It is for calls that are denied.
    rule: Option<AnyValue>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Forward {
    /// A part of the arguments that Directus is sent.
    forward: AnyValue,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Denied {
    /// The code of the reason.
    deny: DenialCode,
    /// The rule, such as `guardrails/no-deletes`.
    rule: Option<Text>,
}
