//! Questions to the trail, asked of the views `calls` and `call_accesses` while a gateway may be writing.
//!
//! What the views do not show is asked of the tables here, and nowhere else.

use super::call::{Call, Part};
use super::filter::Filter;
use super::location::{Location, TrailError};
use super::time;
use futures_util::stream::{self, Stream, TryStreamExt as _};
use jiff::{SignedDuration, Timestamp};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{FromRow, QueryBuilder, Row as _, Sqlite};
use std::collections::BTreeMap;

/// Rows fetched at once. A reader that stays in one query keeps the write-ahead log from shrinking, so a long answer is
/// asked for in pages, each going on where the last one ended.
const PAGE: u64 = 100;

/// No call takes longer: the longest timeouts that can be set are of a day.
const LONGEST_CALL: SignedDuration = SignedDuration::from_hours(25);

/// Which calls to list, which of them first, and how many.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Which calls.
    pub filter: Filter,
    /// At most so many; `None` for all.
    pub limit: Option<u64>,
    /// Which come first.
    pub order: Order,
}

/// Which calls come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The latest.
    #[default]
    NewestFirst,
    /// The earliest.
    OldestFirst,
}

/// A place in the trail, between two entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(i64);

/// A call that has ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The call.
    pub call: Call,
    /// When it ended, or was found to have ended, as the views show times.
    pub at: String,
    seq: i64,
}

/// A trail that is open for reading.
#[derive(Debug)]
pub struct TrailReader {
    location: Location,
    pub(super) connection: SqliteConnection,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The trail cannot be read.
    #[error(transparent)]
    Trail(#[from] TrailError),
    /// No call has an id that begins so.
    #[error("no call in the trail has the id `{id}`: `warrener audit query` lists ids")]
    Unknown {
        /// As it was given.
        id: String,
    },
    /// The call has not ended.
    #[error("the call `{id}` has not ended, so that there is nothing behind its end")]
    Open {
        /// As it was given.
        id: String,
    },
    /// No policy revision has a digest that begins so.
    #[error("the trail has no policy revision `{digest}`: `warrener audit show` names that of a call")]
    UnknownRevision {
        /// As it was given.
        digest: String,
    },
    /// Several policy revisions have digests that begin so.
    #[error(
        "several policy revisions begin with `{digest}`, such as `{first}` and `{second}`: give more of it"
    )]
    AmbiguousRevision {
        /// As it was given.
        digest: String,
        /// One of them.
        first: String,
        /// Another one.
        second: String,
    },
    /// Several calls have ids that begin so.
    #[error(
        "several calls have an id that begins with `{id}`, such as `{first}` and `{second}`: give more of it"
    )]
    Ambiguous {
        /// As it was given.
        id: String,
        /// One of them.
        first: String,
        /// Another one.
        second: String,
    },
}

impl Place {
    /// Before the first entry.
    pub const START: Self = Self(0);

    /// Behind the entry of that number.
    pub(super) fn behind(seq: i64) -> Self {
        Self(seq)
    }

    /// The number of the entry before it.
    pub(super) fn seq(self) -> i64 {
        self.0
    }

    /// One entry before.
    pub(super) fn before(self) -> Self {
        Self((self.0 - 1).max(0))
    }
}

impl FromRow<'_, SqliteRow> for Ended {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self { call: Call::from_row(row)?, at: row.try_get("ended_at")?, seq: row.try_get("end_seq")? })
    }
}

impl TrailReader {
    /// Opens a trail for reading only.
    ///
    /// # Errors
    ///
    /// [`TrailError`], where there is no such file or it is no trail; nothing is created.
    pub async fn open(url: &str) -> Result<Self, TrailError> {
        let location = Location::parse(url)?;
        let connection = location.read().await?;
        Ok(Self { location, connection })
    }

