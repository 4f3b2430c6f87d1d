//! How many calls there were, of whom, and what came of them: counted by SQLite in slices of time, put together here.
//!
//! Whole hours are taken from their [`tallies`](super::tallies) where these say what is asked; the rest is counted call by call, and both
//! ways come to the same.

mod chart;
mod dimension;
mod render;
mod tallied;

pub use chart::Screen;
pub use dimension::Dimension;
pub use render::StatsRenderer;

use super::filter::{AccessFilter, Filter};
use super::query::{QueryError, TrailReader};
use super::tallies::Durations;
use super::time::text;
use jiff::{SignedDuration, Timestamp};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row as _, Sqlite};
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

/// What is counted in one query at most: longer ones would keep the write-ahead log from shrinking.
const SLICE: SignedDuration = SignedDuration::from_hours(24);

/// Intervals begin at multiples of their length from here on: a Monday, at midnight.
const ANCHOR: i64 = 4 * 24 * 3600;

/// What to count.
#[derive(Clone, Debug)]
pub struct Count {
    /// Which calls; a time that is left out is the first call's, or now.
    pub filter: Filter,
    /// What they are told apart by; all together where there is none.
    pub by: Vec<Dimension>,
    /// A row for each such interval of time; one for all of it where there is none.
    pub every: Option<Duration>,
}

/// How many calls a group has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// What they have in common, in the order of [`Count::by`].
    pub values: Vec<Option<String>>,
    /// How many there are.
    pub calls: u64,
    /// How many were denied.
    pub denied: u64,
    /// How many would have been denied, had the role or rule not been observed only.
    pub would_deny: u64,
    /// How many ended as `error` or `failed`.
    pub errors: u64,
    durations: Durations,
}

/// The groups of an interval of time, those with most calls first.
#[derive(Clone, Debug, PartialEq)]
pub struct Interval {
    /// Its beginning.
    pub start: Timestamp,
    /// What was counted; none where there was nothing to count.
    pub groups: Vec<Group>,
}

/// A count under way.
#[derive(Debug)]
pub struct Counting<'a> {
    reader: &'a mut TrailReader,
    count: Count,
    /// Where the next interval begins; `None` at the end.
    next: Option<Timestamp>,
    end: Timestamp,
}

/// Groups by what they have in common.
type Groups = BTreeMap<Vec<Option<String>>, Group>;

impl TrailReader {
    /// Begins to count, with `now` as the end where the filter names none.
    ///
    /// # Errors
    ///
    /// [`QueryError::Trail`], where the file cannot be read.
    pub async fn count(&mut self, count: Count, now: Timestamp) -> Result<Counting<'_>, QueryError> {
        let start = match count.filter.since {
            Some(since) => Some(since),
            None => self.first_start(Timestamp::UNIX_EPOCH).await?,
        };
        let end = count.filter.until.unwrap_or(now);
        let start = start.map(|start| count.every.map_or(start, |every| floor(start, every)));
        Ok(Counting { reader: self, next: start.filter(|start| *start < end), count, end })
    }

    /// When the first call started that started at that time or later.
    async fn first_start(&mut self, since: Timestamp) -> Result<Option<Timestamp>, QueryError> {
        let first = sqlx::query_scalar(
            "SELECT started_at FROM calls WHERE started_at >= ? ORDER BY started_at, id LIMIT 1",
        );
        let first = first.bind(text(since)).fetch_optional(&mut self.connection).await;
        let first: Option<String> = self.sql(first)?;
        Ok(first.and_then(|first| first.parse().ok()))
    }
}

impl Counting<'_> {
    /// The next interval; `None` when all are counted.
    ///
    /// # Errors
    ///
    /// [`QueryError::Trail`], where the file cannot be read.
    pub async fn next(&mut self) -> Result<Option<Interval>, QueryError> {
        let Some(start) = self.next else { return Ok(None) };
        let end = match self.count.every {
            Some(every) => start.checked_add(every).unwrap_or(self.end),
            None => self.end,
        };
        self.next = (end < self.end).then_some(end);
        let groups = self.groups(start, end.min(self.end)).await?;
        Ok(Some(Interval { start, groups }))
    }

    async fn groups(&mut self, start: Timestamp, end: Timestamp) -> Result<Vec<Group>, QueryError> {
        let start = self.count.filter.since.map_or(start, |since| since.max(start));
        let mut groups = Groups::new();
        let left = match self.count.by_tallies() {
            Some(by) => self.tallied(&by, start..end, &mut groups).await?,
            None => vec![start..end],
        };
        for period in left {
            self.add_calls(period, &mut groups).await?;
        }
        let mut groups: Vec<Group> = groups.into_values().collect();
        // Stable, so that groups of one size stay in the order of what they have in common.
        groups.sort_by_key(|group| std::cmp::Reverse(group.calls));
        Ok(groups)
    }

    /// Counts call by call.
    async fn add_calls(&mut self, period: Range<Timestamp>, groups: &mut Groups) -> Result<(), QueryError> {
        let mut from = period.start;
        while from < period.end {
            let until = from.checked_add(SLICE).unwrap_or(period.end).min(period.end);
            let filter = Filter { since: Some(from), until: Some(until), ..self.count.filter.clone() };
            let rows = self.count.query(&filter).build().fetch_all(&mut self.reader.connection).await;
            for row in self.reader.sql(rows)? {
                let added = add(groups, self.count.by.len(), &row);
                let (group, calls) = self.reader.sql(added)?;
                let rounded: Option<&str> = self.reader.sql(row.try_get(self.count.by.len() + NUMBERS))?;
                if let Some(rounded) = rounded {
                    group.durations.add(rounded, calls);
                }
            }
            from = until;
        }
        Ok(())
    }
}

