//! What the page about the language says of one access, written down once more: slowly, and from the values that the files were
//! written from.

use super::generate::{Forbid, Policies, ROLES, Role};
use serde_json::Value;
use warrener::directus::Action;

/// Whether the rules leave open that a role does it, for a field or for none in particular.
pub(super) fn is_open(
    policies: &Policies,
    role: &str,
    action: Action,
    collection: &str,
    field: Option<&str>,
) -> bool {
    let number = ROLES.iter().position(|one| *one == role).unwrap();
    let own = &policies.roles[number];
    let bites = |forbid: &Forbid| {
        !forbid.observe && forbid.actions.contains(&action.as_str()) && is_in(forbid.collections, collection)
    };
    let shared = policies.forbids.iter().filter(|forbid| !forbid.except.contains(&role));
    if shared.chain(own.forbids.iter().filter(|_| !own.observe)).any(bites) {
        return false;
    }
    let imports = own.import_from || own.permissions.iter().any(|one| one.actions.contains(&"import"));
    if action == Action::Import && !(imports && collection == "directus_files") {
        return false;
    }
    if let Some(field) = field {
        let is_bytes = field == "$bytes";
        if is_bytes && matches!(action, Action::Create | Action::Import) {
            return false;
        }
        let redacted = |pattern: &&str| {
            let (there, name) = pattern.split_once('.').unwrap();
            fits(there, collection) && fits(name, field)
        };
        if action == Action::Read && policies.redact.iter().chain(&own.redact).any(redacted) {
            return false;
        }
    }
    own.observe || permits(own, action, collection, field)
}

fn permits(role: &Role, action: Action, collection: &str, field: Option<&str>) -> bool {
    let makes = matches!(action, Action::Create | Action::Import);
    role.permissions.iter().any(|one| {
        let said = |name: &str| one.more.iter().find(|(key, _)| *key == name).map(|(_, value)| value);
        let keyed = match said("keys").and_then(Value::as_array) {
            None => true,
            Some(keys) => !keys.is_empty() && !makes,
        };
        let named = field.is_none_or(|field| {
            is_in(one.fields, field) || (makes && said("presets").is_some_and(|row| row.get(field).is_some()))
        });
        one.actions.contains(&action.as_str()) && is_in(one.collections, collection) && keyed && named
    })
}

/// `b` is the only junction.
fn is_in(list: &[&str], name: &str) -> bool {
    let hits = |pattern: &str| if pattern == "@junctions" { name == "b" } else { fits(pattern, name) };
    list.iter().any(|one| hits(one)) && !list.iter().any(|one| one.strip_prefix('!').is_some_and(hits))
}

fn fits(pattern: &str, name: &str) -> bool {
    match (pattern.split_at_checked(1), name.split_at_checked(1)) {
        (None, _) => name.is_empty(),
        (Some(("*", rest)), None) => fits(rest, name),
        (Some(("*", rest)), Some((_, tail))) => fits(rest, name) || fits(pattern, tail),
        (Some((one, rest)), Some((other, tail))) => one == other && fits(rest, tail),
        (Some(_), None) => false,
    }
}
