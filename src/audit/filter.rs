//! Which calls a question is about: conditions on the views `calls` and `call_accesses`, with every value bound.

use super::time::text;
use crate::directus::access::Action;
use jiff::Timestamp;
use sqlx::{QueryBuilder, Sqlite};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Which calls to look at; everything that is given must hold. Patterns may contain `*`, for any run of characters.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Started at that time or later.
    pub since: Option<Timestamp>,
    /// Started before that time.
    pub until: Option<Timestamp>,
    /// Columns, and the pattern that each must fit.
    pub columns: Vec<(Column, String)>,
    /// An access that the call must have.
    pub access: AccessFilter,
    /// How it ended.
    pub outcome: Option<OutcomeFilter>,
    /// Whether the decision took effect: `false` finds the denials that were observed only.
    pub enforced: Option<bool>,
    /// The HTTP status that the client got.
    pub http_status: Option<RangeInclusive<u16>>,
    /// Took longer than that.
    pub slower_than: Option<Duration>,
    /// Had a reply of more bytes than that.
    pub larger_than: Option<u64>,
    /// Had more items in the result than that.
    pub more_items_than: Option<u64>,
    /// A text somewhere in the arguments, whatever its case.
    pub text: Option<String>,
}

/// A column of `calls` whose text can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the names are those of the view's columns, which are documented in the migration"
)]
pub enum Column {
    Id,
    Principal,
    Role,
    ClientName,
    ClientVersion,
    ClientAddress,
    Method,
    Tool,
    Decision,
    Rule,
    Reason,
    ErrorCode,
    PolicyRevision,
    TraceId,
}

/// An access that a call must have: all that is given must hold of the same access.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessFilter {
    /// What it does.
    pub action: Option<Action>,
    /// The pattern that its collection fits.
    pub collection: Option<String>,
    /// The pattern that one of its fields fits.
    pub field: Option<String>,
    /// The pattern of the path through which it arises.
    pub via: Option<String>,
}

/// Which ending of a call to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutcomeFilter {
    /// `ok`, `error`, `refused`, `failed` or `unknown`.
    Is(String),
    /// None yet.
    Open,
}

impl Column {
    /// The column's name in the view.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Principal => "principal",
            Self::Role => "role",
            Self::ClientName => "client_name",
            Self::ClientVersion => "client_version",
            Self::ClientAddress => "client_address",
            Self::Method => "method",
            Self::Tool => "tool",
            Self::Decision => "decision",
            Self::Rule => "rule",
            Self::Reason => "reason",
            Self::ErrorCode => "error_code",
            Self::PolicyRevision => "policy_revision",
            Self::TraceId => "trace_id",
        }
    }
}

impl Filter {
    /// Adds the conditions to a query whose `WHERE` has one already.
    pub(super) fn push(&self, query: &mut QueryBuilder<Sqlite>) {
        if let Some(since) = self.since {
            query.push(" AND calls.started_at >= ").push_bind(text(since));
        }
        if let Some(until) = self.until {
            query.push(" AND calls.started_at < ").push_bind(text(until));
        }
        for (column, pattern) in &self.columns {
            match column {
                // An entry names a client by its pseudonym, which an index serves; one whose name was erased is asked for by it.
                Column::Principal => {
                    query.push(" AND calls.principal_id IN (SELECT pseudonym FROM principals WHERE ");
                    matching(query, "name", pattern);
                    query.push(" UNION ALL SELECT ").push_bind(pattern).push(")");
                }
                Column::Id
                | Column::Role
                | Column::ClientName
                | Column::ClientVersion
                | Column::ClientAddress
                | Column::Method
                | Column::Tool
                | Column::Decision
                | Column::Rule
                | Column::Reason
                | Column::ErrorCode
                | Column::PolicyRevision
                | Column::TraceId => {
                    query.push(" AND calls.");
                    matching(query, column.as_str(), pattern);
                }
            }
        }
        self.push_ending(query);
        if let Some(word) = &self.text {
            query.push(" AND arguments GLOB ").push_bind(anywhere(word));
        }
        if !self.access.is_empty() {
            query.push(" AND EXISTS (SELECT 1 FROM call_accesses a WHERE a.id = calls.id");
            self.access.push(query);
            query.push(")");
        }
    }

    fn push_ending(&self, query: &mut QueryBuilder<Sqlite>) {
        match &self.outcome {
            Some(OutcomeFilter::Is(word)) => drop(query.push(" AND outcome = ").push_bind(word)),
            Some(OutcomeFilter::Open) => drop(query.push(" AND outcome IS NULL")),
            None => {}
        }
        if let Some(enforced) = self.enforced {
            query.push(" AND enforced = ").push_bind(enforced);
        }
        if let Some(status) = &self.http_status {
            query.push(" AND http_status BETWEEN ").push_bind(*status.start());
            query.push(" AND ").push_bind(*status.end());
        }
        if let Some(least) = self.slower_than {
            query.push(" AND duration_ms > ").push_bind(least.as_secs_f64() * 1000.0);
        }
        for (column, least) in [("response_bytes", self.larger_than), ("items", self.more_items_than)] {
            if let Some(least) = least {
                let least = i64::try_from(least).unwrap_or(i64::MAX);
                query.push(" AND ").push(column).push(" > ").push_bind(least);
            }
        }
    }
}

