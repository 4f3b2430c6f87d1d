//! One JSON-RPC 2.0 message from a client.

use super::era::{self, Era};
use super::shown::shown;
use super::{error, json, revision};
use serde_json::{Map, Value};

/// Longest request id that is read, in bytes.
const MAX_ID: usize = 256;

/// What a client may send: a request, which is answered, or a notification, which is not.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// It has an id.
    Request(Request),
    /// It has none.
    Notification(Notification),
}

/// A message that wants an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Which era of the protocol it is of.
    pub era: Era,
    /// Comes back with the answer.
    pub id: Id,
    /// For example `tools/call`.
    pub method: String,
    /// The method's parameters; empty where the message has none.
    pub params: Map<String, Value>,
}

impl Request {
    /// What the client calls itself in the request itself, which only one of the modern era does.
    pub fn client(&self) -> Option<&Map<String, Value>> {
        match self.era {
            Era::Legacy => None,
            Era::Modern => era::client(&self.params),
        }
    }
}

/// A message that wants none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Which era of the protocol it is of.
    pub era: Era,
    /// For example `notifications/initialized`.
    pub method: String,
}

/// What a request is called by its client: a string or an integer.
///
/// JSON-RPC also knows null and fractions; Directus answers both with HTTP 500.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
pub enum Id {
    /// An integer of at most 53 bits.
    Number(i64),
    /// A string of at most 256 bytes.
    Text(String),
}

impl Id {
    /// The id as JSON.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Number(number) => Value::from(*number),
            Self::Text(text) => Value::from(text.as_str()),
        }
    }

    fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => number.as_i64().map(Self::Number),
            Value::String(text) if text.len() <= MAX_ID => Some(Self::Text(text.clone())),
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// Why a body is not one message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct MessageError {
    /// The JSON-RPC error code.
    pub code: i64,
    /// The id to answer with, where it could be read.
    pub id: Option<Id>,
    /// The revision that was asked for, where that is the reason.
    pub requested: Option<String>,
    /// The message's method, where the message itself could be read, and the headers are the reason.
    pub method: Option<String>,
    what: String,
}

impl MessageError {
    pub(super) fn new(code: i64, id: Option<Id>, what: impl Into<String>) -> Self {
        Self { code, id, requested: None, method: None, what: what.into() }
    }

    /// 2026-07-28, *Protocol Version Negotiation*.
    pub(super) fn unsupported(id: Option<Id>, requested: &str) -> Self {
        let requested = shown(requested);
        let what = format!("`{requested}` is not a supported version of MCP here");
        Self { requested: Some(requested), ..Self::new(error::UNSUPPORTED_VERSION, id, what) }
    }

    /// The same, of a message of that method.
    pub(super) fn of(self, method: &str) -> Self {
        Self { method: Some(method.to_owned()), ..self }
    }

    fn invalid(id: Option<Id>, what: impl Into<String>) -> Self {
        Self::new(error::INVALID_REQUEST, id, what)
    }

    /// The revisions that could have been asked for instead, newest first. One that is known may still be refused in a form that is not its own.
    pub fn supported(&self) -> impl Iterator<Item = &'static str> {
        revision::KNOWN.into_iter().filter(|known| self.requested.as_deref() != Some(known))
    }
}

impl Incoming {
    /// Reads a request body.
    ///
    /// # Errors
    /// When it is not strict JSON (see [`json::read`]), or not exactly one JSON-RPC 2.0 request or notification: a batch, a
    /// reply, an unknown key, an id that is neither a string nor an integer, parameters that are no object.
    ///
    /// # Examples
    /// ```
    /// use warrener::mcp::Incoming;
    ///
    /// let body = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    /// assert!(matches!(Incoming::read(body), Ok(Incoming::Request(_))));
    /// assert!(Incoming::read(br#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#).is_err());
    /// ```
    pub fn read(body: &[u8]) -> Result<Self, MessageError> {
        match json::read(body) {
            Ok(value) => Self::from_value(value),
            Err(error) => {
                let what = format!("the body is not JSON that can be read in one way only: {error}");
                Err(MessageError::new(error::PARSE_ERROR, None, what))
            }
        }
    }

