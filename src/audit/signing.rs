//! The key that signs what the chain alone cannot show: where it ended at a certain time, and from where it was pruned.
//!
//! Ed25519, so that an auditor needs nothing of the gateway's: `openssl pkeyutl -verify -rawin` checks a signature with the
//! public key that `warrener key signing` wrote. The text that is signed is
//!
//! ```text
//! warrener-checkpoint-1        (or warrener-prune-1, warrener-erasure-1)
//! 12                           the number of an entry
//! 2f0c…                        its digest in hexadecimal
//! 2026-11-22T12:00:00.000000Z  when it was signed
//! principal 7d3a…              only of an erasure: `call` and its id, or `principal` and its pseudonym
//! ```
//!
//! with a line feed behind every line.

use super::chain::{self, Digest};
use super::time;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _, KeypairBytes,
};
use ed25519_dalek::{Signature, Signer as _};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What a signature is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// The chain ended here.
    Checkpoint,
    /// Everything up to here was pruned.
    Prune,
    /// Arguments were erased of what stands up to here.
    Erasure(Erased),
}

/// Whose arguments were erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Erased {
    /// Of a call, by its id.
    Call(String),
    /// Of a client, by its pseudonym.
    Principal(String),
}

/// That an entry has a digest, said at a time and, where there is a key, signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// What is said.
    pub statement: Statement,
    /// The number of the entry.
    pub seq: i64,
    /// Its digest.
    pub digest: Digest,
    /// When it was said, as the trail shows times.
    pub at: String,
    /// The signature, with the fingerprint of its key.
    pub signature: Option<(String, Vec<u8>)>,
}

/// The key that signs. Its `Debug` shows the fingerprint only.
#[derive(Clone)]
pub struct SigningKey(ed25519_dalek::SigningKey);

/// The key that signatures are checked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(ed25519_dalek::VerifyingKey);

/// Why a key cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SigningKeyError {
    /// The file cannot be read.
    #[error("cannot read the signing key `{path}`: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("`{path}` holds no Ed25519 key: `warrener key signing` makes one", path = path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The key has no text.
    #[error("the key cannot be written as PEM: {0}")]
    Unwritable(String),
    /// The system has no randomness to give.
    #[error("the system has no randomness for a new key: {0}")]
    Random(String),
}

impl SigningKey {
    /// A new key.
    ///
    /// # Errors
    /// [`SigningKeyError::Random`].
    pub fn generate() -> Result<Self, SigningKeyError> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(|error| SigningKeyError::Random(error.to_string()))?;
        Ok(Self(ed25519_dalek::SigningKey::from_bytes(&secret)))
    }

    /// Reads a private key as PKCS #8 in PEM.
    ///
    /// # Errors
    /// [`SigningKeyError`], where there is no such file or it holds something else.
    pub fn read(path: &Path) -> Result<Self, SigningKeyError> {
        let text = read(path)?;
        match ed25519_dalek::SigningKey::from_pkcs8_pem(&text) {
            Ok(key) => Ok(Self(key)),
            Err(_) => Err(SigningKeyError::Foreign { path: path.to_owned() }),
        }
    }

    /// The private key as PKCS #8 in PEM, in the version that every tool reads.
    ///
    /// # Errors
    /// [`SigningKeyError::Unwritable`].
    pub fn to_pem(&self) -> Result<String, SigningKeyError> {
        let pair = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        let pem = pair.to_pkcs8_pem(LineEnding::LF);
        pem.map(|pem| pem.as_str().to_owned()).map_err(|error| SigningKeyError::Unwritable(error.to_string()))
    }

    /// The key that checks what this one signs.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs a statement.
    pub fn sign(&self, mut said: Said) -> Said {
        let signature = self.0.sign(said.text().as_bytes()).to_bytes().to_vec();
        said.signature = Some((self.public().fingerprint(), signature));
        said
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public().fingerprint()).finish()
    }
}

impl PublicKey {
    /// Reads a public key in PEM.
    ///
    /// # Errors
    /// [`SigningKeyError`], where there is no such file or it holds something else.
    pub fn read(path: &Path) -> Result<Self, SigningKeyError> {
        let text = read(path)?;
        match ed25519_dalek::VerifyingKey::from_public_key_pem(&text) {
            Ok(key) => Ok(Self(key)),
            Err(_) => Err(SigningKeyError::Foreign { path: path.to_owned() }),
        }
    }

    /// The public key in PEM.
    ///
    /// # Errors
    /// [`SigningKeyError::Unwritable`].
    pub fn to_pem(&self) -> Result<String, SigningKeyError> {
        let pem = self.0.to_public_key_pem(LineEnding::LF);
        pem.map_err(|error| SigningKeyError::Unwritable(error.to_string()))
    }

    /// The first 16 hexadecimal digits of SHA-256 over the 32 bytes of the key: which key, not proof of it.
    pub fn fingerprint(&self) -> String {
        let mut text = chain::hex(&Sha256::digest(self.0.as_bytes()));
        text.truncate(16);
        text
    }

    /// Whether this key's owner has signed the statement.
    pub fn has_signed(&self, said: &Said) -> bool {
        let Some((_, signature)) = &said.signature else { return false };
        let signature = Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.0.verify_strict(said.text().as_bytes(), &signature).is_ok())
    }
}

