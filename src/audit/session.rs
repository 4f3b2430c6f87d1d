//! The one connection that writes: rows in, sealed and durable rows out.

use super::chain::{Digest, GENESIS};
use super::insert::{self, Script, Sealed, TEXTS_KEPT};
use super::location::Location;
use super::migration::APPLICATION_ID;
use super::pseudonyms::Pseudonyms;
use super::row::Row;
use sqlx::error::DatabaseError;
use sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _, QueryBuilder, Sqlite, Transaction};
use std::sync::Arc;
use std::time::Duration;

/// What the database says where an entry's place is taken; it stands in the migration.
const TAKEN: &str = "entries cannot be replaced";

/// An open connection, and where the chain ends.
#[derive(Debug)]
pub(super) struct Session {
    connection: SqliteConnection,
    pseudonyms: Pseudonyms,
    /// Where the chain ended when this session last looked.
    head: Head,
    /// Where the chain ends if the transaction under way gets through; the same as `head` between transactions.
    next: Head,
}

/// The last entry of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// Its place; 0 where there is none.
    pub(super) seq: i64,
    /// Its digest.
    pub(super) digest: Digest,
}

/// A policy text or a schema snapshot, kept once.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) digest: String,
    pub(super) kind: &'static str,
    pub(super) body: String,
}

/// A transaction that appends to the chain. Nobody else can write until it is committed or dropped.
#[derive(Debug)]
pub(super) struct Appending<'a> {
    transaction: Transaction<'a, Sqlite>,
    pseudonyms: &'a mut Pseudonyms,
    head: &'a mut Head,
    next: &'a mut Head,
}

impl Session {
    /// Connects, and reads where the chain ends.
    pub(super) async fn open(location: &Location, busy_timeout: Duration) -> Result<Self, sqlx::Error> {
        let mut connection = connect(location, busy_timeout).await?;
        let head = if is_empty(&mut connection).await? { Head::START } else { head(&mut connection).await? };
        Ok(Self { connection, pseudonyms: Pseudonyms::default(), head, next: head })
    }

    /// The connection itself, for what is done outside the chain.
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }

    /// Where the chain ends.
    pub(super) fn head(&self) -> Head {
        self.head
    }

    /// After a failed write: where the chain ends if SQLite has kept the rows all the same; `None` where it got none.
    pub(super) fn doubtful(&self) -> Option<Head> {
        (self.next != self.head).then_some(self.next)
    }

    /// Writes all of it in one transaction; once this returns, it is on the disk.
    ///
    /// A command such as `audit prune` may have appended to the chain meanwhile. The database then refuses the first row, since
    /// its place is taken, and all of it is written behind what has come. So the usual case costs no look at the end of the chain.
    ///
    /// After an error the session is of no more use: what SQLite has kept is known to a new one only.
    pub(super) async fn write(&mut self, texts: &[&Text], rows: &[&Row]) -> Result<(), sqlx::Error> {
        let written = match self.known(rows) {
            Some(names) if texts.is_empty() => self.write_at_once(rows, &names).await,
            Some(_) | None => self.attempt(texts, rows, false).await,
        };
        match written {
            Err(error) if is_taken(&error) => self.attempt(texts, rows, true).await,
            written => written,
        }
    }

    /// Begins a transaction at the end of the chain, wherever that is by now.
    pub(super) async fn begin(&mut self) -> Result<Appending<'_>, sqlx::Error> {
        let mut appending = self.start().await?;
        appending.look().await?;
        Ok(appending)
    }

    /// Empties the write-ahead log into the file, and disconnects.
    pub(super) async fn close(mut self) -> Result<(), sqlx::Error> {
        // A reader in the middle of a query keeps the log from being emptied; that does no harm.
        sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut self.connection).await?;
        self.connection.close().await
    }

    /// As [`Session::close`], where a gateway goes on writing: it must not wait until whoever reads the log is done.
    pub(super) async fn leave(mut self) -> Result<(), sqlx::Error> {
        sqlx::query("PRAGMA busy_timeout = 0").execute(&mut self.connection).await?;
        self.close().await
    }

    /// Disconnects after an error, whatever state the connection is in.
    pub(super) async fn abandon(self) {
        if let Err(error) = self.connection.close_hard().await {
            tracing::debug!(%error, "closing the audit trail after an error failed too");
        }
    }

    /// The pseudonyms of rows, where the usual case is at hand: a transaction that needs nothing of the database first.
    fn known(&self, rows: &[&Row]) -> Option<Vec<Option<Arc<str>>>> {
        let names = rows.iter().map(|row| match row.name() {
            Some(name) => self.pseudonyms.known(name).map(Some),
            None => Some(None),
        });
        names.collect::<Option<_>>().filter(|_| !rows.is_empty())
    }

    /// Writes rows in as few ways to SQLite and back as may be.
    async fn write_at_once(&mut self, rows: &[&Row], names: &[Option<Arc<str>>]) -> Result<(), sqlx::Error> {
        self.next = self.head;
        let sealed = seal(&mut self.next, rows, names);
        match Script::transaction(&sealed)?.run(&mut self.connection).await {
            Ok(()) => {
                self.head = self.next;
                Ok(())
            }
            Err(error) => {
                if is_taken(&error) {
                    sqlx::query("ROLLBACK").execute(&mut self.connection).await?;
                }
                Err(error)
            }
        }
    }

    async fn attempt(&mut self, texts: &[&Text], rows: &[&Row], moved: bool) -> Result<(), sqlx::Error> {
        let mut appending = if moved { self.begin().await? } else { self.start().await? };
        if texts.is_empty() && rows.is_empty() {
            touch(appending.connection()).await?;
        }
        insert::texts(appending.connection(), texts).await?;
        appending.append(rows).await?;
        appending.commit().await
    }

    async fn start(&mut self) -> Result<Appending<'_>, sqlx::Error> {
        let Self { connection, pseudonyms, head, next } = self;
        *next = *head;
        let transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Appending { transaction, pseudonyms, head, next })
    }
}

