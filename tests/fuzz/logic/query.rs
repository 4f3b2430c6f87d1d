//! Queries, and the texts that Directus takes for parts of them.

use super::engine::{OWN, call, judged};
use serde_json::{Map, Value, json};
use warrener::mcp::json;
use warrener::policy::judge::Judged;

/// A JSON object: the query of a read.
///
/// The whole of it as a text means the same, and so does every part of `deep` that may be one: `_filter`, `_alias` and `_aggregate` as
/// JSON, `_sort` and `_groupBy` with commas, `_limit`, `_page` and `_offset` as digits. A filter means the same as the only part of an
/// `_and`. The same query selects for an update what it selects for a read.
pub fn query(data: &[u8]) {
    let Ok(Value::Object(query)) = json::read(data) else { return };
    let collection = match query.len() % 3 {
        0 => "articles",
        1 => "customers",
        _ => "comments",
    };
    for role in ["hiding", "everything"] {
        let read = |query: Value| {
            let arguments = json!({"action": "read", "collection": collection, "query": query});
            judged(&OWN, role, "", call("items", &arguments).as_bytes())
        };
        let first = read(Value::Object(query.clone()));
        alike(&first, &read(Value::from(Value::Object(query.clone()).to_string())));
        let mut texts = query.clone();
        if let Some(deep) = texts.get_mut("deep") {
            as_texts(deep, 0);
            alike(&first, &read(Value::Object(texts)));
        }
        if let Some(filter) = query.get("filter").filter(|filter| filter.is_object()) {
            let mut and = query.clone();
            and.insert("filter".to_owned(), json!({"_and": [filter]}));
            let and = read(Value::Object(and));
            // One level more may be one too many.
            if and.message.is_ok() || first.message.is_err() {
                assert_eq!(accesses(&first), accesses(&and));
            }
        }
    }
    written(collection, &query);
}

/// An update by query.
fn written(collection: &str, query: &Map<String, Value>) {
    let arguments = json!({"action": "update", "collection": collection, "data": {"id": 1}, "query": query});
    for role in ["hiding", "everything"] {
        let judged = judged(&OWN, role, "", call("items", &arguments).as_bytes());
        let filtered = query
            .get("filter")
            .is_some_and(|filter| filter.as_object().is_none_or(|filter| !filter.is_empty()));
        // A role with a bound on its items needs a filter that can leave out any.
        assert!(role == "everything" || filtered || judged.decision.permit().is_none(), "{arguments}");
    }
}

fn accesses(judged: &Judged) -> Option<&[warrener::directus::Access]> {
    judged.message.as_ref().ok().map(|(_, decoded)| decoded.accesses.as_slice())
}

fn alike(one: &Judged, other: &Judged) {
    assert_eq!(accesses(one), accesses(other));
    let reason = |judged: &Judged| judged.decision.reason().map(|reason| (reason.code, reason.rule.clone()));
    assert_eq!(reason(one), reason(other), "{:?} and {:?}", one.decision.reason(), other.decision.reason());
    let obligations = |judged: &Judged| judged.decision.permit().map(|permit| permit.obligations.clone());
    assert_eq!(obligations(one), obligations(other));
}

/// Every part of `deep` that may be a text, as one.
fn as_texts(deep: &mut Value, depth: usize) {
    let Some(entries) = deep.as_object_mut().filter(|_| depth < 30) else { return };
    for (key, value) in entries {
        match key.as_str() {
            "_filter" | "_alias" | "_aggregate" if value.is_object() => {
                *value = Value::from(value.to_string());
            }
            "_sort" | "_groupBy" => {
                let plain = |one: &Value| {
                    one.as_str().filter(|one| !one.contains(',') && one.trim() == *one).map(str::to_owned)
                };
                let entries =
                    value.as_array().and_then(|list| list.iter().map(plain).collect::<Option<Vec<_>>>());
                if let Some(entries) = entries.filter(|entries| !entries.is_empty()) {
                    *value = Value::from(entries.join(", "));
                }
            }
            "_limit" | "_page" | "_offset" if value.is_i64() || value.is_u64() => {
                *value = Value::from(value.to_string());
            }
            _ => as_texts(value, depth + 1),
        }
    }
}
