//! Warrener: a policy-enforcing security gateway and audit proxy for Directus' MCP endpoint.

pub mod mcp;

pub mod directus;
pub mod policy;

#[cfg(feature = "gateway")]
pub mod accept;
#[cfg(feature = "gateway")]
pub mod audit;
#[cfg(feature = "gateway")]
pub mod cli;
#[cfg(feature = "gateway")]
pub mod config;
#[cfg(feature = "gateway")]
pub mod identity;
#[cfg(feature = "gateway")]
pub mod telemetry;
#[cfg(feature = "gateway")]
pub mod upstream;
