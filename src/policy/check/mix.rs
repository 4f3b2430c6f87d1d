//! Permissions that only together would permit a call: they do not mix.

use super::lint::Lint;
use super::reach::may_meet;
use super::{Check, Permission, Role, exact};
use crate::policy::pattern::{Glob, Patterns};

impl Check<'_> {
    /// Reports pairs of which neither covers the other on a collection and an action that both permit.
    pub(super) fn mixing(&mut self, role: &Role) {
        let mut rest = role.permissions.as_slice();
        while let Some((first, behind)) = rest.split_first() {
            for second in behind.iter().filter(|second| mixes(first, second)) {
                let message = format!(
                    "`{}` and `{}` are about the same items, and neither covers the other",
                    first.id, second.id
                );
                let help = "one permission has to cover a whole access: join them, or expect calls that need both to \
                            be denied";
                self.warn(Lint::MixedPermissions, second, message, help);
            }
            rest = behind;
        }
    }
}

fn mixes(one: &Permission, other: &Permission) -> bool {
    let same_action = one.actions.intersection(&other.actions).next().is_some();
    let mut named = exact(&one.collections);
    let same_name = named.any(|name| exact(&other.collections).any(|other| other == name));
    let same =
        same_name || (one.collections == other.collections && may_meet(&one.collections, &other.collections));
    same_action && same && !covers(one, other) && !covers(other, one)
}

/// Whether whatever the inner permission permits, as far as fields, keys and filter go, the outer one permits too.
fn covers(outer: &Permission, inner: &Permission) -> bool {
    let keys = match (&outer.keys, &inner.keys) {
        (None, _) => true,
        (Some(outer), Some(inner)) => outer.is_superset(inner),
        (Some(_), None) => false,
    };
    let filter = outer.filter.is_none() || outer.filter == inner.filter;
    keys && filter && covers_fields(&outer.fields, &inner.fields)
}

/// Whether every name in the inner list is in the outer one.
pub(super) fn covers_fields(outer: &Patterns, inner: &Patterns) -> bool {
    let included = inner.included().iter().all(|glob| outer.included().iter().any(|one| one.covers(glob)));
    included && excludes_nothing_of(outer, inner.included(), inner.excluded())
}

/// Whether what the outer list leaves out is not in the inner one.
pub(super) fn excludes_nothing_of(outer: &Patterns, included: &[Glob], excluded: &[Glob]) -> bool {
    outer.excluded().iter().all(|glob| {
        excluded.iter().any(|one| one.covers(glob)) || !included.iter().any(|one| one.meets(glob))
    })
}
