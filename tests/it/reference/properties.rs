//! What holds of decisions, whatever the policy is.

use super::generate::{Policy, policy};
use super::{calls, judged, messages, policies, schema, times};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use std::cell::Cell;
use warrener::directus::SchemaSnapshot;
use warrener::policy::PolicySet;

#[test]
fn more_that_is_forbidden_or_less_that_is_permitted_never_permits_more() {
    let (schema, messages) = (schema(), messages());
    let mut stricter_denies = 0;
    for policy in policies(30) {
        let set = policy.load();
        let mut variants = Vec::new();
        for number in 0..policy.permissions.len() {
            let mut less = policy.clone();
            less.permissions.remove(number);
            if !less.permissions.is_empty() {
                variants.push(less.load());
            }
        }
        let mut more = policy.clone();
        more.forbids.push(super::generate::Forbid {
            collections: vec!["a*".to_owned(), "directus_files".to_owned()],
            actions: vec!["update".to_owned(), "read".to_owned()],
            excepted: false,
        });
        variants.push(more.load());
        for message in &messages {
            let permits =
                |set| judged(set, &schema, &message.query_string, &message.body).decision.permit().is_some();
            let before = permits(&set);
            for stricter in &variants {
                let after = permits(stricter);
                assert!(before || !after, "{}: {policy:?}", message.id);
                stricter_denies += u64::from(before && !after);
            }
        }
    }
    assert!(stricter_denies > 1000, "{stricter_denies}");
}

#[test]
fn what_is_forwarded_is_permitted_again_as_it_is() {
    let (schema, messages) = (schema(), messages());
    let mut forwarded = 0;
    for policy in policies(60) {
        let set = policy.load();
        for message in &messages {
            let settled = is_settled(&set, &schema, &message.query_string, &message.body);
            assert_ne!(settled, Some(false), "{}: {policy:?}", message.id);
            forwarded += u32::from(settled.is_some());
        }
    }
    assert!(forwarded > 1000, "{forwarded}");
}

/// Whether what is forwarded is forwarded again without a change, with the same checks; `None` where nothing is.
fn is_settled(set: &PolicySet, schema: &SchemaSnapshot, query_string: &str, body: &str) -> Option<bool> {
    let first = judged(set, schema, query_string, body).decision.explained(&Value::Null);
    let forward = first["forward"].as_object()?;
    let (query, body) = (forward["query_string"].as_str().unwrap(), forward["body"].to_string());
    let again = judged(set, schema, query, &body).decision.explained(&Value::Null);
    let checks = |explained: &Value| {
        let all = explained["obligations"].as_array().unwrap().iter();
        all.filter(|one| one.get("check").is_some()).cloned().collect::<Vec<_>>()
    };
    Some(again["forward"] == first["forward"] && checks(&again) == checks(&first))
}

/// What could stand anywhere in a message.
fn anything() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(""),
        json!("*"),
        json!("articles"),
        json!("author.name"),
        json!("$FOLLOW(comments,article)"),
        json!("{\"id\":1}"),
        json!("\u{0}\u{202e}"),
        json!([]),
        json!([[]]),
        json!({}),
        json!({"_and": [{}]}),
        json!({"create": [{"id": 1}], "update": {}}),
        json!({"id": {"_in": []}, "comments": []}),
    ])
}

/// Every value in a message, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    let below = match value {
        Value::Object(object) => object.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(list) => list.iter().enumerate().map(|(n, value)| (n.to_string(), value)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    for (key, value) in below {
        places(value, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
    }
}

/// A decision is total: whatever stands anywhere in a message, it is a permit or a denial with a reason, and a permit is a settled one.
#[test]
fn whatever_is_sent_is_decided() {
    let schema = schema();
    let (permits, denials) = (Cell::new(0), Cell::new(0));
    let config = ProptestConfig { cases: times(300), failure_persistence: None, ..ProptestConfig::default() };
    let changed = (any::<Index>(), anything());
    let messages = prop::collection::vec((calls::message(), prop::collection::vec(changed, 0..3)), 20);
    proptest!(config, |(policy in policy(), messages in messages)| {
        let policy: Policy = policy;
        let set = policy.load();
        for (mut message, changes) in messages {
            for (index, value) in changes {
                let mut found = Vec::new();
                places(&message, "", &mut found);
                *message.pointer_mut(found[index.index(found.len())].as_str()).unwrap() = value;
            }
            let body = message.to_string();
            let explained = judged(&set, &schema, "", &body).decision.explained(&Value::Null);
            let denied = explained["decision"] == "deny" && !explained["reason"]["message"].as_str().unwrap_or("").is_empty();
            let settled = is_settled(&set, &schema, "", &body);
            prop_assert!(denied && settled.is_none() || settled == Some(true), "{body}: {explained}");
            let count = if denied { &denials } else { &permits };
            count.set(count.get() + 1);
        }
    });
    assert!(permits.get() > 300 && denials.get() > 300, "{permits:?} {denials:?}");
}
