//! What the trail remembers of a call.

use crate::directus::access::Access;
use serde_json::Value;
use uuid::Uuid;

/// One append-only row of the trail, before it has a place in the chain.
///
/// A permitted call makes two: an [`Kind::Intent`] before it is forwarded, an [`Kind::Outcome`] after. A refused call makes
/// one [`Kind::Refusal`]; a protocol request makes one [`Kind::Outcome`] that carries both halves.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Joins the entries of one call; a UUID v7.
    pub call: Uuid,
    /// What the row is.
    pub kind: Kind,
    /// When it happened, in microseconds since 1970 UTC: of an outcome that follows an intent the end, of all others the
    /// request's arrival.
    pub at: i64,
    /// Who called what, and what was decided.
    pub subject: Option<Box<Subject>>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// For [`Kind::Revision`] and [`Kind::Marker`]: what happened, as JSON.
    pub note: Option<Value>,
}

/// What a row of the trail is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A permitted call, durable before it is forwarded.
    Intent,
    /// How a call ended.
    Outcome,
    /// A call that did not reach Directus.
    Refusal,
    /// A policy revision became active.
    Revision,
    /// Start, stop, and what is done to the trail itself.
    Marker,
}

/// Who called what, and what was decided.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// The client's name; empty for a stranger.
    pub principal: String,
    /// The policy role; empty for a stranger.
    pub role: String,
    /// What the client calls itself.
    pub client_name: Option<String>,
    /// And its version.
    pub client_version: Option<String>,
    /// The network address that the request came from.
    pub client_address: Option<String>,
    /// The JSON-RPC method; empty where the message was not understood.
    pub method: String,
    /// The Directus tool, unwrapped from `execute`.
    pub tool: Option<String>,
    /// `permit` or `deny`; what would have been denied, had it not been observed only, is `deny`, and not `enforced`.
    pub decision: &'static str,
    /// `ROLE/ID`, `guardrails/ID`, `ROLE/-`, `protocol`, `stop`.
    pub rule: Option<String>,
    /// The code of the reason: `no_permission`, `forbidden`, `not_understood`, …
    pub reason: Option<&'static str>,
    /// The whole reason, for people; more than the client was told.
    pub detail: Option<String>,
    /// False where the role is observed and the denial did not bite.
    pub enforced: bool,
    /// Length of the request's body.
    pub request_bytes: u64,
    /// The tool's arguments as JSON text, masked.
    pub arguments: Option<String>,
    /// Whether the trail keeps only a digest of the arguments, and not their text.
    pub digest_only: bool,
    /// SHA-256 of the body that came.
    pub received: Option<[u8; 32]>,
    /// SHA-256 of the body that goes to Directus.
    pub forwarded: Option<[u8; 32]>,
    /// Digest of the policy that decided.
    pub policy_revision: String,
    /// Digest of the schema snapshot that the accesses depend on.
    pub schema_digest: Option<String>,
    /// The trace that the call belongs to.
    pub trace_id: Option<String>,
    /// Every access, asked, expanded or implied.
    pub accesses: Vec<Access>,
    /// The canonical input of the decision as JSON text, bounded in size. Like the arguments it can be erased.
    pub facts: Option<String>,
    /// How many requests the row stands for; more than 1 where repeats were collapsed.
    pub count: u64,
}

/// How a call ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// In one word.
    pub word: OutcomeWord,
    /// The HTTP status that the client got.
    pub http_status: Option<u16>,
    /// Directus' error code, or the refusal's.
    pub error_code: Option<String>,
    /// How many items the result holds, where that can be told.
    pub items: Option<u64>,
    /// Length of the reply's body.
    pub response_bytes: Option<u64>,
    /// SHA-256 of the reply's body, as the client got it.
    pub response_digest: Option<[u8; 32]>,
    /// From the request's arrival to the end of the reply, in microseconds.
    pub duration_us: Option<u64>,
}

/// How a call ended, in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutcomeWord {
    /// Directus answered, without an error.
    #[default]
    Ok,
    /// Directus answered with an error.
    Error,
    /// It did not reach Directus.
    Refused,
    /// Directus could not be asked, or its answer broke off; it may have acted.
    Failed,
    /// The gateway ended before the outcome was known; Directus may have acted.
    Unknown,
}

impl OutcomeWord {
    /// The word itself.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

impl Kind {
    /// The word itself.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Outcome => "outcome",
            Self::Refusal => "refusal",
            Self::Revision => "revision",
            Self::Marker => "marker",
        }
    }
}
