//! The queries that arrive at Directus as they are written.
//!
//! The Local MCP reads a query by a description of its own, which drops what it does not know: a second level of `deep`, a condition
//! beside an `_and`, an operator with a value of another kind, and with it the limit or the filter that this was. What is left goes into
//! the address of a request, where the entries of a list are joined by commas. So only what survives both is taken.

use crate::directus::call::shown;
use crate::directus::misread::Misread;
use serde_json::{Map, Value};

/// What a query may say.
const PARTS: [(&str, Part); 12] = [
    ("fields", Part::Names),
    ("sort", Part::Names),
    ("groupBy", Part::Names),
    ("filter", Part::Filter),
    ("limit", Part::Number),
    ("offset", Part::Number),
    ("page", Part::Number),
    ("search", Part::Text),
    ("version", Part::Text),
    ("aggregate", Part::Lists),
    ("alias", Part::Texts),
    ("deep", Part::Deep),
];

/// What one relation in `deep` may say. `_alias` and `_groupBy` are dropped, and so is every further level.
const BELOW: [(&str, Part); 7] = [
    ("_sort", Part::List),
    ("_filter", Part::Filter),
    ("_limit", Part::Number),
    ("_offset", Part::Number),
    ("_page", Part::Number),
    ("_search", Part::Text),
    ("_aggregate", Part::Lists),
];

/// Counts that Directus sends beside the items. The Local MCP throws them away, so they are not asked for either.
const COUNTS: [&str; 2] = ["total_count", "filter_count"];

/// What `aggregate` may compute; anything else is dropped, and then whole items come back.
const AGGREGATES: [&str; 8] =
    ["count", "countDistinct", "sum", "sumDistinct", "avg", "avgDistinct", "min", "max"];

/// The operators of a filter, by the values that they take.
const COMPARING: [&str; 2] = ["_eq", "_neq"];
const ORDERING: [&str; 4] = ["_lt", "_lte", "_gt", "_gte"];
const LISTING: [&str; 4] = ["_in", "_nin", "_between", "_nbetween"];
const ASKING: [&str; 4] = ["_null", "_nnull", "_empty", "_nempty"];
const SPELLING: [&str; 11] = [
    "_contains",
    "_ncontains",
    "_icontains",
    "_starts_with",
    "_nstarts_with",
    "_istarts_with",
    "_nistarts_with",
    "_ends_with",
    "_nends_with",
    "_iends_with",
    "_niends_with",
];

/// Deepest nesting of a filter.
const DEEPEST: usize = 30;

/// The kind of a part.
#[derive(Clone, Copy)]
enum Part {
    /// Entries that are joined by commas on their way.
    Names,
    /// Entries that stay apart.
    List,
    Filter,
    Number,
    Text,
    /// An object of texts.
    Texts,
    /// What to compute, each with a list.
    Lists,
    Deep,
}

/// A whole query, as far as it arrives.
///
/// # Errors
/// When something of it would not, or otherwise than it is written.
pub(super) fn whole(mut query: Map<String, Value>) -> Result<Value, Misread> {
    drop_counts(&mut query);
    checked(&query, "query", &PARTS)?;
    Ok(Value::Object(query))
}

/// A query of which only the `fields` arrive.
///
/// # Errors
/// When it says more, or as [`whole`].
pub(super) fn fields_only(mut query: Map<String, Value>) -> Result<Value, Misread> {
    drop_counts(&mut query);
    checked(&query, "query", &[("fields", Part::Names)])?;
    Ok(Value::Object(query))
}

fn drop_counts(query: &mut Map<String, Value>) {
    if query.get("meta").and_then(Value::as_str).is_some_and(|meta| COUNTS.contains(&meta)) {
        query.shift_remove("meta");
    }
}

fn checked(object: &Map<String, Value>, name: &str, known: &[(&str, Part)]) -> Result<(), Misread> {
    for (key, value) in object {
        let Some((_, part)) = known.iter().find(|(known, _)| known == key) else {
            let known: Vec<&str> = known.iter().map(|(known, _)| *known).collect();
            return Err(Misread::because(format!(
                "`{}` in `{name}` does not reach Directus through a Local MCP: it takes {}",
                shown(key),
                known.join(", ")
            )));
        };
        if !is_of_kind(value, *part)? {
            return Err(Misread::because(format!(
                "`{}` in `{name}` does not reach Directus through a Local MCP as it is written",
                shown(key)
            )));
        }
    }
    Ok(())
}