    /// Takes a value that was read strictly.
    ///
    /// # Errors
    /// As [`Incoming::read`].
    pub fn from_value(value: Value) -> Result<Self, MessageError> {
        let mut object = match value {
            Value::Object(object) => object,
            Value::Array(_) => {
                return Err(MessageError::invalid(
                    None,
                    "batches are not accepted: send one message per request",
                ));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                return Err(MessageError::invalid(None, "the body is not a JSON-RPC message"));
            }
        };
        let id = object.remove("id");
        let known = id.as_ref().and_then(Id::read);
        let invalid = |what: String| MessageError::invalid(known.clone(), what);
        if object.remove("jsonrpc") != Some(Value::from("2.0")) {
            return Err(invalid("`jsonrpc` is not \"2.0\"".to_owned()));
        }
        if object.contains_key("result") || object.contains_key("error") {
            return Err(invalid("replies are not accepted: this server sends no requests".to_owned()));
        }
        let Some(Value::String(method)) = object.remove("method") else {
            return Err(invalid("`method` is missing or not a string".to_owned()));
        };
        let params = match object.remove("params") {
            None => Map::new(),
            Some(Value::Object(params)) => params,
            Some(_) => return Err(invalid("`params` is not an object".to_owned())),
        };
        if let Some(key) = object.keys().next() {
            return Err(invalid(format!("`{}` is not a key of a JSON-RPC message", shown(key))));
        }
        let era = Era::read(known.as_ref(), &params)?;
        match (id, known) {
            (None, _) => Ok(Self::Notification(Notification { era, method })),
            (Some(_), Some(id)) => Ok(Self::Request(Request { era, id, method, params })),
            (Some(_), None) => Err(MessageError::invalid(None, "`id` is neither a string nor an integer")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> (i64, String) {
        let error = Incoming::read(body.as_bytes()).unwrap_err();
        (error.code, error.to_string())
    }

    #[test]
    fn requests_and_notifications_are_told_apart() {
        let request =
            Incoming::read(br#" {"id":"","jsonrpc":"2.0","method":"tools/list","params":{"cursor":"x"}}"#);
        let Ok(Incoming::Request(request)) = request else { panic!("{request:?}") };
        assert_eq!(request.id, Id::Text(String::new()));
        assert_eq!(request.params["cursor"], "x");
        let note = Incoming::read(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        assert_eq!(
            note,
            Ok(Incoming::Notification(Notification {
                era: Era::Legacy,
                method: "notifications/initialized".into()
            }))
        );
    }

    #[test]
    fn anything_else_is_refused_with_its_reason() {
        for (body, code, why) in [
            ("{", error::PARSE_ERROR, "read in one way only"),
            ("[]", error::INVALID_REQUEST, "batches"),
            ("\"x\"", error::INVALID_REQUEST, "not a JSON-RPC message"),
            (r#"{"id":1,"method":"ping"}"#, error::INVALID_REQUEST, "`jsonrpc`"),
            (r#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#, error::INVALID_REQUEST, "`jsonrpc`"),
            (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, error::INVALID_REQUEST, "`id`"),
            (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, error::INVALID_REQUEST, "`id`"),
            (r#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#, error::INVALID_REQUEST, "`id`"),
            (r#"{"jsonrpc":"2.0","id":1}"#, error::INVALID_REQUEST, "`method`"),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#, error::INVALID_REQUEST, "`params`"),
            (r#"{"jsonrpc":"2.0","id":1,"method":"ping","foo":1}"#, error::INVALID_REQUEST, "`foo`"),
            (
                "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"\u{9b}2J\":1}",
                error::INVALID_REQUEST,
                "`?2J`",
            ),
            (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, error::INVALID_REQUEST, "replies"),
            (
                r#"{"jsonrpc":"2.0","id":1,"method":"a","method":"b"}"#,
                error::PARSE_ERROR,
                "`method` appears twice",
            ),
        ] {
            let (actual, text) = refused(body);
            assert_eq!(actual, code, "{body}: {text}");
            assert!(text.contains(why), "{body}: {text}");
        }
    }
}
