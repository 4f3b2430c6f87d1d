//! The `filter` of a query: which fields it compares, and whether it selects at all.

use super::call::shown;
use super::field::column;
use super::misread::Misread;
use super::schema::Collection;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The comparisons that Directus knows, of which none reaches into another collection.
const OPERATORS: [&str; 32] = [
    "_eq",
    "_neq",
    "_lt",
    "_lte",
    "_gt",
    "_gte",
    "_in",
    "_nin",
    "_null",
    "_nnull",
    "_empty",
    "_nempty",
    "_contains",
    "_ncontains",
    "_icontains",
    "_nicontains",
    "_starts_with",
    "_nstarts_with",
    "_istarts_with",
    "_nistarts_with",
    "_ends_with",
    "_nends_with",
    "_iends_with",
    "_niends_with",
    "_between",
    "_nbetween",
    "_intersects",
    "_nintersects",
    "_intersects_bbox",
    "_nintersects_bbox",
    "_regex",
    "_submitted",
];

/// Most conditions that stand side by side. The database works on every one of them for every row.
const MOST: usize = 200;

/// Reads a filter, adds the fields that it compares, and tells whether it can leave out any row.
///
/// Directus takes `{}`, `{"_and": []}` and `{"id": {}}` for no filter at all (FACTS section 5).
///
/// # Errors
/// When a key is neither a column of the collection nor `_and` nor `_or`, or a comparison reaches further.
pub(crate) fn read(
    collection: &Collection,
    filter: &Map<String, Value>,
    compared: &mut BTreeSet<String>,
) -> Result<bool, Misread> {
    let mut selects = false;
    for (key, value) in filter {
        selects |= match key.as_str() {
            "_and" | "_or" => combined(collection, key, value, compared)?,
            name => {
                compared.insert(column(collection, name, "filter")?);
                compares(name, value)?
            }
        };
    }
    Ok(selects)
}

/// One effective part is enough for `_and`; a part that is not makes all of `_or` select everything.
fn combined(
    collection: &Collection,
    key: &str,
    value: &Value,
    compared: &mut BTreeSet<String>,
) -> Result<bool, Misread> {
    let Value::Array(parts) = value else {
        return Err(Misread::because(format!("`{key}` in `filter` is not a list")));
    };
    if parts.len() > MOST {
        return Err(Misread::because(format!(
            "`{key}` in `filter` has more than {MOST} parts: use `_in`, or smaller portions"
        )));
    }
    let mut effective = Vec::new();
    for part in parts {
        let part = part
            .as_object()
            .ok_or_else(|| Misread::because(format!("`{key}` holds something that is not an object")))?;
        effective.push(read(collection, part, compared)?);
    }
    let all = !effective.is_empty() && effective.iter().all(|part| *part);
    Ok(if key == "_and" { effective.contains(&true) } else { all })
}

/// Reads what a field is compared with: an object of operators, or a plain value for equality.
fn compares(name: &str, value: &Value) -> Result<bool, Misread> {
    let Value::Object(operators) = value else {
        // Directus takes the places of a list for the names of fields.
        if value.is_array() {
            return Err(Misread::beyond(&format!("the list under `{}` in `filter`", shown(name))));
        }
        operand(name, value)?;
        return Ok(true);
    };
    for (operator, value) in operators {
        if !OPERATORS.contains(&operator.as_str()) {
            return Err(Misread::beyond(&format!(
                "`{}` under `{}` in `filter`",
                shown(operator),
                shown(name)
            )));
        }
        operand(name, value)?;
    }
    Ok(!operators.is_empty())
}

/// A value to compare with. `$CURRENT_USER.email` would read the user's own row, so a variable may have no path; nor may it
/// stand in a text that Directus takes apart at its commas.
fn operand(name: &str, value: &Value) -> Result<(), Misread> {
    match value {
        Value::String(text) if text.contains("$CURRENT_") && text.contains(['.', ',', '[']) => {
            Err(Misread::beyond(&format!("`{}` in `filter`", shown(text))))
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        Value::Array(list) => list.iter().try_for_each(|value| operand(name, value)),
        Value::Object(_) => Err(Misread::beyond(&format!("the object under `{}` in `filter`", shown(name)))),
    }
}
