//! What each client calls itself. It says so once, in `initialize`, and calls without a session afterwards.

use crate::directus::{Meaning, Protocol};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Longest name or version that is kept, in characters.
const LONGEST: usize = 100;

/// The last name and version that each principal gave.
#[derive(Debug, Default)]
pub(super) struct Clients(Mutex<HashMap<String, Client>>);

/// What a client calls itself, and its version.
pub(super) type Client = (Option<String>, Option<String>);

impl Clients {
    /// What the principal's client calls itself, as far as it has said; `initialize` says it anew.
    pub(super) fn of(&self, principal: &str, meaning: Option<&Meaning>) -> Client {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Meaning::Protocol(Protocol::Initialize(params))) = meaning {
            let info = params.get("clientInfo");
            let said = |key: &str| info.and_then(|info| info.get(key)).and_then(Value::as_str).map(cut);
            known.insert(principal.to_owned(), (said("name"), said("version")));
        }
        known.get(principal).cloned().unwrap_or_default()
    }
}

fn cut(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).take(LONGEST).collect()
}
