//! What Directus is sent: one message, written straight from what was decided on.

use super::call::{Mode, ToolCall};
use super::request::{Meaning, Protocol};
use crate::mcp::{Id, Method};
use serde::Serialize;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// A request to Directus: what `POST /mcp` is sent.
#[derive(Clone, Debug)]
pub struct Forward<'a> {
    /// With its question mark, or empty.
    pub query_string: &'static str,
    message: Message<'a>,
}

#[derive(Clone, Debug, Serialize)]
struct Message<'a> {
    jsonrpc: &'static str,
    id: &'a Id,
    method: &'static str,
    params: Params<'a>,
}

/// The `params` of a message.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Params<'a> {
    /// As they are.
    Plain(&'a Map<String, Value>),
    /// A tool and its arguments.
    Tool { name: &'a str, arguments: Cow<'a, Map<String, Value>> },
    /// The same in registry mode, inside a call of `execute`.
    Wrapped { name: &'static str, arguments: Inner<'a> },
}

/// The arguments of `execute`.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Inner<'a> {
    name: &'a str,
    input: Cow<'a, Map<String, Value>>,
}

impl Forward<'_> {
    /// One JSON-RPC message, as it goes over the wire.
    ///
    /// # Errors
    /// Never, as its keys are texts and its numbers are finite; the error is that of the writer.
    pub fn body(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&self.message)
    }

    /// The same as a value, to be shown.
    ///
    /// # Errors
    /// As [`Forward::body`].
    pub fn to_value(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(&self.message)
    }
}

impl Meaning {
    /// The request to forward, written anew; `None` where the gateway answers itself.
    pub fn forward<'a>(&'a self, id: &'a Id) -> Option<Forward<'a>> {
        let (mode, method, params) = match self {
            Self::Protocol(Protocol::Ping | Protocol::Notification) => return None,
            Self::Protocol(Protocol::Initialize(params) | Protocol::Discover(params)) => {
                (Mode::Legacy, Method::Initialize, Params::Plain(params))
            }
            Self::Protocol(Protocol::ToolsList(mode, params)) => {
                (*mode, Method::ToolsList, Params::Plain(params))
            }
            Self::Protocol(Protocol::PromptsList(params)) => {
                (Mode::Legacy, Method::PromptsList, Params::Plain(params))
            }
            Self::Protocol(Protocol::PromptsGet { params, .. }) => {
                (Mode::Legacy, Method::PromptsGet, Params::Plain(params))
            }
            Self::Protocol(Protocol::Search(arguments)) => {
                (Mode::Registry, Method::ToolsCall, Params::tool("search", arguments))
            }
            Self::Tool(call) => (call.mode, Method::ToolsCall, call.params()),
            Self::Opaque { mode, name, arguments } => {
                (*mode, Method::ToolsCall, Params::tool(name, arguments))
            }
        };
        let message = Message { jsonrpc: "2.0", id, method: method.as_str(), params };
        Some(Forward { query_string: mode.query_string(), message })
    }
}

impl ToolCall {
    /// The `params` of the `tools/call` to forward.
    pub(super) fn params(&self) -> Params<'_> {
        let (name, arguments) = (self.name(), self.sent());
        match self.mode {
            Mode::Legacy => Params::Tool { name, arguments },
            Mode::Registry => {
                Params::Wrapped { name: "execute", arguments: Inner { name, input: arguments } }
            }
        }
    }

    /// The same as an object, which can be read again.
    pub fn to_params(&self) -> Map<String, Value> {
        match serde_json::to_value(self.params()) {
            Ok(Value::Object(params)) => params,
            // What cannot be written is read back as no call at all.
            Ok(_) | Err(_) => Map::new(),
        }
    }
}

impl<'a> Params<'a> {
    fn tool(name: &'a str, arguments: &'a Map<String, Value>) -> Self {
        Self::Tool { name, arguments: Cow::Borrowed(arguments) }
    }
}
