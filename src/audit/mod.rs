//! The audit trail: what every request did or would have done, append-only, in one SQLite file.
//!
//! [`trail`] writes it, [`query`] reads it, [`render`] shows what was read. An [`entry`] is what the path hands over;
//! [`mask`] sees to it that no secret is in it, and [`chain`] says how it is sealed, so that a change shows.

pub mod backup;
pub mod call;
pub mod chain;
pub mod checkpoint;
pub mod csv;
pub mod decided;
pub mod entry;
pub mod erase;
pub mod escape;
pub mod export;
pub mod feed;
pub mod filter;
pub mod mask;
pub mod ocsf;
pub mod posture;
pub mod query;
pub mod render;
pub mod retention;
pub mod sheet;
pub mod signing;
pub mod stats;
pub mod tallies;
pub mod time;
pub mod trail;
pub mod verify;

mod insert;
mod lines;
mod location;
mod migration;
mod pseudonyms;
mod recovery;
mod row;
mod second;
mod session;
mod writer;

pub use location::TrailError;
