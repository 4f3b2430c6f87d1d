//! The decision: what the policies say of one message.

use super::decision::{Check, Code, Decision, Obligation, Permit, Reason, Verdict};
use super::document::SystemPrompt;
use super::evaluate::{Findings, evaluate};
use super::rules::Rules;
use super::{PolicySet, Principal, own_rules};
use crate::directus::accesses::{Decoded, accesses};
use crate::directus::{Access, Dialect, Meaning, Misread, Protocol, SchemaSnapshot, Tool, ToolCall};
use std::borrow::Cow;

/// One message as it is decided: who sent it, what it means, and what it would do.
#[derive(Clone, Copy, Debug)]
pub struct AccessRequest<'a> {
    /// Who sent it.
    pub principal: &'a Principal,
    /// What it means and what it would do, or why that cannot be told.
    pub message: Result<(&'a Meaning, &'a Decoded), &'a Misread>,
    /// The snapshot that its accesses were told by.
    pub schema: Option<&'a SchemaSnapshot>,
}

impl PolicySet {
    /// Decides one message. The decision is total, and depends on nothing but its arguments.
    ///
    /// A permit carries the message with its obligations already applied; that form was decoded and decided again, and
    /// needed no further change.
    pub fn decide(&self, request: &AccessRequest<'_>) -> Decision {
        let role = request.principal.role.as_str();
        let deny = |reason: Reason| Decision::deny(reason, Vec::new(), self.revision());
        let Some(rules) = Rules::of(self, role, request.schema) else {
            let text = "There is no policy for the role of this key, so nothing is permitted to it.";
            return deny(Reason::firm(Code::NoPermission, format!("{role}/-"), text));
        };
        match request.message {
            Err(misread) => deny(misread_reason(misread)),
            Ok((Meaning::Protocol(protocol), _)) => self.protocol(&rules, protocol),
            Ok((Meaning::Opaque { name, .. }, _)) => match opaque(&rules, name) {
                Ok(obligations) => self.permit(request, format!("{role}/tools"), obligations),
                Err(reason) => deny(reason),
            },
            Ok((Meaning::Tool(call), decoded)) => match by_name(&rules, call) {
                Err(reason) => Decision::deny(reason, decoded.accesses.clone(), self.revision()),
                Ok(Some((by, obligations))) => self.permit(request, by, obligations),
                Ok(None) => self.call(&rules, call, decoded),
            },
        }
    }

    fn call(&self, rules: &Rules<'_>, call: &ToolCall, decoded: &Decoded) -> Decision {
        let bare = own_rules::without(rules, call);
        let (judged, decoded) = bare.as_ref().map_or((call, decoded), |(bare, decoded)| (bare, decoded));
        let findings = evaluate(rules, judged, decoded);
        let observed = findings.observed.clone();
        let mut denials = findings.denials.clone().into_iter();
        if let Some(first) = denials.next() {
            let verdict = Verdict::Deny(first, denials.collect());
            let accesses = decoded.accesses.clone();
            return Decision { verdict, observed, accesses, revision: self.revision().to_owned() };
        }
        match settle(rules, call, decoded, findings, MOST_ROUNDS) {
            Err(reason) => Decision::deny(reason, decoded.accesses.clone(), self.revision()),
            Ok(Settled { forward, mut obligations, accesses, rules, checks, redact }) => {
                obligations.extend(redact.then_some(Obligation::Redact));
                obligations.extend((call.tool == Tool::Schema).then_some(Obligation::Schema));
                let permit = Permit { meaning: Meaning::Tool(forward), rules, obligations, checks };
                let verdict = Verdict::Permit(Box::new(permit));
                Decision { verdict, observed, accesses, revision: self.revision().to_owned() }
            }
        }
    }

