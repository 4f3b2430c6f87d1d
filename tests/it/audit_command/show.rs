//! `audit show`: where the rule that decided stands, then and now.

use super::audit;
use crate::trail::{Place, id, refusal, subject};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use warrener::audit::entry::{Entry, Subject};
use warrener::audit::trail::TextKind;
use warrener::policy::PolicySet;
use warrener::policy::diagnostic::Source;
use warrener::policy::set::GuardrailsFile;

const ROLE: &str = "version: 1
role: desk
description: Reads articles.
permissions:
  - {id: read, collections: [articles], actions: [read], max_items: 5}
forbid:
  - id: no-deletes
    collections: [\"*\"]
    actions: [delete]
    reason: Ask an editor.
";

/// A denial by `desk/no-deletes`, as the policies of the folder say now, and its id.
async fn denied(place: &Place, folder: &Path, rule: &str) -> String {
    let source = Source::new("desk.yaml", fs::read_to_string(folder.join("desk.yaml")).unwrap());
    let (set, _) = PolicySet::load(&[source], GuardrailsFile::Optional).unwrap();
    let files = json!({ "desk.yaml": set.sources().text("desk.yaml") });
    let trail = place.open().await;
    trail.keep_text(set.revision(), TextKind::Policy, files.to_string()).await.unwrap();
    let subject = Subject {
        decision: "deny",
        rule: Some(rule.to_owned()),
        policy_revision: set.revision().to_owned(),
        ..subject()
    };
    let call = id();
    trail.commit(Entry { subject: Some(Box::new(subject)), ..refusal(call) }).await.unwrap();
    trail.close().await.unwrap();
    call.to_string()
}

/// What stands under `rule`.
async fn rule(place: &Place, id: &str, folder: &Path) -> String {
    let shown = audit(place, &format!("show {id} --policies {}", folder.display())).await.data;
    let rule = shown.split("\nrule\n").nth(1).unwrap_or_default().split("\n\n").next().unwrap_or_default();
    rule.replace(&folder.display().to_string(), "policies")
}

#[tokio::test]
async fn says_in_which_line_of_which_file_the_rule_stands() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    let file = folder.path().join("desk.yaml");
    fs::write(&file, ROLE).unwrap();
    let call = denied(&place, folder.path(), "desk/no-deletes").await;
    let text = "
    - id: no-deletes
      collections: [\"*\"]
      actions: [delete]
      reason: Ask an editor.";
    assert_eq!(
        rule(&place, &call, folder.path()).await,
        format!(
            "  desk.yaml:7 of the policies that decided\n  policies/desk.yaml:7, which is the same{text}"
        )
    );

    fs::write(&file, ROLE.replace("permissions:", "# Moved.\npermissions:")).unwrap();
    assert_eq!(
        rule(&place, &call, folder.path()).await,
        format!(
            "  desk.yaml:7 of the policies that decided\n  policies/desk.yaml:8; these are not the policies that decided, so it \
             may have moved since{text}"
        )
    );

    fs::write(&file, ROLE.replace("no-deletes", "nothing-goes")).unwrap();
    assert_eq!(
        rule(&place, &call, folder.path()).await,
        format!(
            "  desk.yaml:7 of the policies that decided\n  not in policies; these are not the policies that decided{text}"
        )
    );

    fs::remove_file(&file).unwrap();
    assert_eq!(
        rule(&place, &call, folder.path()).await,
        format!("  desk.yaml:7 of the policies that decided{text}")
    );

    let whole = audit(&place, &format!("show {call} --format json")).await.data;
    let whole: Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(whole["rule_decided"]["file"], "desk.yaml");
    assert_eq!(whole["rule_decided"]["line"], 7);
    assert_eq!(whole["rule_now"], json!({ "folder": "built-in", "same_policies": false, "place": null }));
}

#[tokio::test]
async fn a_rule_that_is_no_line_names_the_file() {
    let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
    fs::write(folder.path().join("desk.yaml"), ROLE).unwrap();
    let call = denied(&place, folder.path(), "desk/-").await;
    assert_eq!(
        rule(&place, &call, folder.path()).await,
        "  desk.yaml of the policies that decided\n  policies/desk.yaml, which is the same"
    );
    let call = denied(&place, folder.path(), "protocol").await;
    assert_eq!(rule(&place, &call, folder.path()).await, "");
}
