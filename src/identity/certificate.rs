//! A TLS client certificate as a way in.
//!
//! The handshake has proved that the client holds a certificate of an authority that is accepted; here it is found out whose it is. A
//! certificate is never passed over: one that is on no list is a reason to reject the request, whatever else it brings, and a key beside
//! it has to be the same client's.

use super::file::is_name;
use super::name;
use super::rejected::Rejected;
use super::secret::{SecretError, read_secret};
use super::ways::Found;
use crate::accept::ClientCertificate;
use crate::config::{CertificateOf, Certified};
use crate::policy::{Principal, Proof};
use jiff::Timestamp;
use secrecy::SecretString;
use std::collections::BTreeSet;

/// Which certificates identify whom.
#[derive(Clone, Debug)]
pub struct Certificates {
    known: Vec<Known>,
}

#[derive(Clone, Debug)]
struct Known {
    of: CertificateOf,
    /// The client's name, as a key of it would be called.
    name: String,
    who: Found,
}

/// Why the list of certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The Directus token of an entry cannot be had.
    #[error("the Directus token of the certificate of `{name}`: {cause}")]
    Token {
        /// Whose certificate.
        name: String,
        /// Why not.
        cause: SecretError,
    },
    /// An entry names no token, and there is no default.
    #[error(
        "the certificate of `{name}` names no Directus token and there is no default: set `upstream.token_env`, or `token_env` beside it"
    )]
    NoToken {
        /// Whose certificate.
        name: String,
    },
    /// A name that no client can have.
    #[error("`{name}` in `identity.certificates` is not a name: write letters, digits, `-`, `_` and `.`")]
    Name {
        /// The name.
        name: String,
    },
}

impl Certificates {
    /// Takes the list of the settings. `default_token` goes upstream for those that name none.
    ///
    /// # Errors
    /// When the Directus token of one cannot be had.
    pub fn new(list: &[Certified], default_token: Option<&SecretString>) -> Result<Self, CertificateError> {
        let known = list.iter().map(|entry| Known::new(entry, default_token)).collect::<Result<_, _>>()?;
        Ok(Self { known })
    }

    /// Whether no certificate stands for anybody.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Every role that is named, for checking that there is a policy for each.
    pub fn roles(&self) -> BTreeSet<String> {
        self.known.iter().map(|known| known.who.principal.role.clone()).collect()
    }

    /// Whose certificate it is. Where two entries fit, nobody knows which is meant.
    fn holder(&self, certificate: &ClientCertificate) -> Result<&Known, Rejected> {
        let fits = |known: &&Known| match &known.of {
            CertificateOf::Sha256(digest) => digest == certificate.sha256(),
            CertificateOf::Name(name) => certificate.names().contains(name),
        };
        let mut fitting = self.known.iter().filter(fits);
        match (fitting.next(), fitting.next()) {
            (Some(known), None) => Ok(known),
            (None, _) => Err(Rejected::Certificate { why: "it is not in `identity.certificates`" }),
            (Some(_), Some(_)) => {
                Err(Rejected::Certificate { why: "more than one entry of `identity.certificates` fits it" })
            }
        }
    }
}

impl Known {
    fn new(entry: &Certified, default_token: Option<&SecretString>) -> Result<Self, CertificateError> {
        let name = entry.name.clone();
        let principal = name::of_way("certificate", &name).filter(|_| is_name(&name));
        let Some(principal) = principal else { return Err(CertificateError::Name { name }) };
        let token = match (&entry.token, default_token) {
            (Some(secret), _) => {
                read_secret(secret).map_err(|cause| CertificateError::Token { name: name.clone(), cause })?
            }
            (None, Some(token)) => token.clone(),
            (None, None) => return Err(CertificateError::NoToken { name }),
        };
        let principal = Principal { name: principal, role: entry.role.clone(), proof: Proof::Certificate };
        Ok(Self { of: entry.of.clone(), name, who: Found { principal, token } })
    }

    /// Whether a principal that has shown its key is this client.
    fn is(&self, holder: &Principal) -> bool {
        holder.name == self.name && holder.role == self.who.principal.role
    }
}

/// What the certificate of a connection says of its requests.
#[derive(Debug)]
pub(super) enum Shown<'a> {
    /// There is none, or it only opened the door: no certificate stands for anybody.
    Nobody,
    /// It is this client's.
    Client(Client<'a>),
}

/// A client that is known by its certificate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client<'a> {
    known: &'a Known,
}

impl<'a> Shown<'a> {
    /// What is to be made of the certificate of a request.
    ///
    /// # Errors
    /// When there is one that is no longer good, or that is nobody's although certificates stand for clients.
    pub(super) fn by(
        certificate: Option<&ClientCertificate>,
        certificates: Option<&'a Certificates>,
        now: Timestamp,
    ) -> Result<Self, Rejected> {
        let Some(certificate) = certificate else { return Ok(Self::Nobody) };
        certificate.holds(now).map_err(|lapsed| Rejected::Certificate { why: lapsed.as_str() })?;
        match certificates {
            None => Ok(Self::Nobody),
            Some(certificates) => Ok(Self::Client(Client { known: certificates.holder(certificate)? })),
        }
    }
}

impl Shown<'_> {
    /// Who calls, where there is a key too: both have to be the same client's, of the same role.
    pub(super) fn and_key(&self, key: Found) -> Result<Found, Rejected> {
        match self {
            Self::Nobody => Ok(key),
            Self::Client(client) if client.known.is(&key.principal) => Ok(key),
            Self::Client(client) => Err(client.and_other()),
        }
    }
}

impl Client<'_> {
    /// Who calls, where there is nothing but the certificate.
    pub(super) fn alone(self) -> Found {
        self.known.who.clone()
    }

    /// Why a credential of somebody else is not taken beside the certificate.
    pub(super) fn and_other(self) -> Rejected {
        Rejected::Disagreeing { name: self.known.who.principal.name.clone() }
    }
}
