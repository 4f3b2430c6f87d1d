//! Bringing settings, policies and schema snapshots into a gateway that runs.

mod backend;
pub mod doctor;
mod error;
mod keep;
mod live;
mod load;
mod manager;
mod measures;
mod note;
mod reading;
mod run;
mod stopping;

pub use error::GatewayError;
pub use live::Reloads;
pub use load::{LoadError, policies, policies_with, schema, sources};
pub use manager::{HandOverError, handed_over};
pub use run::{Gateway, Stack, Unbound};
