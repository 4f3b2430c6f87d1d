//! A JSON reader with one reading: what it accepts, every other reader takes in the same way.

use super::shown::shown;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Deepest nesting that is read. Directus takes tens of thousands of levels; no honest call needs a hundred.
pub const MAX_DEPTH: usize = 100;

/// The largest integer that every JSON reader takes for itself: 2^53 - 1. Directus acts on 9007199254740992 where
/// 9007199254740993 is written.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Reads one JSON text, and nothing behind it but white space.
///
/// # Errors
/// When the text is not UTF-8 or not JSON, and when it could be read in more than one way: a key twice in one object (after
/// unescaping), a key `__proto__`, an integer beyond 2^53 - 1, nesting deeper than [`MAX_DEPTH`].
///
/// # Examples
/// ```
/// use warrener::mcp::json;
///
/// assert!(json::read(br#"{"action": "read"}"#).is_ok());
/// let error = json::read(br#"{"action": "read", "\u0061ction": "delete"}"#).unwrap_err();
/// assert_eq!(error.to_string(), "the key `action` appears twice in one object, at line 1 column 32");
/// ```
pub fn read(bytes: &[u8]) -> Result<Value, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|error| JsonError {
        what: format!("the text is not UTF-8 from byte {} on", error.valid_up_to()),
        place: None,
    })?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Strict { depth: 0 }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Why a JSON text was refused, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct JsonError {
    what: String,
    place: Option<(usize, usize)>,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some((line, column)) => write!(f, "{}, at line {line} column {column}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        let place = (error.line() > 0).then(|| (error.line(), error.column()));
        let text = error.to_string();
        let what = match text.rsplit_once(" at line ") {
            Some((what, _)) => what.to_owned(),
            None => text,
        };
        Self { what, place }
    }
}

/// Reads a value at a depth.
#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn inside<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format_args!("the nesting is deeper than {MAX_DEPTH} levels")));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        if value > MAX_INTEGER {
            return Err(too_large(value));
        }
        Ok(Value::from(value))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() > MAX_INTEGER {
            return Err(too_large(value));
        }
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        // From here on every double is an integer, and so is whatever was written.
        if value.abs() >= 9_007_199_254_740_992.0 {
            // With an exponent: 1e308 written out is a line of 309 digits.
            return Err(too_large(format_args!("{value:?}")));
        }
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number is not finite"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if key == "__proto__" {
                return Err(A::Error::custom("the key `__proto__` is not allowed"));
            }
            if object.contains_key(&key) {
                return Err(A::Error::custom(format_args!(
                    "the key `{}` appears twice in one object",
                    shown(&key)
                )));
            }
            object.insert(key, entries.next_value_seed(inside)?);
        }
        Ok(Value::Object(object))
    }
}

fn too_large<E: serde::de::Error>(number: impl fmt::Display) -> E {
    E::custom(format_args!("the number {number} is beyond {MAX_INTEGER}, so that readers disagree on it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        read(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn plain_json_is_read_as_it_is() {
        let text = r#"{"b":[1,-2,0.1,1e3,true,null,"\u00e9"],"a":{"c":""}}"#;
        let value = read(text.as_bytes()).unwrap();
        assert_eq!(value.to_string(), r#"{"b":[1,-2,0.1,1000.0,true,null,"é"],"a":{"c":""}}"#);
    }

    #[test]
    fn a_double_comes_back_to_the_last_digit() {
        let text = "[0.30000000000000004,1.7976931348623157e-300,123456.78901234567]";
        assert_eq!(read(read(text.as_bytes()).unwrap().to_string().as_bytes()), read(text.as_bytes()));
        assert_eq!(
            read(text.as_bytes()).unwrap()[0].as_f64().unwrap().to_bits(),
            0.300_000_000_000_000_04_f64.to_bits()
        );
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        for (text, why) in [
            (r#"{"a":1,"a":2}"#, "the key `a` appears twice"),
            (r#"{"x":{"a":1,"\u0061":2}}"#, "the key `a` appears twice"),
            (r#"{"__proto__":{}}"#, "`__proto__` is not allowed"),
            (r#"[{"\u005f_proto__":1}]"#, "`__proto__` is not allowed"),
            ("9007199254740992", "beyond 9007199254740991"),
            ("-9007199254740992", "beyond 9007199254740991"),
            ("18446744073709551616", "beyond 9007199254740991"),
            ("1e300", "beyond 9007199254740991"),
            ("1e999", "out of range"),
            (r#""\ud800""#, "hex escape"),
            ("\u{feff}{}", "expected value"),
            ("{} {}", "trailing characters"),
            ("NaN", "expected"),
            ("", "EOF"),
            ("[1,]", "trailing comma"),
            ("// x\n1", "expected value"),
        ] {
            assert!(refused(text).contains(why), "{text}: {}", refused(text));
        }
    }

    #[test]
    fn an_error_is_no_longer_than_a_line() {
        assert!(refused("-1e308").starts_with("the number -1e308 is beyond"), "{}", refused("-1e308"));
    }

    #[test]
    fn depth_is_bounded_without_recursion_of_the_reader() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(refused(&nested(MAX_DEPTH + 1)).contains("deeper than 100"));
        assert!(read("[".repeat(1_000_000).as_bytes()).is_err());
    }

    #[test]
    fn invalid_utf8_is_refused() {
        assert!(read(b"\"\xff\"").unwrap_err().to_string().contains("not UTF-8 from byte 1 on"));
        assert!(read(b"\"\xc1\xb4\"").is_err());
    }
}
