//! `filter` and `presets` in the second evaluator: where the description lets a permission that has them cover an access.

use super::evaluate::Reference;
use super::generate::Permission;
use super::made::Made;
use serde_json::{Map, Value, json};
use warrener::directus::schema::FieldKind;
use warrener::directus::{Access, Action, Extent, Origin};

/// What does not go beside an update by query whose permission has a filter.
const NOT_BESIDE: [&str; 6] = ["offset", "page", "search", "aggregate", "groupBy", "alias"];

impl<'a> Reference<'a> {
    /// Whether the filter of the permission can be put where it narrows the access, or its keys be looked at beforehand.
    pub(super) fn keeps_filter(&self, permission: &Permission, access: &Access) -> bool {
        let Some(rule) = &permission.filter else { return true };
        match access.action {
            // What is made is no item yet.
            Action::Create | Action::Import => true,
            Action::Read => {
                self.fits(rule, &access.collection)
                    && if self.is_of_query(access) {
                        self.projectable && self.narrows(rule, access)
                    } else {
                        can_be_checked(access)
                    }
            }
            Action::Update | Action::Delete | Action::Execute => {
                let by_query = matches!(access.extent, Extent::Query { .. } | Extent::All);
                self.fits(rule, &access.collection)
                    && if by_query { self.narrows_update(access) } else { can_be_checked(access) }
            }
        }
    }

    /// Whether the access is to what the call's query selects, or leads to from there.
    pub(super) fn is_of_query(&self, access: &Access) -> bool {
        let beside = ["version", "$CURRENT_USER"].contains(&access.via.as_str());
        access.action == Action::Read && self.call.target().is_some() && !beside
    }

    fn narrows(&self, rule: &Map<String, Value>, access: &Access) -> bool {
        if access.via.is_empty() {
            let versioned = self.query("version").is_some() || self.query("versionRaw").is_some();
            return !versioned && access.extent != Extent::Singleton;
        }
        let (above, segment) = access.via.rsplit_once('.').unwrap_or(("", &access.via));
        let field = self.field(above, segment);
        let others = self.accesses.iter().filter(|other| {
            let (over, segment) = other.via.rsplit_once('.').unwrap_or(("", &other.via));
            self.is_of_query(other)
                && !other.via.is_empty()
                && !segment.starts_with('$')
                && (over, self.field(over, segment), &other.collection) == (above, field, &access.collection)
        });
        !self.places.looked_into.contains(&access.via)
            && others.count() == 1
            // What only `deep` speaks of, Directus does not read.
            && (access.extent == Extent::Children(0)
                || !self.is_pointer(above, segment)
                || self.keeps_pointer(rule, above, segment))
    }