impl AccessFilter {
    /// Whether any access will do, or none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds the conditions on a row of `call_accesses` that is called `a`.
    pub(super) fn push(&self, query: &mut QueryBuilder<Sqlite>) {
        if let Some(action) = self.action {
            query.push(" AND a.action = ").push_bind(action.as_str());
        }
        for (column, pattern) in [("a.collection", &self.collection), ("a.via", &self.via)] {
            if let Some(pattern) = pattern {
                query.push(" AND ");
                matching(query, column, pattern);
            }
        }
        if let Some(field) = &self.field {
            query.push(" AND EXISTS (SELECT 1 FROM json_each(a.fields) f WHERE ");
            matching(query, "f.value", field);
            query.push(")");
        }
    }
}

/// Compares with `*` as the only wildcard, and without one by equality, which an index serves best.
fn matching(query: &mut QueryBuilder<Sqlite>, column: &'static str, pattern: &str) {
    query.push(column);
    if pattern.contains('*') {
        // The other characters that mean something to SQLite stand for themselves in brackets.
        query.push(" GLOB ").push_bind(pattern.replace('[', "[[]").replace('?', "[?]"));
    } else {
        query.push(" = ").push_bind(pattern.to_owned());
    }
}

/// The `GLOB` pattern of a text that stands anywhere in JSON, in any case: `LIKE` folds the letters of ASCII only.
fn anywhere(word: &str) -> String {
    // As JSON spells it, without the quotes around it.
    let quoted = serde_json::Value::from(word).to_string();
    let spelled = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or_default();
    let mut pattern = "*".to_owned();
    for c in spelled.chars() {
        let cases = cases(c);
        if cases.len() > 1 || matches!(c, '*' | '?' | '[') {
            pattern.push('[');
            pattern.extend(cases);
            pattern.push(']');
        } else {
            pattern.push(c);
        }
    }
    pattern.push('*');
    pattern
}

/// The letter in both cases, where the other case is one letter too; everything else as it is.
fn cases(c: char) -> Vec<char> {
    let mut cases = vec![c];
    let (lower, upper): (Vec<char>, Vec<char>) = (c.to_lowercase().collect(), c.to_uppercase().collect());
    for other in [lower, upper] {
        if let [other] = other[..]
            && !cases.contains(&other)
        {
            cases.push(other);
        }
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_fixed_width() {
        for (time, expected) in [
            ("2026-11-22T12:00:00Z", "2026-11-22T12:00:00.000000Z"),
            ("2026-11-22T12:00:00.5+02:00", "2026-11-22T10:00:00.500000Z"),
        ] {
            assert_eq!(text(time.parse().unwrap()), expected);
        }
    }

    #[test]
    fn a_text_is_looked_for_as_it_is_whatever_its_case() {
        for (word, expected) in [
            ("a1", "*[aA]1*"),
            ("É", "*[Éé]*"),
            ("50%_*?[x]", "*50%_[*][?][[][xX]]*"),
            ("say \"hi\"", "*[sS][aA][yY] \\\"[hH][iI]\\\"*"),
            ("ß", "*ß*"),
        ] {
            assert_eq!(anywhere(word), expected, "{word}");
        }
    }

    #[test]
    fn nothing_given_by_a_person_is_in_the_sql() {
        let evil = || "'; DROP TABLE entries; --*".to_owned();
        let all = [
            Column::Id,
            Column::Principal,
            Column::Role,
            Column::ClientName,
            Column::ClientVersion,
            Column::ClientAddress,
            Column::Method,
            Column::Tool,
            Column::Decision,
            Column::Rule,
            Column::Reason,
            Column::ErrorCode,
            Column::PolicyRevision,
            Column::TraceId,
        ];
        let filter = Filter {
            columns: all.map(|column| (column, evil())).to_vec(),
            access: AccessFilter {
                action: None,
                collection: Some(evil()),
                field: Some(evil()),
                via: Some(evil()),
            },
            outcome: Some(OutcomeFilter::Is(evil())),
            text: Some(evil()),
            ..Filter::default()
        };
        let mut query = QueryBuilder::new("SELECT 1 FROM calls WHERE true");
        filter.push(&mut query);
        let sql = query.into_string();
        assert!(!sql.contains("DROP"), "{sql}");
        assert_eq!(sql.matches('?').count(), all.len() + 6, "{sql}");
    }
}
