//! Points in time: as people write them on a command line, and as the trail shows them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan as _};

/// The text says no point in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a time: write how long ago (`30m`, `2h`, `7d`), `today`, `yesterday`, a date (`2026-11-22`) or a time \
     (`2026-11-22T10:00:00Z`), all in UTC"
)]
pub struct TimeError {
    /// As it was given.
    pub text: String,
}

/// Reads a point in time: how long before `now`, `now`, `today` or `yesterday` (their beginning), a date (its beginning), or
/// a date and time. All but a time with an offset of its own are in UTC, as is all that the trail shows.
///
/// # Errors
///
/// [`TimeError`], where the text is none of these, or a length of time is negative.
///
/// ```
/// let now = "2026-11-22T12:00:00Z".parse()?;
/// let since = warrener::audit::time::parse("1h30m", now)?;
/// assert_eq!(since.to_string(), "2026-11-22T10:30:00Z");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn parse(text: &str, now: Timestamp) -> Result<Timestamp, TimeError> {
    let trimmed = text.trim();
    named(trimmed, now)
        // Before the civil time, which would leave an offset out of account.
        .or_else(|| trimmed.parse().ok())
        .or_else(|| in_utc(trimmed.parse().ok()?))
        .or_else(|| before(trimmed, now))
        .ok_or_else(|| TimeError { text: text.to_owned() })
}

/// A time as the trail shows it: fixed width, so that comparing texts compares times.
pub fn text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

fn named(text: &str, now: Timestamp) -> Option<Timestamp> {
    let today = now.to_zoned(TimeZone::UTC).date();
    match text {
        "now" => Some(now),
        "today" => beginning(today),
        "yesterday" => beginning(today.checked_sub(1.day()).ok()?),
        _ => None,
    }
}

fn beginning(date: Date) -> Option<Timestamp> {
    in_utc(date.into())
}

fn in_utc(time: DateTime) -> Option<Timestamp> {
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn before(text: &str, now: Timestamp) -> Option<Timestamp> {
    let span: Span = text.parse().ok()?;
    if span.is_negative() {
        return None;
    }
    Some(now.to_zoned(TimeZone::UTC).checked_sub(span).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (text, expected) in [
            ("now", "2026-11-22T12:34:56Z"),
            ("today", "2026-11-22T00:00:00Z"),
            ("yesterday", "2026-11-21T00:00:00Z"),
            ("30s", "2026-11-22T12:34:26Z"),
            ("30m", "2026-11-22T12:04:56Z"),
            ("2h", "2026-11-22T10:34:56Z"),
            ("7d", "2026-11-15T12:34:56Z"),
            ("1w", "2026-11-15T12:34:56Z"),
            ("1d 2h", "2026-11-21T10:34:56Z"),
            ("2026-11-20", "2026-11-20T00:00:00Z"),
            ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z"),
            ("2026-11-20T10:00:00.5+02:00", "2026-11-20T08:00:00.5Z"),
            ("2026-11-20T10:00", "2026-11-20T10:00:00Z"),
            (" 2026-11-20 10:00:00Z ", "2026-11-20T10:00:00Z"),
        ] {
            let now = "2026-11-22T12:34:56Z".parse().unwrap();
            assert_eq!(parse(text, now).map(|time| time.to_string()).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn refuses_what_says_no_time() {
        let now = "2026-11-22T12:34:56Z".parse().unwrap();
        for text in ["", "soon", "2", "-2h", "2 moons", "2026-13-01", "99999y", "tomorrow"] {
            let error = parse(text, now).expect_err(text);
            assert!(error.to_string().starts_with(&format!("`{text}` is not a time: ")), "{error}");
        }
    }
}
