//! The statements that write rows, many in one text: each way to SQLite's own thread and back costs more than a row does, and to
//! prepare a statement costs as much as to run it. So a transaction goes there as one text, and there are few texts, which are kept.

use super::chain::{Digest, Value};
use super::row::{COLUMNS, Row};
use super::session::Text;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Arguments as _, AssertSqlSafe};

/// How many rows a statement takes: the smallest of these that will do. What is left over is filled with rows without a `seq`, which
/// the statement passes over, so that the same few texts come again and again.
const SIZES: [usize; 4] = [2, 8, 32, ENTRIES_PER_SCRIPT];

/// As many entries as go into one text.
pub(super) const ENTRIES_PER_SCRIPT: usize = 128;

/// How many prepared texts a connection keeps; one of the longest takes half a megabyte.
pub(super) const SCRIPTS_KEPT: usize = 32;

const ENTRIES: Table<'_> = Table { name: "entries", columns: &COLUMNS, seals: &["prev", "digest"] };
const ACCESSES: Table<'_> = Table {
    name: "accesses",
    columns: &["seq", "n", "action", "collection", "fields", "extent", "via", "asked"],
    seals: &[],
};
const PAYLOADS: Table<'_> =
    Table { name: "payloads", columns: &["seq", "arguments", "facts", "salt"], seals: &[] };

/// A row and its place in the chain.
pub(super) struct Sealed<'a> {
    pub(super) row: &'a Row,
    /// What stands in [`COLUMNS`].
    pub(super) values: [Value<'a>; COLUMNS.len()],
    pub(super) seq: i64,
    pub(super) prev: Digest,
    pub(super) digest: Digest,
}

/// Statements and their values.
#[derive(Default)]
pub(super) struct Script {
    sql: String,
    values: SqliteArguments,
}

struct Table<'a> {
    name: &'a str,
    columns: &'a [&'a str],
    /// Columns after these; only entries have some.
    seals: &'a [&'a str],
}

/// Policy texts and schema snapshots that are not there yet.
pub(super) async fn texts(connection: &mut SqliteConnection, texts: &[&Text]) -> Result<(), sqlx::Error> {
    for text in texts {
        sqlx::query("INSERT INTO texts (digest, kind, text) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
            .bind(&text.digest)
            .bind(text.kind)
            .bind(&text.body)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

impl Script {
    /// One statement without values.
    pub(super) fn say(&mut self, statement: &str) {
        self.sql.push_str(statement);
        self.sql.push(';');
    }

    /// Entries, what their calls do, and what can be erased again.
    pub(super) fn insert(&mut self, rows: &[Sealed<'_>]) -> Result<(), sqlx::Error> {
        let entries = rows.iter().map(|sealed| {
            let seals = [Value::Bytes(&sealed.prev), Value::Bytes(&sealed.digest)];
            sealed.values.into_iter().chain(seals)
        });
        self.rows(&ENTRIES, entries.collect())?;
        let accesses = rows.iter().flat_map(|sealed| {
            (0_i64..).zip(sealed.row.accesses()).map(|(n, access)| {
                [Value::Integer(sealed.seq), Value::Integer(n)].into_iter().chain(access.values())
            })
        });
        self.rows(&ACCESSES, accesses.collect())?;
        let payloads = rows.iter().filter_map(|sealed| {
            let payload = sealed.row.payload()?;
            let texts = [payload.arguments.into(), payload.facts.into()];
            Some([Value::Integer(sealed.seq)].into_iter().chain(texts).chain([Value::Bytes(payload.salt)]))
        });
        self.rows(&PAYLOADS, payloads.collect())
    }

    /// Runs it: all of it, or up to the first statement that fails.
    pub(super) async fn run(self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        // The text holds names of this file and question marks; what comes from a call is bound.
        sqlx::query_with(AssertSqlSafe(self.sql), self.values).execute(connection).await?;
        Ok(())
    }

    fn rows<'v, R>(&mut self, table: &Table<'_>, rows: Vec<R>) -> Result<(), sqlx::Error>
    where
        R: IntoIterator<Item = Value<'v>>,
    {
        let mut left = rows.len();
        let mut rows = rows.into_iter();
        while left > 0 {
            let size = SIZES.into_iter().find(|&size| size >= left).unwrap_or(ENTRIES_PER_SCRIPT);
            table.statement(size, &mut self.sql);
            for value in rows.by_ref().take(size).flatten() {
                self.bind(value)?;
            }
            for _ in 0..size.saturating_sub(left) * table.width() {
                self.bind(Value::Null)?;
            }
            left = left.saturating_sub(size);
        }
        Ok(())
    }

    fn bind(&mut self, value: Value<'_>) -> Result<(), sqlx::Error> {
        let bound = match value {
            Value::Null => self.values.add(None::<i64>),
            Value::Integer(number) => self.values.add(number),
            Value::Text(text) => self.values.add(text),
            Value::Bytes(bytes) => self.values.add(bytes),
        };
        bound.map_err(sqlx::Error::Encode)
    }
}

impl Table<'_> {
    fn width(&self) -> usize {
        self.columns.len() + self.seals.len()
    }

    /// The statement for so many rows.
    fn statement(&self, rows: usize, sql: &mut String) {
        let columns = [self.columns, self.seals].concat().join(",");
        let row = format!("({})", vec!["?"; self.width()].join(","));
        let rows = vec![row; rows].join(",");
        let from = ") WHERE column1 IS NOT NULL;";
        for part in ["INSERT INTO ", self.name, " (", &columns, ") SELECT * FROM (VALUES ", &rows, from] {
            sql.push_str(part);
        }
    }
}