    /// The calls of a listing, one after the other; memory does not grow with their number.
    ///
    /// # Errors
    ///
    /// [`QueryError::Trail`], as an item of the stream, where the file cannot be read on.
    pub fn calls(&mut self, listing: Listing) -> impl Stream<Item = Result<Call, QueryError>> + '_ {
        let left = listing.limit.unwrap_or(u64::MAX);
        let pages = Pages { reader: self, listing, after: None, left };
        stream::try_unfold(pages, Pages::next)
            .map_ok(|page| stream::iter(page.into_iter().map(Ok)))
            .try_flatten()
    }

    /// The one call whose id is, or begins with, `id`.
    ///
    /// # Errors
    ///
    /// [`QueryError::Unknown`] and [`QueryError::Ambiguous`], where there is not exactly one.
    pub async fn call(&mut self, id: &str) -> Result<Call, QueryError> {
        let prefix = id.to_ascii_lowercase();
        let mut query = select();
        // `g` sorts behind every digit that an id can have, so this is "begins with" in a form that an index serves.
        query.push("id >= ").push_bind(&prefix).push(" AND id < ").push_bind(format!("{prefix}g"));
        query.push(" ORDER BY id LIMIT 2");
        let mut found = self.fetch(query).await?.into_iter();
        match (found.next(), found.next()) {
            (Some(call), None) if !id.is_empty() => Ok(call),
            (Some(first), Some(second)) => {
                Err(QueryError::Ambiguous { id: id.to_owned(), first: first.id, second: second.id })
            }
            (Some(_) | None, None) | (None, Some(_)) => Err(QueryError::Unknown { id: id.to_owned() }),
        }
    }

    /// The entries that a call is made of, in the order of the chain.
    ///
    /// # Errors
    ///
    /// [`QueryError::Trail`], where the file cannot be read.
    pub async fn parts(&mut self, call: &str) -> Result<Vec<Part>, QueryError> {
        let parts = sqlx::query_as(
            "SELECT seq, kind, at_text AS at, detail, count, nullif(lower(hex(received)), '') AS received,
                    nullif(lower(hex(forwarded)), '') AS forwarded, schema_digest, lower(hex(digest)) AS digest
             FROM entries WHERE call_id = ? ORDER BY seq",
        )
        .bind(call)
        .fetch_all(&mut self.connection)
        .await;
        self.sql(parts)
    }

    /// The files of a policy revision as the trail keeps them: names and texts; none where it does not have them.
    ///
    /// # Errors
    ///
    /// [`QueryError::Trail`], where the file cannot be read.
    pub async fn policy_files(&mut self, revision: &str) -> Result<Vec<(String, String)>, QueryError> {
        let text = sqlx::query_scalar("SELECT text FROM texts WHERE kind = 'policy' AND digest = ?");
        let text = text.bind(revision).fetch_optional(&mut self.connection).await;
        let text: Option<String> = self.sql(text)?;
        let files = text.and_then(|text| serde_json::from_str::<BTreeMap<String, String>>(&text).ok());
        Ok(files.unwrap_or_default().into_iter().collect())
    }

    /// The one policy revision whose digest is, or begins with, `digest`: in full.
    ///
    /// # Errors
    ///
    /// [`QueryError::UnknownRevision`] and [`QueryError::AmbiguousRevision`], where there is not exactly one.
    pub async fn revision(&mut self, digest: &str) -> Result<String, QueryError> {
        let prefix = digest.to_ascii_lowercase();
        // As for the ids of calls.
        let found = sqlx::query_scalar(
            "SELECT digest FROM texts WHERE kind = 'policy' AND digest >= ? AND digest < ? ORDER BY digest LIMIT 2",
        );
        let found = found.bind(&prefix).bind(format!("{prefix}g")).fetch_all(&mut self.connection).await;
        let mut found = self.sql::<Vec<String>>(found)?.into_iter();
        let digest = digest.to_owned();
        match (found.next(), found.next()) {
            (Some(revision), None) if !digest.is_empty() => Ok(revision),
            (Some(first), Some(second)) => Err(QueryError::AmbiguousRevision { digest, first, second }),
            (Some(_) | None, None) | (None, Some(_)) => Err(QueryError::UnknownRevision { digest }),
        }
    }

    /// Behind the last entry that there is now.
    ///
    /// # Errors
    ///
    /// [`QueryError::Trail`], where the file cannot be read.
    pub async fn head(&mut self) -> Result<Place, QueryError> {
        let last = sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM entries");
        let last = last.fetch_one(&mut self.connection).await;
        self.sql(last).map(Place)
    }

    /// Behind the end of that call.
    ///
    /// # Errors
    ///
    /// [`QueryError::Unknown`], where the trail does not have the call, and [`QueryError::Open`], where it has not ended.
    pub async fn end_of(&mut self, id: &str) -> Result<Place, QueryError> {
        let entries =
            sqlx::query_as("SELECT seq, kind <> 'intent' FROM entries WHERE call_id = ? ORDER BY seq");
        let entries = entries.bind(id.to_ascii_lowercase()).fetch_all(&mut self.connection).await;
        let entries: Vec<(i64, bool)> = self.sql(entries)?;
        let id = id.to_owned();
        match entries.iter().find(|(_, ends)| *ends) {
            Some((seq, _)) => Ok(Place(*seq)),
            None if entries.is_empty() => Err(QueryError::Unknown { id }),
            None => Err(QueryError::Open { id }),
        }
    }

    /// Before the end of every call that ended at that time or later, and not much before.
    ///
    /// # Errors
    ///
    /// [`QueryError::Trail`], where the file cannot be read.
    pub async fn before(&mut self, time: Timestamp) -> Result<Place, QueryError> {
        // A call takes a day at most. One of which the end was not known is closed at a start, before the marker of it.
        let started = time.checked_sub(LONGEST_CALL).unwrap_or(Timestamp::MIN);
        // `+seq` and the two conditions on `kind` lead SQLite to the indexes; it would go through the entries otherwise.
        let seq = sqlx::query_scalar(
            "SELECT coalesce(min(
                coalesce((SELECT min(+seq) - 1 FROM entries WHERE principal IS NOT NULL AND at_text >= ?1), e.head),
                coalesce((SELECT coalesce((SELECT max(seq) FROM entries WHERE kind <> 'outcome' AND seq < m.first), 0)
                          FROM (SELECT min(+seq) AS first FROM entries
                                WHERE kind IN ('revision', 'marker') AND kind = 'marker' AND at >= ?2) m
                          WHERE m.first IS NOT NULL), e.head)), 0)
             FROM (SELECT max(seq) AS head FROM entries) e",
        );
        let seq = seq.bind(time::text(started)).bind(time.as_microsecond());
        let seq = seq.fetch_one(&mut self.connection).await;
        self.sql(seq).map(Place)
    }

    /// Some of the calls that ended behind a place, in the order in which their ends were written, and how far it got; at
    /// most up to `through`, which is reached when both are equal.
    ///
    /// It is the order in which calls become visible, so that whoever goes on from a place misses none, and gets none twice,
    /// while others are being written.
    ///
    /// # Errors
    ///
    /// [`QueryError::Trail`], where the file cannot be read.
    pub async fn ended(&mut self, after: Place, through: Place) -> Result<(Vec<Ended>, Place), QueryError> {
        let mut query = QueryBuilder::new(Call::select_with(
            "e.seq AS end_seq, coalesce(finished_at, e.at_text) AS ended_at",
            "entries e CROSS JOIN calls ON calls.id = e.call_id",
        ));
        query.push(" WHERE e.kind IN ('outcome', 'refusal') AND e.seq > ").push_bind(after.0);
        query
            .push(" AND e.seq <= ")
            .push_bind(through.0)
            .push(" ORDER BY e.seq LIMIT ")
            .push_bind(i64::try_from(PAGE).unwrap_or(i64::MAX));
        let calls = query.build_query_as().fetch_all(&mut self.connection).await;
        let calls: Vec<Ended> = self.sql(calls)?;
        let full = calls.len() as u64 == PAGE;
        let reached = calls.last().filter(|_| full).map_or(through, |last| Place(last.seq));
        Ok((calls, reached))
    }

    async fn fetch(&mut self, mut query: QueryBuilder<Sqlite>) -> Result<Vec<Call>, QueryError> {
        let calls = query.build_query_as().fetch_all(&mut self.connection).await;
        self.sql(calls)
    }

    pub(super) fn sql<T>(&self, result: Result<T, sqlx::Error>) -> Result<T, QueryError> {
        result.map_err(|error| self.location.sql(error).into())
    }
}