    /// The field that a segment at a place goes along.
    fn field<'n>(&'n self, above: &'n str, segment: &'n str) -> &'n str {
        self.places.meant(above, segment.split(':').next().unwrap_or(segment))
    }

    /// Whether the segment leads to one item.
    fn is_pointer(&self, above: &str, segment: &str) -> bool {
        let collection = self.read_at(above).and_then(|read| self.schema.collection(&read.collection));
        let field = collection.and_then(|collection| collection.fields.get(self.field(above, segment)));
        field.is_some_and(|field| {
            matches!(field.kind, FieldKind::ManyToOne { .. } | FieldKind::ManyToAny { .. })
        })
    }

    /// A pointer is filtered by Directus 12.4; on another version the permission above has to say the same of it.
    fn keeps_pointer(&self, rule: &Map<String, Value>, above: &str, segment: &str) -> bool {
        if self.schema.version().is_some_and(|version| version.starts_with("12.4.")) {
            return true;
        }
        let scope = segment.split_once(':').map(|(_, scope)| format!(":{scope}")).unwrap_or_default();
        let line = json!({ format!("{}{scope}", self.field(above, segment)): rule });
        let said = self.read_at(above).and_then(|read| self.covering(read)?.filter.as_ref());
        said.is_some_and(|said| conjuncts(&json!(said)).contains(&line))
    }

    /// The access that reads a place.
    pub(super) fn read_at(&self, via: &str) -> Option<&'a Access> {
        let read = |access: &&Access| self.is_of_query(access) && access.via == via;
        self.accesses.iter().find(read).filter(|access| access.origin != Origin::Included)
    }

    /// Whether an update is of what the call's own query selects, and of nothing else.
    fn narrows_update(&self, access: &Access) -> bool {
        access.action == Action::Update
            && access.via.is_empty()
            && self.projectable
            && NOT_BESIDE.iter().all(|part| self.query(part).is_none())
    }

    pub(super) fn query(&self, part: &str) -> Option<&Value> {
        self.call.arguments.get("query").and_then(|query| query.get(part))
    }

    /// Whether the collection has what the rule speaks of.
    fn fits(&self, rule: &Map<String, Value>, collection: &str) -> bool {
        let Some(fields) = self.schema.collection(collection).map(|collection| &collection.fields) else {
            return false;
        };
        rule.iter().all(|(key, value)| match key.as_str() {
            "_and" | "_or" => {
                let mut parts = value.as_array().unwrap().iter();
                parts.all(|part| self.fits(part.as_object().unwrap(), collection))
            }
            "_some" | "_none" => self.fits(value.as_object().unwrap(), collection),
            name => {
                let inner = value.as_object().unwrap();
                let compares = inner
                    .keys()
                    .all(|key| key.starts_with('_') && !["_some", "_none"].contains(&key.as_str()));
                fields.get(name).is_some_and(|field| match &field.kind {
                    FieldKind::Presentation => false,
                    FieldKind::Plain | FieldKind::ManyToAny { .. } => compares,
                    FieldKind::ManyToOne { related } => compares || self.fits(inner, related),
                    FieldKind::OneToMany { related, .. } => !compares && self.fits(inner, related),
                })
            }
        })
    }

    /// Whether everything that the access makes can be given the presets of the permission.
    pub(super) fn takes_presets(&self, permission: &Permission, access: &Access) -> bool {
        let presets = permission.presets.as_ref().filter(|_| access.action == Action::Create);
        presets.is_none_or(|presets| {
            let collection = self.schema.collection(&access.collection);
            let mut rows = self.made_by(access).peekable();
            rows.peek().is_some()
                && rows.all(|row| !row.may_be_there)
                && presets
                    .keys()
                    .all(|name| collection.is_some_and(|collection| collection.fields.contains_key(name)))
        })
    }

    /// Whether a field that the client may not write holds nothing but what it would get anyway.
    pub(super) fn is_preset(&self, permission: &Permission, access: &Access, field: &str) -> bool {
        let preset = permission.presets.as_ref().and_then(|presets| presets.get(field));
        access.action == Action::Create
            && preset.is_some()
            && self.made_by(access).all(|row| row.values.get(field).is_none_or(|value| Some(value) == preset))
    }

    pub(super) fn made_by(&self, access: &Access) -> impl Iterator<Item = &Made> {
        self.made.iter().filter(|row| (&row.collection, &row.via) == (&access.collection, &access.via))
    }
}

/// Whether its keys are named, and a tool reads the items of its collection.
fn can_be_checked(access: &Access) -> bool {
    let name = access.collection.as_str();
    let readable = ["directus_files", "directus_folders", "directus_flows", "directus_operations"];
    matches!(&access.extent, Extent::Keys(keys) if !keys.is_empty())
        && (!name.starts_with("directus_") || readable.contains(&name))
}

/// The conditions that all have to hold.
pub(super) fn conjuncts(filter: &Value) -> Vec<Value> {
    match filter.as_object().filter(|filter| filter.len() == 1).and_then(|filter| filter.get("_and")) {
        Some(Value::Array(parts)) => parts.clone(),
        _ => vec![filter.clone()],
    }
}
