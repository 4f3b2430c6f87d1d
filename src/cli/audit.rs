//! `warrener audit`: asks the trail what was called, by whom, and what came of it.

mod erase;
mod prune;
mod verify;

use crate::audit::TrailError;
use crate::audit::erase::EraseError;
use crate::audit::query::{Filter, Order, OutcomeFilter, QueryError, TrailReader};
use crate::audit::render::{Format, Renderer, write_call};
use crate::audit::time::{self, TimeError};
use crate::audit::verify::Fault;
use crate::directus::access::Action;
use clap::{Args, Subcommand, ValueEnum};
use futures_util::TryStreamExt as _;
use jiff::Timestamp;
use std::io::{self, Write};
use std::pin::pin;
use std::time::Duration;

/// How many calls a table shows where no limit is given; other formats show all.
const TABLE_LIMIT: u64 = 100;

/// How often `tail -f` looks for more.
const POLL: Duration = Duration::from_millis(500);

/// How many entries `tail -f` looks at in one go.
const TAIL_STEP: i64 = 500;

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
    /// How to write the answer
    #[arg(long, value_enum, default_value_t, global = true)]
    pub format: Format,
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
    /// Check that no entry was changed, removed, inserted or reordered
    ///
    /// The chain is recomputed from its first entry to its last. With the public key the signatures of checkpoints count too, and with
    /// the checkpoints of the second place a trail that was cut short shows. Exit code 1 where something is wrong.
    Verify(verify::VerifyArgs),
    /// Delete old entries, while the gateway goes on
    ///
    /// A marker keeps what the rest is checked with; it is signed where the settings name a `signing_key`.
    Prune(prune::PruneArgs),
    /// Erase arguments, and the name behind a pseudonym, while the gateway goes on
    ///
    /// The entries stay, and the chain still verifies; a marker tells of it. What is erased cannot be had back.
    Erase(erase::EraseArgs),
}

/// Which calls to list.
#[derive(Clone, Debug, Default, Args)]
pub struct QueryArgs {
    /// Started then or later: `30m`, `2h`, `7d`, `today`, `yesterday`, `2026-11-22`, `2026-11-22T10:00:00Z` (UTC)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Started before then
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    /// Called by that client
    #[arg(long, value_name = "NAME")]
    pub principal: Option<String>,
    /// Decided by that role's policy
    #[arg(long, value_name = "ROLE")]
    pub role: Option<String>,
    /// Calls of that Directus tool
    #[arg(long, value_name = "TOOL")]
    pub tool: Option<String>,
    /// With an access that does so: read, create, update, delete, execute, import
    #[arg(long, value_name = "ACTION", value_parser = action)]
    pub action: Option<Action>,
    /// With an access to that collection; with --action, both of the same access
    #[arg(long, value_name = "COLLECTION")]
    pub collection: Option<String>,
    /// Permitted or denied; observed denials are denials
    #[arg(long, value_enum)]
    pub decision: Option<DecisionArg>,
    /// Decided by that rule: `editor/no-deletes`, `guardrails/*`
    #[arg(long, value_name = "RULE")]
    pub rule: Option<String>,
    /// Ended like that; `open` has not ended
    #[arg(long, value_enum)]
    pub outcome: Option<OutcomeArg>,
    /// At most so many; a table has 100 where this is not given, the other formats all
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// The earliest first
    #[arg(long)]
    pub oldest_first: bool,
}

/// Which call to show.
#[derive(Clone, Debug, Args)]
pub struct ShowArgs {
    /// The call's id, or enough of its beginning
    pub id: String,
}

/// What to list, and whether to wait for more.
#[derive(Clone, Debug, Args)]
pub struct TailArgs {
    /// Wait for further calls, until interrupted
    #[arg(short, long)]
    pub follow: bool,
    /// Begin with so many of the latest calls
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    pub lines: u64,
}

/// A decision to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the words are those of the trail, and say what they mean")]
pub enum DecisionArg {
    Permit,
    Deny,
}

/// An ending to look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the words are those of the trail, documented at `OutcomeWord`")]
pub enum OutcomeArg {
    Ok,
    Error,
    Refused,
    Failed,
    Unknown,
    Open,
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
}

