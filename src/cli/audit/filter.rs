//! Which calls a command is about, as flags: one for each column of the trail that people ask for.

use crate::audit::filter::{AccessFilter, Column, Filter, OutcomeFilter};
use crate::audit::time::{self, TimeError};
use crate::directus::access::Action;
use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use std::ops::RangeInclusive;
use std::time::Duration;

/// A longer text makes a pattern that SQLite refuses.
const LONGEST_TEXT: usize = 1000;

/// Which calls; a call must fit all that is given.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Which calls")]
pub struct FilterArgs {
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
    /// From a client that calls itself so
    #[arg(long, value_name = "NAME")]
    pub client_name: Option<String>,
    /// From a client of that version
    #[arg(long, value_name = "VERSION")]
    pub client_version: Option<String>,
    /// From that network address: `10.0.0.*`
    #[arg(long, value_name = "ADDRESS")]
    pub client_address: Option<String>,
    /// Of that JSON-RPC method: `tools/call`
    #[arg(long, value_name = "METHOD")]
    pub method: Option<String>,
    /// Calls of that Directus tool
    #[arg(long, value_name = "TOOL")]
    pub tool: Option<String>,
    /// With an access that does so: read, create, update, delete, execute, import
    #[arg(long, value_name = "ACTION", value_parser = action)]
    pub action: Option<Action>,
    /// With an access to that collection; with other flags on accesses, all of the same access
    #[arg(long, value_name = "COLLECTION")]
    pub collection: Option<String>,
    /// With an access that names that field
    #[arg(long, value_name = "FIELD")]
    pub field: Option<String>,
    /// With an access that arises through that path: `reviews.*`
    #[arg(long, value_name = "PATH")]
    pub via: Option<String>,
    /// With that text somewhere in the arguments, in upper or lower case
    #[arg(long, value_name = "TEXT", value_parser = text)]
    pub text: Option<String>,
    /// Permitted or denied; observed denials are denials
    #[arg(long, value_enum)]
    pub decision: Option<DecisionArg>,
    /// Denied by a role or rule that is only observed, so that the call went through
    #[arg(long, conflicts_with = "enforced")]
    pub observed: bool,
    /// With a decision that took effect
    #[arg(long)]
    pub enforced: bool,
    /// Decided by that rule: `editor/no-deletes`, `guardrails/*`
    #[arg(long, value_name = "RULE")]
    pub rule: Option<String>,
    /// Denied for that reason: `forbidden`, `no_permission`, `rate_limited`
    #[arg(long, value_name = "REASON")]
    pub reason: Option<String>,
    /// Ended like that; `open` has not ended
    #[arg(long, value_enum)]
    pub outcome: Option<OutcomeArg>,
    /// With that error code, of Directus or of the refusal
    #[arg(long, value_name = "CODE")]
    pub error_code: Option<String>,
    /// Answered with that HTTP status: `200`, `5xx`
    #[arg(long, value_name = "STATUS", value_parser = status)]
    pub http_status: Option<RangeInclusive<u16>>,
    /// Took longer: `500ms`, `2s`
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub slower_than: Option<Duration>,
    /// With a reply of more bytes
    #[arg(long, value_name = "BYTES")]
    pub larger_than: Option<u64>,
    /// With a result of more items
    #[arg(long, value_name = "N")]
    pub more_items_than: Option<u64>,
    /// Decided by the policies with that digest
    #[arg(long, value_name = "DIGEST")]
    pub policy_revision: Option<String>,
    /// Of that trace
    #[arg(long, value_name = "ID")]
    pub trace_id: Option<String>,
    /// With that id
    #[arg(long, value_name = "ID")]
    pub id: Option<String>,
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

impl FilterArgs {
    /// The filter that the flags say, at that time.
    pub(super) fn filter(&self, now: Timestamp) -> Result<Filter, TimeError> {
        Ok(Filter {
            since: instant(self.since.as_deref(), now)?,
            until: instant(self.until.as_deref(), now)?,
            columns: self.columns(),
            access: AccessFilter {
                action: self.action,
                collection: self.collection.clone(),
                field: self.field.clone(),
                via: self.via.clone(),
            },
            outcome: self.outcome.map(OutcomeArg::filter),
            enforced: if self.observed { Some(false) } else { self.enforced.then_some(true) },
            http_status: self.http_status.clone(),
            slower_than: self.slower_than,
            larger_than: self.larger_than,
            more_items_than: self.more_items_than,
            text: self.text.clone(),
        })
    }

