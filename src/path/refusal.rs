//! Why a request does not reach Directus, or its answer does not reach the client: one closed list.

use super::shed::Busy;
use crate::identity::Rejected;
use crate::mcp::header::HeaderError;
use crate::mcp::{Era, Id, MessageError};
use crate::policy::{Code, Reason};
use crate::upstream::UpstreamError;
use http::StatusCode;
use std::time::Duration;

/// Why a request does not reach Directus, or its answer does not reach the client.
///
/// `Display` is what the client may be told; the sources are for the log. [`reply`](super::reply) is the only place that
/// turns it into a reply.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// There is no valid credential.
    #[error("{}", .0.told())]
    Stranger(#[source] Rejected),
    /// There have been too many requests without a valid credential from this address.
    #[error("too many requests without a valid key")]
    Strangers {
        /// When one may be let in again.
        retry_after: Duration,
    },
    /// A principal sends more than the gateway takes in at all.
    #[error("too many requests")]
    Flood {
        /// When one may be let in again.
        retry_after: Duration,
    },
    /// The headers do not say that the body is one that is read.
    #[error(transparent)]
    Headers(#[from] HeaderError),
    /// The body is longer than the gateway reads.
    #[error("the body is longer than {limit} bytes")]
    TooLarge {
        /// What it reads.
        limit: u64,
    },
    /// The body did not arrive.
    #[error("the body did not arrive whole, or not in time")]
    Body,
    /// The body is not one message, or the headers do not agree with it.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The method is not one that the gateway offers.
    #[error("the method `{method}` is not offered here")]
    Method {
        /// Whom to answer.
        to: Addressee,
        /// The method.
        method: String,
    },
    /// The policies deny it, or it cannot be told what it would do.
    #[error("{reason}")]
    Denied {
        /// Whom to answer.
        to: Addressee,
        /// Why.
        reason: Reason,
    },
    /// The operator has stopped the calls of all, of the role or of the client.
    #[error("{why}")]
    Stopped {
        /// Whom to answer.
        to: Addressee,
        /// Whose calls are stopped, the operator's reason, and what to do.
        why: String,
    },
    /// A limit of the role or of the guardrails is reached.
    #[error("the limit `{rule}` is reached: try again in {} ms", retry_after.as_millis().max(1))]
    Limited {
        /// Whom to answer.
        to: Addressee,
        /// `ROLE/ID` or `guardrails/ID`.
        rule: String,
        /// When a call may go through again.
        retry_after: Duration,
    },
    /// The gateway or Directus could not bear the call.
    #[error("{cause}: try again in {} s", whole_seconds(*retry_after))]
    Busy {
        /// Whom to answer.
        to: Addressee,
        /// Which of them, and why.
        cause: Busy,
        /// When a call may go through again.
        retry_after: Duration,
    },
    /// The audit trail cannot be written, so nothing is forwarded.
    #[error("the audit trail cannot be written, so no call is forwarded")]
    Trail {
        /// Whom to answer.
        to: Addressee,
        /// Why not.
        #[source]
        cause: crate::audit::trail::TrailUnavailable,
    },
    /// Directus did not answer.
    #[error("{cause}")]
    Upstream {
        /// Whom to answer.
        to: Addressee,
        /// Why not.
        #[source]
        cause: UpstreamError,
    },
    /// Directus answered with something that is no answer to a message.
    #[error("Directus did not take the request (HTTP {status})")]
    Answer {
        /// Whom to answer.
        to: Addressee,
        /// What it answered with.
        status: StatusCode,
    },
    /// Directus' answer has to be cut to the role, and cannot be.
    #[error("the answer of Directus cannot be cut to this role: {what}")]
    Uncut {
        /// Whom to answer.
        to: Addressee,
        /// Why not.
        what: &'static str,
    },
    /// Directus' answer is none of those that are known.
    #[error("the answer of Directus is not one that the gateway knows: {what}")]
    Misshapen {
        /// Whom to answer.
        to: Addressee,
        /// Why not.
        what: &'static str,
    },
    /// The task that worked on the call is gone.
    #[error("the call broke off inside the gateway")]
    Broken {
        /// Whom to answer.
        to: Addressee,
    },
}

/// Whom a refusal answers, and in which form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addressee {
    /// The era of the protocol that the request is of, and that its answer has to be of.
    pub era: Era,
    /// The id of the request, where it could be read.
    pub id: Option<Id>,
    /// Whether it is a `tools/call`, which is refused with a tool result, so that the client's model reads the reason.
    pub is_call: bool,
}

