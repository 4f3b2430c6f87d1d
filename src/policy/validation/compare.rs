//! One value against one comparison, in three values.

use super::{any, not};
use crate::directus::schema::Field;
use regex_lite::Regex;
use serde_json::{Number, Value};
use std::cmp::Ordering;

/// How a field's value has to compare.
#[derive(Clone, Debug)]
pub enum Comparison {
    /// `_eq`, `_in`: it is one of these.
    In(Vec<Operand>),
    /// `_neq`, `_nin`: it is none of these.
    NotIn(Vec<Operand>),
    /// `_lt`
    Less(Operand),
    /// `_lte`
    AtMost(Operand),
    /// `_gt`
    Greater(Operand),
    /// `_gte`
    AtLeast(Operand),
    /// `_between`, ends included.
    Between(Operand, Operand),
    /// `_nbetween`
    NotBetween(Operand, Operand),
    /// `_null` and `_nnull`: whether there is no value.
    Null(bool),
    /// `_empty` and `_nempty`: whether there is no value, or an empty text.
    Empty(bool),
    /// `_contains`
    Contains(String),
    /// `_ncontains`
    NotContains(String),
    /// `_icontains`: in any case.
    ContainsFolded(String),
    /// `_starts_with`
    StartsWith(String),
    /// `_ends_with`
    EndsWith(String),
    /// `_regex`
    Matches(Regex),
}

/// What a value is compared with.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A text.
    Text(String),
    /// A number.
    Number(Number),
    /// True or false.
    Bool(bool),
    /// What only Directus knows, such as `$CURRENT_USER`: nothing is known to compare with it.
    Dynamic,
}

/// What the values of a field are, as far as comparing them goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Text,
    Number {
        whole: bool,
    },
    Bool,
    Time,
    /// Documents, hashes and whatever else is not kept as it is written.
    Other,
}

impl Comparison {
    /// Whether the value compares so, once it is in the database; `None` where that cannot be told.
    pub(super) fn holds(&self, value: &Value, field: &Field) -> Option<bool> {
        if value.is_array() || value.is_object() {
            return None;
        }
        let sort = sort(&field.type_name);
        let one_of = |operands: &[Operand]| any(operands.iter().map(|operand| equals(value, operand, sort)));
        let order = |operand: &Operand| compare(value, operand, sort);
        let within = |from: &Operand, to: &Operand| Some(order(from)?.is_ge() && order(to)?.is_le());
        match self {
            Self::Null(wanted) => Some(value.is_null() == *wanted),
            Self::Empty(wanted) => (sort != Sort::Other || value.is_null())
                .then(|| (value.is_null() || value.as_str() == Some("")) == *wanted),
            Self::In(operands) => one_of(operands),
            Self::NotIn(operands) => not(one_of(operands)),
            // Nothing is neither less nor more than something, and contains nothing.
            Self::Less(_)
            | Self::AtMost(_)
            | Self::Greater(_)
            | Self::AtLeast(_)
            | Self::Between(..)
            | Self::Contains(_)
            | Self::ContainsFolded(_)
            | Self::StartsWith(_)
            | Self::EndsWith(_)
            | Self::Matches(_)
                if value.is_null() =>
            {
                Some(false)
            }
            Self::NotBetween(..) | Self::NotContains(_) if value.is_null() => Some(true),
            Self::Less(operand) => order(operand).map(Ordering::is_lt),
            Self::AtMost(operand) => order(operand).map(Ordering::is_le),
            Self::Greater(operand) => order(operand).map(Ordering::is_gt),
            Self::AtLeast(operand) => order(operand).map(Ordering::is_ge),
            Self::Between(from, to) => within(from, to),
            Self::NotBetween(from, to) => not(within(from, to)),
            Self::Contains(part) => text(value, sort)?.found(|text, part| text.contains(part), part),
            Self::NotContains(part) => not(text(value, sort)?.found(|text, part| text.contains(part), part)),
            Self::ContainsFolded(part) => {
                text(value, sort).map(|text| text.0.to_lowercase().contains(&part.to_lowercase()))
            }
            Self::StartsWith(part) => text(value, sort)?.found(|text, part| text.starts_with(part), part),
            Self::EndsWith(part) => text(value, sort)?.found(|text, part| text.ends_with(part), part),
            Self::Matches(regex) => text(value, sort).map(|text| regex.is_match(text.0)),
        }
    }
}

fn sort(type_name: &str) -> Sort {
    match type_name {
        "string" | "text" | "uuid" => Sort::Text,
        "integer" | "bigInteger" => Sort::Number { whole: true },
        "float" | "decimal" => Sort::Number { whole: false },
        "boolean" => Sort::Bool,
        "date" | "dateTime" | "timestamp" | "time" => Sort::Time,
        _ => Sort::Other,
    }
}

