//! One Local MCP: a process, the calls that wait for its answers, and how it ends.

use super::lines::{Line, Lines};
use super::noise::Noise;
use super::{LocalMcpOptions, NotStarted};
use crate::mcp::revision;
use crate::upstream::UpstreamError;
use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// Longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 16 * 1024 * 1024;

/// Longest line of its messages to people that is read, in bytes.
const LONGEST_MESSAGE: usize = 8 * 1024;

/// Messages that wait for a process which does not read them.
const UNREAD: usize = 64;

/// After its input was closed, a process has so long to end by itself.
const GRACE: Duration = Duration::from_secs(5);

/// What an ended process has written is read for so long, where something else holds its output open.
const REST: Duration = Duration::from_secs(1);

/// Where programs are looked for if the settings name no `PATH`.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The revision that the gateway asks for.
const REVISION: &str = "2025-06-18";

/// A process that has been greeted. Clones are the same one.
#[derive(Clone, Debug)]
pub(super) struct Running(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    to_process: mpsc::Sender<String>,
    waiting: Mutex<Waiting>,
    next: AtomicU64,
    began: Instant,
    /// Tells the process to end.
    stop: CancellationToken,
    /// Cancelled once it has ended.
    ended: CancellationToken,
    /// What it answered to `initialize`.
    greeting: OnceLock<Map<String, Value>>,
    noise: Noise,
}

/// Calls by the id that the process knows them by. A client's id never reaches it.
#[derive(Debug, Default)]
struct Waiting {
    /// Whether nothing can be answered any more.
    is_closed: bool,
    calls: BTreeMap<u64, oneshot::Sender<Result<Value, UpstreamError>>>,
}

impl Running {
    /// Starts the process and greets it.
    pub(super) async fn start(options: &LocalMcpOptions, token: &SecretString) -> Result<Self, NotStarted> {
        let mut child = command(options, token)
            .spawn()
            .map_err(|cause| NotStarted::Spawn { command: options.command.clone(), cause })?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else { return Err(NotStarted::Ended) };
        let (to_process, messages) = mpsc::channel(UNREAD);
        let mut secrets: Vec<SecretString> =
            options.environment.iter().filter(|one| one.is_secret).map(|one| one.value.clone()).collect();
        secrets.extend(options.secrets.iter().cloned());
        secrets.push(token.clone());
        let running = Self(Arc::new(Shared {
            to_process,
            waiting: Mutex::default(),
            next: AtomicU64::new(1),
            began: Instant::now(),
            stop: CancellationToken::new(),
            ended: CancellationToken::new(),
            greeting: OnceLock::new(),
            noise: Noise::new(secrets),
        }));
        let shared = &running.0;
        tokio::spawn(write(shared.clone(), stdin, messages));
        tokio::spawn(hear(shared.clone(), stderr));
        let reading = tokio::spawn(read(shared.clone(), stdout));
        tokio::spawn(mind(shared.clone(), child, reading));
        match running.greet(options.reply_timeout).await {
            Ok(()) => Ok(running),
            Err(error) => {
                running.stop();
                Err(error)
            }
        }
    }

    async fn greet(&self, patience: Duration) -> Result<(), NotStarted> {
        let params = json!({
            "protocolVersion": REVISION,
            "capabilities": {},
            "clientInfo": { "name": "warrener", "version": env!("CARGO_PKG_VERSION") },
        });
        let answer = self.ask("initialize", Some(params), patience).await.map_err(|error| match error {
            UpstreamError::Timeout { after } => NotStarted::Silent { after },
            UpstreamError::Connect { .. }
            | UpstreamError::Protocol(_)
            | UpstreamError::NotRunning(_)
            | UpstreamError::Ended => NotStarted::Ended,
        })?;
        let result = answer.get("result").and_then(Value::as_object);
        let spoken = result.and_then(|result| result.get("protocolVersion")).and_then(Value::as_str);
        match (result, spoken) {
            (Some(result), Some(spoken)) if revision::is_legacy(spoken) => {
                let _ = self.0.greeting.set(result.clone());
            }
            (_, Some(spoken)) => return Err(NotStarted::Revision(spoken.to_owned())),
            (_, None) => return Err(NotStarted::Greeting),
        }
        let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        self.0.to_process.send(line(&initialized)).await.map_err(|_| NotStarted::Ended)
    }