/// Answers on `out`; what is no data goes to the log of errors, by way of the result or `notes`.
///
/// # Errors
///
/// [`AuditError`], for one clear message and exit code 1. A reader that has seen enough, such as `head`, is none.
pub async fn run(args: AuditArgs, out: &mut dyn Write, notes: &mut dyn Write) -> Result<(), AuditError> {
    let mut reader = TrailReader::open(&args.audit).await?;
    let answered = match &args.command {
        AuditCommand::Query(query) => list(&mut reader, query, args.format, out, notes).await,
        AuditCommand::Show(show) => show_call(&mut reader, &show.id, args.format, out).await,
        AuditCommand::Tail(tail) => follow(&mut reader, tail, args.format, out).await,
        AuditCommand::Verify(verify) => verify::run(&args, verify, out, notes).await,
        AuditCommand::Prune(prune) => prune::run(&args, prune, notes).await,
        AuditCommand::Erase(erase) => erase::run(&args, erase, &mut reader, notes).await,
    };
    match answered {
        Err(AuditError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        answered => answered,
    }
}

async fn list(
    reader: &mut TrailReader,
    query: &QueryArgs,
    format: Format,
    out: &mut dyn Write,
    notes: &mut dyn Write,
) -> Result<(), AuditError> {
    let limit = query.limit.or((format == Format::Table).then_some(TABLE_LIMIT));
    let mut filter = query.filter(Timestamp::now())?;
    // One more than is shown tells whether there are more.
    filter.limit = limit.map(|limit| limit.saturating_add(1));
    let mut renderer = Renderer::new(format);
    let mut shown = 0;
    let mut calls = pin!(reader.calls(filter));
    while let Some(call) = calls.try_next().await? {
        if limit == Some(shown) {
            renderer.flush(out)?;
            writeln!(notes, "there are more than {shown} such calls: `--limit N` shows more of them")?;
            break;
        }
        renderer.push(call, out)?;
        shown += 1;
    }
    renderer.finish(out)?;
    if shown == 0 && limit != Some(0) {
        writeln!(notes, "no such calls")?;
    }
    Ok(())
}

async fn show_call(
    reader: &mut TrailReader,
    id: &str,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), AuditError> {
    let call = reader.call(id).await?;
    let parts = reader.parts(&call.id).await?;
    Ok(write_call(call, &parts, format, out)?)
}

async fn follow(
    reader: &mut TrailReader,
    tail: &TailArgs,
    format: Format,
    out: &mut dyn Write,
) -> Result<(), AuditError> {
    // Taken first: what ends while the list is read is shown twice rather than not at all.
    let mut seen = reader.last_seq().await?;
    let mut renderer = Renderer::new(format);
    let latest = Filter { limit: Some(tail.lines), ..Filter::default() };
    let mut calls: Vec<_> = reader.calls(latest).try_collect().await?;
    calls.reverse();
    for call in calls {
        renderer.push(call, out)?;
    }
    if !tail.follow {
        return Ok(renderer.finish(out)?);
    }
    loop {
        renderer.flush(out)?;
        let last = reader.last_seq().await?.min(seen.saturating_add(TAIL_STEP));
        for call in reader.ended(seen, last).await? {
            renderer.push(call, out)?;
        }
        if last == seen {
            tokio::time::sleep(POLL).await;
        }
        seen = last;
    }
}

impl AuditArgs {
    /// Whether the settings say more of it than where the trail is.
    pub(super) fn needs_settings(&self) -> bool {
        match self.command {
            AuditCommand::Verify(_) | AuditCommand::Prune(_) => true,
            AuditCommand::Query(_)
            | AuditCommand::Show(_)
            | AuditCommand::Tail(_)
            | AuditCommand::Erase(_) => false,
        }
    }
}

impl QueryArgs {
    fn filter(&self, now: Timestamp) -> Result<Filter, TimeError> {
        let time = |text: &Option<String>| text.as_deref().map(|text| time::parse(text, now)).transpose();
        Ok(Filter {
            since: time(&self.since)?,
            until: time(&self.until)?,
            principal: self.principal.clone(),
            role: self.role.clone(),
            tool: self.tool.clone(),
            action: self.action,
            collection: self.collection.clone(),
            decision: self.decision.map(|decision| decision.as_str().to_owned()),
            rule: self.rule.clone(),
            outcome: self.outcome.map(OutcomeArg::filter),
            limit: self.limit,
            order: if self.oldest_first { Order::OldestFirst } else { Order::NewestFirst },
        })
    }
}

impl DecisionArg {
    fn as_str(self) -> &'static str {
        match self {
            Self::Permit => "permit",
            Self::Deny => "deny",
        }
    }
}

impl OutcomeArg {
    fn filter(self) -> OutcomeFilter {
        let word = match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Open => return OutcomeFilter::Open,
        };
        OutcomeFilter::Is(word.to_owned())
    }
}

impl From<TrailError> for AuditError {
    fn from(error: TrailError) -> Self {
        Self::Query(error.into())
    }
}

fn action(name: &str) -> Result<Action, String> {
    Action::named(name).ok_or_else(|| {
        let names = Action::ALL.map(Action::as_str).join(", ");
        format!("there are the actions {names}")
    })
}
