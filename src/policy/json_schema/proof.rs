//! Files of assertions.

#![expect(dead_code, reason = "what is described here is never made: the decoder reads into `proof`")]

use super::part::{Actions, Collections, Fields, Id, Text, Tools, Version};
use schemars::JsonSchema;

/// What the policies beside it can never let happen, which `warrener prove` proves.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "Assertions about the policies of Warrener")]
pub(crate) struct ProofFile {
    /// Always 1.
    version: Version,
    /// For people.
    description: Option<Text>,
    /// The schema that they are about, beside this file; left out: they hold whatever collections and fields there are.
    schema: Option<Text>,
    /// The assertions.
    assertions: Vec<Assertion>,
}

/// Something that is never to be possible.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Assertion {
    /// Unique in the file.
    id: Id,
    /// To which roles: names, patterns, exclusions; left out: all.
    roles: Option<Tools>,
    /// What.
    never: Never,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Never {
    /// What; left out: all six.
    actions: Option<Actions>,
    /// Where: names, patterns such as `"blog_*"`, exclusions such as `"!directus_*"`, and `"@junctions"`.
    collections: Collections,
    /// Which fields; left out: the items themselves.
    fields: Option<Fields>,
}
