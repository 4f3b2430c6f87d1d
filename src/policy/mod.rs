//! Who may do what: the policy decision point.

mod decode;
pub mod diagnostic;
pub mod document;
pub mod pattern;
mod principal;
pub mod set;
mod yaml;

pub use principal::{Principal, Proof};
pub use set::PolicySet;
