//! Who calls: a credential becomes a principal, or nothing does.
//!
//! A request has one credential. Its form decides which of the configured [ways in](Ways) judges it, and whatever is wrong with it is a
//! reason to reject the request: there is no second place that is looked at, and no second way that is tried.
//!
//! A client key is a name for a role and for a Directus token that the client never sees.
//!
//! Whose calls are [stopped](Stops) is known here too: that is somebody whose key is good, and who is told why.

mod certificate;
mod credential;
mod file;
mod jwt;
mod key;
mod name;
mod network;
mod rejected;
mod replace;
mod ring;
mod secret;
mod stop;
mod stops;
mod ways;
pub(crate) mod whole;

pub use certificate::{CertificateError, Certificates};
pub use file::{KeyEntry, KeyFile, KeyFileError, NewKey, TokenSource};
pub use key::{ClientKey, Digest};
pub(crate) use network::network;
pub use rejected::Rejected;
pub use ring::{KeyError, KeyRing, Place};
pub use secret::{SecretError, read_secret};
pub use stop::{Stop, StopFile, StopFileError, Whom};
pub use stops::{Looked, Standing, Stops};
pub use ways::{Found, Judged, Ways};
