//! The evaluator of `validation`.

use super::engine::{SCHEMA, call, principal};
use serde_json::{Map, Value, json};
use warrener::mcp::json;
use warrener::policy::PolicySet;
use warrener::policy::diagnostic::Source;
use warrener::policy::judge::{Wire, judge};
use warrener::policy::set::GuardrailsFile;

/// Comparisons of which no value can meet both.
const OPPOSED: [(&str, &str); 9] = [
    ("_eq", "_neq"),
    ("_in", "_nin"),
    ("_null", "_nnull"),
    ("_empty", "_nempty"),
    ("_lt", "_gte"),
    ("_gt", "_lte"),
    ("_lt", "_gt"),
    ("_contains", "_ncontains"),
    ("_between", "_nbetween"),
];

/// `{"rule": …, "row": …, "action": …}`: a rule of a role, and a row of `articles` that is created, or updated.
///
/// The rule stands for itself in an `_and`, in an `_or`, and twice. Whatever meets a rule and another meets both of them, and either.
/// No written value meets a comparison and its opposite.
pub fn validation(data: &[u8]) {
    let Ok(input) = json::read(data) else { return };
    let (Some(rule), Some(Value::Object(row))) = (input.get("rule"), input.get("row")) else { return };
    let update = input.get("action").is_some();
    let Some(met) = meets(rule, row, update) else { return };
    for same in [json!({"_and": [rule]}), json!({"_and": [rule, rule]}), json!({"_or": [rule, rule]})] {
        let again = meets(&same, row, update).unwrap_or_else(|| panic!("{same} is no rule"));
        // Of an update each part of an `_and` may be skipped by itself, but not those of an `_or`.
        assert!(again == met || (update && met), "{same} on {row:?}: {again}, and {met} alone");
    }
    if let Some(other) = input.get("other")
        && let Some(other_met) = meets(other, row, update)
    {
        assert_eq!(
            meets(&json!({"_and": [rule, other]}), row, update),
            Some(met && other_met),
            "{rule} and {other} on {row:?}"
        );
        if !update {
            assert!(
                !(met || other_met) || meets(&json!({"_or": [rule, other]}), row, update) == Some(true),
                "{rule} or {other} on {row:?}"
            );
        }
    }
    opposed(rule, row, update);
}

/// The single comparison turned round, where the rule is one of a field that is written.
fn opposed(rule: &Value, row: &Map<String, Value>, update: bool) {
    let Some((field, comparisons)) =
        rule.as_object().filter(|rule| rule.len() == 1).and_then(|rule| rule.iter().next())
    else {
        return;
    };
    let Some((operator, operand)) =
        comparisons.as_object().filter(|all| all.len() == 1).and_then(|all| all.iter().next())
    else {
        return;
    };
    for (one, other) in OPPOSED.into_iter().flat_map(|(one, other)| [(one, other), (other, one)]) {
        let turned = json!({field: {other: operand}});
        if operator == one && row.contains_key(field) {
            let both = meets(rule, row, update) == Some(true) && meets(&turned, row, update) == Some(true);
            assert!(!both, "{row:?} meets {rule} and {turned}");
        }
    }
}

/// Whether a role with that validation may write the row; `None` where it is no rule.
fn meets(rule: &Value, row: &Map<String, Value>, update: bool) -> Option<bool> {
    let permission = json!({
        "id": "write", "collections": ["articles"], "actions": ["create", "update", "read"], "fields": ["*"], "validation": rule,
    });
    let policy =
        json!({"version": 1, "role": "writer", "description": "Writes.", "permissions": [permission]});
    let sources = [Source::new("writer.yaml", policy.to_string())];
    let set = PolicySet::load(&sources, GuardrailsFile::Optional).ok()?.0;
    let mut arguments =
        json!({"action": "create", "collection": "articles", "data": row, "query": {"fields": ["id"]}});
    if update {
        arguments["action"] = Value::from("update");
        arguments["keys"] = json!([1]);
    }
    let body = call("items", &arguments);
    let content_type = vec!["application/json"];
    let wire = Wire {
        query_string: "",
        content_type,
        content_encoding: Vec::new(),
        body: body.as_bytes(),
        ..Wire::default()
    };
    Some(judge(&set, &principal("writer"), Some(&SCHEMA), &wire).decision.permit().is_some())
}
