//! `validation`: what a written row must meet, evaluated here and not by Directus.
//!
//! A rule comes to true, to false, or to *unknown*, and unknown is a denial: what will stand in the database has to meet the rule,
//! whatever Directus or the database make of the value on its way there. So a number in quotes is unknown to a rule about a number,
//! and a text that differs in nothing but case from a forbidden one is unknown to the rule that forbids it.

mod compare;

pub(crate) use compare::{Comparison, Operand};

use crate::directus::carrier::{Filled, Row, RowFate};
use crate::directus::schema::{Collection, Field};
use serde_json::{Map, Value};

/// A rule about the fields of a row.
#[derive(Clone, Debug)]
pub enum Rule {
    /// All of these.
    And(Vec<Rule>),
    /// One of these at least.
    Or(Vec<Rule>),
    /// A field's value compares so.
    Field(String, Comparison),
}

/// A row as it will be written, presets put in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written<'r> {
    pub(crate) row: &'r Row,
    /// What the request gives.
    pub(crate) values: Option<&'r Map<String, Value>>,
    /// What is filled in where the request gives nothing.
    pub(crate) presets: Option<&'r Map<String, Value>>,
    pub(crate) collection: &'r Collection,
}

/// What a field of a row will hold.
enum Held<'r> {
    Value(std::borrow::Cow<'r, Value>),
    Unknown,
    /// It stays as it is.
    Unwritten,
}

impl Rule {
    /// The fields by which the row fails, or by which it cannot be told whether it does; `None` where it meets the rule.
    pub(crate) fn broken_by(&self, written: Written<'_>) -> Option<Vec<String>> {
        match self {
            // Each of them is a rule of its own, and may be skipped by itself.
            Self::And(rules) => rules.iter().find_map(|rule| rule.broken_by(written)),
            Self::Or(_) | Self::Field(..) => {
                let met = self.is_skipped(written) || self.holds(written) == Some(true);
                (!met).then(|| self.fields().into_iter().map(str::to_owned).collect())
            }
        }
    }

    /// A change is not asked about what it leaves alone.
    fn is_skipped(&self, written: Written<'_>) -> bool {
        let stays = |name: &&str| matches!(written.held(name), Held::Unwritten);
        written.row.fate == RowFate::Updated && self.fields().iter().all(stays)
    }

    /// `None` where it cannot be told.
    fn holds(&self, written: Written<'_>) -> Option<bool> {
        match self {
            Self::And(rules) => all(rules.iter().map(|rule| rule.holds(written))),
            Self::Or(rules) => any(rules.iter().map(|rule| rule.holds(written))),
            Self::Field(name, comparison) => {
                let field = written.collection.fields.get(name)?;
                match written.held(name) {
                    Held::Value(value) => comparison.holds(&value, field),
                    Held::Unknown | Held::Unwritten => None,
                }
            }
        }
    }

    /// Every field that the rule speaks of.
    pub(crate) fn fields(&self) -> Vec<&str> {
        match self {
            Self::And(rules) | Self::Or(rules) => rules.iter().flat_map(Rule::fields).collect(),
            Self::Field(name, _) => vec![name],
        }
    }

    /// Whether a value alone meets the parts of the rule that are about nothing but this field; `None` where that cannot be told.
    pub(crate) fn takes(&self, field: &Field, value: &Value) -> Option<bool> {
        match self {
            Self::And(rules) => all(rules.iter().map(|rule| rule.takes(field, value))),
            Self::Field(name, comparison) if *name == field.name => comparison.holds(value, field),
            Self::Field(..) => Some(true),
            Self::Or(_) => None,
        }
    }
}

impl<'r> Written<'r> {
    fn held(&self, name: &str) -> Held<'r> {
        let (fate, field) = (self.row.fate, self.collection.fields.get(name));
        let overwritten = field.is_some_and(|field| match fate {
            RowFate::Created | RowFate::Upserted => field.overwritten_on_create,
            RowFate::Updated => field.filled_on_update,
            RowFate::Singleton | RowFate::Imported => field.overwritten_on_create || field.filled_on_update,
        });
        if overwritten {
            return Held::Unknown;
        }
        match self.row.filled.get(name) {
            Some(Filled::Null) => return Held::Value(std::borrow::Cow::Owned(Value::Null)),
            Some(Filled::Unknown) => return Held::Unknown,
            None => {}
        }
        let given = self.values.and_then(|values| values.get(name));
        if let Some(value) = given.or_else(|| self.presets.and_then(|presets| presets.get(name))) {
            return Held::Value(std::borrow::Cow::Borrowed(value));
        }
        match fate {
            RowFate::Updated => Held::Unwritten,
            RowFate::Imported => Held::Unknown,
            RowFate::Created | RowFate::Upserted | RowFate::Singleton => {
                let default = field.and_then(Field::default_value);
                default.map_or(Held::Unknown, |value| Held::Value(std::borrow::Cow::Owned(value)))
            }
        }
    }
}

/// True where all are, false where one is not.
fn all(verdicts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    any(verdicts.map(not)).map(|one| !one)
}

/// True where one is, false where none is.
pub(crate) fn any(verdicts: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut told = Some(false);
    for verdict in verdicts {
        match verdict {
            Some(true) => return Some(true),
            Some(false) => {}
            None => told = None,
        }
    }
    told
}

pub(crate) fn not(verdict: Option<bool>) -> Option<bool> {
    verdict.map(|verdict| !verdict)
}
