//! `warrener audit export`: calls that have ended, for other programs.

use super::AuditError;
use super::filter::instant;
use crate::audit::export::{ExportFormat, Lines};
use crate::audit::query::{Place, TrailReader};
use clap::Args;
use jiff::Timestamp;
use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// What to write out, and where.
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    /// How a call is written
    #[arg(long, value_enum)]
    pub format: ExportFormat,
    /// Ended then or later: `2h`, `yesterday`, `2026-11-22`, `2026-11-22T10:00:00Z` (UTC)
    #[arg(long, value_name = "TIME", conflicts_with = "after")]
    pub since: Option<String>,
    /// Behind that call, which is the last one that was written the time before
    #[arg(long, value_name = "ID")]
    pub after: Option<String>,
    /// Stop at the first call that ended then or later; by default at the last one that has ended now
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Write to that file, which must not be there yet, for its owner alone; to standard output where this is left out
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

impl ExportArgs {
    pub(super) async fn run(
        &self,
        reader: &mut TrailReader,
        now: Timestamp,
        out: &mut dyn Write,
        notes: &mut dyn Write,
    ) -> Result<(), AuditError> {
        let since = instant(self.since.as_deref(), now)?;
        let until = instant(self.until.as_deref(), now)?;
        let from = match (&self.after, since) {
            (Some(id), _) => reader.end_of(id).await?,
            (None, Some(since)) => reader.before(since).await?,
            (None, None) => Place::START,
        };
        let mut lines = Lines::new(self.format, since, until);
        match &self.output {
            Some(path) => {
                let mut file = create(path)?;
                lines.write(reader, from, &mut file).await?;
                file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
            }
            None => lines.write(reader, from, out).await?,
        }
        let Some(last) = lines.last() else { return Ok(writeln!(notes, "no such calls")?) };
        let (calls, them) = if lines.written() == 1 { ("call", "it") } else { ("calls", "them") };
        Ok(writeln!(notes, "{} {calls}; `--after {last}` goes on behind {them}", lines.written())?)
    }
}

fn create(path: &Path) -> Result<BufWriter<std::fs::File>, AuditError> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let file = file.map_err(|source| AuditError::Create { path: path.to_owned(), source })?;
    Ok(BufWriter::new(file))
}
