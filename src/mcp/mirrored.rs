//! The HTTP headers that repeat a part of the body, so that a proxy before the gateway can tell what a request is without reading it.
//!
//! Such a proxy may decide by them. So they have to agree with the body, or it would have decided about another request
//! (2026-07-28, *Request Metadata* and *Server Validation*). The modern era requires them; a legacy client that sends them is held to them.

use super::era::Era;
use super::message::{Incoming, MessageError, Request};
use super::{Id, error, revision};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;

/// All values of each of these headers, as they came.
#[derive(Clone, Debug, Default)]
pub struct Mirrored<'a> {
    /// `MCP-Protocol-Version`
    pub version: Vec<&'a str>,
    /// `Mcp-Method`
    pub method: Vec<&'a str>,
    /// `Mcp-Name`
    pub name: Vec<&'a str>,
}

/// Which message the headers have to agree with.
#[derive(Clone, Copy)]
struct Body<'a> {
    era: Era,
    /// What a notification has none of.
    request: Option<&'a Request>,
    method: &'a str,
}

const VERSION: &str = "MCP-Protocol-Version";

impl Mirrored<'_> {
    /// Reads a body, and checks that the headers say what it says.
    ///
    /// `Mcp-Param-…` is left out: it repeats an argument that a tool's schema marks, which none of Directus' does. *Server Behavior for Custom
    /// Headers*: one that is not recognized is ignored.
    ///
    /// # Errors
    /// As [`Incoming::read`]; when a header says anything else or more than one thing, or is missing though the era requires it; and when
    /// the version is one that is not supported.
    pub fn read(&self, body: &[u8]) -> Result<Incoming, MessageError> {
        let incoming = Incoming::read(body).map_err(|error| self.instead(error))?;
        let body = Body::of(&incoming);
        let agreed = self.version(body).and_then(|()| self.method(body)).and_then(|()| self.name(body));
        match agreed {
            Ok(()) => Ok(incoming),
            Err(error) => Err(error.of(body.method)),
        }
    }

    /// A version that is not supported is one only where the header asks for the same; *Protocol Version Header*.
    fn instead(&self, error: MessageError) -> MessageError {
        match (&error.requested, self.version.as_slice()) {
            (None, _) => error,
            (Some(requested), [version]) if version == requested => error,
            (Some(_), [] | [_, ..]) => {
                MessageError::new(error::HEADER_MISMATCH, error.id, disagreement(VERSION))
            }
        }
    }

    fn version(&self, body: Body<'_>) -> Result<(), MessageError> {
        match (body.era, self.version.as_slice()) {
            // *Protocol Version Header*: a client that leaves it out speaks 2025-03-26.
            (Era::Legacy, []) | (Era::Modern, [revision::MODERN]) => Ok(()),
            (Era::Legacy, [version]) if revision::is_legacy(version) => {
                if body.negotiates_another(version) {
                    Err(body.disagrees(VERSION))
                } else {
                    Ok(())
                }
            }
            // *Sending Messages*: nothing is required of the headers and the `_meta` of notifications.
            (Era::Legacy, [revision::MODERN]) => {
                if body.request.is_some() {
                    Err(Era::without_meta(body.id()))
                } else {
                    Ok(())
                }
            }
            (Era::Legacy, [version]) => Err(MessageError::unsupported(body.id().cloned(), version)),
            (Era::Modern, []) => body.requires(VERSION),
            (Era::Legacy | Era::Modern, [_, ..]) => Err(body.disagrees(VERSION)),
        }
    }

    fn method(&self, body: Body<'_>) -> Result<(), MessageError> {
        const NAME: &str = "Mcp-Method";
        match self.method.as_slice() {
            [] => body.requires(NAME),
            [method] if *method == body.method => Ok(()),
            [_, ..] => Err(body.disagrees(NAME)),
        }
    }

    fn name(&self, body: Body<'_>) -> Result<(), MessageError> {
        const NAME: &str = "Mcp-Name";
        match (self.name.as_slice(), body.name()) {
            ([], None) => Ok(()),
            ([], Some(_)) => body.requires(NAME),
            ([value], Some(name)) if says(value, name) => Ok(()),
            ([_, ..], _) => Err(body.disagrees(NAME)),
        }
    }
}

impl<'a> Body<'a> {
    fn of(incoming: &'a Incoming) -> Self {
        match incoming {
            Incoming::Request(request) => {
                Self { era: request.era, request: Some(request), method: &request.method }
            }
            Incoming::Notification(note) => Self { era: note.era, request: None, method: &note.method },
        }
    }

    fn id(self) -> Option<&'a Id> {
        self.request.map(|request| &request.id)
    }

    /// What `Mcp-Name` repeats. Tasks are an extension that the gateway does not have, but their clients send the header.
    fn name(self) -> Option<&'a str> {
        let key = match self.method {
            "tools/call" | "prompts/get" => "name",
            "resources/read" => "uri",
            "tasks/get" | "tasks/update" | "tasks/cancel" => "taskId",
            _ => return None,
        };
        self.request?.params.get(key)?.as_str()
    }

    /// Whether it is an `initialize` that asks for another revision than the header names.
    fn negotiates_another(self, header: &str) -> bool {
        let asked = self.request.filter(|request| request.method == "initialize");
        let asked = asked.and_then(|request| request.params.get("protocolVersion"));
        asked.is_some_and(|asked| asked != &Value::from(header))
    }

    /// A header that is not there.
    fn requires(self, header: &str) -> Result<(), MessageError> {
        match (self.era, self.request) {
            (Era::Legacy, _) | (Era::Modern, None) => Ok(()),
            (Era::Modern, Some(_)) => {
                Err(self.error(format!("the header `{header}` is missing: {} requires it", revision::MODERN)))
            }
        }
    }

    fn disagrees(self, header: &str) -> MessageError {
        self.error(disagreement(header))
    }

    fn error(self, what: String) -> MessageError {
        let code = match self.era {
            Era::Legacy => error::INVALID_REQUEST,
            Era::Modern => error::HEADER_MISMATCH,
        };
        MessageError::new(code, self.id().cloned(), what)
    }
}

fn disagreement(header: &str) -> String {
    format!("the header `{header}` does not agree with the body")
}

/// Whether a header's value says that text: as it is, or in base64, which a text has to be in that a header cannot carry or that looks like
/// base64.
///
/// 2026-07-28, *Value Encoding*. The text is written out and compared, so nothing of the client's is decoded, and each text has one form in
/// base64.
fn says(value: &str, text: &str) -> bool {
    const BEGIN: &str = "=?base64?";
    const END: &str = "?=";
    if value.starts_with(BEGIN) && value.ends_with(END) {
        return value == format!("{BEGIN}{}{END}", BASE64.encode(text));
    }
    let is_carried = |byte: u8| (b' '..=b'~').contains(&byte) || byte == b'\t';
    value == text && value.bytes().all(is_carried)
}

#[cfg(test)]
mod tests;
