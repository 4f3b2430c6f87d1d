//! Which items a filter rule lets through: Directus' simple operators, and paths through relations.

use super::fault::Fault;
use super::model::{Model, Row};
use super::store::Store;
use crate::directus::schema::{Field, FieldKind};
use serde_json::{Map, Value};
use std::cmp::Ordering;

/// Where a filter is looked at.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) model: &'a Model,
    pub(super) store: &'a Store,
    pub(super) collection: &'a str,
    /// The path that leads here, for errors; empty at the root.
    pub(super) path: &'a str,
}

/// What an operator works on.
const ORDERED: [&str; 6] = ["integer", "bigInteger", "float", "decimal", "timestamp", "dateTime"];

impl Place<'_> {
    /// Whether the filter lets the item through. A filter that says nothing lets everything through.
    pub(super) fn lets_through(&self, filter: &Value, row: &Row) -> Result<bool, Fault> {
        let Value::Object(rules) = filter else { return Err(Fault::query("The filter has to be an object")) };
        for (name, rule) in rules {
            let passes = match name.as_str() {
                "_and" => self.all(rule, row)?,
                "_or" => self.any(rule, row)?,
                _ => self.field(name, rule, row)?,
            };
            if !passes {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn all(&self, rules: &Value, row: &Row) -> Result<bool, Fault> {
        let verdicts = list(rules).iter().map(|rule| self.lets_through(rule, row));
        Ok(verdicts.collect::<Result<Vec<_>, _>>()?.into_iter().all(|verdict| verdict))
    }

    fn any(&self, rules: &Value, row: &Row) -> Result<bool, Fault> {
        let verdicts =
            list(rules).iter().map(|rule| self.lets_through(rule, row)).collect::<Result<Vec<_>, _>>()?;
        // An `_or` of nothing restricts nothing, in Directus.
        Ok(verdicts.is_empty() || verdicts.into_iter().any(|verdict| verdict))
    }

    fn field(&self, name: &str, rule: &Value, row: &Row) -> Result<bool, Fault> {
        let name = name.trim();
        let known = self.model.collection(self.collection).and_then(|collection| collection.fields.get(name));
        let field = known.ok_or_else(|| Fault::no_field(name, self.collection, self.path))?;
        let value = row.get(name).unwrap_or(&Value::Null);
        let Value::Object(rules) = rule else { return Ok(compares(value, rule, Ordering::is_eq)) };
        match &field.kind {
            FieldKind::ManyToOne { related } if !is_operators(rules) => {
                self.related(name, related).one(value, rule)
            }
            FieldKind::OneToMany { related, field, .. } => {
                self.related(name, related).many(field, row, rules)
            }
            FieldKind::ManyToAny { .. } => Err(Fault::not_here("filters through many-to-any")),
            FieldKind::ManyToOne { .. } | FieldKind::Plain | FieldKind::Presentation => {
                operators(field, value, rules)
            }
        }
    }

    fn related<'b>(&'b self, path: &'b str, collection: &'b str) -> Place<'b> {
        Place { model: self.model, store: self.store, collection, path }
    }

    fn one(&self, key: &Value, rule: &Value) -> Result<bool, Fault> {
        self.store.row(self.collection, key).map_or(Ok(false), |row| self.lets_through(rule, row))
    }

    fn many(&self, back: &str, parent: &Row, rules: &Map<String, Value>) -> Result<bool, Fault> {
        let (rule, wanted) = match (rules.get("_some"), rules.get("_none")) {
            (Some(rule), _) => (rule.clone(), true),
            (None, Some(rule)) => (rule.clone(), false),
            (None, None) => (Value::Object(rules.clone()), true),
        };
        let children =
            self.store.rows(self.collection).iter().filter(|child| child.get(back) == parent.get("id"));
        let verdicts =
            children.map(|child| self.lets_through(&rule, child)).collect::<Result<Vec<_>, _>>()?;
        Ok(verdicts.into_iter().any(|verdict| verdict) == wanted)
    }
}

fn is_operators(rules: &Map<String, Value>) -> bool {
    rules.keys().all(|name| name.starts_with('_') && name != "_and" && name != "_or")
}

fn list(rules: &Value) -> &[Value] {
    rules.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn operators(field: &Field, value: &Value, rules: &Map<String, Value>) -> Result<bool, Fault> {
    for (operator, operand) in rules {
        let Some(passes) = operator_passes(field, operator, value, operand) else {
            let kind = &field.type_name;
            let what = format!("\"{kind}\" field type does not contain the \"{operator}\" filter operator");
            return Err(Fault::query(&what));
        };
        if !passes {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `None` where the field's type has no such operator. As in SQL, null is neither equal nor unequal to anything.
fn operator_passes(field: &Field, operator: &str, value: &Value, operand: &Value) -> Option<bool> {
    let among = |operand: &Value| list(operand).iter().any(|one| compares(value, one, Ordering::is_eq));
    let wanted = operand != &Value::Bool(false);
    let passes = match operator {
        "_eq" => compares(value, operand, Ordering::is_eq),
        "_neq" => compares(value, operand, Ordering::is_ne),
        "_lt" => compares(value, operand, Ordering::is_lt),
        "_lte" => compares(value, operand, Ordering::is_le),
        "_gt" => compares(value, operand, Ordering::is_gt),
        "_gte" => compares(value, operand, Ordering::is_ge),
        "_in" => among(operand),
        "_nin" => !value.is_null() && !among(operand),
        "_null" => value.is_null() == wanted,
        "_nnull" => value.is_null() != wanted,
        "_between" => {
            matches!(list(operand), [low, high] if compares(value, low, Ordering::is_ge) && compares(value, high, Ordering::is_le))
        }
        _ if ORDERED.contains(&field.type_name.as_str()) => return None,
        "_empty" => is_empty(value) == wanted,
        "_nempty" => is_empty(value) != wanted,
        "_contains" | "_icontains" => contains(value, operand)?,
        "_ncontains" => !value.is_null() && !contains(value, operand)?,
        "_starts_with" => lower(value)?.starts_with(&lower(operand)?),
        "_ends_with" => lower(value)?.ends_with(&lower(operand)?),
        _ => return None,
    };
    Some(passes)
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

fn contains(value: &Value, operand: &Value) -> Option<bool> {
    Some(lower(value)?.contains(&lower(operand)?))
}

/// SQLite's `LIKE` does not look at case.
fn lower(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.to_lowercase()),
        Value::Null => Some(String::new()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn compares(value: &Value, operand: &Value, wanted: fn(Ordering) -> bool) -> bool {
    !value.is_null() && !operand.is_null() && order(value, operand).is_some_and(wanted)
}

/// The order of two values; null comes first, and a number in the form of text is one beside a number.
pub(super) fn order(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Null, _) => Some(Ordering::Less),
        (_, Value::Null) => Some(Ordering::Greater),
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        (Value::Number(_), _) => number(one)?.partial_cmp(&number(other)?),
        _ => (one == other).then_some(Ordering::Equal),
    }
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}
