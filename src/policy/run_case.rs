//! Running a policy test: what it expects, against what the policies say.

use super::case::{Case, CaseFile, CaseRequest, Expectation, ExpectedFields, ExpectedPermit, Listed};
use super::judge::{Wire, judge};
use super::pattern::{Glob, Patterns};
use super::{Decision, Permit, PolicySet, Principal, Proof, Verdict, explain};
use crate::directus::{Dialect, Meaning, SchemaSnapshot};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// What came of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Whether it came to what it expects.
    pub result: Result<(), Failed>,
    /// The rules that decided, by permitting, by denying, or by being observed; none for a list.
    pub touched: Vec<String>,
}

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
    pub fn run(&self, case: &Case, set: &PolicySet, schema: Option<&SchemaSnapshot>) -> Ran {
        let runner = Runner { set, schema, dialect: self.dialect, principal: principal(&self.role) };
        let decision = match &case.request {
            CaseRequest::List(listed) => {
                return Ran { result: runner.list(*listed, &case.expect), touched: Vec::new() };
            }
            CaseRequest::Call { tool, arguments, query_string } => {
                let body = explain::call(&Value::from(tool.as_str()), &Value::Object(arguments.clone()));
                runner.decide(query_string.as_deref().unwrap_or_default(), &body.to_string())
            }
            CaseRequest::Raw(body) => runner.decide("", body),
        };
        Ran { result: compare(&case.expect, &decision), touched: touched(&decision) }
    }
}

/// The rules that a decision rests on. Further reasons of a denial are left out: without these rules it would be denied as well.
fn touched(decision: &Decision) -> Vec<String> {
    let by: Vec<&String> = match &decision.verdict {
        Verdict::Permit(permit) => permit.rules.iter().collect(),
        Verdict::Deny(reason, _) => vec![&reason.rule],
    };
    by.into_iter().chain(decision.observed.iter().map(|reason| &reason.rule)).cloned().collect()
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
    Err(Failed { expected: words(expect), came: came(expect, decision) })
}

fn meets(expect: &Expectation, decision: &Decision) -> bool {
    match (expect, &decision.verdict) {
        (Expectation::Permit(expected), Verdict::Permit(permit)) => expected.is_met(permit),
        (Expectation::Deny { code, rule }, Verdict::Deny(reason, _)) => {
            reason.code.as_str() == code && rule.as_ref().is_none_or(|rule| *rule == reason.rule)
        }
        (Expectation::Permit(_), Verdict::Deny(..))
        | (Expectation::Deny { .. }, Verdict::Permit(_))
        | (Expectation::Names(_), _) => false,
    }
}

impl ExpectedPermit {
    fn is_met(&self, permit: &Permit) -> bool {
        let forwarded = |part: &Value| {
            let whole = permit.meaning.arguments().map(|all| Value::Object(all.into_owned()));
            whole.is_some_and(|whole| is_part(part, &whole))
        };
        self.rule.as_ref().is_none_or(|rule| permit.rules.contains(rule))
            && self.forward.as_ref().is_none_or(forwarded)
            && self.obligations.as_ref().is_none_or(|list| same_items(list, &permit.shown_obligations()))
            && self.fields.as_ref().is_none_or(|fields| fields.are(&asked_for(permit)))
    }
}

impl ExpectedFields {
    fn are(&self, fields: &BTreeSet<&str>) -> bool {
        match self {
            Self::All(list) => set(list) == *fields,
            Self::At(places) => places.iter().all(|(via, list)| {
                let there: BTreeSet<&str> = fields.iter().filter_map(|path| field_at(via, path)).collect();
                set(list) == there
            }),
        }
    }
}

fn set(names: &[String]) -> BTreeSet<&str> {
    names.iter().map(String::as_str).collect()
}

/// The field that a path names right at a place; the root's is empty.
fn field_at<'p>(via: &str, path: &'p str) -> Option<&'p str> {
    let (above, field) = path.rsplit_once('.').unwrap_or(("", path));
    (above == via).then_some(field)
}

/// The fields that the forwarded query names.
fn asked_for(permit: &Permit) -> BTreeSet<&str> {
    let fields = match &permit.meaning {
        Meaning::Tool(call) => call.arguments.get("query").and_then(|query| query.get("fields")),
        Meaning::Protocol(_) | Meaning::Opaque { .. } => None,
    };
    fields.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Whether the lists hold the same, each as often, in any order.
fn same_items(some: &[Value], others: &[Value]) -> bool {
    let count = |list: &[Value], item: &Value| list.iter().filter(|one| *one == item).count();
    some.len() == others.len() && some.iter().all(|item| count(some, item) == count(others, item))
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
        Expectation::Permit(permit) => permit_in_words(
            permit.rule.as_deref(),
            permit.forward.as_ref(),
            permit.obligations.as_deref(),
            permit.fields.as_ref().map(ExpectedFields::to_string),
        ),
        Expectation::Deny { code, rule: None } => format!("deny, {code}"),
        Expectation::Deny { code, rule: Some(rule) } => format!("deny, {code} ({rule})"),
        Expectation::Names(list) => names(&list.iter().map(String::as_str).collect()),
    }
}

