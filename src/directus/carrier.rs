//! What of a request can carry an obligation: the query that selects items, or the objects that are written.
//!
//! A filter is put where a query selects, presets go into the objects that create, and a validation looks at every object that is
//! written. An access that has neither can carry none of them, and is denied where one is needed.

use super::call::ToolCall;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What an access is carried by.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Carrier {
    /// Nothing that could be changed or looked at.
    #[default]
    Nothing,
    /// A place of the call's query; the access' `via` names it.
    Place(Reach),
    /// The objects that are written.
    Rows(Vec<Row>),
}

impl Carrier {
    /// The objects that are written; none where it is carried by something else.
    pub(crate) fn rows(&self) -> &[Row] {
        match self {
            Self::Rows(rows) => rows,
            Self::Nothing | Self::Place(_) => &[],
        }
    }

    /// Takes the rows of another access in, of which this one is a part from now on.
    pub(crate) fn extend(&mut self, other: Self) {
        match (self, other) {
            (Self::Rows(rows), Self::Rows(more)) => rows.extend(more),
            (this @ Self::Rows(_), Self::Nothing | Self::Place(_)) => *this = Self::Nothing,
            (Self::Nothing | Self::Place(_), _) => {}
        }
    }
}

/// Whether a filter at a place of a query applies to all that is read there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It does.
    All,
    /// It does where Directus filters at the end of a pointer to one item.
    ToOne,
    /// It does not: something outside looks into the place, by sorting, filtering or counting through a relation.
    LookedInto,
    /// Another name leads along the same relation; of two filters Directus may use one for both.
    Doubled,
    /// It does not: an unpublished version comes back instead of the row that the filter looks at.
    Versioned,
}

/// One object that is written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// Where it stands in the call's arguments; `None` where nothing but [`Row::filled`] is written.
    pub(crate) at: Option<Vec<Step>>,
    /// What Directus writes beside it: null, or what cannot be told from the call.
    pub(crate) filled: BTreeMap<String, Filled>,
    /// What becomes of it.
    pub(crate) fate: RowFate,
}

/// A step into the arguments of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A key of an object.
    Key(String),
    /// A place of a list.
    Index(usize),
}

/// What Directus writes that the request does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    /// Null.
    Null,
    /// A value that nobody can tell beforehand.
    Unknown,
}

/// What becomes of a written object, which says what the fields mean that it leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowFate {
    /// It is made: they get their defaults.
    Created,
    /// It is made, unless there is one of its key, which is then updated.
    Upserted,
    /// It changes: they stay as they are.
    Updated,
    /// It is the one item of a singleton, which may not be there yet.
    Singleton,
    /// It comes from bytes that nobody has seen: they are anything.
    Imported,
}

impl Reach {
    const ALL: [Self; 5] = [Self::All, Self::ToOne, Self::LookedInto, Self::Doubled, Self::Versioned];

    /// The word for it in facts.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::ToOne => "to_one",
            Self::LookedInto => "looked_into",
            Self::Doubled => "doubled",
            Self::Versioned => "versioned",
        }
    }

    /// The one of that word.
    pub(crate) fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reach| reach.as_str() == word)
    }
}

impl RowFate {
    const ALL: [Self; 5] = [Self::Created, Self::Upserted, Self::Updated, Self::Singleton, Self::Imported];

    /// The word for it in facts.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Upserted => "upserted",
            Self::Updated => "updated",
            Self::Singleton => "singleton",
            Self::Imported => "imported",
        }
    }

    /// The one of that word.
    pub(crate) fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fate| fate.as_str() == word)
    }
}

