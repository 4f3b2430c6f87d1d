//! Deletes that are not called so: by relations whose items go when they are no longer listed, and by the database.

use super::{Doctor, Finding, listed};
use crate::directus::SchemaSnapshot;
use crate::directus::schema::{Collection, Deselect, FieldKind};
use crate::policy::proof::Question;
use std::collections::{BTreeMap, BTreeSet};

/// Collections, with the roles that may delete from them.
type Deleters = BTreeMap<String, BTreeSet<String>>;

impl Doctor<'_> {
    pub(super) fn look_at_deletes(&mut self, schema: &SchemaSnapshot) {
        let by_relation: Vec<(String, String)> = schema.collections().flat_map(relations).collect();
        let cascades: Vec<(String, String)> = schema.collections().flat_map(cascades).collect();
        let names: BTreeSet<&str> = by_relation
            .iter()
            .map(|(_, child)| child.as_str())
            .chain(cascades.iter().map(|(parent, _)| parent.as_str()))
            .collect();
        let deleters = self.deleters(&names, schema);
        self.tell_relations(&by_relation, &deleters);
        self.tell_cascades(&cascades, &deleters);
    }

    fn tell_relations(&mut self, by_relation: &[(String, String)], deleters: &Deleters) {
        let mut harmless = Vec::new();
        for (relation, child) in by_relation {
            match deleters.get(child).filter(|roles| !roles.is_empty()) {
                None => harmless.push(relation),
                Some(roles) => {
                    let roles: Vec<&String> = roles.iter().collect();
                    let says = format!(
                        "an update of `{relation}` deletes from `{child}` what it does not list, whatever Allow Deletes says; {} may",
                        listed(&roles)
                    );
                    let help = format!(
                        "if that is not meant, forbid `delete` on `{child}` in the policy, or let the relation nullify in Directus"
                    );
                    self.report.warn(Finding::RelationDeletes, says, &help);
                }
            }
        }
        if !harmless.is_empty() {
            let says = format!("an update of {} would delete, and no role may", listed(&harmless));
            self.report.ok(Finding::RelationDeletes, says);
        } else if by_relation.is_empty() {
            self.report.ok(Finding::RelationDeletes, "no relation deletes what is no longer listed");
        }
    }

    fn tell_cascades(&mut self, cascades: &[(String, String)], deleters: &Deleters) {
        let mut harmless = Vec::new();
        for (parent, child) in cascades {
            match deleters.get(parent).filter(|roles| !roles.is_empty()) {
                None => harmless.push(format!("{parent} → {child}")),
                Some(roles) => {
                    let roles: Vec<&String> = roles.iter().collect();
                    let says = format!(
                        "deleting from `{parent}` deletes from `{child}` in turn, in the database; {} may",
                        listed(&roles)
                    );
                    let help = format!(
                        "if that is not meant, forbid `delete` on `{child}`: a `forbid` holds what happens in turn too"
                    );
                    self.report.warn(Finding::CascadeDeletes, says, &help);
                }
            }
        }
        if !harmless.is_empty() {
            let says =
                format!("the database deletes in turn ({}), and no role may begin it", listed(&harmless));
            self.report.ok(Finding::CascadeDeletes, says);
        } else if cascades.is_empty() {
            self.report.ok(Finding::CascadeDeletes, "the database deletes nothing in turn");
        }
    }

    /// Which roles can delete from each of them, by whatever call.
    fn deleters(&self, names: &BTreeSet<&str>, schema: &SchemaSnapshot) -> Deleters {
        let roles: BTreeSet<String> = self.policies.roles().map(|role| role.name.clone()).collect();
        let mut deleters = Deleters::new();
        // What is not a plain name cannot be asked about, and is taken for one that everybody deletes from.
        let (plain, odd): (Vec<&str>, Vec<&str>) = names
            .iter()
            .partition(|name| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
        for name in odd {
            deleters.insert(name.to_owned(), roles.clone());
        }
        let answer = (!plain.is_empty())
            .then(|| Question::read("delete", &plain).ok())
            .flatten()
            .map(|question| self.policies.who_can(&question, &roles, Some(schema)));
        let Some(answer) = answer else { return deleters };
        let Ok(answer) = answer else {
            deleters.extend(plain.into_iter().map(|name| (name.to_owned(), roles.clone())));
            return deleters;
        };
        for finding in answer.findings.iter().filter(|finding| finding.verdict.call().is_some()) {
            for collection in &finding.collections {
                deleters.entry(collection.clone()).or_default().insert(finding.role.clone());
            }
        }
        deleters
    }
}

/// `collection.field` of each relation that deletes, with the collection that it deletes from. Directus' own are its own business.
fn relations(collection: &Collection) -> impl Iterator<Item = (String, String)> {
    let own = collection.is_system();
    collection.fields.values().filter_map(move |field| match &field.kind {
        FieldKind::OneToMany { related, deselect: Deselect::Delete, .. } if !own => {
            Some((format!("{}.{}", collection.name, field.name), related.clone()))
        }
        FieldKind::OneToMany { .. }
        | FieldKind::Plain
        | FieldKind::ManyToOne { .. }
        | FieldKind::ManyToAny { .. }
        | FieldKind::Presentation => None,
    })
}

/// Each collection of content whose items go with those of this one.
fn cascades(collection: &Collection) -> impl Iterator<Item = (String, String)> {
    let gone = collection.on_delete.iter().filter(|one| one.consequence == Deselect::Delete);
    gone.filter(|one| !one.collection.starts_with("directus_"))
        .map(|one| (collection.name.clone(), one.collection.clone()))
}
