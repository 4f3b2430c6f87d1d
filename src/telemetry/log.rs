//! The log: to stderr, for people on a terminal and as JSON lines for machines.

use crate::accept::BoxError;
use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// The environment variable that says what is logged, such as `warn` or `info,warrener::accept=debug`.
const FILTER: &str = "WARRENER_LOG";

/// What is logged where the environment says nothing.
const DEFAULT_FILTER: &str = "info";

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// Text where stderr is a terminal, JSON otherwise.
    pub fn detect() -> Self {
        if std::io::stderr().is_terminal() { Self::Text } else { Self::Json }
    }
}

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The environment asks for something that is not a filter.
    #[error(
        "`{FILTER}` is not a log filter: `{given}`; write a level such as `warn`, or `info,warrener::accept=debug`"
    )]
    Filter {
        /// What stands in the environment.
        given: String,
        /// What is wrong with it.
        #[source]
        cause: BoxError,
    },
    /// Something else in the process logs already.
    #[error("the log was started before")]
    Started(#[source] BoxError),
}

/// Starts the log of the whole process, on stderr, filtered by `WARRENER_LOG`.
///
/// # Errors
/// When the filter cannot be read, or when the process has a log already.
pub fn start_log(format: LogFormat) -> Result<(), LogError> {
    start_log_at(format, DEFAULT_FILTER)
}

/// As [`start_log`], with another filter where the environment says nothing.
///
/// # Errors
/// As [`start_log`].
pub fn start_log_at(format: LogFormat, default: &str) -> Result<(), LogError> {
    use tracing_subscriber::util::SubscriberInitExt as _;
    let filter = filter(std::env::var(FILTER).ok().as_deref(), default)?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).finish().try_init(),
        LogFormat::Json => log.json().flatten_event(true).with_current_span(false).finish().try_init(),
    };
    started.map_err(|error| LogError::Started(error.into()))
}

fn filter(given: Option<&str>, default: &str) -> Result<EnvFilter, LogError> {
    let given = given.filter(|text| !text.trim().is_empty()).unwrap_or(default);
    EnvFilter::try_new(given)
        .map_err(|cause| LogError::Filter { given: given.to_owned(), cause: cause.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_read_or_named_in_the_error() {
        for (given, read) in [
            (None, Some("info")),
            (Some(" "), Some("info")),
            (Some("warn"), Some("warn")),
            (Some("warrener=debug"), Some("warrener=debug")),
            (Some("warrener=loud"), None),
        ] {
            match (filter(given, DEFAULT_FILTER), read) {
                (Ok(filter), Some(read)) => assert_eq!(filter.to_string(), read, "{given:?}"),
                (Err(error), None) => assert!(error.to_string().contains("`warrener=loud`"), "{error}"),
                (other, _) => panic!("{given:?}: {other:?}"),
            }
        }
    }
}
