//! The accesses of one call, held against the rules of one role.

use super::cover::{Filtering, Look, Mismatch, Needs, Preset};
use super::decision::{Check, Code, Reason};
use super::document::{Mode, Permission};
use super::imports;
use super::rules::Rules;
use super::wording;
use crate::directus::accesses::Decoded;
use crate::directus::field::is_path;
use crate::directus::rewrite::Projection;
use crate::directus::schema::{Field, FieldKind};
use crate::directus::{Access, Action, KeyCheck, Origin, ToolCall};
use crate::mcp::shown::line;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What a permitted call needs done to it, or why it is denied.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings<'a> {
    /// The permissions that cover the accesses.
    pub(crate) rules: Vec<String>,
    /// Every access that needs a permission and has one, with it; also what a wildcard brings.
    pub(crate) covered: Vec<(&'a Access, &'a Permission)>,
    /// The wildcards to spell out, and what of them to leave out.
    pub(crate) projection: Projection,
    /// The limits to set, by the path of what they bound; the root's is empty.
    pub(crate) limits: BTreeMap<String, u64>,
    /// The condition to find by, in place of a search.
    pub(crate) search: Option<Map<String, Value>>,
    /// The rules to put beside the filters, by the path of what they narrow.
    pub(crate) filters: Vec<(String, Map<String, Value>)>,
    /// What is put into the rows, with the path through which they are written.
    pub(crate) presets: Vec<(String, Preset)>,
    /// The keys to read before.
    pub(crate) checks: Vec<Check>,
    /// Whether the answer has to be blanked by the names of redacted fields.
    pub(crate) redact: bool,
    /// Why the call is denied; empty where it is permitted.
    pub(crate) denials: Vec<Reason>,
    /// Why it would be, were the rule enforced.
    pub(crate) observed: Vec<Reason>,
}

/// Evaluates every access of a call. All of them are looked at, so that the trail has every reason.
pub(crate) fn evaluate<'a>(rules: &Rules<'a>, call: &ToolCall, decoded: &'a Decoded) -> Findings<'a> {
    let mut findings = Findings::default();
    if decoded.accesses.is_empty() {
        // "All of nothing" would be a permit.
        findings.deny(Reason::firm(Code::NotUnderstood, "-", "it cannot be told what this call would do"));
        return findings;
    }
    // What a write reads back is not counted again.
    let writes = decoded.accesses.first().is_some_and(|access| access.action != Action::Read);
    let mut dropped = BTreeSet::new();
    let mut wildcards: Vec<(&Access, Option<&Permission>)> = Vec::new();
    let mut read: BTreeMap<&str, &Permission> = BTreeMap::new();
    for access in &decoded.accesses {
        let is_read_back = writes && access.action == Action::Read;
        let above = above(&access.via).and_then(|above| read.get(above).copied());
        let look = Look::Exactly { call, is_read_back, above };
        let found = match access.origin {
            Origin::Included => continue,
            Origin::Implied => {
                findings.forbidden(rules, access);
                continue;
            }
            Origin::Asked => findings.asked(rules, access, look),
            Origin::Expanded => findings.expanded(rules, access, look),
        };
        findings.covered.extend(found.map(|permission| (access, permission)));
        if let (Some(permission), Action::Read) = (found, access.action) {
            read.insert(&access.via, permission);
        }
        if access.origin == Origin::Expanded && found.is_none() && !access.via.is_empty() {
            dropped.insert(access.via.clone());
        } else if access.fields.wildcard && access.action == Action::Read {
            wildcards.push((access, found));
        }
    }
    for (access, permission) in wildcards {
        findings.project(rules, call, access, permission, &dropped);
    }
    if !dropped.is_empty() && !call.is_projectable() {
        findings.deny(unprojectable(rules));
    }
    // What is left out altogether is not narrowed either: what may not be read, and the items of lists that are not shown.
    let mut absent = dropped.clone();
    let brought = decoded.accesses.iter().filter(|access| access.origin == Origin::Expanded);
    absent
        .extend(brought.filter(|access| findings.is_unlisted(&access.via)).map(|access| access.via.clone()));
    findings.filters.retain(|(via, _)| !is_within(via, &absent));
    findings.limits.retain(|via, _| !is_within(via, &absent));
    findings.projection.dropped = dropped;
    for reason in imports::check(rules, &decoded.imports) {
        findings.deny(reason);
    }
    // Nobody can ask a flow for fewer fields, so its answer is cut by their names.
    findings.redact =
        rules.redacts() && decoded.accesses.iter().any(|access| access.action == Action::Execute);
    findings
}

/// Whether a place is one of these, or below one.
fn is_within(via: &str, places: &BTreeSet<String>) -> bool {
    let below = |place: &String| via.strip_prefix(place.as_str()).is_some_and(|rest| rest.starts_with('.'));
    places.contains(via) || places.iter().any(below)
}

/// The path of the place above; `None` for the root.
fn above(via: &str) -> Option<&str> {
    (!via.is_empty()).then(|| via.rsplit_once('.').map_or("", |(above, _)| above))
}

impl<'a> Findings<'a> {
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

    /// Whether the wildcard above a place has been spelled out without it.
    fn is_unlisted(&self, via: &str) -> bool {
        let Some(above) = above(via) else { return false };
        let name = via.rsplit('.').next().unwrap_or_default();
        self.projection.spelled.get(above).is_some_and(|kept| !kept.iter().any(|one| one == name))
    }

