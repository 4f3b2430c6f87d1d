//! Role × collection × action as one table that a person can review, and compare with the one before.
//!
//! It is made of the rules that decide calls: a `forbid` that bites comes first, then every permission that speaks of the collection
//! and the action, in the order in which they are tried, each with what it asks for.

use super::document::{MaxItems, Permission};
use super::rules::Rules;
use super::{PolicySet, Principal, Proof};
use crate::directus::{Access, Action, Extent, Fields, SchemaSnapshot, Tool, Verb};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What one role may do, on every collection and with every tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleMatrix {
    /// The role's name.
    pub role: String,
    /// Collections that are treated alike, with what each action comes to, in the order of [`Action::ALL`].
    pub groups: Vec<Group>,
    /// Every tool with the words that its `action` may have; `None` where the tool is not seen.
    pub tools: Vec<(Tool, Option<Vec<&'static str>>)>,
}

/// Collections that are treated alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Their names.
    pub collections: Vec<String>,
    /// What each action comes to.
    pub cells: Vec<Cell>,
}

/// What one action on a collection comes to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// Nothing permits it.
    Nothing,
    /// These rules forbid it.
    Forbidden(Vec<String>),
    /// These permissions are tried, each with what it asks for.
    Permitted(Vec<String>),
}

impl PolicySet {
    /// The matrix of every role, by name.
    pub fn matrix(&self, schema: &SchemaSnapshot) -> Vec<RoleMatrix> {
        self.roles().filter_map(|role| self.role_matrix(&role.name, schema)).collect()
    }

    /// The matrix of one role; `None` where there is no such role.
    pub fn role_matrix(&self, role: &str, schema: &SchemaSnapshot) -> Option<RoleMatrix> {
        let rules = Rules::of(self, role, Some(schema))?;
        let mut alike: BTreeMap<Vec<Cell>, Vec<String>> = BTreeMap::new();
        for collection in schema.collections() {
            let cells = Action::ALL.iter().map(|action| cell(&rules, *action, &collection.name)).collect();
            alike.entry(cells).or_default().push(collection.name.clone());
        }
        let mut groups: Vec<Group> =
            alike.into_iter().map(|(cells, collections)| Group { collections, cells }).collect();
        groups.sort_by(|one, other| one.collections.cmp(&other.collections));
        let principal = Principal { name: String::new(), role: role.to_owned(), proof: Proof::Key };
        let sees = self.visibility(&principal, schema)?;
        let words = |tool: Tool| sees.verbs(tool).into_iter().map(Verb::as_str).collect();
        let tools = Tool::ALL.iter().map(|tool| (*tool, sees.sees(tool.as_str()).then(|| words(*tool))));
        Some(RoleMatrix { role: role.to_owned(), groups, tools: tools.collect() })
    }
}

fn cell(rules: &Rules<'_>, action: Action, collection: &str) -> Cell {
    let access = Access::asked(action, collection, Fields::none(), Extent::Keys(Vec::new()));
    let biting = rules.forbids(&access).filter(|hit| !hit.observed(rules.role.mode));
    let forbidden: Vec<String> = biting.map(|hit| hit.rule()).collect();
    if !forbidden.is_empty() {
        return Cell::Forbidden(forbidden);
    }
    let junction = rules.is_junction(collection);
    let speaks = |permission: &&Permission| {
        permission.actions.contains(&action) && permission.collections.matches(collection, junction)
    };
    let permitted: Vec<String> = rules
        .role
        .permissions
        .iter()
        .filter(speaks)
        .map(|permission| conditions(rules, permission, action, collection))
        .collect();
    if permitted.is_empty() { Cell::Nothing } else { Cell::Permitted(permitted) }
}

