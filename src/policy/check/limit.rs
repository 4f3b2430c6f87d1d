//! Limits that are never reached.

use super::lint::Lint;
use super::{Check, Limit, Role};
use crate::directus::access::Action;
use crate::policy::document::{Bound, Mode, Per, Unit};
use std::collections::BTreeSet;

impl Check<'_> {
    /// Reports limits of a role that other limits, its own or the guardrails', keep from being reached, or that count nothing.
    pub(super) fn limits_of(&mut self, role: &Role) {
        let shared = self.set.guardrails().limits.iter().map(|limit| ("guardrails", limit));
        let own = role.limits.iter().map(|limit| (role.name.as_str(), limit));
        let all: Vec<(&str, &Limit)> = shared.chain(own).collect();
        let first = all.len() - role.limits.len();
        for (index, (_, limit)) in all.iter().enumerate().skip(first) {
            if counts_nothing(limit, role) {
                let message = format!(
                    "`{}/{}` counts nothing: the role may do none of its actions",
                    role.name, limit.id
                );
                self.warn(Lint::UnreachableLimit, *limit, message, "leave it out, or correct its `actions`");
            } else {
                self.unreachable(&all, index, &role.name);
            }
        }
    }

    /// The same for the guardrails among themselves.
    pub(super) fn limits_of_guardrails(&mut self) {
        let guardrails = self.set.guardrails();
        let all: Vec<(&str, &Limit)> = guardrails.limits.iter().map(|limit| ("guardrails", limit)).collect();
        for index in 0..all.len() {
            self.unreachable(&all, index, "guardrails");
        }
    }

    fn unreachable(&mut self, all: &[(&str, &Limit)], index: usize, owner: &str) {
        let Some((_, limit)) = all.get(index) else { return };
        // Of two that are equal the later one is the one too many.
        let others = all.iter().enumerate().filter(|(other, _)| *other != index);
        let mut stricter = others.filter(|(other, (_, one))| {
            keeps_below(one, limit) && (*other < index || !keeps_below(limit, one))
        });
        if let Some((_, (by, one))) = stricter.next() {
            let message = format!(
                "`{owner}/{}` can never be reached: `{by}/{}` is always reached first",
                limit.id, one.id
            );
            self.warn(Lint::UnreachableLimit, *limit, message, "leave it out, or make it the stricter one");
        }
    }
}

/// Whether whatever keeps within the one limit keeps within the other.
fn keeps_below(one: &Limit, other: &Limit) -> bool {
    let counts_more = match (&one.actions, &other.actions) {
        (None, _) => true,
        (Some(one), Some(other)) => one.is_superset(other),
        (Some(_), None) => false,
    };
    // What all principals of a role do together is no less than what one of them does.
    let together = one.per == other.per || (one.per == Per::Role && other.per == Per::Principal);
    counts_more && together && is_within(one.bound, other.bound)
}

fn is_within(one: Bound, other: Bound) -> bool {
    match (one, other) {
        (
            Bound::Rate { count, unit, burst },
            Bound::Rate { count: other_count, unit: other_unit, burst: other_burst },
        ) => {
            let in_an_hour = |count: u32, unit: Unit| u64::from(count) * in_hour(unit);
            in_an_hour(count, unit) <= in_an_hour(other_count, other_unit) && burst <= other_burst
        }
        (Bound::Concurrency(one), Bound::Concurrency(other)) => one <= other,
        (Bound::Rate { .. }, Bound::Concurrency(_)) | (Bound::Concurrency(_), Bound::Rate { .. }) => false,
    }
}

fn in_hour(unit: Unit) -> u64 {
    match unit {
        Unit::Second => 3600,
        Unit::Minute => 60,
        Unit::Hour => 1,
    }
}

/// Whether no call that the role may make has an access of these actions; a write may imply others, of other actions.
fn counts_nothing(limit: &Limit, role: &Role) -> bool {
    let Some(actions) = limit.actions.as_ref().filter(|_| role.mode == Mode::Enforce) else { return false };
    let permitted: BTreeSet<Action> =
        role.permissions.iter().flat_map(|permission| permission.actions.iter().copied()).collect();
    let writes = permitted.iter().any(|action| super::is_write(*action));
    actions.iter().all(|action| match action {
        Action::Create | Action::Update | Action::Delete => !writes,
        Action::Read | Action::Execute | Action::Import => !permitted.contains(action),
    })
}