/// Who is at fault, which is an operator's first question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What the client sent.
    Client,
    /// The policies say so, or the operator.
    Policy,
    /// The gateway itself.
    Gateway,
    /// Directus.
    Upstream,
}

impl Refusal {
    /// The code in the trail, as `explain` has it.
    pub fn code(&self) -> Code {
        match self {
            Self::Stranger(Rejected::Unavailable { .. })
            | Self::Busy { .. }
            | Self::Trail { .. }
            | Self::Upstream { .. }
            | Self::Answer { .. }
            | Self::Uncut { .. }
            | Self::Broken { .. } => Code::Unavailable,
            Self::Stranger(_) => Code::NoPermission,
            Self::Strangers { .. } | Self::Flood { .. } | Self::Limited { .. } => Code::RateLimited,
            Self::TooLarge { .. } => Code::TooLarge,
            Self::Headers(_)
            | Self::Body
            | Self::Message(_)
            | Self::Method { .. }
            | Self::Misshapen { .. } => Code::NotUnderstood,
            Self::Denied { reason, .. } => reason.code,
            Self::Stopped { .. } => Code::Stopped,
        }
    }

    /// The HTTP status of the reply.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Stranger(rejected) => rejected.status(),
            Self::Strangers { .. } | Self::Flood { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Headers(HeaderError::ContentType | HeaderError::ContentEncoding) => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            Self::Message(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Body => StatusCode::REQUEST_TIMEOUT,
            Self::Method { to, .. } => status_of_unknown_method(to),
            Self::Denied { to, .. } | Self::Stopped { to, .. } | Self::Limited { to, .. } => {
                status_of_an_answer(to)
            }
            Self::Busy { .. } | Self::Trail { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Upstream { cause: UpstreamError::Timeout { .. }, .. } => StatusCode::GATEWAY_TIMEOUT,
            Self::Upstream { .. } | Self::Answer { .. } | Self::Uncut { .. } | Self::Misshapen { .. } => {
                StatusCode::BAD_GATEWAY
            }
            Self::Broken { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Who is at fault.
    pub fn side(&self) -> Side {
        match self {
            Self::Stranger(_)
            | Self::Strangers { .. }
            | Self::Flood { .. }
            | Self::Headers(_)
            | Self::TooLarge { .. }
            | Self::Body
            | Self::Message(_)
            | Self::Method { .. } => Side::Client,
            Self::Denied { .. } | Self::Stopped { .. } | Self::Limited { .. } => Side::Policy,
            Self::Busy { cause: Busy::Full | Busy::Share, .. }
            | Self::Trail { .. }
            | Self::Uncut { .. }
            | Self::Broken { .. } => Side::Gateway,
            Self::Busy { cause: Busy::Unreached | Busy::Unanswered, .. }
            | Self::Upstream { .. }
            | Self::Answer { .. }
            | Self::Misshapen { .. } => Side::Upstream,
        }
    }

    /// The rule in the trail.
    pub fn rule(&self) -> Option<&str> {
        match self {
            Self::Denied { reason, .. } => Some(&reason.rule),
            Self::Limited { rule, .. } => Some(rule),
            Self::Stopped { .. } => Some("stop"),
            Self::Busy { cause: Busy::Full | Busy::Share, .. } => Some("limits.max_in_flight"),
            Self::Busy { cause: Busy::Unreached | Busy::Unanswered, .. } => Some("limits.breaker_failures"),
            Self::Stranger(_)
            | Self::Strangers { .. }
            | Self::Flood { .. }
            | Self::Headers(_)
            | Self::TooLarge { .. }
            | Self::Body
            | Self::Message(_)
            | Self::Method { .. }
            | Self::Trail { .. }
            | Self::Upstream { .. }
            | Self::Answer { .. }
            | Self::Uncut { .. }
            | Self::Misshapen { .. }
            | Self::Broken { .. } => None,
        }
    }
}

/// Whole seconds, never zero and never too few, as `Retry-After` wants them.
pub(super) fn whole_seconds(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX).max(1)
}

/// A message that could be read is answered with a message.
fn status_of_an_answer(to: &Addressee) -> StatusCode {
    if to.id.is_some() { StatusCode::OK } else { StatusCode::BAD_REQUEST }
}

/// 2026-07-28, *Protocol Version Header*: a method that is not implemented is answered with 404.
pub(super) fn status_of_unknown_method(to: &Addressee) -> StatusCode {
    match to.era {
        Era::Legacy => status_of_an_answer(to),
        Era::Modern => StatusCode::NOT_FOUND,
    }
}
