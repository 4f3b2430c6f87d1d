//! What a plain scalar means, by the core schema of YAML 1.2.

use super::Shape;
use serde_json::Number;

/// Why a plain scalar is refused: its spelling means different things to different readers.
pub(super) struct Ambiguous {
    pub(super) message: &'static str,
    pub(super) help: &'static str,
}

/// The meaning of a scalar without quotes.
pub(super) fn plain(text: &str) -> Result<Shape, Ambiguous> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Shape::Null),
        "true" | "True" | "TRUE" => return Ok(Shape::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Shape::Bool(false)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "-.inf" | ".nan" | ".NaN" | ".NAN" => {
            return Err(Ambiguous {
                message: "is not a finite number",
                help: "write a number, or quote the text",
            });
        }
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if is_based(digits) {
        return Err(Ambiguous {
            message: "is a number to some readers of YAML and text to others",
            help: "write it in decimal, or quote it",
        });
    }
    if !is_number(digits) {
        return Ok(Shape::Text { text: text.to_owned(), quoted: false });
    }
    number(text, digits)
}

fn number(text: &str, digits: &str) -> Result<Shape, Ambiguous> {
    let leading_zero = digits.len() > 1
        && digits.starts_with('0')
        && digits.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    if leading_zero || text.starts_with('+') || digits.starts_with('.') || digits.ends_with('.') {
        return Err(Ambiguous {
            message: "is a number in a form that readers disagree about",
            help: "write it without a leading zero, sign or point, or quote it",
        });
    }
    let parsed = if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().map(|number: i64| Number::from(number)).ok()
    } else {
        text.parse().ok().and_then(Number::from_f64)
    };
    parsed.map(Shape::Number).ok_or(Ambiguous {
        message: "is a number that is too large",
        help: "write a smaller number, or quote it if it is text",
    })
}

/// `0x1F`, `0o17`, `0b1`.
fn is_based(digits: &str) -> bool {
    let mut characters = digits.chars();
    characters.next() == Some('0')
        && matches!(characters.next(), Some('x' | 'X' | 'o' | 'O' | 'b' | 'B'))
        && characters.clone().next().is_some()
        && characters.all(|one| one.is_ascii_hexdigit())
}

/// Digits with at most one point and at most one exponent, as the core schema has it.
fn is_number(digits: &str) -> bool {
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_fits = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && all_digits(exponent)
    });
    !(whole.is_empty() && fraction.is_empty()) && all_digits(whole) && all_digits(fraction) && exponent_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_the_core_schema_says() {
        for text in [
            "yes",
            "no",
            "on",
            "off",
            "y",
            "1_000",
            "1:30",
            "2026-11-22",
            "1.2.3",
            "e5",
            "-",
            "a b",
            "0",
            "12",
        ] {
            let is_text = matches!(plain(text), Ok(Shape::Text { .. }));
            assert_eq!(is_text, !matches!(text, "0" | "12"), "`{text}`");
        }
        for (text, expected) in [("0", 0.0), ("-7", -7.0), ("1.5", 1.5), ("1e3", 1000.0), ("-0.5E-1", -0.05)]
        {
            let Ok(Shape::Number(number)) = plain(text) else { panic!("`{text}` is a number") };
            assert_eq!(number.as_f64(), Some(expected), "`{text}`");
        }
        for text in ["", "~", "null"] {
            assert!(matches!(plain(text), Ok(Shape::Null)), "`{text}`");
        }
        assert!(matches!(plain("true"), Ok(Shape::Bool(true))));
    }

    #[test]
    fn what_readers_disagree_about_is_refused() {
        for text in [
            "007",
            "-01",
            "+1",
            "0x1F",
            "0o17",
            "0b1",
            ".5",
            "5.",
            ".inf",
            ".nan",
            "1e999",
            "99999999999999999999",
        ] {
            assert!(plain(text).is_err(), "`{text}`");
        }
    }
}