fn is_of_kind(value: &Value, part: Part) -> Result<bool, Misread> {
    Ok(match (part, value) {
        (Part::Names, Value::Array(list)) => {
            // An empty list arrives as the text `[]`.
            !list.is_empty() && list.iter().all(|entry| entry.as_str().is_some_and(stays_apart))
        }
        (Part::List, Value::Array(list)) => list.iter().all(Value::is_string),
        (Part::Filter, Value::Object(filter)) => arrives(filter, 0),
        (Part::Number, Value::Number(_)) | (Part::Text, Value::String(_)) => true,
        (Part::Texts, Value::Object(texts)) => texts.values().all(Value::is_string),
        (Part::Lists, Value::Object(lists)) => lists.iter().all(|(operation, list)| {
            AGGREGATES.contains(&operation.as_str())
                && list.as_array().is_some_and(|list| list.iter().all(Value::is_string))
        }),
        (Part::Deep, Value::Object(deep)) => {
            for (relation, below) in deep {
                let below = below.as_object().filter(|_| !relation.starts_with('_'));
                let below = below.ok_or_else(|| {
                    Misread::because("`deep` holds something else than what is said of a relation")
                })?;
                checked(below, relation, &BELOW)?;
            }
            true
        }
        (
            Part::Names
            | Part::List
            | Part::Filter
            | Part::Number
            | Part::Text
            | Part::Texts
            | Part::Lists
            | Part::Deep,
            _,
        ) => false,
    })
}

/// Whether an entry is the same after entries were joined by commas and split again. Directus does not split inside of parentheses.
fn stays_apart(entry: &str) -> bool {
    let plain = !entry.is_empty() && entry.trim() == entry && !entry.contains(',');
    let closed = match entry.split_once('(') {
        None => !entry.contains(')'),
        Some((_, rest)) => rest.strip_suffix(')').is_some_and(|inside| !inside.contains(['(', ')'])),
    };
    plain && closed
}

/// Whether a filter arrives whole. It is read as an `_or` alone, as an `_and` alone, or as fields with operators; whatever stands beside
/// or below that is dropped.
fn arrives(filter: &Map<String, Value>, depth: usize) -> bool {
    if depth > DEEPEST {
        return false;
    }
    let list = filter.get("_and").or_else(|| filter.get("_or"));
    match list {
        Some(Value::Array(parts)) => {
            let part = |part: &Value| part.as_object().is_some_and(|part| arrives(part, depth + 1));
            filter.len() == 1 && parts.iter().all(part)
        }
        Some(_) => false,
        None => filter.iter().all(|(field, operators)| {
            !field.starts_with('_')
                && operators.as_object().is_some_and(|operators| {
                    !operators.is_empty() && operators.iter().all(|(name, value)| is_operator(name, value))
                })
        }),
    }
}

