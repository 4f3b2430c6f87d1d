//! A client key and its digest.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use std::{fmt, io};

/// What a client key begins with, so that people and secret scanners know one when they see it.
const PREFIX: &str = "wr_";

/// Random bytes in a key.
const RANDOM_BYTES: usize = 32;

/// Characters after the prefix: 32 bytes in base64url without padding.
const RANDOM_CHARACTERS: usize = 43;

/// The key of one client: `wr_` and 43 characters of base64url. It is shown once and kept nowhere.
pub struct ClientKey(SecretString);

impl ClientKey {
    /// Makes a new one from the machine's randomness.
    ///
    /// # Errors
    /// When the machine has none to give.
    pub fn random() -> Result<Self, io::Error> {
        let mut bytes = [0; RANDOM_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)).into()))
    }

    /// The key itself, for showing it to its owner.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// What is kept of it.
    pub fn digest(&self) -> Digest {
        Digest::of(self.expose())
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientKey(…)")
    }
}

/// Whether a text begins as a client key does. Then it is one, or nothing.
pub(super) fn has_prefix(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// Whether a text has the form of a client key.
pub(super) fn is_well_formed(text: &str) -> bool {
    text.strip_prefix(PREFIX).is_some_and(|random| {
        random.len() == RANDOM_CHARACTERS
            && random.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    })
}

/// SHA-256 of a client key. A key is 256 random bits, so that nothing slower is needed to keep it from being guessed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of that key.
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// Reads 64 hexadecimal digits; `None` for anything else.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair)
                .ok()
                .filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_well_formed_and_like_no_other() {
        let (one, other) = (ClientKey::random().unwrap(), ClientKey::random().unwrap());
        assert!(is_well_formed(one.expose()), "{}", one.expose());
        assert_ne!(one.expose(), other.expose());
        assert_eq!(one.digest(), Digest::of(one.expose()));
        assert_ne!(one.digest(), other.digest());
        assert_eq!(format!("{one:?}"), "ClientKey(…)");
    }

    #[test]
    fn only_the_exact_form_is_well_formed() {
        let good = format!("wr_{}", "aZ9-_".repeat(8) + "abc");
        for (text, fine) in [
            (good.clone(), true),
            (good.replace("wr_", "WR_"), false),
            (format!("{good}a"), false),
            (good.replace('9', "+"), false),
            (good.replace('9', "é"), false),
            ("wr_".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(is_well_formed(&text), fine, "{text}");
        }
    }

    #[test]
    fn a_digest_is_64_hexadecimal_digits() {
        let digest = Digest::of("x");
        assert_eq!(Digest::from_hex(&digest.to_string()), Some(digest));
        assert_eq!(Digest::from_hex(&digest.to_string().to_uppercase()), Some(digest));
        for bad in ["", "ab", &"g".repeat(64), &"+1".repeat(32), &"é".repeat(32)] {
            assert_eq!(Digest::from_hex(bad), None, "{bad}");
        }
    }
}
