//! Are the policy texts and schema snapshots those that entries name by their digests?

use super::Fault;
use crate::audit::chain;
use crate::policy::set::revision_of;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use sqlx::sqlite::SqliteConnection;

/// The first text that does not have its digest. They are few, and each is read by itself.
pub(super) async fn fault(connection: &mut SqliteConnection) -> Result<Option<Fault>, sqlx::Error> {
    let known: Vec<(String, String)> =
        sqlx::query_as("SELECT kind, digest FROM texts").fetch_all(&mut *connection).await?;
    for (kind, digest) in known {
        let text: String = sqlx::query_scalar("SELECT text FROM texts WHERE kind = ? AND digest = ?")
            .bind(&kind)
            .bind(&digest)
            .fetch_one(&mut *connection)
            .await?;
        let own = if kind == "policy" { revision(&text) } else { Some(chain::hex(&Sha256::digest(&text))) };
        if own.as_ref() != Some(&digest) {
            return Ok(Some(Fault::Text { kind, digest }));
        }
    }
    Ok(None)
}

/// The revision of policy files, which are kept as an object of names and texts.
fn revision(text: &str) -> Option<String> {
    let files: Map<String, Value> = serde_json::from_str(text).ok()?;
    let files: Option<Vec<(&str, &str)>> =
        files.iter().map(|(name, text)| Some((name.as_str(), text.as_str()?))).collect();
    Some(revision_of(files?.into_iter()))
}
