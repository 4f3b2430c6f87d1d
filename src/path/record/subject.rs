//! The half of an entry that is known when a call is decided.

use super::{Decided, Recorder};
use crate::audit::entry::Subject;
use crate::audit::mask::{MASK, is_plain, mask, mask_object};
use crate::config::KeptArguments;
use crate::directus::{Action, Dialect, Meaning, Origin, SchemaSnapshot};
use crate::mcp::{Incoming, MessageError};
use crate::path::refusal::Refusal;
use crate::policy::document::Role;
use crate::policy::facts::{self, Facts};
use crate::policy::{PolicySet, Principal};
use serde_json::{Value, json};

/// Longest facts that are kept, in bytes.
const LONGEST_FACTS: usize = 32 * 1024;

/// Longest arguments that are kept, in bytes.
const LONGEST_ARGUMENTS: usize = 64 * 1024;

/// Longest method or tool name that is kept, in characters.
const LONGEST_NAME: usize = 80;

/// What makes two refusals the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Same {
    principal: String,
    reason: &'static str,
    rule: Option<String>,
    tool: Option<&'static str>,
    /// What was asked for first: one rule forbids many things, and which of them were tried has to be seen.
    asked: Option<(Action, String)>,
}

/// The key under which repeats of a refusal are counted together.
///
/// A tool that Directus does not have counts as any other such, and so does a collection: a client could invent thousands of names,
/// each recorded apart, until there is no room to count the refusals of anybody else.
pub(super) fn same(subject: &Subject, schema: Option<&SchemaSnapshot>) -> Same {
    let mut known = Dialect::ALL.into_iter().flat_map(Dialect::tools);
    let known = known.find(|name| subject.tool.as_deref() == Some(name));
    let asked = subject.accesses.iter().find(|access| access.origin == Origin::Asked);
    let asked =
        asked.filter(|access| schema.is_some_and(|schema| schema.collection(&access.collection).is_some()));
    Same {
        principal: subject.principal.clone(),
        reason: subject.reason.unwrap_or_default(),
        rule: subject.rule.clone(),
        tool: known,
        asked: asked.map(|access| (access.action, access.collection.clone())),
    }
}

impl Recorder {
    /// Who called what, and what was decided.
    pub(super) fn subject(&self, decided: &Decided) -> Subject {
        let call = &decided.normalised.call;
        let principal = &call.caller.principal;
        let meaning = decided.normalised.meaning.as_ref();
        let (client_name, client_version) =
            self.clients.of(&principal.name, call.message.as_ref().ok(), meaning);
        let mut subject = Subject {
            principal: principal.name.clone(),
            role: principal.role.clone(),
            client_name,
            client_version,
            client_address: call.caller.address.map(|address| address.to_string()),
            method: method(&call.message, decided.refusal.as_ref()),
            tool: meaning.and_then(Meaning::tool).map(cut),
            decision: "permit",
            enforced: true,
            request_bytes: call.received.bytes,
            arguments: meaning.and_then(|meaning| self.arguments(&decided.policies, principal, meaning)),
            digest_only: self.arguments == KeptArguments::Digest,
            received: call.received.digest,
            policy_revision: decided.decision.revision.clone(),
            schema_digest: decided.normalised.schema.as_ref().map(|schema| schema.digest().to_owned()),
            accesses: decided.decision.accesses.clone(),
            facts: facts(decided),
            trace_id: call.caller.trace.id(),
            count: 1,
            ..Subject::default()
        };
        reasons(&mut subject, decided);
        subject
    }

    /// The call's arguments as text, without secrets.
    fn arguments(&self, policies: &PolicySet, principal: &Principal, meaning: &Meaning) -> Option<String> {
        let arguments = meaning.arguments()?;
        let role = policies.role(&principal.role);
        let hidden = |field: &str| redacts(policies, role, field);
        // Writing what has text keys and finite numbers only does not fail.
        let text = serde_json::to_string(&mask_object(&arguments, &hidden)).ok()?;
        Some(match self.arguments {
            // A body's own limit bounds it.
            KeptArguments::Full => text,
            KeptArguments::Masked | KeptArguments::Digest => bounded(text, LONGEST_ARGUMENTS),
        })
    }
}

/// Fills in what was decided, by which rule and why: what is only observed is a denial that was not enforced.
fn reasons(subject: &mut Subject, decided: &Decided) {
    let decision = &decided.decision;
    if let Some(refusal) = &decided.refusal {
        subject.decision = "deny";
        subject.rule = Some(refusal.rule().unwrap_or("protocol").to_owned());
        subject.reason = Some(refusal.code().as_str());
        subject.detail = Some(without_secrets(&detail(refusal, decided)));
    } else if let Some(observed) = decision.observed.first() {
        subject.decision = "deny";
        subject.rule = Some(observed.rule.clone());
        subject.reason = Some(observed.code.as_str());
        let all: Vec<String> =
            decision.observed.iter().map(|one| format!("{}: {}", one.rule, one.message)).collect();
        subject.detail = Some(all.join("\n"));
        subject.enforced = false;
    } else {
        subject.rule = decision.permit().and_then(|permit| permit.rules.first().cloned());
    }
}

