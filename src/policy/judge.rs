//! A whole request, judged offline: what `explain` and the policy tests ask.
//!
//! It puts the same parts together in the same order as the path does: headers, message, meaning, accesses, decision.

use super::{AccessRequest, Decision, PolicySet, Principal};
use crate::directus::accesses::{Decoded, accesses};
use crate::directus::{Dialect, Meaning, Misread, SchemaSnapshot, Tool};
use crate::mcp::{Incoming, header};

/// A request as it comes from the wire.
#[derive(Clone, Debug, Default)]
pub struct Wire<'a> {
    /// What it is sent to.
    pub dialect: Dialect,
    /// With or without its question mark.
    pub query_string: &'a str,
    /// All values of `Content-Type`.
    pub content_type: Vec<&'a str>,
    /// All values of `Content-Encoding`.
    pub content_encoding: Vec<&'a str>,
    /// The body's bytes.
    pub body: &'a [u8],
}

/// What a request means and what it would do.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The meaning with its accesses, or why they cannot be told.
    pub message: Result<(Meaning, Decoded), Misread>,
    /// What the policies say of it.
    pub decision: Decision,
}

/// Judges a request for a principal, by a set of policies and a snapshot of the schema.
pub fn judge(
    set: &PolicySet,
    principal: &Principal,
    schema: Option<&SchemaSnapshot>,
    wire: &Wire<'_>,
) -> Judged {
    let message = understand(schema, wire);
    let request = AccessRequest {
        principal,
        message: message.as_ref().map(|(meaning, decoded)| (meaning, decoded)),
        schema,
    };
    let decision = set.decide(&request);
    Judged { message, decision }
}

/// The accesses of a meaning; what is about the protocol has none.
///
/// # Errors
/// When they cannot be told.
pub fn decode(meaning: &Meaning, schema: Option<&SchemaSnapshot>) -> Result<Decoded, Misread> {
    match meaning {
        Meaning::Protocol(_) | Meaning::Opaque { .. } => Ok(Decoded::default()),
        Meaning::Tool(call) => match schema {
            Some(schema) => accesses(call, schema),
            // The one tool whose access is the same whatever the schema is.
            None if call.tool == Tool::SystemPrompt => accesses(call, &SchemaSnapshot::default()),
            None => Err(Misread::NoSchema),
        },
    }
}

fn understand(schema: Option<&SchemaSnapshot>, wire: &Wire<'_>) -> Result<(Meaning, Decoded), Misread> {
    let because = |error: &dyn std::error::Error| Misread::because(error.to_string());
    header::content_type(&wire.content_type).map_err(|error| because(&error))?;
    header::content_encoding(&wire.content_encoding).map_err(|error| because(&error))?;
    let incoming = Incoming::read(wire.body).map_err(|error| because(&error))?;
    let meaning = Meaning::read(wire.dialect, wire.query_string, &incoming)?;
    let decoded = match decode(&meaning, schema) {
        // Offline there is nothing to wait for.
        Err(Misread::NoSchema) => {
            return Err(Misread::because(
                "no schema is given, so it cannot be told what this call would do: name one",
            ));
        }
        decoded => decoded?,
    };
    Ok((meaning, decoded))
}
