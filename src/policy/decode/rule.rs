//! `permissions` and `forbid`.

use super::name::Names;
use super::{Decoder, Mapping, Object};
use crate::directus::access::Action;
use crate::policy::document::{Forbid, MaxItems, Permission};
use crate::policy::pattern::Patterns;
use crate::policy::yaml::{Node, Shape};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

pub(in crate::policy) const PERMISSION: Mapping = Mapping {
    name: "a permission",
    keys: &[
        "id",
        "collections",
        "actions",
        "fields",
        "filter",
        "validation",
        "presets",
        "keys",
        "max_items",
        "by_query",
    ],
    words: &[
        ("permissions", "filter"),
        ("rule", "filter"),
        ("rules", "filter"),
        ("where", "filter"),
        ("items", "filter"),
        ("collection", "collections"),
        ("action", "actions"),
        ("field", "fields"),
        ("limit", "max_items"),
        ("max", "max_items"),
        ("preset", "presets"),
        ("default", "presets"),
        ("defaults", "presets"),
        ("validate", "validation"),
        ("key", "keys"),
        ("ids", "keys"),
        ("primary_keys", "keys"),
        ("name", "id"),
        ("role", "the file is the role; leave it out"),
        ("roles", "the file is the role; leave it out"),
        ("policy", "the file is the policy; leave it out"),
        ("description", "write it as a comment, with `#`"),
        ("reason", "only a rule under `forbid` has a reason"),
        ("observe", "put `mode: observe` on the role, or `observe: true` on a rule under `forbid`"),
        ("except", "only the guardrails have `except`"),
        ("import_from", "it stands beside `permissions`, for the whole role"),
    ],
};

pub(in crate::policy) const FORBID: Mapping = Mapping {
    name: "a rule under `forbid`",
    keys: &["id", "collections", "actions", "reason", "observe", "except"],
    words: &[
        ("collection", "collections"),
        ("action", "actions"),
        ("message", "reason"),
        ("description", "reason"),
        ("because", "reason"),
        ("name", "id"),
        ("mode", "observe"),
        ("roles", "except"),
        ("unless", "except"),
        (
            "fields",
            "what is forbidden is forbidden for all fields; leave them out of a permission's `fields` instead",
        ),
        ("filter", "what is forbidden is forbidden for all items; use a permission's `filter` instead"),
        ("permissions", "what is forbidden is forbidden for all items; use a permission's `filter` instead"),
        ("keys", "what is forbidden is forbidden for all items; use a permission's `keys` instead"),
    ],
};

/// Which file a `forbid` stands in: only the guardrails may make exceptions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner<'r> {
    Role,
    /// The guardrails, with the roles that there are.
    Guardrails(&'r BTreeSet<String>),
}

type Taken = BTreeMap<String, Range<usize>>;

