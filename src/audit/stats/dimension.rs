//! What calls can be told apart by.

/// What calls are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "the names are those of the views' columns, which are documented in the migration"
)]
pub enum Dimension {
    Principal,
    Role,
    ClientName,
    ClientVersion,
    ClientAddress,
    Method,
    Tool,
    Decision,
    Enforced,
    Rule,
    Reason,
    Outcome,
    ErrorCode,
    HttpStatus,
    PolicyRevision,
    /// What an access does; a call counts once for each action of it
    Action,
    /// The collection of an access; a call counts once for each
    Collection,
    /// The hour in which it started, UTC
    Hour,
    /// The day on which it started, UTC
    Day,
}

impl Dimension {
    /// Its name on the command line and as a column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::Role => "role",
            Self::ClientName => "client_name",
            Self::ClientVersion => "client_version",
            Self::ClientAddress => "client_address",
            Self::Method => "method",
            Self::Tool => "tool",
            Self::Decision => "decision",
            Self::Enforced => "enforced",
            Self::Rule => "rule",
            Self::Reason => "reason",
            Self::Outcome => "outcome",
            Self::ErrorCode => "error_code",
            Self::HttpStatus => "http_status",
            Self::PolicyRevision => "policy_revision",
            Self::Action => "action",
            Self::Collection => "collection",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// Its value as text, in the view `calls`.
    pub(super) fn expression(self) -> &'static str {
        match self {
            Self::Enforced => "iif(enforced, 'true', 'false')",
            Self::HttpStatus => "CAST(http_status AS TEXT)",
            Self::Action => "a.action",
            Self::Collection => "a.collection",
            Self::Hour => "substr(started_at, 1, 13)",
            Self::Day => "substr(started_at, 1, 10)",
            Self::Principal
            | Self::Role
            | Self::ClientName
            | Self::ClientVersion
            | Self::ClientAddress
            | Self::Method
            | Self::Tool
            | Self::Decision
            | Self::Rule
            | Self::Reason
            | Self::Outcome
            | Self::ErrorCode
            | Self::PolicyRevision => self.as_str(),
        }
    }

    pub(super) fn is_of_accesses(self) -> bool {
        matches!(self, Self::Action | Self::Collection)
    }

    /// The same in the table `tallies`; `None` where that does not have it.
    pub(super) fn tallied(self) -> Option<&'static str> {
        match self {
            Self::Method
            | Self::Role
            | Self::Tool
            | Self::Decision
            | Self::Enforced
            | Self::Rule
            | Self::Reason
            | Self::Outcome
            | Self::ErrorCode => Some(self.expression()),
            Self::Hour => Some("strftime('%Y-%m-%dT%H', hour * 3600, 'unixepoch')"),
            Self::Day => Some("strftime('%Y-%m-%d', hour * 3600, 'unixepoch')"),
            Self::Principal
            | Self::ClientName
            | Self::ClientVersion
            | Self::ClientAddress
            | Self::HttpStatus
            | Self::PolicyRevision
            | Self::Action
            | Self::Collection => None,
        }
    }
}
