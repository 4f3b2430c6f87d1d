//! The second evaluator: it takes the accesses of a call, and knows nothing of how the engine decides.

use super::generate::{Forbid, Permission, Policy};
use super::made::{Made, made};
use super::query::Places;
use std::collections::BTreeSet;
use warrener::directus::schema::{Collection, Field, FieldKind};
use warrener::directus::{Access, Action, Extent, Key, Origin, SchemaSnapshot, ToolCall};

/// Whether a name matches, by trying every length for every star.
fn glob(pattern: &str, name: &str) -> bool {
    match pattern.split_at_checked(1) {
        None => name.is_empty(),
        Some(("*", rest)) => (0..=name.len()).any(|cut| name.get(cut..).is_some_and(|name| glob(rest, name))),
        Some((letter, rest)) => name.strip_prefix(letter).is_some_and(|name| glob(rest, name)),
    }
}

pub(super) fn listed(patterns: &[String], name: &str, is_junction: bool) -> bool {
    let hit = |pattern: &str| if pattern == "@junctions" { is_junction } else { glob(pattern, name) };
    let (out, into): (Vec<&String>, Vec<&String>) =
        patterns.iter().partition(|pattern| pattern.starts_with('!'));
    into.iter().any(|pattern| hit(pattern)) && !out.iter().any(|pattern| hit(pattern.trim_start_matches('!')))
}

/// One call, held against one policy.
pub(super) struct Reference<'a> {
    pub(super) policy: &'a Policy,
    pub(super) schema: &'a SchemaSnapshot,
    pub(super) call: &'a ToolCall,
    pub(super) accesses: &'a [Access],
    pub(super) places: Places<'a>,
    pub(super) made: Vec<Made>,
    /// Whether the call writes, so that its reads only read back.
    pub(super) writes: bool,
    /// Whether the call can be asked for fewer fields.
    pub(super) projectable: bool,
}

impl<'a> Reference<'a> {
    pub(super) fn new(
        policy: &'a Policy,
        schema: &'a SchemaSnapshot,
        call: &'a ToolCall,
        accesses: &'a [Access],
    ) -> Self {
        Self {
            policy,
            schema,
            call,
            accesses,
            places: Places::of(call, schema),
            made: made(call, schema),
            writes: accesses.first().is_some_and(|first| first.action != Action::Read),
            projectable: call.is_projectable(),
        }
    }

    pub(super) fn permits(&self) -> bool {
        !self.accesses.is_empty() && self.accesses.iter().all(|access| self.is_open(access))
    }

    pub(super) fn is_open(&self, access: &Access) -> bool {
        match access.origin {
            Origin::Included => true,
            Origin::Implied => !self.is_forbidden(access),
            Origin::Asked => {
                let covering = self.covering(access);
                let named_hidden = access.action == Action::Read
                    && access.fields.named.iter().any(|field| {
                        self.is_redacted(&access.collection, field)
                            && !covering.is_some_and(|by| self.can_be_passed_over(by, access, field))
                    });
                !self.is_forbidden(access)
                    && !named_hidden
                    && covering.is_some_and(|permission| self.shows(permission, access))
            }
            // A part of a wildcard is left out where it may not be, if the call can be asked to.
            Origin::Expanded => match self.covering(access).filter(|_| !self.is_forbidden(access)) {
                Some(permission) => {
                    self.projectable || !access.fields.wildcard || self.whole(permission, access)
                }
                None => self.projectable,
            },
        }
    }

    pub(super) fn is_forbidden(&self, access: &Access) -> bool {
        let hits = |forbid: &&Forbid| {
            listed(&forbid.collections, &access.collection, self.schema.is_junction(&access.collection))
                && forbid.actions.iter().any(|action| action == access.action.as_str())
        };
        self.policy.forbids.iter().any(|forbid| hits(&forbid))
            || self.policy.guardrails.iter().filter(|forbid| !forbid.excepted).any(|forbid| hits(&forbid))
    }

    pub(super) fn is_redacted(&self, collection: &str, field: &str) -> bool {
        self.policy.redact.iter().any(|pattern| {
            pattern.split_once('.').is_some_and(|(left, right)| glob(left, collection) && glob(right, field))
        })
    }

