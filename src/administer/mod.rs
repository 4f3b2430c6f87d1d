//! Bringing settings, policies and schema snapshots into a gateway that runs.

mod keep;
mod load;
mod run;

pub use load::{LoadError, policies, policies_with, schema, sources};
pub use run::{Gateway, GatewayError};
