//! Letting go of old entries: they are deleted from the beginning of the chain, and a marker keeps what the rest is checked with.

use super::location::TrailError;
use super::second::Second;
use super::signing::{Said, SigningKey, Statement};
use super::time;
use jiff::Timestamp;
use sqlx::sqlite::SqliteConnection;

/// What was pruned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pruned {
    /// Entries up to this one are gone; 0 where none ever were.
    pub through: i64,
    /// How many were deleted now.
    pub entries: u64,
}

/// Deletes the entries from before a time, in slices, while a gateway may be writing.
///
/// First a marker is written that tells up to which entry, and the digest at the cut; it is signed where there is a key. What was
/// begun and broken off is finished by the next time. Calls that have no outcome yet are kept, with all that came after them.
///
/// # Errors
/// [`TrailError`], where the trail cannot be read or written.
pub async fn prune(url: &str, before: Timestamp, key: Option<&SigningKey>) -> Result<Pruned, TrailError> {
    let mut second = Second::open(url).await?;
    let (cut, pruned) = match look(second.connection(), before).await {
        Ok(found) => found,
        Err(error) => return Err(second.sql(error)),
    };
    if let Some((through, digest)) = cut.filter(|(through, _)| *through > pruned) {
        let said = Said::new(Statement::Prune, through, digest, Timestamp::now());
        let said = if let Some(key) = key { key.sign(said) } else { said };
        second.mark(|_| said.to_json(), "UPDATE pruned SET through = ?", through).await?;
    }
    let through = cut.map_or(pruned, |(through, _)| through.max(pruned));
    let entries = second
        .delete(
            &[
                "DELETE FROM payloads WHERE seq IN (SELECT seq FROM entries
                 WHERE seq <= CAST(?2 AS INTEGER) ORDER BY seq LIMIT ?1)",
                "DELETE FROM accesses WHERE seq IN (SELECT seq FROM entries
                 WHERE seq <= CAST(?2 AS INTEGER) ORDER BY seq LIMIT ?1)",
                "DELETE FROM entries WHERE seq IN (SELECT seq FROM entries
                 WHERE seq <= CAST(?2 AS INTEGER) ORDER BY seq LIMIT ?1)",
            ],
            Some(&through.to_string()),
        )
        .await?;
    second.close().await?;
    Ok(Pruned { through, entries })
}

/// The last entry that may go with its digest, and up to which one that was said before.
async fn look(
    connection: &mut SqliteConnection,
    before: Timestamp,
) -> Result<(Option<(i64, [u8; 32])>, i64), sqlx::Error> {
    // What the table lets be deleted is not asked: only what a marker tells of goes.
    let pruned: i64 = sqlx::query_scalar(
        "SELECT coalesce(max(json_extract(note, '$.seq')), 0) FROM entries e
         WHERE kind = 'marker' AND json_extract(note, '$.event') = 'prune' AND json_extract(note, '$.seq') < e.seq",
    )
    .fetch_one(&mut *connection)
    .await?;
    let last: Option<i64> = sqlx::query_scalar(
        "SELECT seq FROM entries WHERE principal IS NOT NULL AND at_text < ? ORDER BY at_text DESC LIMIT 1",
    )
    .bind(time::text(before))
    .fetch_optional(&mut *connection)
    .await?;
    let Some(last) = last else { return Ok((None, pruned)) };
    // A clock that jumped may have put a late entry among the early ones; and what is under way is not over.
    let kept: Option<i64> = sqlx::query_scalar(
        "SELECT min(seq) FROM entries e WHERE seq <= ?1 AND seq > ?3 AND (at >= ?2 OR (kind = 'intent' AND NOT EXISTS
             (SELECT 1 FROM entries o WHERE o.call_id = e.call_id AND o.kind = 'outcome')))",
    )
    .bind(last)
    .bind(before.as_microsecond())
    .bind(pruned)
    .fetch_one(&mut *connection)
    .await?;
    let cut = kept.map_or(last, |kept| kept - 1);
    let digest: Option<Vec<u8>> = sqlx::query_scalar("SELECT digest FROM entries WHERE seq = ?")
        .bind(cut)
        .fetch_optional(connection)
        .await?;
    let cut = digest.and_then(|digest| Some((cut, digest.try_into().ok()?)));
    Ok((cut, pruned))
}
