//! What the calls of an hour come to, put down once the hour is over: statistics of a week then read some thousand rows, not some
//! hundred thousand calls.
//!
//! Tallies are derived and stand outside of the chain. An hour that has none is counted call by call, so nothing depends on them but
//! time. That they are true is seen to in three places: a tally is made of one state of the trail; triggers delete it as soon as a
//! call of its hour comes late, or one of its entries is to be pruned; and `audit verify` makes each anew and compares.

mod durations;
mod hour;
mod made;

pub(super) use durations::Durations;
pub(super) use hour::Hour;
pub(super) use made::{Tally, read};

use super::location::TrailError;
use super::second::Second;
use jiff::{SignedDuration, Timestamp};
use made::COLUMNS;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, QueryBuilder};
use std::time::Instant;

/// How long after its end an hour is left alone: most calls that were under way have ended then.
const SETTLING: SignedDuration = SignedDuration::from_mins(2);

/// How many times as long as it has worked it rests, so that what was missed for months does not take a whole processor.
const REST: u32 = 3;

/// Rows that one statement inserts.
const ROWS: usize = 200;

/// Tallies the hours that are over and have no tally, the last ones first, while a gateway may be writing. Returns how many.
///
/// An hour with a call that has not ended, or with entries on their way out, is left to the next time. Calls are counted without a
/// lock; what is held up is held up for as long as some hundred rows are inserted.
///
/// # Errors
/// [`TrailError`], where the trail cannot be read or written.
pub async fn tally(url: &str, now: Timestamp) -> Result<u64, TrailError> {
    let mut second = Second::open(url).await?;
    let done = tally_all(second.connection(), now).await;
    done.map_err(|error| second.sql(error))
}

async fn tally_all(connection: &mut SqliteConnection, now: Timestamp) -> Result<u64, sqlx::Error> {
    // What a power cut takes away is made anew.
    sqlx::query("PRAGMA synchronous = NORMAL").execute(&mut *connection).await?;
    let mut tallied = 0;
    for hour in missing(connection, now).await? {
        let begun = Instant::now();
        tallied += u64::from(tally_hour(connection, hour).await?);
        tokio::time::sleep(begun.elapsed() * REST).await;
    }
    Ok(tallied)
}

/// The hours that are over, in which calls started, and which have no tally. It goes from one hour to the next in which there is a
/// call, so that those without are never looked at.
async fn missing(connection: &mut SqliteConnection, now: Timestamp) -> Result<Vec<Hour>, sqlx::Error> {
    let now = now.checked_sub(SETTLING).unwrap_or(Timestamp::MIN);
    let hours: Vec<i64> = sqlx::query_scalar(
        "WITH RECURSIVE hours (hour) AS (
             SELECT -1
             UNION
             SELECT (SELECT unixepoch(substr(at_text, 1, 19)) / 3600 FROM entries
                     WHERE principal IS NOT NULL AND at_text >= strftime('%Y-%m-%dT%H', (hour + 1) * 3600, 'unixepoch')
                     ORDER BY at_text LIMIT 1)
             FROM hours WHERE hour < ?1
         )
         SELECT hour FROM hours WHERE hour >= 0 AND hour < ?1 AND hour NOT IN (SELECT hour FROM tallied_hours)
         ORDER BY hour DESC",
    )
    .bind(Hour::of(now).number())
    .fetch_all(connection)
    .await?;
    Ok(hours.into_iter().map(Hour::numbered).collect())
}

/// Whether the hour is tallied now.
async fn tally_hour(connection: &mut SqliteConnection, hour: Hour) -> Result<bool, sqlx::Error> {
    let mut reading = connection.begin().await?;
    let head: i64 =
        sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM entries").fetch_one(&mut *reading).await?;
    let made = Tally::make(&mut reading, hour).await?;
    reading.commit().await?;
    let Some(tally) = made else { return Ok(false) };
    let mut writing = connection.begin_with("BEGIN IMMEDIATE").await?;
    // From here on triggers see to it that it stays true.
    let stale: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM entries WHERE seq > ?1 AND principal IS NOT NULL AND at >= ?2 AND at < ?3)
             OR EXISTS (SELECT 1 FROM tallied_hours WHERE hour = ?4)
             OR (SELECT max(through) FROM pruned) >= ?5",
    )
    .bind(head)
    .bind(hour.start().as_microsecond())
    .bind(hour.end().as_microsecond())
    .bind(hour.number())
    .bind(tally.first)
    .fetch_one(&mut *writing)
    .await?;
    if stale {
        return Ok(false);
    }
    insert(&mut writing, hour, &tally).await?;
    writing.commit().await?;
    Ok(true)
}

async fn insert(connection: &mut SqliteConnection, hour: Hour, tally: &Tally) -> Result<(), sqlx::Error> {
    // Somebody may have deleted the hour without the triggers.
    sqlx::query("DELETE FROM tallies WHERE hour = ?").bind(hour.number()).execute(&mut *connection).await?;
    for (rows, n) in tally.rows.iter().flatten().collect::<Vec<_>>().chunks(ROWS).zip((0_i64..).step_by(ROWS))
    {
        let mut query =
            QueryBuilder::new(format!("INSERT INTO tallies (hour, n, {COLUMNS}, count, durations) "));
        query.push_values((n..).zip(rows), |mut query, (n, row)| {
            query.push_bind(hour.number()).push_bind(n);
            for value in &row.values {
                query.push_bind(value);
            }
            query.push_bind(row.count).push_bind(&row.durations);
        });
        query.build().execute(&mut *connection).await?;
    }
    sqlx::query("INSERT INTO tallied_hours (hour, first, kept) VALUES (?, ?, ?)")
        .bind(hour.number())
        .bind(tally.first)
        .bind(tally.rows.is_some())
        .execute(connection)
        .await?;
    Ok(())
}
