//! Counting whole hours by their tallies.

use super::{Count, Dimension};
use super::{Counting, Group, Groups, NUMBERS, SUM, add, push_numbers};
use crate::audit::filter::{AccessFilter, Column, Filter};
use crate::audit::query::QueryError;
use crate::audit::tallies::Hour;
use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Connection as _, QueryBuilder, Row as _, Sqlite};
use std::ops::Range;

/// How many hours are read in one transaction: longer ones would keep the write-ahead log from shrinking.
const SLICE: i64 = 31 * 24;

impl Count {
    /// What it is counted by, as tallies say it; `None` where they do not have all that is asked.
    pub(super) fn by_tallies(&self) -> Option<Vec<&'static str>> {
        let by = self.by.iter().copied().map(Dimension::tallied).collect::<Option<_>>()?;
        are_tallied(&self.filter).then_some(by)
    }

    /// As for calls one by one, but that each row says how long many of them took.
    fn tallies(&self, by: &[&'static str], hours: &Range<Hour>) -> QueryBuilder<Sqlite> {
        let mut query = QueryBuilder::new("SELECT ");
        for expression in by {
            query.push(expression).push(", ");
        }
        push_numbers(&mut query, SUM);
        query.push("group_concat(hex(durations)) FROM tallies AS calls WHERE hour IN (");
        push_hours(&mut query, hours);
        query.push(")");
        Filter { since: None, until: None, ..self.filter.clone() }.push(&mut query);
        query.push(" GROUP BY true");
        for n in 1..=by.len() {
            query.push(format!(", {n}"));
        }
        query
    }
}

impl Counting<'_> {
    /// Adds what tallies say of a period, and returns what is left to be counted call by call: the ends that are no whole hours, and
    /// hours without a tally.
    pub(super) async fn tallied(
        &mut self,
        by: &[&'static str],
        period: Range<Timestamp>,
        groups: &mut Groups,
    ) -> Result<Vec<Range<Timestamp>>, QueryError> {
        let (mut from, end) = (Hour::from(period.start), Hour::of(period.end));
        let (mut left, mut counted) = (Vec::new(), period.start);
        while from < end {
            let until = from.later(SLICE).min(end);
            let query = self.count.tallies(by, &(from..until));
            let found = slice(&mut self.reader.connection, query, &(from..until)).await;
            let (hours, rows) = self.reader.sql(found)?;
            for row in &rows {
                let added = add(groups, by.len(), row).and_then(|(group, _)| durations(group, by.len(), row));
                self.reader.sql(added)?;
            }
            for hour in hours {
                if counted < hour.start() {
                    left.push(counted..hour.start());
                }
                counted = hour.end();
            }
            from = until;
        }
        left.push(counted..period.end);
        Ok(left)
    }
}

/// The hours that have a tally, and what their tallies say: both of one state of the trail, since the next call could delete one.
async fn slice(
    connection: &mut SqliteConnection,
    mut question: QueryBuilder<Sqlite>,
    hours: &Range<Hour>,
) -> Result<(Vec<Hour>, Vec<SqliteRow>), sqlx::Error> {
    let mut reading = connection.begin().await?;
    let mut query = QueryBuilder::new("");
    push_hours(&mut query, hours);
    query.push(" ORDER BY hour");
    let tallied: Vec<i64> = query.build_query_scalar().fetch_all(&mut *reading).await?;
    let rows =
        if tallied.is_empty() { Vec::new() } else { question.build().fetch_all(&mut *reading).await? };
    reading.commit().await?;
    Ok((tallied.into_iter().map(Hour::numbered).collect(), rows))
}

fn push_hours(query: &mut QueryBuilder<Sqlite>, hours: &Range<Hour>) {
    query.push("SELECT hour FROM tallied_hours WHERE kept AND hour >= ").push_bind(hours.start.number());
    query.push(" AND hour < ").push_bind(hours.end.number());
}

fn durations(group: &mut Group, values: usize, row: &SqliteRow) -> Result<(), sqlx::Error> {
    // Two digits a byte, and a comma between rows.
    let texts: &str = row.try_get(values + NUMBERS)?;
    for text in texts.split(',') {
        let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let bytes = text.as_bytes().as_chunks::<2>().0.iter();
        let bytes = bytes.filter_map(|[high, low]| Some(digit(high)? << 4 | digit(low)?));
        let unclear = || sqlx::Error::Decode("a tally does not say how long calls took".into());
        group.durations.decode(bytes).ok_or_else(unclear)?;
    }
    Ok(())
}

/// Whether tallies have all that is asked of a call.
fn are_tallied(filter: &Filter) -> bool {
    // All of it by name, so that what comes to it later is thought of here.
    let Filter {
        since: _,
        until: _,
        columns,
        access,
        outcome: _,
        enforced: _,
        http_status: None,
        slower_than: None,
        larger_than: None,
        more_items_than: None,
        text: None,
    } = filter
    else {
        return false;
    };
    *access == AccessFilter::default() && columns.iter().all(|(column, _)| is_tallied(*column))
}

fn is_tallied(column: Column) -> bool {
    match column {
        Column::Method
        | Column::Role
        | Column::Tool
        | Column::Decision
        | Column::Rule
        | Column::Reason
        | Column::ErrorCode => true,
        Column::Id
        | Column::Principal
        | Column::ClientName
        | Column::ClientVersion
        | Column::ClientAddress
        | Column::PolicyRevision
        | Column::TraceId => false,
    }
}
