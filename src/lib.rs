//! Warrener: a policy-enforcing security gateway and audit proxy for Directus' MCP endpoint.

// --- what a request means and who may do what: pure, no I/O, no async ---
pub mod mcp;

pub mod directus;

pub mod policy;

// --- the path a request takes ---
#[cfg(feature = "gateway")]
pub mod path;

// --- the two ends of the path, and who comes in ---
#[cfg(feature = "gateway")]
pub mod accept;

#[cfg(feature = "gateway")]
pub mod identity;

#[cfg(feature = "gateway")]
pub mod audit;

#[cfg(feature = "gateway")]
pub mod upstream;

// --- around it ---
#[cfg(feature = "gateway")]
pub mod demo;

#[cfg(feature = "gateway")]
pub mod administer;

#[cfg(feature = "gateway")]
pub mod telemetry;

#[cfg(feature = "gateway")]
pub mod config;

#[cfg(feature = "gateway")]
pub mod cli;
