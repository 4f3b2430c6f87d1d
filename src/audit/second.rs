//! A second writer beside the gateway: `audit prune` and `audit erase` work on a trail that is being written.
//!
//! Each of its transactions is short, and it rests as long as it has worked, so that the gateway's own writes go on. The gateway
//! notices that the chain has grown by another hand ([`Session::write`]).

use super::checkpoint::marker_row;
use super::location::{Location, TrailError};
use super::session::{Head, Session};
use jiff::Timestamp;
use serde_json::Value;
use sqlx::Sqlite;
use sqlx::sqlite::SqliteConnection;
use std::time::{Duration, Instant};

/// Rows that one transaction deletes.
const SLICE: i64 = 500;

/// Pages that are given back to the disk at once.
const PAGES: i64 = 256;

/// How long it waits for the gateway's transactions.
const PATIENCE: Duration = Duration::from_secs(30);

/// An open trail, for changes that a marker tells of.
#[derive(Debug)]
pub(super) struct Second {
    location: Location,
    session: Session,
}

impl Second {
    /// Opens a trail that is there.
    pub(super) async fn open(url: &str) -> Result<Self, TrailError> {
        let location = Location::parse(url)?;
        drop(location.read().await?);
        let mut session = Session::open(&location, PATIENCE).await.map_err(|error| location.sql(error))?;
        // What is deleted is overwritten, so that it cannot be found in the file any more.
        let secure = sqlx::query("PRAGMA secure_delete = ON").fetch_all(session.connection()).await;
        secure.map_err(|error| location.sql(error))?;
        Ok(Self { location, session })
    }

    /// An error of SQLite on this trail.
    pub(super) fn sql(&self, error: sqlx::Error) -> TrailError {
        self.location.sql(error)
    }

    /// The connection, for questions.
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        self.session.connection()
    }

    /// Deletes in slices, until a pass of the statements deletes nothing. Each takes the number of rows as its first parameter and
    /// `whose` as its second, where it has one. Returns how many rows the last of them has deleted.
    pub(super) async fn delete(
        &mut self,
        statements: &[&'static str],
        whose: Option<&str>,
    ) -> Result<u64, TrailError> {
        let mut deleted = 0;
        loop {
            let begun = Instant::now();
            let slice = self.slice(statements, whose).await.map_err(|error| self.location.sql(error))?;
            let Some(slice) = slice else { return Ok(deleted) };
            deleted += slice;
            tokio::time::sleep(begun.elapsed()).await;
        }
    }

    /// Appends the marker that tells of a change, and makes the change that belongs to it, in one transaction. Returns how many rows
    /// it has changed.
    pub(super) async fn mark(
        &mut self,
        note: impl FnOnce(Head) -> Value,
        change: &'static str,
        parameter: impl for<'q> sqlx::Encode<'q, Sqlite> + sqlx::Type<Sqlite> + Send + 'static,
    ) -> Result<u64, TrailError> {
        let Self { location, session } = self;
        let done = async {
            let mut appending = session.begin().await?;
            let row = marker_row(Timestamp::now().as_microsecond(), note(appending.head()))?;
            appending.append(&[&row]).await?;
            let changed = sqlx::query(change).bind(parameter).execute(appending.connection()).await?;
            appending.commit().await?;
            Ok(changed.rows_affected())
        };
        done.await.map_err(|error: sqlx::Error| location.sql(error))
    }

    /// Gives freed pages back to the disk, and closes the trail. A file from before pages could be given back keeps them for later
    /// entries.
    pub(super) async fn close(mut self) -> Result<(), TrailError> {
        let freed = self.give_back().await;
        let Self { location, session } = self;
        freed.map_err(|error| location.sql(error))?;
        session.leave().await.map_err(|error| location.sql(error))
    }

    async fn slice(
        &mut self,
        statements: &[&'static str],
        whose: Option<&str>,
    ) -> Result<Option<u64>, sqlx::Error> {
        let mut appending = self.session.begin().await?;
        let (mut any, mut last) = (false, 0);
        for statement in statements {
            let delete = sqlx::query(*statement).bind(SLICE);
            let delete = if let Some(whose) = whose { delete.bind(whose) } else { delete };
            let done = delete.execute(appending.connection()).await?;
            last = done.rows_affected();
            any |= last > 0;
        }
        appending.commit().await?;
        Ok(any.then_some(last))
    }

    async fn give_back(&mut self) -> Result<(), sqlx::Error> {
        let connection = self.session.connection();
        let mode: i64 = sqlx::query_scalar("PRAGMA auto_vacuum").fetch_one(&mut *connection).await?;
        loop {
            let free: i64 = sqlx::query_scalar("PRAGMA freelist_count").fetch_one(&mut *connection).await?;
            if free == 0 || mode == 0 {
                return Ok(());
            }
            let begun = Instant::now();
            let some = sqlx::AssertSqlSafe(format!("PRAGMA incremental_vacuum({PAGES})"));
            sqlx::query(some).fetch_all(&mut *connection).await?;
            tokio::time::sleep(begun.elapsed()).await;
        }
    }
}
