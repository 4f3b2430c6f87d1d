//! Why Directus gave no usable answer.

use super::BoxError;
use http::StatusCode;
use std::io;
use std::time::Duration;

/// Why there is no reply from Directus. Every case is the upstream's fault or the network's, never the client's.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// No connection could be made; Directus has seen nothing of the request.
    #[error("no connection to Directus at `{authority}`")]
    Connect {
        /// Host and port that were tried.
        authority: String,
        /// What the network, or TLS, says.
        #[source]
        cause: BoxError,
    },
    /// The request was sent, but no reply began in time; Directus may have acted.
    #[error("Directus did not answer within {} s", after.as_secs_f64())]
    Timeout {
        /// How long it was waited for.
        after: Duration,
    },
    /// The connection broke, or what came was not HTTP; Directus may have acted.
    #[error("the connection to Directus broke before it had answered")]
    Protocol(#[source] BoxError),
    /// There is no Local MCP that could be asked; none has seen anything of the request.
    #[error("the Local MCP that calls go through is not running")]
    NotRunning(#[source] BoxError),
    /// The Local MCP ended while it worked on the call; Directus may have acted.
    #[error("the Local MCP ended before it had answered; Directus may have carried out the call")]
    Ended,
}

impl UpstreamError {
    /// Whether Directus may have acted on the request although there is no reply.
    pub fn may_have_acted(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::NotRunning(_) => false,
            Self::Timeout { .. } | Self::Protocol(_) | Self::Ended => true,
        }
    }

    /// Whether no connection to Directus can be made, and not for want of something of the gateway's own.
    pub fn is_unreached(&self) -> bool {
        matches!(self, Self::Connect { .. }) && !self.is_for_want()
    }

    /// Whether it is the gateway that lacks what a connection needs, such as a file descriptor or a port: that says nothing of Directus.
    pub fn is_for_want(&self) -> bool {
        let Self::Connect { cause, .. } = self else { return false };
        let first: &(dyn std::error::Error + 'static) = cause.as_ref();
        std::iter::successors(Some(first), |error| error.source()).any(|error| {
            error.downcast_ref::<io::Error>().is_some_and(|error| {
                error.kind() == io::ErrorKind::AddrNotAvailable
                    || error.raw_os_error().is_some_and(|code| WANTING.contains(&code))
            })
        })
    }
}

/// `ENFILE` and `EMFILE`, for which the standard library has no names.
const WANTING: [i32; 2] = [23, 24];

/// Why something could not be read from Directus' REST interface.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no reply at all.
    #[error("`GET {path}` was not answered")]
    Upstream {
        /// What was asked for.
        path: String,
        /// Why there is none.
        #[source]
        error: UpstreamError,
    },
    /// Directus refused.
    #[error("`GET {path}`: Directus answered {status}{}", hint(*status))]
    Status {
        /// What was asked for.
        path: String,
        /// What Directus answered.
        status: StatusCode,
    },
    /// The reply broke off, or is longer than the gateway reads.
    #[error("`GET {path}`: the reply could not be read to its end")]
    Body {
        /// What was asked for.
        path: String,
        /// Why not.
        #[source]
        cause: BoxError,
    },
}

/// What to do about a status, where that is known.
fn hint(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 => "; is the gateway's own Directus token right?",
        403 => "; the gateway's own Directus token needs read access to the data model",
        _ => "",
    }
}