impl Row {
    /// The values that the request itself gives.
    ///
    /// A row of another shape, or one that is not there, has none; the decoder has refused it already, or it may be left out.
    pub(crate) fn values<'c>(&self, call: &'c ToolCall) -> Option<&'c Map<String, Value>> {
        let (first, rest) = self.at.as_ref()?.split_first()?;
        let start = match first {
            Step::Key(key) => call.arguments.get(key)?,
            Step::Index(_) => return None,
        };
        let step = |value: &'c Value, step: &Step| match step {
            Step::Key(key) => value.get(key),
            Step::Index(index) => value.get(index),
        };
        rest.iter().try_fold(start, step)?.as_object()
    }

    /// Puts fields into the row that it does not have.
    pub(crate) fn fill(&self, arguments: &mut Map<String, Value>, fields: &Map<String, Value>) -> Option<()> {
        let (first, rest) = self.at.as_ref()?.split_first()?;
        let mut value = match first {
            Step::Key(key) => arguments.get_mut(key)?,
            Step::Index(_) => return None,
        };
        for step in rest {
            value = match step {
                // What is said of an imported file may be left out altogether.
                Step::Key(key) if self.fate == RowFate::Imported => {
                    value.as_object_mut()?.entry(key).or_insert_with(|| Value::Object(Map::new()))
                }
                Step::Key(key) => value.get_mut(key)?,
                Step::Index(index) => value.get_mut(index)?,
            };
        }
        let row = value.as_object_mut()?;
        for (name, value) in fields {
            row.entry(name).or_insert_with(|| value.clone());
        }
        Some(())
    }
}

/// The way to a value inside of a call's arguments, while it is followed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<'p> {
    above: Option<&'p At<'p>>,
    step: StepTo<'p>,
}

#[derive(Clone, Copy, Debug)]
enum StepTo<'p> {
    Key(&'p str),
    Index(usize),
}

impl<'p> At<'p> {
    /// An argument.
    pub(crate) fn argument(name: &'p str) -> Self {
        Self { above: None, step: StepTo::Key(name) }
    }

    /// What stands under a key there.
    pub(crate) fn key(&'p self, key: &'p str) -> Self {
        Self { above: Some(self), step: StepTo::Key(key) }
    }

    /// What stands at a place of a list there.
    pub(crate) fn index(&'p self, index: usize) -> Self {
        Self { above: Some(self), step: StepTo::Index(index) }
    }

    /// The whole way.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let mut steps = self.above.map(At::steps).unwrap_or_default();
        steps.push(match self.step {
            StepTo::Key(key) => Step::Key(key.to_owned()),
            StepTo::Index(index) => Step::Index(index),
        });
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directus::Tool;
    use crate::directus::call::Mode;
    use serde_json::json;

    #[test]
    fn a_row_is_found_and_filled_where_it_stands() {
        let arguments = json!({"data": [{"a": 1}, {"list": {"create": [{"b": null}]}}]});
        let mut call =
            ToolCall::new(Mode::Legacy, Tool::Items, arguments.as_object().unwrap().clone()).unwrap();
        let data = At::argument("data");
        let (row, list) = (data.index(1), "list");
        let list = row.key(list);
        let (create, place) = (list.key("create"), 0);
        let at = Some(create.index(place).steps());
        let row = Row { at, filled: BTreeMap::new(), fate: RowFate::Created };
        assert_eq!(row.values(&call).unwrap()["b"], Value::Null);
        let presets = json!({"b": 2, "c": 3});
        row.fill(&mut call.arguments, presets.as_object().unwrap()).unwrap();
        // What is there stays, null included.
        assert_eq!(
            Value::Object(call.arguments),
            json!({"data": [{"a": 1}, {"list": {"create": [{"b": null, "c": 3}]}}]})
        );
    }

    #[test]
    fn what_is_said_of_an_imported_file_may_be_missing() {
        let mut arguments = json!({"data": [{"url": "https://example.com/a.png"}]});
        let data = At::argument("data");
        let (entry, file) = (data.index(0), "file");
        let row = Row { at: Some(entry.key(file).steps()), filled: BTreeMap::new(), fate: RowFate::Imported };
        let presets = json!({"folder": "f"});
        row.fill(arguments.as_object_mut().unwrap(), presets.as_object().unwrap()).unwrap();
        assert_eq!(arguments["data"][0]["file"], json!({"folder": "f"}));
    }
}
