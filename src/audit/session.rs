//! The one connection that writes: rows in, sealed and durable rows out.

use super::chain::{Digest, GENESIS, Value};
use super::location::Location;
use super::migration::APPLICATION_ID;
use super::row::{COLUMNS, Row};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, QueryBuilder, Sqlite};
use std::time::Duration;

/// SQLite takes 32,766 values in a statement; an entry has 34, and longer statements win nothing.
const ROWS_PER_STATEMENT: usize = 500;

/// Statements of few rows come again in the same length and are worth keeping; of the others each is a new one.
const ROWS_WORTH_CACHING: usize = 16;

/// An open connection, and where the chain ends.
#[derive(Debug)]
pub(super) struct Session {
    connection: SqliteConnection,
    head: Head,
    // Where the chain ends if the transaction under way gets through; the same as `head` between transactions.
    next: Head,
}

/// The last entry of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Its place; 0 where there is none.
    pub(super) seq: i64,
    digest: Digest,
}

/// A policy text or a schema snapshot, kept once.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) digest: String,
    pub(super) kind: &'static str,
    pub(super) body: String,
}

/// A row and its place in the chain.
struct Sealed<'a> {
    row: &'a Row,
    seq: i64,
    prev: Digest,
    digest: Digest,
}

impl Session {
    /// Connects, and reads where the chain ends.
    pub(super) async fn open(location: &Location, busy_timeout: Duration) -> Result<Self, sqlx::Error> {
        let mut connection = connect(location, busy_timeout).await?;
        let head = if is_empty(&mut connection).await? { Head::START } else { head(&mut connection).await? };
        Ok(Self { connection, head, next: head })
    }

    /// The connection itself, for what is done before the first entry.
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// Where the chain ends.
    pub(super) fn head(&self) -> Head {
        self.head
    }

    /// After a failed write: where the chain ends if SQLite has kept the rows all the same.
    pub(super) fn doubtful(&self) -> Head {
        self.next
    }

    /// Writes all of it in one transaction; once this returns, it is on the disk.
    ///
    /// After an error the session is of no more use: what SQLite has kept is known to a new one only.
    pub(super) async fn write(&mut self, texts: &[&Text], rows: &[&Row]) -> Result<(), sqlx::Error> {
        let sealed = self.seal(rows);
        self.next = sealed.last().map_or(self.head, Sealed::head);
        let mut transaction = self.connection.begin_with("BEGIN IMMEDIATE").await?;
        if texts.is_empty() && rows.is_empty() {
            touch(&mut transaction).await?;
        }
        insert_texts(&mut transaction, texts).await?;
        insert_entries(&mut transaction, &sealed).await?;
        insert_accesses(&mut transaction, &sealed).await?;
        insert_payloads(&mut transaction, &sealed).await?;
        transaction.commit().await?;
        self.head = self.next;
        Ok(())
    }

    /// Moves what is in the write-ahead log into the file, and disconnects.
    pub(super) async fn close(mut self) -> Result<(), sqlx::Error> {
        // A reader in the middle of a query keeps the log from being emptied; that does no harm.
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut self.connection).await?;
        self.connection.close().await
    }

    /// Disconnects after an error, whatever state the connection is in.
    pub(super) async fn abandon(self) {
        if let Err(error) = self.connection.close_hard().await {
            tracing::debug!(%error, "closing the audit trail after an error failed too");
        }
    }

    fn seal<'a>(&self, rows: &[&'a Row]) -> Vec<Sealed<'a>> {
        let mut head = self.head;
        let mut sealed = Vec::with_capacity(rows.len());
        for row in rows {
            let (seq, prev) = (head.seq + 1, head.digest);
            let next = Sealed { row, seq, prev, digest: row.digest(seq, &prev) };
            head = next.head();
            sealed.push(next);
        }
        sealed
    }
}

impl Head {
    const START: Self = Self { seq: 0, digest: GENESIS };
}

impl Sealed<'_> {
    fn head(&self) -> Head {
        Head { seq: self.seq, digest: self.digest }
    }
}