fn equals(value: &Value, operand: &Operand, sort: Sort) -> Option<bool> {
    match (value, operand, sort) {
        (_, Operand::Dynamic, _) => None,
        (Value::Null, _, _) => Some(false),
        (Value::String(value), Operand::Text(operand), Sort::Text) => same_text(value, operand),
        (Value::Bool(value), Operand::Bool(operand), Sort::Bool) => Some(value == operand),
        (Value::Number(_), Operand::Number(_), Sort::Number { .. })
        | (Value::String(_), Operand::Text(_), Sort::Time) => {
            compare(value, operand, sort).map(Ordering::is_eq)
        }
        // A value of another kind is changed on its way into the database: `"5"` becomes 5.
        (_, Operand::Text(_) | Operand::Number(_) | Operand::Bool(_), _) => None,
    }
}

/// Whether two texts are the same. Databases may take texts for the same that differ in case, in accents, in blanks around them or
/// in marks that nobody sees, so between those it cannot be told.
fn same_text(value: &str, operand: &str) -> Option<bool> {
    if value == operand {
        return Some(true);
    }
    let (value, operand) = (seen(value), seen(operand));
    let alike = |(one, other): (&char, &char)| one == other || !one.is_ascii() || !other.is_ascii();
    let same = value.len() == operand.len() && value.iter().zip(&operand).all(alike);
    (!same).then_some(false)
}

/// The letters of a text in lower case, without what cannot be seen.
fn seen(text: &str) -> Vec<char> {
    let unseen = |letter: &char| {
        letter.is_control()
            || matches!(letter, '\u{ad}' | '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
    };
    text.trim().to_lowercase().chars().filter(|letter| !unseen(letter)).collect()
}

fn compare(value: &Value, operand: &Operand, sort: Sort) -> Option<Ordering> {
    match (value, operand, sort) {
        (Value::Number(value), Operand::Number(operand), Sort::Number { whole }) => {
            // A column of integers rounds what is none.
            if whole && value.as_i64().is_none() {
                return None;
            }
            match (value.as_i64(), operand.as_i64()) {
                (Some(value), Some(operand)) => Some(value.cmp(&operand)),
                (_, _) => value.as_f64()?.partial_cmp(&operand.as_f64()?),
            }
        }
        (Value::String(value), Operand::Text(operand), Sort::Time) => {
            (is_time(value) && shape(value) == shape(operand)).then(|| value.as_str().cmp(operand.as_str()))
        }
        (_, Operand::Text(_) | Operand::Number(_) | Operand::Bool(_) | Operand::Dynamic, _) => None,
    }
}

/// Whether a date or a time is one that exists, in the one form in which those of a kind sort as texts do.
fn is_time(text: &str) -> bool {
    let known =
        ["0000-00-00", "0000-00-00T00:00:00", "0000-00-00T00:00:00Z", "0000-00-00T00:00:00.000Z", "00:00:00"];
    if !known.contains(&shape(text).as_str()) {
        return false;
    }
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (Some(date), Some(time)),
        None if text.contains(':') => (None, Some(text)),
        None => (Some(text), None),
    };
    date.is_none_or(is_date) && time.is_none_or(is_of_day)
}

fn is_date(date: &str) -> bool {
    let mut parts = date.split('-').map(|part| part.parse::<u16>().ok());
    let (Some(Some(year)), Some(Some(month)), Some(Some(day))) = (parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

fn is_of_day(time: &str) -> bool {
    let part = |at: usize| time.get(at..at + 2).and_then(|part| part.parse::<u8>().ok());
    part(0).is_some_and(|hour| hour < 24) && [3, 6].iter().all(|at| part(*at).is_some_and(|part| part < 60))
}

/// The text with every digit as `0`.
fn shape(text: &str) -> String {
    text.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect()
}

/// A text that is kept as it is written.
struct Kept<'t>(&'t str);

fn text(value: &Value, sort: Sort) -> Option<Kept<'_>> {
    value.as_str().filter(|_| sort == Sort::Text).map(Kept)
}

