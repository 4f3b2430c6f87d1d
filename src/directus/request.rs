//! What a message means to Directus.

use super::call::{Called, Mode, ToolCall, shown};
use super::dialect::Dialect;
use super::misread::Misread;
use crate::mcp::{Incoming, Method, Request, method, revision};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// What a message means.
#[derive(Clone, Debug, PartialEq)]
pub enum Meaning {
    /// It is about the protocol itself, and touches no data by itself.
    Protocol(Protocol),
    /// It calls one of Directus' own tools, or one of the Local MCP's.
    Tool(ToolCall),
    /// It calls a tool that Directus does not have.
    Opaque {
        /// How the tools are offered.
        mode: Mode,
        /// The tool's name, as the client has it.
        name: String,
        /// Its arguments, which nobody looks at.
        arguments: Map<String, Value>,
    },
}

/// A protocol request: no accesses, permitted to any principal with a role, its lists cut to it.
#[derive(Clone, Debug, PartialEq)]
pub enum Protocol {
    /// `initialize`, with what Directus is told of the client.
    Initialize(Map<String, Value>),
    /// `server/discover`, with what Directus is told of the client, whom it knows by an `initialize` of the gateway's.
    Discover(Map<String, Value>),
    /// `ping`
    Ping,
    /// `tools/list`, and how the tools are offered.
    ToolsList(Mode, Map<String, Value>),
    /// The registry's `search`, which lists tools.
    Search(Map<String, Value>),
    /// `prompts/list`
    PromptsList(Map<String, Value>),
    /// `prompts/get`
    PromptsGet {
        /// The prompt's name.
        name: String,
        /// What is filled into it.
        params: Map<String, Value>,
    },
    /// A notification: it is taken, and never forwarded.
    Notification,
}

impl Meaning {
    /// Works out what a message means to what the gateway stands in front of, given the query string of its request.
    ///
    /// # Errors
    /// When it cannot be told. [`Misread::UnknownMethod`] where the method itself is not known.
    pub fn read(dialect: Dialect, query_string: &str, incoming: &Incoming) -> Result<Self, Misread> {
        let mode = Mode::read(dialect, query_string)?;
        match incoming {
            Incoming::Notification(note) if method::is_notification(&note.method) => {
                Ok(Self::Protocol(Protocol::Notification))
            }
            // Directus leaves a request without an id hanging for ever, and does not act on it.
            Incoming::Notification(note) => Err(Misread::because(format!(
                "`{}` has no `id`, so it could never be answered: send it with one",
                shown(&note.method)
            ))),
            Incoming::Request(request) => Self::of(dialect, mode, request),
        }
    }

    /// Whether what is done has to do with data. Protocol requests have not, but for prompts, which stand in a collection.
    pub fn touches_data(&self) -> bool {
        match self {
            Self::Tool(_)
            | Self::Opaque { .. }
            | Self::Protocol(Protocol::PromptsList(_) | Protocol::PromptsGet { .. }) => true,
            Self::Protocol(
                Protocol::Initialize(_)
                | Protocol::Discover(_)
                | Protocol::Ping
                | Protocol::ToolsList(..)
                | Protocol::Search(_)
                | Protocol::Notification,
            ) => false,
        }
    }

    fn of(dialect: Dialect, mode: Mode, request: &Request) -> Result<Self, Misread> {
        let Some(method) = Method::named(request.era, &request.method) else {
            return Err(Misread::UnknownMethod(shown(&request.method)));
        };
        let params = &request.params;
        let protocol = match method {
            Method::Initialize => {
                Protocol::Initialize(kept(params, &["protocolVersion", "capabilities", "clientInfo"]))
            }
            Method::Discover => Protocol::Discover(introduction(request)),
            Method::Ping => Protocol::Ping,
            Method::ToolsList => Protocol::ToolsList(mode, kept(params, &["cursor"])),
            Method::PromptsList => Protocol::PromptsList(kept(params, &["cursor"])),
            Method::PromptsGet => {
                let Some(Value::String(name)) = params.get("name") else {
                    return Err(Misread::because("`name`, the prompt to get, is missing or not a text"));
                };
                Protocol::PromptsGet { name: name.clone(), params: kept(params, &["name", "arguments"]) }
            }
            Method::ToolsCall => {
                return Ok(match Called::read(dialect, mode, params)? {
                    Called::Directus(call) => Self::Tool(call),
                    Called::Search(arguments) => Self::Protocol(Protocol::Search(arguments)),
                    Called::Other(name, arguments) => Self::Opaque { mode, name, arguments },
                });
            }
        };
        Ok(Self::Protocol(protocol))
    }

    /// The tool that is called, as the trail names it.
    pub fn tool(&self) -> Option<&str> {
        match self {
            Self::Protocol(Protocol::Search(_)) => Some("search"),
            Self::Protocol(_) => None,
            Self::Tool(call) => Some(call.name()),
            Self::Opaque { name, .. } => Some(name),
        }
    }

    /// The tool's arguments, under the names that it has for them.
    pub fn arguments(&self) -> Option<Cow<'_, Map<String, Value>>> {
        match self {
            Self::Protocol(Protocol::Search(arguments)) | Self::Opaque { arguments, .. } => {
                Some(Cow::Borrowed(arguments))
            }
            Self::Protocol(_) => None,
            Self::Tool(call) => Some(call.sent()),
        }
    }
}

/// What of the parameters goes on; the rest (`_meta`, and what a newer client may add) says nothing to Directus.
fn kept(params: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    params
        .iter()
        .filter(|(name, _)| names.contains(&name.as_str()))
        .map(|(n, v)| (n.clone(), v.clone()))
        .collect()
}

/// An `initialize` in the name of a client that makes none: by it Directus is asked what it offers. It could ask nothing of the client, which
/// would have to be connected for that.
fn introduction(request: &Request) -> Map<String, Value> {
    let said = |key: &str| request.client().and_then(|client| client.get(key)).cloned();
    let said = |key: &str| said(key).unwrap_or_else(|| Value::from("unknown"));
    let client = json!({ "name": said("name"), "version": said("version") });
    let mut params = Map::new();
    params.insert("protocolVersion".to_owned(), Value::from(revision::NEWEST_LEGACY));
    params.insert("capabilities".to_owned(), Value::Object(Map::new()));
    params.insert("clientInfo".to_owned(), client);
    params
}
