//! The comparisons of a filter, and what a value may be compared with.

use super::call::shown;
use super::misread::Misread;
use serde_json::Value;

/// The comparisons by which Directus selects rows, of which none reaches into another collection.
pub(crate) const COMPARISONS: [&str; 30] = [
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
];

/// The comparisons that Directus only validates with: in a query it refuses them or, by the type of the field, leaves them out.
const VALIDATING: [&str; 2] = ["_regex", "_submitted"];

/// Whether a key of a filter is a comparison.
pub(crate) fn is_one(key: &str) -> bool {
    is_plain(key) || key == "_json"
}

/// Whether it compares with a value, and not with more comparisons.
fn is_plain(key: &str) -> bool {
    COMPARISONS.contains(&key) || VALIDATING.contains(&key)
}

/// What a comparison tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Compared {
    /// Whether it can leave out any row.
    pub(crate) selects: bool,
    /// The fields of the current user that it reads.
    pub(crate) of_user: Vec<String>,
}

/// Reads what a field is compared with: an object of operators, or a plain value for equality.
///
/// # Errors
/// When an operator is not known, or a value reaches further than that.
pub(crate) fn read(name: &str, value: &Value) -> Result<Compared, Misread> {
    let mut compared = Compared::default();
    let Value::Object(operators) = value else {
        // Directus takes the places of a list for the names of fields.
        if value.is_array() {
            return Err(odd(name, "a list"));
        }
        operand(name, value, &mut compared.of_user)?;
        return Ok(Compared { selects: true, ..compared });
    };
    for (operator, value) in operators {
        match (operator.as_str(), value) {
            // Paths inside of a JSON document, each with comparisons of its own.
            ("_json", Value::Object(paths)) => {
                for inner in paths.values() {
                    let inner = read(name, inner)?;
                    compared.selects |= inner.selects;
                    compared.of_user.extend(inner.of_user);
                }
            }
            (known, value) if is_plain(known) => {
                operand(name, value, &mut compared.of_user)?;
                compared.selects |= selects(known, value);
            }
            (_, _) => return Err(odd(name, &format!("`{}`", shown(operator)))),
        }
    }
    Ok(compared)
}

/// Whether Directus compares at all: what it validates with only, and a range without two ends, it leaves out of a query.
fn selects(operator: &str, value: &Value) -> bool {
    let entries = match value {
        Value::Array(list) => list.len(),
        Value::String(text) => text.split(',').count(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => 1,
    };
    if ["_between", "_nbetween"].contains(&operator) {
        entries == 2
    } else {
        !VALIDATING.contains(&operator) && (operator != "_nin" || entries > 0)
    }
}

/// A value to compare with. `$CURRENT_USER.email` reads the user's own row; such a variable may not stand in a text that Directus
/// takes apart at its commas.
fn operand(name: &str, value: &Value, of_user: &mut Vec<String>) -> Result<(), Misread> {
    match value {
        Value::String(text) if text.contains("$CURRENT_") && text.contains(['.', ',', '[']) => {
            let field = text
                .strip_prefix("$CURRENT_USER.")
                .filter(|field| !field.contains(['.', ',', '[', '(', ':', '$']));
            of_user.push(field.ok_or_else(|| odd(name, &format!("`{}`", shown(text))))?.to_owned());
            Ok(())
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
        Value::Array(list) => list.iter().try_for_each(|value| operand(name, value, of_user)),
        Value::Object(_) => Err(odd(name, "an object")),
    }
}

fn odd(name: &str, what: &str) -> Misread {
    Misread::because(format!("{what} under `{}` in `filter` is not understood", shown(name)))
}
