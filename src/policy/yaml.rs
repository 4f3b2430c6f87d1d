//! YAML text as a tree that knows where each of its parts stands.
//!
//! YAML 1.2 core, without what makes a file mean something else than it shows: no tags, anchors, aliases, merge keys,
//! directives, and no second document. Each of them is an error of its own, and the reader goes on after it, so that all
//! problems of a file come at once. A part that is in error is [`Shape::Broken`]; whoever reads the tree passes over it, as
//! it has been reported.
//!
//! The events come from `granit-parser`, the parser under `serde-saphyr`. Through serde neither tags nor anchors can be
//! seen, so this module takes the events themselves; nothing of that crate leaves it.

mod compose;
mod scalar;

use super::diagnostic::{Diagnostic, Source};
use serde_json::{Map, Number, Value};
use std::ops::Range;

/// Reads one document; an empty file is [`Shape::Null`]. Every problem is appended to `problems`.
pub(crate) fn parse(source: &Source, problems: &mut Vec<Diagnostic>) -> Node {
    compose::compose(source, problems)
}

/// A part of a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    /// What it is.
    pub(crate) shape: Shape,
    /// Where it stands, in bytes.
    pub(crate) span: Range<usize>,
}

/// What a part of a file is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number that JSON can hold.
    Number(Number),
    /// A text; whether it stands in quotes or in a block.
    Text {
        /// The text itself.
        text: String,
        /// Whether it stands in quotes or in a block.
        quoted: bool,
    },
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in file order, without duplicate keys.
    Map(Vec<Entry>),
    /// Something that has already been reported.
    Broken,
}

/// One entry of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    /// Its key as text.
    pub(crate) key: String,
    /// Where the key stands, in bytes.
    pub(crate) key_span: Range<usize>,
    /// Its value.
    pub(crate) value: Node,
}

impl Node {
    /// What it is, for a sentence such as "expected a list, found a number".
    pub(crate) fn kind(&self) -> &'static str {
        match &self.shape {
            Shape::Null => "nothing",
            Shape::Bool(_) => "a boolean",
            Shape::Number(_) => "a number",
            Shape::Text { .. } => "text",
            Shape::List(_) => "a list",
            Shape::Map(_) => "a mapping",
            Shape::Broken => "something broken",
        }
    }

    /// The same as JSON; what is broken becomes null, and has been reported.
    pub(crate) fn to_json(&self) -> Value {
        match &self.shape {
            Shape::Null | Shape::Broken => Value::Null,
            Shape::Bool(value) => Value::Bool(*value),
            Shape::Number(number) => Value::Number(number.clone()),
            Shape::Text { text, .. } => Value::String(text.clone()),
            Shape::List(items) => items.iter().map(Self::to_json).collect(),
            Shape::Map(entries) => Value::Object(object(entries)),
        }
    }
}

/// A mapping as JSON, in file order.
pub(crate) fn object(entries: &[Entry]) -> Map<String, Value> {
    entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect()
}
