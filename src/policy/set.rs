//! Stub until the loader lands.
use super::document::{Guardrails, Role};
use std::collections::BTreeMap;

/// An immutable revision of the policy files.
#[derive(Clone, Debug, Default)]
pub struct PolicySet {
    roles: BTreeMap<String, Role>,
    guardrails: Guardrails,
    revision: String,
}
impl PolicySet {
    /// The role of that name.
    pub fn role(&self, name: &str) -> Option<&Role> {
        self.roles.get(name)
    }
    /// What applies to every role.
    pub fn guardrails(&self) -> &Guardrails {
        &self.guardrails
    }
    /// Digest of everything it was loaded from.
    pub fn revision(&self) -> &str {
        &self.revision
    }
}
