//! What several subjects need: processes, HTTP, an upstream that counts, the gateway itself and its trail.

pub(crate) mod authority;
pub(crate) mod client;
pub(crate) mod gateway;
pub(crate) mod nginx;
pub(crate) mod process;
pub(crate) mod request;
pub(crate) mod trail;
pub(crate) mod upstream;
