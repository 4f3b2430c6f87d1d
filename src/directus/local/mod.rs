//! The tools of the Local MCP (`@directus/content-mcp`), a process that speaks to an older Directus over REST.
//!
//! A call of one of them is read as the call of the built-in tool that does the same, so that one decoder judges both, and is written
//! back before it is forwarded. Two habits of the Local MCP make its calls do something else than they say, and what falls to either is
//! not understood here:
//!
//! - It puts names and keys into the path of a request as they are, so that the collection `../users` is another endpoint (`form`).
//! - It drops whatever its own description of the arguments does not know, without a word: a filter with a condition that it does not
//!   know is sent without it, and selects more (`query`).

mod form;
mod query;
mod tool;

pub(super) use form::{read, write};
pub use tool::LocalTool;
pub(super) use tool::Takes;
