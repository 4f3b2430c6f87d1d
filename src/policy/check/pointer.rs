//! Items with a filter that a pointer of another item leads to.

use super::lint::Lint;
use super::{Check, Permission, Role};
use crate::directus::access::Action;
use crate::directus::schema::{Collection, FieldKind};
use crate::directus::{SchemaSnapshot, conjunct, reading};
use serde_json::{Map, Value};

/// Most paths that a message names.
const SHOWN: usize = 4;

impl Check<'_> {
    /// Reports a filter on what may also be read through a pointer to one item, unless the permission for the items that point says
    /// the same of it.
    pub(super) fn behind_pointer(&mut self, permission: &Permission, role: &Role) {
        let (Some(schema), Some(filter)) = (self.schema, &permission.filter) else { return };
        if !permission.actions.contains(&Action::Read) {
            return;
        }
        let narrowed = schema
            .collections()
            .filter(|one| permission.collections.matches(&one.name, schema.is_junction(&one.name)))
            .filter(|one| reading::unfit(filter, one, schema).is_none());
        for collection in narrowed {
            let paths = self.pointers(schema, &collection.name, filter, role);
            let Some((path, line)) = paths.first() else { continue };
            let mut shown: Vec<String> =
                paths.iter().take(SHOWN).map(|(path, _)| format!("`{path}`")).collect();
            if paths.len() > SHOWN {
                shown.push(format!("{} more", paths.len() - SHOWN));
            }
            let message = format!(
                "`{}` has the filter of `{}`, and is also reached through {}",
                collection.name,
                permission.id,
                shown.join(", ")
            );
            let help = if schema.filters_to_one() {
                "Directus 12.4 keeps it there; on another version such reads are denied, and sorting, filtering and counting \
                 through it is denied on all"
                    .to_owned()
            } else {
                let from = path.split('.').next().unwrap_or_default();
                format!(
                    "this Directus may not keep it there, so such reads are denied, unless the permission for `{from}` says \
                     `filter: {line}` too"
                )
            };
            self.warn(Lint::FilterBehindPointer, permission, message, help);
        }
    }

    /// Fields by which the role may read one item of the collection, as `COLLECTION.FIELD`, each with the filter that would keep it.
    fn pointers(
        &self,
        schema: &SchemaSnapshot,
        target: &str,
        filter: &Map<String, Value>,
        role: &Role,
    ) -> Vec<(String, Value)> {
        let mut found = Vec::new();
        for from in schema.collections() {
            for (field, key) in pointing(from, target) {
                let mut line = Map::new();
                line.insert(key, Value::Object(filter.clone()));
                let says = |one: &Permission| {
                    let said = one.filter.clone().map(Value::Object);
                    said.is_some_and(|said| conjunct::has(&said, &line))
                };
                let reads = |one: &&Permission| {
                    one.actions.contains(&Action::Read)
                        && one.collections.matches(&from.name, schema.is_junction(&from.name))
                        && one.fields.matches(field)
                };
                if !self.is_redacted(role, &from.name, field)
                    && role.permissions.iter().filter(reads).any(|one| !says(one))
                {
                    found.push((format!("{}.{field}", from.name), Value::Object(line)));
                }
            }
        }
        found
    }

    fn is_redacted(&self, role: &Role, collection: &str, field: &str) -> bool {
        let mut patterns = self.set.guardrails().redact.iter().chain(&role.redact);
        patterns.any(|pattern| pattern.matches(collection, field))
    }
}

/// The fields of a collection that point to one item of another, each with the name that a filter has for what it leads to.
fn pointing<'c>(from: &'c Collection, target: &'c str) -> impl Iterator<Item = (&'c str, String)> {
    from.fields.values().filter_map(move |field| match &field.kind {
        FieldKind::ManyToOne { related } if related == target => {
            Some((field.name.as_str(), field.name.clone()))
        }
        FieldKind::ManyToAny { allowed, .. } if allowed.iter().any(|one| one == target) => {
            Some((field.name.as_str(), format!("{}:{target}", field.name)))
        }
        FieldKind::ManyToOne { .. }
        | FieldKind::ManyToAny { .. }
        | FieldKind::OneToMany { .. }
        | FieldKind::Plain
        | FieldKind::Presentation => None,
    })
}
