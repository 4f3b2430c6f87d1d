//! What came back over HTTP: one answer, as one line, or the reason why there is none.

use super::events::Events;
use super::message::Wants;
use crate::accept::{Body, Unread, whole};
use crate::mcp::{Id, error, shown};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Map, Value};
use tokio::sync::mpsc::Sender;

/// Longest answer that is read, in bytes.
const LONGEST: u64 = 64 * 1024 * 1024;

/// An answer that was held against what it has to be.
#[derive(Debug)]
pub(super) struct Answer {
    /// In one line, without its end.
    pub(super) line: Bytes,
    pub(super) value: Map<String, Value>,
}

/// Why there is no answer to pass on. `Display` goes on from where the answer was to come from.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Problem {
    /// Another status than that of an answer.
    #[error("answered {status}{said}{hint}", said = quoted(said.as_ref()), hint = hint(*status, *retry_after))]
    Status {
        status: StatusCode,
        /// What the answer says, where it is an error of the protocol, with its code.
        said: Option<(i64, String)>,
        /// In seconds.
        retry_after: Option<u64>,
    },
    /// It is no answer to a message at all.
    #[error("answered with something that is not MCP ({0}): is this the address of a gateway?")]
    NotMcp(String),
    /// Its id is another one than the request's.
    #[error("answered with the id of another request")]
    OtherId,
    /// The answer ended without one.
    #[error("took the request and gave no answer")]
    Nothing,
    /// It is longer than is read.
    #[error("answered with more than {} MiB", LONGEST >> 20)]
    TooLong,
    /// It broke off.
    #[error("broke off in its answer; what was asked for may have been done")]
    Broken,
}

impl Problem {
    /// The code of the error that the client is told instead.
    pub(super) fn code(&self) -> i64 {
        match self {
            Self::Status { said: Some((code, _)), .. } => *code,
            Self::Status { said: None, .. }
            | Self::NotMcp(_)
            | Self::OtherId
            | Self::Nothing
            | Self::TooLong
            | Self::Broken => error::INTERNAL_ERROR,
        }
    }
}

/// The answer to what wants one. What a stream of events tells before it goes to `out`, if it is a notification.
pub(super) async fn read(
    reply: Response<Body>,
    wants: &Wants,
    out: &Sender<Bytes>,
) -> Result<Option<Answer>, Problem> {
    let (head, body) = reply.into_parts();
    let kind = content_type(&head.headers);
    if head.status.is_success() && kind == "text/event-stream" && *wants != Wants::Nothing {
        return streamed(body, wants, out).await.map(Some);
    }
    let bytes = whole(body, LONGEST).await.map_err(|unread| match unread {
        Unread::TooLong => Problem::TooLong,
        Unread::Broken => Problem::Broken,
    })?;
    let answer = checked(&bytes, wants);
    match (wants, answer) {
        // An error for the request itself, whatever the status.
        (Wants::Answer(_) | Wants::Refusal(_), Ok(answer)) => Ok(Some(answer)),
        (Wants::Nothing, _) if head.status.is_success() => Ok(None),
        (_, _) if !head.status.is_success() => Err(Problem::Status {
            status: head.status,
            said: said(&bytes),
            retry_after: retry_after(&head.headers),
        }),
        (_, Err(_)) if bytes.is_empty() => Err(Problem::Nothing),
        (_, Err(Problem::NotMcp(_))) => Err(Problem::NotMcp(shown::shown(&kind))),
        (_, Err(problem)) => Err(problem),
        (Wants::Nothing, Ok(_)) => Ok(None),
    }
}

/// The answer in a stream of events.
async fn streamed(mut body: Body, wants: &Wants, out: &Sender<Bytes>) -> Result<Answer, Problem> {
    let (mut events, mut length) = (Events::default(), 0_u64);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Problem::Broken)?.into_data() else { continue };
        length = length.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
        if length > LONGEST {
            return Err(Problem::TooLong);
        }
        for event in events.take(&data) {
            if let Some(note) = notification(&event) {
                // Whoever reads has gone: the answer will find out.
                let _ = out.send(note).await;
                continue;
            }
            match checked(&event, wants) {
                Ok(answer) => return Ok(answer),
                Err(problem) => {
                    tracing::warn!(%problem, "an event that is neither the answer nor a notification is left out");
                }
            }
        }
    }
    Err(Problem::Nothing)
}

