//! The labels of calls: few, and none that a client could make up.

use crate::directus::{Access, Action, Dialect};
use prometheus_client::encoding::EncodeLabelSet;
use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

/// What stands for every name that is not known.
const OTHER: &str = "other";

/// What stands where there is none.
const NONE: &str = "none";

/// Most roles that are told apart, over all reloads of the policies.
const ROLES: usize = 256;

/// Every tool that a label may name.
static TOOLS: LazyLock<BTreeSet<&'static str>> =
    LazyLock::new(|| Dialect::ALL.into_iter().flat_map(Dialect::tools).chain(["search"]).collect());

/// What the labels of a call are made from.
#[derive(Clone, Copy, Debug)]
pub struct Calls<'a> {
    /// The role, where there is a policy for it.
    pub role: Option<&'a str>,
    /// The tool, as the client has named it; `None` where the message calls none.
    pub tool: Option<&'a str>,
    /// What it would do.
    pub accesses: &'a [Access],
    /// `permit` or `deny`.
    pub decision: &'static str,
    /// False where a denial was only observed.
    pub enforced: bool,
}

/// The labels of a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CallLabels {
    role: Arc<str>,
    tool: &'static str,
    action: &'static str,
    decision: &'static str,
}

/// The same once it has ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Ended {
    #[prometheus(flatten)]
    pub(super) call: CallLabels,
    pub(super) outcome: &'static str,
}

/// A word from a closed list.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Reason {
    pub(super) reason: &'static str,
}

impl CallLabels {
    pub(super) fn of(call: &Calls<'_>, roles: &Roles) -> Self {
        Self {
            role: roles.label(call.role.unwrap_or(OTHER)),
            tool: tool(call.tool),
            action: action(call.accesses),
            decision: if call.enforced { call.decision } else { "observed" },
        }
    }

    /// The role of the policies, or `other`.
    pub fn role(&self) -> &str {
        &self.role
    }

    /// The tool that is known, `other` or `none`.
    pub fn tool(&self) -> &'static str {
        self.tool
    }

    /// The gravest action that is asked for, or `none`.
    pub fn action(&self) -> &'static str {
        self.action
    }

    /// `permit`, `deny` or `observed`.
    pub fn decision(&self) -> &'static str {
        self.decision
    }
}

fn tool(name: Option<&str>) -> &'static str {
    match name {
        Some(name) => TOOLS.get(name).copied().unwrap_or(OTHER),
        None => NONE,
    }
}

/// The gravest action that is asked for.
fn action(accesses: &[Access]) -> &'static str {
    let asked = accesses.iter().filter(|access| access.origin.is_asked());
    asked.map(|access| access.action).max_by_key(|action| gravity(*action)).map_or(NONE, Action::as_str)
}

fn gravity(action: Action) -> u8 {
    match action {
        Action::Read => 0,
        Action::Create => 1,
        Action::Update => 2,
        Action::Import => 3,
        Action::Execute => 4,
        Action::Delete => 5,
    }
}

/// The names of roles, each kept once.
#[derive(Debug, Default)]
pub(super) struct Roles(RwLock<HashSet<Arc<str>>>);

impl Roles {
    fn label(&self, role: &str) -> Arc<str> {
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(role) {
            return known.clone();
        }
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let role = if known.len() < ROLES { role } else { OTHER };
        let label: Arc<str> = known.get(role).cloned().unwrap_or_else(|| role.into());
        known.insert(label.clone());
        label
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directus::{Extent, Fields};

    fn access(action: Action) -> Access {
        Access::asked(action, "articles", Fields::all(), Extent::All)
    }

    #[test]
    fn what_nobody_knows_is_other() {
        for (name, expect) in [
            (Some("items"), "items"),
            (Some("search"), "search"),
            (Some("read-items"), "read-items"),
            (Some("invented\n\"} 1"), "other"),
            (Some("ITEMS"), "other"),
            (None, "none"),
        ] {
            assert_eq!(tool(name), expect, "{name:?}");
        }
    }

    #[test]
    fn the_gravest_action_counts() {
        assert_eq!(action(&[]), "none");
        assert_eq!(action(&[access(Action::Update), access(Action::Read)]), "update");
        assert_eq!(
            action(&[access(Action::Read), access(Action::Delete), access(Action::Execute)]),
            "delete"
        );
    }

    #[test]
    fn roles_are_bounded() {
        let roles = Roles::default();
        let labels: HashSet<_> = (0..3 * ROLES).map(|n| roles.label(&format!("role-{n}"))).collect();
        assert_eq!(labels.len(), ROLES + 1);
        assert_eq!(&*roles.label("one more"), "other");
        assert_eq!(&*roles.label("role-3"), "role-3", "what was told apart stays so");
    }
}
