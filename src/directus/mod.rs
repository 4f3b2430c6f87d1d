//! What Directus means: its tools, their arguments, its schema, and the accesses that a tool call makes.
//!
//! The facts behind every rule here were measured on a real Directus 12.4.0; the tests replay them.

pub mod access;
pub mod accesses;
pub mod answer;
mod arguments;
pub mod call;
pub(crate) mod carrier;
pub(crate) mod conjunct;
mod dialect;
pub(crate) mod field;
mod forward;
mod ignored;
mod json_text;
pub(crate) mod key;
mod key_check;
pub mod local;
mod misread;
pub(crate) mod operator;
pub(crate) mod reading;
pub mod request;
pub mod result;
pub(crate) mod rewrite;
pub mod schema;
pub(crate) mod search;
pub mod tool;

pub use access::{Access, Action, Extent, Fields, Key, Origin};
pub use call::{Mode, ToolCall};
pub use dialect::Dialect;
pub use forward::Forward;
pub use key_check::KeyCheck;
pub use local::LocalTool;
pub use misread::Misread;
pub use request::{Meaning, Protocol};
pub use schema::SchemaSnapshot;
pub use tool::{Tool, Verb};