/// A permission with what it asks for, in a few words.
fn conditions(rules: &Rules<'_>, permission: &Permission, action: Action, collection: &str) -> String {
    let mut parts = Vec::new();
    let writes = match action {
        Action::Create | Action::Update | Action::Import => true,
        Action::Read | Action::Delete | Action::Execute => false,
    };
    let reads = action == Action::Read;
    let fields = rules.schema().and_then(|schema| schema.collection(collection)).filter(|_| reads || writes);
    let closed = fields.into_iter().flat_map(|collection| collection.fields.keys()).filter(|field| {
        !permission.fields.matches(field) || (reads && rules.redacted(collection, field).is_some())
    });
    let closed: Vec<&str> = closed.map(String::as_str).collect();
    if !closed.is_empty() {
        parts.push(format!("without {}", closed.join(", ")));
    }
    if let Some(keys) = &permission.keys {
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        parts.push(format!("only keys {}", keys.join(", ")));
    }
    match permission.max_items {
        Some(MaxItems::At(most)) => parts.push(format!("at most {most}")),
        Some(MaxItems::Unlimited) => parts.push("any number".to_owned()),
        None => {}
    }
    if permission.by_query && matches!(action, Action::Update | Action::Delete) {
        parts.push("also by query".to_owned());
    }
    let rule =
        |name: &str, rule: &serde_json::Map<String, Value>| format!("{name} {}", Value::Object(rule.clone()));
    if action != Action::Create && action != Action::Import {
        parts.extend(permission.filter.as_ref().map(|filter| rule("filter", filter)));
    }
    if writes {
        parts.extend(permission.validation.as_ref().map(|validation| rule("validation", &validation.text)));
    }
    if writes && action != Action::Update {
        parts.extend(permission.presets.as_ref().map(|presets| rule("presets", presets)));
    }
    if parts.is_empty() { permission.id.clone() } else { format!("{} ({})", permission.id, parts.join("; ")) }
}

impl RoleMatrix {
    /// As a person reads it, one fact a line.
    pub fn shown(&self) -> String {
        let mut text = format!("role {}\n", self.role);
        for group in &self.groups {
            let _ = write!(text, "\n{}\n", wrapped(&group.collections));
            for (action, cell) in Action::ALL.iter().zip(&group.cells) {
                let said = match cell {
                    Cell::Nothing => "-".to_owned(),
                    Cell::Forbidden(rules) => format!("forbidden by {}", rules.join(", ")),
                    Cell::Permitted(permissions) => permissions.join("\n           else "),
                };
                let _ = writeln!(text, "  {:<8} {said}", action.as_str());
            }
        }
        text.push_str("\ntools\n");
        for (tool, words) in &self.tools {
            let said = match words {
                None => "hidden".to_owned(),
                Some(words) if words.is_empty() => "seen".to_owned(),
                Some(words) => words.join(", "),
            };
            let _ = writeln!(text, "  {:<14} {said}", tool.as_str());
        }
        text
    }

    /// As JSON.
    pub fn to_json(&self) -> Value {
        let cell = |(action, cell): (&Action, &Cell)| {
            let said = match cell {
                Cell::Nothing => json!("nothing"),
                Cell::Forbidden(rules) => json!({ "forbidden": rules }),
                Cell::Permitted(permissions) => json!({ "permitted": permissions }),
            };
            (action.as_str().to_owned(), said)
        };
        let group = |group: &Group| {
            let cells: serde_json::Map<String, Value> =
                Action::ALL.iter().zip(&group.cells).map(cell).collect();
            json!({ "collections": group.collections, "actions": cells })
        };
        let tools = self.tools.iter().map(|(tool, words)| (tool.as_str().to_owned(), json!(words)));
        json!({
            "role": self.role,
            "collections": self.groups.iter().map(group).collect::<Vec<_>>(),
            "tools": tools.collect::<serde_json::Map<String, Value>>(),
        })
    }
}

/// Names in lines of at most a hundred letters.
fn wrapped(names: &[String]) -> String {
    let mut lines = vec![String::new()];
    for (number, name) in names.iter().enumerate() {
        let comma = if number + 1 == names.len() { "" } else { "," };
        let line = lines.last().map_or(0, String::len);
        if line > 0 && line + name.len() > 98 {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            let gap = if line.is_empty() { "" } else { " " };
            let _ = write!(line, "{gap}{name}{comma}");
        }
    }
    lines.join("\n")
}