async fn connect(location: &Location, busy_timeout: Duration) -> Result<SqliteConnection, sqlx::Error> {
    SqliteConnectOptions::new()
        .filename(location.path())
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(busy_timeout)
        // The page cache is the gateway's memory; a larger one does not write faster.
        .pragma("cache_size", "-2048")
        // The log grows while somebody reads for long; afterwards it is cut back to this.
        .pragma("journal_size_limit", "67108864")
        .connect()
        .await
}

async fn is_empty(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name = 'entries'")
        .fetch_one(connection)
        .await?;
    Ok(tables == 0)
}

async fn head(connection: &mut SqliteConnection) -> Result<Head, sqlx::Error> {
    let last: Option<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT seq, digest FROM entries ORDER BY seq DESC LIMIT 1")
            .fetch_optional(connection)
            .await?;
    let Some((seq, digest)) = last else { return Ok(Head::START) };
    let digest = digest
        .try_into()
        .map_err(|_| sqlx::Error::Decode(format!("entry {seq} has a digest of the wrong length").into()))?;
    Ok(Head { seq, digest })
}

/// A write that changes nothing, so that a full or read-only disk is noticed before a call needs it.
async fn touch(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let mut pragma = QueryBuilder::<Sqlite>::new("PRAGMA application_id = ");
    pragma.push(APPLICATION_ID);
    execute(connection, pragma, true).await
}

async fn insert_texts(connection: &mut SqliteConnection, texts: &[&Text]) -> Result<(), sqlx::Error> {
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

async fn insert_entries(connection: &mut SqliteConnection, rows: &[Sealed<'_>]) -> Result<(), sqlx::Error> {
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO entries (");
        insert.push(COLUMNS.join(", ")).push(", prev, digest) ");
        insert.push_values(rows, |mut tuple, sealed| {
            let seals = [Value::Bytes(&sealed.prev), Value::Bytes(&sealed.digest)];
            for value in sealed.row.values(sealed.seq).into_iter().chain(seals) {
                bind(&mut tuple, value);
            }
        });
        execute(connection, insert, rows.len() <= ROWS_WORTH_CACHING).await?;
    }
    Ok(())
}

async fn insert_accesses(connection: &mut SqliteConnection, rows: &[Sealed<'_>]) -> Result<(), sqlx::Error> {
    let rows: Vec<_> = rows
        .iter()
        .flat_map(|sealed| (0_i64..).zip(sealed.row.accesses()).map(|(n, access)| (sealed.seq, n, access)))
        .collect();
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let mut insert = QueryBuilder::<Sqlite>::new(
            "INSERT INTO accesses (seq, n, action, collection, fields, extent, via, asked) ",
        );
        insert.push_values(rows, |mut tuple, (seq, n, access)| {
            tuple.push_bind(*seq).push_bind(*n);
            for value in access.values() {
                bind(&mut tuple, value);
            }
        });
        execute(connection, insert, rows.len() <= ROWS_WORTH_CACHING).await?;
    }
    Ok(())
}

async fn insert_payloads(connection: &mut SqliteConnection, rows: &[Sealed<'_>]) -> Result<(), sqlx::Error> {
    let rows: Vec<_> = rows.iter().filter_map(|sealed| Some((sealed.seq, sealed.row.payload()?))).collect();
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO payloads (seq, arguments, salt) ");
        insert.push_values(rows, |mut tuple, &(seq, (arguments, salt))| {
            tuple.push_bind(seq).push_bind(arguments).push_bind(salt);
        });
        execute(connection, insert, rows.len() <= ROWS_WORTH_CACHING).await?;
    }
    Ok(())
}

fn bind(tuple: &mut sqlx::query_builder::Separated<'_, Sqlite, &'static str>, value: Value<'_>) {
    match value {
        // Bound, so that the statement is the same whatever is missing.
        Value::Null => tuple.push_bind(None::<i64>),
        Value::Integer(number) => tuple.push_bind(number),
        Value::Text(text) => tuple.push_bind(text),
        Value::Bytes(bytes) => tuple.push_bind(bytes),
    };
}

async fn execute(
    connection: &mut SqliteConnection,
    mut statement: QueryBuilder<Sqlite>,
    cached: bool,
) -> Result<(), sqlx::Error> {
    statement.build().persistent(cached).execute(connection).await?;
    Ok(())
}
