//! The statements that write rows; one for many rows, since each one costs a hop to SQLite's own thread.

use super::chain::{Digest, Value};
use super::row::{COLUMNS, Row};
use super::session::Text;
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, Sqlite};
use std::sync::Arc;

/// SQLite takes 32,766 values in a statement; an entry has 35, and longer statements win nothing.
const ROWS_PER_STATEMENT: usize = 500;

/// Statements of few rows come again in the same length and are worth keeping; of the others each is a new one.
const ROWS_WORTH_CACHING: usize = 16;

/// A row and its place in the chain.
pub(super) struct Sealed<'a> {
    pub(super) row: &'a Row,
    pub(super) principal: Option<Arc<str>>,
    pub(super) seq: i64,
    pub(super) prev: Digest,
    pub(super) digest: Digest,
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

/// The entries themselves.
pub(super) async fn entries(
    connection: &mut SqliteConnection,
    rows: &[Sealed<'_>],
) -> Result<(), sqlx::Error> {
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO entries (");
        insert.push(COLUMNS.join(", ")).push(", prev, digest) ");
        insert.push_values(rows, |mut tuple, sealed| {
            let seals = [Value::Bytes(&sealed.prev), Value::Bytes(&sealed.digest)];
            for value in sealed.row.values(sealed.seq, sealed.principal.as_deref()).into_iter().chain(seals) {
                bind(&mut tuple, value);
            }
        });
        execute(connection, insert, rows.len() <= ROWS_WORTH_CACHING).await?;
    }
    Ok(())
}

/// What the entries' calls do.
pub(super) async fn accesses(
    connection: &mut SqliteConnection,
    rows: &[Sealed<'_>],
) -> Result<(), sqlx::Error> {
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

/// What can be erased again.
pub(super) async fn payloads(
    connection: &mut SqliteConnection,
    rows: &[Sealed<'_>],
) -> Result<(), sqlx::Error> {
    let rows: Vec<_> = rows.iter().filter_map(|sealed| Some((sealed.seq, sealed.row.payload()?))).collect();
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO payloads (seq, arguments, facts, salt) ");
        insert.push_values(rows, |mut tuple, (seq, payload)| {
            tuple.push_bind(*seq).push_bind(payload.arguments).push_bind(payload.facts);
            tuple.push_bind(payload.salt.as_slice());
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
