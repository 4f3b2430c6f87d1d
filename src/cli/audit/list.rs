//! `warrener audit query` and `warrener audit tail`: calls, one a row.

use super::filter::FilterArgs;
use super::{AuditError, FormatArgs};
use crate::audit::query::{Listing, Order, TrailReader};
use crate::audit::render::{Format, Renderer};
use clap::Args;
use futures_util::TryStreamExt as _;
use jiff::Timestamp;
use std::io::Write;
use std::pin::pin;
use std::time::Duration;

/// How many calls a table shows where no limit is given; other formats show all.
const TABLE_LIMIT: u64 = 100;

/// How often `tail -f` looks for more.
const POLL: Duration = Duration::from_millis(500);

/// Which calls to list.
#[derive(Clone, Debug, Default, Args)]
pub struct QueryArgs {
    /// At most so many; a table has 100 where this is not given, the other formats all
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// The earliest first
    #[arg(long)]
    pub oldest_first: bool,
    /// How.
    #[command(flatten)]
    pub format: FormatArgs,
    /// Which calls.
    #[command(flatten)]
    pub filter: FilterArgs,
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
    /// How.
    #[command(flatten)]
    pub format: FormatArgs,
}

impl QueryArgs {
    pub(super) async fn run(
        &self,
        reader: &mut TrailReader,
        now: Timestamp,
        out: &mut dyn Write,
        notes: &mut dyn Write,
    ) -> Result<(), AuditError> {
        let format = self.format.format;
        let limit = self.limit.or((format == Format::Table).then_some(TABLE_LIMIT));
        let order = if self.oldest_first { Order::OldestFirst } else { Order::NewestFirst };
        // One more than is shown tells whether there are more.
        let asked = limit.map(|limit| limit.saturating_add(1));
        let listing = Listing { filter: self.filter.filter(now)?, limit: asked, order };
        let mut renderer = Renderer::new(format);
        let mut shown = 0;
        let mut calls = pin!(reader.calls(listing));
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
}

impl TailArgs {
    pub(super) async fn run(&self, reader: &mut TrailReader, out: &mut dyn Write) -> Result<(), AuditError> {
        // Taken first: what ends while the list is read is shown twice rather than not at all.
        let mut seen = reader.head().await?;
        let mut renderer = Renderer::new(self.format.format);
        let latest = Listing { limit: Some(self.lines), ..Listing::default() };
        let mut calls: Vec<_> = reader.calls(latest).try_collect().await?;
        calls.reverse();
        for call in calls {
            renderer.push(call, out)?;
        }
        if !self.follow {
            return Ok(renderer.finish(out)?);
        }
        loop {
            renderer.flush(out)?;
            let head = reader.head().await?;
            let (calls, reached) = reader.ended(seen, head).await?;
            for ended in calls {
                renderer.push(ended.call, out)?;
            }
            if reached == head {
                renderer.flush(out)?;
                tokio::time::sleep(POLL).await;
            }
            seen = reached;
        }
    }
}