    fn protocol(&self, rules: &Rules<'_>, protocol: &Protocol) -> Decision {
        let denied = match protocol {
            Protocol::PromptsGet { name, .. } if !rules.role.prompts.matches(name) => {
                let rule = format!("{}/prompts", rules.role.name);
                Some(Reason::observable(
                    Code::NoPermission,
                    rule,
                    "This prompt is not permitted to this role.",
                ))
            }
            Protocol::PromptsGet { .. }
            | Protocol::Initialize(_)
            | Protocol::Discover(_)
            | Protocol::Ping
            | Protocol::ToolsList(..)
            | Protocol::Search(_)
            | Protocol::PromptsList(_)
            | Protocol::Notification => None,
        };
        if let Some(reason) = denied {
            return Decision::deny(reason, Vec::new(), self.revision());
        }
        let meaning = Meaning::Protocol(protocol.clone());
        let permit = Permit {
            meaning,
            rules: vec!["protocol".to_owned()],
            obligations: Vec::new(),
            checks: Vec::new(),
        };
        self.passed(permit, Vec::new())
    }

    /// Permits what is decided by its name alone.
    fn permit(&self, request: &AccessRequest<'_>, rule: String, obligations: Vec<Obligation>) -> Decision {
        match request.message {
            Ok((meaning, decoded)) => {
                let permit =
                    Permit { meaning: meaning.clone(), rules: vec![rule], obligations, checks: Vec::new() };
                self.passed(permit, decoded.accesses.clone())
            }
            Err(misread) => Decision::deny(misread_reason(misread), Vec::new(), self.revision()),
        }
    }

    fn passed(&self, permit: Permit, accesses: Vec<Access>) -> Decision {
        let verdict = Verdict::Permit(Box::new(permit));
        Decision { verdict, observed: Vec::new(), accesses, revision: self.revision().to_owned() }
    }

    /// Whether a field of that name is redacted for a role, in whatever collection.
    pub fn blanks(&self, role: &str, field: &str) -> bool {
        Rules::of(self, role, None).is_some_and(|rules| rules.redacts_name(field))
    }
}

/// The reason for what could not be read.
pub fn misread_reason(misread: &Misread) -> Reason {
    let code = match misread {
        Misread::NotUnderstood(_) | Misread::UnknownMethod(_) => Code::NotUnderstood,
        Misread::NoSchema => Code::Unavailable,
    };
    Reason::firm(code, "-", misread.to_string())
}

/// A tool that Directus does not have is let through by name, where the role lists it.
fn opaque(rules: &Rules<'_>, name: &str) -> Result<Vec<Obligation>, Reason> {
    let tools = &rules.role.tools;
    if tools.deny.matches(name) || !tools.opaque.matches(name) {
        let text = "There is no such tool, or it is not permitted to this role.";
        return Err(Reason::firm(Code::NotUnderstood, format!("{}/tools", rules.role.name), text));
    }
    Ok(if rules.redacts() { vec![Obligation::Redact] } else { Vec::new() })
}

/// Tools that are decided by name: those that the role denies, and the system prompt.
pub(super) fn by_name(
    rules: &Rules<'_>,
    call: &ToolCall,
) -> Result<Option<(String, Vec<Obligation>)>, Reason> {
    let name = call.name();
    if rules.role.tools.deny.matches(name) {
        let text = format!("The tool `{name}` is not permitted to this role.");
        return Err(Reason::firm(Code::Forbidden, format!("{}/tools", rules.role.name), text));
    }
    if call.tool != Tool::SystemPrompt {
        return Ok(None);
    }
    let rule = format!("{}/system_prompt", rules.role.name);
    match &rules.role.system_prompt {
        SystemPrompt::Keep => Ok(Some((rule, Vec::new()))),
        SystemPrompt::Hide => {
            Err(Reason::firm(Code::Forbidden, rule, "The system prompt is not permitted to this role."))
        }
        SystemPrompt::Replace(text) => Ok(Some((rule, vec![Obligation::ReplacePrompt(text.clone())]))),
        SystemPrompt::Append(text) => match call.dialect() {
            Dialect::BuiltIn => Ok(Some((rule, vec![Obligation::AppendPrompt(text.clone())]))),
            Dialect::Local => {
                let text = "Nothing can be put behind the system prompt of a Local MCP; it can be replaced.";
                Err(Reason::firm(Code::NotUnderstood, rule, text))
            }
        },
    }
}

