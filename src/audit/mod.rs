//! The audit trail: what every request did or would have done, append-only, in one SQLite file.
//!
//! [`trail`] writes it. An [`entry`] is what the path hands over, and [`chain`] says how each entry is sealed, so that a
//! change shows.

pub mod chain;
pub mod entry;
pub mod mask;
pub mod time;
pub mod trail;

mod location;
mod migration;
mod recovery;
mod row;
mod session;
mod writer;

pub use location::TrailError;
