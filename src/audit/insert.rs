//! The statements that write rows, many rows in each: each way to SQLite's own thread and back costs as much as a few rows do, and to
//! prepare a statement costs as much as to run it. So there are few statements, which are kept, of exactly so many rows as they write;
//! and a transaction of a few rows goes there as one text.

use super::chain::{Digest, Value};
use super::row::{COLUMNS, Row};
use super::session::Text as Kept;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Arguments as _, AssertSqlSafe};

/// How many rows a statement writes: the largest of these that does not write too many comes first, and one follows for the rest.
const SIZES: [usize; 15] = [64, 56, 48, 40, 32, 24, 16, 8, 7, 6, 5, 4, 3, 2, 1];

/// As many rows of a kind as go to SQLite in one text with all the others of their transaction. With more of them, there would be too many
/// texts to keep.
const FEW: usize = 4;

/// How many prepared texts a connection keeps: those that it ran last. There could be some 250, which would take more memory than they are worth.
pub(super) const TEXTS_KEPT: usize = 96;

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

/// What goes to SQLite in one way: a text of one or more statements, and their values.
#[derive(Default)]
struct Text {
    sql: String,
    values: SqliteArguments,
}

/// Statements in the order in which they run.
#[derive(Default)]
pub(super) struct Script {
    texts: Vec<Text>,
    /// All of them go there as one text.
    is_short: bool,
}

struct Table<'a> {
    name: &'a str,
    columns: &'a [&'a str],
    /// Columns after these; only entries have some.
    seals: &'a [&'a str],
}

/// Policy texts and schema snapshots that are not there yet.
pub(super) async fn texts(connection: &mut SqliteConnection, texts: &[&Kept]) -> Result<(), sqlx::Error> {
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
    /// Writes entries, what their calls do, and what can be erased again.
    pub(super) fn insert(rows: &[Sealed<'_>]) -> Result<Self, sqlx::Error> {
        let accesses: usize = rows.iter().map(|sealed| sealed.row.accesses().len()).sum();
        let mut script = Self { is_short: rows.len().max(accesses) <= FEW, texts: Vec::new() };
        script.rows(rows)?;
        Ok(script)
    }

    /// The same in a transaction of its own, which begins with the first of them and ends with the last.
    pub(super) fn transaction(rows: &[Sealed<'_>]) -> Result<Self, sqlx::Error> {
        let mut script = Self::insert(rows)?;
        if let Some(first) = script.texts.first_mut() {
            first.sql.insert_str(0, "BEGIN IMMEDIATE;");
        }
        if let Some(last) = script.texts.last_mut() {
            last.sql.push_str("COMMIT;");
        }
        Ok(script)
    }

    /// Runs it: all of it, or up to the first statement that fails.
    pub(super) async fn run(self, connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        for Text { sql, values } in self.texts {
            // The text holds names of this file and question marks; what comes from a call is bound.
            sqlx::query_with(AssertSqlSafe(sql), values).execute(&mut *connection).await?;
        }
        Ok(())
    }

    fn rows(&mut self, rows: &[Sealed<'_>]) -> Result<(), sqlx::Error> {
        let entries = rows.iter().map(|sealed| {
            let seals = [Value::Bytes(&sealed.prev), Value::Bytes(&sealed.digest)];
            sealed.values.into_iter().chain(seals)
        });
        self.put(&ENTRIES, entries.collect())?;
        let accesses = rows.iter().flat_map(|sealed| {
            (0_i64..).zip(sealed.row.accesses()).map(|(n, access)| {
                [Value::Integer(sealed.seq), Value::Integer(n)].into_iter().chain(access.values())
            })
        });
        self.put(&ACCESSES, accesses.collect())?;
        let payloads = rows.iter().filter_map(|sealed| {
            let payload = sealed.row.payload()?;
            let texts = [payload.arguments.into(), payload.facts.into()];
            Some([Value::Integer(sealed.seq)].into_iter().chain(texts).chain([Value::Bytes(payload.salt)]))
        });
        self.put(&PAYLOADS, payloads.collect())
    }

    fn put<'v, R>(&mut self, table: &Table<'_>, rows: Vec<R>) -> Result<(), sqlx::Error>
    where
        R: IntoIterator<Item = Value<'v>>,
    {
        let mut left = rows.len();
        let mut rows = rows.into_iter();
        for size in SIZES {
            while size <= left {
                left -= size;
                let mut text = self.next();
                table.statement(size, &mut text.sql);
                for value in rows.by_ref().take(size).flatten() {
                    text.bind(value)?;
                }
                self.texts.push(text);
            }
        }
        Ok(())
    }

    /// The text that the next statement goes into.
    fn next(&mut self) -> Text {
        if self.is_short { self.texts.pop().unwrap_or_default() } else { Text::default() }
    }
}

impl Text {
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
    /// The statement for so many rows.
    fn statement(&self, rows: usize, sql: &mut String) {
        for part in ["INSERT INTO ", self.name, " ("] {
            sql.push_str(part);
        }
        let columns = || self.columns.iter().chain(self.seals);
        listed(sql, columns().copied());
        sql.push_str(") VALUES ");
        for row in 0..rows {
            sql.push_str(if row == 0 { "(" } else { ",(" });
            listed(sql, columns().map(|_| "?"));
            sql.push(')');
        }
        sql.push(';');
    }
}

fn listed<'a>(sql: &mut String, parts: impl Iterator<Item = &'a str>) {
    for (n, part) in parts.enumerate() {
        if n > 0 {
            sql.push(',');
        }
        sql.push_str(part);
    }
}
