//! Permissions that reach further, or less far, than they look.

use super::lint::Lint;
use super::{Check, Mode, Permission, Role, exact, file_of, is_write};
use crate::directus::access::Action;
use crate::policy::pattern::{CollectionPatterns, Glob};
use serde_json::{Map, Value};

const USERS: &str = "directus_users";

impl<'s> Check<'s> {
    /// Who may not read what it wrote gets an empty answer, and a client's model then often tries again.
    pub(super) fn write_without_read(&mut self, permission: &Permission, role: &Role) {
        let writes =
            [Action::Create, Action::Update].iter().any(|action| permission.actions.contains(action));
        if !writes {
            return;
        }
        let is_read = |name: &str, junction: bool| {
            let mut reads = role.permissions.iter().filter(|one| one.actions.contains(&Action::Read));
            reads.any(|one| one.collections.matches(name, junction))
        };
        // A pattern is read as a name: `"blog_*"` is readable where `"*"` is.
        let mut names = permission.collections.names().included().iter().map(Glob::as_str);
        if let Some(name) = names.find(|name| !is_read(name, self.is_junction(name))) {
            let message =
                format!("`{}` lets `{}` write `{name}`, which it may not read", permission.id, role.name);
            let help = "permit `read` too, or the client never sees what it wrote";
            self.warn(Lint::WriteWithoutRead, permission, message, help);
        }
    }

    /// `"*"` is often meant for content only.
    pub(super) fn reaches_users(&mut self, permission: &Permission, role: &'s Role) {
        let by_star = permission.collections.names().included().iter().any(Glob::matches_everything)
            && permission.collections.matches(USERS, false)
            && !exact(&permission.collections).any(|name| name == USERS);
        let biting = self.biting(role);
        let left = permission.actions.iter().find(|action| {
            let hits = |forbid: &super::Forbid| {
                forbid.actions.contains(action) && forbid.collections.matches(USERS, false)
            };
            !biting.iter().any(|(_, forbid)| hits(forbid))
        });
        if let Some(action) = left.filter(|_| by_star) {
            let message =
                format!("the `\"*\"` of `{}` permits `{action}` on `directus_users` too", permission.id);
            let help = "add `\"!directus_*\"`, or name `directus_users` where it is meant";
            self.warn(Lint::ReachesUsers, permission, message, help);
        }
    }

    /// While a role is observed, what it could not write is only recorded.
    pub(super) fn observing(&mut self, role: &'s Role) {
        if role.mode == Mode::Observe {
            let file = file_of(role);
            let at = self.place_of(&file, "mode:");
            let message =
                format!("while `{}` is observed, it may write all that the guardrails leave", role.name);
            let help =
                "observe with an upstream token that cannot write either, or go back to `mode: enforce`";
            self.warn(Lint::ObservedWrites, &at, message, help);
        }
        for forbid in role.forbid.iter().filter(|forbid| forbid.observe) {
            let lets = |permission: &Permission| {
                let mut both = permission.actions.intersection(&forbid.actions);
                both.any(|action| is_write(*action)) && may_meet(&permission.collections, &forbid.collections)
            };
            if role.permissions.iter().any(lets) {
                let message =
                    format!("while `{}` is observed, `{}` may do what it forbids", forbid.id, role.name);
                let help = "take `observe: true` away when the trail has shown enough";
                self.warn(Lint::ObservedWrites, forbid, message, help);
            }
        }
    }

    /// The client is not a Directus user.
    pub(super) fn current_user(&mut self, permission: &Permission) {
        if permission.filter.as_ref().is_some_and(|rule| mentions(rule, &["$CURRENT_"])) {
            let message = format!("`$CURRENT_USER` in `{}` is the user of the upstream token", permission.id);
            let help = "it is the same user for every client that shares the token";
            self.warn(Lint::CurrentUser, permission, message, help);
        }
        if permission.validation.as_ref().is_some_and(|rule| mentions(&rule.text, &["$CURRENT_", "$NOW"])) {
            let message = format!(
                "the validation of `{}` compares with what only Directus knows, so it denies",
                permission.id
            );
            let help = "compare with a value, or use a `filter`, which Directus evaluates";
            self.warn(Lint::UnknownValue, permission, message, help);
        }
    }
}

/// Whether the lists may have a collection in common, going by their patterns.
pub(super) fn may_meet(one: &CollectionPatterns, other: &CollectionPatterns) -> bool {
    let within = |inner: &CollectionPatterns, outer: &CollectionPatterns| {
        let mut names = inner.names().included().iter().map(Glob::as_str);
        names.any(|name| outer.matches(name, false))
            || (inner.junctions() == Some(true)
                && (outer.junctions() == Some(true) || outer.matches("", true)))
    };
    within(one, other) || within(other, one)
}

fn mentions(rule: &Map<String, Value>, words: &[&str]) -> bool {
    rule.iter()
        .any(|(key, value)| words.iter().any(|word| key.contains(word)) || value_mentions(value, words))
}

fn value_mentions(value: &Value, words: &[&str]) -> bool {
    match value {
        Value::String(text) => words.iter().any(|word| text.contains(word)),
        Value::Array(items) => items.iter().any(|item| value_mentions(item, words)),
        Value::Object(rule) => mentions(rule, words),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
