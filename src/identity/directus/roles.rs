//! Which policy role a role of Directus' has.

use super::ask::User;
use super::claims::is_id;
use std::collections::BTreeMap;

/// Which policy role a role of Directus' has. One that is not in here has none, and its users no access.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles(BTreeMap<String, String>);

impl Roles {
    /// By the roles' ids, or by their names as Directus has them.
    pub fn new(roles: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(roles.into_iter().collect())
    }

    /// Each role of Directus' with the policy role that it has.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &String)> {
        self.0.iter()
    }

    /// The policy roles in it.
    pub fn policies(&self) -> impl Iterator<Item = &String> {
        self.0.values()
    }

    /// The policy role of a user: by the id of its role before the name. Whatever looks like an id is never a name, or somebody could
    /// call a role by the id of another one.
    pub(super) fn of(&self, user: &User) -> Option<&String> {
        let role = user.role.as_ref()?;
        let name = role.name.as_ref().filter(|name| !is_id(&name.to_ascii_lowercase()));
        self.0.get(&role.id).or_else(|| self.0.get(name?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::ask::Role;
    use super::*;

    const ID: &str = "0a1b2c3d-0000-4000-8000-000000000002";

    #[test]
    fn a_role_is_found_by_its_id_or_its_exact_name() {
        let roles = Roles::new([
            (ID.to_owned(), "by-id".to_owned()),
            ("Content Editor".to_owned(), "by-name".to_owned()),
        ]);
        let other = "0a1b2c3d-0000-4000-8000-000000000003";
        for (id, name, expect) in [
            (ID, Some("Content Editor"), Some("by-id")),
            (ID, None, Some("by-id")),
            (other, Some("Content Editor"), Some("by-name")),
            (other, None, None),
            (other, Some("content editor"), None),
            (other, Some("Content Editor "), None),
            (other, Some("Content\u{a0}Editor"), None),
            (other, Some("Соntent Editor"), None),
            // A role that is called by the id of another one.
            (other, Some(ID), None),
            (other, Some("0A1B2C3D-0000-4000-8000-000000000002"), None),
        ] {
            let role = Role { id: id.to_owned(), name: name.map(str::to_owned) };
            let user = User { id: other.to_owned(), role: Some(role) };
            assert_eq!(roles.of(&user).map(String::as_str), expect, "{id} {name:?}");
        }
        assert_eq!(roles.of(&User { id: other.to_owned(), role: None }), None);
    }
}
