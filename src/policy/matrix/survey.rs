//! What the engine says of many calls, kept by what they do.

use crate::directus::accesses::{Decoded, accesses};
use crate::directus::call::Mode;
use crate::directus::carrier::Step;
use crate::directus::{Access, Action, Meaning, Origin, SchemaSnapshot, Tool, ToolCall};
use crate::policy::rules::Rules;
use crate::policy::{AccessRequest, Code, PolicySet, Principal, Reason, Verdict, Visibility};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The calls of one role, as they are asked about one after the other.
#[derive(Debug)]
pub(super) struct Survey<'a> {
    pub(super) rules: Rules<'a>,
    pub(super) schema: &'a SchemaSnapshot,
    /// What could pass at all: asking about anything else along relations would change nothing.
    pub(super) sees: Visibility<'a>,
    set: &'a PolicySet,
    principal: &'a Principal,
    found: BTreeMap<(Action, String), Found>,
    done: BTreeMap<Done, Witness>,
    /// Fields that calls are to name beside the plainest ones.
    pub(super) wishes: Wishes,
    /// Where calls that pass can be made to do more, along relations.
    pub(super) places: Vec<Place>,
}

/// Fields by their collection.
pub(in crate::policy) type Wishes = BTreeMap<String, BTreeSet<String>>;

/// A thing that a call does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::policy) struct Done {
    pub(in crate::policy) action: Action,
    pub(in crate::policy) collection: String,
    /// A field that the call names; `None` whatever it names.
    pub(in crate::policy) field: Option<String>,
    /// Whether the call asks for it, or brings it about in turn.
    pub(in crate::policy) asked: bool,
}

/// What came of calls.
#[derive(Clone, Debug, Default)]
pub(in crate::policy) struct Tried {
    /// Everything that a call does that passes, with that call.
    pub(in crate::policy) done: BTreeMap<Done, Witness>,
    /// Why the plainest call that does something else does not pass.
    pub(in crate::policy) because: BTreeMap<(Action, String), BTreeSet<String>>,
}

/// What came of the calls that do one thing to one collection.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// A call that passes; of several the one with the least that is only observed.
    pub(super) passing: Option<Witness>,
    /// The calls that pass and bring it about in turn, without asking for it.
    pub(super) implied_by: BTreeSet<String>,
    /// Why the plainest call does not pass, where it does not.
    pub(super) because: Option<BTreeSet<String>>,
    /// Whether a call failed by nothing but a value that it wrote, so that another value might pass.
    pub(super) is_open: bool,
}

/// A call that passes.
#[derive(Clone, Debug, PartialEq)]
pub struct Witness {
    /// The tool.
    pub tool: Tool,
    /// Its arguments.
    pub arguments: Map<String, Value>,
    /// The rules that would have denied it, were they not observed only.
    pub observed: Vec<String>,
}

/// A place in a call that passes, from which relations lead on.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) tool: Tool,
    pub(super) arguments: Map<String, Value>,
    pub(super) collection: String,
    pub(super) at: At,
}

/// Where in a call.
#[derive(Clone, Debug)]
pub(super) enum At {
    /// What is read behind this path.
    Path(Vec<String>),
    /// The row that stands there in the arguments.
    Row(Vec<Step>),
}

impl<'a> Survey<'a> {
    pub(super) fn new(
        set: &'a PolicySet,
        rules: Rules<'a>,
        sees: Visibility<'a>,
        schema: &'a SchemaSnapshot,
        principal: &'a Principal,
    ) -> Self {
        let (found, done, wishes) = (BTreeMap::new(), BTreeMap::new(), Wishes::new());
        Self { rules, schema, sees, set, principal, found, done, wishes, places: Vec::new() }
    }

    pub(super) fn found(&self, action: Action, collection: &str) -> Found {
        self.found.get(&(action, collection.to_owned())).cloned().unwrap_or_default()
    }

    /// The calls that prove what is permitted.
    pub(super) fn into_witnesses(self) -> BTreeMap<(Action, String), Witness> {
        let passing = |(done, found): ((Action, String), Found)| found.passing.map(|witness| (done, witness));
        self.found.into_iter().filter_map(passing).collect()
    }

    /// Everything that some call does, with that call, and why others do not pass.
    pub(super) fn into_tried(self) -> Tried {
        let because =
            self.found.into_iter().filter_map(|(what, found)| Some((what, found.because?))).collect();
        Tried { done: self.done, because }
    }