impl fmt::Display for ExpectedFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(list) => f.write_str(&fields(list.iter().map(String::as_str))),
            Self::At(places) => {
                let all = places.iter().flat_map(|(via, list)| list.iter().map(move |name| (via, name)));
                let paths = all.map(
                    |(via, name)| {
                        if via.is_empty() { name.clone() } else { format!("{via}.{name}") }
                    },
                );
                let paths: Vec<String> = paths.collect();
                let places: Vec<String> = places.keys().map(|via| format!("`{via}`")).collect();
                write!(f, "{} at {}", fields(paths.iter().map(String::as_str)), places.join(", "))
            }
        }
    }
}

/// What came, in the parts that are expected.
fn came(expect: &Expectation, decision: &Decision) -> String {
    let permit = match &decision.verdict {
        Verdict::Deny(reason, _) => {
            return format!("deny, {} ({}): {}", reason.code.as_str(), reason.rule, reason.message);
        }
        Verdict::Permit(permit) => permit,
    };
    let nothing = ExpectedPermit::default();
    let asked = match expect {
        Expectation::Permit(asked) => asked,
        Expectation::Deny { .. } | Expectation::Names(_) => &nothing,
    };
    let mut rules = permit.rules.clone();
    rules.dedup();
    let rules = rules.join(", ");
    let forward = asked.forward.as_ref().and_then(|_| permit.meaning.arguments());
    let forward = forward.map(|arguments| Value::Object(arguments.into_owned()));
    let obligations = asked.obligations.as_ref().map(|_| permit.shown_obligations());
    permit_in_words(
        (asked.rule.is_some() || *asked == nothing).then_some(rules.as_str()),
        forward.as_ref(),
        obligations.as_deref(),
        asked.fields.as_ref().map(|_| fields(asked_for(permit).into_iter())),
    )
}

fn permit_in_words(
    by: Option<&str>,
    forward: Option<&Value>,
    obligations: Option<&[Value]>,
    fields: Option<String>,
) -> String {
    let obligations = obligations.map(|list| match list {
        [] => "without obligations".to_owned(),
        list => format!("with the obligations {}", Value::from(list)),
    });
    let by = by.map(|rule| format!("by {rule}"));
    let forward = forward.map(|part| format!("forwarding {part}"));
    let parts = [Some("permit".to_owned()), by, forward, obligations, fields];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn fields<'n>(names: impl Iterator<Item = &'n str>) -> String {
    match names.collect::<Vec<_>>().as_slice() {
        [] => "asking for no fields".to_owned(),
        names => format!("asking for {}", names.join(", ")),
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
    fn fields_are_told_by_where_they_stand() {
        let fields = BTreeSet::from(["title", "author.name", "author.id", "author.articles.id"]);
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let at = |via: &str, names: &[&str]| ExpectedFields::At([(via.to_owned(), list(names))].into());
        for (expected, are) in [
            (ExpectedFields::All(list(&["author.articles.id", "author.id", "author.name", "title"])), true),
            (ExpectedFields::All(list(&["title"])), false),
            (
                ExpectedFields::All(list(&["author.articles.id", "author.id", "author.name", "title", "x"])),
                false,
            ),
            (at("", &["title"]), true),
            (at("", &["title", "author"]), false),
            (at("author", &["id", "name"]), true),
            (at("author", &["id"]), false),
            (at("author", &["id", "name", "articles.id"]), false),
            (at("author.articles", &["id"]), true),
            (at("aut", &[]), true),
            (at("tags", &["id"]), false),
        ] {
            assert_eq!(expected.are(&fields), are, "{expected}");
        }
    }

    #[test]
    fn obligations_are_the_same_in_any_order_and_as_often() {
        let (a, b) = (json!({"limit": 1}), json!({"redact": "result"}));
        for (some, others, same) in [
            (vec![], vec![], true),
            (vec![&a, &b], vec![&b, &a], true),
            (vec![&a], vec![&a, &b], false),
            (vec![&a, &a], vec![&a, &b], false),
            (vec![&a, &b], vec![&a, &a], false),
        ] {
            let owned = |list: Vec<&Value>| list.into_iter().cloned().collect::<Vec<_>>();
            assert_eq!(same_items(&owned(some.clone()), &owned(others)), same, "{some:?}");
        }
    }

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
