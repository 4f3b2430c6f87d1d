//! `warrener audit prune`.

use super::{AuditArgs, AuditError, verify::EvidenceError};
use crate::audit::retention::prune;
use crate::audit::signing::SigningKey;
use crate::audit::time;
use clap::Args;
use jiff::Timestamp;
use std::io::Write;

/// What is to go.
#[derive(Clone, Debug, Args)]
pub struct PruneArgs {
    /// Older than that: `90d`, `2026-01-01`
    #[arg(long, value_name = "TIME")]
    older_than: String,
}

impl PruneArgs {
    /// Prunes, and says how much.
    pub(super) async fn run(
        &self,
        args: &AuditArgs,
        now: Timestamp,
        notes: &mut dyn Write,
    ) -> Result<(), AuditError> {
        let before = time::parse(&self.older_than, now)?;
        let key = args.settings.signing_key.as_deref().map(SigningKey::read).transpose();
        let pruned = prune(&args.audit, before, key.map_err(EvidenceError::from)?.as_ref()).await?;
        if pruned.entries == 0 {
            writeln!(notes, "no entries are from before {}", time::text(before))?;
        } else {
            writeln!(notes, "{} entries are gone, up to entry {}", pruned.entries, pruned.through)?;
        }
        Ok(())
    }
}
