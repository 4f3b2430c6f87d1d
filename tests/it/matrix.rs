//! The table of what every shipped role may do is committed, so that a change of the policies shows in it, and it agrees with what is
//! decided.

use crate::support::process::checkout;
use serde_json::{Value, json};
use std::fs;
use warrener::administer;
use warrener::directus::{Action, SchemaSnapshot, Tool};
use warrener::policy::judge::{Wire, judge};
use warrener::policy::matrix::{Cell, RoleMatrix};
use warrener::policy::{PolicySet, Principal, Proof};

fn shipped() -> (PolicySet, SchemaSnapshot) {
    let (set, _) = administer::policies(Some(&checkout("policies"))).unwrap();
    (set, administer::schema(&checkout("policies/schema/snapshot.yaml")).unwrap())
}

#[test]
fn the_committed_table_is_that_of_the_shipped_policies() {
    let (set, schema) = shipped();
    let shown: Vec<String> = set.matrix(&schema).iter().map(RoleMatrix::shown).collect();
    let committed = fs::read_to_string(checkout("policies/matrix.txt")).unwrap();
    assert!(
        shown.join("\n") == committed,
        "the policies changed what a role may do; look at it with `cargo run -- matrix > policies/matrix.txt` and `git diff`"
    );
}

#[test]
fn every_tool_action_and_collection_has_its_row() {
    let (set, schema) = shipped();
    for matrix in set.matrix(&schema) {
        let tools: Vec<Tool> = matrix.tools.iter().map(|(tool, _)| *tool).collect();
        assert_eq!(tools, Tool::ALL);
        for (tool, words) in &matrix.tools {
            let all = tool.verbs().iter().map(|verb| verb.as_str());
            assert!(words.iter().flatten().all(|word| all.clone().any(|verb| verb == *word)), "{tool:?}");
        }
        let mut named: Vec<&String> = matrix.groups.iter().flat_map(|group| &group.collections).collect();
        named.sort();
        assert_eq!(named, schema.collections().map(|collection| &collection.name).collect::<Vec<_>>());
        assert!(matrix.groups.iter().all(|group| group.cells.len() == Action::ALL.len()));
    }
}

/// One call for each cell that a tool can bring about: where the table says no, it is denied.
#[test]
fn what_the_table_denies_is_denied() {
    let (set, schema) = shipped();
    let (mut denied, mut permitted) = (0, 0);
    for matrix in set.matrix(&schema) {
        for (action, collection, cell) in cells(&matrix) {
            let Some((tool, arguments)) = call(action, collection, &schema) else { continue };
            let permits = decides(&set, &schema, &matrix.role, tool, &arguments);
            match cell {
                Cell::Nothing | Cell::Forbidden(_) => {
                    denied += 1;
                    assert!(!permits, "{}: {action} {collection}: {arguments}", matrix.role);
                }
                Cell::Permitted(_) => permitted += u32::from(permits),
            }
        }
    }
    assert!(denied > 30 && permitted > 50, "{denied} {permitted}");
}

fn cells(matrix: &RoleMatrix) -> impl Iterator<Item = (Action, &str, &Cell)> {
    matrix.groups.iter().flat_map(|group| {
        let each = group.collections.iter();
        each.flat_map(|name| {
            Action::ALL.into_iter().zip(&group.cells).map(move |(action, cell)| (action, name.as_str(), cell))
        })
    })
}

/// A plain call that does this and nothing else, as far as there is one.
fn call(action: Action, collection: &str, schema: &SchemaSnapshot) -> Option<(&'static str, Value)> {
    let tool = match collection {
        "directus_files" => "files",
        "directus_folders" => "folders",
        other if other.starts_with("directus_") => return None,
        _ => "items",
    };
    let described = schema.collection(collection)?;
    let primary = described.primary_key.clone()?;
    let key = match described.key_type()? {
        "uuid" => json!("5c7b1f0e-0000-4000-8000-000000000000"),
        _ => json!(1),
    };
    let query = json!({"fields": [primary]});
    let mut arguments = match action {
        Action::Read => json!({"action": "read", "keys": [key], "query": query}),
        Action::Create if tool != "files" => json!({"action": "create", "data": {}, "query": query}),
        Action::Update => json!({"action": "update", "keys": [key], "data": {}, "query": query}),
        Action::Delete => json!({"action": "delete", "keys": [key]}),
        Action::Create | Action::Execute | Action::Import => return None,
    };
    if tool == "items" {
        arguments["collection"] = json!(collection);
    }
    Some((tool, arguments))
}

fn decides(set: &PolicySet, schema: &SchemaSnapshot, role: &str, tool: &str, arguments: &Value) -> bool {
    let params = json!({"name": tool, "arguments": arguments});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
    let principal = Principal { name: "t".into(), role: role.to_owned(), proof: Proof::Key };
    let wire = Wire { content_type: vec!["application/json"], body: body.as_bytes(), ..Wire::default() };
    judge(set, &principal, Some(schema), &wire).decision.permit().is_some()
}
