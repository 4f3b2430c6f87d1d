//! `warrener audit`: asks the trail what was called, by whom, and what came of it.

pub mod filter;

pub(super) mod activity;
mod backup;
mod erase;
mod export;
mod list;
mod prune;
mod show;
mod stats;
mod verify;

use crate::audit::TrailError;
use crate::audit::backup::BackupError;
use crate::audit::erase::EraseError;
use crate::audit::export::ExportError;
use crate::audit::query::{QueryError, TrailReader};
use crate::audit::render::Format;
use crate::audit::stats::Screen;
use crate::audit::time::TimeError;
use crate::audit::verify::Fault;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use std::io::{self, Write};
use std::path::PathBuf;

pub use export::ExportArgs;
pub use list::{QueryArgs, TailArgs};
pub use show::ShowArgs;
pub use stats::StatsArgs;

/// Ask the audit trail
#[derive(Clone, Debug, Args)]
pub struct AuditArgs {
    /// What is asked.
    #[command(subcommand)]
    pub command: AuditCommand,
    /// The trail to read
    #[arg(
        long,
        value_name = "URL",
        env = "WARRENER_AUDIT",
        default_value = "sqlite://warrener.db",
        global = true
    )]
    pub audit: String,
    /// What the settings say of the trail.
    #[arg(skip)]
    pub settings: crate::config::Audit,
}

/// What the trail is asked.
#[derive(Clone, Debug, Subcommand)]
pub enum AuditCommand {
    /// List calls, the latest first
    ///
    /// A call must fit all that is given. `*` stands for any run of characters in names and rules.
    Query(Box<QueryArgs>),
    /// Show everything about one call
    Show(ShowArgs),
    /// List the latest calls, and with -f each further one when it has ended
    Tail(TailArgs),
    /// Count calls, denials, errors and durations
    ///
    /// Counted are the calls that fit all that is given. `*` stands for any run of characters in names and rules. Hours that are over
    /// are taken from the tallies that the gateway makes of them, unless the question is about clients, accesses, arguments, sizes or
    /// slow calls.
    Stats(Box<StatsArgs>),
    /// Write calls out for other programs, one a line, in the order in which they ended
    ///
    /// A call is written once it has ended. The order is that in which the trail learnt of the ends: `--after` with the id of the
    /// last line goes on without a call left out or written twice, also while the gateway is at work.
    Export(ExportArgs),
    /// Check that no entry was changed, removed, inserted or reordered
    ///
    /// The chain is recomputed from its first entry to its last. With the public key the signatures of checkpoints count too, and with
    /// the checkpoints of the second place a trail that was cut short shows. The tallies that `audit stats` counts with are compared with
    /// the entries. Exit code 1 where something is wrong.
    Verify(verify::VerifyArgs),
    /// Copy the trail to a new file, while the gateway goes on, and verify the copy
    ///
    /// The file appears when it is whole and verified. To restore it, put it in the place of the trail while no gateway runs, and take
    /// away what stood beside the old one (`-wal`, `-shm`).
    Backup(backup::BackupArgs),
    /// Delete old entries, while the gateway goes on
    ///
    /// A marker keeps what the rest is checked with; it is signed where the settings name a `signing_key`.
    Prune(prune::PruneArgs),
    /// Erase arguments, and the name behind a pseudonym, while the gateway goes on
    ///
    /// The entries stay, and the chain still verifies; a marker tells of it. What is erased cannot be had back.
    Erase(erase::EraseArgs),
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct FormatArgs {
    /// How to write the answer
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// Why the trail gave no answer; all of them are exit code 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The trail cannot be read, or the call is not in it.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A time is not one.
    #[error(transparent)]
    Time(#[from] TimeError),
    /// Directus' own log cannot be read.
    #[error("what Directus remembers of the call cannot be read: {0}")]
    Activity(String),
    /// There is no backup.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// Nothing was erased.
    #[error(transparent)]
    Erase(#[from] EraseError),
    /// A key or a file of checkpoints cannot be had.
    #[error(transparent)]
    Evidence(#[from] verify::EvidenceError),
    /// The trail is not what it was.
    #[error("{0}: the trail is not what the gateway wrote")]
    Broken(Fault),
    /// The answer cannot be written.
    #[error("cannot write the answer")]
    Output(#[from] io::Error),
    /// The export has stopped.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The file to export to cannot be made.
    #[error("cannot create `{}`", .path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Answers on `out`, which is such a screen; what is no data goes to the log of errors, by way of the result or `notes`.
///
/// # Errors
///
/// [`AuditError`], for one clear message and exit code 1. A reader that has seen enough, such as `head`, is none.
pub async fn run(
    args: AuditArgs,
    screen: Screen,
    out: &mut dyn Write,
    notes: &mut dyn Write,
) -> Result<(), AuditError> {
    let mut reader = TrailReader::open(&args.audit).await?;
    let now = Timestamp::now();
    let answered = match &args.command {
        AuditCommand::Query(query) => query.run(&mut reader, now, out, notes).await,
        AuditCommand::Show(show) => show.run(&mut reader, out, notes).await,
        AuditCommand::Tail(tail) => tail.run(&mut reader, out).await,
        AuditCommand::Stats(stats) => stats.run(&mut reader, now, screen, out, notes).await,
        AuditCommand::Export(export) => export.run(&mut reader, now, out, notes).await,
        AuditCommand::Verify(verify) => verify.run(&args, out, notes).await,
        AuditCommand::Backup(backup) => backup.run(&args, notes).await,
        AuditCommand::Prune(prune) => prune.run(&args, now, notes).await,
        AuditCommand::Erase(erase) => erase.run(&args, &mut reader, notes).await,
    };
    match answered {
        Err(AuditError::Output(error) | AuditError::Export(ExportError::Output(error)))
            if error.kind() == io::ErrorKind::BrokenPipe =>
        {
            Ok(())
        }
        answered => answered,
    }
}

impl AuditArgs {
    /// Whether the settings say more of it than where the trail is.
    pub(super) fn needs_settings(&self) -> bool {
        match self.command {
            AuditCommand::Verify(_)
            | AuditCommand::Backup(_)
            | AuditCommand::Prune(_)
            | AuditCommand::Erase(_) => true,
            AuditCommand::Query(_)
            | AuditCommand::Show(_)
            | AuditCommand::Tail(_)
            | AuditCommand::Stats(_)
            | AuditCommand::Export(_) => false,
        }
    }
}

impl From<TrailError> for AuditError {
    fn from(error: TrailError) -> Self {
        Self::Query(error.into())
    }
}
