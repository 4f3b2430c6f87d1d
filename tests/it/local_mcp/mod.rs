//! The Local MCP as upstream: a process that dies, lies, floods or says nothing, and one that works.

mod gateway;
mod process;
