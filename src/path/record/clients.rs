//! What each client calls itself. In the legacy era it says so once, in `initialize`, and calls without a session afterwards; in the
//! modern one it says so with every request, or not at all.

use crate::directus::{Meaning, Protocol};
use crate::mcp::{Era, Incoming};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Longest name or version that is kept, in characters.
const LONGEST: usize = 100;

/// Most principals of whom it is kept; with more of them a new one is kept instead of any other.
const MOST: usize = 10_000;

/// The last name and version that each principal gave.
#[derive(Debug, Default)]
pub(super) struct Clients(Mutex<HashMap<String, Client>>);

/// What a client calls itself, and its version.
pub(super) type Client = (Option<String>, Option<String>);

impl Clients {
    /// What the principal's client calls itself, as far as it has said; `initialize` says it anew.
    pub(super) fn of(
        &self,
        principal: &str,
        message: Option<&Incoming>,
        meaning: Option<&Meaning>,
    ) -> Client {
        match message {
            Some(Incoming::Request(request)) if request.era == Era::Modern => named(request.client()),
            Some(Incoming::Request(_) | Incoming::Notification(_)) | None => {
                let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(Meaning::Protocol(Protocol::Initialize(params))) = meaning {
                    let info = params.get("clientInfo").and_then(Value::as_object);
                    if known.len() >= MOST
                        && !known.contains_key(principal)
                        && let Some(other) = known.keys().next().cloned()
                    {
                        known.remove(&other);
                    }
                    known.insert(principal.to_owned(), named(info));
                }
                known.get(principal).cloned().unwrap_or_default()
            }
        }
    }
}

fn named(info: Option<&Map<String, Value>>) -> Client {
    let said = |key: &str| info.and_then(|info| info.get(key)).and_then(Value::as_str).map(cut);
    (said("name"), said("version"))
}

fn cut(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(LONGEST).collect()
}