    /// What it answered to `initialize`.
    pub(super) fn greeting(&self) -> Map<String, Value> {
        self.0.greeting.get().cloned().unwrap_or_default()
    }

    /// Whether it can be asked something.
    pub(super) fn is_alive(&self) -> bool {
        !self.0.stop.is_cancelled() && !self.0.ended.is_cancelled()
    }

    /// How long ago it was started.
    pub(super) fn age(&self) -> Duration {
        self.0.began.elapsed()
    }

    /// Tells it to end: its input is closed, and what is under way may be answered still.
    pub(super) fn stop(&self) {
        self.0.stop.cancel();
    }

    /// Waits until it has ended.
    pub(super) async fn ended(&self) {
        self.0.ended.cancelled().await;
    }

    /// Asks, and waits for the answer under the id that this question has here.
    pub(super) async fn ask(
        &self,
        method: &str,
        params: Option<Value>,
        patience: Duration,
    ) -> Result<Value, UpstreamError> {
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let mut message = json!({ "jsonrpc": "2.0", "id": id, "method": method });
        if let (Some(params), Some(message)) = (params, message.as_object_mut()) {
            message.insert("params".to_owned(), params);
        }
        let answer = self.0.wait_for(id)?;
        let _forget = Forget { shared: &self.0, id };
        let deadline = Instant::now() + patience;
        match tokio::time::timeout_at(deadline, self.0.to_process.send(line(&message))).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(UpstreamError::NotRunning(Box::new(NotStarted::Ended))),
            Err(_) => {
                return Err(UpstreamError::NotRunning(Box::new(NotStarted::Silent { after: patience })));
            }
        }
        if let Ok(answered) = tokio::time::timeout_at(deadline, answer).await {
            return answered.unwrap_or(Err(UpstreamError::Ended));
        }
        let params = json!({ "requestId": id, "reason": "it took too long" });
        let cancelled = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params });
        // A process that does not read is not told.
        let _ = self.0.to_process.try_send(line(&cancelled));
        Err(UpstreamError::Timeout { after: patience })
    }
}

/// A question that is no longer waited for.
struct Forget<'a> {
    shared: &'a Shared,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.shared.waiting().calls.remove(&self.id);
    }
}

impl Shared {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_for(&self, id: u64) -> Result<oneshot::Receiver<Result<Value, UpstreamError>>, UpstreamError> {
        let (answered, answer) = oneshot::channel();
        let mut waiting = self.waiting();
        if waiting.is_closed || self.stop.is_cancelled() {
            return Err(UpstreamError::NotRunning(Box::new(NotStarted::Ended)));
        }
        waiting.calls.insert(id, answered);
        Ok(answer)
    }

    /// Nothing is answered any more: who waits is told so.
    fn close(&self) {
        let mut waiting = self.waiting();
        waiting.is_closed = true;
        waiting.calls.clear();
        drop(waiting);
        self.ended.cancel();
    }

    fn take(&self, line: &[u8]) {
        let message = serde_json::from_slice::<Value>(line).ok();
        let Some(Value::Object(message)) = message else {
            return self.noise.say("a line that is no message", line);
        };
        match (message.get("method").and_then(Value::as_str), message.get("id")) {
            (Some(method), Some(id)) => self.refuse(method, id),
            // It tells of its progress, or that a list has changed; lists are not kept.
            (Some(_), None) => {}
            (None, id) => self.answered(id.and_then(Value::as_u64), Value::Object(message.clone()), line),
        }
    }

    /// The server asks the client something. There is nobody behind the gateway who could answer but the gateway.
    fn refuse(&self, method: &str, id: &Value) {
        let id = if id.is_string() || id.is_number() { id.clone() } else { Value::Null };
        let answer = if method == "ping" {
            json!({ "jsonrpc": "2.0", "id": id, "result": {} })
        } else {
            let error = json!({ "code": -32601, "message": "Method not found" });
            json!({ "jsonrpc": "2.0", "id": id, "error": error })
        };
        // Where it asks more than it reads, it gets no answer.
        let _ = self.to_process.try_send(line(&answer));
    }

    fn answered(&self, id: Option<u64>, answer: Value, said: &[u8]) {
        let call = id.and_then(|id| self.waiting().calls.remove(&id));
        match call {
            Some(call) => {
                // Whoever asked may have left.
                let _ = call.send(Ok(answer));
            }
            None => self.noise.say("an answer that nobody waits for", said),
        }
    }

