//! The table of what every shipped role may do is committed, so that a change of the policies shows in it; and it says what the engine
//! says, in both directions, whatever the policies are.

mod calls;
mod odd;

use crate::reference;
use crate::support::process::checkout;
use calls::calls;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use warrener::administer;
use warrener::directus::{Access, Action, Origin, SchemaSnapshot, Tool};
use warrener::policy::judge::{Wire, judge};
use warrener::policy::matrix::{Cell, RoleMatrix, Verdict};
use warrener::policy::{Decision, PolicySet, Principal, Proof, explain};

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

#[test]
fn the_shipped_table_says_what_is_decided() {
    let (set, schema) = shipped();
    let mut held = Held::default();
    for matrix in set.matrix(&schema) {
        held.names.clear();
        held.holds(&set, &schema, &matrix, &calls(&schema));
        // What a client is shown can be called, and nothing else can.
        let shown: BTreeSet<String> = matrix
            .tools
            .iter()
            .flat_map(|(tool, words)| match words.as_deref() {
                None => Vec::new(),
                Some([]) => vec![tool.as_str().to_owned()],
                Some(words) => words.iter().map(|word| format!("{} {word}", tool.as_str())).collect(),
            })
            .collect();
        assert_eq!(held.names, shown, "{}", matrix.role);
    }
    assert!(held.permitted > 100 && held.denied > 300 && held.passing > 200, "{held:?}");
}

/// The measured calls are another witness: whatever one of them does that passes, the table shows.
#[test]
fn the_table_of_a_policy_by_chance_says_what_is_decided() {
    let schema = reference::schema();
    let messages: Vec<Asked> = reference::messages()
        .into_iter()
        .map(|message| Asked { name: message.id, query_string: message.query_string, body: message.body })
        .collect();
    let mut held = Held::default();
    for policy in reference::policies(6) {
        let set = policy.load();
        for matrix in set.matrix(&schema) {
            held.holds(&set, &schema, &matrix, &messages);
        }
    }
    assert!(held.permitted > 100 && held.denied > 300 && held.passing > 150, "{held:?}");
}

/// One call, as it comes from a client.
pub(super) struct Asked {
    /// The tool and its word.
    name: String,
    query_string: String,
    body: String,
}

/// How much a table was held against.
#[derive(Debug, Default)]
pub(super) struct Held {
    permitted: u32,
    denied: u32,
    passing: u32,
    /// What the calls are that passed.
    names: BTreeSet<String>,
}

impl Held {
    /// A permitted cell has its witness, which passes and does what the cell says; no call that passes does what a cell denies.
    fn holds(&mut self, set: &PolicySet, schema: &SchemaSnapshot, matrix: &RoleMatrix, calls: &[Asked]) {
        for (action, collection, cell) in cells(matrix) {
            let witness = matrix.witnesses.get(&(action, collection.to_owned()));
            assert_eq!(witness.is_some(), cell.verdict == Verdict::Permitted, "{action} {collection}");
            let Some(witness) = witness else {
                self.denied += 1;
                continue;
            };
            self.permitted += 1;
            self.names.insert(witness.name());
            let arguments = Value::Object(witness.arguments.clone());
            let body = explain::call(&Value::from(witness.tool.as_str()), &arguments).to_string();
            let decision = decided(set, schema, &matrix.role, "", &body);
            assert!(decision.permit().is_some(), "{action} {collection}: {body}");
            let does = |access: &&Access| access.action == action && access.collection == collection;
            assert!(
                decision.accesses.iter().filter(|access| counts(access)).any(|access| does(&access)),
                "{action} {collection}: {body}"
            );
            let observed: BTreeSet<&String> = decision.observed.iter().map(|reason| &reason.rule).collect();
            assert_eq!(observed, cell.observed.iter().collect(), "{action} {collection}: {body}");
        }
        for call in calls {
            let decision = decided(set, schema, &matrix.role, &call.query_string, &call.body);
            if decision.permit().is_none() {
                continue;
            }
            self.passing += 1;
            self.names.insert(call.name.clone());
            for access in decision.accesses.iter().filter(|access| counts(access)) {
                let cell = cell(matrix, access.action, &access.collection);
                let denied = cell.is_none_or(|cell| cell.verdict == Verdict::Denied);
                assert!(!denied, "{} of {} is denied: {}", access.action, access.collection, call.body);
            }
        }
    }
}

fn counts(access: &Access) -> bool {
    access.origin != Origin::Included
}

fn cells(matrix: &RoleMatrix) -> impl Iterator<Item = (Action, &str, &Cell)> {
    matrix.groups.iter().flat_map(|group| {
        let each = group.collections.iter();
        each.flat_map(|name| {
            Action::ALL.into_iter().zip(&group.cells).map(move |(action, cell)| (action, name.as_str(), cell))
        })
    })
}

pub(super) fn cell<'m>(matrix: &'m RoleMatrix, action: Action, collection: &str) -> Option<&'m Cell> {
    cells(matrix).find(|(one, name, _)| *one == action && *name == collection).map(|(_, _, cell)| cell)
}

fn decided(set: &PolicySet, schema: &SchemaSnapshot, role: &str, query_string: &str, body: &str) -> Decision {
    let principal = Principal { name: "t".into(), role: role.to_owned(), proof: Proof::Key };
    let wire = Wire {
        query_string,
        content_type: vec!["application/json"],
        body: body.as_bytes(),
        ..Wire::default()
    };
    judge(set, &principal, Some(schema), &wire).decision
}