/// An answer under way.
struct Pages<'a> {
    reader: &'a mut TrailReader,
    listing: Listing,
    /// Start and id of the last call so far.
    after: Option<(String, String)>,
    left: u64,
}

impl Pages<'_> {
    async fn next(mut self) -> Result<Option<(Vec<Call>, Self)>, QueryError> {
        let size = self.left.min(PAGE);
        if size == 0 {
            return Ok(None);
        }
        let page = self.reader.fetch(self.listing.page(self.after.as_ref(), size)).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.after = Some((last.started_at.clone(), last.id.clone()));
        // A page that is not full is the last one.
        self.left = if page.len() as u64 == size { self.left - size } else { 0 };
        Ok(Some((page, self)))
    }
}

impl Listing {
    /// The query for one page. Whatever a person gave is a bound parameter.
    fn page(&self, after: Option<&(String, String)>, size: u64) -> QueryBuilder<Sqlite> {
        let (comparison, direction) = match self.order {
            Order::NewestFirst => ("<", "DESC"),
            Order::OldestFirst => (">", "ASC"),
        };
        let mut query = select();
        query.push("true");
        self.filter.push(&mut query);
        if let Some((started_at, id)) = after {
            query.push(" AND (started_at, id) ").push(comparison).push(" (");
            query.push_bind(started_at).push(", ").push_bind(id).push(")");
        }
        query.push(" ORDER BY started_at ").push(direction).push(", id ").push(direction);
        query.push(" LIMIT ").push_bind(i64::try_from(size).unwrap_or(i64::MAX));
        query
    }
}

fn select() -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(Call::select());
    query.push(" WHERE ");
    query
}
