//! What Directus means: its tools, their arguments, its schema, and the accesses that a tool call makes.
//!
//! The facts behind every rule here were measured on a real Directus 12.4.0; the tests replay them.

pub mod access;
pub mod accesses;
mod arguments;
pub mod call;
pub(crate) mod field;
mod filter;
mod key;
mod misread;
pub mod query;
pub mod request;
pub mod result;
mod rewrite;
mod row;
pub mod schema;
pub mod tool;

pub use access::{Access, Action, Extent, Fields, Key, Origin};
pub use call::{Mode, ToolCall};
pub use misread::Misread;
pub use request::{Meaning, Protocol};
pub use schema::SchemaSnapshot;
pub use tool::{Tool, Verb};
