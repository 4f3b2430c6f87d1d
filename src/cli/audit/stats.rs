//! `warrener audit stats`: how many calls, by whom, and what came of them.

use super::filter::{FilterArgs, duration};
use super::{AuditError, FormatArgs};
use crate::audit::query::TrailReader;
use crate::audit::stats::{Count, Dimension, Screen, StatsRenderer};
use clap::Args;
use jiff::Timestamp;
use std::io::Write;
use std::time::Duration;

/// Each interval is asked for by itself.
const SHORTEST: Duration = Duration::from_secs(1);

/// What to count.
#[derive(Clone, Debug, Default, Args)]
pub struct StatsArgs {
    /// What calls are told apart by, such as `role,tool,decision`; `action` and `collection` count a call for each that it
    /// has an access of
    #[arg(long, value_name = "COLUMNS", value_enum, value_delimiter = ',')]
    pub by: Vec<Dimension>,
    /// A row for each such interval of time: `1h`, `15m`, `1d`; they begin on the hour, at midnight, on Monday (UTC)
    #[arg(long, value_name = "DURATION", value_parser = interval)]
    pub every: Option<Duration>,
    /// At most so many groups, those with most calls first; with --every, so many of each interval
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// How.
    #[command(flatten)]
    pub format: FormatArgs,
    /// Which calls.
    #[command(flatten)]
    pub filter: FilterArgs,
}

impl StatsArgs {
    pub(super) async fn run(
        &self,
        reader: &mut TrailReader,
        now: Timestamp,
        screen: Screen,
        out: &mut dyn Write,
        notes: &mut dyn Write,
    ) -> Result<(), AuditError> {
        let count = Count { filter: self.filter.filter(now)?, by: self.by(), every: self.every };
        let mut renderer = StatsRenderer::new(self.format.format, &count, screen);
        let mut counting = reader.count(count, now).await?;
        let mut calls = 0;
        while let Some(mut interval) = counting.next().await? {
            calls += interval.groups.iter().map(|group| group.calls).sum::<u64>();
            interval.groups.truncate(self.limit.unwrap_or(usize::MAX));
            renderer.push(interval, out)?;
        }
        renderer.finish(out)?;
        if calls == 0 {
            writeln!(notes, "no such calls")?;
        }
        Ok(())
    }

    /// Each of them once, in the order in which they were given.
    fn by(&self) -> Vec<Dimension> {
        let mut by = Vec::new();
        for dimension in &self.by {
            if !by.contains(dimension) {
                by.push(*dimension);
            }
        }
        by
    }
}

fn interval(written: &str) -> Result<Duration, String> {
    let length = duration(written)?;
    if length < SHORTEST {
        return Err("write a second or more: `1s`".to_owned());
    }
    Ok(length)
}
