//! What the second evaluator expects of a permit: the request to forward, and the keys to look at before.

use super::conditions::conjuncts;
use super::evaluate::Reference;
use super::query::read;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use warrener::directus::{Access, Action, Extent, Origin};

/// What Directus returns at most, or changes, where no limit is given.
const DEFAULT_LIMIT: u64 = 100;

/// Keys to be read under a filter, by collection and filter.
pub(super) type Checks = BTreeMap<(String, String), BTreeSet<String>>;

impl Reference<'_> {
    /// The arguments to forward, in the canonical form of [`canonical`].
    pub(super) fn forwarded(&self) -> Value {
        let mut arguments = Value::Object(self.call.arguments.clone());
        for access in self.accesses.iter().filter(|access| access.origin != Origin::Implied) {
            self.preset(access, &mut arguments);
            if let Some(limit) = self.limit(access) {
                *part(&mut arguments, &access.via, "limit") = json!(limit);
            }
            if let Some(found) = self.found_by(access) {
                arguments["query"].as_object_mut().unwrap().remove("search");
                let filter = part(&mut arguments, "", "filter");
                *filter = json!({ "_and": [read(filter), found] });
            }
            if let Some(rule) = self.rule(access) {
                let filter = part(&mut arguments, &access.via, "filter");
                *filter = json!({ "_and": [read(filter), rule] });
            }
        }
        canonical(&arguments)
    }

    /// Puts the presets into what the access makes.
    fn preset(&self, access: &Access, arguments: &mut Value) {
        if access.action != Action::Create {
            return;
        }
        let Some(presets) = self.covering(access).and_then(|permission| permission.presets.clone()) else {
            return;
        };
        for row in self.made_by(access) {
            let there = arguments.pointer_mut(&row.at).and_then(Value::as_object_mut).unwrap();
            for (name, value) in &presets {
                there.entry(name).or_insert_with(|| value.clone());
            }
        }
    }

    /// The rule to be anded where the access reads, or updates by query.
    fn rule(&self, access: &Access) -> Option<Map<String, Value>> {
        let selects = match access.action {
            Action::Read => self.is_of_query(access) && !self.is_absent(access),
            Action::Update => matches!(access.extent, Extent::Query { .. } | Extent::All),
            Action::Create | Action::Delete | Action::Execute | Action::Import => false,
        };
        let counts = selects && access.origin != Origin::Included;
        self.read_by(access).filter(|_| counts)?.filter.clone()
    }

    /// The limit that the request does not say.
    fn limit(&self, access: &Access) -> Option<u64> {
        let permission = self.read_by(access).filter(|_| access.origin != Origin::Included)?;
        let most = permission.max_items.filter(|most| *most != 0);
        match (access.action, &access.extent) {
            (Action::Read, Extent::Query { limit, said, .. }) => {
                let enough =
                    |most: u64| limit.is_some_and(|limit| *said || (!access.via.is_empty() && limit <= most));
                let counts = !self.writes && self.is_of_query(access) && !self.is_absent(access);
                most.filter(|most| counts && !enough(*most))
            }
            (Action::Read, Extent::All) => most.filter(|_| !self.writes && self.is_of_query(access)),
            (Action::Update, Extent::Query { said: false, .. }) => {
                let bound = permission.filter.is_some() || most.is_some();
                bound.then(|| most.unwrap_or(DEFAULT_LIMIT).min(DEFAULT_LIMIT))
            }
            _ => None,
        }
    }

    /// Whether what a wildcard would bring there does not come, since it, or what leads to it, may not be read.
    fn is_absent(&self, access: &Access) -> bool {
        let is_prefix = |via: &str| access.via == via || access.via.starts_with(&format!("{via}."));
        let mut above = self.accesses.iter().filter(|one| {
            one.origin == Origin::Expanded
                && !one.via.is_empty()
                && self.is_of_query(one)
                && is_prefix(&one.via)
        });
        above.any(|one| {
            let (parent, name) = one.via.rsplit_once('.').unwrap_or(("", &one.via));
            let shown = self.read_at(parent).and_then(|parent| Some((parent, self.read_by(parent)?)));
            let is_shown = shown.is_some_and(|(parent, by)| {
                !parent.fields.wildcard || self.reads(by, &parent.collection, name)
            });
            self.is_dropped(one) || !is_shown
        })
    }

    /// The keys to be read before.
    pub(super) fn checks(&self) -> Checks {
        let mut checks = Checks::new();
        for access in self.accesses.iter().filter(|access| access.origin == Origin::Asked) {
            let is_read = access.action == Action::Read;
            let makes = matches!(access.action, Action::Create | Action::Import);
            if let (Extent::Keys(keys), false) =
                (&access.extent, makes || is_read && self.is_of_query(access))
                && let Some(rule) = self.covering(access).and_then(|permission| permission.filter.as_ref())
            {
                let of = (access.collection.clone(), json!(rule).to_string());
                checks.entry(of).or_default().extend(keys.iter().map(|key| key.to_value().to_string()));
            }
        }
        checks
    }
}

/// A part of what the query says of a place.
fn part<'v>(arguments: &'v mut Value, via: &str, name: &str) -> &'v mut Value {
    let query = entry(arguments, "query");
    if via.is_empty() {
        return entry(query, name);
    }
    let place = via.split('.').fold(entry(query, "deep"), |place, segment| entry(place, segment));
    entry(place, &format!("_{name}"))
}

fn entry<'v>(object: &'v mut Value, name: &str) -> &'v mut Value {
    if object.is_null() {
        *object = json!({});
    }
    object.as_object_mut().unwrap().entry(name).or_insert(Value::Null)
}

/// The arguments with filters as sorted conditions, and without what says nothing.
pub(super) fn canonical(arguments: &Value) -> Value {
    let mut arguments = arguments.clone();
    if let Some(query) = arguments.get_mut("query").and_then(Value::as_object_mut) {
        sort_filter(query, "filter");
        if let Some(deep) = query.get_mut("deep").and_then(Value::as_object_mut) {
            sort_deep(deep);
        }
        query.retain(|_, value| *value != json!({}));
    }
    arguments.as_object_mut().unwrap().retain(|_, value| *value != json!({}));
    arguments
}

fn sort_deep(deep: &mut Map<String, Value>) {
    sort_filter(deep, "_filter");
    for (_, below) in deep.iter_mut().filter(|(key, _)| !key.starts_with('_')) {
        sort_deep(below.as_object_mut().unwrap());
    }
    deep.retain(|_, value| *value != json!({}));
}

/// As the set of the conditions that all have to hold.
fn sort_filter(place: &mut Map<String, Value>, name: &str) {
    let Some(filter) = place.get(name) else { return };
    let mut all = BTreeSet::new();
    let mut left = vec![read(filter)];
    while let Some(filter) = left.pop() {
        let parts = conjuncts(&filter);
        if parts == [filter.clone()] {
            all.extend((!filter.is_null() && filter != json!({})).then(|| filter.to_string()));
        } else {
            left.extend(parts);
        }
    }
    if all.is_empty() {
        place.remove(name);
    } else {
        place.insert(name.to_owned(), json!(all));
    }
}
