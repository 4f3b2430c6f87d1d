//! The decisions of a trail with what they were made on, for those who make them again.

use super::query::{QueryError, TrailReader};
use super::time::text;
use crate::directus::SchemaSnapshot;
use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row as _};

/// Rows fetched at once.
const PAGE: i64 = 1000;

/// A tool call and what was decided of it.
#[derive(Clone, Debug)]
pub struct DecidedCall {
    /// The number of its first entry.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// When it started, as the trail shows times.
    pub at: String,
    /// The role that it was decided for.
    pub role: String,
    /// The tool, as the client had it.
    pub tool: String,
    /// `permit` or `deny`.
    pub decision: String,
    /// Whether a denial was enforced.
    pub enforced: bool,
    /// The rule that decided.
    pub rule: Option<String>,
    /// Why it was denied.
    pub reason: Option<String>,
    /// The snapshot of the schema that it was decided by.
    pub schema_digest: Option<String>,
    /// What it was decided on, as [`crate::policy::facts`] writes it; `None` where that was erased or there was nothing.
    pub facts: Option<String>,
}

impl FromRow<'_, SqliteRow> for DecidedCall {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            seq: row.try_get(0)?,
            id: row.try_get(1)?,
            role: row.try_get(2)?,
            tool: row.try_get(3)?,
            decision: row.try_get(4)?,
            enforced: row.try_get(5)?,
            rule: row.try_get(6)?,
            reason: row.try_get(7)?,
            schema_digest: row.try_get(8)?,
            facts: row.try_get(9)?,
            at: row.try_get(10)?,
        })
    }
}

impl TrailReader {
    /// The lowest number of a call that started at that time or later, and that of the last entry; `None` where there is no such call.
    ///
    /// # Errors
    /// [`QueryError::Trail`], where the file cannot be read.
    pub async fn span(&mut self, since: Timestamp) -> Result<Option<(i64, i64)>, QueryError> {
        // The plus keeps SQLite from looking for the lowest number from the first entry on; a clock may have jumped back since.
        let first =
            sqlx::query_scalar("SELECT min(+seq) FROM entries WHERE principal IS NOT NULL AND at_text >= ?");
        let first = first.bind(text(since)).fetch_one(&mut self.connection).await;
        let first: Option<i64> = self.sql(first)?;
        let Some(first) = first else { return Ok(None) };
        let last = sqlx::query_scalar("SELECT max(seq) FROM entries").fetch_one(&mut self.connection).await;
        Ok(Some((first, self.sql(last)?)))
    }

    /// Tool calls behind an entry that started at that time or later, in the order of the trail: some of them, none at the end.
    ///
    /// # Errors
    /// [`QueryError::Trail`], where the file cannot be read.
    pub async fn decided_calls(
        &mut self,
        behind: i64,
        since: Timestamp,
    ) -> Result<Vec<DecidedCall>, QueryError> {
        let calls = sqlx::query_as(
            "SELECT e.seq, e.call_id, e.role, e.tool, e.decision, e.enforced, e.rule, e.reason, e.schema_digest, p.facts,
                    e.at_text
             FROM entries e LEFT JOIN payloads p ON p.seq = e.seq
             WHERE e.seq > ? AND e.at >= ? AND e.tool IS NOT NULL AND e.decision IS NOT NULL ORDER BY e.seq LIMIT ?",
        );
        let calls = calls.bind(behind).bind(since.as_microsecond()).bind(PAGE);
        let calls = calls.fetch_all(&mut self.connection).await;
        self.sql(calls)
    }

    /// A snapshot of the schema by its digest; `None` where the trail does not have it.
    ///
    /// # Errors
    /// [`QueryError::Trail`], where the file cannot be read.
    pub async fn schema(&mut self, digest: &str) -> Result<Option<SchemaSnapshot>, QueryError> {
        let text = sqlx::query_scalar("SELECT text FROM texts WHERE kind = 'schema' AND digest = ?");
        let text = text.bind(digest).fetch_optional(&mut self.connection).await;
        let text: Option<String> = self.sql(text)?;
        // One that is not what its digest says would decide otherwise than it was decided.
        let schema = text.and_then(|text| SchemaSnapshot::from_text(&text));
        Ok(schema.filter(|schema| schema.digest() == digest))
    }
}
