//! `warrener doctor`: how gateway and Directus stand, and what to do about it.

use super::folder::Format;
use super::serve::ServeArguments;
use super::{CommandError, Ended, coloured};
use crate::administer::doctor::{Found, Level, Report, examine};
use crate::audit::escape::{escape, escape_json};
use crate::telemetry::SystemClock;
use anstyle::{AnsiColor, Style};
use clap::Args;
use serde_json::{Value, json};
use std::io::{self, Write};

/// How it is looked at: with the settings of `serve`.
#[derive(Args, Debug)]
#[command(
    after_help = "The exit code is 0 where nothing fails, 1 where something does, and 3 where settings or policies are not valid."
)]
pub(super) struct DoctorArguments {
    #[command(flatten)]
    serve: ServeArguments,
    /// How the answer looks
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub(super) fn run(arguments: &DoctorArguments, out: &mut dyn Write) -> Result<Ended, CommandError> {
    let config = arguments.serve.config()?;
    let report = super::runtime()?.block_on(examine(&config, &SystemClock))?;
    match arguments.format {
        Format::Human => tell(&report, out)?,
        Format::Json => writeln!(out, "{}", escape_json(&format!("{:#}", to_json(&report))))?,
    }
    Ok(if report.worst() == Level::Fail { Ended::Failed } else { Ended::Well })
}

/// One finding a line, and below it what to do.
fn tell(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let found = report.found();
    let width = found.iter().map(|one| one.finding.name().len()).max().unwrap_or_default();
    for Found { finding, level, says, help } in &found {
        let style = if coloured() { style(*level) } else { Style::new() };
        writeln!(out, "{style}{:4}{style:#}  {finding:width$}  {}", level.as_str(), escape(says))?;
        if let Some(help) = help {
            writeln!(out, "{:4}  {:width$}  → {}", "", "", escape(help))?;
        }
    }
    let counted = Level::ALL.map(|level| format!("{} {}", report.count(level), level.as_str()));
    writeln!(out, "\n{}", counted.join(", "))
}

fn style(level: Level) -> Style {
    match level {
        Level::Ok => AnsiColor::Green.on_default(),
        Level::Note => AnsiColor::Cyan.on_default(),
        Level::Warn => AnsiColor::Yellow.on_default(),
        Level::Fail => AnsiColor::Red.on_default(),
    }
}

fn to_json(report: &Report) -> Value {
    let found = report.found().into_iter().map(|one| {
        json!({
            "finding": one.finding.name(), "level": one.level.as_str(), "says": one.says, "help": one.help,
        })
    });
    json!({ "worst": report.worst().as_str(), "findings": found.collect::<Vec<Value>>() })
}
