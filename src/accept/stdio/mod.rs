//! Standard input and output: one message a line, each sent on as a request of its own, each answer written as one line.
//!
//! Behind it is either a gateway elsewhere or the path's own stack. Nothing here decides about a message: a line that is none goes
//! on too, so that it is refused and recorded where everything is. Nothing is written but answers that were held against
//! the request that they are for.

mod answer;
mod events;
mod lines;
mod message;

use self::lines::Lines;
use self::message::{Message, PROTOCOL_VERSION, Wants};
use super::{Body, Drain};
use crate::mcp::{Id, error, shown};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::Full;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt as _};

/// Messages that may be under way at once; the next line is read when one of them is answered.
const AT_ONCE: usize = 32;

/// Where the messages go, and as whom.
#[derive(Clone, Debug)]
pub struct Ends {
    /// The address that each is posted to.
    pub uri: Uri,
    /// What errors call it, such as its address.
    pub place: String,
    /// The whole header; marked as sensitive.
    pub authorization: HeaderValue,
    /// Longest line that is taken, in bytes.
    pub longest_line: u64,
    /// For what is under way to be answered once the input has ended.
    pub patience: Duration,
}

/// Serves one client until its input ends or the drain begins, and what is under way is answered. Returns how many requests were not.
///
/// # Errors
/// When the input cannot be read, or the output cannot be written any more.
pub async fn serve<R, W, S>(input: R, output: W, service: S, ends: Ends, drain: &Drain) -> io::Result<usize>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Full<Bytes>>, Response = Response<Body>> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::Error: fmt::Display,
{
    let (out, written) = mpsc::channel(AT_ONCE);
    // Cancelled when nobody reads the answers.
    let gone = CancellationToken::new();
    let writer = tokio::spawn(write(output, written, gone.clone().drop_guard()));
    let mut lines = Lines::new(input, usize::try_from(ends.longest_line).unwrap_or(usize::MAX));
    let patience = ends.patience;
    let session =
        Arc::new(Session { service, ends, out, under_way: Mutex::default(), revision: Mutex::default() });
    let (room, tasks) = (Arc::new(Semaphore::new(AT_ONCE)), TaskTracker::new());
    let read = async {
        while let Ok(permit) = room.clone().acquire_owned().await {
            let Some(line) = lines.next().await? else { break };
            let session = session.clone();
            tasks.spawn(async move {
                session.take(Message::new(line)).await;
                drop(permit);
            });
        }
        io::Result::Ok(())
    };
    let stop = drain.stop();
    let read = tokio::select! {
        read = read => read,
        () = stop.cancelled() => Ok(()),
        () = gone.cancelled() => Ok(()),
    };
    tasks.close();
    tokio::select! {
        _ = timeout(patience, tasks.wait()) => {}
        () = drain.cut().cancelled() => {}
        () = gone.cancelled() => {}
    }
    let left = tasks.len();
    session.call_off_all();
    drop(session);
    // Whoever has had no answers read by then gets no more of them.
    let wrote = tokio::select! {
        wrote = timeout(patience, writer) => wrote.ok(),
        () = drain.cut().cancelled() => None,
    };
    read?;
    match wrote.and_then(Result::ok).unwrap_or(Ok(())) {
        // The client has gone without a word, as clients do.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(left),
        wrote => wrote.map(|()| left),
    }
}

/// Writes whole lines, one after the other: the only one that writes.
async fn write<W: AsyncWrite + Unpin>(
    mut output: W,
    mut lines: mpsc::Receiver<Bytes>,
    _gone: tokio_util::sync::DropGuard,
) -> io::Result<()> {
    while let Some(line) = lines.recv().await {
        output.write_all(&[&line, &b"\n"[..]].concat()).await?;
        output.flush().await?;
    }
    Ok(())
}

struct Session<S> {
    service: S,
    ends: Ends,
    out: mpsc::Sender<Bytes>,
    /// The requests that are not answered yet, each with what calls it off.
    under_way: Mutex<BTreeMap<String, CancellationToken>>,
    /// What `initialize` has agreed on.
    revision: Mutex<Option<HeaderValue>>,
}

