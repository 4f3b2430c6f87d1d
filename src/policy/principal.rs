//! Who calls.

/// Who calls: the client, the role that speaks for it, and how it was proved.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Principal {
    /// The client's name, as its key was issued; of other ways in, the way and what it is called there, such as `directus:ID`.
    pub name: String,
    /// The policy file that applies; a principal has exactly one.
    pub role: String,
    /// How it was proved.
    pub proof: Proof,
}

/// How a principal was proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proof {
    /// A client key that Warrener issued.
    Key,
    /// A client key that Warrener issued for the address.
    KeyInUrl,
    /// An OAuth token of Directus'.
    OAuth,
    /// A static token of Directus'.
    Token,
    /// A token of an OpenID provider.
    Jwt,
    /// A TLS client certificate.
    Certificate,
}

impl Proof {
    /// The word for it in the trail.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::KeyInUrl => "key in the address",
            Self::OAuth => "OAuth token",
            Self::Token => "Directus token",
            Self::Jwt => "OpenID token",
            Self::Certificate => "certificate",
        }
    }
}
