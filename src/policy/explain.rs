//! A decision in full: what the call does, every rule that was looked at, and what would be forwarded.

use super::cover::{Look, Mismatch, cover};
use super::decision::{Decision, Verdict};
use super::document::Permission;
use super::rules::Rules;
use super::{AccessRequest, PolicySet};
use crate::directus::accesses::Decoded;
use crate::directus::{Access, Action, Meaning, Origin, ToolCall};
use crate::mcp::Id;
use crate::mcp::shown::line;
use serde_json::{Value, json};

/// One rule that was looked at for one access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// `ROLE/ID` or `guardrails/ID`.
    pub rule: String,
    /// Where it stands.
    pub at: String,
    /// What came of it, in a few words.
    pub found: String,
}

impl PolicySet {
    /// Every rule that is looked at for an access, in order, up to the permission that covers it.
    pub fn looked_at(&self, request: &AccessRequest<'_>, access: &Access) -> Vec<Looked> {
        let Some(rules) = Rules::of(self, &request.principal.role, request.schema) else { return Vec::new() };
        let mut looked: Vec<Looked> = rules
            .forbids(access)
            .map(|hit| Looked {
                rule: hit.rule(),
                at: hit.forbid.at.to_string(),
                found: if hit.observed(rules.role.mode) {
                    "would forbid it (observed)".to_owned()
                } else {
                    "forbids it".to_owned()
                },
            })
            .collect();
        if access.origin != Origin::Asked && access.origin != Origin::Expanded {
            return looked;
        }
        let Ok((Meaning::Tool(call), decoded)) = request.message else { return looked };
        let is_read_back = access.action == Action::Read
            && decoded.accesses.first().is_some_and(|first| first.action != Action::Read);
        let above = above(&rules, call, decoded, access);
        let look = Look::Exactly { call, is_read_back, above };
        for permission in &rules.role.permissions {
            let found = cover(permission, access, &rules, look);
            let covers = found.is_ok();
            looked.push(Looked {
                rule: format!("{}/{}", rules.role.name, permission.id),
                at: permission.at.to_string(),
                found: found
                    .err()
                    .map_or_else(|| "covers it".to_owned(), |mismatch| line(&in_words(&mismatch))),
            });
            if covers {
                break;
            }
        }
        looked
    }
}

/// The permission that covers the place above a read.
fn above<'a>(
    rules: &Rules<'a>,
    call: &ToolCall,
    decoded: &Decoded,
    access: &Access,
) -> Option<&'a Permission> {
    let via = access.via.rsplit_once('.').map_or("", |(above, _)| above);
    let is_above = |one: &&Access| one.action == Action::Read && one.via == via && one.via != access.via;
    let found = decoded.accesses.iter().find(is_above)?;
    let look = Look::Exactly { call, is_read_back: false, above: None };
    rules.permission(found, look).ok().map(|(permission, _)| permission)
}

impl Decision {
    /// The decision as one JSON object, as `explain --jsonl` writes it; `id` is what the caller calls the line.
    pub fn explained(&self, id: &Value) -> Value {
        let (decision, obligations, forward) = match &self.verdict {
            Verdict::Deny(..) => ("deny", Vec::new(), Value::Null),
            Verdict::Permit(permit) => {
                let obligations = permit.shown_obligations();
                let forward = permit.meaning.forward(&Id::Number(1)).map_or(
                    Value::Null,
                    |forward| json!({ "query_string": forward.query_string, "body": forward.to_value().unwrap_or_default() }),
                );
                ("permit", obligations, forward)
            }
        };
        let reason = self.reason().map_or(
            Value::Null,
            |reason| json!({ "code": reason.code.as_str(), "rule": reason.rule, "message": reason.message }),
        );
        json!({
            "id": id,
            "decision": decision,
            "reason": reason,
            "accesses": self.accesses.iter().map(shown).collect::<Vec<_>>(),
            "obligations": obligations,
            "forward": forward,
        })
    }
}

/// The JSON-RPC message that calls a tool.
pub fn call(tool: &Value, arguments: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": tool, "arguments": arguments } })
}

/// An access as `explain` and the trail show it.
pub fn shown(access: &Access) -> Value {
    json!({
        "action": access.action.as_str(),
        "collection": access.collection,
        "fields": access.fields.shown(),
        "extent": access.extent.shown(),
        "via": access.via,
        "asked": access.origin.is_asked(),
    })
}

fn in_words(mismatch: &Mismatch) -> String {
    match mismatch {
        Mismatch::Elsewhere => "speaks of other collections or actions".to_owned(),
        Mismatch::Keys => "speaks of other keys".to_owned(),
        Mismatch::Fields(fields) => format!("does not permit the field `{}`", fields.join("`, `")),
        Mismatch::Search(why) => format!("does not permit all that a search looks at, and {why}"),
        Mismatch::ByQuery => "permits only items that are named (`by_query` is not set)".to_owned(),
        Mismatch::Unbounded => {
            "bounds the number of items (`max_items`), and the call has no bound".to_owned()
        }
        Mismatch::TooMany { asked: u64::MAX, most } => {
            format!("permits at most {most} items, and the call names no number")
        }
        Mismatch::TooMany { asked, most } => {
            format!("permits at most {most} items, and the call asks for {asked}")
        }
        Mismatch::Undischarged(part, why) => format!("its `{part}` cannot be kept on this call: {why}"),
        Mismatch::Invalid(fields) => {
            format!("what is written does not meet its `validation`, by `{}`", fields.join("`, `"))
        }
    }
}
