//! The files of roles, and `guardrails.yaml`.

#![expect(dead_code, reason = "what is described here is never made: the decoder reads into `document`")]

use super::part::{
    Actions, Addresses, Collections, Count, Fields, Filter, Flag, Id, Keys, LintName, MaxItems, Presets,
    Prompts, Rate, Redacted, RoleName, Text, Texts, Tools, Validation, Version,
};
use schemars::JsonSchema;
use serde_json::json;

/// What one role may do with Directus through Warrener. What is not permitted is denied.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "A role of Warrener")]
pub(crate) struct RoleFile {
    /// Always 1.
    version: Version,
    /// The role's name, which is the file's: `reader` in `reader.yaml`.
    role: RoleName,
    /// For people.
    description: Option<Text>,
    /// Whether the role's own denials are enforced, or only recorded.
    mode: Option<Mode>,
    /// What the role may; the first that covers an access is taken.
    permissions: Vec<Permission>,
    /// What is denied whatever is permitted.
    forbid: Option<Vec<Forbid>>,
    /// Where `import` may fetch from; needed where `import` is permitted.
    import_from: Option<Addresses>,
    /// Tools by name.
    tools: Option<ToolNames>,
    /// Prompts that may be listed and used; left out: none.
    prompts: Option<Prompts>,
    /// What becomes of Directus' system prompt.
    system_prompt: Option<SystemPrompt>,
    /// How often, and how many at once.
    limits: Option<Vec<Limit>>,
    /// Fields that the role cannot read at all: collection, dot, field.
    redact: Option<Redacted>,
    /// What `warrener check` is not to warn of, and why.
    silence: Option<Vec<Silence>>,
}

/// What holds for every role, and what no role can loosen.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "The guardrails of Warrener")]
pub(crate) struct GuardrailsFile {
    /// Always 1.
    version: Version,
    /// For people.
    description: Option<Text>,
    /// What is denied to every role.
    forbid: Option<Vec<SharedForbid>>,
    /// On top of the role's own.
    limits: Option<Vec<Limit>>,
    /// Fields that nobody can read: collection, dot, field.
    redact: Option<Redacted>,
    /// Where given, an import must match this list too.
    import_from: Option<Addresses>,
    /// What `warrener check` is not to warn of, and why.
    silence: Option<Vec<Silence>>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
enum Mode {
    Enforce,
    Observe,
}

/// One thing that the role may do.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(extend("if" = json!({ "properties": { "by_query": { "const": true } }, "required": ["by_query"] })))]
#[schemars(extend("then" = json!({ "required": ["max_items"] })))]
struct Permission {
    /// Unique in the file; named in denials and in the trail.
    id: Id,
    /// Where: names, patterns such as `"blog_*"`, exclusions such as `"!directus_*"`, and `"@junctions"`.
    collections: Collections,
    /// What.
    actions: Actions,
    /// Fields that may be named or shown; left out: all.
    fields: Option<Fields>,
    /// Only these items.
    filter: Option<Filter>,
    /// What a written item must meet.
    validation: Option<Validation>,
    /// What is filled in where a create leaves it out.
    presets: Option<Presets>,
    /// Only these items, by primary key.
    keys: Option<Keys>,
    /// Most items that one access returns or writes.
    max_items: Option<MaxItems>,
    /// Whether items that the call does not name may be updated or deleted; needs `max_items`.
    by_query: Option<Flag>,
}

/// Something that the role is never to do.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Forbid {
    /// Unique in the file; named in denials and in the trail.
    id: Id,
    /// Where: names, patterns, exclusions, and `"@junctions"`.
    collections: Collections,
    /// What; left out: all six.
    actions: Option<Actions>,
    /// Told to the client.
    reason: Option<Text>,
    /// Whether it is only recorded.
    observe: Option<Flag>,
}

/// Something that no role is ever to do.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct SharedForbid {
    /// Unique in the file; named in denials and in the trail.
    id: Id,
    /// Where: names, patterns, exclusions, and `"@junctions"`.
    collections: Collections,
    /// What; left out: all six.
    actions: Option<Actions>,
    /// Told to the client.
    reason: Option<Text>,
    /// Whether it is only recorded.
    observe: Option<Flag>,
    /// Roles that it does not hold for.
    except: Option<Texts>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ToolNames {
    /// Refused, whatever is permitted.
    deny: Option<Tools>,
    /// Tools of others, let through by name without looking inside.
    opaque: Option<Tools>,
}

#[derive(JsonSchema)]
#[schemars(untagged)]
enum SystemPrompt {
    /// `keep` passes it on, `hide` hides it.
    Word(PromptWord),
    /// Another text in its place, or behind it.
    Text(PromptText),
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
enum PromptWord {
    Keep,
    Hide,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
struct PromptText {
    /// This text instead.
    replace: Option<Text>,
    /// This text behind Directus' own.
    append: Option<Text>,
}

/// How often, or how many at once.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[schemars(extend("oneOf" = json!([
    { "required": ["rate"] },
    { "required": ["concurrency"], "not": { "required": ["burst"] } },
])))]
struct Limit {
    /// Unique in the file.
    id: Id,
    /// How many calls in a second, a minute or an hour: `120/min`.
    rate: Option<Rate>,
    /// How many may come at once; left out: the rate's number.
    burst: Option<Count>,
    /// How many may be under way.
    concurrency: Option<Count>,
    /// Only calls with such an access count; left out: all.
    actions: Option<Actions>,
    /// What is counted together; left out: what comes from one principal.
    per: Option<Per>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
enum Per {
    Principal,
    Role,
    Address,
}

/// A warning that is not to be given of this file.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Silence {
    /// Which one.
    lint: LintName,
    /// For which rule; left out: for all of the file.
    rule: Option<Text>,
    /// Why it is meant so.
    reason: Text,
}
