//! How long calls took, as counts by rounded duration, and the same as a few bytes.

use std::collections::BTreeMap;

/// Three digits from 100 to 999: so many steps has each power of ten.
const STEPS: i64 = 900;

/// The power of ten of the shortest duration, a microsecond, in milliseconds.
const LEAST: i64 = -3;

/// Durations to three digits, as SQLite's `%.2e` writes them, and how many calls took each. Three digits of any size are few
/// enough to be kept all, and rounding keeps their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::audit) struct Durations {
    counts: BTreeMap<Rounded, u64>,
    total: u64,
}

/// A duration to three digits: 0 for none, then numbers that sort as durations do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rounded(u16);

impl Durations {
    /// Adds that many calls.
    pub(in crate::audit) fn add(&mut self, rounded: &str, calls: u64) {
        if let Some(rounded) = Rounded::parse(rounded) {
            self.put(rounded, calls);
        }
    }

    /// The least duration that so many of a hundred calls did not exceed (the nearest rank), in milliseconds; `None` where there
    /// is none.
    pub(in crate::audit) fn percentile(&self, percent: u64) -> Option<f64> {
        let rank = self.total.saturating_mul(percent).div_ceil(100).max(1);
        let mut seen = 0_u64;
        for (rounded, calls) in &self.counts {
            seen = seen.saturating_add(*calls);
            if seen >= rank {
                return rounded.milliseconds();
            }
        }
        None
    }

    /// In few bytes: of each duration, from the shortest on, how much more than the one before it is, and its calls, in LEB128.
    pub(in crate::audit) fn encode(&self) -> Vec<u8> {
        let (mut bytes, mut before) = (Vec::new(), 0);
        for (rounded, calls) in &self.counts {
            number_to(&mut bytes, u64::from(rounded.0 - before));
            number_to(&mut bytes, *calls);
            before = rounded.0;
        }
        bytes
    }

    /// Adds what was encoded; `None` where the bytes are something else.
    pub(in crate::audit) fn decode(&mut self, bytes: impl IntoIterator<Item = u8>) -> Option<()> {
        let (mut bytes, mut before) = (bytes.into_iter(), 0_u16);
        while let Some(first) = bytes.next() {
            let more = number_from(first, &mut bytes)?;
            before = before.checked_add(more.try_into().ok()?)?;
            let first = bytes.next()?;
            self.put(Rounded(before), number_from(first, &mut bytes)?);
        }
        Some(())
    }

    fn put(&mut self, rounded: Rounded, calls: u64) {
        let count = self.counts.entry(rounded).or_default();
        *count = count.saturating_add(calls);
        self.total = self.total.saturating_add(calls);
    }
}

impl Rounded {
    /// Reads `1.23e+04`, in milliseconds. Less than none is none: a clock had jumped back.
    fn parse(text: &str) -> Option<Self> {
        if text.starts_with('-') || text.starts_with("0.00") {
            return Some(Self(0));
        }
        let (digits, power) = text.split_once('e')?;
        let (digits, power): (i64, i64) = (digits.replace('.', "").parse().ok()?, power.parse().ok()?);
        let step = (power - LEAST).checked_mul(STEPS)?.checked_add(digits - 100 + 1)?;
        step.try_into().ok().map(Self)
    }

    fn milliseconds(self) -> Option<f64> {
        let Some(step) = self.0.checked_sub(1) else { return Some(0.0) };
        let (power, digits) = (i64::from(step) / STEPS + LEAST, i64::from(step) % STEPS + 100);
        // By way of the text, so that it is the same number that the text of SQLite says.
        format!("{digits}e{}", power - 2).parse().ok()
    }
}

fn number_to(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            return bytes.push(low & 0x7f);
        }
        bytes.push(low | 0x80);
    }
}

fn number_from(first: u8, rest: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let (mut number, mut byte) = (0, first);
    for shift in (0..u64::BITS).step_by(7) {
        let low = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit.
        number |= low.checked_shl(shift).filter(|shifted| shifted >> shift == low)?;
        if byte < 0x80 {
            return Some(number);
        }
        byte = rest.next()?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    #[test]
    fn a_duration_is_the_number_that_its_text_says() {
        for (text, milliseconds) in [
            ("0.00e+00", 0.0),
            ("-1.50e+01", 0.0),
            ("1.00e-03", 0.001),
            ("9.99e-03", 0.009_99),
            ("5.00e-01", 0.5),
            ("1.00e+00", 1.0),
            ("8.64e+07", 86_400_000.0),
            ("9.22e+15", 9.22e15),
        ] {
            assert_eq!(Rounded::parse(text).and_then(Rounded::milliseconds), Some(milliseconds), "{text}");
        }
        for text in ["", "Inf", "1.00e-04", "1.00e+99", "1.00e+9999999999999999999"] {
            assert_eq!(Rounded::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_was_not_encoded_is_not_decoded() {
        for bytes in
            [&[0x80][..], &[1], &[1, 0x80], &[0xff; 12], &[0xff, 0xff, 0x7f, 1], &[1, 1, 0xff, 0xff, 0x03, 1]]
        {
            assert_eq!(Durations::default().decode(bytes.iter().copied()), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded_and_adds_up(
            some in prop::collection::vec((0_u64..1 << 40, 1_u64..1 << 40), 0..40),
            more in prop::collection::vec((0_u64..1 << 40, 1_u64..1 << 40), 0..40),
        ) {
            let of = |pairs: &[&[(u64, u64)]]| {
                let mut durations = Durations::default();
                for (microseconds, calls) in pairs.iter().copied().flatten() {
                    #[expect(clippy::cast_precision_loss, reason = "as SQLite does")]
                    let text = format!("{:.2e}", *microseconds as f64 / 1000.0);
                    durations.add(&text, *calls);
                }
                durations
            };
            let mut decoded = Durations::default();
            for part in [&some, &more] {
                decoded.decode(of(&[part]).encode()).unwrap();
            }
            prop_assert_eq!(decoded, of(&[&some, &more]));
        }
    }
}
