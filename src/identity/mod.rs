//! Who calls: a credential becomes a principal, or nothing does.
//!
//! A client key is a name for a role and for a Directus token that the client never sees. Whatever is wrong with the
//! credential of a request is a reason to reject the request; there is no second place that is looked at.
//!
//! Whose calls are [stopped](Stops) is known here too: that is somebody whose key is good, and who is told why.

mod bearer;
mod file;
mod key;
mod replace;
mod ring;
mod secret;
mod stop;
mod stops;
pub(crate) mod whole;

pub use bearer::Rejected;
pub use file::{KeyEntry, KeyFile, KeyFileError, NewKey, TokenSource};
pub use key::{ClientKey, Digest};
pub use ring::{Authenticated, KeyError, KeyRing};
pub use secret::{SecretError, read_secret};
pub use stop::{Stop, StopFile, StopFileError, Whom};
pub use stops::{Looked, Standing, Stops};
