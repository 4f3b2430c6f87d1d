//! The provider's key set (RFC 7517), of which only what can check a signature is kept.

use super::algorithm::{Algorithm, Kind};
use crate::mcp::json;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, crypto};
use serde_json::{Map, Value};

/// Most keys in a set. Providers have two or three, and some clouds a dozen.
const MOST: usize = 64;

/// Keys that can check signatures.
#[derive(Debug)]
pub(super) struct KeySet {
    keys: Vec<Key>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Key {
    id: Option<String>,
    kind: Kind,
    /// The one algorithm that it is for, where it says so.
    algorithm: Option<Algorithm>,
    public: DecodingKey,
}

impl KeySet {
    /// Reads a key set. Keys for something else are left aside: for encryption, of a kind that is not known here, or secret ones, which a
    /// public set has no business to hold.
    ///
    /// # Errors
    /// When it is no key set, or when there is nothing in it to check a signature with.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        let read = json::read(bytes).map_err(|_| "it is not JSON that can be read in one way")?;
        let keys = read.get("keys").and_then(Value::as_array).ok_or("it has no list of `keys`")?;
        if keys.len() > MOST {
            return Err("it has more keys than are taken");
        }
        let keys: Vec<Key> = keys.iter().filter_map(|key| Key::read(key.as_object()?)).collect();
        if keys.is_empty() {
            return Err("there is no key in it that a signature can be checked with");
        }
        Ok(Self { keys })
    }

    /// The keys that a token may be signed with that names this key and this algorithm.
    ///
    /// One that names no key can only be meant where there is one key that fits, since trying them one after the other would make a
    /// guess of it.
    pub(super) fn fitting(&self, id: Option<&str>, algorithm: Algorithm) -> Vec<&Key> {
        let fits = |key: &&Key| {
            let is_kind = key.kind == algorithm.kind();
            is_kind
                && key.algorithm.is_none_or(|own| own.is(algorithm))
                && (id.is_none() || key.id.as_deref() == id)
        };
        let found: Vec<&Key> = self.keys.iter().filter(fits).collect();
        if id.is_none() && found.len() > 1 { Vec::new() } else { found }
    }
}

impl Key {
    /// Whether that is the key's signature.
    pub(super) fn has_signed(&self, signed: &[u8], signature: &str, algorithm: Algorithm) -> bool {
        // What the library cannot read is no signature either.
        crypto::verify(signature, signed, &self.public, algorithm.signed()).unwrap_or(false)
    }

