//! Which rules the tests have touched: a rule that decided in none of them could say anything.

use super::PolicySet;
use super::document::{Forbid, Permission, Position};
use std::collections::BTreeSet;

/// The permissions and `forbid`s of some roles and of the guardrails, and which of them decided. Limits count calls and are not
/// among them.
#[derive(Clone, Debug)]
pub struct Coverage<'s> {
    rules: Vec<CoveredRule<'s>>,
}

/// A rule, and whether it decided in any test.
#[derive(Clone, Debug)]
pub struct CoveredRule<'s> {
    /// `ROLE/ID` or `guardrails/ID`.
    pub name: String,
    /// Where it stands.
    pub at: &'s Position,
    /// Whether it permitted or denied in a test, or was observed there.
    pub is_touched: bool,
}

impl<'s> Coverage<'s> {
    /// The rules of a set, of which none is touched yet: those of these roles, or of all, and those of the guardrails.
    pub fn of(set: &'s PolicySet, roles: Option<&BTreeSet<&str>>) -> Self {
        let chosen = set.roles().filter(|role| roles.is_none_or(|roles| roles.contains(role.name.as_str())));
        let own = chosen.flat_map(|role| {
            let forbids = forbids(&role.name, &role.forbid);
            permissions(&role.name, &role.permissions).chain(forbids)
        });
        Self { rules: own.chain(forbids("guardrails", &set.guardrails().forbid)).collect() }
    }

    /// Marks the rules of these names. What decides and is no such rule, as `reader/redact`, is passed over.
    pub fn touch(&mut self, names: &[String]) {
        for rule in self.rules.iter_mut().filter(|rule| names.contains(&rule.name)) {
            rule.is_touched = true;
        }
    }

    /// How many rules there are.
    pub fn total(&self) -> usize {
        self.rules.len()
    }

    /// How many of them are touched.
    pub fn touched(&self) -> usize {
        self.rules.iter().filter(|rule| rule.is_touched).count()
    }

    /// The share of them that is touched, in percent, rounded down; all of none is 100.
    pub fn percent(&self) -> usize {
        (self.touched() * 100).checked_div(self.total()).unwrap_or(100)
    }

    /// The rules that no test touched: role by role, the guardrails last.
    pub fn untouched(&self) -> impl Iterator<Item = &CoveredRule<'s>> {
        self.rules.iter().filter(|rule| !rule.is_touched)
    }
}

fn permissions<'s>(source: &'s str, list: &'s [Permission]) -> impl Iterator<Item = CoveredRule<'s>> {
    list.iter().map(move |one| rule(source, &one.id, &one.at))
}

fn forbids<'s>(source: &'s str, list: &'s [Forbid]) -> impl Iterator<Item = CoveredRule<'s>> {
    list.iter().map(move |one| rule(source, &one.id, &one.at))
}

fn rule<'s>(source: &str, id: &str, at: &'s Position) -> CoveredRule<'s> {
    CoveredRule { name: format!("{source}/{id}"), at, is_touched: false }
}
