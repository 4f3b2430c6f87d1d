//! Roles that could give themselves more rights.

use super::lint::Lint;
use super::{Check, Permission, Role};
use crate::directus::access::Action;

/// What the rights of a user, of everybody, or of whoever runs a flow are made of.
const RIGHTS: [&str; 8] = [
    "directus_users",
    "directus_roles",
    "directus_policies",
    "directus_access",
    "directus_permissions",
    "directus_flows",
    "directus_operations",
    "directus_settings",
];

/// What of a user decides what the user may do, or who may be that user.
const OF_USERS: [&str; 10] = [
    "role",
    "policies",
    "status",
    "token",
    "password",
    "email",
    "provider",
    "external_identifier",
    "auth_data",
    "tfa_secret",
];

impl<'s> Check<'s> {
    /// Reports a permission to make or change what rights are made of, where no rule takes it back.
    pub(super) fn raises_rights(&mut self, permission: &Permission, role: &'s Role) -> bool {
        let biting = self.biting(role);
        let writes = [Action::Create, Action::Update];
        let open = |collection: &str| {
            permission.collections.matches(collection, false)
                && (collection != "directus_users"
                    || OF_USERS.iter().any(|field| permission.fields.matches(field)))
                && writes.iter().filter(|action| permission.actions.contains(action)).any(|action| {
                    !biting.iter().any(|(_, forbid)| {
                        forbid.actions.contains(action) && forbid.collections.matches(collection, false)
                    })
                })
        };
        let open: Vec<String> = RIGHTS
            .into_iter()
            .filter(|collection| open(collection))
            .map(|collection| format!("`{collection}`"))
            .collect();
        if open.is_empty() {
            return false;
        }
        let message = format!(
            "by `{}`, `{}` can raise its own rights: it may write {}",
            permission.id,
            role.name,
            open.join(", ")
        );
        let help = "forbid these writes, or leave the collections out; the upstream token is all that is left to stop it";
        self.warn(Lint::RaisesRights, permission, message, help);
        true
    }
}
