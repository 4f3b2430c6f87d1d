//! Role × collection × action as one table that a person can review, and compare with the one before.
//!
//! What passes is not worked out from the rules a second time: the engine that decides calls is asked about calls, for every tool,
//! every word of its `action` and every collection, along relations too. A cell speaks of every call that does the action anywhere
//! in it, asked or implied. It is *permitted* where such a call passes, and that call stands beside the table as its witness. It is
//! *possible* where calls failed by nothing but a value that they wrote. Else it is *denied*.
//!
//! Beside the verdict stand the rules that speak of the cell, in words.

mod calls;
mod relations;
mod shown;
mod survey;
mod unknown;
mod values;
mod words;

pub use survey::Witness;
pub(in crate::policy) use survey::{Done, Tried, Wishes};
pub(in crate::policy) use unknown::spoken_of;
pub(in crate::policy) use words::conditions;

use super::document::Mode;
use super::rules::Rules;
use super::{PolicySet, Principal, Proof};
use crate::directus::{Access, Action, Extent, Fields, SchemaSnapshot, Tool, Verb};
use std::collections::{BTreeMap, BTreeSet};
use survey::Survey;

/// What one role may do, on every collection and with every tool.
#[derive(Clone, Debug, PartialEq)]
pub struct RoleMatrix {
    /// The role's name.
    pub role: String,
    /// Whether the role's own rules bite.
    pub mode: Mode,
    /// Collections that are treated alike, with what each action comes to, in the order of [`Action::ALL`].
    pub groups: Vec<Group>,
    /// Every tool with the words that its `action` may have; `None` where the tool is not seen.
    pub tools: Vec<(Tool, Option<Vec<&'static str>>)>,
    /// Patterns of tools that are let through by name, whatever they do.
    pub opaque: Vec<String>,
    /// A call that passes, for every cell that is permitted.
    pub witnesses: BTreeMap<(Action, String), Witness>,
}

/// Collections that are treated alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Their names.
    pub collections: Vec<String>,
    /// What each action comes to.
    pub cells: Vec<Cell>,
    /// Their fields that it cannot read all the same, where it can read them.
    pub redacted: Vec<String>,
}

/// What one action on a collection comes to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// Whether a call that does it passes.
    pub verdict: Verdict,
    /// The permissions that speak of it, each with what it asks for, in the order in which they are tried; none where a `forbid` makes
    /// them void.
    pub permissions: Vec<String>,
    /// The rules that would have denied the witness, were they not observed only.
    pub observed: Vec<String>,
    /// The calls that bring it about in turn, without asking for it.
    pub implied_by: Vec<String>,
    /// Why it is not permitted.
    pub because: Vec<String>,
}

/// Whether a call that does one thing passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// None does.
    Denied,
    /// None of those that were tried does, by nothing but the values that they write.
    Possible,
    /// One does: it is the witness.
    Permitted,
}

impl Verdict {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Possible => "possible",
            Self::Permitted => "permitted",
        }
    }
}

impl PolicySet {
    /// The matrix of every role, by name.
    pub fn matrix(&self, schema: &SchemaSnapshot) -> Vec<RoleMatrix> {
        self.roles().filter_map(|role| self.role_matrix(&role.name, schema)).collect()
    }

    /// The matrix of one role; `None` where there is no such role.
    pub fn role_matrix(&self, role: &str, schema: &SchemaSnapshot) -> Option<RoleMatrix> {
        let rules = Rules::of(self, role, Some(schema))?;
        let principal = Principal { name: String::new(), role: role.to_owned(), proof: Proof::Key };
        let sees = self.visibility(&principal, schema)?;
        let mut survey = Survey::new(self, rules, sees, schema, &principal);
        calls::ask(&mut survey);
        relations::follow(&mut survey);
        let words = |tool: Tool| sees.verbs(tool).into_iter().map(Verb::as_str).collect();
        let tools = Tool::ALL.iter().map(|tool| (*tool, sees.sees(tool.as_str()).then(|| words(*tool))));
        let opaque = rules.role.tools.opaque.included().iter().map(|glob| glob.as_str().to_owned());
        Some(RoleMatrix {
            role: role.to_owned(),
            mode: rules.role.mode,
            groups: groups(&survey),
            tools: tools.collect(),
            opaque: opaque.collect(),
            witnesses: survey.into_witnesses(),
        })
    }
}

