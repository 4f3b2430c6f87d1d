//! What goes wrong in a tool call, in Directus' words.

use super::model::with;
use serde_json::{Value, json};

/// An error of a tool call: the text and the code that Directus would answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    message: String,
    code: &'static str,
}

impl Fault {
    /// Not permitted, or not there: Directus does not tell which.
    pub(super) fn forbidden() -> Self {
        Self::new("You don't have permission to access this.".to_owned(), "FORBIDDEN")
    }

    /// No such field, at that place of the query; the root where it is empty.
    pub(super) fn no_field(field: &str, collection: &str, place: &str) -> Self {
        let place = if place.is_empty() { "root".to_owned() } else { format!("\"{place}\"") };
        let thing = format!("field \"{field}\" in collection \"{collection}\"");
        Self::new(
            format!("You don't have permission to access {thing} or it does not exist. Queried in {place}."),
            "FORBIDDEN",
        )
    }

    /// The arguments are not what the tool takes.
    pub(super) fn payload(what: &str) -> Self {
        Self::new(format!("Invalid payload. {what}."), "INVALID_PAYLOAD")
    }

    /// The query is not one.
    pub(super) fn query(what: &str) -> Self {
        Self::new(format!("Invalid query. {what}."), "INVALID_QUERY")
    }

    /// The key is taken.
    pub(super) fn not_unique(key: &str, field: &str, collection: &str) -> Self {
        let text =
            format!("Value \"{key}\" for field \"{field}\" in collection \"{collection}\" has to be unique.");
        Self::new(text, "RECORD_NOT_UNIQUE")
    }

    /// A pointer to an item that is not there.
    pub(super) fn foreign_key() -> Self {
        Self::new("Invalid foreign key.".to_owned(), "INVALID_FOREIGN_KEY")
    }

    /// Directus could do it; the stand-in cannot.
    pub(super) fn not_here(what: &str) -> Self {
        Self::new(format!("The stand-in for Directus does not do this: {what}."), "NOT_IN_STAND_IN")
    }

    /// There is no such tool where the client looks for it; registry mode only.
    pub(super) fn no_tool(name: &str, place: &str, code: &'static str) -> Self {
        Self::new(format!("\"{name}\" doesn't exist in the {place}"), code)
    }

    /// As it stands in the result of a call.
    pub(super) fn to_json(&self) -> Value {
        json!({"error": self.message, "code": self.code})
    }

    /// As it stands in the result of a call in registry mode to one of the tools at its root.
    pub(super) fn to_root_json(&self) -> Value {
        with(self.to_json(), "recoverable", self.code == "INVALID_PAYLOAD")
    }

    /// As it stands in the result of a call in registry mode.
    pub(super) fn to_registry_json(&self, tool: &str) -> Value {
        let next = |input: Value| json!({"tool": "search", "input": input});
        let (recoverable, next) = match self.code {
            "INVALID_PAYLOAD" => (true, Some(next(json!({"names": [tool]})))),
            "UNKNOWN_TOOL" => (true, Some(next(json!({"query": tool})))),
            _ => (false, None),
        };
        let error = with(self.to_json(), "recoverable", recoverable);
        next.into_iter().fold(error, |error, next| with(error, "next", next))
    }

    fn new(message: String, code: &'static str) -> Self {
        Self { message, code }
    }
}
