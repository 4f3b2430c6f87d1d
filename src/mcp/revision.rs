//! The revisions of the protocol that the gateway speaks with clients.

/// The revision in which every request stands for itself.
pub const MODERN: &str = "2026-07-28";

/// The newest revision with an `initialize`, which Directus is spoken to in.
pub const NEWEST_LEGACY: &str = "2025-11-25";

/// Every revision that a client may speak, newest first.
///
/// Those with an `initialize` may stand in `MCP-Protocol-Version` alone; [`MODERN`] stands there and in the body's `_meta`.
pub const KNOWN: [&str; 5] = [MODERN, NEWEST_LEGACY, "2025-06-18", "2025-03-26", "2024-11-05"];

/// Whether it is a revision with an `initialize`.
pub fn is_legacy(revision: &str) -> bool {
    revision != MODERN && KNOWN.contains(&revision)
}
