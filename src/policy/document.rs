//! The policy files as values: what a role file and `guardrails.yaml` say, checked, but not yet asked anything.

use super::check::lint::Lint;
use super::pattern::{CollectionPatterns, FieldPattern, Patterns};
use super::validation::Rule;
use crate::directus::access::{Action, Key};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt;

/// One role: `policies/<role>.yaml`.
#[derive(Clone, Debug)]
pub struct Role {
    /// The file's name without its extension; the file says the same in `role`.
    pub name: String,
    /// What the role is for, in a sentence.
    pub description: String,
    /// Whether its own denials bite.
    pub mode: Mode,
    /// Tried in file order; what none of them covers is denied.
    pub permissions: Vec<Permission>,
    /// Always win.
    pub forbid: Vec<Forbid>,
    /// Where bytes may be imported from; `None` where the file does not say.
    pub import_from: Option<Vec<ImportSource>>,
    /// Tools by name.
    pub tools: Tools,
    /// Which prompts may be listed and got.
    pub prompts: Patterns,
    /// What becomes of Directus' system prompt.
    pub system_prompt: SystemPrompt,
    /// How often and how many at once.
    pub limits: Vec<Limit>,
    /// Fields that nobody may read.
    pub redact: Vec<FieldPattern>,
    /// What `check` is not to say of this file.
    pub silences: Vec<Silence>,
}

/// What applies to every role and what no role can loosen: `guardrails.yaml`.
#[derive(Clone, Debug, Default)]
pub struct Guardrails {
    /// What they protect, in a sentence.
    pub description: String,
    /// Always win, for every role that is not in [`Forbid::except`].
    pub forbid: Vec<Forbid>,
    /// On top of the role's own.
    pub limits: Vec<Limit>,
    /// On top of the role's own.
    pub redact: Vec<FieldPattern>,
    /// Where given, an import must match this list too.
    pub import_from: Option<Vec<ImportSource>>,
    /// What `check` is not to say of this file.
    pub silences: Vec<Silence>,
}

/// One thing that a role may do.
#[derive(Clone, Debug)]
pub struct Permission {
    /// Unique in its file; `ROLE/ID` names it everywhere.
    pub id: String,
    /// On which collections.
    pub collections: CollectionPatterns,
    /// What may be done there.
    pub actions: BTreeSet<Action>,
    /// Which fields the client may name or be shown.
    pub fields: Patterns,
    /// Only these items: a Directus filter rule.
    pub filter: Option<Map<String, Value>>,
    /// What a written row must meet.
    pub validation: Option<Validation>,
    /// What a create leaves out.
    pub presets: Option<Map<String, Value>>,
    /// Only these primary keys.
    pub keys: Option<BTreeSet<Key>>,
    /// How many rows one access may return or write.
    pub max_items: Option<MaxItems>,
    /// Whether items may be updated or deleted that the request does not name.
    pub by_query: bool,
    /// Where it stands.
    pub at: Position,
}

/// What a written row must meet.
#[derive(Clone, Debug)]
pub struct Validation {
    /// The rule as it is evaluated.
    pub rule: Rule,
    /// The rule as it is written.
    pub text: Map<String, Value>,
}

/// Something that is not to happen, whatever is permitted.
#[derive(Clone, Debug)]
pub struct Forbid {
    /// Unique in its file; `ROLE/ID` or `guardrails/ID` names it everywhere.
    pub id: String,
    /// On which collections.
    pub collections: CollectionPatterns,
    /// What is forbidden there; all six where the file leaves them out.
    pub actions: BTreeSet<Action>,
    /// Told to the client.
    pub reason: Option<String>,
    /// Recorded as a would-be denial only.
    pub observe: bool,
    /// Roles that it does not apply to; guardrails only.
    pub except: Vec<String>,
    /// Where it stands.
    pub at: Position,
}

/// Whether a role's denials bite or are only recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// They bite.
    #[default]
    Enforce,
    /// They are recorded, and the call goes through.
    Observe,
}

/// A bound on the rows of one access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxItems {
    /// At most so many.
    At(u64),
    /// Any number, said on purpose.
    Unlimited,
}

/// Tools by name.
#[derive(Clone, Debug)]
pub struct Tools {
    /// Refused, whatever is permitted.
    pub deny: Patterns,
    /// Not Directus' own: let through by name, never decoded.
    pub opaque: Patterns,
}

/// What becomes of Directus' system prompt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SystemPrompt {
    /// It is passed on.
    #[default]
    Keep,
    /// The tool is hidden and refused.
    Hide,
    /// This text stands in its place.
    Replace(String),
    /// This text is put behind it.
    Append(String),
}

/// One limit of a role or of the guardrails.
#[derive(Clone, Debug)]
pub struct Limit {
    /// Unique in its file.
    pub id: String,
    /// Calls in a time, or calls at once.
    pub bound: Bound,
    /// Which calls count: those with an access of one of these actions; `None` for all calls.
    pub actions: Option<BTreeSet<Action>>,
    /// What is counted together.
    pub per: Per,
    /// Where it stands.
    pub at: Position,
}

/// What a limit bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// So many calls in a span of time, and so many at once out of a full bucket.
    Rate {
        /// Calls in one `unit`; at least 1.
        count: u32,
        /// The span of time.
        unit: Unit,
        /// How many may come at once; at least 1.
        burst: u32,
    },
    /// So many calls under way at the same time; at least 1.
    Concurrency(u32),
}

/// The span of time of a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// `/s`
    Second,
    /// `/min`
    Minute,
    /// `/h`
    Hour,
}

/// What a limit counts together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Per {
    /// Each principal for itself.
    #[default]
    Principal,
    /// All principals of a role.
    Role,
    /// All that come from one network address.
    Address,
}

/// Where bytes may be imported from: scheme, host and port equal, path a prefix by whole segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportSource {
    /// Parsed, without user info, query or fragment.
    pub url: url::Url,
    /// Where it stands.
    pub at: Position,
}

/// A lint that is not to be told of one file, and why. It changes nothing of what is permitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// Which one.
    pub lint: Lint,
    /// For which rule of the file; `None` for all of the file.
    pub rule: Option<String>,
    /// Why what it says is meant so.
    pub reason: String,
    /// Where it stands.
    pub at: Position,
}

/// A place in a policy file, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The file's name.
    pub file: String,
    /// Counted from 1; 0 where there is no file.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}
