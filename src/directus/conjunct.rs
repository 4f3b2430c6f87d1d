//! Conditions beside others in a filter: putting one there, finding it again, taking it out.
//!
//! A rule of a policy stands in a filter as it is written in the policy, alone or as one part of the outermost `_and`, so that what
//! was put there is known again when the forwarded request is looked at.

use serde_json::{Map, Value, json};

/// Whether the rule is one of the conditions that all have to hold.
pub(crate) fn has(filter: &Value, rule: &Map<String, Value>) -> bool {
    filter.as_object() == Some(rule)
        || parts(filter).is_some_and(|parts| parts.iter().any(|part| part.as_object() == Some(rule)))
}

/// The filter with the rule as one more condition, unless it is there already.
pub(crate) fn and(filter: Option<Value>, rule: &Map<String, Value>) -> Value {
    match filter {
        None => Value::Object(rule.clone()),
        // Directus takes `{}` for no filter.
        Some(Value::Object(empty)) if empty.is_empty() => Value::Object(rule.clone()),
        Some(filter) if has(&filter, rule) => filter,
        Some(filter) => match parts(&filter) {
            Some(parts) => {
                let mut parts = parts.clone();
                parts.push(Value::Object(rule.clone()));
                json!({ "_and": parts })
            }
            None => json!({ "_and": [filter, rule] }),
        },
    }
}

/// The filter without those of its conditions that are such a rule; `None` where nothing is left of it.
pub(crate) fn without(filter: Value, is_rule: &mut dyn FnMut(&Map<String, Value>) -> bool) -> Option<Value> {
    if filter.as_object().is_some_and(&mut *is_rule) {
        return None;
    }
    match parts(&filter) {
        None => Some(filter),
        Some(parts) => {
            let left: Vec<&Value> =
                parts.iter().filter(|part| !part.as_object().is_some_and(&mut *is_rule)).collect();
            // An `_and` without parts is there, and selects nothing; that is for the decoder to say.
            if left.len() == parts.len() {
                Some(filter)
            } else {
                (!left.is_empty()).then(|| json!({ "_and": left }))
            }
        }
    }
}

/// The parts of a filter that is an `_and` and nothing else.
fn parts(filter: &Value) -> Option<&Vec<Value>> {
    let object = filter.as_object().filter(|object| object.len() == 1)?;
    object.get("_and")?.as_array()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_there_is_found_and_taken_out_again() {
        let rule = json!({"status": {"_eq": "draft"}});
        let rule = rule.as_object().unwrap();
        for (given, with, without_it) in [
            (None, json!({"status": {"_eq": "draft"}}), None),
            (Some(json!({})), json!({"status": {"_eq": "draft"}}), None),
            (
                Some(json!({"id": 1})),
                json!({"_and": [{"id": 1}, {"status": {"_eq": "draft"}}]}),
                Some(json!({"_and": [{"id": 1}]})),
            ),
            (
                Some(json!({"_and": [{"id": 1}, {"a": 2}]})),
                json!({"_and": [{"id": 1}, {"a": 2}, {"status": {"_eq": "draft"}}]}),
                Some(json!({"_and": [{"id": 1}, {"a": 2}]})),
            ),
            (
                Some(json!({"_and": [{"id": 1}], "b": 1})),
                json!({"_and": [{"_and": [{"id": 1}], "b": 1}, {"status": {"_eq": "draft"}}]}),
                Some(json!({"_and": [{"_and": [{"id": 1}], "b": 1}]})),
            ),
            (
                Some(json!({"_or": [{"status": {"_eq": "draft"}}, {"id": 1}]})),
                json!({"_and": [{"_or": [{"status": {"_eq": "draft"}}, {"id": 1}]}, {"status": {"_eq": "draft"}}]}),
                Some(json!({"_and": [{"_or": [{"status": {"_eq": "draft"}}, {"id": 1}]}]})),
            ),
            (Some(json!({"status": {"_eq": "draft"}})), json!({"status": {"_eq": "draft"}}), None),
        ] {
            let put = and(given.clone(), rule);
            assert_eq!(put, with);
            assert!(has(&put, rule), "{put}");
            assert_eq!(and(Some(put.clone()), rule), put, "once is enough");
            assert_eq!(without(put, &mut |one| one == rule), without_it);
        }
    }

    #[test]
    fn what_does_not_always_hold_is_no_condition() {
        let rule = json!({"status": {"_eq": "draft"}});
        let rule = rule.as_object().unwrap();
        for filter in [
            json!({"_or": [{"status": {"_eq": "draft"}}]}),
            json!({"_and": [{"status": {"_eq": "draft"}}], "_or": []}),
            json!({"status": {"_eq": "draft", "_neq": "x"}}),
            json!({"status": "draft"}),
            json!({"_and": [{"_or": [{"status": {"_eq": "draft"}}]}]}),
            json!([]),
        ] {
            assert!(!has(&filter, rule), "{filter}");
        }
    }
}
