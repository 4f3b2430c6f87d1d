//! Both evaluators, side by side: the decision, the request that is forwarded, and what is looked at before.

use super::calls;
use super::evaluate::Reference;
use super::generate::{Policy, policy};
use super::obliged::{Checks, canonical};
use super::{judged, messages, policies, schema};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::BTreeSet;
use warrener::directus::{Access, Action, Meaning, SchemaSnapshot, Tool};
use warrener::policy::judge::Judged;
use warrener::policy::{Code, Obligation, Permit, PolicySet};

/// The same schema, in front of two versions of Directus, of which only the first is known to filter what pointers lead to.
fn schemas() -> [SchemaSnapshot; 2] {
    [schema(), schema().of_version(Some("11.12.0".to_owned()))]
}

/// Whether both permit the call or neither does; what they differ in is an error. `None` for a call that no access tells all of.
fn compare(
    policy: &Policy,
    set: &PolicySet,
    schema: &SchemaSnapshot,
    query_string: &str,
    body: &str,
) -> Result<Option<bool>, String> {
    let judged = judged(set, schema, query_string, body);
    let Ok((Meaning::Tool(call), decoded)) = &judged.message else { return Ok(None) };
    // Decided by name, and by addresses.
    if call.tool == Tool::SystemPrompt || decoded.accesses.iter().any(|one| one.action == Action::Import) {
        return Ok(None);
    }
    let reference = Reference::new(policy, schema, call, &decoded.accesses);
    let expected = reference.permits();
    let reason = judged.decision.reason();
    if reason.is_some_and(|reason| [Code::Unavailable, Code::TooLarge].contains(&reason.code)) {
        return Err(format!("{reason:?}"));
    }
    match judged.decision.permit() {
        None if expected => Err(format!("only the engine denies: {reason:?}")),
        None => Ok(Some(false)),
        Some(_) if !expected => {
            let closed = decoded.accesses.iter().find(|access| !reference.is_open(access));
            Err(format!("only the engine permits, and should not {closed:?}"))
        }
        Some(permit) => {
            let projections = permit.obligations.iter().filter(|one| matches!(one, Obligation::Project(_)));
            if projections.count() > 1 {
                // It was changed more than once: what came of it has to be what the reference makes of that.
                return again(policy, set, schema, permit).map(|()| Some(true));
            }
            obligations(&reference, permit, &judged).map(|()| Some(true))
        }
    }
}

/// What is forwarded, held against the reference as if it had been sent.
fn again(policy: &Policy, set: &PolicySet, schema: &SchemaSnapshot, permit: &Permit) -> Result<(), String> {
    let Meaning::Tool(call) = &permit.meaning else { return Err("it is another message".to_owned()) };
    let params = json!({"name": call.name(), "arguments": call.arguments});
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    let judged = judged(set, schema, "", &body.to_string());
    let Ok((Meaning::Tool(call), decoded)) = &judged.message else { return Err("it is misread".to_owned()) };
    let reference = Reference::new(policy, schema, call, &decoded.accesses);
    if !reference.permits() || judged.decision.permit().is_none() {
        return Err(format!("what is forwarded is not permitted: {body}"));
    }
    obligations(&reference, permit, &judged)
}

fn obligations(reference: &Reference<'_>, permit: &Permit, judged: &Judged) -> Result<(), String> {
    let Meaning::Tool(call) = &permit.meaning else { return Err("it is another message".to_owned()) };
    let mut found = canonical(&Value::Object(call.arguments.clone()));
    let mut expected = reference.forwarded();
    if permit.obligations.iter().any(|one| matches!(one, Obligation::Project(_))) {
        for arguments in [&mut found, &mut expected] {
            if let Some(query) = arguments.get_mut("query").and_then(Value::as_object_mut) {
                query.remove("fields");
            }
        }
        (found, expected) = (canonical(&found), canonical(&expected));
    }
    if found != expected {
        return Err(format!("forwarded: {found}\nexpected:  {expected}"));
    }
    let checks = checks(permit);
    if checks != reference.checks() {
        return Err(format!("checks: {checks:?}\nexpected: {:?}", reference.checks()));
    }
    let shown = judged.decision.accesses.iter().find(|access| !is_readable(reference, access));
    shown.map_or(Ok(()), |access| Err(format!("what is forwarded reads {access:?}")))
}

fn checks(permit: &Permit) -> Checks {
    let shown = permit.checks.iter().map(|check| check.keys.shown());
    let texts = |keys: &Value| keys.as_array().unwrap().iter().map(Value::to_string).collect::<BTreeSet<_>>();
    let of = |check: &Value| {
        let collection = check["collection"].as_str().unwrap().to_owned();
        ((collection, check["filter"].to_string()), texts(&check["keys"]))
    };
    shown.map(|check| of(&check)).collect()
}

/// Whether what is forwarded asks for nothing there that no permission shows.
fn is_readable(reference: &Reference<'_>, access: &Access) -> bool {
    let counts = access.action == Action::Read && access.origin.is_asked();
    let mut permissions = reference.policy.permissions.iter();
    !counts
        || permissions.any(|permission| {
            let mut named = access.fields.named.iter();
            named.all(|field| reference.reads(permission, &access.collection, field))
                && (!access.fields.wildcard || reference.whole(permission, access))
        })
}

#[test]
fn both_evaluators_come_to_the_same_of_the_measured_calls() {
    let (schemas, messages) = (schemas(), messages());
    let (mut cases, mut permits) = (0_u64, 0_u64);
    let mut differ = Vec::new();
    for (number, policy) in policies(410).iter().enumerate() {
        let (set, schema) = (policy.load(), &schemas[usize::from(number % 4 == 0)]);
        for message in &messages {
            match compare(policy, &set, schema, &message.query_string, &message.body) {
                Ok(None) => {}
                Ok(Some(permitted)) => {
                    cases += 1;
                    permits += u64::from(permitted);
                }
                Err(difference) => differ.push(format!("{}: {difference}\n{policy:?}", message.id)),
            }
        }
    }
    assert!(differ.is_empty(), "{} differ:\n{}", differ.len(), differ[..differ.len().min(5)].join("\n"));
    assert!(cases >= 100_000, "only {cases} cases");
    assert!((cases / 10..cases * 9 / 10).contains(&permits), "{permits} of {cases} are permits");
}

#[test]
fn both_evaluators_come_to_the_same_of_calls_by_chance() {
    let schemas = schemas();
    let (cases, permits) = (Cell::new(0_u64), Cell::new(0_u64));
    let regressions = FileFailurePersistence::Direct("tests/it/reference/regressions.txt");
    let config = ProptestConfig {
        cases: super::times(400),
        failure_persistence: Some(Box::new(regressions)),
        ..ProptestConfig::default()
    };
    proptest!(config, |(policy in policy(), messages in prop::collection::vec(calls::message(), 1..60), old in any::<bool>())| {
        let set = policy.load();
        for message in &messages {
            match compare(&policy, &set, &schemas[usize::from(old)], "", &message.to_string()) {
                Ok(None) => {}
                Ok(Some(permitted)) => {
                    cases.set(cases.get() + 1);
                    permits.set(permits.get() + u64::from(permitted));
                }
                Err(difference) => {
                    return Err(TestCaseError::fail(format!("{}\n{difference}", json!(message["params"]["arguments"]))));
                }
            }
        }
    });
    let (cases, permits) = (cases.get(), permits.get());
    assert!(cases > 5_000 && permits > cases / 20, "{permits} of {cases} are permits");
}
