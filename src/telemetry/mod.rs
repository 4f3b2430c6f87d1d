//! What the gateway tells its operators, and the time that it goes by.

mod clock;
mod log;
pub mod metrics;
pub mod trace;

pub use clock::{Clock, FixedClock, SystemClock};
pub use log::{LogError, LogFormat, start_log, start_log_at};

/// An error with its causes in one line, each once.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let said = inner.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = inner.source();
    }
    text
}