/// Every reason of a denial; the client is told the first.
fn detail(refusal: &Refusal, decided: &Decided) -> String {
    match (refusal, &decided.decision.verdict) {
        (Refusal::Denied { .. }, crate::policy::Verdict::Deny(first, more)) => {
            let all = std::iter::once(first).chain(more);
            all.map(|one| format!("{}: {}", one.rule, one.message)).collect::<Vec<_>>().join("\n")
        }
        (_, _) => refusal.to_string(),
    }
}

/// The canonical input of the decision, so that it can be made again without the arguments. Where it would be too long, the written
/// values are left out first.
fn facts(decided: &Decided) -> Option<String> {
    let does = decided.normalised.does.as_ref().ok()?;
    if does.accesses.is_empty() {
        return None;
    }
    let call = match decided.normalised.meaning.as_ref() {
        Some(Meaning::Tool(call)) => Some(call),
        Some(Meaning::Protocol(_) | Meaning::Opaque { .. }) | None => None,
    };
    let policies = &decided.policies;
    let role = policies.role(&decided.normalised.call.caller.principal.role);
    let redacted = |field: &str| redacts(policies, role, field);
    let keep = |field: &str, value: &Value| is_plain(field, value, &redacted);
    let imports: Vec<String> = does.imports.iter().map(|address| without_secrets(address)).collect();
    // Writing what has text keys and finite numbers only does not fail.
    let text = |facts: Facts<'_>| serde_json::to_string(&facts.importing(imports.clone())).ok();
    let full = role.zip(call).map(|(role, call)| facts::facts_with_values(role, call, does, &keep));
    let full = full.and_then(text).filter(|text| text.len() <= LONGEST_FACTS);
    let text = full.or_else(|| text(facts::facts(call, does)))?;
    Some(bounded(text, LONGEST_FACTS))
}

/// Whether a field of that name is redacted for the role, in whatever collection.
fn redacts(policies: &PolicySet, role: Option<&Role>, field: &str) -> bool {
    let mut patterns = policies.guardrails().redact.iter().chain(role.iter().flat_map(|role| &role.redact));
    patterns.any(|pattern| pattern.matches_name(field))
}

/// The text, or how long it is: a part of a JSON text would be none.
fn bounded(text: String, longest: usize) -> String {
    if text.len() > longest { json!({ "truncated": text.len() }).to_string() } else { text }
}

/// Text that repeats what a client wrote, such as an address with a password in it. Reasons are in the chain, so
/// what gets into them cannot be erased.
fn without_secrets(text: &str) -> String {
    let text = Value::from(text);
    let masked = mask(&text, &|_| false);
    masked.as_str().unwrap_or(MASK).to_owned()
}

fn method(message: &Result<Incoming, Refusal>, refusal: Option<&Refusal>) -> String {
    // A message that was refused for its headers is no longer there, but its method is known.
    if let Some(Refusal::Message(MessageError { method: Some(method), .. })) = refusal {
        return cut(method);
    }
    match message {
        Ok(Incoming::Request(request)) => cut(&request.method),
        Ok(Incoming::Notification(note)) => cut(&note.method),
        Err(_) => String::new(),
    }
}

fn cut(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(LONGEST_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directus::{Access, Extent, Fields};

    #[test]
    fn invented_tools_do_not_fill_the_room_for_counting() {
        let called = |tool: &str| same(&Subject { tool: Some(tool.to_owned()), ..Subject::default() }, None);
        assert_eq!(called("invented-1"), called("invented-2"));
        assert_ne!(called("items"), called("files"));
        assert_ne!(called("items"), called("invented-1"));
    }

    #[test]
    fn what_was_asked_for_is_counted_apart_and_invented_collections_are_not() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/schema/");
        let [collections, fields, relations] = ["collections", "fields", "relations"]
            .map(|name| std::fs::read_to_string(format!("{folder}{name}.json")).unwrap());
        let schema = SchemaSnapshot::from_rest(&collections, &fields, &relations).unwrap();
        let asked = |action, collection: &str| {
            let access = Access::asked(action, collection, Fields::default(), Extent::Singleton);
            same(&Subject { accesses: vec![access], ..Subject::default() }, Some(&schema))
        };
        let articles = asked(Action::Delete, "articles");
        assert_eq!(articles, asked(Action::Delete, "articles"));
        assert_ne!(articles, asked(Action::Delete, "customers"));
        assert_ne!(articles, asked(Action::Update, "articles"));
        assert_eq!(asked(Action::Delete, "invented_1"), asked(Action::Delete, "invented_2"));
    }

    #[test]
    fn the_password_in_an_address_gets_into_no_facts() {
        for (address, kept) in [
            ("https://bob:hunter2@images.example.com/x.png", "https://***@images.example.com/x.png"),
            (
                "https://images.example.com/x.png?access_token=t&w=1",
                "https://images.example.com/x.png?access_token=***&w=1",
            ),
            (
                "`https://bob:hunter2@a.example/` is not a collection",
                "`https://***@a.example/` is not a collection",
            ),
            ("https://images.example.com/x.png?w=1", "https://images.example.com/x.png?w=1"),
        ] {
            assert_eq!(without_secrets(address), kept);
        }
    }
}