    /// Has the engine decide a call, and notes what comes of it for everything that the call does. Whether it passes.
    ///
    /// What cannot be decoded is no call: it is denied whatever the policies say.
    pub(super) fn ask(&mut self, tool: Tool, arguments: &Map<String, Value>) -> bool {
        let Ok(call) = ToolCall::new(Mode::Legacy, tool, arguments.clone()) else { return false };
        let Ok(decoded) = accesses(&call, self.schema) else { return false };
        let meaning = Meaning::Tool(call);
        let message = Ok((&meaning, &decoded));
        let request = AccessRequest { principal: self.principal, message, schema: Some(self.schema) };
        let decision = self.set.decide(&request);
        match &decision.verdict {
            Verdict::Permit(_) => {
                let observed: BTreeSet<&String> = decision.observed.iter().map(|one| &one.rule).collect();
                let observed = observed.into_iter().cloned().collect();
                let witness = Witness { tool, arguments: arguments.clone(), observed };
                self.passed(&witness, &decision.accesses);
                true
            }
            Verdict::Deny(first, more) => {
                self.denied(&decoded, first, more);
                false
            }
        }
    }

    fn passed(&mut self, witness: &Witness, accesses: &[Access]) {
        let asks = |access: &Access| {
            let same = |one: &&Access| one.action == access.action && one.collection == access.collection;
            accesses.iter().filter(same).any(|one| one.origin.is_asked())
        };
        for access in accesses.iter().filter(|access| counts(access)) {
            self.does(witness, access);
            let found = self.found.entry((access.action, access.collection.clone())).or_default();
            if !asks(access) {
                found.implied_by.insert(witness.name());
            }
            if found.passing.as_ref().is_none_or(|best| witness.observed.len() < best.observed.len()) {
                found.passing = Some(witness.clone());
            }
        }
    }

    /// Notes what a call does that passes, of several calls the one with the least that is only observed.
    fn does(&mut self, witness: &Witness, access: &Access) {
        let named = access.fields.named.iter().cloned().map(Some);
        for field in named.chain([None]) {
            let (action, collection) = (access.action, access.collection.clone());
            let done = Done { action, collection, field, asked: access.origin.is_asked() };
            let best = self.done.get(&done);
            if best.is_none_or(|best| witness.observed.len() < best.observed.len()) {
                self.done.insert(done, witness.clone());
            }
        }
    }

    fn denied(&mut self, decoded: &Decoded, first: &Reason, more: &[Reason]) {
        let by_value = |reason: &Reason| reason.code == Code::InvalidValue && reason.observable;
        let is_open = by_value(first) && more.iter().all(by_value);
        let because = self.because(decoded, first);
        for access in decoded.accesses.iter().filter(|access| counts(access)) {
            let found = self.found.entry((access.action, access.collection.clone())).or_default();
            found.is_open |= is_open;
            found.because.get_or_insert_with(|| because.clone());
        }
    }

    /// What of the call is forbidden, and by which rules; where nothing is, the first reason.
    fn because(&self, decoded: &Decoded, first: &Reason) -> BTreeSet<String> {
        let mode = self.rules.role.mode;
        let mut forbidden: BTreeMap<(Action, &str), BTreeSet<String>> = BTreeMap::new();
        for access in decoded.accesses.iter().filter(|access| counts(access)) {
            for hit in self.rules.forbids(access).filter(|hit| !hit.observed(mode)) {
                forbidden.entry((access.action, &access.collection)).or_default().insert(hit.rule());
            }
        }
        if forbidden.is_empty() {
            return [format!("{}: {}", first.code.as_str(), first.rule)].into();
        }
        let said = |((action, collection), rules): ((Action, &str), BTreeSet<String>)| {
            let rules: Vec<String> = rules.into_iter().collect();
            format!("with {action} of {collection}: {}", rules.join(", "))
        };
        forbidden.into_iter().map(said).collect()
    }
}

impl Witness {
    /// The tool and the word for what it does.
    pub fn name(&self) -> String {
        let verb = self.arguments.get("action").and_then(Value::as_str);
        verb.map_or_else(|| self.tool.as_str().to_owned(), |verb| format!("{} {verb}", self.tool.as_str()))
    }
}

/// Whether an access is one that a cell speaks of. What is only included, such as the key of a written row, is decided with what it
/// comes with.
fn counts(access: &Access) -> bool {
    match access.origin {
        Origin::Asked | Origin::Expanded | Origin::Implied => true,
        Origin::Included => false,
    }
}
