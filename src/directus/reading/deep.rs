//! `deep`: what is said of the items below a relation.

use super::Query;
use super::place::Shown;
use crate::directus::arguments::object;
use crate::directus::call::shown;
use crate::directus::json_text::parsed;
use crate::directus::misread::Misread;
use serde_json::{Map, Value};

/// Deepest nesting of `deep`.
const DEEPEST: usize = 20;

impl Query<'_> {
    /// What `deep` says at a place, and at those below it.
    ///
    /// Directus does not check what stands in it (FACTS section 3), so this does: lists may be texts with commas, objects may be
    /// JSON texts, a limit may be a text.
    pub(super) fn deep(&mut self, via: &str, deep: &Map<String, Value>, depth: usize) -> Result<(), Misread> {
        if depth > DEEPEST {
            return Err(Misread::because(format!("`deep` is nested more than {DEEPEST} times")));
        }
        let (own, below): (Vec<_>, Vec<_>) = deep.iter().partition(|(key, _)| key.starts_with('_'));
        if !own.is_empty() && via.is_empty() {
            return Err(Misread::because("`deep` begins with the name of a relation"));
        }
        let mut query = Map::new();
        for (key, value) in own {
            let (name, value) = part(key, value)?;
            if name == "alias" {
                self.alias(via, &value)?;
            } else {
                query.insert(name.to_owned(), value);
            }
        }
        for (segment, value) in below {
            let inner = object(value, "deep")?;
            for place in self.step(via, segment, Shown::Compared, false)? {
                self.deep(&place, inner, depth + 1)?;
            }
        }
        self.at(via, &query)
    }
}

/// A part of `deep` as the same part of a query.
fn part(key: &str, value: &Value) -> Result<(&'static str, Value), Misread> {
    let list = |value: &Value| match value {
        Value::String(text) => Value::from(text.split(',').map(str::trim).collect::<Vec<_>>()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.clone(),
    };
    Ok(match key {
        "_alias" => ("alias", parsed(value, key)?.into_owned()),
        "_filter" => ("filter", parsed(value, key)?.into_owned()),
        "_aggregate" => ("aggregate", lists_in(parsed(value, key)?.into_owned(), list)),
        "_sort" => ("sort", list(value)),
        "_groupBy" => ("groupBy", list(value)),
        "_search" => ("search", value.clone()),
        "_limit" => ("limit", number(value)),
        "_page" => ("page", number(value)),
        "_offset" => ("offset", number(value)),
        other => return Err(Misread::because(format!("`{}` in `deep` is not understood", shown(other)))),
    })
}

fn lists_in(value: Value, list: impl Fn(&Value) -> Value) -> Value {
    match value {
        Value::Object(entries) => {
            Value::Object(entries.into_iter().map(|(key, value)| (key, list(&value))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => value,
    }
}

/// A number, or the text of one in its one canonical form.
fn number(value: &Value) -> Value {
    let read =
        value.as_str().and_then(|text| text.parse::<i64>().ok().filter(|number| number.to_string() == text));
    read.map_or_else(|| value.clone(), Value::from)
}
