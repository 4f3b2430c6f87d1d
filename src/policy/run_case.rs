//! Running a policy test: what it expects, against what the policies say.

use super::case::{Case, CaseFile, CaseRequest, Expectation, Listed};
use super::judge::{Wire, judge};
use super::pattern::{Glob, Patterns};
use super::{Decision, PolicySet, Principal, Proof, Verdict, explain};
use crate::directus::{Dialect, SchemaSnapshot};
use serde_json::Value;
use std::collections::BTreeSet;

/// A test that came to something else than it expects, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// What was expected.
    pub expected: String,
    /// What came.
    pub came: String,
}

impl CaseFile {
    /// Runs one of the file's tests; without a schema, what depends on one is not understood.
    ///
    /// # Errors
    /// When something else comes than the test expects.
    pub fn run(&self, case: &Case, set: &PolicySet, schema: Option<&SchemaSnapshot>) -> Result<(), Failed> {
        let runner = Runner { set, schema, dialect: self.dialect, principal: principal(&self.role) };
        match &case.request {
            CaseRequest::List(listed) => runner.list(*listed, &case.expect),
            CaseRequest::Call { tool, arguments, query_string } => {
                let body = explain::call(&Value::from(tool.as_str()), &Value::Object(arguments.clone()));
                let query_string = query_string.as_deref().unwrap_or_default();
                compare(&case.expect, &runner.decide(query_string, &body.to_string()))
            }
            CaseRequest::Raw(body) => compare(&case.expect, &runner.decide("", body)),
        }
    }
}

struct Runner<'a> {
    set: &'a PolicySet,
    schema: Option<&'a SchemaSnapshot>,
    dialect: Dialect,
    principal: Principal,
}

fn principal(role: &str) -> Principal {
    Principal { name: "test".to_owned(), role: role.to_owned(), proof: Proof::Key }
}

impl Runner<'_> {
    fn decide(&self, query_string: &str, body: &str) -> Decision {
        let content_type = vec!["application/json"];
        let (dialect, content_encoding) = (self.dialect, Vec::new());
        let wire = Wire { dialect, query_string, content_type, content_encoding, body: body.as_bytes() };
        judge(self.set, &self.principal, self.schema, &wire).decision
    }

    fn list(&self, listed: Listed, expect: &Expectation) -> Result<(), Failed> {
        let Expectation::Names(expected) = expect else {
            return Err(Failed { expected: words(expect), came: "a list".to_owned() });
        };
        let expected: BTreeSet<&str> = expected.iter().map(String::as_str).collect();
        let visible = self.visible(listed, &expected);
        if visible == expected {
            return Ok(());
        }
        Err(Failed { expected: names(&expected), came: names(&visible) })
    }

    /// What of Directus' tools, of the names that the policy spells out and of those that are expected is listed.
    fn visible<'n>(&'n self, listed: Listed, expected: &BTreeSet<&'n str>) -> BTreeSet<&'n str> {
        let nothing = SchemaSnapshot::default();
        let schema = self.schema.unwrap_or(&nothing);
        let Some(visibility) = self.set.visibility(&self.principal, schema) else { return BTreeSet::new() };
        let visibility = visibility.of(self.dialect);
        let Some(role) = self.set.role(&self.principal.role) else { return BTreeSet::new() };
        let expected = expected.iter().copied();
        match listed {
            Listed::Tools => self
                .dialect
                .tools()
                .into_iter()
                .chain(exact(&role.tools.opaque))
                .chain(expected)
                .filter(|name| visibility.sees(name))
                .collect(),
            Listed::Prompts => {
                let known = exact(&role.prompts).chain(expected);
                known.filter(|name| visibility.sees_prompt(name)).collect()
            }
        }
    }
}

/// The names of a list that are written out.
fn exact(patterns: &Patterns) -> impl Iterator<Item = &str> {
    patterns.included().iter().map(Glob::as_str).filter(|name| !name.contains('*'))
}

fn compare(expect: &Expectation, decision: &Decision) -> Result<(), Failed> {
    if meets(expect, decision) {
        return Ok(());
    }
    let forward = matches!(expect, Expectation::Permit { forward: Some(_) });
    Err(Failed { expected: words(expect), came: came(decision, forward) })
}

fn meets(expect: &Expectation, decision: &Decision) -> bool {
    match (expect, &decision.verdict) {
        (Expectation::Permit { forward: None }, Verdict::Permit(_)) => true,
        (Expectation::Permit { forward: Some(part) }, Verdict::Permit(permit)) => {
            permit.meaning.arguments().is_some_and(|all| is_part(part, &Value::Object(all.into_owned())))
        }
        (Expectation::Deny { code, rule }, Verdict::Deny(reason, _)) => {
            reason.code.as_str() == code && rule.as_ref().is_none_or(|rule| *rule == reason.rule)
        }
        (Expectation::Permit { .. }, Verdict::Deny(..))
        | (Expectation::Deny { .. }, Verdict::Permit(_))
        | (Expectation::Names(_), _) => false,
    }
}

/// Whether each key of the part has its value in the whole; lists and plain values have to be equal.
fn is_part(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            part.iter().all(|(key, value)| whole.get(key).is_some_and(|found| is_part(value, found)))
        }
        (part, whole) => part == whole,
    }
}

fn words(expect: &Expectation) -> String {
    match expect {
        Expectation::Permit { forward: None } => "permit".to_owned(),
        Expectation::Permit { forward: Some(part) } => format!("permit, forwarding {part}"),
        Expectation::Deny { code, rule: None } => format!("deny, {code}"),
        Expectation::Deny { code, rule: Some(rule) } => format!("deny, {code} ({rule})"),
        Expectation::Names(list) => names(&list.iter().map(String::as_str).collect()),
    }
}

fn came(decision: &Decision, forward: bool) -> String {
    match &decision.verdict {
        Verdict::Deny(reason, _) => {
            format!("deny, {} ({}): {}", reason.code.as_str(), reason.rule, reason.message)
        }
        Verdict::Permit(permit) => match permit.meaning.arguments().filter(|_| forward) {
            Some(arguments) => format!("permit, forwarding {}", Value::Object(arguments.into_owned())),
            None => format!("permit, by {}", permit.rules.join(", ")),
        },
    }
}

fn names(names: &BTreeSet<&str>) -> String {
    if names.is_empty() {
        return "nothing is listed".to_owned();
    }
    names.iter().copied().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_part_has_no_more_than_the_whole() {
        for (part, whole, is) in [
            (json!({}), json!({"a": 1}), true),
            (json!({"a": 1}), json!({"a": 1, "b": 2}), true),
            (json!({"a": 1, "b": 2}), json!({"a": 1}), false),
            (json!({"q": {"limit": 1}}), json!({"q": {"limit": 1, "fields": ["a"]}}), true),
            (json!({"q": {"limit": 1}}), json!({"q": {"limit": 2}}), false),
            (json!({"f": ["a"]}), json!({"f": ["a", "b"]}), false),
            (json!({"f": ["a", "b"]}), json!({"f": ["b", "a"]}), false),
            (json!({"f": [{"a": 1}]}), json!({"f": [{"a": 1, "b": 2}]}), false),
            (json!({"a": null}), json!({}), false),
            (json!({"a": 1}), json!({"a": "1"}), false),
        ] {
            assert_eq!(is_part(&part, &whole), is, "{part} in {whole}");
        }
    }
}
