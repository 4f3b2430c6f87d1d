//! What a Local MCP says that is no answer, for the log: no secret, no line without end, and no flood of lines.

use crate::audit::escape::escape;
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Longest piece of a line that is logged, in characters.
const LONGEST: usize = 500;

/// Lines that are logged in a minute; more of them are counted.
const LINES: u32 = 30;

const MINUTE: Duration = Duration::from_mins(1);

/// Takes lines for the log.
#[derive(Debug)]
pub(super) struct Noise {
    secrets: Vec<SecretString>,
    told: Mutex<Told>,
}

#[derive(Debug)]
struct Told {
    since: Instant,
    lines: u32,
}

impl Noise {
    /// None of these secrets is logged.
    pub(super) fn new(mut secrets: Vec<SecretString>) -> Self {
        secrets.retain(|secret| !secret.expose_secret().is_empty());
        // One may be a part of another.
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose_secret().len()));
        Self { secrets, told: Mutex::new(Told { since: Instant::now(), lines: 0 }) }
    }

    /// Logs a line, with what it is.
    pub(super) fn say(&self, what: &'static str, line: &[u8]) {
        let Some(left_out) = self.take() else { return };
        if left_out > 0 {
            tracing::warn!(lines = left_out, "the Local MCP said more than is logged");
        }
        tracing::warn!(said = self.masked(line), "the Local MCP: {what}");
    }

    /// How many lines were left out before this one; `None` where this one is left out as well.
    fn take(&self) -> Option<u32> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let mut left_out = 0;
        if told.since.elapsed() >= MINUTE {
            left_out = told.lines.saturating_sub(LINES);
            *told = Told { since: Instant::now(), lines: 0 };
        }
        told.lines = told.lines.saturating_add(1);
        (told.lines <= LINES).then_some(left_out)
    }

    /// Secrets go before the line is cut, so that no part of one is left at its end.
    fn masked(&self, line: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(line).into_owned();
        for secret in &self.secrets {
            text = text.replace(secret.expose_secret(), "[secret]");
        }
        let text: String = text.chars().take(LONGEST).collect();
        escape(&text).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_before_the_line_is_cut() {
        let noise = Noise::new(vec!["s3cret".into()]);
        assert_eq!(noise.masked(b"the token s3cret, s3cret"), "the token [secret], [secret]");
        let parts = Noise::new(vec!["".into(), "hunter2".into(), "bob:hunter2".into()]);
        assert_eq!(parts.masked(b"http://bob:hunter2@proxy"), "http://[secret]@proxy");
        let at_the_end = format!("{}s3cret", "x".repeat(LONGEST - 3));
        assert!(!noise.masked(at_the_end.as_bytes()).contains("s3c"));
        assert!(!noise.masked(b"\x1b[2Jgone").contains('\x1b'));
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_counted() {
        let noise = Noise::new(Vec::new());
        let taken = (0..100).filter(|_| noise.take().is_some()).count();
        assert_eq!(taken, 30);
        tokio::time::advance(MINUTE).await;
        assert_eq!(noise.take(), Some(70));
        assert_eq!(noise.take(), Some(0));
    }
}
