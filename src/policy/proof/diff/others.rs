//! What changes beside what roles may do.

use super::Other;
use crate::policy::PolicySet;
use crate::policy::document::{Limit, Mode, Role};
use crate::policy::pattern::FieldPattern;
use std::collections::BTreeSet;

/// What changes of a role beside what it may do.
pub(super) fn about_role(name: &str, old: Option<&Role>, new: Option<&Role>) -> Vec<Other> {
    let other = |words| Other { role: Some(name.to_owned()), words };
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (None, Some(_)) => return vec![other("is new")],
        (Some(_), None) => return vec![other("is gone")],
        (None, None) => return Vec::new(),
    };
    let mut found = Vec::new();
    match (old.mode, new.mode) {
        (Mode::Enforce, Mode::Observe) => {
            found.push(other("is observed: what its own rules deny passes, and is only recorded"));
        }
        (Mode::Observe, Mode::Enforce) => found.push(other("is enforced: what its own rules deny is denied")),
        (Mode::Enforce, Mode::Enforce) | (Mode::Observe, Mode::Observe) => {}
    }
    let tools = |role: &Role| (role.tools.deny.clone(), role.tools.opaque.clone());
    let differ = [
        (tools(old) != tools(new), "has other tools"),
        (old.prompts != new.prompts, "has other prompts"),
        (old.system_prompt != new.system_prompt, "has another system prompt"),
        (!limits_alike(&old.limits, &new.limits), "has other limits"),
        (
            blanked(&old.redact) != blanked(&new.redact),
            "has other fields redacted, also in what flows answer",
        ),
    ];
    found.extend(differ.into_iter().filter(|(differs, _)| *differs).map(|(_, words)| other(words)));
    found
}

/// What changes of what applies to every role, beside what roles may do.
pub(super) fn guardrails(old: &PolicySet, new: &PolicySet) -> Vec<Other> {
    let (old, new) = (old.guardrails(), new.guardrails());
    let differ = [
        (!limits_alike(&old.limits, &new.limits), "have other limits"),
        (
            blanked(&old.redact) != blanked(&new.redact),
            "have other fields redacted, also in what flows answer",
        ),
    ];
    let differ = differ.into_iter().filter(|(differs, _)| *differs);
    differ.map(|(_, words)| Other { role: None, words }).collect()
}

/// The names that are blanked in what nobody can ask for less of, whatever the collection.
fn blanked(redact: &[FieldPattern]) -> BTreeSet<&str> {
    redact.iter().map(|pattern| pattern.field().as_str()).collect()
}

/// The same bounds, wherever they stand in their files.
fn limits_alike(old: &[Limit], new: &[Limit]) -> bool {
    let same = |(one, other): (&Limit, &Limit)| {
        (one.bound, &one.actions, one.per) == (other.bound, &other.actions, other.per)
    };
    old.len() == new.len() && old.iter().zip(new).all(same)
}
