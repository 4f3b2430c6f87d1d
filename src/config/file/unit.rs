//! Durations such as `10s` and sizes such as `1MiB`.

use crate::policy::decode::Decoder;
use crate::policy::yaml::{Node, Shape};
use std::time::Duration;

/// Longer than anything here should take, and far from overflowing.
const MOST_MILLISECONDS: u64 = 24 * 60 * 60 * 1000;

/// No message between a client and Directus is larger.
const MOST_BYTES: u64 = 1 << 30;

const TIMES: &[(&str, u64)] = &[("ms", 1), ("s", 1000), ("min", 60_000), ("m", 60_000), ("h", 3_600_000)];

/// The trail's entries can be kept for as long as anybody asks: at most a hundred years.
const MOST_DAYS: u64 = 36_525;

const DAYS: &[(&str, u64)] = &[("d", 1), ("w", 7), ("y", 365)];

const SIZES: &[(&str, u64)] =
    &[("KiB", 1 << 10), ("MiB", 1 << 20), ("kB", 1000), ("KB", 1000), ("MB", 1_000_000), ("B", 1), ("", 1)];

impl Decoder<'_> {
    /// More than nothing, at most a day.
    pub(super) fn duration(&mut self, node: &Node) -> Option<Duration> {
        let help = "write a number and `ms`, `s`, `m` or `h`, at most a day: `10s`";
        let written = self.scalar(node, "a duration", help)?;
        let found = quantity(&written, TIMES, MOST_MILLISECONDS);
        if found.is_none() {
            self.error("duration", &node.span, format!("`{written}` is not a duration"), help);
        }
        found.map(Duration::from_millis)
    }

    /// Whole days; at least one.
    pub(super) fn days(&mut self, node: &Node) -> Option<Duration> {
        let help = "write a number and `d`, `w` or `y`: `90d`";
        let written = self.scalar(node, "a number of days", help)?;
        let found = quantity(&written, DAYS, MOST_DAYS);
        if found.is_none() {
            self.error("duration", &node.span, format!("`{written}` is not a number of days"), help);
        }
        found.map(|days| Duration::from_hours(24 * days))
    }

    /// In bytes; more than nothing, at most a GiB.
    pub(super) fn size(&mut self, node: &Node) -> Option<u64> {
        let help = "write a number and `KiB` or `MiB`, at most 1024 MiB: `1MiB`";
        let written = self.scalar(node, "a size", help)?;
        let found = quantity(&written, SIZES, MOST_BYTES);
        if found.is_none() {
            self.error("size", &node.span, format!("`{written}` is not a size"), help);
        }
        found
    }

    fn scalar(&mut self, node: &Node, what: &str, help: &str) -> Option<String> {
        match &node.shape {
            Shape::Text { text, .. } => Some(text.clone()),
            Shape::Number(number) => Some(number.to_string()),
            Shape::Broken => None,
            Shape::Null | Shape::Bool(_) | Shape::List(_) | Shape::Map(_) => {
                self.expected(node, what, help);
                None
            }
        }
    }
}

/// A whole number and a unit, with or without a space between them.
fn quantity(written: &str, units: &[(&str, u64)], most: u64) -> Option<u64> {
    let digits = written.trim_end_matches(|one: char| !one.is_ascii_digit());
    let unit = written.strip_prefix(digits)?.trim();
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let total = digits.parse::<u64>().ok()?.checked_mul(*factor)?;
    (1..=most).contains(&total).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_is_a_number_and_a_unit() {
        for (written, expected) in [
            ("10s", Some(10_000)),
            ("500ms", Some(500)),
            ("2 m", Some(120_000)),
            ("24h", Some(MOST_MILLISECONDS)),
            ("25h", None),
            ("10", None),
            ("s", None),
            ("-1s", None),
            ("1.5s", None),
            ("99999999999999999999s", None),
            ("18446744073709551615h", None),
        ] {
            assert_eq!(quantity(written, TIMES, MOST_MILLISECONDS), expected, "`{written}`");
        }
        assert_eq!(quantity("1MiB", SIZES, MOST_BYTES), Some(1_048_576));
        assert_eq!(quantity("512", SIZES, MOST_BYTES), Some(512));
        assert_eq!(quantity("2000MB", SIZES, MOST_BYTES), None);
    }
}
