//! The accesses of one call, held against the rules of one role.

use super::cover::{Look, Mismatch};
use super::decision::{Code, Reason};
use super::document::{Mode, Permission};
use super::imports;
use super::rules::Rules;
use super::wording;
use crate::directus::accesses::Decoded;
use crate::directus::field::is_path;
use crate::directus::schema::FieldKind;
use crate::directus::{Access, Action, Origin, ToolCall};
use std::collections::BTreeSet;

/// What a permitted call needs done to it, or why it is denied.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    /// The permissions that cover the accesses.
    pub(crate) rules: Vec<String>,
    /// The fields to ask for instead of all.
    pub(crate) project: Option<Vec<String>>,
    /// The limit to set.
    pub(crate) limit: Option<u64>,
    /// Why the call is denied; empty where it is permitted.
    pub(crate) denials: Vec<Reason>,
    /// Why it would be, were the rule enforced.
    pub(crate) observed: Vec<Reason>,
}

/// Evaluates every access of a call. All of them are looked at, so that the trail has every reason.
pub(crate) fn evaluate(rules: &Rules<'_>, call: &ToolCall, decoded: &Decoded) -> Findings {
    let mut findings = Findings::default();
    if decoded.accesses.is_empty() {
        // "All of nothing" would be a permit.
        findings.deny(Reason::firm(Code::NotUnderstood, "-", "it cannot be told what this call would do"));
        return findings;
    }
    // What a write reads back is not counted again.
    let writes = decoded.accesses.first().is_some_and(|access| access.action != Action::Read);
    let mut dropped = BTreeSet::new();
    let mut wildcard: Option<(&Access, Option<&Permission>)> = None;
    for access in &decoded.accesses {
        let is_read_back = writes && access.action == Action::Read;
        let found = match access.origin {
            Origin::Included => continue,
            Origin::Implied => {
                findings.forbidden(rules, access);
                continue;
            }
            Origin::Asked => findings.asked(rules, access, is_read_back),
            Origin::Expanded => expanded(rules, access, is_read_back),
        };
        if access.via.is_empty() && access.fields.wildcard && access.action == Action::Read {
            wildcard = Some((access, found));
        } else if access.origin == Origin::Expanded && found.is_none() {
            dropped.insert(access.via.as_str());
        }
    }
    if let Some((access, permission)) = wildcard {
        findings.project(rules, call, access, permission, &dropped);
    }
    for reason in imports::check(rules, &decoded.imports) {
        findings.deny(reason);
    }
    if decoded.accesses.iter().any(|access| access.action == Action::Execute) && rules.redacts() {
        findings.deny(unredactable("what a flow answers"));
    }
    findings
}

/// That a result cannot be cut yet, so that it must not come.
pub(crate) fn unredactable(what: &str) -> Reason {
    let text = format!(
        "some fields are redacted for this role, and this version of the gateway cannot redact them from {what}, so the call is refused."
    );
    Reason::firm(Code::NotUnderstood, "redact", text)
}

/// Whether a part of a wildcard may stay; where it may not, a projection leaves it out.
fn expanded<'a>(rules: &Rules<'a>, access: &Access, is_read_back: bool) -> Option<&'a Permission> {
    let forbidden = rules.forbids(access).any(|hit| !hit.observed(rules.role.mode));
    rules
        .permission(access, Look::Exactly, is_read_back)
        .ok()
        .map(|(permission, _)| permission)
        .filter(|_| !forbidden)
}

impl Findings {
    fn deny(&mut self, reason: Reason) {
        self.denials.push(reason);
    }

    /// A denial by the role's own rules bites unless the role is observed.
    fn deny_or_observe(&mut self, mode: Mode, reason: Reason) {
        if mode == Mode::Observe && reason.observable {
            self.observed.push(reason);
        } else {
            self.denials.push(reason);
        }
    }

