//! What holds of decisions, whatever the policy is.

use super::{judged, messages, policies, schema};
use serde_json::Value;

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
            let first =
                judged(&set, &schema, &message.query_string, &message.body).decision.explained(&Value::Null);
            let Some(forward) = first["forward"].as_object() else { continue };
            let (query, body) = (forward["query_string"].as_str().unwrap(), forward["body"].to_string());
            let again = judged(&set, &schema, query, &body).decision.explained(&Value::Null);
            assert_eq!(again["forward"], first["forward"], "{}: {policy:?}", message.id);
            forwarded += 1;
        }
    }
    assert!(forwarded > 1000, "{forwarded}");
}