impl<S> Session<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response<Body>> + Clone,
    S::Error: fmt::Display,
{
    /// Sends a message on, and has its answer written.
    async fn take(&self, message: Message) {
        if let Some(id) = &message.cancels {
            self.call_off(id);
        }
        let Wants::Answer(id) = &message.wants else { return self.exchange(&message).await };
        let Some(cancelled) = self.begin(id) else {
            let id = id.to_value();
            let text = format!(
                "a request with the id {id} is not answered yet: give every request an id of its own"
            );
            tracing::warn!("{text}");
            return self.say(protocol_error(&Value::Null, error::INVALID_REQUEST, &text)).await;
        };
        // An answer is not waited for that nobody wants any more.
        cancelled.run_until_cancelled(self.exchange(&message)).await;
        self.end(id);
    }

    async fn exchange(&self, message: &Message) {
        let reply = self.service.clone().oneshot(self.request(message)).await;
        let answer = match reply.map_err(|error| error.to_string()) {
            Ok(reply) => {
                let answer = answer::read(reply, &message.wants, &self.out).await;
                answer.map_err(|problem| (problem.code(), format!("{} {problem}", self.ends.place)))
            }
            Err(text) => Err((error::INTERNAL_ERROR, text)),
        };
        match answer {
            Ok(Some(answer)) => {
                if message.is_initialize {
                    self.agree(answer.value.get("result"));
                }
                self.say(answer.line).await;
            }
            Ok(None) => {}
            Err((code, text)) => self.fail(&message.wants, code, &text).await,
        }
    }

    fn request(&self, message: &Message) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(message.bytes.clone()));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.ends.uri.clone();
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.ends.authorization.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        if let Some(revision) = self.revision.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            headers.insert(PROTOCOL_VERSION, revision);
        }
        for (name, value) in &message.headers {
            headers.insert(name, value.clone());
        }
        request
    }

    /// Remembers the revision that is spoken from now on.
    fn agree(&self, result: Option<&Value>) {
        let revision = result.and_then(|result| result.get("protocolVersion")).and_then(Value::as_str);
        if let Some(revision) = revision.and_then(|revision| HeaderValue::try_from(revision).ok()) {
            *self.revision.lock().unwrap_or_else(PoisonError::into_inner) = Some(revision);
        }
    }

    /// Says why there is no answer, to the request that wants one.
    async fn fail(&self, wants: &Wants, code: i64, text: &str) {
        tracing::warn!("{text}");
        let line = match wants {
            Wants::Answer(id) => protocol_error(&id.to_value(), code, text),
            Wants::Refusal(refused) => {
                let id = refused.id.as_ref().map_or(Value::Null, Id::to_value);
                protocol_error(&id, refused.code, &refused.to_string())
            }
            Wants::Nothing => return,
        };
        self.say(line).await;
    }

    async fn say(&self, line: impl Into<Bytes>) {
        // Where nobody reads any more, the session ends.
        let _ = self.out.send(line.into()).await;
    }
}

impl<S> Session<S> {
    /// What calls the request off; `None` where another one with its id is under way, so that answers could be mistaken.
    fn begin(&self, id: &Id) -> Option<CancellationToken> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let key = id.to_value().to_string();
        if under_way.contains_key(&key) {
            return None;
        }
        let cancelled = CancellationToken::new();
        under_way.insert(key, cancelled.clone());
        Some(cancelled)
    }

    fn end(&self, id: &Id) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&id.to_value().to_string());
    }

    fn call_off(&self, id: &Id) {
        let under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cancelled) = under_way.get(&id.to_value().to_string()) {
            cancelled.cancel();
        }
    }

    fn call_off_all(&self) {
        self.under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .for_each(CancellationToken::cancel);
    }
}

fn protocol_error(id: &Value, code: i64, text: &str) -> String {
    let text = shown::line(text);
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": text } }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use http_body_util::BodyExt as _;
    use tokio::io::{AsyncBufReadExt as _, BufReader};

    /// What the client reads after each line, and the headers of each request.
    async fn session(lines: &[&str]) -> (Vec<String>, Vec<HeaderMap>) {
        let sent = Arc::new(Mutex::new(Vec::new()));
        let service = tower::service_fn({
            let sent = sent.clone();
            move |request: Request<Full<Bytes>>| {
                sent.lock().unwrap().push(request.headers().clone());
                async {
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    let id = serde_json::from_slice::<Value>(&body).unwrap()["id"].clone();
                    let body =
                        json!({"jsonrpc": "2.0", "id": id, "result": {"protocolVersion": "2025-06-18"}});
                    let body = Full::from(body.to_string()).map_err(|never| match never {}).boxed_unsync();
                    Ok::<_, std::convert::Infallible>(Response::new(body))
                }
            }
        });
        let ends = Ends {
            uri: Uri::from_static("/mcp"),
            place: "here".to_owned(),
            authorization: HeaderValue::from_static("Bearer k"),
            longest_line: 1000,
            patience: Duration::from_secs(5),
        };
        let ((mut writes, input), (output, reads)) = (tokio::io::duplex(1000), tokio::io::duplex(1000));
        let served = tokio::spawn(async move { serve(input, output, service, ends, &Drain::new()).await });
        let (mut reads, mut read) = (BufReader::new(reads).lines(), Vec::new());
        for line in lines {
            writes.write_all(format!("{line}\n").as_bytes()).await.unwrap();
            read.push(reads.next_line().await.unwrap().unwrap());
        }
        drop(writes);
        assert_eq!(served.await.unwrap().unwrap(), 0);
        let sent = sent.lock().unwrap().clone();
        (read, sent)
    }

    #[tokio::test]
    async fn one_revision_is_said_whatever_was_agreed_on() {
        let meta = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}"#;
        let (read, sent) = session(&[
            r#"{"jsonrpc":"2.0","id":1,"method":"initialize"}"#,
            r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#,
            &format!(r#"{{"jsonrpc":"2.0","id":3,"method":"ping","params":{meta}}}"#),
            r#"{"jsonrpc":"2.0","id":4,"method":"ping"}"#,
        ])
        .await;
        assert_eq!(read.len(), 4);
        let said: Vec<Vec<&str>> = sent
            .iter()
            .map(|headers| {
                headers.get_all(PROTOCOL_VERSION).iter().map(|value| value.to_str().unwrap()).collect()
            })
            .collect();
        assert_eq!(said, [vec![], vec!["2025-06-18"], vec!["2026-07-28"], vec!["2025-06-18"]]);
        assert!(sent.iter().all(|headers| headers[AUTHORIZATION] == "Bearer k"));
    }
}
