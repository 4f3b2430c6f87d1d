//! The audit trail.

pub mod entry;
