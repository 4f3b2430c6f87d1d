//! The revisions of the protocol that the gateway passes on.

/// Every revision that may stand in `MCP-Protocol-Version` or be asked for by `initialize`, oldest first.
pub const KNOWN: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

/// Whether that revision is passed on.
pub fn is_known(revision: &str) -> bool {
    KNOWN.contains(&revision)
}
