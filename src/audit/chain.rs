//! What makes the trail evidence: every entry is sealed with a digest over itself and the digest before it.
//!
//! # The canonical form
//!
//! Each value becomes a *netstring*, `LENGTH:BYTES,` with the length in bytes as a decimal number: text as UTF-8, an integer
//! in decimal, a digest as its 32 raw bytes; no value (SQL's `NULL`) is `-,`. So nothing a client sends can look like the
//! end of a value. The digest of an entry is
//!
//! ```text
//! SHA-256( prev ‖ "warrener-trail-1" ‖ every column of `entries` from `seq` to `note`, in order
//!               ‖ the number of its accesses ‖ of each: action, collection, fields, extent, via, asked )
//! ```
//!
//! with `prev` as 32 raw bytes, zero for the first entry, and all that follows as netstrings. `at_text` is derived and not
//! covered. Arguments and facts are covered through `arguments_digest` and `facts_digest`, SHA-256 over 16 bytes of salt and
//! the text, so that they can be deleted and the chain still verifies. In the same way a client's name is covered through its
//! pseudonym, which begins such a digest.

use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// A SHA-256 digest.
pub type Digest = [u8; 32];

/// What keeps a digest from confirming a guess at a text, once the text is deleted and the salt with it.
pub type Salt = [u8; 16];

/// What the first entry has in `prev`.
pub const GENESIS: Digest = [0; 32];

/// The first value of every entry's canonical form; another form would have another name.
const FORM: &str = "warrener-trail-1";

/// Room for the canonical form of most entries, in bytes.
const USUAL_FORM: usize = 1024;

/// Hexadecimal digits of a pseudonym: 128 bits, so that nobody finds another name and salt for it.
const PSEUDONYM: usize = 32;

/// One value of an entry, as it stands in its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// SQL's `NULL`.
    Null,
    /// An `INTEGER`.
    Integer(i64),
    /// A `TEXT`.
    Text(&'a str),
    /// A `BLOB`.
    Bytes(&'a [u8]),
}

/// The digest that seals an entry: over the digest before it and its values, in the order of the module's documentation.
pub fn digest<'a>(prev: &Digest, values: impl IntoIterator<Item = Value<'a>>) -> Digest {
    let mut form = Vec::with_capacity(USUAL_FORM);
    form.extend_from_slice(prev);
    seal(&mut form, FORM.as_bytes());
    let mut digits = itoa::Buffer::new();
    for value in values {
        match value {
            Value::Null => form.extend_from_slice(b"-,"),
            Value::Integer(number) => seal(&mut form, digits.format(number).as_bytes()),
            Value::Text(text) => seal(&mut form, text.as_bytes()),
            Value::Bytes(bytes) => seal(&mut form, bytes),
        }
    }
    Sha256::digest(&form).into()
}

/// A new salt; it fails where the system has no randomness to give.
pub(super) fn salt() -> Result<Salt, getrandom::Error> {
    let mut salt = Salt::default();
    getrandom::fill(&mut salt)?;
    Ok(salt)
}

/// The digest that covers a text outside the chain: SHA-256 over the salt and the text.
pub fn salted_digest(salt: &[u8], text: &str) -> Digest {
    Sha256::new_with_prefix(salt).chain_update(text).finalize().into()
}

/// The pseudonym of a client: the beginning of the salted digest of its name, in hexadecimal.
pub fn pseudonym(salt: &[u8], name: &str) -> String {
    let mut text = hex(&salted_digest(salt, name));
    text.truncate(PSEUDONYM);
    text
}

/// A digest as people and JSON have it: lower case, without separators.
pub fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a `String` does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Adds one netstring.
fn seal(form: &mut Vec<u8>, bytes: &[u8]) {
    form.extend_from_slice(itoa::Buffer::new().format(bytes.len()).as_bytes());
    form.push(b':');
    form.extend_from_slice(bytes);
    form.push(b',');
}

impl From<Option<i64>> for Value<'_> {
    fn from(value: Option<i64>) -> Self {
        value.map_or(Self::Null, Self::Integer)
    }
}

impl<'a> From<Option<&'a str>> for Value<'a> {
    fn from(value: Option<&'a str>) -> Self {
        value.map_or(Self::Null, Self::Text)
    }
}

impl<'a> From<Option<&'a [u8]>> for Value<'a> {
    fn from(value: Option<&'a [u8]>) -> Self {
        value.map_or(Self::Null, Self::Bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_sha_256_over_prev_and_netstrings() {
        let body = b"16:warrener-trail-1,1:7,2:\xc3\xa9,-,2:\x00\xff,";
        let expected: Digest = Sha256::new_with_prefix(GENESIS).chain_update(body).finalize().into();
        let values = [Value::Integer(7), Value::Text("é"), Value::Null, Value::Bytes(&[0, 255])];
        assert_eq!(digest(&GENESIS, values), expected);
    }

    #[test]
    fn tells_apart_what_could_be_confused() {
        let rows: [&[Value<'_>]; 6] = [
            &[Value::Text("ab"), Value::Text("")],
            &[Value::Text("a"), Value::Text("b")],
            &[Value::Text("ab"), Value::Null],
            &[Value::Text("ab")],
            &[Value::Text("ab,0:,")],
            &[Value::Text("-"), Value::Null],
        ];
        let mut seen: Vec<Digest> = rows.iter().map(|row| digest(&GENESIS, row.iter().copied())).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), rows.len());
    }

    #[test]
    fn depends_on_the_entry_before() {
        assert_ne!(digest(&GENESIS, [Value::Null]), digest(&[1; 32], [Value::Null]));
    }

    #[test]
    fn what_can_be_deleted_is_salted() {
        assert_eq!(
            hex(&salted_digest(&[0; 16], "{}")),
            // (head -c 16 /dev/zero; printf '{}') | sha256sum
            "333b13ff02f57ae18049b82ca66f37592c5a3d8fd54e44e23ae5c7085c24fd2a"
        );
        assert_ne!(salted_digest(&[0; 16], "{}"), salted_digest(&[1; 16], "{}"));
        assert_eq!(pseudonym(&[0; 16], "{}"), "333b13ff02f57ae18049b82ca66f3759");
    }
}
