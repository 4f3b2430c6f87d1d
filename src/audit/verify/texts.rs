//! Are the policy texts and schema snapshots those that entries name by their digests?

use super::Fault;
use super::sealed::SealedRow;
use crate::audit::chain;
use crate::policy::set::revision_of;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use sqlx::sqlite::SqliteConnection;
use std::collections::{BTreeMap, BTreeSet};

/// The digests by which entries name texts, by kind.
#[derive(Debug, Default)]
pub(super) struct Named(BTreeMap<&'static str, BTreeSet<String>>);

impl Named {
    /// Notes what an entry names.
    pub(super) fn note(&mut self, row: &SealedRow) {
        for (kind, column) in [("policy", "policy_revision"), ("schema", "schema_digest")] {
            let digests = self.0.entry(kind).or_default();
            if let Some(digest) = row.text(column).filter(|digest| !digest.is_empty())
                && !digests.contains(digest)
            {
                digests.insert(digest.to_owned());
            }
        }
    }

    /// How many of them have no text.
    pub(super) async fn missing(&self, connection: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
        let mut missing = 0;
        for (kind, digests) in &self.0 {
            for digest in digests {
                let there: bool =
                    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM texts WHERE kind = ? AND digest = ?)")
                        .bind(kind)
                        .bind(digest)
                        .fetch_one(&mut *connection)
                        .await?;
                missing += u64::from(!there);
            }
        }
        Ok(missing)
    }
}

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
