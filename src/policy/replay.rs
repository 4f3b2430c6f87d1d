//! A recorded call decided again, by its facts alone: no request is made, and no argument is needed.

mod report;

pub use report::{Change, Group, Recorded, Report};

use super::PolicySet;
use super::decide::by_name;
use super::decision::{Code, Reason};
use super::evaluate::{Findings, evaluate};
use super::facts::{Recalled, Unclear};
use super::rules::Rules;
use crate::directus::SchemaSnapshot;

/// What a set of policies says of a recorded call.
#[derive(Clone, Debug, PartialEq)]
pub enum Again {
    /// It lets it through.
    Permit {
        /// The permissions that cover it.
        rules: Vec<String>,
        /// Why it would deny it, were that not observed only.
        observed: Vec<Reason>,
    },
    /// It denies it.
    Deny(Reason),
    /// The facts do not tell.
    Undecidable(Undecidable),
}

/// Why a recorded call cannot be decided again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Undecidable {
    /// The facts themselves.
    #[error(transparent)]
    Unclear(#[from] Unclear),
    /// A validation or preset speaks of a value that was written and not kept.
    #[error("a validation or preset speaks of a written value that was not kept")]
    Value,
    /// A search would have to be put otherwise, and what was searched for is not kept.
    #[error("a search would have to be limited, and what was searched for was not kept")]
    Search,
    /// There are none: they were erased, or the call was decided by its name alone.
    #[error("it has no facts: they were erased, or it was decided by its name alone")]
    NoFacts,
    /// The snapshot of the schema is not in the trail.
    #[error("the schema that it was decided with is not in the trail")]
    Schema,
}

impl PolicySet {
    /// Decides a recorded call again, for a role and by the snapshot of the schema that it was decided with.
    ///
    /// A permit says that the policies cover all that the call did. Whether the request could have been rewritten to meet them, as a
    /// filter or a projection asks, is not looked at again: that needs the request itself.
    pub fn decide_again(&self, role: &str, schema: &SchemaSnapshot, recalled: &Recalled) -> Again {
        self.look_again(role, schema, recalled).0
    }

    /// The same, with what was found of the accesses; nothing is found of a call that is decided by its name.
    pub(in crate::policy) fn look_again<'a>(
        &'a self,
        role: &str,
        schema: &'a SchemaSnapshot,
        recalled: &'a Recalled,
    ) -> (Again, Findings<'a>) {
        let by_itself = |again| (again, Findings::default());
        let Some(rules) = Rules::of(self, role, Some(schema)) else {
            let text = "There is no policy for the role of this key, so nothing is permitted to it.";
            return by_itself(Again::Deny(Reason::firm(Code::NoPermission, format!("{role}/-"), text)));
        };
        match by_name(&rules, &recalled.call) {
            Err(reason) => return by_itself(Again::Deny(reason)),
            Ok(Some((by, _))) => {
                return by_itself(Again::Permit { rules: vec![by], observed: Vec::new() });
            }
            Ok(None) => {}
        }
        let findings = evaluate(&rules, &recalled.call, &recalled.decoded);
        let unsure = |reason: &Reason| unsure(reason, &rules, recalled);
        let sure = findings.denials.iter().find(|reason| unsure(reason).is_none());
        let again = match (sure, findings.denials.first().and_then(unsure)) {
            (Some(reason), _) => Again::Deny(reason.clone()),
            (None, Some(why)) => Again::Undecidable(why),
            (None, None) => {
                Again::Permit { rules: findings.rules.clone(), observed: findings.observed.clone() }
            }
        };
        (again, findings)
    }
}

/// Why a denial may come from nothing but the facts' own gaps.
fn unsure(reason: &Reason, rules: &Rules<'_>, recalled: &Recalled) -> Option<Undecidable> {
    let by_value = match reason.code {
        Code::InvalidValue | Code::NotUnderstood | Code::NoPermission => recalled.lacks(rules.role),
        Code::Forbidden
        | Code::OverLimit
        | Code::RateLimited
        | Code::Stopped
        | Code::TooLarge
        | Code::Unavailable => false,
    };
    let searches = recalled.decoded.accesses.iter().any(|access| !access.fields.searched.is_empty());
    if by_value {
        Some(Undecidable::Value)
    } else if searches && reason.code == Code::NoPermission {
        Some(Undecidable::Search)
    } else {
        None
    }
}
