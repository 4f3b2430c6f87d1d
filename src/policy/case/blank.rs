//! What is filled in: `{$fixture: draft}` by a value that the file names once, `{$each: status}` by the row of a table.

use crate::policy::decode::{Decoder, listed, nearest};
use crate::policy::yaml::{Entry, Node, Shape};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ops::Range;

const FIXTURE: &str = "$fixture";
const EACH: &str = "$each";

/// The values of a file that have a name.
pub(super) type Fixtures = BTreeMap<String, Value>;

/// What may be filled in at a place, and which columns are asked for there, with where the first one is.
pub(super) struct Blanks<'f> {
    fixtures: &'f Fixtures,
    place: Place,
    pub(super) asked: BTreeMap<String, Range<usize>>,
}

/// Where something is to be filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In a test without a table.
    Alone,
    /// In a test with a table.
    Table,
    /// In a row, which is filled in from no other.
    Row,
}

impl<'f> Blanks<'f> {
    pub(super) fn new(fixtures: &'f Fixtures, place: Place) -> Self {
        Self { fixtures, place, asked: BTreeMap::new() }
    }
}

impl Decoder<'_> {
    /// The fixtures of a file. They refer to nothing, so that each is what it shows.
    pub(super) fn fixtures(&mut self, node: &Node) -> Fixtures {
        let entries = self.entries(node).unwrap_or_default();
        entries.iter().map(|entry| (entry.key.clone(), self.plain(&entry.value, "a fixture"))).collect()
    }

    /// A value in which nothing can be filled in.
    fn plain(&mut self, node: &Node, what: &str) -> Value {
        self.refuse_blanks(node, what);
        node.to_json()
    }

    fn refuse_blanks(&mut self, node: &Node, what: &str) {
        match &node.shape {
            Shape::Map(entries) => {
                for entry in entries {
                    if let Some(code) = blank(&entry.key) {
                        let message = format!("{what} cannot refer to anything");
                        self.error(code, &entry.key_span, message, "write the value itself");
                    }
                    self.refuse_blanks(&entry.value, what);
                }
            }
            Shape::List(items) => items.iter().for_each(|item| self.refuse_blanks(item, what)),
            Shape::Null | Shape::Bool(_) | Shape::Number(_) | Shape::Text { .. } | Shape::Broken => {}
        }
    }

    /// A value with its fixtures filled in. The columns that it asks for are left in it, see [`fill`].
    pub(super) fn value(&mut self, node: &Node, blanks: &mut Blanks<'_>) -> Value {
        match &node.shape {
            Shape::Map(entries) => {
                if let Some(entry) = entries.iter().find(|entry| blank(&entry.key).is_some()) {
                    return self.filled(entries, entry, blanks);
                }
                let parts = entries.iter().map(|one| (one.key.clone(), self.value(&one.value, blanks)));
                Value::Object(parts.collect())
            }
            Shape::List(items) => items.iter().map(|item| self.value(item, blanks)).collect(),
            Shape::Null | Shape::Bool(_) | Shape::Number(_) | Shape::Text { .. } | Shape::Broken => {
                node.to_json()
            }
        }
    }

    /// What stands in place of the mapping that refers to it; `{}` where that is nothing, which has been reported.
    fn filled(&mut self, entries: &[Entry], entry: &Entry, blanks: &mut Blanks<'_>) -> Value {
        let (key, code) = (entry.key.as_str(), blank(&entry.key).unwrap_or("fixture"));
        if entries.len() > 1 {
            let message = format!("`{key}` stands for a whole value, and there are keys beside it");
            self.error(code, &entry.key_span, message, format!("write `{{{key}: NAME}}` alone"));
            return Value::Object(Map::new());
        }
        let Shape::Text { text: name, .. } = &entry.value.shape else {
            if entry.value.shape != Shape::Broken {
                let message = format!("`{key}` needs a name, found {}", entry.value.kind());
                self.error(code, &entry.value.span, message, format!("write `{{{key}: NAME}}`"));
            }
            return Value::Object(Map::new());
        };
        if key == FIXTURE {
            return self.fixture(name, &entry.value.span, blanks.fixtures);
        }
        let wrong = match blanks.place {
            Place::Table => None,
            Place::Alone => Some((
                "this test has no table to fill this in from",
                "add rows: `each: [{status: draft}, {status: review}]`",
            )),
            Place::Row => {
                Some(("a row cannot refer to a row", "write the value itself, or `{$fixture: NAME}`"))
            }
        };
        if let Some((message, help)) = wrong {
            self.error(code, &entry.key_span, message, help);
        }
        blanks.asked.entry(name.clone()).or_insert_with(|| entry.value.span.clone());
        entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json())).collect()
    }

    fn fixture(&mut self, name: &str, span: &Range<usize>, fixtures: &Fixtures) -> Value {
        if let Some(value) = fixtures.get(name) {
            return value.clone();
        }
        let names: Vec<&str> = fixtures.keys().map(String::as_str).collect();
        let help = match nearest(name, &names) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => format!("write it at the top: `fixtures: {{{name}: …}}`"),
            None => format!("the file has {}", listed(&names)),
        };
        self.error("fixture", span, format!("there is no fixture `{name}`"), help);
        Value::Object(Map::new())
    }
}

/// The value with a row's values in the places of the columns that it asks for.
pub(super) fn fill(value: &Value, row: &Map<String, Value>) -> Value {
    match value {
        Value::Object(entries) => {
            if let Some(Value::String(column)) = entries.get(EACH).filter(|_| entries.len() == 1) {
                return row.get(column).cloned().unwrap_or_default();
            }
            entries.iter().map(|(key, value)| (key.clone(), fill(value, row))).collect()
        }
        Value::Array(items) => items.iter().map(|item| fill(item, row)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// A row's value behind the name of its test: a text without quotes, a fixture by its name.
pub(super) fn shown(node: &Node) -> String {
    match &node.shape {
        Shape::Text { text, .. } => text.clone(),
        Shape::Map(entries) => match entries.as_slice() {
            [one] if one.key == FIXTURE => shown(&one.value),
            _ => node.to_json().to_string(),
        },
        Shape::Null | Shape::Bool(_) | Shape::Number(_) | Shape::List(_) | Shape::Broken => {
            node.to_json().to_string()
        }
    }
}

/// The code of what is wrong with a key that refers to something; `None` for any other key.
fn blank(key: &str) -> Option<&'static str> {
    match key {
        FIXTURE => Some("fixture"),
        EACH => Some("each"),
        _ => None,
    }
}
