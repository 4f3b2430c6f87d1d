//! `warrener audit`: asks the trail what was called, by whom, and what came of it.

pub mod filter;

mod export;
mod list;
mod show;
mod stats;

use crate::audit::TrailError;
use crate::audit::export::ExportError;
use crate::audit::query::{QueryError, TrailReader};
use crate::audit::render::Format;
use crate::audit::stats::Screen;
use crate::audit::time::TimeError;
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
    /// Counted are the calls that fit all that is given. `*` stands for any run of characters in names and rules.
    Stats(Box<StatsArgs>),
    /// Write calls out for other programs, one a line, in the order in which they ended
    ///
    /// A call is written once it has ended. The order is that in which the trail learnt of the ends: `--after` with the id of the
    /// last line goes on without a call left out or written twice, also while the gateway is at work.
    Export(ExportArgs),
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
        AuditCommand::Show(show) => show.run(&mut reader, out).await,
        AuditCommand::Tail(tail) => tail.run(&mut reader, out).await,
        AuditCommand::Stats(stats) => stats.run(&mut reader, now, screen, out, notes).await,
        AuditCommand::Export(export) => export.run(&mut reader, now, out, notes).await,
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

impl From<TrailError> for AuditError {
    fn from(error: TrailError) -> Self {
        Self::Query(error.into())
    }
}
