//! Validations by chance, against a naive reading of them: whatever the engine lets through meets the rule to the letter, and what
//! plainly meets it is let through.

use super::{judged, schema};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use warrener::directus::SchemaSnapshot;
use warrener::policy::PolicySet;
use warrener::policy::diagnostic::Source;
use warrener::policy::set::GuardrailsFile;

/// A comparison of one field.
fn comparison() -> impl Strategy<Value = Value> {
    let texts = || prop::sample::select(vec!["draft", "review", "published", "Draft"]);
    let numbers = || 0_i64..5;
    prop_oneof![
        texts().prop_map(|text| json!({"status": {"_eq": text}})),
        texts().prop_map(|text| json!({"status": {"_neq": text}})),
        prop::collection::vec(texts(), 1..3).prop_map(|list| json!({"status": {"_in": list}})),
        prop::collection::vec(texts(), 1..3).prop_map(|list| json!({"status": {"_nin": list}})),
        any::<bool>().prop_map(|wanted| json!({"status": {"_null": wanted}})),
        texts().prop_map(|text| json!({"title": {"_contains": text}})),
        texts().prop_map(|text| json!({"title": {"_ncontains": text}})),
        numbers().prop_map(|number| json!({"price": {"_lt": number}})),
        numbers().prop_map(|number| json!({"price": {"_gte": number}})),
        (numbers(), numbers()).prop_map(|(one, other)| json!({"price": {"_between": [one, other]}})),
        (numbers(), numbers()).prop_map(|(one, other)| json!({"price": {"_nbetween": [one, other]}})),
    ]
}

fn rule() -> impl Strategy<Value = Value> {
    comparison().prop_recursive(3, 12, 3, |inner| {
        let list = prop::collection::vec(inner, 1..4);
        (list, any::<bool>())
            .prop_map(|(list, and)| if and { json!({"_and": list}) } else { json!({"_or": list}) })
    })
}

fn row() -> impl Strategy<Value = Value> {
    let values = || {
        prop::sample::select(vec![
            json!("draft"),
            json!("review"),
            json!("published"),
            json!("Draft"),
            json!("a draft"),
            json!(""),
            json!(0),
            json!(3),
            json!(2.5),
            json!("3"),
            json!(null),
            json!(true),
            json!([1]),
            json!({"_eq": "draft"}),
        ])
    };
    prop::collection::btree_map(prop::sample::select(vec!["status", "price", "title"]), values(), 0..4)
        .prop_map(|fields| {
            fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>()
        })
        .prop_map(Value::Object)
}

/// Whether the row meets the rule to the letter; an absent field meets nothing. `None` for what a database may read otherwise.
fn meets(rule: &Value, row: &Value) -> Option<bool> {
    let (key, inner) = rule.as_object().unwrap().iter().next().unwrap();
    if let Some(parts) = inner.as_array().filter(|_| key.starts_with('_')) {
        let verdicts: Vec<Option<bool>> = parts.iter().map(|part| meets(part, row)).collect();
        let decisive = key == "_or";
        return if verdicts.contains(&Some(decisive)) {
            Some(decisive)
        } else {
            verdicts.iter().all(Option::is_some).then_some(!decisive)
        };
    }
    let (operator, operand) = inner.as_object().unwrap().iter().next().unwrap();
    let value = row.get(key)?;
    if value.is_array() || value.is_object() {
        return None;
    }
    let right_kind = value.is_null() || if key == "price" { value.is_i64() } else { value.is_string() };
    let list = || operand.as_array().unwrap();
    Some(match operator.as_str() {
        "_null" => value.is_null() == operand.as_bool().unwrap(),
        _ if !right_kind => return None,
        "_eq" => value == operand,
        "_neq" => value != operand,
        "_in" => list().contains(value),
        "_nin" => !list().contains(value),
        "_contains" => value.as_str().is_some_and(|text| text.contains(operand.as_str().unwrap())),
        "_ncontains" => !value.as_str().is_some_and(|text| text.contains(operand.as_str().unwrap())),
        "_lt" => value.as_i64().is_some_and(|number| number < operand.as_i64().unwrap()),
        "_gte" => value.as_i64().is_some_and(|number| number >= operand.as_i64().unwrap()),
        "_between" | "_nbetween" => {
            let ends: Vec<i64> = list().iter().map(|end| end.as_i64().unwrap()).collect();
            let within = value.as_i64().is_some_and(|number| (ends[0]..=ends[1]).contains(&number));
            within == (operator == "_between")
        }
        other => panic!("{other}"),
    })
}

/// The parts that all have to hold, as an update skips them one by one.
fn parts(rule: &Value) -> Vec<&Value> {
    match rule.get("_and").and_then(Value::as_array) {
        Some(list) => list.iter().flat_map(parts).collect(),
        None => vec![rule],
    }
}

fn names(rule: &Value) -> Vec<&String> {
    let (key, inner) = rule.as_object().unwrap().iter().next().unwrap();
    match inner.as_array().filter(|_| key.starts_with('_')) {
        Some(list) => list.iter().flat_map(names).collect(),
        None => vec![key],
    }
}

fn load(rule: &Value) -> PolicySet {
    let text = format!(
        "version: 1\nrole: tester\ndescription: By chance.\npermissions:\n  - {{id: a, collections: [articles], \
         actions: [create, update], validation: {rule}}}\n"
    );
    PolicySet::load(&[Source::new("tester.yaml", text)], GuardrailsFile::Optional)
        .unwrap_or_else(|problems| panic!("{problems}"))
        .0
}

fn permits(set: &PolicySet, schema: &SchemaSnapshot, row: &Value, create: bool) -> bool {
    let mut arguments =
        json!({"action": "create", "collection": "articles", "data": row, "query": {"fields": []}});
    if !create {
        arguments["action"] = json!("update");
        arguments["keys"] = json!([1]);
    }
    let params = json!({"name": "items", "arguments": arguments});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string();
    judged(set, schema, "", &body).decision.permit().is_some()
}

#[test]
fn what_is_written_meets_the_rule() {
    let schema = schema();
    let (permitted, denied) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let config = ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(rule in rule(), rows in prop::collection::vec(row(), 8))| {
        let set = load(&rule);
        for row in &rows {
            for create in [true, false] {
                let asked = |part: &&Value| create || names(part).iter().any(|name| row.get(name.as_str()).is_some());
                let verdicts: Vec<Option<bool>> = parts(&rule).into_iter().filter(asked).map(|part| meets(part, row)).collect();
                let found = permits(&set, &schema, row, create);
                let count = if found { &permitted } else { &denied };
                count.set(count.get() + 1);
                if found {
                    prop_assert!(verdicts.iter().all(|verdict| *verdict == Some(true)), "{rule} {row} {create}: {verdicts:?}");
                } else {
                    let folded = row.to_string().to_lowercase();
                    // Where only the case of letters tells, it cannot be told.
                    let plain = !(rule.to_string().to_lowercase().contains("draft") && folded.contains("draft"));
                    let met = verdicts.iter().all(|verdict| *verdict == Some(true));
                    prop_assert!(!(met && plain), "{rule} {row} {create}: {verdicts:?}");
                }
            }
        }
    });
    assert!(permitted.get() > 3_000 && denied.get() > 3_000, "{permitted:?} {denied:?}");
}