impl Decoder<'_> {
    /// The permissions of a role.
    pub(super) fn permissions(&mut self, node: &Node, taken: &mut Taken) -> Vec<Permission> {
        let items = self.list(node).unwrap_or_default();
        items.iter().filter_map(|item| self.permission(item, taken)).collect()
    }

    fn permission(&mut self, node: &Node, taken: &mut Taken) -> Option<Permission> {
        let object = self.object(node, &PERMISSION)?;
        let id = object.required(self, "id", "give it a name: `id: read-content`");
        let at = self.at(&id.map_or(object.head(), |id| id.span.clone()));
        let id = id.and_then(|id| self.id(id, taken));
        let collections = object
            .required(self, "collections", "list them: `collections: [articles]`")
            .and_then(|node| self.collections(node));
        let actions = object
            .required(self, "actions", "list them: `actions: [read]`")
            .and_then(|node| self.actions(node));
        let fields = match object.get("fields") {
            Some(fields) => self.patterns(fields, Names::Fields),
            None => Some(Patterns::all()),
        };
        let filter = object.get("filter").and_then(|node| self.filter(node));
        let validation = object.get("validation").and_then(|node| self.validation(node));
        let presets = object.get("presets").and_then(|node| self.presets(node));
        let keys = object.get("keys").and_then(|node| self.keys(node));
        let max_items = object.get("max_items").and_then(|node| self.max_items(node));
        let by_query = self.by_query(&object);
        Some(Permission {
            id: id?,
            collections: collections?,
            actions: actions?,
            fields: fields?,
            filter,
            validation,
            presets,
            keys,
            max_items,
            by_query,
            at,
        })
    }

    fn max_items(&mut self, node: &Node) -> Option<MaxItems> {
        match &node.shape {
            Shape::Text { text, .. } if text == "unlimited" => Some(MaxItems::Unlimited),
            Shape::Number(number) => {
                let bound = number.as_u64().filter(|number| *number > 0);
                if bound.is_none() {
                    let message = format!("`{number}` is no number of items");
                    self.error("max-items", &node.span, message, "write a number from 1 on, or `unlimited`");
                }
                bound.map(MaxItems::At)
            }
            Shape::Null | Shape::Bool(_) | Shape::Text { .. } | Shape::List(_) | Shape::Map(_) => {
                let help = "write a number from 1 on, or `unlimited`";
                self.expected(node, "a number or `unlimited`", help);
                None
            }
            Shape::Broken => None,
        }
    }

    fn by_query(&mut self, object: &Object<'_>) -> bool {
        let by_query = object.get("by_query").and_then(|node| self.boolean(node)).unwrap_or(false);
        if let Some(entry) = object.entry("by_query").filter(|_| by_query)
            && object.get("max_items").is_none()
        {
            let message = "`by_query` without `max_items` would write any number of items that nobody named";
            self.error(
                "by-query",
                &entry.key_span,
                message,
                "write `max_items: 20`, or `max_items: unlimited` on purpose",
            );
        }
        by_query
    }

    /// What a file forbids.
    pub(super) fn forbids(&mut self, node: &Node, taken: &mut Taken, owner: Owner<'_>) -> Vec<Forbid> {
        let items = self.list(node).unwrap_or_default();
        items.iter().filter_map(|item| self.forbid(item, taken, owner)).collect()
    }

    fn forbid(&mut self, node: &Node, taken: &mut Taken, owner: Owner<'_>) -> Option<Forbid> {
        let object = self.object(node, &FORBID)?;
        let id = object.required(self, "id", "give it a name: `id: no-deletes`");
        let at = self.at(&id.map_or(object.head(), |id| id.span.clone()));
        let id = id.and_then(|id| self.id(id, taken));
        let collections = object
            .required(self, "collections", "list them; `[\"*\"]` is all")
            .and_then(|node| self.collections(node));
        let actions = match object.get("actions") {
            Some(actions) => self.actions(actions),
            None => Some(BTreeSet::from(Action::ALL)),
        };
        let reason = object.get("reason").and_then(|node| self.text(node)).map(str::to_owned);
        let observe = object.get("observe").and_then(|node| self.boolean(node)).unwrap_or(false);
        let except = self.except(&object, owner);
        Some(Forbid { id: id?, collections: collections?, actions: actions?, reason, observe, except, at })
    }

    fn except(&mut self, object: &Object<'_>, owner: Owner<'_>) -> Vec<String> {
        let Some(entry) = object.entry("except") else { return Vec::new() };
        let roles = match owner {
            Owner::Guardrails(roles) => roles,
            Owner::Role => {
                let help = "the file is the role; leave it out, or move the rule into guardrails.yaml";
                self.error("except", &entry.key_span, "only the guardrails have `except`", help);
                return Vec::new();
            }
        };
        let known: Vec<&str> = roles.iter().map(String::as_str).collect();
        let named = self.texts(&entry.value).unwrap_or_default();
        for (role, span) in named.iter().filter(|(role, _)| !roles.contains(role)) {
            let help = super::nearest(role, &known).map_or_else(
                || format!("the roles are {}", super::listed(&known)),
                |near| format!("did you mean `{near}`?"),
            );
            self.error("unknown-role", span, format!("there is no role `{role}`"), help);
        }
        named.into_iter().map(|(role, _)| role).collect()
    }
}
