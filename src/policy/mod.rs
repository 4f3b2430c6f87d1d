//! Who may do what: the policy decision point.

mod cover;
mod decide;
pub mod decision;
pub mod case;
mod decode;
pub mod diagnostic;
pub mod document;
mod evaluate;
pub mod explain;
mod imports;
pub mod pattern;
mod principal;
mod rules;
pub mod set;
mod visibility;
mod wording;
mod yaml;

pub use decide::{AccessRequest, misread_reason};
pub use decision::{Code, Decision, Obligation, Permit, Reason, Verdict};
pub use principal::{Principal, Proof};
pub use set::PolicySet;
pub use visibility::Visibility;