/// Holds an answer against what it has to be: an object with a result or an error, and the id that is waited for.
fn checked(bytes: &[u8], wants: &Wants) -> Result<Answer, Problem> {
    let none = || Problem::NotMcp(String::new());
    let value = message(bytes).ok_or_else(none)?;
    let is_error = value.get("error").is_some_and(Value::is_object);
    if value.contains_key("method") || value.contains_key("result") == is_error {
        return Err(none());
    }
    let id = value.get("id");
    let fits = |wanted: &Id| id == Some(&wanted.to_value());
    let right = match wants {
        Wants::Answer(wanted) => fits(wanted),
        Wants::Refusal(error) => {
            is_error && (id == Some(&Value::Null) || error.id.as_ref().is_some_and(fits))
        }
        Wants::Nothing => false,
    };
    if !right {
        return Err(Problem::OtherId);
    }
    Ok(Answer { line: in_one_line(bytes).ok_or_else(none)?, value })
}

/// A notification as a line; requests of the server's own are for nobody, since nobody answers them.
fn notification(bytes: &[u8]) -> Option<Bytes> {
    let value = message(bytes)?;
    let method = value.get("method")?.as_str()?;
    let is_one = method.starts_with("notifications/") && !value.contains_key("id");
    is_one.then(|| in_one_line(bytes)).flatten()
}

fn message(bytes: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(bytes).ok()? {
        Value::Object(object) if object.get("jsonrpc").is_some_and(|version| version == "2.0") => {
            Some(object)
        }
        Value::Object(_)
        | Value::Array(_)
        | Value::String(_)
        | Value::Number(_)
        | Value::Bool(_)
        | Value::Null => None,
    }
}

/// JSON text in one line, and otherwise as it is. Line breaks stand between its parts only; what some readers take for one may stand
/// in strings too, and is escaped.
fn in_one_line(json: &[u8]) -> Option<Bytes> {
    let text = std::str::from_utf8(json).ok()?.trim();
    if !text.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
        return Some(Bytes::copy_from_slice(text.as_bytes()));
    }
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' => line.push(' '),
            '\u{85}' => line.push_str("\\u0085"),
            '\u{2028}' => line.push_str("\\u2028"),
            '\u{2029}' => line.push_str("\\u2029"),
            other => line.push(other),
        }
    }
    Some(line.into())
}

/// The media type alone, in lower case.
fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn retry_after(headers: &HeaderMap) -> Option<u64> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()
}

/// What an error of the protocol says, in one line, and its code.
fn said(bytes: &[u8]) -> Option<(i64, String)> {
    let message = message(bytes)?;
    let said = message.get("error")?;
    Some((said.get("code")?.as_i64()?, shown::line(said.get("message")?.as_str()?)))
}

fn quoted(said: Option<&(i64, String)>) -> String {
    said.map(|(_, text)| format!(": {text}")).unwrap_or_default()
}

