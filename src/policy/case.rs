//! Policy tests: `<role>.test.yaml`, decoded. Whoever runs them compares each case with a decision.

mod blank;
pub(in crate::policy) mod decode;
pub(in crate::policy) mod expect;

use super::decode::Decoder;
use super::diagnostic::{Diagnostics, Source, Sources};
use super::document::Position;
use crate::directus::Dialect;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The tests of one role.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseFile {
    /// The role that is tested; the file's name where the file does not say.
    pub role: String,
    /// The schema that the calls are read with, as a path beside the file; `None` where no call depends on relations.
    pub schema: Option<String>,
    /// Whose tools the calls are written for.
    pub dialect: Dialect,
    /// The cases, in file order; each row of a table is a case of its own.
    pub tests: Vec<Case>,
}

/// One test.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// What it shows, with the values of its row in a table; unique in its file.
    pub name: String,
    /// What is asked.
    pub request: CaseRequest,
    /// What has to come of it.
    pub expect: Expectation,
    /// Where it stands, or its row.
    pub at: Position,
}

/// What a test asks.
#[derive(Clone, Debug, PartialEq)]
pub enum CaseRequest {
    /// A tool call.
    Call {
        /// The tool's name, as in `params.name`.
        tool: String,
        /// Its arguments.
        arguments: Map<String, Value>,
        /// The query string of the request, such as `tool_mode=registry`.
        query_string: Option<String>,
    },
    /// A list of what is visible.
    List(Listed),
    /// A whole request body, byte by byte.
    Raw(String),
}

/// What a list is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// `tools/list`.
    Tools,
    /// `prompts/list`.
    Prompts,
}

/// What has to come of a test.
#[derive(Clone, Debug, PartialEq)]
pub enum Expectation {
    /// The call is permitted, in this way.
    Permit(ExpectedPermit),
    /// The call is denied.
    Deny {
        /// The code of the reason, such as `forbidden`.
        code: String,
        /// The rule, such as `guardrails/no-deletes`; `None` where it does not matter.
        rule: Option<String>,
    },
    /// The list has exactly these names, in any order.
    Names(Vec<String>),
}

/// How a call has to be permitted; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpectedPermit {
    /// A rule that permits one of its accesses, as `ROLE/ID`.
    pub rule: Option<String>,
    /// A part of the forwarded arguments.
    pub forward: Option<Value>,
    /// All obligations, as `explain` shows them, in any order.
    pub obligations: Option<Vec<Value>>,
    /// The fields that the forwarded query asks for, in any order.
    pub fields: Option<ExpectedFields>,
}

/// Which fields a forwarded query has to ask for.
#[derive(Clone, Debug, PartialEq)]
pub enum ExpectedFields {
    /// These paths and no others.
    All(Vec<String>),
    /// At each of these paths these fields and no others; the root's path is empty.
    At(BTreeMap<String, Vec<String>>),
}

impl CaseFile {
    /// Reads the tests of one file.
    ///
    /// # Errors
    /// All that is wrong in it.
    pub fn load(source: &Source) -> Result<Self, Diagnostics> {
        let (mut decoder, root) = Decoder::open(source);
        let file = decoder.case_file(&root);
        let found = Diagnostics::new(decoder.close(), Sources::new([source]));
        match file {
            Some(file) if !found.has_errors() => Ok(file),
            _ => Err(found),
        }
    }
}