    /// Adds the denial of every `forbid` that matches.
    fn forbidden(&mut self, rules: &Rules<'_>, access: &Access) {
        for hit in rules.forbids(access) {
            let message = wording::forbidden(access, hit.forbid.reason.as_deref());
            let reason = Reason::observable(Code::Forbidden, hit.rule(), message);
            if hit.observed(rules.role.mode) { self.observed.push(reason) } else { self.denials.push(reason) }
        }
    }

    fn asked(&mut self, rules: &Rules<'a>, access: &Access, look: Look<'_>) -> Option<&'a Permission> {
        self.forbidden(rules, access);
        let found = rules.permission(access, look);
        let is_searched = !found.as_ref().is_ok_and(|(_, needs)| needs.search.is_some());
        self.redacted(rules, access, is_searched);
        match found {
            Ok((permission, needs)) => {
                self.rules.push(format!("{}/{}", rules.role.name, permission.id));
                self.limits.extend(needs.limit.map(|limit| (access.via.clone(), limit)));
                self.discharge(rules, access, permission, needs);
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
                    | Mismatch::Search(_)
                    | Mismatch::ByQuery
                    | Mismatch::Unbounded => {
                        Reason::observable(Code::NoPermission, format!("{name}/-"), message)
                    }
                    Mismatch::TooMany { .. } => Reason::firm(Code::OverLimit, rule, message),
                    Mismatch::Undischarged(..) => Reason::firm(Code::NotUnderstood, rule, message),
                    Mismatch::Invalid(_) => Reason::observable(Code::InvalidValue, rule, message),
                };
                self.deny_or_observe(rules.role.mode, reason);
                None
            }
        }
    }

    /// Whether a part of a wildcard may stay; where it may not, a projection leaves it out.
    fn expanded(&mut self, rules: &Rules<'a>, access: &Access, look: Look<'_>) -> Option<&'a Permission> {
        let forbidden = rules.forbids(access).any(|hit| !hit.observed(rules.role.mode));
        let (permission, needs) = rules.permission(access, look).ok().filter(|_| !forbidden)?;
        self.limits.extend(needs.limit.map(|limit| (access.via.clone(), limit)));
        self.discharge(rules, access, permission, needs);
        Some(permission)
    }

    /// Notes what the permission asks for in return.
    fn discharge(&mut self, rules: &Rules<'_>, access: &Access, permission: &Permission, needs: Needs) {
        self.presets.extend(needs.presets.into_iter().map(|preset| (access.via.clone(), preset)));
        // Only the root of a query has one.
        self.search = needs.search.or_else(|| self.search.take());
        let (Some(filtering), Some(rule)) = (needs.filter, &permission.filter) else { return };
        match filtering {
            Filtering::Anded => self.filters.push((access.via.clone(), rule.clone())),
            Filtering::Checked(keys) => {
                self.check(format!("{}/{}", rules.role.name, permission.id), access, keys);
            }
        }
    }

    fn check(&mut self, rule: String, access: &Access, keys: KeyCheck) {
        if !self.checks.iter_mut().any(|check| check.keys.take_in(&keys)) {
            self.checks.push(Check { rule, message: line(&wording::unmet(access)), keys });
        }
    }

    /// A redacted field that is named denies, whatever is only observed; also by a search, as long as that looks at all fields.
    fn redacted(&mut self, rules: &Rules<'_>, access: &Access, is_searched: bool) {
        if access.action != Action::Read {
            return;
        }
        for field in &access.fields.named {
            let only_searched = access.fields.searched.contains(field);
            if only_searched && !is_searched {
                continue;
            }
            if let Some(rule) = rules.redacted(&access.collection, field) {
                let mismatch = if only_searched {
                    Mismatch::Search("it cannot be limited to the others here")
                } else {
                    Mismatch::Fields(vec![field.clone()])
                };
                let message = wording::not_covered(rules, access, &mismatch);
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
        dropped: &BTreeSet<String>,
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
        let via = |name: &str| {
            if access.via.is_empty() { name.to_owned() } else { format!("{}.{name}", access.via) }
        };
        // A list goes with its items; a pointer is a value of its own. A field that is called like a path cannot be asked for by
        // its name.
        let gone = |field: &Field| {
            matches!(field.kind, FieldKind::OneToMany { .. }) && dropped.contains(&via(&field.name))
        };
        let stays = |field: &&Field| readable(&field.name) && !gone(field) && !is_path(&field.name);
        let (kept, hidden): (Vec<&Field>, Vec<&Field>) = data.partition(stays);
        if hidden.is_empty() {
            return;
        }
        if !call.is_projectable() {
            self.deny(unprojectable(rules));
        } else if kept.is_empty() && access.origin == Origin::Asked {
            let message = wording::not_covered(rules, access, &Mismatch::Elsewhere);
            self.deny(Reason::firm(Code::NoPermission, format!("{}/-", rules.role.name), message));
        } else {
            let kept = kept.into_iter().map(|field| field.name.clone()).collect();
            self.projection.spelled.insert(access.via.clone(), kept);
        }
    }
}

/// That what comes back cannot be cut to what may be read.
fn unprojectable(rules: &Rules<'_>) -> Reason {
    let text =
        "This call brings back fields that this role may not read, and it cannot be asked to leave them out.";
    Reason::firm(Code::NotUnderstood, format!("{}/-", rules.role.name), text)
}
