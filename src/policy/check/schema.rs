//! Names and defaults, held against the schema of a real Directus.

use super::lint::Lint;
use super::{Check, Forbid, Permission, Subject, exact};
use crate::directus::access::Action;
use crate::directus::schema::Collection;
use crate::directus::{SchemaSnapshot, reading};
use crate::policy::decode::nearest;
use crate::policy::pattern::{CollectionPatterns, FieldPattern, Glob};

impl Check<'_> {
    /// Reports collections of a permission that there are not. What it leaves out by a misspelt name is permitted, which is an error.
    pub(super) fn names_permitted(&mut self, permission: &Permission) {
        self.names(&permission.collections, permission, (false, true));
    }

    /// Reports collections of a `forbid` that there are not. What it has by a misspelt name is not forbidden, which is an error.
    pub(super) fn names_forbidden(&mut self, forbid: &Forbid) {
        self.names(&forbid.collections, forbid, (true, false));
    }

    /// Names that are listed, and names that are excluded: whether each kind is there to keep something out. What is Directus' own
    /// may come with another version of it.
    fn names<'r>(
        &mut self,
        collections: &CollectionPatterns,
        subject: impl Into<Subject<'r>>,
        (listed_keep_out, excluded_keep_out): (bool, bool),
    ) {
        let Some(schema) = self.schema else { return };
        let subject = subject.into();
        let excluded =
            collections.names().excluded().iter().map(Glob::as_str).filter(|name| !name.contains('*'));
        let named = exact(collections)
            .map(|name| (name, listed_keep_out))
            .chain(excluded.map(|name| (name, excluded_keep_out)));
        let known: Vec<&str> = schema.collections().map(|collection| collection.name.as_str()).collect();
        for (name, keeps_out) in named.filter(|(name, _)| schema.collection(name).is_none()) {
            let near = nearest(name, &known);
            let is_own = name.starts_with("directus_");
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None if is_own => continue,
                None => "names are exact; leave it out, or make the collection first".to_owned(),
            };
            let message = format!("there is no collection `{name}` in the schema");
            if keeps_out && !is_own {
                self.error(Lint::UnknownCollection.name(), subject, message, help);
            } else {
                self.warn(Lint::UnknownCollection, subject, message, help);
            }
        }
    }

    /// Reports fields that none of the named collections has: a misspelt exclusion hides nothing.
    pub(super) fn fields<'c>(&mut self, permission: &'c Permission) {
        let Some(schema) = self.schema else { return };
        let named: Vec<&Collection> =
            exact(&permission.collections).filter_map(|name| schema.collection(name)).collect();
        if named.len() != permission.collections.names().included().len()
            || permission.collections.junctions().is_some()
        {
            return;
        }
        // A field that is permitted by a misspelt name stays closed; whatever is to hold for one does not hold.
        let plain = |globs: &'c [Glob]| {
            globs.iter().map(Glob::as_str).filter(|field| !field.contains(['*', '$'])).collect::<Vec<_>>()
        };
        let included = plain(permission.fields.included()).into_iter().map(|field| (field, false));
        let excluded = plain(permission.fields.excluded()).into_iter().map(|field| (field, true));
        let ruled = ruled(permission).map(|field| (field, true));
        let known: Vec<&str> =
            named.iter().flat_map(|collection| collection.fields.keys()).map(String::as_str).collect();
        for (field, is_rule) in included.chain(excluded).chain(ruled) {
            if known.contains(&field) {
                continue;
            }
            let help = did_you_mean(field, &known);
            let message = format!("none of the collections of `{}` has a field `{field}`", permission.id);
            if is_rule {
                self.error(Lint::UnknownField.name(), permission, message, help);
            } else {
                self.warn(Lint::UnknownField, permission, message, help);
            }
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
                self.error("unfit-filter", permission, message, help);
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
                    Lint::UnknownField.name(),
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
                    self.warn(Lint::FailingDefault, permission, message, help);
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
