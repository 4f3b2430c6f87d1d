//! The tally of one hour: made of its entries, and as the table has it.

use super::{Durations, Hour};
use crate::audit::time::text;
use futures_util::TryStreamExt as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, FromRow, Row as _};

/// What the calls of a row have in common.
pub(super) const COLUMNS: &str = "method, role, tool, decision, enforced, rule, reason, outcome, error_code";
const WIDTH: usize = 9;

/// More rows are not kept for an hour: clients choose some of the words, and could choose a new one each time.
const MOST: usize = 2000;

/// What the calls that started in one hour come to.
#[derive(Debug, PartialEq)]
pub(in crate::audit) struct Tally {
    /// The number of the first of their entries.
    pub(super) first: i64,
    /// In the order of their values; `None` where they would be too many.
    pub(super) rows: Option<Vec<TallyRow>>,
}

/// The calls of one hour that have the same values.
#[derive(Debug, PartialEq)]
pub(super) struct TallyRow {
    /// Of [`COLUMNS`], as text.
    pub(super) values: [Option<String>; WIDTH],
    pub(super) count: i64,
    /// As [`Durations::encode`] makes them.
    pub(super) durations: Vec<u8>,
}

/// A row that is being added to.
struct Open {
    values: [Option<String>; WIDTH],
    count: i64,
    durations: Durations,
}

impl Tally {
    /// Counts the calls of an hour; `None` where there are none, or one of them has not ended. All of it has to see one state of the
    /// trail.
    pub(in crate::audit) async fn make(
        connection: &mut SqliteConnection,
        hour: Hour,
    ) -> Result<Option<Self>, sqlx::Error> {
        let mut tally = Self { first: i64::MAX, rows: Some(Vec::new()) };
        let mut open: Option<Open> = None;
        let groups = AssertSqlSafe(format!(
            "SELECT {COLUMNS}, sum(count), min(seq), outcome IS NULL,
                    CASE WHEN duration_ms IS NOT NULL THEN printf('%.2e', duration_ms) END
             FROM calls WHERE started_at >= ? AND started_at < ?
             GROUP BY {COLUMNS}, {0} ORDER BY {COLUMNS}, {0}",
            WIDTH + 4
        ));
        let groups = sqlx::query(groups).bind(text(hour.start())).bind(text(hour.end()));
        let mut groups = groups.fetch(connection);
        while let Some(group) = groups.try_next().await? {
            if group.try_get(WIDTH + 2)? {
                return Ok(None);
            }
            tally.first = tally.first.min(group.try_get(WIDTH + 1)?);
            let values = values(&group)?;
            let row = match open.take() {
                Some(row) if row.values == values => row,
                before => {
                    tally.push(before);
                    Open { values, count: 0, durations: Durations::default() }
                }
            };
            open = Some(row.with(&group)?);
        }
        tally.push(open);
        Ok((tally.first < i64::MAX).then_some(tally))
    }

    fn push(&mut self, row: Option<Open>) {
        let Some(Open { values, count, durations }) = row else { return };
        let rows = self.rows.take().filter(|rows| rows.len() < MOST);
        self.rows = rows.map(|mut rows| {
            rows.push(TallyRow { values, count, durations: durations.encode() });
            rows
        });
    }
}

impl Open {
    fn with(mut self, group: &SqliteRow) -> Result<Self, sqlx::Error> {
        let count: i64 = group.try_get(WIDTH)?;
        self.count = self.count.saturating_add(count);
        if let Some(rounded) = group.try_get::<Option<&str>, _>(WIDTH + 3)? {
            self.durations.add(rounded, count.unsigned_abs());
        }
        Ok(self)
    }
}

impl FromRow<'_, SqliteRow> for TallyRow {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self { values: values(row)?, count: row.try_get(WIDTH)?, durations: row.try_get(WIDTH + 1)? })
    }
}

/// The tally that the trail has; `None` where it has none.
pub(in crate::audit) async fn read(
    connection: &mut SqliteConnection,
    hour: Hour,
) -> Result<Option<Tally>, sqlx::Error> {
    let mark: Option<(i64, bool)> = sqlx::query_as("SELECT first, kept FROM tallied_hours WHERE hour = ?")
        .bind(hour.number())
        .fetch_optional(&mut *connection)
        .await?;
    let Some((first, kept)) = mark else { return Ok(None) };
    let rows = AssertSqlSafe(format!(
        "SELECT {COLUMNS}, count, durations FROM tallies WHERE hour = ? ORDER BY n LIMIT ?"
    ));
    let rows: Vec<TallyRow> = sqlx::query_as(rows)
        .bind(hour.number())
        // One more than there can be shows that there are more.
        .bind(i64::try_from(MOST + 1).unwrap_or(i64::MAX))
        .fetch_all(connection)
        .await?;
    Ok(Some(Tally { first, rows: kept.then_some(rows) }))
}

fn values(row: &SqliteRow) -> Result<[Option<String>; WIDTH], sqlx::Error> {
    let mut values = [const { None }; WIDTH];
    for (n, value) in values.iter_mut().enumerate() {
        // `enforced` is a number, which is text as well as any other value.
        *value = row.try_get_unchecked(n)?;
    }
    Ok(values)
}