    /// Adds the denial of every `forbid` that matches.
    fn forbidden(&mut self, rules: &Rules<'_>, access: &Access) {
        for hit in rules.forbids(access) {
            let message = wording::forbidden(access, hit.forbid.reason.as_deref());
            let reason = Reason::observable(Code::Forbidden, hit.rule(), message);
            if hit.observed(rules.role.mode) { self.observed.push(reason) } else { self.denials.push(reason) }
        }
    }

    fn asked<'a>(
        &mut self,
        rules: &Rules<'a>,
        access: &Access,
        is_read_back: bool,
    ) -> Option<&'a Permission> {
        self.forbidden(rules, access);
        self.redacted(rules, access);
        match rules.permission(access, Look::Exactly, is_read_back) {
            Ok((permission, needs)) => {
                self.rules.push(format!("{}/{}", rules.role.name, permission.id));
                self.limit = needs.limit.or(self.limit);
                Some(permission)
            }
            Err(closest) => {
                let name = &rules.role.name;
                let (rule, mismatch) = match closest {
                    Some((permission, mismatch)) => (format!("{name}/{}", permission.id), mismatch),
                    None => (format!("{name}/-"), Mismatch::Elsewhere),
                };
                let message = wording::not_covered(rules, access, &mismatch);
                let reason = match mismatch {
                    Mismatch::Elsewhere
                    | Mismatch::Keys
                    | Mismatch::Fields(_)
                    | Mismatch::ByQuery
                    | Mismatch::Unbounded => {
                        Reason::observable(Code::NoPermission, format!("{name}/-"), message)
                    }
                    Mismatch::TooMany { .. } => Reason::firm(Code::OverLimit, rule, message),
                    Mismatch::Undischarged(_) => Reason::firm(Code::NotUnderstood, rule, message),
                };
                self.deny_or_observe(rules.role.mode, reason);
                None
            }
        }
    }

    /// A redacted field that is named denies, whatever is only observed.
    fn redacted(&mut self, rules: &Rules<'_>, access: &Access) {
        if access.action != Action::Read {
            return;
        }
        for field in &access.fields.named {
            if let Some(rule) = rules.redacted(&access.collection, field) {
                let message = wording::not_covered(rules, access, &Mismatch::Fields(vec![field.clone()]));
                self.deny(Reason::firm(Code::NoPermission, rule, message));
            }
        }
    }

    /// Spells a wildcard out where it would bring what may not be read.
    fn project(
        &mut self,
        rules: &Rules<'_>,
        call: &ToolCall,
        access: &Access,
        permission: Option<&Permission>,
        dropped: &BTreeSet<&str>,
    ) {
        let Some(collection) = rules.schema().and_then(|schema| schema.collection(&access.collection)) else {
            return;
        };
        let nothing = permission.is_none() && access.origin == Origin::Expanded;
        let readable = |name: &str| match permission {
            Some(permission) => rules.readable(permission, &collection.name, name),
            // Only an observed role comes here; what is redacted stays unreadable to it too.
            None => !nothing && rules.redacted(&collection.name, name).is_none(),
        };
        let data = collection.fields.values().filter(|field| field.kind != FieldKind::Presentation);
        // A field that is called like a path cannot be asked for by its name.
        let stays = |name: &str| readable(name) && !dropped.contains(name) && !is_path(name);
        let (kept, hidden): (Vec<&str>, Vec<&str>) =
            data.map(|field| field.name.as_str()).partition(|name| stays(name));
        if hidden.is_empty() {
            return;
        }
        if !call.is_projectable() {
            let message = wording::not_covered(rules, access, &Mismatch::Undischarged("fields"));
            self.deny(Reason::firm(Code::NotUnderstood, format!("{}/-", rules.role.name), message));
        } else if kept.is_empty() && access.origin == Origin::Asked {
            let message = wording::not_covered(rules, access, &Mismatch::Elsewhere);
            self.deny(Reason::firm(Code::NoPermission, format!("{}/-", rules.role.name), message));
        } else {
            let mut fields: BTreeSet<&str> = access.fields.named.iter().map(String::as_str).collect();
            fields.extend(kept);
            self.project = Some(fields.into_iter().map(str::to_owned).collect());
        }
    }
}
