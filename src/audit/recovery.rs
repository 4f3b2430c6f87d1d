//! What is done before the first entry of a run: the structure is brought up to date, and calls that an earlier run left
//! without an outcome get one.

use super::checkpoint::{SecondPlace, last_checkpoint, marker};
use super::entry::{Entry, Kind, Outcome, OutcomeWord};
use super::location::{Location, TrailError};
use super::migration::migrator;
use super::row::Row;
use super::session::Session;
use super::trail::TrailOptions;
use jiff::Timestamp;
use serde_json::json;
use sqlx::migrate::MigrateError;
use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;

/// Opens the file for writing, and returns how many calls were closed as `unknown`.
///
/// A start marker is written with them. Calls from before the last one were looked at then, so a long trail does not make
/// for a long start.
pub(super) async fn open(location: &Location, options: &TrailOptions) -> Result<(Session, u64), TrailError> {
    let sql = |error| location.sql(error);
    let mut session = Session::open(location, options.busy_timeout).await.map_err(sql)?;
    migrator().run(session.connection()).await.map_err(|source| migration(location, source))?;
    is_the_same(location, options, &mut session).await?;
    let open = open_calls(session.connection()).await.map_err(sql)?;
    let closed = open.len() as u64;
    let at = options.at.as_microsecond();
    let mut entries: Vec<Entry> = open.into_iter().map(|call| unknown(call, at)).collect();
    entries.push(marker(
        at,
        json!({ "event": "start", "version": env!("CARGO_PKG_VERSION"), "closed": closed }),
    ));
    let rows = entries.into_iter().map(Row::new).collect::<Result<Vec<_>, _>>();
    let rows = rows.map_err(|error| sql(sqlx::Error::Encode(error.to_string().into())))?;
    session.write(&[], &rows.iter().collect::<Vec<_>>()).await.map_err(sql)?;
    if closed > 0 {
        tracing::warn!(closed, "calls that were under way when the gateway last ended have no known outcome");
    }
    Ok((session, closed))
}

/// What a run writes last.
pub(super) fn stop_marker(at: Timestamp) -> Entry {
    marker(at.as_microsecond(), json!({ "event": "stop" }))
}

/// Whether the trail is the one that the second place speaks of; a gateway that went on with another would sign over the difference.
async fn is_the_same(
    location: &Location,
    options: &TrailOptions,
    session: &mut Session,
) -> Result<(), TrailError> {
    let Some(checkpoints) = &options.checkpoints else { return Ok(()) };
    let SecondPlace::File(place) = &checkpoints.to else { return Ok(()) };
    let last = last_checkpoint(place).map_err(|source| TrailError::Io { path: place.clone(), source })?;
    let Some(said) = last else { return Ok(()) };
    let digest: Option<Vec<u8>> = sqlx::query_scalar("SELECT digest FROM entries WHERE seq = ?")
        .bind(said.seq)
        .fetch_optional(session.connection())
        .await
        .map_err(|error| location.sql(error))?;
    let is_the_same = match digest {
        Some(digest) => digest == said.digest,
        // It may have been pruned since.
        None => said.seq < session.head().seq,
    };
    if is_the_same {
        return Ok(());
    }
    Err(TrailError::Elsewhere { path: location.path().to_owned(), place: place.clone(), seq: said.seq })
}

async fn open_calls(connection: &mut SqliteConnection) -> Result<Vec<Uuid>, sqlx::Error> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT call_id FROM entries i
         WHERE kind = 'intent'
           AND seq > coalesce((SELECT max(seq) FROM entries
                               WHERE kind = 'marker' AND json_extract(note, '$.event') = 'start'), 0)
           AND NOT EXISTS (SELECT 1 FROM entries o WHERE o.call_id = i.call_id AND o.kind = 'outcome')
         ORDER BY seq",
    )
    .fetch_all(connection)
    .await?;
    ids.iter().map(|id| id.parse().map_err(|error| sqlx::Error::Decode(Box::new(error)))).collect()
}

fn unknown(call: Uuid, at: i64) -> Entry {
    let outcome = Outcome { word: OutcomeWord::Unknown, ..Outcome::default() };
    Entry { call, kind: Kind::Outcome, at, subject: None, outcome: Some(outcome), note: None }
}

fn migration(location: &Location, source: MigrateError) -> TrailError {
    if matches!(source, MigrateError::VersionMissing(_) | MigrateError::VersionMismatch(_)) {
        TrailError::Version { path: location.path().to_owned(), source: source.into() }
    } else {
        location.sql(source.into())
    }
}