    /// The first permission that covers the access, and whose obligations can be discharged.
    pub(super) fn covering(&self, access: &Access) -> Option<&'a Permission> {
        self.policy.permissions.iter().find(|permission| {
            listed(&permission.collections, &access.collection, self.schema.is_junction(&access.collection))
                && permission.actions.iter().any(|action| action == access.action.as_str())
                && keys(permission, access)
                && access.fields.named.iter().all(|field| {
                    if access.action == Action::Read {
                        self.reads(permission, &access.collection, field)
                            || self.can_be_passed_over(permission, access, field)
                    } else {
                        listed(&permission.fields, field, false) || self.is_preset(permission, access, field)
                    }
                })
                && self.many(permission, access)
                && (self.projectable
                    || access.action != Action::Read
                    || !access.fields.wildcard
                    || self.whole(permission, access))
                && self.keeps_filter(permission, access)
                && self.takes_presets(permission, access)
        })
    }

    /// Whether the number of items is one that the permission allows, or can be brought down to it.
    fn many(&self, permission: &Permission, access: &Access) -> bool {
        let most = permission.max_items.filter(|most| *most != 0).unwrap_or(u64::MAX);
        let named = match &access.extent {
            Extent::Keys(keys) => Some(keys.len() as u64),
            Extent::New(count) | Extent::Children(count) => Some(*count),
            Extent::Singleton => Some(1),
            Extent::Query { .. } | Extent::All => None,
        };
        match access.action {
            Action::Read if self.writes => true,
            Action::Read => match (&access.extent, named) {
                (Extent::Query { limit: Some(limit), said: true, .. }, _) => *limit <= most,
                (_, Some(count)) => count <= most,
                // A limit that is not said is set, where the tool takes one.
                (_, None) => self.projectable || most == u64::MAX,
            },
            Action::Update | Action::Delete => {
                let unnamed = named.is_none()
                    || (access.action == Action::Delete && matches!(access.extent, Extent::Children(_)));
                if !unnamed {
                    return named.is_some_and(|count| count <= most);
                }
                let unlimited = permission.max_items == Some(0);
                let bounded = match access.extent {
                    Extent::Query { limit: Some(limit), said, filtered: true } => !said || limit <= most,
                    Extent::Query { .. }
                    | Extent::All
                    | Extent::Keys(_)
                    | Extent::Children(_)
                    | Extent::New(_)
                    | Extent::Singleton => false,
                };
                permission.by_query && (unlimited || (permission.max_items.is_some() && bounded))
            }
            Action::Create | Action::Execute | Action::Import => named.is_some_and(|count| count <= most),
        }
    }

    /// Whether something is left to show where all is asked for.
    fn shows(&self, permission: &Permission, access: &Access) -> bool {
        let all_asked = access.action == Action::Read && access.fields.wildcard;
        if !all_asked || self.whole(permission, access) && self.lists_stay(access) {
            return true;
        }
        let Some(collection) = self.schema.collection(&access.collection) else { return true };
        let stays = |field: &&Field| {
            self.reads(permission, &access.collection, &field.name) && !self.is_gone(access, &field.name)
        };
        self.projectable && data(collection).any(|field| stays(&field))
    }

    pub(super) fn reads(&self, permission: &Permission, collection: &str, field: &str) -> bool {
        listed(&permission.fields, field, false) && !self.is_redacted(collection, field)
    }

    /// Whether the permission shows every field there is.
    pub(super) fn whole(&self, permission: &Permission, access: &Access) -> bool {
        let reads = |field: &Field| self.reads(permission, &access.collection, &field.name);
        self.schema.collection(&access.collection).is_none_or(|collection| data(collection).all(reads))
    }

    fn lists_stay(&self, access: &Access) -> bool {
        let fields = self.schema.collection(&access.collection).map(|collection| collection.fields.keys());
        fields.into_iter().flatten().all(|field| !self.is_gone(access, field))
    }

    /// Whether a list that the wildcard brings is left out, since its items may not be read.
    fn is_gone(&self, access: &Access, field: &str) -> bool {
        let via = super::query::join(&access.via, field);
        self.accesses.iter().any(|below| {
            let is_list = matches!(below.extent, Extent::Query { limit, .. } if limit != Some(1));
            below.via == via && is_list && self.is_dropped(below)
        })
    }

    /// Whether a part of a wildcard is left out, since it may not be read.
    pub(super) fn is_dropped(&self, access: &Access) -> bool {
        access.origin == Origin::Expanded && self.read_by(access).is_none()
    }

    /// The permission by which an access that is read stays.
    pub(super) fn read_by(&self, access: &Access) -> Option<&'a Permission> {
        self.covering(access).filter(|_| !self.is_forbidden(access))
    }
}

/// The fields that hold anything.
fn data(collection: &Collection) -> impl Iterator<Item = &Field> {
    collection.fields.values().filter(|field| field.kind != FieldKind::Presentation)
}

fn keys(permission: &Permission, access: &Access) -> bool {
    let Some(allowed) = &permission.keys else { return true };
    let allowed: BTreeSet<Key> = allowed.iter().map(|key| Key::Number(*key)).collect();
    match &access.extent {
        Extent::Keys(keys) => !keys.is_empty() && keys.iter().all(|key| allowed.contains(key)),
        Extent::Children(_) | Extent::New(_) | Extent::Singleton | Extent::Query { .. } | Extent::All => {
            false
        }
    }
}