/// Whether it is an operator that the Local MCP knows, with a value that it takes. One that it does not take is dropped like one that it
/// does not know.
fn is_operator(name: &str, value: &Value) -> bool {
    let is_scalar = |value: &Value| value.is_string() || value.is_number();
    if COMPARING.contains(&name) {
        is_scalar(value) || value.is_boolean() || value.is_null()
    } else if ORDERING.contains(&name) {
        is_scalar(value)
    } else if LISTING.contains(&name) {
        value.as_array().is_some_and(|list| list.iter().all(is_scalar))
    } else if ASKING.contains(&name) {
        value.is_boolean()
    } else {
        SPELLING.contains(&name) && value.is_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn whole_of(query: &Value) -> Result<Value, Misread> {
        whole(query.as_object().unwrap().clone())
    }

    #[test]
    fn what_arrives_is_taken() {
        for query in [
            json!({}),
            json!({"fields": ["*", "author.name", "year(date)", "item:block.title", "count(tags)"]}),
            json!({"sort": ["-date", "title"], "limit": 10, "offset": 5, "page": 1, "search": "x"}),
            json!({"filter": {"status": {"_eq": "draft", "_neq": null}, "id": {"_in": [1, "2"], "_gt": 0}}}),
            json!({"filter": {"_and": [{"a": {"_null": true}}, {"_or": [{"b": {"_contains": "x"}}]}]}}),
            json!({"filter": {"_or": []}}),
            json!({"deep": {"reviews": {"_filter": {"a": {"_eq": 1}}, "_limit": 1, "_sort": ["a,b"]}}}),
            json!({"aggregate": {"count": ["*"]}, "groupBy": ["status"]}),
            json!({"alias": {"a": "b"}, "version": "draft"}),
        ] {
            assert_eq!(whole_of(&query), Ok(query.clone()));
        }
        assert_eq!(whole_of(&json!({"meta": "total_count", "limit": 1})), Ok(json!({"limit": 1})));
        assert_eq!(fields_only(Map::from_iter([("meta".into(), json!("filter_count"))])), Ok(json!({})));
    }

    #[test]
    fn what_is_dropped_on_the_way_is_not_taken() {
        for query in [
            // Not known: the whole of it is dropped.
            json!({"filters": {"a": {"_eq": 1}}}),
            json!({"versionRaw": true}),
            json!({"backlink": false}),
            json!({"export": "csv"}),
            json!({"_group": ["a"]}),
            json!({"meta": "*"}),
            json!({"meta": ["total_count"]}),
            json!({"meta": null}),
            // Filters that would select more.
            json!({"filter": {"author": {"name": {"_eq": "x"}}}}),
            json!({"filter": {"reviews": {"_some": {"a": {"_eq": 1}}}}}),
            json!({"filter": {"_and": [{"a": {"_eq": 1}}], "b": {"_eq": 1}}}),
            json!({"filter": {"_and": [{"a": {"_eq": 1}}], "_or": []}}),
            json!({"filter": {"_and": {"a": {"_eq": 1}}}}),
            json!({"filter": {"a": {"_regex": "x"}}}),
            json!({"filter": {"a": {"_submitted": true}}}),
            json!({"filter": {"a": {"_eq": 1, "_json": {}}}}),
            json!({"filter": {"a": {"_in": [true]}}}),
            json!({"filter": {"a": {"_in": "1,2"}}}),
            json!({"filter": {"a": {"_in": [null]}}}),
            json!({"filter": {"a": {"_gt": null}}}),
            json!({"filter": {"a": {"_lt": true}}}),
            json!({"filter": {"a": {"_null": "true"}}}),
            json!({"filter": {"a": {"_contains": 1}}}),
            json!({"filter": {"a": {"_eq": {"b": 1}}}}),
            json!({"filter": {"a": {"_EQ": 1}}}),
            json!({"filter": {"a": {}}}),
            json!({"filter": {"a": "implicitly equal"}}),
            json!({"filter": {"_some": {"_eq": 1}}}),
            json!({"filter": {"_and": [{"a": {"_regex": "x"}}]}}),
            json!({"filter": "{\"a\":{\"_eq\":1}}"}),
            json!({"filter": null}),
            // Limits and filters below that would go.
            json!({"deep": {"a": {"b": {"_limit": 1}}}}),
            json!({"deep": {"a": {"_filter": {"b": {"c": {"_eq": 1}}}}}}),
            json!({"deep": {"a": {"_filter": "{}"}}}),
            json!({"deep": {"a": {"_limit": "1"}}}),
            json!({"deep": {"a": {"_alias": {"x": "y"}}}}),
            json!({"deep": {"a": {"_groupBy": ["x"]}}}),
            json!({"deep": {"a": {"_group": ["x"]}}}),
            json!({"deep": {"a": {"_fields": ["x"]}}}),
            json!({"deep": {"a": {"_aggregate": {"countAll": ["*"]}}}}),
            json!({"deep": {"_limit": 1}}),
            json!({"deep": {"_filter": {"a": {"_eq": 1}}}}),
            // Entries that join with their neighbours.
            json!({"fields": []}),
            json!({"fields": ["a,b"]}),
            json!({"fields": ["year(a", "b)"]}),
            json!({"fields": ["json(a, b)"]}),
            json!({"fields": ["f(a)b"]}),
            json!({"fields": ["f(a)(b)"]}),
            json!({"fields": [")a("]}),
            json!({"fields": [" a"]}),
            json!({"fields": [""]}),
            json!({"fields": [{"a": ["b"]}]}),
            json!({"fields": "a"}),
            json!({"sort": ["a,-secret_note"]}),
            json!({"groupBy": ["a,secret_note"]}),
            json!({"sort": null}),
            json!({"limit": "1"}),
            json!({"search": 1}),
            json!({"aggregate": {"countAll": ["*"]}}),
            json!({"aggregate": {"max": "a"}}),
            json!({"alias": {"a": 1}}),
        ] {
            assert!(whole_of(&query).is_err(), "{query}");
        }
        for query in [json!({"fields": ["a"], "limit": 1}), json!({"filter": {}}), json!({"deep": {}})] {
            assert!(fields_only(query.as_object().unwrap().clone()).is_err(), "{query}");
        }
    }
}
