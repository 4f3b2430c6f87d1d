//! What Directus means: its tools, their arguments, its schema, and the accesses that a tool call makes.
//!
//! The facts stand behind every rule here were measured on a real Directus 12.4.0; the tests replay them.

pub mod access;
pub mod schema;

pub use access::{Access, Action, Extent, Fields, Key, Origin};
pub use schema::SchemaSnapshot;
