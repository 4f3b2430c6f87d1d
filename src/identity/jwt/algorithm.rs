//! The algorithms by which a token may be signed: asymmetric ones only.

use jsonwebtoken::Algorithm as Signed;

/// How a token may be signed.
///
/// `none` and the `HS` family are not in the list, and so cannot be allowed by any setting: with the first nobody has signed, with
/// the second whoever can check a token can make one, and a public key taken for a secret is known to everybody (RFC 8725, sections
/// 2.1 and 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// `EdDSA`, of which only Ed25519 is taken.
    EdDsa,
    /// Ed25519 by the name that RFC 9864 gives it.
    Ed25519,
}

/// What kind of key there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// RSA, of at least 2048 bits.
    Rsa,
    /// A point on P-256.
    P256,
    /// A point on P-384.
    P384,
    /// Ed25519.
    Ed25519,
}

impl Algorithm {
    /// Each with its name in a token's `alg`, and all of them allowed unless the settings name some.
    pub const ALL: [(&'static str, Self); 10] = [
        ("RS256", Self::Rs256),
        ("RS384", Self::Rs384),
        ("RS512", Self::Rs512),
        ("PS256", Self::Ps256),
        ("PS384", Self::Ps384),
        ("PS512", Self::Ps512),
        ("ES256", Self::Es256),
        ("ES384", Self::Es384),
        ("EdDSA", Self::EdDsa),
        ("Ed25519", Self::Ed25519),
    ];

    /// The algorithm of that name, which is written in one way only.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
    }

    /// The kind of key that it is used with. A key is used with no other (RFC 8725, section 3.1).
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => Kind::Rsa,
            Self::Es256 => Kind::P256,
            Self::Es384 => Kind::P384,
            Self::EdDsa | Self::Ed25519 => Kind::Ed25519,
        }
    }

    /// Whether a key that says that it is for `other` may be used with this one.
    pub(super) fn is(self, other: Self) -> bool {
        self == other || (self.kind() == Kind::Ed25519 && other.kind() == Kind::Ed25519)
    }

    /// What the library calls it.
    pub(super) fn signed(self) -> Signed {
        match self {
            Self::Rs256 => Signed::RS256,
            Self::Rs384 => Signed::RS384,
            Self::Rs512 => Signed::RS512,
            Self::Ps256 => Signed::PS256,
            Self::Ps384 => Signed::PS384,
            Self::Ps512 => Signed::PS512,
            Self::Es256 => Signed::ES256,
            Self::Es384 => Signed::ES384,
            Self::EdDsa | Self::Ed25519 => Signed::EdDSA,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_symmetric_and_nothing_unsigned_has_a_name_here() {
        for name in
            ["none", "None", "NONE", "", "HS256", "HS384", "HS512", "rs256", "RS256 ", "ES512", "RSA-OAEP"]
        {
            assert_eq!(Algorithm::named(name), None, "{name}");
        }
        assert_eq!(Algorithm::named("RS256"), Some(Algorithm::Rs256));
    }
}