impl Statement {
    fn event(&self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Prune => "prune",
            Self::Erasure(_) => "erasure",
        }
    }

    /// What it is about beside an entry: the name and the value.
    fn about(&self) -> Option<(&'static str, &str)> {
        match self {
            Self::Checkpoint | Self::Prune => None,
            Self::Erasure(Erased::Call(id)) => Some(("call", id)),
            Self::Erasure(Erased::Principal(pseudonym)) => Some(("principal", pseudonym)),
        }
    }
}

impl Said {
    /// Says it at a time, without a signature.
    pub fn new(statement: Statement, seq: i64, digest: Digest, at: jiff::Timestamp) -> Self {
        Self { statement, seq, digest, at: time::text(at), signature: None }
    }

    /// What is signed.
    pub fn text(&self) -> String {
        let Self { seq, at, .. } = self;
        let about =
            self.statement.about().map(|(name, value)| format!("{name} {value}\n")).unwrap_or_default();
        format!("warrener-{}-1\n{seq}\n{}\n{at}\n{about}", self.statement.event(), chain::hex(&self.digest))
    }

    /// As a marker's note and as a line of the second place have it.
    pub fn to_json(&self) -> Value {
        let mut note = json!({
            "event": self.statement.event(),
            "seq": self.seq,
            "digest": chain::hex(&self.digest),
            "at": self.at,
        });
        if let (Some((name, value)), Some(note)) = (self.statement.about(), note.as_object_mut()) {
            note.insert(name.to_owned(), Value::from(value));
        }
        if let (Some((key, signature)), Some(note)) = (&self.signature, note.as_object_mut()) {
            note.insert("key".to_owned(), Value::from(key.as_str()));
            note.insert("signature".to_owned(), Value::from(BASE64.encode(signature)));
        }
        note
    }

    /// Reads what [`Said::to_json`] wrote; `None` where it is something else.
    pub fn from_json(note: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| note.get(name).and_then(Value::as_str);
        let statement = match text("event")? {
            "checkpoint" => Statement::Checkpoint,
            "prune" => Statement::Prune,
            "erasure" => Statement::Erasure(match (text("call"), text("principal")) {
                (Some(id), None) => Erased::Call(id.to_owned()),
                (None, Some(pseudonym)) => Erased::Principal(pseudonym.to_owned()),
                (Some(_), Some(_)) | (None, None) => return None,
            }),
            _ => return None,
        };
        let signature = match (text("key"), text("signature")) {
            (Some(key), Some(signature)) => Some((key.to_owned(), BASE64.decode(signature).ok()?)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return None,
        };
        let digest = from_hex(text("digest")?)?;
        Some(Self {
            statement,
            seq: note.get("seq")?.as_i64()?,
            digest,
            at: text("at")?.to_owned(),
            signature,
        })
    }
}

fn from_hex(text: &str) -> Option<Digest> {
    let mut digest = Digest::default();
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(digest)
}

fn read(path: &Path) -> Result<String, SigningKeyError> {
    fs::read_to_string(path).map_err(|source| SigningKeyError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said() -> Said {
        Said::new(Statement::Checkpoint, 12, [0xab; 32], "2026-11-22T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn what_is_signed_is_four_lines() {
        let digest = "ab".repeat(32);
        let text = format!("warrener-checkpoint-1\n12\n{digest}\n2026-11-22T12:00:00.000000Z\n");
        assert_eq!(said().text(), text);
        let prune = Said { statement: Statement::Prune, ..said() };
        assert!(prune.text().starts_with("warrener-prune-1\n12\n"));
    }

    #[test]
    fn only_its_own_key_has_signed_it_and_nothing_else() {
        let key = SigningKey::generate().unwrap();
        let signed = key.sign(said());
        assert!(key.public().has_signed(&signed));
        assert!(!SigningKey::generate().unwrap().public().has_signed(&signed));
        assert!(!key.public().has_signed(&said()));
        for other in [
            Said { statement: Statement::Prune, ..signed.clone() },
            Said { statement: Statement::Erasure(Erased::Call("c".to_owned())), ..signed.clone() },
            Said { seq: 13, ..signed.clone() },
            Said { digest: [0; 32], ..signed.clone() },
            Said { at: "2026-11-22T12:00:00.000001Z".to_owned(), ..signed.clone() },
        ] {
            assert!(!key.public().has_signed(&other), "{other:?}");
        }
    }

    #[test]
    fn a_note_is_read_as_it_was_written() {
        let about = |about| Said { statement: Statement::Erasure(about), ..said() };
        let call = about(Erased::Call("c".to_owned()));
        let principal = about(Erased::Principal("p".to_owned()));
        for said in [said(), SigningKey::generate().unwrap().sign(said()), call, principal] {
            let note = said.to_json();
            assert_eq!(Said::from_json(note.as_object().unwrap()), Some(said));
        }
        let mut note = said().to_json();
        note["signature"] = Value::from("AA==");
        assert_eq!(Said::from_json(note.as_object().unwrap()), None);
    }

    #[test]
    fn keys_are_read_from_their_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let key = SigningKey::generate().unwrap();
        fs::write(path("key"), key.to_pem().unwrap()).unwrap();
        fs::write(path("public"), key.public().to_pem().unwrap()).unwrap();
        assert_eq!(SigningKey::read(&path("key")).unwrap().public(), key.public());
        assert_eq!(PublicKey::read(&path("public")).unwrap(), key.public());
        let wrong = SigningKey::read(&path("public")).unwrap_err().to_string();
        assert!(wrong.ends_with("holds no Ed25519 key: `warrener key signing` makes one"), "{wrong}");
        assert!(!format!("{key:?}").contains("PRIVATE"));
    }
}
