//! Permissions that permit nothing, wholly or in part.

use super::lint::Lint;
use super::{Check, Forbid, Permission, Role, exact, is_nothing};
use crate::directus::access::{Action, Key};
use crate::policy::pattern::CollectionPatterns;

impl<'s> Check<'s> {
    /// Reports a permission that can never permit anything, and those parts of others that cannot.
    pub(super) fn never_matches(&mut self, permission: &Permission, role: &'s Role) -> bool {
        if let Some(why) = permits_nothing(permission) {
            let message = format!("`{}/{}` permits nothing: {why}", role.name, permission.id);
            self.warn(Lint::NeverMatches, permission, message, "fill it in, or leave the permission out");
            return true;
        }
        let biting = self.biting(role);
        let shadowed = self.shadowed(permission, &biting);
        let all_shadowed = shadowed.len() == self.parts(permission).len();
        if all_shadowed && !has_open_patterns(permission, &biting) {
            let mut names: Vec<&str> = shadowed.iter().map(|(.., name)| name.as_str()).collect();
            names.extend(biting.iter().map(|(name, _)| name.as_str()));
            let forbidding = names.first().copied().unwrap_or_default();
            let whole = format!("`{}/{}` can never permit anything", role.name, permission.id);
            let message = format!("{whole}: `{forbidding}` forbids it");
            self.warn(
                Lint::ForbiddenAnyway,
                permission,
                message,
                "leave it out, or change the rule that forbids it",
            );
            return true;
        }
        for (action, collection, rule) in shadowed.iter().filter(|(_, name, _)| exact_in(permission, name)) {
            let message = format!("`{action}` on `{collection}` is permitted here, but `{rule}` forbids it");
            self.warn(Lint::ForbiddenAnyway, permission, message, "leave it out here");
        }
        false
    }

    /// What of a permission can be told one by one: its actions on the collections that it names or, with a schema,
    /// matches.
    fn parts(&self, permission: &Permission) -> Vec<(Action, String)> {
        let mut names: Vec<String> = exact(&permission.collections).map(str::to_owned).collect();
        if let Some(schema) = self.schema {
            let collections = schema.collections().map(|collection| collection.name.as_str());
            let matched = collections
                .filter(|name| permission.collections.matches(name, schema.is_junction(name)))
                .filter(|name| !names.iter().any(|one| one == name))
                .map(str::to_owned)
                .collect::<Vec<_>>();
            names.extend(matched);
        }
        let actions = permission.actions.iter();
        actions.flat_map(|action| names.iter().map(|name| (*action, name.clone()))).collect()
    }

    fn shadowed(
        &self,
        permission: &Permission,
        biting: &[(String, &Forbid)],
    ) -> Vec<(Action, String, String)> {
        let parts = self.parts(permission).into_iter();
        let hit = |action: Action, name: &str| {
            let forbids = biting.iter().find(|(_, forbid)| {
                forbid.actions.contains(&action) && forbid.collections.matches(name, self.is_junction(name))
            });
            forbids.map(|(rule, _)| rule.clone())
        };
        parts.filter_map(|(action, name)| hit(action, &name).map(|rule| (action, name, rule))).collect()
    }

    /// Bytes are imported into files only.
    pub(super) fn import_collection(&mut self, permission: &Permission) {
        let imports = permission.actions.contains(&Action::Import);
        if imports && !permission.collections.matches("directus_files", false) {
            let message = format!("`{}` permits `import`, but not on `directus_files`", permission.id);
            self.warn(
                Lint::ImportCollection,
                permission,
                message,
                "bytes are imported into `directus_files` only",
            );
        }
    }
}

/// Whether the permission has patterns that may match something that no rule forbids.
fn has_open_patterns(permission: &Permission, biting: &[(String, &Forbid)]) -> bool {
    let included = permission.collections.names().included();
    let has_patterns = permission.collections.junctions() == Some(true)
        || included.iter().any(|glob| glob.as_str().contains('*'));
    let covered = permission.actions.iter().all(|action| {
        biting.iter().any(|(_, forbid)| forbid.actions.contains(action) && is_everything(&forbid.collections))
    });
    has_patterns && !covered
}

fn permits_nothing(permission: &Permission) -> Option<&'static str> {
    if is_nothing(&permission.collections) {
        return Some("it has no collections");
    }
    if permission.actions.is_empty() {
        return Some("it has no actions");
    }
    if permission.keys.as_ref().is_some_and(std::collections::BTreeSet::is_empty) {
        return Some("it has no keys");
    }
    let flows_only = exact(&permission.collections).eq(["directus_flows"])
        && permission.collections.names().included().len() == 1;
    let numbers =
        |keys: &std::collections::BTreeSet<Key>| keys.iter().all(|key| matches!(key, Key::Number(_)));
    let executes = permission.actions.iter().eq([&Action::Execute]);
    (flows_only && executes && permission.keys.as_ref().is_some_and(numbers))
        .then_some("the key of a flow is a UUID, not a number")
}

fn is_everything(collections: &CollectionPatterns) -> bool {
    collections.names().matches_everything() && collections.junctions() != Some(false)
}

fn exact_in(permission: &Permission, name: &str) -> bool {
    exact(&permission.collections).any(|one| one == name)
}
