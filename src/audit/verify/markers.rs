//! What markers say of the trail itself. Each is looked at again when the walk comes to it.

use super::sealed::SealedRow;
use crate::audit::signing::{Erased, Said, Statement};
use sqlx::sqlite::SqliteConnection;
use std::collections::BTreeMap;

/// The statements behind an entry, with the numbers of their markers.
pub(super) async fn read(
    connection: &mut SqliteConnection,
    behind: i64,
) -> Result<Vec<(i64, Said)>, sqlx::Error> {
    let rows: Vec<(i64, String)> =
        sqlx::query_as("SELECT seq, note FROM entries WHERE kind = 'marker' AND seq > ? ORDER BY seq")
            .bind(behind)
            .fetch_all(connection)
            .await?;
    let said = |(seq, note): (i64, String)| {
        let note = serde_json::from_str(&note).ok()?;
        Some((seq, Said::from_json(&note)?))
    };
    Ok(rows.into_iter().filter_map(said).collect())
}

/// What erasures may have taken away.
#[derive(Default)]
pub(super) struct Erasures {
    /// By id, up to which entry.
    calls: BTreeMap<String, i64>,
    /// By pseudonym, up to which entry.
    principals: BTreeMap<String, i64>,
}

impl Erasures {
    /// Those whose markers stand behind an entry.
    pub(super) async fn behind(connection: &mut SqliteConnection, seq: i64) -> Result<Self, sqlx::Error> {
        let mut erasures = Self::default();
        for (_, said) in read(connection, seq).await? {
            let (known, whose) = match said.statement {
                Statement::Erasure(Erased::Call(id)) => (&mut erasures.calls, id),
                Statement::Erasure(Erased::Principal(pseudonym)) => (&mut erasures.principals, pseudonym),
                Statement::Checkpoint | Statement::Prune => continue,
            };
            let through = known.entry(whose).or_default();
            *through = (*through).max(said.seq);
        }
        Ok(erasures)
    }

    /// Whether arguments of the entry were erased.
    pub(super) fn covers(&self, row: &SealedRow) -> bool {
        let call = row.call().and_then(|call| self.calls.get(call));
        call.is_some_and(|&through| row.seq <= through)
            || row.principal().is_some_and(|pseudonym| self.names(pseudonym, row.seq))
    }

    /// Whether the name behind a pseudonym was erased after an entry.
    pub(super) fn names(&self, pseudonym: &str, seq: i64) -> bool {
        self.principals.get(pseudonym).is_some_and(|&through| seq <= through)
    }
}