    /// An answer that is not read to its end: only where one call waits is it known whose it is. Others wait for their time to be over.
    fn too_long(&self) {
        self.noise.say("an answer that is longer than is read", b"");
        let mut waiting = self.waiting();
        if waiting.calls.len() == 1
            && let Some((_, call)) = waiting.calls.pop_first()
        {
            let _ = call.send(Err(UpstreamError::Protocol("the answer is longer than is read".into())));
        }
    }
}

/// The process, not started yet. It gets the environment that is written here and nothing else.
fn command(options: &LocalMcpOptions, token: &SecretString) -> Command {
    let mut command = Command::new(&options.command);
    command.args(&options.args).env_clear().env("PATH", PATH);
    for variable in &options.environment {
        command.env(&variable.name, variable.value.expose_secret());
    }
    command
        // Behind the others, so that none of them stands in their place.
        .env("DIRECTUS_URL", options.url.as_str())
        .env("DIRECTUS_TOKEN", token.expose_secret())
        // A `.env` in the folder that the gateway was started in would be read as environment.
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // `npx` starts others in turn; all of them end together.
        .process_group(0)
        .kill_on_drop(true);
    command
}

fn line(message: &Value) -> String {
    // JSON text has no line ends of its own.
    format!("{message}\n")
}

/// Writes messages one after the other, so that a caller who gives up leaves no half of one behind.
async fn write(shared: Arc<Shared>, mut stdin: ChildStdin, mut messages: mpsc::Receiver<String>) {
    let written = async {
        while let Some(message) = messages.recv().await {
            stdin.write_all(message.as_bytes()).await?;
            stdin.flush().await?;
        }
        Ok::<_, std::io::Error>(())
    };
    if let Some(Err(error)) = shared.stop.run_until_cancelled(written).await {
        tracing::warn!(%error, "the Local MCP does not take what is written to it");
        shared.stop();
    }
}

async fn read(shared: Arc<Shared>, stdout: ChildStdout) {
    let mut lines = Lines::new(stdout, LONGEST_ANSWER);
    loop {
        match lines.next().await {
            Ok(Some(Line::Whole(line))) => shared.take(&line),
            Ok(Some(Line::Cut(_))) => shared.too_long(),
            Ok(None) | Err(_) => break,
        }
    }
    // A process that says nothing any more is of no use.
    shared.stop();
}

async fn hear(shared: Arc<Shared>, stderr: ChildStderr) {
    let mut lines = Lines::new(stderr, LONGEST_MESSAGE);
    while let Ok(Some(Line::Whole(line) | Line::Cut(line))) = lines.next().await {
        shared.noise.say("said on standard error", &line);
    }
}

impl Shared {
    fn stop(&self) {
        self.stop.cancel();
    }
}

/// Waits for the end of the process, and sees to it that nothing is left of it.
async fn mind(shared: Arc<Shared>, mut child: Child, mut reading: JoinHandle<()>) {
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    tokio::select! {
        status = child.wait() => match status {
            Ok(status) => tracing::warn!(%status, "the Local MCP has ended; a later call starts it again"),
            Err(error) => tracing::error!(%error, "the Local MCP cannot be waited for"),
        },
        () = shared.stop.cancelled() => {
            if timeout(GRACE, child.wait()).await.is_err() {
                tracing::warn!("the Local MCP does not end by itself, and is ended");
            }
        }
    }
    shared.stop();
    if let Some(group) = group {
        // The number cannot be another group's yet: what is left of this one keeps it, or it was given back a moment ago.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill().await;
    if timeout(REST, &mut reading).await.is_err() {
        reading.abort();
    }
    shared.close();
}

/// What a client's `initialize` is answered with: the gateway has greeted the process already, in its own name.
pub(super) fn initialized(mut greeting: Map<String, Value>, params: Option<&Value>) -> Value {
    let asked = params.and_then(|params| params.get("protocolVersion")).and_then(Value::as_str);
    if let Some(asked) = asked.filter(|asked| revision::is_legacy(asked)) {
        greeting.insert("protocolVersion".to_owned(), Value::from(asked));
    }
    greeting.remove("instructions");
    json!({ "jsonrpc": "2.0", "result": greeting })
}
