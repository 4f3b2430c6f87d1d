//! `warrener suggest`: the least policy that the recorded calls of a role need.

use super::audit::AuditError;
use super::folder::{Folder, FolderArguments};
use super::recorded::{self, Walk};
use super::{CommandError, Ended};
use crate::administer::LoadError;
use crate::audit::decided::DecidedCall;
use crate::audit::time;
use crate::policy::PolicySet;
use crate::policy::diagnostic::Source;
use crate::policy::set::GuardrailsFile;
use crate::policy::suggest::{Head, Suggestion, Uses};
use clap::Args;
use jiff::Timestamp;
use std::io::Write;

/// Whose policy, and out of which calls.
#[derive(Args, Debug)]
pub(super) struct SuggestArguments {
    #[command(flatten)]
    folder: FolderArguments,
    /// The trail to read; that of the settings where it is left out
    #[arg(long, value_name = "URL", env = "WARRENER_AUDIT")]
    audit: Option<String>,
    /// The role
    #[arg(long)]
    role: String,
    /// Calls that started at that time or later: `30d`, `2h`, `yesterday`, `2026-11-22`
    #[arg(long, value_name = "TIME", default_value = "30d")]
    since: String,
    /// Adds permissions for what was denied for want of one, each marked with a comment
    #[arg(long)]
    include_denied: bool,
}

pub(super) fn run(
    arguments: &SuggestArguments,
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<Ended, CommandError> {
    let config = arguments.folder.config()?;
    let folder = Folder::read(arguments.folder.policies.clone().or(config.policies))?;
    let current = load(&folder.sources, config.guardrails)?;
    let role = arguments.role.as_str();
    let none = || CommandError::Input(format!("there is no role `{role}` in the policies"));
    let mut uses = Uses::of(&current, role, arguments.include_denied).ok_or_else(none)?;
    let since = time::parse(&arguments.since, now).map_err(AuditError::from)?;
    let audit = arguments.audit.clone().unwrap_or(config.audit.url);
    let runtime = super::runtime()?;
    let nothing = |what: &str| {
        let since = time::text(since);
        CommandError::Input(format!(
            "no call of `{role}` since {since} {what}, so there is nothing to suggest"
        ))
    };
    let walk = runtime.block_on(Walk::open(&audit, since))?;
    let mut walk = walk.ok_or_else(|| nothing("is in the trail"))?;
    let mut unread = 0;
    runtime.block_on(walk.calls(Some(role), |call, schema| match recorded::recalled(call, schema) {
        None => {}
        Some(Err(_)) => unread += 1,
        Some(Ok((recalled, schema))) => uses.add(schema, &recalled, day(call)),
    }))?;
    let mut suggestion = uses.suggestion();
    if suggestion.is_empty() {
        return Err(nothing("needed a permission of the policies that there are"));
    }
    let since = time::text(since);
    let head = Head {
        since: &since,
        revision: current.revision(),
        permitted: uses.permitted,
        denied: uses.denied,
        undecidable: uses.undecidable + unread,
    };
    let replaced = |suggestion: &Suggestion| {
        let file = format!("{role}.yaml");
        let others = folder.sources.iter().filter(|source| source.name != file);
        let sources: Vec<Source> =
            others.cloned().chain([Source::new(file.clone(), suggestion.text(&head))]).collect();
        load(&sources, config.guardrails)
    };
    let suggested = replaced(&suggestion)?;
    runtime.block_on(walk.calls(Some(role), |call, schema| {
        if let Some(Ok((recalled, schema))) = recorded::recalled(call, schema) {
            suggestion.count(&current, &suggested, schema, &recalled, day(call));
        }
    }))?;
    // Comments hold names from the schema, so the file is read once more as it is printed.
    replaced(&suggestion)?;
    write!(out, "{}", suggestion.text(&head))?;
    Ok(Ended::Well)
}

fn load(sources: &[Source], guardrails: GuardrailsFile) -> Result<PolicySet, LoadError> {
    PolicySet::load(sources, guardrails).map(|(set, _)| set).map_err(LoadError::Policies)
}

/// The day that it was made on, in UTC.
fn day(call: &DecidedCall) -> &str {
    call.at.split_once('T').map_or(call.at.as_str(), |(day, _)| day)
}
