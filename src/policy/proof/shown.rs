//! Answers as text and as JSON.

use super::answer::{Answer, Finding, Rule, Verdict};
use super::assertion::{Proof, Proved};
use crate::policy::matrix::Witness;
use serde_json::{Value, json};

/// Between the names of a list.
const AND: &str = ", ";

impl Answer {
    /// Who can, for people, line by line; where nobody can, why not.
    pub fn who(&self) -> Vec<String> {
        let told: Vec<&Finding> = self.findings.iter().filter(|finding| !finding.is_no()).collect();
        let mut lines = Vec::new();
        if told.is_empty() {
            lines.push("no role can".to_owned());
            lines.extend(self.findings.iter().flat_map(Finding::shown).map(|line| format!("  {line}")));
        } else {
            lines.extend(told.into_iter().flat_map(Finding::shown));
        }
        lines.extend(self.note());
        lines
    }

    /// Every finding for people, line by line.
    pub fn shown(&self) -> Vec<String> {
        self.findings.iter().flat_map(Finding::shown).chain(self.note()).collect()
    }

    fn note(&self) -> Option<String> {
        let stands = |name: &String| name.contains(" (");
        let fields = |finding: &Finding| finding.fields.iter().flatten().any(stands);
        let is_due = self.findings.iter().any(|one| one.told.iter().any(stands) || fields(one));
        let text = "no schema was given: a name with something in brackets stands for all that the policies do not tell from it";
        (is_due && !self.is_given).then(|| text.to_owned())
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        json!({
            "schema": self.is_given,
            "findings": self.findings.iter().map(Finding::to_json).collect::<Vec<_>>(),
        })
    }
}

impl Finding {
    fn is_no(&self) -> bool {
        matches!(self.verdict, Verdict::Cannot { in_turn: None, .. })
    }

    /// Line by line: the outcome, the rules, and the call.
    pub fn shown(&self) -> Vec<String> {
        let what = self.what();
        let mut lines = Vec::new();
        match &self.verdict {
            Verdict::Cannot { because, in_turn, .. } => {
                lines.push(format!("{}: cannot {what}", self.role));
                lines.extend(because.iter().map(|rule| rule.shown("")));
                if let Some(call) = in_turn {
                    lines.push("  but no rule forbids it, and this call brings it about in turn".to_owned());
                    lines.push(shown_call(call));
                }
            }
            Verdict::Can { by, observed, call } => {
                lines.push(format!("{}: can {what}", self.role));
                lines.extend(permitting(by).chain(observed.iter().map(|rule| rule.shown(""))));
                lines.push(shown_call(call));
            }
            Verdict::Unshown { by, observed, tried, in_turn } => {
                lines.push(format!(
                    "{}: the rules permit to {what}, but no call that shows it was found",
                    self.role
                ));
                lines.extend(permitting(by).chain(observed.iter().map(|rule| rule.shown(""))));
                lines.extend(tried.iter().map(|why| format!("  tried: {why}")));
                if let Some(call) = in_turn {
                    lines.push("  this call brings it about in turn".to_owned());
                    lines.push(shown_call(call));
                }
            }
        }
        lines
    }

    fn what(&self) -> String {
        let collections = self.told.join(AND);
        match &self.fields {
            None => format!("{} {collections}", self.action),
            Some(fields) => format!("{} {collections}: {}", self.action, fields.join(AND)),
        }
    }

    fn to_json(&self) -> Value {
        let (verdict, rules, observed, is_in_turn) = match &self.verdict {
            Verdict::Cannot { because, in_turn, .. } => ("cannot", because, [].as_slice(), in_turn.is_some()),
            Verdict::Can { by, observed, .. } => ("can", by, observed.as_slice(), false),
            Verdict::Unshown { by, observed, in_turn, .. } => {
                ("unshown", by, observed.as_slice(), in_turn.is_some())
            }
        };
        let call = self.verdict.call();
        json!({
            "role": self.role,
            "action": self.action.as_str(),
            "collections": self.collections,
            "fields": self.fields,
            "verdict": verdict,
            "rules": rules.iter().map(Rule::to_json).collect::<Vec<_>>(),
            "observed": observed.iter().map(Rule::to_json).collect::<Vec<_>>(),
            "in_turn": is_in_turn,
            "call": call.map(call_json),
        })
    }
}

/// The permissions, in the order in which they are tried.
fn permitting(by: &[Rule]) -> impl Iterator<Item = String> {
    by.iter().enumerate().map(|(number, rule)| rule.shown(if number == 0 { "by " } else { "else by " }))
}

impl Rule {
    /// The rule, where it stands, and what it asks for.
    fn shown(&self, before: &str) -> String {
        let place = self.at.as_ref().map(|(file, line)| format!(" ({file}:{line})")).unwrap_or_default();
        match (&self.name, self.words.is_empty()) {
            (None, _) => format!("  {before}{}", self.words),
            (Some(name), true) => format!("  {before}{name}{place}"),
            (Some(name), false) => format!("  {before}{name}{place}: {}", self.words),
        }
    }

    fn to_json(&self) -> Value {
        let (file, line) = self.at.as_ref().map(|(file, line)| (file, line)).unzip();
        json!({ "rule": self.name, "file": file, "line": line, "words": self.words })
    }
}

impl Proof {
    /// Line by line, for people: the outcome, and what speaks against it.
    pub fn shown(&self) -> Vec<String> {
        let head = format!("{}:{}: {}", self.at.file, self.at.line, self.id);
        let roles = self.roles.join(AND);
        match &self.proved {
            Proved::Holds { in_turn: true } => vec![format!("{head}: holds for {roles}")],
            Proved::Holds { in_turn: false } => vec![format!(
                "{head}: holds for {roles}, for what calls ask for; not every one of them is forbidden it, and without that a call \
                 may bring it about in turn"
            )],
            Proved::Fails(against) => against_it(format!("{head}: does not hold"), against),
            Proved::Unproved(against) => against_it(format!("{head}: not proved"), against),
            Proved::Nothing => vec![format!("{head}: not proved, as it speaks of nothing that there is")],
        }
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        let (outcome, against) = match &self.proved {
            Proved::Holds { in_turn: true } => ("holds", [].as_slice()),
            Proved::Holds { in_turn: false } => ("holds for what is asked for", [].as_slice()),
            Proved::Fails(against) => ("fails", against.as_slice()),
            Proved::Unproved(against) => ("not proved", against.as_slice()),
            Proved::Nothing => ("not proved, speaks of nothing", [].as_slice()),
        };
        json!({
            "id": self.id,
            "file": self.at.file,
            "line": self.at.line,
            "roles": self.roles,
            "outcome": outcome,
            "against": against.iter().map(Finding::to_json).collect::<Vec<_>>(),
        })
    }
}

fn against_it(head: String, against: &[Finding]) -> Vec<String> {
    let lines = against.iter().flat_map(Finding::shown).map(|line| format!("  {line}"));
    [head].into_iter().chain(lines).collect()
}

fn shown_call(call: &Witness) -> String {
    format!("  call {}", call_json(call))
}

/// As `explain` takes it.
fn call_json(call: &Witness) -> Value {
    json!({ "tool": call.tool.as_str(), "arguments": call.arguments })
}
