//! A TLS client certificate as a way in.

use super::rejected::Rejected;
use super::ways::Found;
use http::Extensions;

/// Which certificates identify whom. Nothing makes one yet: the listener does not ask for certificates.
#[derive(Clone, Debug)]
pub(super) enum Certificates {}

impl Certificates {
    /// Whose certificate the connection of a request was made with.
    pub(super) fn identify(&self, _extensions: &Extensions) -> Result<Found, Rejected> {
        match *self {}
    }
}
