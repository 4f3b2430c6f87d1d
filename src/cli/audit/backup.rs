//! `warrener audit backup`.

use super::verify::evidence;
use super::{AuditArgs, AuditError};
use crate::audit::backup::back_up;
use crate::audit::verify::Verdict;
use crate::cli::progress;
use clap::Args;
use std::io::Write;
use std::path::PathBuf;

/// Where to.
#[derive(Clone, Debug, Args)]
pub struct BackupArgs {
    /// The file that the copy is written to; there must be none yet
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl BackupArgs {
    /// Copies and verifies, and says what is in the copy.
    pub(super) async fn run(&self, args: &AuditArgs, notes: &mut dyn Write) -> Result<(), AuditError> {
        // Before the copy is made: what is signed from now on is not in it.
        let evidence = evidence(args, None, None)?;
        let verdict =
            progress::shown(async |told| back_up(&args.audit, &self.file, &evidence, told).await).await;
        match verdict? {
            Verdict::Broken(fault) => Err(AuditError::Broken(fault)),
            Verdict::Whole(found) => {
                let (file, entries, last) = (self.file.display(), found.entries, found.last);
                writeln!(
                    notes,
                    "{entries} entries, up to entry {last}, are in `{file}`, and verified there"
                )?;
                writeln!(
                    notes,
                    "what comes after entry {last} is not in it: keep it beside the checkpoints of the second place"
                )?;
                Ok(())
            }
        }
    }
}
