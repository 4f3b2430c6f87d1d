//! Who may do what: the policy decision point.

pub mod document;
pub mod pattern;
mod principal;

pub use principal::{Principal, Proof};
