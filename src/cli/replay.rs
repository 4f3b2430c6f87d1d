//! `warrener replay`: what other policies would have said of the calls that a trail has.

use super::audit::AuditError;
use super::folder::{FolderArguments, Format};
use super::recorded::{self, Walk};
use super::{CommandError, Ended};
use crate::administer;
use crate::audit::decided::DecidedCall;
use crate::audit::escape::{escape, escape_json};
use crate::audit::time;
use crate::directus::SchemaSnapshot;
use crate::policy::PolicySet;
use crate::policy::replay::{Again, Change, Group, Recorded, Report};
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::io::{self, Write};

/// Groups of a change that people are shown.
const SHOWN: usize = 20;

/// Which calls are decided again, and by what.
#[derive(Args, Debug)]
pub(super) struct ReplayArguments {
    #[command(flatten)]
    folder: FolderArguments,
    /// The trail to read; that of the settings where it is left out
    #[arg(long, value_name = "URL", env = "WARRENER_AUDIT")]
    audit: Option<String>,
    /// Calls that started at that time or later: `30d`, `2h`, `yesterday`, `2026-11-22`
    #[arg(long, value_name = "TIME", default_value = "30d")]
    since: String,
    /// Only the calls of this role
    #[arg(long)]
    role: Option<String>,
    /// Exit code 1 where a call cannot be decided again
    #[arg(long)]
    strict: bool,
    /// How the answer looks
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub(super) fn run(
    arguments: &ReplayArguments,
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<Ended, CommandError> {
    let config = arguments.folder.config()?;
    let folder = arguments.folder.policies.clone().or(config.policies);
    let (set, _) = administer::policies_with(folder.as_deref(), config.guardrails)?;
    if let Some(role) = arguments.role.as_ref().filter(|role| set.role(role).is_none()) {
        return Err(CommandError::Input(format!("there is no role `{role}` in the policies")));
    }
    let since = time::parse(&arguments.since, now).map_err(AuditError::from)?;
    let audit = arguments.audit.clone().unwrap_or(config.audit.url);
    let report = super::runtime()?.block_on(replay(&audit, since, &set, arguments.role.as_deref()))?;
    match arguments.format {
        Format::Json => writeln!(out, "{}", escape_json(&format!("{:#}", to_json(&report, &set))))?,
        Format::Human => show(&report, &set, since, out)?,
    }
    let failed = arguments.strict && report.undecided() > 0;
    Ok(if failed { Ended::Failed } else { Ended::Well })
}

async fn replay(
    url: &str,
    since: Timestamp,
    set: &PolicySet,
    role: Option<&str>,
) -> Result<Report, AuditError> {
    let mut report = Report::default();
    if let Some(mut walk) = Walk::open(url, since).await? {
        walk.pages(role, |page| {
            for decided in decided_again(page, set) {
                match decided {
                    Some((recorded, again)) => report.add(&recorded, &again),
                    None => report.add_same(),
                }
            }
        })
        .await?;
    }
    Ok(report)
}

/// What is said of each now, in their order; on all processors, since a trail is long.
fn decided_again(
    page: &[(&DecidedCall, Option<&SchemaSnapshot>)],
    set: &PolicySet,
) -> Vec<Option<(Recorded, Again)>> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let part = page.len().div_ceil(processors).max(1);
    std::thread::scope(|scope| {
        let decide = |calls: &[(&DecidedCall, Option<&SchemaSnapshot>)]| -> Vec<_> {
            calls.iter().map(|(call, schema)| again(call, *schema, set)).collect()
        };
        let parts: Vec<_> = page.chunks(part).map(|calls| scope.spawn(move || decide(calls))).collect();
        let parts = parts
            .into_iter()
            .map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        parts.flatten().collect()
    })
}

/// `None` where no policy has decided it.
fn again(call: &DecidedCall, schema: Option<&SchemaSnapshot>, set: &PolicySet) -> Option<(Recorded, Again)> {
    let recalled = recorded::recalled(call, schema)?;
    let (does, again) = match recalled {
        Err(why) => (String::new(), Again::Undecidable(why)),
        Ok((recalled, schema)) => (recalled.does(), set.decide_again(&call.role, schema, &recalled)),
    };
    let recorded = Recorded {
        id: call.id.clone(),
        role: call.role.clone(),
        tool: call.tool.clone(),
        does,
        passed: !recorded::is_denied(call),
        rule: call.rule.clone().unwrap_or_default(),
    };
    Some((recorded, again))
}

fn show(report: &Report, set: &PolicySet, since: Timestamp, out: &mut dyn Write) -> io::Result<()> {
    let revision = set.revision().get(..12).unwrap_or_default();
    writeln!(
        out,
        "{} calls since {}, decided again by revision {revision}",
        report.calls(),
        time::text(since)
    )?;
    writeln!(out, "  the same          {:>9}", report.same)?;
    writeln!(out, "  newly denied      {:>9}", report.newly_denied)?;
    writeln!(out, "  newly permitted   {:>9}", report.newly_permitted)?;
    writeln!(out, "  undecidable       {:>9}", report.undecided())?;
    for (why, calls) in &report.undecidable {
        writeln!(out, "    {calls}: {why}")?;
    }
    for (change, title) in
        [(Change::NewlyDenied, "newly denied"), (Change::NewlyPermitted, "newly permitted")]
    {
        let groups = report.groups(change);
        if groups.is_empty() {
            continue;
        }
        writeln!(out, "\n{title}")?;
        for group in groups.iter().take(SHOWN) {
            show_group(group, out)?;
        }
        if let Some(more) = groups.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            writeln!(out, "  and {more} more groups; `--format json` has them all")?;
        }
    }
    if report.ungrouped > 0 {
        writeln!(out, "\n{} changed calls are in none of these groups", report.ungrouped)?;
    }
    Ok(())
}

fn show_group(group: &Group, out: &mut dyn Write) -> io::Result<()> {
    let Group { role, tool, does, rule, was, message, calls, examples, .. } = group;
    let line = format!("{calls:>7}  {role}  {tool}: {does}  by {rule} (was {was})");
    writeln!(out, "{}", escape(&line))?;
    if !message.is_empty() {
        writeln!(out, "         {}", escape(message))?;
    }
    writeln!(out, "         such as {}", escape(&examples.join(", ")))
}

fn to_json(report: &Report, set: &PolicySet) -> Value {
    let groups = |change: Change| -> Vec<Value> {
        let group = |group: &Group| {
            json!({
                "role": group.role, "tool": group.tool, "does": group.does, "rule": group.rule, "was": group.was,
                "message": group.message, "calls": group.calls, "examples": group.examples,
            })
        };
        report.groups(change).into_iter().map(group).collect()
    };
    let undecidable: Vec<Value> = report
        .undecidable
        .iter()
        .map(|(why, calls)| json!({ "why": why.to_string(), "calls": calls }))
        .collect();
    json!({
        "revision": set.revision(),
        "calls": report.calls(),
        "same": report.same,
        "newly_denied": { "calls": report.newly_denied, "groups": groups(Change::NewlyDenied) },
        "newly_permitted": { "calls": report.newly_permitted, "groups": groups(Change::NewlyPermitted) },
        "undecidable": { "calls": report.undecided(), "why": undecidable },
        "ungrouped": report.ungrouped,
    })
}
