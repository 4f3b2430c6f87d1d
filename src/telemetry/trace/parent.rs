//! The trace that a request says it belongs to (W3C Trace Context): from the header `traceparent`, or from a message's `_meta`.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use std::fmt;

/// A trace and the span in it that asks, read strictly: what does not fit is no trace, and the request none the worse.
///
/// # Examples
/// ```
/// use warrener::telemetry::trace::TraceParent;
///
/// let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// assert_eq!(TraceParent::read(text).unwrap().to_string(), text);
/// assert!(TraceParent::read("00-00000000000000000000000000000000-00f067aa0ba902b7-01").is_none());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace: u128,
    span: u64,
    /// Whether whoever asks records it.
    sampled: bool,
}

impl TraceParent {
    /// Reads a value of version 00; `None` where it is none.
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if version != "00" || parts.next().is_some() {
            return None;
        }
        let (trace, span) = (hexadecimal(trace, 32)?, hexadecimal(span, 16)?);
        let flags = hexadecimal(flags, 2)?;
        let span = u64::try_from(span).ok()?;
        (trace != 0 && span != 0).then_some(Self { trace, span, sampled: flags & 1 == 1 })
    }

    /// The id of the trace, in 32 digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }

    /// As the exporter has it.
    pub(super) fn context(self) -> SpanContext {
        let flags = if self.sampled { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
        let (trace, span) = (TraceId::from(self.trace), SpanId::from(self.span));
        SpanContext::new(trace, span, flags, true, TraceState::NONE)
    }

    /// A span of the gateway's own, for whoever is asked next.
    pub(super) fn of(context: &SpanContext) -> Self {
        Self {
            trace: u128::from_be_bytes(context.trace_id().to_bytes()),
            span: u64::from_be_bytes(context.span_id().to_bytes()),
            sampled: context.is_sampled(),
        }
    }
}

/// Small hexadecimal digits, exactly so many.
fn hexadecimal(text: &str, digits: usize) -> Option<u128> {
    let fits = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (text.len() == digits && text.bytes().all(fits)).then(|| u128::from_str_radix(text, 16).ok())?
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, u8::from(self.sampled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fits_is_read() {
        const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
        for (text, expect) in [
            (format!("00-{TRACE}-00f067aa0ba902b7-01"), Some("01")),
            (format!("00-{TRACE}-00f067aa0ba902b7-00"), Some("00")),
            (format!("00-{TRACE}-00f067aa0ba902b7-ff"), Some("01")),
            (format!("00-{TRACE}-0000000000000000-01"), None),
            (format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)), None),
            (format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()), None),
            (format!("01-{TRACE}-00f067aa0ba902b7-01"), None),
            (format!("ff-{TRACE}-00f067aa0ba902b7-01"), None),
            (format!("00-{TRACE}-00f067aa0ba902b7-01-x"), None),
            (format!("00-{TRACE}-00f067aa0ba902b7"), None),
            (format!("00-{}-00f067aa0ba902b7-01", TRACE.replacen('4', "+", 1)), None),
            (format!("00-{TRACE}-00f067aa0ba902b7-01\r\nx: y"), None),
            (format!(" 00-{TRACE}-00f067aa0ba902b7-01"), None),
            (String::new(), None),
        ] {
            let read = TraceParent::read(&text).map(|read| read.to_string());
            assert_eq!(read.as_deref().and_then(|text| text.get(53..)), expect, "{text}");
        }
    }
}
