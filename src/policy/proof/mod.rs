//! Who can do what, answered for every call there could be, and not for some that were tried.
//!
//! A *no* is a proof. A call passes only where every access that it asks for is covered by a permission and forbidden by no rule, and
//! those are decided by collection, action and field alone, whatever else the call says. The names of collections and fields fall into
//! finitely many kinds that the patterns of the policies tell apart, so asking the rules about one name of each kind is asking about all.
//!
//! A *yes* has a call that shows it, which the engine was asked to decide as it decides any other. What no rule rules out and no call was
//! found for is said to be that, and nothing else.
//!
//! Both speak of what calls *ask for*. What the database does in turn needs no permission, so no permission that is missing rules it out:
//! only a `forbid` does. Where nothing forbids it, calls that bring it about are looked for along the relations of the schema.

mod answer;
mod ask;
pub(crate) mod assertion;
pub mod diff;

mod kinds;
mod question;
mod shown;
mod stand;
mod world;

pub use answer::{Answer, Finding, Rule, Verdict};
pub use assertion::{Assertion, Proof, ProofFile, Proved};
pub use kinds::TooManyKinds;
pub use question::{Question, Target, Unread};
