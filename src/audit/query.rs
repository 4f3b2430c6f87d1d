//! Questions to the trail, asked of the views `calls` and `call_accesses` while a gateway may be writing.

use super::call::{Call, Part};
use super::location::{Location, TrailError};
use super::time::text;
use crate::directus::access::Action;
use futures_util::stream::{self, Stream, TryStreamExt as _};
use jiff::Timestamp;
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};

/// Rows fetched at once. A reader that stays in one query keeps the write-ahead log from shrinking, so a long answer is
/// asked for in pages, each going on where the last one ended.
const PAGE: u64 = 100;

/// Which calls to show; everything that is given must hold. Names may contain `*`, for any run of characters.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Started at that time or later.
    pub since: Option<Timestamp>,
    /// Started before that time.
    pub until: Option<Timestamp>,
    /// The client's name in Warrener.
    pub principal: Option<String>,
    /// The policy role.
    pub role: Option<String>,
    /// The Directus tool.
    pub tool: Option<String>,
    /// What one of the accesses does; the same access must fit `collection`.
    pub action: Option<Action>,
    /// The collection of one of the accesses.
    pub collection: Option<String>,
    /// `permit` or `deny`.
    pub decision: Option<String>,
    /// The rule that decided.
    pub rule: Option<String>,
    /// How it ended.
    pub outcome: Option<OutcomeFilter>,
    /// At most so many; `None` for all.
    pub limit: Option<u64>,
    /// Which come first.
    pub order: Order,
}

/// Which ending of a call to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutcomeFilter {
    /// `ok`, `error`, `refused`, `failed` or `unknown`.
    Is(String),
    /// None yet.
    Open,
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

/// A trail that is open for reading.
#[derive(Debug)]
pub struct TrailReader {
    location: Location,
    connection: SqliteConnection,
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

    /// The calls that a filter lets through, one after the other; memory does not grow with their number.
    ///
    /// # Errors
    ///
    /// [`QueryError::Trail`], as an item of the stream, where the file cannot be read on.
    pub fn calls(&mut self, filter: Filter) -> impl Stream<Item = Result<Call, QueryError>> + '_ {
        let left = filter.limit.unwrap_or(u64::MAX);
        let pages = Pages { reader: self, filter, after: None, left };
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
        parts.map_err(|error| self.location.sql(error).into())
    }

    /// The number of the last entry; 0 where there is none.
    ///
    /// # Errors
    ///
    /// [`QueryError::Trail`], where the file cannot be read.
    pub async fn last_seq(&mut self) -> Result<i64, QueryError> {
        let last = sqlx::query_scalar("SELECT coalesce(max(seq), 0) FROM entries");
        last.fetch_one(&mut self.connection).await.map_err(|error| self.location.sql(error).into())
    }

    /// The calls that ended in the entries behind `after` up to `through`, the earliest first.
    ///
    /// # Errors
    ///
    /// [`QueryError::Trail`], where the file cannot be read.
    pub async fn ended(&mut self, after: i64, through: i64) -> Result<Vec<Call>, QueryError> {
        let mut query = select();
        query.push("id IN (SELECT call_id FROM entries WHERE kind IN ('outcome', 'refusal') AND seq > ");
        query.push_bind(after).push(" AND seq <= ").push_bind(through).push(") ORDER BY started_at, id");
        self.fetch(query).await
    }

    async fn fetch(&mut self, mut query: QueryBuilder<Sqlite>) -> Result<Vec<Call>, QueryError> {
        let calls = query.build_query_as().fetch_all(&mut self.connection).await;
        calls.map_err(|error| self.location.sql(error).into())
    }
}

/// An answer under way.
struct Pages<'a> {
    reader: &'a mut TrailReader,
    filter: Filter,
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
        let page = self.reader.fetch(self.filter.page(self.after.as_ref(), size)).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.after = Some((last.started_at.clone(), last.id.clone()));
        // A page that is not full is the last one.
        self.left = if page.len() as u64 == size { self.left - size } else { 0 };
        Ok(Some((page, self)))
    }
}

