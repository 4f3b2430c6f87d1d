//! The arguments of a tool call, read as strictly and as loosely as Directus reads them.

use super::fault::Fault;
use super::model::Row;
use serde_json::{Map, Value};

/// The arguments of one call, after Directus' coercion.
#[derive(Debug)]
pub(super) struct Arguments(Map<String, Value>);

/// A list query, as far as the stand-in knows one.
#[derive(Debug, Default)]
pub(super) struct Query {
    /// What is shown; `None` for everything.
    pub(super) fields: Option<Vec<String>>,
    pub(super) filter: Option<Value>,
    pub(super) sort: Vec<String>,
    /// Negative for no limit.
    pub(super) limit: Option<i64>,
    pub(super) offset: u64,
    pub(super) page: Option<u64>,
    pub(super) search: Option<String>,
    /// The fields whose values are counted, `*` for the items.
    pub(super) count: Option<Vec<String>>,
}

/// What a write writes.
#[derive(Debug)]
pub(super) enum Data {
    One(Row),
    Many(Vec<Row>),
}

/// Directus reads these as JSON when they are strings.
const COERCED: [&str; 4] = ["data", "keys", "query", "headers"];

/// Parts of a query that Directus knows and the stand-in does not.
const NOT_HERE: [&str; 6] = ["alias", "deep", "groupBy", "version", "versionRaw", "backlink"];

impl Arguments {
    /// Takes the arguments of a tool that knows the arguments in `known` and no others.
    pub(super) fn new(mut arguments: Map<String, Value>, known: &[&str]) -> Result<Self, Fault> {
        for name in COERCED {
            if let Some(Value::String(text)) = arguments.get(name)
                && let Ok(value) = serde_json::from_str(text)
            {
                arguments.insert(name.to_owned(), value);
            }
        }
        let unknown: Vec<String> = arguments
            .keys()
            .filter(|name| !known.contains(&name.as_str()))
            .map(|name| format!("\"{name}\""))
            .collect();
        match unknown.len() {
            0 => Ok(Self(arguments)),
            1 => Err(validation(&format!("Unrecognized key: {}", unknown.join(", ")))),
            _ => Err(validation(&format!("Unrecognized keys: {}", unknown.join(", ")))),
        }
    }

    /// One of the actions that the tool knows.
    pub(super) fn action(&self, known: &[&'static str]) -> Result<&'static str, Fault> {
        let given = self.0.get("action").and_then(Value::as_str);
        known
            .iter()
            .find(|action| given == Some(**action))
            .copied()
            .ok_or_else(|| validation("Invalid input at \"action\""))
    }

    pub(super) fn text(&self, name: &str) -> Result<&str, Fault> {
        self.optional_text(name)?.ok_or_else(|| expected("string", None, name))
    }

    pub(super) fn optional_text(&self, name: &str) -> Result<Option<&str>, Fault> {
        let given = self.0.get(name);
        given.map(|value| value.as_str().ok_or_else(|| expected("string", Some(value), name))).transpose()
    }

    pub(super) fn keys(&self) -> Result<Option<Vec<Value>>, Fault> {
        let Some(value) = self.0.get("keys") else { return Ok(None) };
        let keys = value.as_array().ok_or_else(|| expected("array", Some(value), "keys"))?;
        if keys.iter().all(|key| key.is_string() || key.is_number()) {
            return Ok(Some(keys.clone()));
        }
        Err(validation("Invalid input at \"keys\""))
    }

    pub(super) fn needed_keys(&self) -> Result<Vec<Value>, Fault> {
        self.keys()?.ok_or_else(|| expected("array", None, "keys"))
    }

    pub(super) fn data(&self) -> Result<Data, Fault> {
        let given = self.0.get("data");
        match given {
            Some(Value::Object(row)) => Ok(Data::One(row.clone())),
            Some(Value::Array(rows)) => {
                let row = |value: &Value| {
                    value.as_object().cloned().ok_or_else(|| expected("record", Some(value), "data"))
                };
                Ok(Data::Many(rows.iter().map(row).collect::<Result<_, _>>()?))
            }
            None | Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                let kind = kind_of(given);
                let wanted = |what| format!("Invalid input: expected {what}, received {kind} at \"data\"");
                Err(validation(&format!("{} or {}", wanted("array"), wanted("record"))))
            }
        }
    }

    /// The query; unknown parts of it are dropped, as Directus drops them.
    pub(super) fn query(&self) -> Result<Query, Fault> {
        let Some(value) = self.0.get("query") else { return Ok(Query::default()) };
        let query = value.as_object().ok_or_else(|| expected("object", Some(value), "query"))?;
        if let Some(part) = NOT_HERE.iter().find(|part| query.contains_key(**part)) {
            return Err(Fault::not_here(&format!("`{part}` in a query")));
        }
        Ok(Query {
            fields: texts(query, "fields")?,
            filter: query.get("filter").cloned(),
            sort: texts(query, "sort")?.unwrap_or_default(),
            limit: number(query, "limit")?,
            offset: number(query, "offset")?
                .and_then(|offset| u64::try_from(offset).ok())
                .unwrap_or_default(),
            page: number(query, "page")?.and_then(|page| u64::try_from(page).ok()),
            search: query.get("search").and_then(Value::as_str).map(str::to_owned),
            count: count(query)?,
        })
    }
}

fn count(query: &Map<String, Value>) -> Result<Option<Vec<String>>, Fault> {
    let Some(aggregate) = query.get("aggregate") else { return Ok(None) };
    let parts =
        aggregate.as_object().ok_or_else(|| expected("object", Some(aggregate), "query.aggregate"))?;
    if parts.keys().any(|function| function != "count") {
        return Err(Fault::not_here("aggregates other than `count`"));
    }
    texts(parts, "count")
}

fn texts(query: &Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, Fault> {
    let Some(value) = query.get(name) else { return Ok(None) };
    let path = format!("query.{name}");
    let list = value.as_array().ok_or_else(|| expected("array", Some(value), &path))?;
    let text = |value: &Value| {
        value.as_str().map(str::to_owned).ok_or_else(|| expected("string", Some(value), &path))
    };
    list.iter().map(text).collect::<Result<_, _>>().map(Some)
}

fn number(query: &Map<String, Value>, name: &str) -> Result<Option<i64>, Fault> {
    let Some(value) = query.get(name) else { return Ok(None) };
    if !value.is_number() {
        return Err(expected("number", Some(value), &format!("query.{name}")));
    }
    value.as_i64().map(Some).ok_or_else(|| Fault::not_here("fractions in a query"))
}

fn expected(what: &str, given: Option<&Value>, path: &str) -> Fault {
    validation(&format!("Invalid input: expected {what}, received {} at \"{path}\"", kind_of(given)))
}

fn validation(what: &str) -> Fault {
    Fault::payload(&format!("Validation error: {what}"))
}

fn kind_of(value: Option<&Value>) -> &'static str {
    match value {
        None => "undefined",
        Some(Value::Null) => "null",
        Some(Value::Bool(_)) => "boolean",
        Some(Value::Number(_)) => "number",
        Some(Value::String(_)) => "string",
        Some(Value::Array(_)) => "array",
        Some(Value::Object(_)) => "object",
    }
}