/// The call as it is forwarded, and what was done to it.
fn apply(
    rules: &Rules<'_>,
    call: &ToolCall,
    decoded: &Decoded,
    findings: &Findings<'_>,
) -> Result<(ToolCall, Vec<Obligation>), Misread> {
    let mut forward = call.clone();
    let mut obligations = Vec::new();
    if !findings.projection.is_empty() {
        let schema = rules.schema().ok_or(Misread::NoSchema)?;
        let (projected, fields) = forward.project(&findings.projection, schema)?;
        forward = projected;
        obligations.push(Obligation::Project(fields));
    }
    for (via, preset) in &findings.presets {
        let filled = preset.row.fill(&mut forward.arguments, &preset.fields);
        filled.ok_or_else(|| Misread::because("a row that gets presets cannot be found again"))?;
        obligations.push(Obligation::Presets(via.clone(), preset.fields.clone()));
    }
    for (via, limit) in &findings.limits {
        forward = forward.limit(via, *limit);
        obligations.push(Obligation::Limit(via.clone(), *limit));
    }
    if let Some(condition) = &findings.search {
        forward = forward.find_by(condition)?;
        obligations.push(Obligation::Search(condition.clone()));
    }
    for (via, rule) in &findings.filters {
        let narrowed = forward.clone().and_filter(via, rule)?;
        if narrowed != forward {
            forward = narrowed;
            obligations.push(Obligation::Filter(via.clone(), rule.clone()));
        }
    }
    if !decoded.imports.is_empty() {
        let cut = forward.clone().cut_imported();
        if cut != forward {
            forward = cut;
            obligations.push(Obligation::CutImported);
        }
    }
    Ok((forward, obligations))
}

/// How often a call may be changed until nothing is left to do. A wildcard spelled out names less than it did, so that an earlier
/// permission may speak of the call then, which leaves out more.
const MOST_ROUNDS: u8 = 4;

/// A call in the form in which it is forwarded.
struct Settled {
    forward: ToolCall,
    obligations: Vec<Obligation>,
    /// The accesses of that form: the trail holds those.
    accesses: Vec<Access>,
    rules: Vec<String>,
    checks: Vec<Check>,
    redact: bool,
}

/// What is forwarded is decoded and decided again, as if the client had sent it: anything but a permit without further change is
/// changed once more, and after a few rounds not understood.
fn settle(
    rules: &Rules<'_>,
    call: &ToolCall,
    decoded: &Decoded,
    findings: Findings<'_>,
    rounds: u8,
) -> Result<Settled, Reason> {
    let understood = |misread| misread_reason(&misread);
    let unsettled = || {
        let text = "This call cannot be brought into a form that this role may send.";
        Reason::firm(Code::NotUnderstood, format!("{}/-", rules.role.name), text)
    };
    let (forward, mut obligations) = apply(rules, call, decoded, &findings).map_err(understood)?;
    let Findings { rules: by, checks, redact, .. } = findings;
    if obligations.is_empty() {
        let accesses = decoded.accesses.clone();
        return Ok(Settled { forward, obligations, accesses, rules: by, checks, redact });
    }
    let left = rounds.checked_sub(1).ok_or_else(unsettled)?;
    let schema = rules.schema().ok_or(Misread::NoSchema).map_err(understood)?;
    forward.reads_back().map_err(understood)?;
    let (bare, decoded) = match own_rules::without(rules, &forward) {
        Some((bare, decoded)) => (Cow::Owned(bare), decoded),
        None => (Cow::Borrowed(&forward), accesses(&forward, schema).map_err(understood)?),
    };
    let findings = evaluate(rules, &bare, &decoded);
    if !findings.denials.is_empty() {
        return Err(unsettled());
    }
    let (again, more) = apply(rules, &forward, &decoded, &findings).map_err(|_| unsettled())?;
    if more.is_empty() && again == forward {
        return Ok(Settled { forward, obligations, accesses: decoded.accesses, rules: by, checks, redact });
    }
    let settled = settle(rules, &forward, &decoded, findings, left)?;
    obligations.extend(settled.obligations);
    Ok(Settled { obligations, ..settled })
}