    fn columns(&self) -> Vec<(Column, String)> {
        let decision = self.decision.map(|decision| decision.as_str().to_owned());
        let columns = [
            (Column::Id, self.id.as_ref().map(|id| id.to_ascii_lowercase())),
            (Column::Principal, self.principal.clone()),
            (Column::Role, self.role.clone()),
            (Column::ClientName, self.client_name.clone()),
            (Column::ClientVersion, self.client_version.clone()),
            (Column::ClientAddress, self.client_address.clone()),
            (Column::Method, self.method.clone()),
            (Column::Tool, self.tool.clone()),
            (Column::Decision, decision),
            (Column::Rule, self.rule.clone()),
            (Column::Reason, self.reason.clone()),
            (Column::ErrorCode, self.error_code.clone()),
            (Column::PolicyRevision, self.policy_revision.clone()),
            (Column::TraceId, self.trace_id.clone()),
        ];
        columns.into_iter().filter_map(|(column, pattern)| Some((column, pattern?))).collect()
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

/// A point in time that may be left out.
pub(super) fn instant(text: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>, TimeError> {
    text.map(|text| time::parse(text, now)).transpose()
}

/// A length of time: `500ms`, `2s`, `1h30m`, `7d`.
pub(super) fn duration(written: &str) -> Result<Duration, String> {
    // A day is 24 hours here, which jiff leaves to its caller to say.
    let days = |span: jiff::Span| span.to_duration(jiff::SpanRelativeTo::days_are_24_hours());
    let length: Option<SignedDuration> = written.trim().parse().ok().and_then(|span| days(span).ok());
    let length = length.and_then(|length| Duration::try_from(length).ok()).filter(|length| !length.is_zero());
    length.ok_or_else(|| "write a number and `ms`, `s`, `m`, `h`, `d` or `w`: `500ms`".to_owned())
}

fn action(name: &str) -> Result<Action, String> {
    Action::named(name).ok_or_else(|| {
        let names = Action::ALL.map(Action::as_str).join(", ");
        format!("there are the actions {names}")
    })
}

fn text(written: &str) -> Result<String, String> {
    let fits = !written.is_empty() && written.chars().count() <= LONGEST_TEXT;
    fits.then(|| written.to_owned()).ok_or_else(|| format!("write one to {LONGEST_TEXT} characters"))
}

fn status(written: &str) -> Result<RangeInclusive<u16>, String> {
    let class = written.strip_suffix("xx").and_then(|digit| digit.parse::<u16>().ok());
    let range = match class {
        Some(class) => (1..=5).contains(&class).then(|| class * 100..=class * 100 + 99),
        None => {
            written.parse().ok().filter(|status| (100..=599).contains(status)).map(|status| status..=status)
        }
    };
    range.ok_or_else(|| "write a status such as `404`, or a class of them such as `5xx`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_and_statuses_are_read_as_people_write_them() {
        for (written, expected) in [
            ("500ms", Some(500)),
            ("2s", Some(2_000)),
            ("1h30m", Some(5_400_000)),
            ("1d", Some(86_400_000)),
            ("1w", Some(604_800_000)),
            ("0s", None),
            ("-1s", None),
            ("5", None),
            ("1 month", None),
        ] {
            assert_eq!(duration(written).ok(), expected.map(Duration::from_millis), "{written}");
        }
        for (written, expected) in
            [("404", Some(404..=404)), ("5xx", Some(500..=599)), ("6xx", None), ("99", None), ("x", None)]
        {
            assert_eq!(status(written).ok(), expected, "{written}");
        }
    }
}
