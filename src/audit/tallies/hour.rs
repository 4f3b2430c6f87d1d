//! Hours of the clock, UTC.

use jiff::Timestamp;
use std::fmt::{self, Display, Formatter};

/// In microseconds.
const LENGTH: i64 = 3_600_000_000;

/// An hour, by how many there were before it since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::audit) struct Hour(i64);

impl Hour {
    /// As the tables number it.
    pub(in crate::audit) fn numbered(number: i64) -> Self {
        Self(number)
    }

    /// The one that the time is in: the last that began by then.
    pub(in crate::audit) fn of(time: Timestamp) -> Self {
        Self(time.as_microsecond().div_euclid(LENGTH))
    }

    /// The first that begins at that time or later. Less than a microsecond does not count, as it does not in the trail.
    pub(in crate::audit) fn from(time: Timestamp) -> Self {
        Self(time.as_microsecond().saturating_add(LENGTH - 1).div_euclid(LENGTH))
    }

    /// The one so many hours later.
    pub(in crate::audit) fn later(self, hours: i64) -> Self {
        Self(self.0.saturating_add(hours))
    }

    /// Its number.
    pub(in crate::audit) fn number(self) -> i64 {
        self.0
    }

    /// When it begins.
    pub(in crate::audit) fn start(self) -> Timestamp {
        let edge = if self.0 < 0 { Timestamp::MIN } else { Timestamp::MAX };
        Timestamp::from_microsecond(self.0.saturating_mul(LENGTH)).unwrap_or(edge)
    }

    /// When the next one begins.
    pub(in crate::audit) fn end(self) -> Timestamp {
        self.later(1).start()
    }
}

impl Display for Hour {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.start().strftime("%Y-%m-%dT%H"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_hours() {
        for (time, of, from) in [
            ("2026-11-22T12:00:00Z", "2026-11-22T12", "2026-11-22T12"),
            ("2026-11-22T12:00:00.0000009Z", "2026-11-22T12", "2026-11-22T12"),
            ("2026-11-22T12:00:00.000001Z", "2026-11-22T12", "2026-11-22T13"),
            ("2026-11-22T12:59:59.999999Z", "2026-11-22T12", "2026-11-22T13"),
            ("1969-12-31T23:59:59Z", "1969-12-31T23", "1970-01-01T00"),
        ] {
            let time: Timestamp = time.parse().unwrap();
            assert_eq!((Hour::of(time).to_string(), Hour::from(time).to_string()), (of.into(), from.into()));
            assert!(Hour::of(time).start() <= time && time < Hour::of(time).end(), "{time}");
        }
    }
}
