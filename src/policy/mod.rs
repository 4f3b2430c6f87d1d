//! Who may do what: the policy decision point.

pub mod case;
pub mod check;
mod cover;
pub mod coverage;
mod decide;
pub mod decision;
pub(crate) mod decode;
pub mod diagnostic;
pub mod document;
mod evaluate;
pub mod explain;
pub mod facts;
mod imports;
pub mod json_schema;
pub mod judge;
pub mod locate;
pub mod matrix;
mod own_rules;
pub mod pattern;
mod principal;
pub mod proof;
pub mod replay;
mod rules;
pub mod run_case;
pub mod set;
pub mod suggest;
pub mod validation;
mod visibility;
mod wording;
pub(crate) mod yaml;

pub use decide::{AccessRequest, misread_reason};
pub use decision::{Check, Code, Decision, Obligation, Permit, Reason, Verdict};
pub use principal::{Principal, Proof};
pub use set::PolicySet;
pub use visibility::Visibility;
