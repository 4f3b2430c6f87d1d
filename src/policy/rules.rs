//! Everything that applies to one principal: its role, the guardrails, and the schema that both are read against.

use super::PolicySet;
use super::cover::{Look, Mismatch, Needs, cover};
use super::document::{Forbid, Guardrails, Mode, Permission, Role};
use crate::directus::{Access, SchemaSnapshot};

/// The rules of one role, for one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'a> {
    pub(crate) role: &'a Role,
    pub(crate) guardrails: &'a Guardrails,
    schema: Option<&'a SchemaSnapshot>,
}

impl<'a> Rules<'a> {
    /// The rules of a role, if it has any.
    pub(crate) fn of(set: &'a PolicySet, role: &str, schema: Option<&'a SchemaSnapshot>) -> Option<Self> {
        set.role(role).map(|role| Self { role, guardrails: set.guardrails(), schema })
    }

    pub(crate) fn is_junction(&self, collection: &str) -> bool {
        self.schema.is_some_and(|schema| schema.is_junction(collection))
    }

    pub(crate) fn schema(&self) -> Option<&'a SchemaSnapshot> {
        self.schema
    }

    /// The rule that makes a field unreadable, named as `ROLE/redact` or `guardrails/redact`.
    pub(crate) fn redacted(&self, collection: &str, field: &str) -> Option<String> {
        let hits = |patterns: &[super::pattern::FieldPattern]| {
            patterns.iter().any(|pattern| pattern.matches(collection, field))
        };
        if hits(&self.guardrails.redact) {
            Some("guardrails/redact".to_owned())
        } else if hits(&self.role.redact) {
            Some(format!("{}/redact", self.role.name))
        } else {
            None
        }
    }

    /// Whether a field of that name is redacted, in whatever collection.
    pub(crate) fn redacts_name(&self, field: &str) -> bool {
        let mut patterns = self.guardrails.redact.iter().chain(&self.role.redact);
        patterns.any(|pattern| pattern.matches_name(field))
    }

    /// Whether anything at all is redacted for this role.
    pub(crate) fn redacts(&self) -> bool {
        !self.guardrails.redact.is_empty() || !self.role.redact.is_empty()
    }

    /// Every `forbid` that matches the access, the role's own first.
    pub(crate) fn forbids(&self, access: &Access) -> impl Iterator<Item = Hit<'a>> {
        let junction = self.is_junction(&access.collection);
        let (action, collection) = (access.action, access.collection.clone());
        let role = self.role;
        let own = role.forbid.iter().map(|forbid| Hit { forbid, source: &role.name, is_guardrail: false });
        let shared = self.guardrails.forbid.iter().filter(|forbid| !forbid.except.contains(&role.name));
        let shared = shared.map(|forbid| Hit { forbid, source: "guardrails", is_guardrail: true });
        own.chain(shared).filter(move |hit| {
            hit.forbid.actions.contains(&action) && hit.forbid.collections.matches(&collection, junction)
        })
    }

    /// The first permission that covers the access, or the mismatch that comes closest to covering it.
    pub(crate) fn permission(
        &self,
        access: &Access,
        look: Look<'_>,
    ) -> Result<(&'a Permission, Needs), Option<(&'a Permission, Mismatch)>> {
        let mut closest: Option<(&Permission, Mismatch)> = None;
        for permission in &self.role.permissions {
            match cover(permission, access, self, look) {
                Ok(needs) => return Ok((permission, needs)),
                Err(mismatch) => {
                    let closer = match &closest {
                        None => mismatch != Mismatch::Elsewhere,
                        Some((_, best)) => rank(&mismatch) > rank(best),
                    };
                    if closer {
                        closest = Some((permission, mismatch));
                    }
                }
            }
        }
        Err(closest)
    }

    /// Whether the permission lets the field be read.
    pub(crate) fn readable(&self, permission: &Permission, collection: &str, field: &str) -> bool {
        permission.fields.matches(field) && self.redacted(collection, field).is_none()
    }
}

/// A `forbid` that matches, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hit<'a> {
    pub(crate) forbid: &'a Forbid,
    source: &'a str,
    is_guardrail: bool,
}

impl Hit<'_> {
    /// `ROLE/ID` or `guardrails/ID`.
    pub(crate) fn rule(&self) -> String {
        format!("{}/{}", self.source, self.forbid.id)
    }

    /// Whether its denial is only recorded. A role's mode observes the role's own rules, never a guardrail.
    pub(crate) fn observed(&self, mode: Mode) -> bool {
        self.forbid.observe || (mode == Mode::Observe && !self.is_guardrail)
    }
}

fn rank(mismatch: &Mismatch) -> u8 {
    match mismatch {
        Mismatch::Elsewhere => 0,
        Mismatch::Keys => 1,
        Mismatch::Fields(_) => 2,
        Mismatch::Search(_) => 3,
        Mismatch::ByQuery => 4,
        Mismatch::Unbounded => 5,
        Mismatch::TooMany { .. } => 6,
        Mismatch::Undischarged(..) => 7,
        Mismatch::Invalid(_) => 8,
    }
}
