//! Bringing policies and schema snapshots from files into the gateway.

mod load;

pub use load::{LoadError, policies, schema, sources};
