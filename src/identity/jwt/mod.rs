//! A token of an OpenID provider as a way in.

use super::rejected::Rejected;
use super::ways::Found;
use jiff::Timestamp;

/// A provider whose tokens are taken. Nothing makes one yet.
#[derive(Clone, Debug)]
pub(super) enum Jwt {}

impl Jwt {
    /// Whether a token says that it comes from this provider, which is not proved by that.
    pub(super) fn is_for(&self, _token: &str) -> bool {
        match *self {}
    }

    /// Whose token it is.
    #[expect(clippy::unused_async, reason = "the keys of a provider may have to be fetched")]
    pub(super) async fn identify(&self, _token: &str, _now: Timestamp) -> Result<Found, Rejected> {
        match *self {}
    }
}
