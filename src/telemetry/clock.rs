//! The time of day, as a value that tests can set.

use jiff::{Span, Timestamp};
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};

/// Tells the time of day. Durations are measured with `tokio::time::Instant`, which tests can pause, and not with this.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time of day, to the microsecond.
    fn now(&self) -> Timestamp;

    /// The same in microseconds since 1970 UTC, as the trail keeps it.
    fn micros(&self) -> i64 {
        self.now().as_microsecond()
    }
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine for the time")]
    fn now(&self) -> Timestamp {
        // A machine whose clock stands outside jiff's range (the years -9999 to 9999) has worse problems than ours.
        Timestamp::try_from(std::time::SystemTime::now()).unwrap_or(Timestamp::MAX)
    }
}

/// A clock that stands still until it is moved, for tests.
#[derive(Debug)]
pub struct FixedClock(AtomicI64);

impl FixedClock {
    /// Stands at that time.
    pub fn at(time: Timestamp) -> Self {
        Self(AtomicI64::new(time.as_microsecond()))
    }

    /// Moves it on by so many milliseconds.
    pub fn advance_ms(&self, milliseconds: i64) {
        let span = Span::new().milliseconds(milliseconds);
        let moved = self.now().saturating_add(span).unwrap_or(Timestamp::MAX);
        self.0.store(moved.as_microsecond(), Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.0.load(Ordering::SeqCst)).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stands_still_until_moved() {
        let clock = FixedClock::at("2026-11-22T10:00:00Z".parse().unwrap());
        assert_eq!(clock.now(), clock.now());
        clock.advance_ms(1500);
        assert_eq!(clock.now().to_string(), "2026-11-22T10:00:01.5Z");
        assert_eq!(clock.micros(), clock.now().as_microsecond());
    }

    #[test]
    fn the_system_clock_is_after_this_was_written() {
        assert!(SystemClock.now() > "2026-01-01T00:00:00Z".parse().unwrap());
    }
}
