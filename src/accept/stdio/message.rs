//! What a client wrote: the line goes on as it is, and this is what has to be known of it.

use super::lines::Line;
use crate::mcp::{Id, Incoming, MessageError, Method, Request, json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use serde_json::Value;

/// Where a request of 2026-07-28 says which revision it is written in; older ones agree on one by `initialize`.
const REVISION: &str = "io.modelcontextprotocol/protocolVersion";

pub(super) const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// One line of the client's, and what it wants.
#[derive(Debug)]
pub(super) struct Message {
    /// What goes to the gateway, which reads it for itself, and records it if it is none.
    pub(super) bytes: Bytes,
    pub(super) wants: Wants,
    /// Headers that repeat a part of the body.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// Its answer says which revision is spoken from then on.
    pub(super) is_initialize: bool,
    /// The request that it calls off.
    pub(super) cancels: Option<Id>,
}

/// What a line wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    /// A request: one answer, with this id.
    Answer(Id),
    /// A notification: none.
    Nothing,
    /// It is no message: one error that says so.
    Refusal(MessageError),
}

impl Message {
    pub(super) fn new(line: Line) -> Self {
        let Line { bytes, cut } = line;
        if cut {
            return Self::cut(&bytes);
        }
        let (wants, headers, is_initialize) = match Incoming::read(&bytes) {
            Ok(Incoming::Request(request)) => {
                let is_initialize = request.method == Method::Initialize.as_str();
                (Wants::Answer(request.id.clone()), repeated(&request), is_initialize)
            }
            Ok(Incoming::Notification(_)) => (Wants::Nothing, Vec::new(), false),
            Err(error) => (Wants::Refusal(error), Vec::new(), false),
        };
        let cancels = (wants == Wants::Nothing).then(|| cancelled(&bytes)).flatten();
        Self { bytes, wants, headers, is_initialize, cancels }
    }

    /// A line that was too long. A NUL is put behind what is left of it: that is no JSON wherever it stands, so that the beginning
    /// of a line is never read as a message.
    fn cut(bytes: &[u8]) -> Self {
        let bytes = [bytes, b"\0"].concat();
        let wants = match Incoming::read(&bytes) {
            Err(error) => Wants::Refusal(error),
            Ok(_) => Wants::Nothing,
        };
        Self { bytes: bytes.into(), wants, headers: Vec::new(), is_initialize: false, cancels: None }
    }
}

/// The headers of 2026-07-28, which have to say what the body says.
fn repeated(request: &Request) -> Vec<(HeaderName, HeaderValue)> {
    let meta = request.params.get("_meta");
    let Some(revision) = meta.and_then(|meta| meta.get(REVISION)).and_then(Value::as_str) else {
        return Vec::new();
    };
    let named = request.params.get("name").or_else(|| request.params.get("uri")).and_then(Value::as_str);
    let all = [(PROTOCOL_VERSION, Some(revision)), (METHOD, Some(request.method.as_str())), (NAME, named)];
    let headers = all.into_iter().filter_map(|(name, text)| Some((name, value(text?)?)));
    headers.collect()
}

/// A text as a header has it; in base64 where it could not stand there as it is.
fn value(text: &str) -> Option<HeaderValue> {
    let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && text.trim_matches(' ') == text
        && !text.starts_with("=?base64?");
    let text = if plain { text.to_owned() } else { format!("=?base64?{}?=", STANDARD.encode(text)) };
    HeaderValue::try_from(text).ok()
}

/// The request that a `notifications/cancelled` names.
fn cancelled(bytes: &[u8]) -> Option<Id> {
    let value = json::read(bytes).ok()?;
    if value.get("method")? != "notifications/cancelled" {
        return None;
    }
    match value.get("params")?.get("requestId")? {
        Value::Number(number) => number.as_i64().map(Id::Number),
        Value::String(text) => Some(Id::Text(text.clone())),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str, cut: bool) -> Message {
        Message::new(Line { bytes: Bytes::copy_from_slice(text.as_bytes()), cut })
    }

    #[test]
    fn what_a_line_wants_is_known() {
        let request = message(r#"{"jsonrpc":"2.0","id":"a","method":"initialize"}"#, false);
        assert_eq!(request.wants, Wants::Answer(Id::Text("a".to_owned())));
        assert!(request.is_initialize && request.headers.is_empty() && request.cancels.is_none());
        let note = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#;
        let note = message(note, false);
        assert_eq!((note.wants, note.cancels), (Wants::Nothing, Some(Id::Number(7))));
        for garbage in
            ["{", "[]", "\u{feff}{}", r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, "nul\0"]
        {
            assert!(matches!(message(garbage, false).wants, Wants::Refusal(_)), "{garbage}");
        }
    }

    #[test]
    fn the_beginning_of_a_line_is_never_a_message() {
        let whole = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        for beginning in [whole.to_owned(), format!("{whole}   "), whole.replace('}', "")] {
            let cut = message(&beginning, true);
            assert!(matches!(&cut.wants, Wants::Refusal(error) if error.id.is_none()), "{beginning}");
            assert!(Incoming::read(&cut.bytes).is_err(), "{beginning}");
        }
    }

    #[test]
    fn headers_repeat_what_a_request_of_the_new_era_says() {
        let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
        for (method, params, expect) in [
            ("tools/call", r#""name":"items""#, "2026-07-28 | tools/call | items"),
            ("resources/read", r#""uri":"a:b""#, "2026-07-28 | resources/read | a:b"),
            ("tools/list", r#""x":1"#, "2026-07-28 | tools/list"),
            ("prompts/get", r#""name":"é\n""#, "2026-07-28 | prompts/get | =?base64?w6kK?="),
            ("prompts/get", r#""name":" x""#, "2026-07-28 | prompts/get | =?base64?IHg=?="),
        ] {
            let text =
                format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{params},{meta}}}}}"#);
            let headers = message(&text, false).headers;
            let shown: Vec<_> = headers.iter().map(|(_, value)| value.to_str().unwrap()).collect();
            assert_eq!(shown.join(" | "), expect);
        }
        let old = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"items"}}"#;
        assert!(message(old, false).headers.is_empty());
    }
}