impl Kept<'_> {
    /// Whether a part is found; where that depends on the case of letters, it cannot be told.
    fn found(&self, finds: impl Fn(&str, &str) -> bool, part: &str) -> Option<bool> {
        if finds(self.0, part) {
            return Some(true);
        }
        let folded = finds(&self.0.to_lowercase(), &part.to_lowercase());
        (!folded).then_some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directus::schema::FieldKind;
    use serde_json::json;

    fn field(type_name: &str) -> Field {
        Field {
            name: "f".to_owned(),
            type_name: type_name.to_owned(),
            kind: FieldKind::Plain,
            default: None,
            filled_on_create: false,
            filled_on_update: false,
            overwritten_on_create: false,
            searchable: true,
        }
    }

    fn text(text: &str) -> Operand {
        Operand::Text(text.to_owned())
    }

    fn number(number: i64) -> Operand {
        Operand::Number(number.into())
    }

    #[test]
    fn what_will_stand_in_the_database_is_compared() {
        let draft = || Comparison::In(vec![text("draft"), text("review")]);
        let unpublished = || Comparison::NotIn(vec![text("published")]);
        let most = || Comparison::AtMost(number(100));
        let after = || Comparison::Greater(text("2026-02-01"));
        let contains = || Comparison::NotContains("<script".to_owned());
        for (comparison, type_name, value, held) in [
            (draft(), "string", json!("draft"), Some(true)),
            (draft(), "string", json!("published"), Some(false)),
            (draft(), "string", json!("Draft"), None),
            (draft(), "string", json!(["draft"]), None),
            (draft(), "string", json!({"_eq": "draft"}), None),
            (draft(), "string", json!(null), Some(false)),
            (draft(), "json", json!("draft"), None),
            (unpublished(), "string", json!("draft"), Some(true)),
            (unpublished(), "string", json!("published"), Some(false)),
            (unpublished(), "string", json!("PUBLISHED"), None),
            (unpublished(), "string", json!("published "), None),
            (unpublished(), "string", json!("publish\u{e9}d"), None),
            (unpublished(), "string", json!("published\u{0}"), None),
            (unpublished(), "string", json!("publi\u{200b}shed"), None),
            (unpublished(), "string", json!("\u{dc}berschrift"), Some(true)),
            (unpublished(), "string", json!(7), None),
            (unpublished(), "string", json!(null), Some(true)),
            (most(), "integer", json!(100), Some(true)),
            (most(), "integer", json!(101), Some(false)),
            (most(), "integer", json!("50"), None),
            (most(), "integer", json!(99.9), None),
            (most(), "float", json!(99.9), Some(true)),
            (most(), "float", json!(1e300), Some(false)),
            (most(), "integer", json!(null), Some(false)),
            (most(), "string", json!(5), None),
            (after(), "date", json!("2026-02-02"), Some(true)),
            (after(), "date", json!("2026-01-31"), Some(false)),
            (after(), "date", json!("2026-2-2"), None),
            (after(), "date", json!("2026-02-30"), None),
            (after(), "date", json!("2026-02-02T00:00:00"), None),
            (after(), "string", json!("2026-02-02"), None),
            (contains(), "text", json!("plain"), Some(true)),
            (contains(), "text", json!("a <script>"), Some(false)),
            (contains(), "text", json!("a <SCRIPT>"), None),
            (contains(), "text", json!(null), Some(true)),
            (Comparison::In(vec![Operand::Bool(false)]), "boolean", json!(false), Some(true)),
            (Comparison::In(vec![Operand::Bool(false)]), "boolean", json!(0), None),
            (Comparison::In(vec![Operand::Dynamic]), "uuid", json!("x"), None),
            (Comparison::NotIn(vec![Operand::Dynamic]), "uuid", json!("x"), None),
            (Comparison::Null(true), "string", json!(null), Some(true)),
            (Comparison::Null(false), "string", json!(null), Some(false)),
            (Comparison::Null(false), "json", json!({}), None),
            (Comparison::Empty(true), "string", json!(""), Some(true)),
            (Comparison::Empty(false), "string", json!(""), Some(false)),
            (Comparison::Empty(false), "string", json!(null), Some(false)),
            (Comparison::Between(number(1), number(3)), "integer", json!(3), Some(true)),
            (Comparison::NotBetween(number(1), number(3)), "integer", json!(3), Some(false)),
            (Comparison::NotBetween(number(1), number(3)), "integer", json!(true), None),
            (Comparison::ContainsFolded("NEWS".to_owned()), "string", json!("the news"), Some(true)),
            (Comparison::StartsWith("/news/".to_owned()), "string", json!("/news/a"), Some(true)),
            (Comparison::EndsWith(".png".to_owned()), "string", json!("a.PNG"), None),
            (Comparison::Matches(Regex::new("^[a-z-]+$").unwrap()), "string", json!("a-slug"), Some(true)),
            (Comparison::Matches(Regex::new("^[a-z-]+$").unwrap()), "string", json!("a slug\n"), Some(false)),
            (Comparison::Matches(Regex::new("^[a-z-]+$").unwrap()), "string", json!(5), None),
        ] {
            assert_eq!(
                comparison.holds(&value, &field(type_name)),
                held,
                "{comparison:?} {type_name} {value}"
            );
        }
    }

    #[test]
    fn times_exist() {
        for time in ["2024-02-29", "2026-12-31T23:59:59Z", "2026-12-31T23:59:59.000Z", "00:00:00"] {
            assert!(is_time(time), "{time}");
        }
        for time in [
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-01-01T24:00:00",
            "x",
            "",
            "24:00:00",
            "2026-01-01T10:60:00",
        ] {
            assert!(!is_time(time), "{time}");
        }
    }
}
