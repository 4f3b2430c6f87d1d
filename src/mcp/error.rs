//! The JSON-RPC error codes that a gateway answers with.

/// The body is not JSON, or not JSON that can be read in one way only.
pub const PARSE_ERROR: i64 = -32700;
/// The JSON is not one JSON-RPC 2.0 request or notification.
pub const INVALID_REQUEST: i64 = -32600;
/// The method is not known, or not offered.
pub const METHOD_NOT_FOUND: i64 = -32601;
/// The method's parameters are not what it takes.
pub const INVALID_PARAMS: i64 = -32602;
/// The gateway or what is behind it cannot answer now.
pub const INTERNAL_ERROR: i64 = -32603;
/// The headers do not say what the body says, or one that is required is missing. 2026-07-28, *Server Validation*.
pub const HEADER_MISMATCH: i64 = -32020;
/// The version is not one that is supported. 2026-07-28, *Protocol Version Negotiation*.
///
/// Of the codes of that revision, -32021 (a capability of the client is missing) is never answered: the gateway asks nothing of
/// clients.
pub const UNSUPPORTED_VERSION: i64 = -32022;
