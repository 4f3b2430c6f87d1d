//! Taking a tool's arguments apart, with nothing left over.

use super::call::{ToolCall, shown};
use super::misread::Misread;
use super::tool::Verb;
use serde_json::{Map, Value};

/// Most keys or rows that one call may name. Policies bound them far lower; this bounds what a call can make the gateway
/// think about and write down.
const MOST: usize = 1000;

/// The arguments of one call. Every accessor takes one out; what remains at the end is refused, since Directus either
/// refuses it too or reads it as something that nobody has looked at.
#[derive(Debug)]
pub(crate) struct Arguments<'a> {
    call: &'a ToolCall,
    taken: Vec<&'static str>,
}

impl<'a> Arguments<'a> {
    pub(crate) fn of(call: &'a ToolCall) -> Self {
        Self { call, taken: Vec::new() }
    }

    /// The tool's name, as the client has it.
    pub(crate) fn tool(&self) -> &'static str {
        self.call.name()
    }

    pub(crate) fn optional(&mut self, name: &'static str) -> Option<&'a Value> {
        self.taken.push(name);
        self.call.arguments.get(name)
    }

    /// The `action`, which must be one that the tool has.
    pub(crate) fn verb(&mut self) -> Result<Verb, Misread> {
        let word = self.text("action")?;
        let verbs = self.call.tool.verbs();
        verbs.iter().copied().find(|verb| verb.as_str() == word).ok_or_else(|| {
            let known: Vec<&str> = verbs.iter().map(|verb| verb.as_str()).collect();
            Misread::because(format!(
                "`{}` is no action of the tool `{}`: use one of {}",
                shown(word),
                self.tool(),
                known.join(", ")
            ))
        })
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Result<&'a str, Misread> {
        self.optional_text(name)?.ok_or_else(|| self.missing(name))
    }

    pub(crate) fn optional_text(&mut self, name: &'static str) -> Result<Option<&'a str>, Misread> {
        match self.optional(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Misread::because(format!("`{name}` is not a text"))),
        }
    }

    pub(crate) fn list(&mut self, name: &'static str) -> Result<&'a [Value], Misread> {
        self.optional_list(name)?.ok_or_else(|| self.missing(name))
    }

    pub(crate) fn optional_list(&mut self, name: &'static str) -> Result<Option<&'a [Value]>, Misread> {
        match self.optional(name) {
            None => Ok(None),
            Some(Value::Array(list)) => bounded(list, name).map(Some),
            Some(_) => Err(Misread::because(format!("`{name}` is not a list"))),
        }
    }

    pub(crate) fn optional_object(
        &mut self,
        name: &'static str,
    ) -> Result<Option<&'a Map<String, Value>>, Misread> {
        self.optional(name).map(|value| object(value, name)).transpose()
    }

    /// The `data` of a write: one object, or several.
    pub(crate) fn data(&mut self) -> Result<Written<'a>, Misread> {
        match self.optional("data") {
            None => Err(self.missing("data")),
            Some(Value::Object(row)) => Ok(Written::One(row)),
            Some(Value::Array(rows)) => {
                let rows: Result<Vec<_>, _> =
                    bounded(rows, "data")?.iter().map(|row| object(row, "data")).collect();
                rows.map(Written::Several)
            }
            Some(_) => Err(Misread::because("`data` is neither an object nor a list of objects")),
        }
    }

    /// Refuses whatever no accessor asked for.
    pub(crate) fn end(self) -> Result<(), Misread> {
        match self.call.arguments.keys().find(|name| !self.taken.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(Misread::because(format!(
                "the argument `{}` is not understood here: the tool `{}` does not take it for this action",
                shown(name),
                self.tool()
            ))),
        }
    }

    fn missing(&self, name: &str) -> Misread {
        Misread::because(format!("the tool `{}` needs the argument `{name}`", self.tool()))
    }
}

fn bounded<'a>(list: &'a [Value], name: &str) -> Result<&'a [Value], Misread> {
    if list.len() > MOST {
        return Err(Misread::because(format!(
            "`{name}` holds {} entries, and one call may have at most {MOST}: use smaller portions",
            list.len()
        )));
    }
    Ok(list)
}

/// The `data` of a write.
#[derive(Clone, Debug)]
pub(crate) enum Written<'a> {
    /// One object.
    One(&'a Map<String, Value>),
    /// A list of them.
    Several(Vec<&'a Map<String, Value>>),
}

impl<'a> Written<'a> {
    pub(crate) fn rows(&self) -> Vec<&'a Map<String, Value>> {
        match self {
            Self::One(row) => vec![row],
            Self::Several(rows) => rows.clone(),
        }
    }
}

/// The value as an object.
pub(crate) fn object<'a>(value: &'a Value, name: &str) -> Result<&'a Map<String, Value>, Misread> {
    value
        .as_object()
        .ok_or_else(|| Misread::because(format!("`{name}` holds something that is not an object")))
}

/// Refuses keys of an object that are not among the known ones.
pub(crate) fn only(object: &Map<String, Value>, name: &str, known: &[&str]) -> Result<(), Misread> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(Misread::because(format!(
            "`{}` is not understood in `{name}`: it takes {}",
            shown(key),
            known.join(", ")
        ))),
    }
}
