//! What of a request's filters is the policy's own.
//!
//! A permission's `filter` may speak of fields that the role cannot read, so a request that carries it must not be judged as if the
//! client had named those fields. A condition that is exactly the filter of a permission for the same action and collection tells the
//! client nothing that the permission does not tell it anyway: which items there are under that permission.

use super::rules::Rules;
use crate::directus::accesses::{Decoded, accesses};
use crate::directus::{Access, Action, ToolCall};
use serde_json::{Map, Value};

/// The call without the role's own filters, and what it does then; `None` where it has none of them, or where one stands at a place
/// that its permission does not speak of.
pub(crate) fn without(rules: &Rules<'_>, call: &ToolCall) -> Option<(ToolCall, Decoded)> {
    let own: Vec<&Map<String, Value>> =
        rules.role.permissions.iter().filter_map(|permission| permission.filter.as_ref()).collect();
    if own.is_empty() {
        return None;
    }
    let mut taken: Vec<(String, Map<String, Value>)> = Vec::new();
    let bare = call.without_rules(&mut |via, rule| {
        let is_own = own.contains(&rule);
        if is_own {
            taken.push((via.to_owned(), rule.clone()));
        }
        is_own
    })?;
    let decoded = accesses(&bare, rules.schema()?).ok()?;
    taken
        .iter()
        .all(|(via, rule)| stands_where_it_belongs(rules, &decoded, via, rule))
        .then_some((bare, decoded))
}

fn stands_where_it_belongs(
    rules: &Rules<'_>,
    decoded: &Decoded,
    via: &str,
    rule: &Map<String, Value>,
) -> bool {
    let selected = |access: &&Access| match access.action {
        Action::Read => access.via == via,
        // An update of what the query selects.
        Action::Update => via.is_empty() && access.via.is_empty(),
        Action::Create | Action::Delete | Action::Execute | Action::Import => false,
    };
    decoded.accesses.iter().filter(selected).any(|access| {
        let junction = rules.is_junction(&access.collection);
        rules.role.permissions.iter().any(|permission| {
            permission.filter.as_ref() == Some(rule)
                && permission.actions.contains(&access.action)
                && permission.collections.matches(&access.collection, junction)
        })
    })
}