/// What to do about a status.
fn hint(status: StatusCode, retry_after: Option<u64>) -> String {
    let text = match status.as_u16() {
        300..=399 => "; it sends elsewhere, which is not followed: give the address that it sends to",
        401 => "; give a key that it takes, in `WARRENER_KEY` or with `--key-file`",
        403 => "; it does not let this client in: ask whoever runs it",
        404 | 405 => "; is this the address of a gateway?",
        429 | 503 => match retry_after {
            Some(seconds) => return format!("; try again in {seconds} s"),
            None => "; try again later",
        },
        _ => "",
    };
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;
    use tokio::sync::mpsc;

    const OURS: &str = r#"{"jsonrpc":"2.0","id":7,"result":{}}"#;

    /// What is passed on of a reply to the request 7: the lines, or the problem.
    async fn passed_on(status: u16, kind: &str, body: &str) -> Result<Vec<String>, String> {
        let (out, mut told) = mpsc::channel(10);
        let bytes = Full::from(body.to_owned()).map_err(|never| match never {}).boxed_unsync();
        let reply = Response::builder().status(status).header(CONTENT_TYPE, kind).header(RETRY_AFTER, "3");
        let read = read(reply.body(bytes).unwrap(), &Wants::Answer(Id::Number(7)), &out).await;
        drop(out);
        let answer = read.map_err(|problem| problem.to_string())?.unwrap();
        let mut lines = Vec::new();
        while let Some(line) = told.recv().await {
            lines.push(line);
        }
        lines.push(answer.line);
        Ok(lines.into_iter().map(|line| String::from_utf8(line.to_vec()).unwrap()).collect())
    }

    #[tokio::test]
    async fn one_answer_with_the_right_id_is_passed_on_and_nothing_else() {
        let json = "application/json";
        let error = r#"{"jsonrpc":"2.0","id":7,"error":{"code":1,"message":"no"}}"#;
        let null = r#"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"a valid\n key"}}"#;
        let deep = format!(r#"{{"jsonrpc":"2.0","id":7,"result":{}{}}}"#, "[".repeat(500), "]".repeat(500));
        let not_mcp =
            "answered with something that is not MCP (application/json): is this the address of a gateway?";
        for (status, kind, body, expect) in [
            (200, json, OURS, Ok(OURS)),
            (
                200,
                json,
                "\n {\"jsonrpc\":\r\n\"2.0\",\"id\":7,\"result\":\"a\u{2028}\u{85}\\n\"}\r\n",
                Ok("{\"jsonrpc\":  \"2.0\",\"id\":7,\"result\":\"a\\u2028\\u0085\\n\"}"),
            ),
            (404, json, error, Ok(error)),
            (200, json, null, Err("answered with the id of another request")),
            (
                200,
                json,
                r#"{"jsonrpc":"2.0","id":"7","result":{}}"#,
                Err("answered with the id of another request"),
            ),
            (200, json, "[]", Err(not_mcp)),
            (200, json, &format!("{OURS}{OURS}"), Err(not_mcp)),
            (200, json, &deep, Err(not_mcp)),
            (200, json, r#"{"jsonrpc":"2.0","id":7,"result":{},"error":{}}"#, Err(not_mcp)),
            (200, json, r#"{"jsonrpc":"2.0","id":7,"method":"sampling/createMessage"}"#, Err(not_mcp)),
            (
                200,
                "text/html",
                "<html>\n",
                Err("answered with something that is not MCP (text/html): is this the address of a gateway?"),
            ),
            (200, json, "", Err("took the request and gave no answer")),
            (202, json, "", Err("took the request and gave no answer")),
            (
                302,
                "text/html",
                "<a>",
                Err(
                    "answered 302 Found; it sends elsewhere, which is not followed: give the address that it sends to",
                ),
            ),
            (
                401,
                json,
                null,
                Err(
                    "answered 401 Unauthorized: a valid? key; give a key that it takes, in `WARRENER_KEY` or with `--key-file`",
                ),
            ),
            (
                403,
                "text/plain",
                "no",
                Err("answered 403 Forbidden; it does not let this client in: ask whoever runs it"),
            ),
            (429, json, null, Err("answered 429 Too Many Requests: a valid? key; try again in 3 s")),
            (500, "text/html", "<h1>", Err("answered 500 Internal Server Error")),
        ] {
            let expect = expect.map(|line| vec![line.to_owned()]).map_err(str::to_owned);
            assert_eq!(passed_on(status, kind, body).await, expect, "{status} {body:.80}");
        }
    }

    #[tokio::test]
    async fn of_a_stream_the_answer_and_its_notifications_are_passed_on() {
        let kind = "text/event-stream; charset=utf-8";
        let note = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{}}"#;
        let asks = r#"{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{}}"#;
        let other = r#"{"jsonrpc":"2.0","id":8,"result":{}}"#;
        let stream = format!(
            "data: {note}\n\ndata: {asks}\n\ndata: {other}\n\ndata: x\n\ndata: {OURS}\n\ndata: {note}\n\n"
        );
        assert_eq!(passed_on(200, kind, &stream).await, Ok(vec![note.to_owned(), OURS.to_owned()]));
        for stream in ["", ": nothing\n\n", &format!("data: {OURS}"), &format!("data: {other}\n\n")] {
            assert_eq!(
                passed_on(200, kind, stream).await,
                Err("took the request and gave no answer".to_owned())
            );
        }
    }
}
