//! Findings that a file does not want to be told, and silences that silence nothing.

use super::{Finding, Subject};
use crate::policy::PolicySet;
use crate::policy::diagnostic::Diagnostic;
use crate::policy::document::Silence;

/// The findings that no silence of their file is about. Only a lint is ever silenced.
pub(super) fn heard(set: &PolicySet, found: Vec<Finding>) -> Vec<Diagnostic> {
    let heard = found.into_iter().filter(|one| !silences(set).any(|silence| is_about(silence, one)));
    heard.map(|one| one.diagnostic).collect()
}

/// The silences that are about none of the findings; of what only a schema tells nothing is known without one.
pub(super) fn unused<'s>(
    set: &'s PolicySet,
    found: &[Finding],
    has_schema: bool,
) -> Vec<(Subject<'s>, String)> {
    let told = silences(set).filter(|silence| has_schema || !silence.lint.asks_schema());
    let idle = told.filter(|silence| !found.iter().any(|one| is_about(silence, one)));
    let message = |silence: &Silence| match &silence.rule {
        Some(rule) => format!("`{}` is silenced for `{rule}`, of which it is not said", silence.lint),
        None => format!("`{}` is silenced, and is not said of this file", silence.lint),
    };
    idle.map(|silence| (Subject::from(&silence.at), message(silence))).collect()
}

fn silences(set: &PolicySet) -> impl Iterator<Item = &Silence> {
    set.roles().flat_map(|role| &role.silences).chain(&set.guardrails().silences)
}

fn is_about(silence: &Silence, one: &Finding) -> bool {
    one.lint == Some(silence.lint)
        && one.diagnostic.file == silence.at.file
        && silence.rule.as_ref().is_none_or(|rule| one.rule.as_ref() == Some(rule))
}
