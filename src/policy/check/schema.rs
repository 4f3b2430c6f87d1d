//! Names and defaults, held against the schema of a real Directus.

use super::{Check, Permission, Position, exact};
use crate::directus::access::Action;
use crate::directus::schema::Collection;
use crate::directus::{SchemaSnapshot, reading};
use crate::policy::decode::nearest;
use crate::policy::pattern::{CollectionPatterns, FieldPattern, Glob};

impl Check<'_> {
    /// Reports collections that there are not; what is Directus' own may come with another version of it.
    pub(super) fn names(&mut self, collections: &CollectionPatterns, at: &Position) {
        let Some(schema) = self.schema else { return };
        let excluded =
            collections.names().excluded().iter().map(Glob::as_str).filter(|name| !name.contains('*'));
        let missing = exact(collections).chain(excluded).filter(|name| schema.collection(name).is_none());
        for name in missing {
            let known: Vec<&str> = schema.collections().map(|collection| collection.name.as_str()).collect();
            let near = nearest(name, &known);
            let message = format!("there is no collection `{name}` in the schema");
            match (near, name.starts_with("directus_")) {
                (Some(near), false) => {
                    self.error("unknown-collection", at, message, format!("did you mean `{near}`?"));
                }
                (Some(near), true) => {
                    self.warn("unknown-collection", at, message, format!("did you mean `{near}`?"));
                }
                (None, false) => {
                    let help = "names are exact; leave it out, or make the collection first";
                    self.error("unknown-collection", at, message, help);
                }
                (None, true) => {}
            }
        }
    }

    /// Reports fields that none of the named collections has: a misspelt exclusion hides nothing.
    pub(super) fn fields(&mut self, permission: &Permission) {
        let Some(schema) = self.schema else { return };
        let named: Vec<&Collection> =
            exact(&permission.collections).filter_map(|name| schema.collection(name)).collect();
        if named.len() != permission.collections.names().included().len()
            || permission.collections.junctions().is_some()
        {
            return;
        }
        let fields = permission.fields.included().iter().chain(permission.fields.excluded());
        let fields = fields.map(Glob::as_str).filter(|field| !field.contains(['*', '$']));
        for field in fields.chain(ruled(permission)) {
            if named.iter().any(|collection| collection.fields.contains_key(field)) {
                continue;
            }
            let known: Vec<&str> =
                named.iter().flat_map(|collection| collection.fields.keys()).map(String::as_str).collect();
            let help = did_you_mean(field, &known);
            let message = format!("none of the collections of `{}` has a field `{field}`", permission.id);
            self.error("unknown-field", &permission.at, message, help);
        }
    }

    /// Reports filters that a named collection cannot have: what they would narrow is denied.
    pub(super) fn filters(&mut self, permission: &Permission) {
        let (Some(schema), Some(rule)) = (self.schema, &permission.filter) else { return };
        for collection in exact(&permission.collections).filter_map(|name| schema.collection(name)) {
            if let Some(misread) = reading::unfit(rule, collection, schema) {
                let message = format!(
                    "the filter of `{}` does not fit `{}`: {misread}",
                    permission.id, collection.name
                );
                let help = "give that collection a permission of its own";
                self.error("unfit-filter", &permission.at, message, help);
            }
        }
    }

    /// Reports redacted fields that there are not: a misspelt one is shown.
    pub(super) fn redactions(&mut self) {
        let Some(schema) = self.schema else { return };
        let guardrails =
            self.set.guardrails().redact.iter().map(|one| (super::GUARDRAILS_FILE.to_owned(), one));
        let roles = self.set.roles();
        let roles = roles.flat_map(|role| role.redact.iter().map(|one| (super::file_of(role), one)));
        for (file, pattern) in guardrails.chain(roles).collect::<Vec<_>>() {
            if let Some((written, help)) = missing_field(schema, pattern) {
                let at = self.place_of(&file, &written);
                self.error(
                    "unknown-field",
                    &at,
                    format!("there is no field `{written}` in the schema"),
                    help,
                );
            }
        }
    }

    /// Reports validations that a create fails when it leaves the field to its default.
    pub(super) fn failing_default(&mut self, permission: &Permission) {
        let (Some(schema), Some(validation)) = (self.schema, &permission.validation) else { return };
        if !permission.actions.contains(&Action::Create) {
            return;
        }
        for collection in exact(&permission.collections).filter_map(|name| schema.collection(name)) {
            for field in validation.rule.fields() {
                let preset = permission.presets.as_ref().is_some_and(|presets| presets.contains_key(field));
                let found = collection.fields.get(field).filter(|_| !preset);
                let Some((found, default)) = found.and_then(|found| Some((found, found.default_value()?)))
                else {
                    continue;
                };
                if validation.rule.takes(found, &default) == Some(false) {
                    let message = format!(
                        "a create in `{}` that leaves out `{field}` gets `{default}`, which fails the validation",
                        collection.name
                    );
                    let help = format!("add `presets: {{{field}: …}}` with a value that passes");
                    self.warn("failing-default", &permission.at, message, help);
                }
            }
        }
    }
}

/// The fields that the permission's validation and presets are about.
fn ruled(permission: &Permission) -> impl Iterator<Item = &str> {
    let preset = permission.presets.iter().flat_map(|presets| presets.keys().map(String::as_str));
    let validated = permission.validation.iter().flat_map(|validation| validation.rule.fields());
    preset.chain(validated)
}

fn did_you_mean(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "names are exact; leave it out, or make the field first".to_owned(),
    }
}

/// The pattern as it is written and what to do, where it names a field that there is not.
fn missing_field(schema: &SchemaSnapshot, pattern: &FieldPattern) -> Option<(String, String)> {
    let (collection, field) = (pattern.collection().as_str(), pattern.field().as_str());
    if collection.contains('*') || field.contains('*') || collection.starts_with("directus_") {
        return None;
    }
    let written = format!("{collection}.{field}");
    match schema.collection(collection) {
        Some(found) if found.fields.contains_key(field) => None,
        Some(found) => {
            let known: Vec<&str> = found.fields.keys().map(String::as_str).collect();
            Some((written, did_you_mean(field, &known)))
        }
        None => {
            let known: Vec<&str> = schema.collections().map(|one| one.name.as_str()).collect();
            Some((written, did_you_mean(collection, &known)))
        }
    }
}
