//! Patterns that nothing in the schema fits, and imports that anybody on the way can change.

use super::lint::Lint;
use super::{Check, Forbid, GUARDRAILS_FILE, Permission, Subject, file_of};
use crate::directus::SchemaSnapshot;
use crate::directus::schema::Collection;
use crate::policy::document::ImportSource;
use crate::policy::pattern::{CollectionPatterns, Glob};

const HELP: &str = "correct it, or leave it out";

impl Check<'_> {
    /// Reports patterns of a permission, for collections and for fields.
    pub(super) fn unmatched(&mut self, permission: &Permission) {
        let Some(schema) = self.schema else { return };
        self.unmatched_collections(schema, &permission.collections, permission);
        let reached: Vec<&Collection> = schema
            .collections()
            .filter(|one| permission.collections.matches(&one.name, schema.is_junction(&one.name)))
            .collect();
        if reached.is_empty() {
            return;
        }
        let (included, excluded) = (permission.fields.included(), permission.fields.excluded());
        for (sign, glob) in
            included.iter().map(|glob| ("", glob)).chain(excluded.iter().map(|glob| ("!", glob)))
        {
            let fits = |one: &&Collection| one.fields.keys().any(|field| glob.matches(field));
            if is_pattern(glob) && !reached.iter().any(fits) {
                let message = format!(
                    "`\"{sign}{}\"` fits no field of the collections of `{}`",
                    glob.as_str(),
                    permission.id
                );
                self.warn(Lint::UnmatchedPattern, permission, message, HELP);
            }
        }
    }

    /// Reports patterns of a `forbid`.
    pub(super) fn unmatched_forbid(&mut self, forbid: &Forbid) {
        if let Some(schema) = self.schema {
            self.unmatched_collections(schema, &forbid.collections, forbid);
        }
    }

    fn unmatched_collections<'r>(
        &mut self,
        schema: &SchemaSnapshot,
        collections: &CollectionPatterns,
        subject: impl Into<Subject<'r>>,
    ) {
        let subject = subject.into();
        let (included, excluded) = (collections.names().included(), collections.names().excluded());
        for (sign, glob) in
            included.iter().map(|glob| ("", glob)).chain(excluded.iter().map(|glob| ("!", glob)))
        {
            if is_pattern(glob) && !is_own(glob) && !schema.collections().any(|one| glob.matches(&one.name)) {
                let message = format!("`\"{sign}{}\"` fits no collection of the schema", glob.as_str());
                self.warn(Lint::UnmatchedPattern, subject, message, HELP);
            }
        }
    }

    /// Reports patterns of `redact`. One for any collection, `"*.password"`, is a precaution, and needs no such field today.
    pub(super) fn unmatched_redactions(&mut self, schema: &SchemaSnapshot) {
        let set = self.set;
        let guardrails = set.guardrails().redact.iter().map(|one| (GUARDRAILS_FILE.to_owned(), one));
        let roles = set.roles().flat_map(|role| role.redact.iter().map(|one| (file_of(role), one)));
        for (file, pattern) in guardrails.chain(roles) {
            let (collection, field) = (pattern.collection(), pattern.field());
            let has_star = collection.as_str().contains('*') || is_pattern(field);
            let is_precaution = collection.matches_everything() || is_own(collection);
            let fits = |one: &Collection| {
                collection.matches(&one.name) && one.fields.keys().any(|name| field.matches(name))
            };
            if has_star && !is_precaution && !schema.collections().any(fits) {
                let written = format!("{}.{}", collection.as_str(), field.as_str());
                let at = self.place_of(&file, &written);
                let message = format!("`\"{written}\"` fits no field of the schema, so nothing is redacted");
                self.warn(Lint::UnmatchedPattern, &at, message, HELP);
            }
        }
    }

    /// Reports imports without encryption.
    pub(super) fn imports(&mut self) {
        let set = self.set;
        let roles = set.roles().flat_map(|role| role.import_from.iter().flatten());
        let all = roles.chain(set.guardrails().import_from.iter().flatten());
        for ImportSource { url, at } in all.filter(|source| source.url.scheme() == "http") {
            let message = format!("`{url}` is fetched without encryption");
            self.warn(Lint::ImportCleartext, at, message, "write `https://` where the host has it");
        }
    }
}

/// Whether it has a `*`, and is not nothing but one.
fn is_pattern(glob: &Glob) -> bool {
    glob.as_str().contains('*') && !glob.matches_everything()
}

/// Whether it is about Directus' own collections, of which another version has others.
fn is_own(glob: &Glob) -> bool {
    glob.as_str().starts_with("directus_")
}
