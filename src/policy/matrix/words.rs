//! A permission in a few words.

use crate::directus::Action;
use crate::policy::document::{ImportSource, MaxItems, Permission};
use crate::policy::rules::Rules;
use serde_json::{Map, Value};

/// A permission with what it asks for of one action on one collection.
pub(super) fn permission(
    rules: &Rules<'_>,
    permission: &Permission,
    action: Action,
    collection: &str,
) -> String {
    let mut parts = Vec::new();
    if !matches!(action, Action::Delete | Action::Execute) {
        parts.extend(fields(rules, permission, collection));
    }
    parts.extend(conditions(rules, permission, action));
    if parts.is_empty() { permission.id.clone() } else { format!("{} ({})", permission.id, parts.join("; ")) }
}

/// What a permission asks for of one action, its fields left aside.
pub(in crate::policy) fn conditions(
    rules: &Rules<'_>,
    permission: &Permission,
    action: Action,
) -> Vec<String> {
    let mut parts = Vec::new();
    let makes = matches!(action, Action::Create | Action::Import);
    let writes = makes || action == Action::Update;
    if let Some(keys) = &permission.keys {
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        parts.push(if keys.is_empty() {
            "no keys".to_owned()
        } else {
            format!("only keys {}", keys.join(", "))
        });
    }
    match permission.max_items {
        Some(MaxItems::At(most)) => parts.push(format!("at most {most}")),
        Some(MaxItems::Unlimited) => parts.push("any number".to_owned()),
        None => {}
    }
    if permission.by_query && matches!(action, Action::Update | Action::Delete) {
        parts.push("also by query".to_owned());
    }
    let rule = |name: &str, rule: &Map<String, Value>| format!("{name} {}", Value::Object(rule.clone()));
    if !makes {
        parts.extend(permission.filter.as_ref().map(|filter| rule("filter", filter)));
    }
    if writes {
        parts.extend(permission.validation.as_ref().map(|validation| rule("validation", &validation.text)));
    }
    if makes {
        parts.extend(permission.presets.as_ref().map(|presets| rule("presets", presets)));
    }
    if action == Action::Import {
        parts.push(sources("from", rules.role.import_from.as_deref().unwrap_or_default()));
        parts.extend(rules.guardrails.import_from.as_deref().map(|list| sources("within", list)));
    }
    parts
}

/// The fields that the permission does not speak of; nothing where it speaks of all.
fn fields(rules: &Rules<'_>, permission: &Permission, collection: &str) -> Option<String> {
    let known = rules.schema().and_then(|schema| schema.collection(collection));
    let known = known.into_iter().flat_map(|collection| collection.fields.keys());
    let (open, closed): (Vec<&str>, Vec<&str>) =
        known.map(String::as_str).partition(|field| permission.fields.matches(field));
    match (open.is_empty(), closed.is_empty()) {
        (_, true) => None,
        (true, false) => Some("no fields".to_owned()),
        (false, false) if open.len() < closed.len() => Some(format!("only {}", open.join(", "))),
        (false, false) => Some(format!("without {}", closed.join(", "))),
    }
}

fn sources(word: &str, list: &[ImportSource]) -> String {
    if list.is_empty() {
        return format!("{word} nowhere");
    }
    let urls: Vec<String> = list.iter().map(|source| source.url.to_string()).collect();
    format!("{word} {}", urls.join(", "))
}
