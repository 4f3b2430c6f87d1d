//! How long calls took, as counts by rounded duration.

use std::collections::BTreeMap;

/// Durations to three digits, as SQLite's `%.2e` writes them, and how many calls took each. Three digits of any size are few
/// enough to be kept all, and rounding keeps their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Durations {
    /// By the bits of the number, which sort as positive numbers do.
    counts: BTreeMap<u64, u64>,
    total: u64,
}

impl Durations {
    /// Adds that many calls.
    pub(super) fn add(&mut self, rounded: &str, calls: u64) {
        if let Ok(duration) = rounded.parse::<f64>() {
            *self.counts.entry(duration.max(0.0).to_bits()).or_default() += calls;
            self.total += calls;
        }
    }

    /// The least duration that so many of a hundred calls did not exceed (the nearest rank); `None` where there is none.
    pub(super) fn percentile(&self, percent: u64) -> Option<f64> {
        let rank = (self.total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        for (bits, calls) in &self.counts {
            seen += calls;
            if seen >= rank {
                return Some(f64::from_bits(*bits));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_nearest_rank() {
        let mut durations = Durations::default();
        assert_eq!(durations.percentile(50), None);
        durations.add("5.00e-01", 1);
        assert_eq!((durations.percentile(50), durations.percentile(95)), (Some(0.5), Some(0.5)));
        // 1 to 100, in an order of its own.
        let mut durations = Durations::default();
        for n in (1..=100).rev() {
            durations.add(&format!("{:.2e}", f64::from(n)), 1);
        }
        for (percent, expected) in [(1, 1.0), (50, 50.0), (95, 95.0), (100, 100.0)] {
            assert_eq!(durations.percentile(percent), Some(expected), "{percent}");
        }
        durations.add("1.23e+04", 900);
        assert_eq!(durations.percentile(50), Some(12_300.0));
    }
}
