//! Answers: what each role can do of what was asked, with the rules that say so and a call that shows it.

use super::world::listed;
use crate::directus::access::Action;
use crate::policy::matrix::Witness;
use std::collections::{BTreeMap, BTreeSet};

/// What every role can do of what was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// One for each role, action and outcome, in that order; what comes to the same stands together.
    pub findings: Vec<Finding>,
    /// Whether collections and fields are those of a schema that was given.
    pub is_given: bool,
}

/// What comes of one action for one role.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The role.
    pub role: String,
    /// The action.
    pub action: Action,
    /// The collections that it comes to the same on.
    pub collections: Vec<String>,
    /// The fields of each of them that it comes to the same for; `None` where no fields were asked about.
    pub fields: Option<Vec<String>>,
    /// What it comes to.
    pub verdict: Verdict,
    /// The collections as policies list them, where that is shorter.
    pub(super) told: Vec<String>,
}

/// What an action comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// No call that asks for it passes.
    Cannot {
        /// What stops it.
        because: Vec<Rule>,
        /// Whether a rule forbids it, so that no call brings it about in turn either.
        is_forbidden: bool,
        /// A call that brings it about in turn, without asking for it.
        in_turn: Option<Witness>,
    },
    /// A call that asks for it passes.
    Can {
        /// The permissions that speak of it, in the order in which they are tried.
        by: Vec<Rule>,
        /// Rules that would stop it, were they not observed only.
        observed: Vec<Rule>,
        /// The call.
        call: Witness,
    },
    /// No rule stops it, and no call was found that asks for it.
    Unshown {
        /// The permissions that speak of it.
        by: Vec<Rule>,
        /// Rules that would stop it, were they not observed only.
        observed: Vec<Rule>,
        /// Why the plainest call that does it does not pass; empty where there is none.
        tried: Vec<String>,
        /// A call that brings it about in turn, without asking for it.
        in_turn: Option<Witness>,
    },
}

/// A rule that says so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// `ROLE/ID`, `guardrails/ID`, or `ROLE/-` for no permission; `None` where it is not a rule that says so.
    pub name: Option<String>,
    /// File and line; `None` where it stands nowhere.
    pub at: Option<(String, usize)>,
    /// What it asks for, or why it stops it.
    pub words: String,
}

impl Answer {
    /// Whether some role can, by a call that shows it.
    pub fn is_yes(&self) -> bool {
        self.findings.iter().any(|finding| finding.verdict.call().is_some())
    }

    /// Whether it is proved that no role can ask for it, and no call was found that brings it about.
    pub fn is_no(&self) -> bool {
        self.findings.iter().all(|finding| finding.verdict.is_refused())
    }
}

impl Verdict {
    /// The call that shows that it happens, whether it asks for it or brings it about in turn.
    pub fn call(&self) -> Option<&Witness> {
        match self {
            Self::Cannot { in_turn, .. } | Self::Unshown { in_turn, .. } => in_turn.as_ref(),
            Self::Can { call, .. } => Some(call),
        }
    }

    /// Whether it is proved that it does not happen, nor comes about in turn by a call that was found.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Cannot { in_turn: None, .. })
    }

    /// Whether two come to the same, whatever call shows it.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Cannot { because, is_forbidden, in_turn },
                Self::Cannot { because: other, is_forbidden: forbidden, in_turn: turn },
            ) => because == other && is_forbidden == forbidden && in_turn.is_some() == turn.is_some(),
            (Self::Can { by, observed, .. }, Self::Can { by: other, observed: seen, .. }) => {
                by == other && observed == seen
            }
            (
                Self::Unshown { by, observed, tried, in_turn },
                Self::Unshown { by: other, observed: seen, tried: again, in_turn: turn },
            ) => by == other && observed == seen && tried == again && in_turn.is_some() == turn.is_some(),
            (Self::Cannot { .. } | Self::Can { .. } | Self::Unshown { .. }, _) => false,
        }
    }
}

/// What comes of one action on one collection, and one field of it.
#[derive(Clone, Debug)]
pub(super) struct Fact {
    pub(super) role: String,
    pub(super) action: Action,
    /// What the collection stands for.
    pub(super) collection: String,
    /// What the field stands for.
    pub(super) field: Option<String>,
    /// Whether the collection is a junction, where that is not known and was asked both ways.
    pub(super) junction: Option<bool>,
    pub(super) verdict: Verdict,
}

/// Puts together what comes to the same: first whether it is a junction, then fields, then collections.
pub(super) fn findings(facts: Vec<Fact>, all: &BTreeSet<String>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for fact in by_field(with_junctions(facts)) {
        let like = findings.iter_mut().find(|one| {
            one.role == fact.role
                && one.action == fact.action
                && one.fields == fact.fields
                && one.verdict.is_like(&fact.verdict)
        });
        match like {
            Some(one) => one.collections.extend(fact.collections),
            None => findings.push(fact),
        }
    }
    for finding in &mut findings {
        finding.told = listed(&finding.collections.iter().cloned().collect(), all);
    }
    findings
}

/// What is the same for junctions and others is said once; else the names say which they are.
fn with_junctions(facts: Vec<Fact>) -> Vec<Fact> {
    let mut merged: Vec<Fact> = Vec::new();
    let mut places: BTreeMap<(String, Action, String, Option<String>), usize> = BTreeMap::new();
    for fact in facts {
        let key = (fact.role.clone(), fact.action, fact.collection.clone(), fact.field.clone());
        match places.get(&key).and_then(|place| merged.get_mut(*place)) {
            Some(one) if one.verdict.is_like(&fact.verdict) => one.junction = None,
            // Directus' own are never junctions; what one world did not show the other may.
            Some(one) if fact.collection.starts_with("directus_") => {
                one.junction = None;
                if one.verdict.call().is_none() {
                    one.verdict = fact.verdict;
                }
            }
            Some(_) => merged.push(fact),
            None => {
                places.insert(key, merged.len());
                merged.push(fact);
            }
        }
    }
    for fact in &mut merged {
        match fact.junction.filter(|_| !fact.collection.starts_with("directus_")) {
            Some(true) => fact.collection.push_str(" as a junction"),
            Some(false) => fact.collection.push_str(" as no junction"),
            None => {}
        }
    }
    merged
}

fn by_field(facts: Vec<Fact>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut places: BTreeMap<(String, Action, String), Vec<usize>> = BTreeMap::new();
    for fact in facts {
        let key = (fact.role.clone(), fact.action, fact.collection.clone());
        let places = places.entry(key).or_default();
        let like = places
            .iter()
            .copied()
            .find(|place| findings.get(*place).is_some_and(|finding| finding.verdict.is_like(&fact.verdict)));
        if let Some(one) = like.and_then(|place| findings.get_mut(place)) {
            one.fields.iter_mut().for_each(|fields| fields.extend(fact.field.clone()));
        } else {
            places.push(findings.len());
            findings.push(Finding {
                role: fact.role,
                action: fact.action,
                collections: vec![fact.collection],
                fields: fact.field.map(|field| vec![field]),
                verdict: fact.verdict,
                told: Vec::new(),
            });
        }
    }
    findings
}