/// What comes of the calls of a role's matrix, and of such as name the fields wished for.
pub(in crate::policy) fn tried(
    set: &PolicySet,
    role: &str,
    schema: &SchemaSnapshot,
    wishes: Wishes,
) -> Tried {
    let principal = Principal { name: String::new(), role: role.to_owned(), proof: Proof::Key };
    let rules = Rules::of(set, role, Some(schema));
    let (Some(rules), Some(sees)) = (rules, set.visibility(&principal, schema)) else {
        return Tried::default();
    };
    let mut survey = Survey::new(set, rules, sees, schema, &principal);
    survey.wishes = wishes;
    calls::ask(&mut survey);
    relations::follow(&mut survey);
    survey.into_tried()
}

/// Every collection, those that are treated alike together.
fn groups(survey: &Survey<'_>) -> Vec<Group> {
    let mut alike: BTreeMap<(Vec<Cell>, Vec<String>), Vec<String>> = BTreeMap::new();
    for collection in survey.schema.collections() {
        let name = &collection.name;
        let cells = Action::ALL.iter().map(|action| cell(survey, *action, name)).collect();
        let reads = survey.found(Action::Read, name).passing.is_some();
        let fields =
            collection.fields.keys().filter(|field| reads && survey.rules.redacted(name, field).is_some());
        alike.entry((cells, fields.cloned().collect())).or_default().push(name.clone());
    }
    let group = |((cells, redacted), collections)| Group { collections, cells, redacted };
    let mut groups: Vec<Group> = alike.into_iter().map(group).collect();
    groups.sort_by(|one, other| one.collections.cmp(&other.collections));
    groups
}

fn cell(survey: &Survey<'_>, action: Action, collection: &str) -> Cell {
    let found = survey.found(action, collection);
    let (verdict, observed) = match (found.passing, found.is_open) {
        (Some(witness), _) => (Verdict::Permitted, witness.observed),
        (None, true) => (Verdict::Possible, Vec::new()),
        (None, false) => (Verdict::Denied, Vec::new()),
    };
    let access = Access::asked(action, collection, Fields::none(), Extent::Keys(Vec::new()));
    let biting = survey.rules.forbids(&access).filter(|hit| !hit.observed(survey.rules.role.mode));
    let forbidden: Vec<String> = biting.map(|hit| hit.rule()).collect();
    let speaking = values::speaking(survey, action, collection).filter(|_| forbidden.is_empty());
    let permissions: Vec<String> =
        speaking.map(|permission| words::permission(&survey.rules, permission, action, collection)).collect();
    let because = match verdict {
        Verdict::Permitted => Vec::new(),
        Verdict::Possible | Verdict::Denied if !forbidden.is_empty() => vec![forbidden.join(", ")],
        Verdict::Possible | Verdict::Denied => because(survey.rules.role.mode, &permissions, found.because),
    };
    let implied_by = found.implied_by.into_iter().collect();
    Cell { verdict, permissions, observed, implied_by, because }
}

/// Why every call that does it fails, where no rule forbids the thing itself.
fn because(mode: Mode, permissions: &[String], found: Option<BTreeSet<String>>) -> Vec<String> {
    match found {
        _ if permissions.is_empty() && mode == Mode::Enforce => vec!["no permission".to_owned()],
        Some(found) => found.into_iter().collect(),
        None => vec!["no call does this".to_owned()],
    }
}