impl Filter {
    /// The query for one page. Whatever a person gave is a bound parameter.
    fn page(&self, after: Option<&(String, String)>, size: u64) -> QueryBuilder<Sqlite> {
        let (comparison, direction) = match self.order {
            Order::NewestFirst => ("<", "DESC"),
            Order::OldestFirst => (">", "ASC"),
        };
        let mut query = select();
        query.push("true");
        self.conditions(&mut query);
        if let Some((started_at, id)) = after {
            query.push(" AND (started_at, id) ").push(comparison).push(" (");
            query.push_bind(started_at).push(", ").push_bind(id).push(")");
        }
        query.push(" ORDER BY started_at ").push(direction).push(", id ").push(direction);
        query.push(" LIMIT ").push_bind(i64::try_from(size).unwrap_or(i64::MAX));
        query
    }

    fn conditions(&self, query: &mut QueryBuilder<Sqlite>) {
        if let Some(since) = self.since {
            query.push(" AND started_at >= ").push_bind(text(since));
        }
        if let Some(until) = self.until {
            query.push(" AND started_at < ").push_bind(text(until));
        }
        let named = [
            ("principal", &self.principal),
            ("role", &self.role),
            ("tool", &self.tool),
            ("decision", &self.decision),
            ("rule", &self.rule),
        ];
        for (column, pattern) in named {
            if let Some(pattern) = pattern {
                query.push(" AND ");
                matching(query, column, pattern);
            }
        }
        match &self.outcome {
            Some(OutcomeFilter::Is(word)) => drop(query.push(" AND outcome = ").push_bind(word)),
            Some(OutcomeFilter::Open) => drop(query.push(" AND outcome IS NULL")),
            None => {}
        }
        self.access(query);
    }

    fn access(&self, query: &mut QueryBuilder<Sqlite>) {
        if self.action.is_none() && self.collection.is_none() {
            return;
        }
        query.push(" AND EXISTS (SELECT 1 FROM call_accesses a WHERE a.id = calls.id");
        if let Some(action) = self.action {
            query.push(" AND a.action = ").push_bind(action.as_str());
        }
        if let Some(collection) = &self.collection {
            query.push(" AND ");
            matching(query, "a.collection", collection);
        }
        query.push(")");
    }
}

fn select() -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new(Call::select());
    query.push(" WHERE ");
    query
}

/// Compares with `*` as the only wildcard, and without one by equality, which an index serves best.
fn matching(query: &mut QueryBuilder<Sqlite>, column: &'static str, pattern: &str) {
    query.push(column);
    if pattern.contains('*') {
        // The other characters that mean something to SQLite stand for themselves in brackets.
        query.push(" GLOB ").push_bind(pattern.replace('[', "[[]").replace('?', "[?]"));
    } else {
        query.push(" = ").push_bind(pattern);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_fixed_width() {
        for (time, expected) in [
            ("2026-11-22T12:00:00Z", "2026-11-22T12:00:00.000000Z"),
            ("2026-11-22T12:00:00.5+02:00", "2026-11-22T10:00:00.500000Z"),
        ] {
            assert_eq!(text(time.parse().unwrap()), expected);
        }
    }

    #[test]
    fn nothing_given_by_a_person_is_in_the_sql() {
        let evil = || Some("'; DROP TABLE entries; --".to_owned());
        let filter = Filter {
            principal: evil(),
            role: evil(),
            tool: evil(),
            collection: evil(),
            decision: evil(),
            rule: evil(),
            outcome: evil().map(OutcomeFilter::Is),
            ..Filter::default()
        };
        let sql = filter.page(Some(&("'".to_owned(), "'; DROP".to_owned())), 1).into_string();
        assert!(!sql.contains("DROP"), "{sql}");
    }
}
