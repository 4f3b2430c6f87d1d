//! What several subjects need: processes, HTTP, an upstream that counts, the gateway itself and its trail.

pub(crate) mod authority;
pub(crate) mod bridge;
pub(crate) mod client;
pub(crate) mod directus;
pub(crate) mod gateway;
pub(crate) mod nginx;
pub(crate) mod process;
#[expect(dead_code, reason = "the unit tests of `identity::jwt` use the rest of it")]
pub(crate) mod provider;
pub(crate) mod request;
pub(crate) mod trail;
pub(crate) mod upstream;
