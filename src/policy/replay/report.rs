//! What other policies would have changed, counted and grouped.

use super::{Again, Undecidable};
use std::collections::BTreeMap;

/// Calls of each group whose ids are kept.
const EXAMPLES: usize = 3;

/// Groups that are told apart. A reason may name what a client has made up, so there is a bound; what is beyond it is counted only.
const GROUPS: usize = 1000;

/// What a trail says of a call that was decided.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its id.
    pub id: String,
    /// The role that it was decided for.
    pub role: String,
    /// The tool, as the client had it.
    pub tool: String,
    /// What it asked for, in short: `update articles`.
    pub does: String,
    /// Whether it was let through, be it by observing only.
    pub passed: bool,
    /// The rule that decided.
    pub rule: String,
}

/// What has become of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It was let through, and would be denied.
    NewlyDenied,
    /// It was denied, and would be let through.
    NewlyPermitted,
}

/// Calls that changed in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// How they changed.
    pub change: Change,
    /// The role.
    pub role: String,
    /// The tool.
    pub tool: String,
    /// What they ask for.
    pub does: String,
    /// The rule that decides now; the first of a permit's.
    pub rule: String,
    /// The rule that had decided.
    pub was: String,
    /// Why they are denied now, as the first client would have been told; empty for a permit.
    pub message: String,
    /// How many there are.
    pub calls: u64,
    /// The ids of the first few.
    pub examples: Vec<String>,
}

/// A count of recorded calls that were decided again.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Calls of which nothing changes.
    pub same: u64,
    /// Calls that were let through, and would be denied.
    pub newly_denied: u64,
    /// Calls that were denied, and would be let through.
    pub newly_permitted: u64,
    /// Calls of which the trail does not tell enough, by what is missing.
    pub undecidable: BTreeMap<Undecidable, u64>,
    groups: BTreeMap<[String; 5], Group>,
    /// Changed calls beyond the groups that are told apart.
    pub ungrouped: u64,
}

impl Report {
    /// Counts one call.
    pub fn add(&mut self, call: &Recorded, again: &Again) {
        let (change, rule, message) = match again {
            Again::Undecidable(why) => {
                *self.undecidable.entry(*why).or_default() += 1;
                return;
            }
            Again::Permit { .. } if call.passed => return self.same += 1,
            Again::Deny(_) if !call.passed => return self.same += 1,
            Again::Permit { rules, .. } => {
                self.newly_permitted += 1;
                (Change::NewlyPermitted, rules.first().cloned().unwrap_or_default(), "")
            }
            Again::Deny(reason) => {
                self.newly_denied += 1;
                (Change::NewlyDenied, reason.rule.clone(), reason.message.as_str())
            }
        };
        let key =
            [&call.role, &call.tool, &call.does, &rule, &call.rule].map(|part| format!("{change:?} {part}"));
        if self.groups.len() >= GROUPS && !self.groups.contains_key(&key) {
            self.ungrouped += 1;
            return;
        }
        let group = self.groups.entry(key).or_insert_with(|| Group {
            change,
            role: call.role.clone(),
            tool: call.tool.clone(),
            does: call.does.clone(),
            rule,
            was: call.rule.clone(),
            message: message.to_owned(),
            calls: 0,
            examples: Vec::new(),
        });
        group.calls += 1;
        if group.examples.len() < EXAMPLES {
            group.examples.push(call.id.clone());
        }
    }

    /// Counts a call that is not decided again: a limit or a stop refused it, or nobody understood it.
    pub fn add_same(&mut self) {
        self.same += 1;
    }

    /// How many calls were looked at.
    pub fn calls(&self) -> u64 {
        self.same + self.newly_denied + self.newly_permitted + self.undecided()
    }

    /// Of how many the trail does not tell enough.
    pub fn undecided(&self) -> u64 {
        self.undecidable.values().sum()
    }

    /// The groups of a change, those with most calls first.
    pub fn groups(&self, change: Change) -> Vec<&Group> {
        let mut groups: Vec<&Group> = self.groups.values().filter(|group| group.change == change).collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.calls));
        groups
    }
}
