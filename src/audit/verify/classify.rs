//! What was done to an entry that is not the next one of the chain.

use super::Fault;
use super::sealed::{self, SealedRow};
use sqlx::sqlite::SqliteConnection;

/// How far from its place an entry is looked for. Each try is one digest.
const REACH: i64 = 1000;

/// Names what was done, given the last entry that was found in order and the one that came instead of the next.
///
/// The number of an entry is sealed with it, so an entry that was moved still tells where it was.
pub(super) async fn fault(
    connection: &mut SqliteConnection,
    last: i64,
    row: &SealedRow,
) -> Result<Fault, sqlx::Error> {
    let seq = row.seq;
    if seq > last + 1 {
        return Ok(Fault::Removed { seq: last + 1 });
    }
    if row.is_sealed_as(seq) {
        // It is what it was, but it was not behind the entry that is there now: that one was sealed anew.
        return Ok(if last > 0 { Fault::Changed { seq: last } } else { Fault::Changed { seq } });
    }
    let next = sealed::page(connection, seq, 1).await?.into_iter().next();
    let shift = |row: &SealedRow| was(row).map(|was| was - row.seq);
    // Where all that follow have moved as far as this one, or nothing follows, entries are missing or too many before it.
    let moved_together = |by| next.as_ref().is_none_or(|next| shift(next) == Some(by));
    Ok(match shift(row) {
        Some(by) if by > 0 && moved_together(by) => Fault::Removed { seq },
        Some(by) if by < 0 && moved_together(by) => Fault::Inserted { seq: seq + by },
        Some(by) if by != 0 => Fault::Reordered { seq, was: seq + by },
        None if next.as_ref().and_then(shift).is_some_and(|by| by < 0) => Fault::Inserted { seq },
        Some(_) | None => Fault::Changed { seq },
    })
}

/// The number that the entry was sealed with; `None` where its content is not what was sealed.
fn was(row: &SealedRow) -> Option<i64> {
    let near = (0..=REACH).flat_map(|distance| [row.seq - distance, row.seq + distance]);
    near.filter(|&seq| seq > 0).find(|&seq| row.is_sealed_as(seq))
}
