//! The Model Context Protocol's own words: what a request is, before anybody asks what it would do.
//!
//! Everything here is pure and strict. Directus reads with `JSON.parse`, which takes the last of two equal keys and follows
//! `__proto__` (FACTS section 1); this reader refuses both, so that there is only one way to read what it lets through.
//!
//! A message is of one of two eras ([`Era`]), which its body says ([`message`]) and its headers agree with ([`mirrored`]). What it means to
//! Directus, and so what is judged, is the same in both.

pub mod beginning;
pub mod era;
pub mod error;
pub mod header;
pub mod json;
pub mod message;
pub mod method;
pub mod mirrored;
pub mod revision;
pub mod scan;
pub(crate) mod shown;

pub use era::Era;
pub use json::JsonError;
pub use message::{Id, Incoming, MessageError, Notification, Request};
pub use method::Method;