impl Count {
    /// Counts by all of it and by duration, to three digits: grouping by them keeps what comes back small, and rounding
    /// does not change which duration is in the middle.
    fn query(&self, filter: &Filter) -> QueryBuilder<Sqlite> {
        let mut query = QueryBuilder::new("SELECT ");
        for dimension in &self.by {
            query.push(dimension.expression()).push(", ");
        }
        let of_accesses = self.by.iter().any(|dimension| dimension.is_of_accesses());
        // A call can have several accesses of one group; a row can stand for several requests.
        push_numbers(&mut query, if of_accesses { DISTINCT } else { SUM });
        query.push("CASE WHEN duration_ms IS NOT NULL THEN printf('%.2e', duration_ms) END FROM calls");
        if of_accesses {
            let join = if filter.access.is_empty() { " LEFT JOIN" } else { " JOIN" };
            query.push(join).push(" call_accesses a ON a.id = calls.id");
            filter.access.push(&mut query);
        }
        query.push(" WHERE true");
        // The access that is counted is the one that the filter is about, not another one of the same call.
        let access = if of_accesses { AccessFilter::default() } else { filter.access.clone() };
        Filter { access, ..filter.clone() }.push(&mut query);
        query.push(format!(" GROUP BY {}", self.by.len() + NUMBERS + 1));
        for n in 1..=self.by.len() {
            query.push(format!(", {n}"));
        }
        query
    }
}

/// What is counted of each group: all, denied, would-be denials and errors.
const NUMBERS: usize = 4;
/// What stands around the condition on a call.
const SUM: (&str, &str) = ("sum(CASE WHEN ", " THEN calls.count ELSE 0 END), ");
const DISTINCT: (&str, &str) = ("count(DISTINCT CASE WHEN ", " THEN calls.id END), ");

fn push_numbers(query: &mut QueryBuilder<Sqlite>, (before, after): (&str, &str)) {
    let conditions: [&str; NUMBERS] = [
        "true",
        "decision = 'deny' AND enforced",
        "decision = 'deny' AND NOT enforced",
        "outcome IN ('error', 'failed')",
    ];
    for condition in conditions {
        query.push(before).push(condition).push(after);
    }
}

/// Adds the numbers of one row of the answer to the group that it belongs to, and tells how many calls it is.
fn add<'a>(
    groups: &'a mut Groups,
    values: usize,
    row: &SqliteRow,
) -> Result<(&'a mut Group, u64), sqlx::Error> {
    let key = (0..values).map(|n| row.try_get(n)).collect::<Result<Vec<Option<String>>, _>>()?;
    let number = |n: usize| row.try_get::<i64, _>(values + n).map(i64::unsigned_abs);
    let group = groups.entry(key).or_insert_with_key(|key| Group { values: key.clone(), ..Group::default() });
    let calls = number(0)?;
    // A file that somebody has touched can say anything.
    group.calls = group.calls.saturating_add(calls);
    group.denied = group.denied.saturating_add(number(1)?);
    group.would_deny = group.would_deny.saturating_add(number(2)?);
    group.errors = group.errors.saturating_add(number(3)?);
    Ok((group, calls))
}

impl Group {
    /// The duration that half of the calls did not exceed, in milliseconds, to three digits; of those that have one.
    pub fn median_ms(&self) -> Option<f64> {
        self.durations.percentile(50)
    }

    /// The duration that 95 of 100 calls did not exceed.
    pub fn p95_ms(&self) -> Option<f64> {
        self.durations.percentile(95)
    }
}

/// The beginning of the interval that the time is in.
fn floor(time: Timestamp, every: Duration) -> Timestamp {
    let every = i128::try_from(every.as_nanos()).unwrap_or(i128::MAX).max(1);
    let anchor = i128::from(ANCHOR) * 1_000_000_000;
    let into = (time.as_nanosecond() - anchor).rem_euclid(every);
    Timestamp::from_nanosecond(time.as_nanosecond() - into).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_begin_where_people_expect_it() {
        for (time, every, expected) in [
            ("2026-11-22T12:34:56Z", 3600, "2026-11-22T12:00:00Z"),
            ("2026-11-22T12:34:56Z", 900, "2026-11-22T12:30:00Z"),
            ("2026-11-22T12:34:56Z", 86_400, "2026-11-22T00:00:00Z"),
            // A Sunday, in the week that began on Monday.
            ("2026-11-22T12:34:56Z", 7 * 86_400, "2026-11-16T00:00:00Z"),
            ("2026-11-22T12:00:00Z", 3600, "2026-11-22T12:00:00Z"),
        ] {
            let found = floor(time.parse().unwrap(), Duration::from_secs(every));
            assert_eq!(found.to_string(), expected, "{time} {every}");
        }
    }
}
