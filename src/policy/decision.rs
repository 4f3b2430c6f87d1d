//! What is decided, and why.

use crate::directus::{Access, KeyCheck, Meaning};
use crate::mcp::shown::line;
use serde_json::{Map, Value, json};
use std::fmt;

/// What the policies say of one message.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Whether it may pass.
    pub verdict: Verdict,
    /// Denials that would have been, had the rule not been observed only.
    pub observed: Vec<Reason>,
    /// The accesses that were decided on; empty where the message was not understood.
    pub accesses: Vec<Access>,
    /// The revision of the policies that decided.
    pub revision: String,
}

/// Whether a message may pass.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It may, in the form that the permit carries.
    Permit(Box<Permit>),
    /// It may not; there is at least one reason, the first is the one that the client is told.
    Deny(Reason, Vec<Reason>),
}

impl Decision {
    /// A denial, whose further reasons are for the trail.
    pub(crate) fn deny(reason: Reason, accesses: Vec<Access>, revision: &str) -> Self {
        let verdict = Verdict::Deny(reason, Vec::new());
        Self { verdict, observed: Vec::new(), accesses, revision: revision.to_owned() }
    }

    /// The reason that the client is told; `None` for a permit.
    pub fn reason(&self) -> Option<&Reason> {
        match &self.verdict {
            Verdict::Permit(_) => None,
            Verdict::Deny(reason, _) => Some(reason),
        }
    }

    /// The permit, if it is one.
    pub fn permit(&self) -> Option<&Permit> {
        match &self.verdict {
            Verdict::Permit(permit) => Some(permit),
            Verdict::Deny(..) => None,
        }
    }
}

/// A message that may pass, with every obligation on the request already applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Permit {
    /// What is forwarded.
    pub meaning: Meaning,
    /// The rules that permit it, `ROLE/ID` each, in the order of the accesses.
    pub rules: Vec<String>,
    /// What was done to the request, and what has to be done to the answer.
    pub obligations: Vec<Obligation>,
    /// What has to be looked at before the request goes on.
    pub checks: Vec<Check>,
}

impl Permit {
    /// What is done to the request and to the answer, and what is looked at before, as `explain` shows it.
    pub fn shown_obligations(&self) -> Vec<Value> {
        let checks = self.checks.iter().map(|check| json!({ "check": check.keys.shown() }));
        self.obligations.iter().map(Obligation::shown).chain(checks).collect()
    }
}

/// Items that the call names, and that have to be under a permission's filter.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// The permission, as `ROLE/ID`.
    pub rule: String,
    /// For the client, where one of them is not.
    pub message: String,
    /// The items.
    pub keys: KeyCheck,
}

impl Check {
    /// Why the call is refused where the check is not met.
    pub fn reason(&self) -> Reason {
        Reason::firm(Code::NoPermission, self.rule.clone(), self.message.clone())
    }
}

/// What must be done to a permitted call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obligation {
    /// Ask for these fields only.
    Project(Vec<String>),
    /// Ask for at most so many items at a path; the root's is empty.
    Limit(String, u64),
    /// Select only items under this rule, at a path; the root's is empty.
    Filter(String, Map<String, Value>),
    /// Find by this condition, in place of a search that looks at all fields.
    Search(Map<String, Value>),
    /// Put these fields into a row that is made, through a path; the root's is empty.
    Presets(String, Map<String, Value>),
    /// Blank, in the answer, every value that stands under the name of a redacted field.
    Redact,
    /// Leave out of the answer whatever of the data model the role may not read.
    Schema,
    /// Answer this text in place of Directus' system prompt.
    ReplacePrompt(String),
    /// Put this text behind Directus' system prompt.
    AppendPrompt(String),
    /// Say of imported files only their title, description, folder and tags.
    CutImported,
}

impl Obligation {
    /// As `explain` shows it.
    pub fn shown(&self) -> Value {
        match self {
            Self::Project(fields) => json!({ "project": fields }),
            Self::Limit(via, limit) => at(via, "limit", &json!(limit)),
            Self::Filter(via, rule) => at(via, "filter", &json!(rule)),
            Self::Search(condition) => json!({ "search": condition }),
            Self::Presets(via, fields) => at(via, "presets", &json!(fields)),
            Self::Redact => json!({ "redact": "result" }),
            Self::Schema => json!({ "schema": "cut to the role" }),
            Self::ReplacePrompt(_) => json!({ "system_prompt": "replaced" }),
            Self::AppendPrompt(_) => json!({ "system_prompt": "appended to" }),
            Self::CutImported => json!({ "import": ["title", "description", "folder", "tags"] }),
        }
    }
}

fn at(via: &str, name: &str, value: &Value) -> Value {
    if via.is_empty() { json!({ name: value }) } else { json!({ name: value, "via": via }) }
}

/// Why a message is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The kind of it, for programs.
    pub code: Code,
    /// `ROLE/ID`, `guardrails/ID`, or `ROLE/-` where no permission covers an access.
    pub rule: String,
    /// For the client: what was refused and what it may do instead. It names only what the client itself wrote.
    pub message: String,
    /// Whether a role or rule that only observes lets it through.
    pub(crate) observable: bool,
}

impl Reason {
    /// A reason that bites whatever is only observed.
    pub(crate) fn firm(code: Code, rule: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, rule: rule.into(), message: line(&message.into()), observable: false }
    }

    /// A reason that only counts where the role's rules are enforced.
    pub(crate) fn observable(code: Code, rule: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, rule: rule.into(), message: line(&message.into()), observable: true }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The kind of a reason, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// No permission of the role covers an access.
    NoPermission,
    /// A `forbid` matches an access.
    Forbidden,
    /// A written value, or an address to import from, is not one that may be.
    InvalidValue,
    /// More items than `max_items`.
    OverLimit,
    /// More calls than a limit allows.
    RateLimited,
    /// It cannot be told what the message would do.
    NotUnderstood,
    /// The message is longer than the gateway reads.
    TooLarge,
    /// What deciding needs cannot be had at the moment.
    Unavailable,
    /// The operator has stopped such calls.
    Stopped,
}

impl Code {
    /// The word in `explain`, in policy tests and in the trail.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoPermission => "no_permission",
            Self::Forbidden => "forbidden",
            Self::InvalidValue => "invalid_value",
            Self::OverLimit => "over_limit",
            Self::RateLimited => "rate_limited",
            Self::NotUnderstood => "not_understood",
            Self::TooLarge => "too_large",
            Self::Unavailable => "unavailable",
            Self::Stopped => "stopped",
        }
    }

    /// The code of that word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().chain([Self::Stopped]).find(|code| code.as_str() == word)
    }

    /// Whether it comes from what the policies say of a call, so that others could say otherwise.
    pub fn is_of_policies(self) -> bool {
        match self {
            Self::NoPermission
            | Self::Forbidden
            | Self::InvalidValue
            | Self::OverLimit
            | Self::NotUnderstood => true,
            Self::RateLimited | Self::TooLarge | Self::Unavailable | Self::Stopped => false,
        }
    }

    /// Every code that a policy test may expect; what is stopped is no matter of policies.
    pub const ALL: [Self; 8] = [
        Self::NoPermission,
        Self::Forbidden,
        Self::InvalidValue,
        Self::OverLimit,
        Self::RateLimited,
        Self::NotUnderstood,
        Self::TooLarge,
        Self::Unavailable,
    ];
}