impl Appending<'_> {
    /// Where the chain ends, with what was appended so far.
    pub(super) fn head(&self) -> Head {
        *self.next
    }

    /// The connection, inside the transaction.
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }

    /// Appends rows to the chain.
    pub(super) async fn append(&mut self, rows: &[&Row]) -> Result<(), sqlx::Error> {
        let mut names = Vec::with_capacity(rows.len());
        for row in rows {
            names.push(match row.name() {
                Some(name) => Some(self.pseudonyms.of(name, &mut self.transaction).await?),
                None => None,
            });
        }
        let sealed = seal(self.next, rows, &names);
        Script::insert(&sealed)?.run(&mut self.transaction).await
    }

    /// Makes it durable.
    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        self.transaction.commit().await?;
        *self.head = *self.next;
        Ok(())
    }

    /// Looks where the chain ends, and forgets what another writer may have changed.
    async fn look(&mut self) -> Result<(), sqlx::Error> {
        self.pseudonyms.forget();
        let end = head(&mut self.transaction).await?;
        (*self.head, *self.next) = (end, end);
        Ok(())
    }
}

impl Head {
    /// Before the first entry.
    pub(super) const START: Self = Self { seq: 0, digest: GENESIS };
}

/// Gives each row its place at the end of the chain, which moves on.
fn seal<'a>(end: &mut Head, rows: &[&'a Row], names: &'a [Option<Arc<str>>]) -> Vec<Sealed<'a>> {
    let sealed = rows.iter().zip(names).map(|(row, name)| {
        let (seq, prev) = (end.seq + 1, end.digest);
        let values = row.values(seq, name.as_deref());
        let digest = row.digest(&values, &prev);
        *end = Head { seq, digest };
        Sealed { row, values, seq, prev, digest }
    });
    sealed.collect()
}

async fn connect(location: &Location, busy_timeout: Duration) -> Result<SqliteConnection, sqlx::Error> {
    SqliteConnectOptions::new()
        .filename(location.path())
        .create_if_missing(false)
        // Of a new file only: pages that pruning has freed can be given back to the disk a few at a time.
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(busy_timeout)
        // What a statement may have to take back is some pages, for which a file would be made and removed where they are more than 64 KiB.
        .pragma("temp_store", "MEMORY")
        // Most pages of a transaction were in the one before, too: the later the log goes into the file, the fewer are written twice; but
        // whoever calls then waits for all of them.
        .pragma("wal_autocheckpoint", "2000")
        // The page cache is the gateway's memory; a larger one does not write faster.
        .pragma("cache_size", "-2048")
        .statement_cache_capacity(TEXTS_KEPT)
        // The log grows while somebody reads for long; afterwards it is cut back to this.
        .pragma("journal_size_limit", "67108864")
        .connect()
        .await
}

/// Whether a row was refused because the chain has grown by another hand.
fn is_taken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error: &dyn DatabaseError| error.message().contains(TAKEN))
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
    execute(connection, pragma).await
}

async fn execute(
    connection: &mut SqliteConnection,
    mut statement: QueryBuilder<Sqlite>,
) -> Result<(), sqlx::Error> {
    statement.build().execute(connection).await?;
    Ok(())
}
