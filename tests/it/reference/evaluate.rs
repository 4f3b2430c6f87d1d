//! The second evaluator: it takes the accesses of a call, and knows nothing of how the engine decides.

use super::generate::{Forbid, Permission, Policy};
use super::{judged, messages, policies, schema};
use std::collections::BTreeSet;
use warrener::directus::{Access, Action, Extent, Key, Meaning, Origin, SchemaSnapshot, Tool};
use warrener::policy::Code;

/// Whether a name matches, by trying every length for every star.
fn glob(pattern: &str, name: &str) -> bool {
    match pattern.split_at_checked(1) {
        None => name.is_empty(),
        Some(("*", rest)) => (0..=name.len()).any(|cut| name.get(cut..).is_some_and(|name| glob(rest, name))),
        Some((letter, rest)) => name.strip_prefix(letter).is_some_and(|name| glob(rest, name)),
    }
}

fn listed(patterns: &[String], name: &str, is_junction: bool) -> bool {
    let hit = |pattern: &str| if pattern == "@junctions" { is_junction } else { glob(pattern, name) };
    let (out, into): (Vec<&String>, Vec<&String>) =
        patterns.iter().partition(|pattern| pattern.starts_with('!'));
    into.iter().any(|pattern| hit(pattern)) && !out.iter().any(|pattern| hit(pattern.trim_start_matches('!')))
}

struct Reference<'a> {
    policy: &'a Policy,
    schema: &'a SchemaSnapshot,
    /// Whether the call writes, so that its reads only read back.
    writes: bool,
    /// Whether the call can be asked for fewer fields.
    projectable: bool,
}

impl Reference<'_> {
    fn permits(&self, accesses: &[Access]) -> bool {
        !accesses.is_empty() && accesses.iter().all(|access| self.is_open(access, accesses))
    }

    fn is_open(&self, access: &Access, all: &[Access]) -> bool {
        match access.origin {
            Origin::Included => true,
            Origin::Implied => !self.is_forbidden(access),
            Origin::Asked => {
                let covering = self.covering(access);
                let named_hidden = access.action == Action::Read
                    && access.fields.named.iter().any(|field| self.is_redacted(&access.collection, field));
                !self.is_forbidden(access)
                    && !named_hidden
                    && covering.is_some_and(|permission| self.shows(permission, access, all))
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

    fn is_forbidden(&self, access: &Access) -> bool {
        let hits = |forbid: &&Forbid| {
            listed(&forbid.collections, &access.collection, self.schema.is_junction(&access.collection))
                && forbid.actions.iter().any(|action| action == access.action.as_str())
        };
        self.policy.forbids.iter().any(|forbid| hits(&forbid))
            || self.policy.guardrails.iter().filter(|forbid| !forbid.excepted).any(|forbid| hits(&forbid))
    }

    fn is_redacted(&self, collection: &str, field: &str) -> bool {
        self.policy.redact.iter().any(|pattern| {
            pattern.split_once('.').is_some_and(|(left, right)| glob(left, collection) && glob(right, field))
        })
    }

    fn covering(&self, access: &Access) -> Option<&Permission> {
        self.policy.permissions.iter().find(|permission| {
            listed(&permission.collections, &access.collection, self.schema.is_junction(&access.collection))
                && permission.actions.iter().any(|action| action == access.action.as_str())
                && keys(permission, access)
                && access.fields.named.iter().all(|field| {
                    listed(&permission.fields, field, false)
                        && (access.action != Action::Read || !self.is_redacted(&access.collection, field))
                })
                && self.many(permission, access)
                && (self.projectable
                    || access.action != Action::Read
                    || !access.fields.wildcard
                    || self.whole(permission, access))
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
    fn shows(&self, permission: &Permission, access: &Access, all: &[Access]) -> bool {
        if access.action != Action::Read
            || !access.fields.wildcard
            || self.whole(permission, access) && self.lists_stay(access, all)
        {
            return true;
        }
        let Some(collection) = self.schema.collection(&access.collection) else { return true };
        let left = collection.fields.values().filter(|field| {
            let data = field.kind != warrener::directus::schema::FieldKind::Presentation;
            data && self.reads(permission, &access.collection, &field.name)
                && !self.is_gone(access, &field.name, all)
        });
        self.projectable && left.count() > 0
    }

    fn reads(&self, permission: &Permission, collection: &str, field: &str) -> bool {
        listed(&permission.fields, field, false) && !self.is_redacted(collection, field)
    }

    /// Whether the permission shows every field there is.
    fn whole(&self, permission: &Permission, access: &Access) -> bool {
        let presentation = warrener::directus::schema::FieldKind::Presentation;
        self.schema.collection(&access.collection).is_none_or(|collection| {
            let mut data = collection.fields.values().filter(|field| field.kind != presentation);
            data.all(|field| self.reads(permission, &access.collection, &field.name))
        })
    }

    fn lists_stay(&self, access: &Access, all: &[Access]) -> bool {
        let fields = self.schema.collection(&access.collection).map(|collection| collection.fields.keys());
        fields.into_iter().flatten().all(|field| !self.is_gone(access, field, all))
    }

    /// Whether a list that the wildcard brings is left out, since its items may not be read.
    fn is_gone(&self, access: &Access, field: &str, all: &[Access]) -> bool {
        let via = if access.via.is_empty() { field.to_owned() } else { format!("{}.{field}", access.via) };
        all.iter().any(|below| {
            below.via == via
                && below.origin == Origin::Expanded
                && (self.is_forbidden(below) || self.covering(below).is_none())
                && matches!(below.extent, Extent::Query { limit, .. } if limit != Some(1))
        })
    }
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

#[test]
fn both_evaluators_come_to_the_same() {
    let (schema, messages) = (schema(), messages());
    let (mut cases, mut permits) = (0_u64, 0_u64);
    let mut differ = Vec::new();
    for policy in policies(420) {
        let set = policy.load();
        for message in &messages {
            let judged = judged(&set, &schema, &message.query_string, &message.body);
            let Ok((Meaning::Tool(call), decoded)) = &judged.message else { continue };
            // Decided by name, and by addresses, which the accesses do not tell.
            if call.tool == Tool::SystemPrompt
                || decoded.accesses.iter().any(|one| one.action == Action::Import)
            {
                continue;
            }
            let writes = decoded.accesses.first().is_some_and(|first| first.action != Action::Read);
            let reference =
                Reference { policy: &policy, schema: &schema, writes, projectable: call.is_projectable() };
            let expected = reference.permits(&decoded.accesses);
            let found = judged.decision.permit().is_some();
            cases += 1;
            permits += u64::from(found);
            if found != expected {
                let reason = judged.decision.reason().map(|reason| (reason.code, reason.message.clone()));
                let open = |access: &&Access| !reference.is_open(access, &decoded.accesses);
                let closed = decoded.accesses.iter().find(open);
                differ.push(format!(
                    "{}: reference {expected}, engine {found}: {reason:?}\n{closed:?}\n{policy:?}",
                    message.id
                ));
            }
            let code = judged.decision.reason().map(|reason| reason.code);
            assert!(code != Some(Code::Unavailable) && code != Some(Code::TooLarge), "{}", message.id);
        }
    }
    let shown: Vec<&String> = differ.iter().take(5).collect();
    assert!(differ.is_empty(), "{} of {cases} differ:\n{shown:#?}", differ.len());
    assert!(cases >= 100_000, "only {cases} cases");
    assert!((cases / 10..cases * 9 / 10).contains(&permits), "{permits} of {cases} are permits");
}