    fn read(key: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| key.get(name).and_then(Value::as_str);
        if key.contains_key("use") && text("use") != Some("sig") {
            return None;
        }
        if let Some(uses) = key.get("key_ops")
            && !uses.as_array()?.iter().any(|one| one.as_str() == Some("verify"))
        {
            return None;
        }
        let (kind, decoding) = match (text("kty")?, text("crv")) {
            ("RSA", None) => (Kind::Rsa, rsa(text("n")?, text("e")?)?),
            ("EC", Some("P-256")) => (Kind::P256, point(text("x")?, text("y")?, 32)?),
            ("EC", Some("P-384")) => (Kind::P384, point(text("x")?, text("y")?, 48)?),
            ("OKP", Some("Ed25519")) => (Kind::Ed25519, ed25519(text("x")?)?),
            _ => return None,
        };
        let algorithm = match key.get("alg") {
            None => None,
            // A key for an algorithm that is not known here is for no other.
            Some(name) => Some(Algorithm::named(name.as_str()?).filter(|one| one.kind() == kind)?),
        };
        let id = match key.get("kid") {
            None => None,
            Some(id) => Some(id.as_str()?.to_owned()),
        };
        Some(Self { id, kind, algorithm, public: decoding })
    }
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Of 2048 to 8192 bits (RFC 7518, section 3.3); leading zeros do not count.
fn rsa(modulus: &str, exponent: &str) -> Option<DecodingKey> {
    let modulus = bytes(modulus)?;
    let significant = modulus.iter().skip_while(|byte| **byte == 0).copied().collect::<Vec<u8>>();
    let exponent = bytes(exponent)?;
    let fits =
        (256..=1024).contains(&significant.len()) && significant.first().is_some_and(|first| *first >= 0x80);
    (fits && !exponent.is_empty() && exponent.len() <= 8)
        .then(|| DecodingKey::from_rsa_raw_components(&significant, &exponent))
}

fn point(x: &str, y: &str, length: usize) -> Option<DecodingKey> {
    let fits = bytes(x)?.len() == length && bytes(y)?.len() == length;
    if fits { DecodingKey::from_ec_components(x, y).ok() } else { None }
}

fn ed25519(x: &str) -> Option<DecodingKey> {
    if bytes(x)?.len() == 32 { DecodingKey::from_ed_components(x).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::jwt::tests::Signer;
    use serde_json::json;

    fn with(mut key: Value, changes: &Value) -> Value {
        for (name, value) in changes.as_object().unwrap() {
            key.as_object_mut().unwrap().insert(name.clone(), value.clone());
        }
        key
    }

    fn fits(keys: &[Value], id: Option<&str>, algorithm: Algorithm) -> usize {
        let set = KeySet::read(json!({ "keys": keys }).to_string().as_bytes());
        set.map_or(0, |set| set.fitting(id, algorithm).len())
    }

    #[test]
    fn a_key_is_for_its_kind_its_algorithm_and_its_use() {
        let (rsa, ec, ed) = (Signer::rsa("a").jwk(), Signer::p256("a").jwk(), Signer::ed25519("a").jwk());
        let id = Some("a");
        for (key, algorithm, expect) in [
            (&rsa, Algorithm::Rs256, 1),
            (&rsa, Algorithm::Ps512, 1),
            (&rsa, Algorithm::Es256, 0),
            (&rsa, Algorithm::EdDsa, 0),
            (&ec, Algorithm::Es256, 1),
            (&ec, Algorithm::Es384, 0),
            (&ec, Algorithm::Rs256, 0),
            (&ed, Algorithm::EdDsa, 1),
            (&ed, Algorithm::Ed25519, 1),
            (&with(ed.clone(), &json!({"alg": "Ed25519"})), Algorithm::EdDsa, 1),
            (&with(rsa.clone(), &json!({"alg": "RS256"})), Algorithm::Rs256, 1),
            (&with(rsa.clone(), &json!({"alg": "RS256"})), Algorithm::Ps256, 0),
            (&with(rsa.clone(), &json!({"alg": "HS256"})), Algorithm::Rs256, 0),
            (&with(rsa.clone(), &json!({"alg": "RSA-OAEP"})), Algorithm::Rs256, 0),
            (&with(rsa.clone(), &json!({"use": "sig"})), Algorithm::Rs256, 1),
            (&with(rsa.clone(), &json!({"use": "enc"})), Algorithm::Rs256, 0),
            (&with(rsa.clone(), &json!({"key_ops": ["verify"]})), Algorithm::Rs256, 1),
            (&with(rsa.clone(), &json!({"key_ops": ["encrypt"]})), Algorithm::Rs256, 0),
            (&with(rsa.clone(), &json!({"kid": 1})), Algorithm::Rs256, 0),
            (&with(rsa.clone(), &json!({"crv": "P-256"})), Algorithm::Rs256, 0),
            (&with(rsa.clone(), &json!({"n": "AQAB"})), Algorithm::Rs256, 0),
            (&with(rsa.clone(), &json!({"e": ""})), Algorithm::Rs256, 0),
            (&with(ec.clone(), &json!({"x": "AQAB"})), Algorithm::Es256, 0),
            (&with(ec.clone(), &json!({"crv": "P-384"})), Algorithm::Es384, 0),
            (&with(ec.clone(), &json!({"crv": "secp256k1"})), Algorithm::Es256, 0),
            (&json!({"kty": "oct", "kid": "a", "k": "c2VjcmV0"}), Algorithm::Rs256, 0),
        ] {
            assert_eq!(fits(std::slice::from_ref(key), id, algorithm), expect, "{key} {algorithm:?}");
        }
    }

    #[test]
    fn which_key_is_not_guessed() {
        let (one, two) = (Signer::p256("one").jwk(), Signer::p256("two").jwk());
        let unnamed = |key: &Value| {
            let mut key = key.clone();
            key.as_object_mut().unwrap().remove("kid");
            key
        };
        let both = [one.clone(), two.clone()];
        assert_eq!(fits(&both, Some("one"), Algorithm::Es256), 1);
        assert_eq!(fits(&both, Some("ONE"), Algorithm::Es256), 0);
        assert_eq!(fits(&both, None, Algorithm::Es256), 0, "either could be meant");
        assert_eq!(fits(&[one.clone(), Signer::ed25519("two").jwk()], None, Algorithm::Es256), 1);
        assert_eq!(fits(&[unnamed(&one)], None, Algorithm::Es256), 1);
        assert_eq!(
            fits(&[unnamed(&one)], Some("one"), Algorithm::Es256),
            0,
            "it is not said that this is it"
        );
    }

    #[test]
    fn what_is_no_key_set_is_not_taken() {
        let key = Signer::p256("one").jwk();
        let many: Vec<&Value> = std::iter::repeat_n(&key, 65).collect();
        for text in [
            String::new(),
            "null".to_owned(),
            "{}".to_owned(),
            "<html>".to_owned(),
            r#"{"keys":{}}"#.to_owned(),
            r#"{"keys":[]}"#.to_owned(),
            r#"{"keys":[null,1,[]]}"#.to_owned(),
            format!(r#"{{"keys":[{key}],"keys":[{key}]}}"#),
            json!({ "keys": many }).to_string(),
        ] {
            assert!(KeySet::read(text.as_bytes()).is_err(), "{text:.80}");
        }
        assert!(KeySet::read(json!({ "keys": [key, null, {"kty": "AKP"}] }).to_string().as_bytes()).is_ok());
    }
}
