//! The life of one call: its intent, its way to Directus on a task of its own, and its outcome.
//!
//! The client may leave at any moment, and Directus may have acted all the same. So a call goes on without its client, holds
//! its place among the parallel ones, and ends when the last byte of the answer has come.

use super::subject::same;
use super::told::Items;
use super::{Checked, Outgoing, Permitted, Recorded, Recorder};
use crate::accept::{Body, BoxError};
use crate::audit::entry::{Entry, Kind, Outcome, OutcomeWord, Subject};
use crate::audit::trail::TrailUnavailable;
use crate::directus::result::{Summary, summarise};
use crate::directus::{Meaning, SchemaSnapshot};
use crate::mcp::Id;
use crate::mcp::scan::Misshapen;
use crate::path::decide::Decided;
use crate::path::refusal::{Addressee, Refusal};
use crate::path::shed::Passage;
use crate::policy::{Code, Obligation, Verdict};
use crate::telemetry::metrics::{CallLabels, Calls, Metrics};
use crate::telemetry::trace::{Stage, Trace};
use crate::upstream::UpstreamError;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::Response;
use http::response::Parts;
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt as _, Full, StreamBody};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tower::{Service, ServiceExt as _};
use uuid::Uuid;

/// Longest answer that is read once more for what it says, in bytes, where nobody has told that.
const LOOKED_AT: usize = 1024 * 1024;

/// Longest answer that is passed on in one piece, in bytes.
const AT_ONCE: u64 = 64 * 1024;

/// Pieces of an answer that wait for a slow client.
const PIECES: usize = 4;

/// Records a decided call, and sees it through if it is permitted.
pub(super) async fn record<S>(
    recorder: Arc<Recorder>,
    inner: S,
    mut decided: Decided,
) -> Result<Response<Body>, Refusal>
where
    S: Service<Permitted, Response = Response<Body>, Error = Refusal> + Send + 'static,
    S::Future: Send,
{
    let mut subject = recorder.subject(&decided);
    let passage = decided.passage.take();
    let call = Call::of(&decided, &subject, &recorder.metrics);
    if let Some(refusal) = decided.refusal.take() {
        drop(passage);
        let outcome = call.outcome(OutcomeWord::Refused, &refusal);
        call.log(&subject, &outcome);
        let (word, code) = (outcome.word, refusal.code().as_str());
        let recording = call.trace.stage(Stage::Record);
        let told = recorder.refused(&call, subject, outcome, &decided).await.err().unwrap_or(refusal);
        drop(recording);
        call.count(&recorder.metrics, word, Some(code));
        return Err(told);
    }
    let slots = std::mem::take(&mut decided.slots);
    let to = decided.to.clone();
    let schema = decided.normalised.schema.clone();
    let permitted = match permit(call.id, decided, &mut subject) {
        Ok(permitted) => permitted,
        // Nothing that can be sent came of it: that is no permit, and it is recorded all the same.
        Err(refusal) => {
            let code = refusal.code().as_str();
            (subject.decision, subject.reason) = ("deny", Some(code));
            let outcome = call.outcome(OutcomeWord::Refused, &refusal);
            call.log(&subject, &outcome);
            call.count(&recorder.metrics, outcome.word, Some(code));
            let entry = call.entry(Kind::Refusal, Some(subject), Some(outcome));
            let written = recorder.put(entry, schema.as_deref()).await;
            return Err(written.err().map_or(refusal, |cause| Refusal::Trail { to, cause }));
        }
    };
    let (reply, waiting) = oneshot::channel();
    let tasks = recorder.tasks.clone();
    // Boxed, as a task is moved several times before it runs.
    tasks.spawn(Box::pin(async move {
        see_through(recorder, inner, permitted, subject, call, passage, reply).await;
        drop(slots);
    }));
    waiting.await.unwrap_or(Err(Refusal::Broken { to }))
}

/// The proof, with what is to be forwarded; its digest goes into the intent.
fn permit(call: Uuid, decided: Decided, subject: &mut Subject) -> Result<Permitted, Refusal> {
    let Decided { normalised, decision, policies, to, .. } = decided;
    let Verdict::Permit(permit) = decision.verdict else { return Err(Refusal::Broken { to }) };
    let permit = *permit;
    let (caller, schema) = (normalised.call.caller, normalised.schema);
    let make = |meaning: Meaning, obligations: Vec<Obligation>| -> Result<Permitted, Refusal> {
        let is_local = obligations.iter().any(|one| matches!(one, Obligation::ReplacePrompt(_)));
        let outgoing = if is_local { None } else { outgoing(&meaning, &to)? };
        let (caller, to, policies, schema) = (caller.clone(), to.clone(), policies.clone(), schema.clone());
        Ok(Permitted {
            call,
            caller,
            meaning,
            outgoing,
            to,
            obligations,
            checks: Vec::new(),
            policies,
            schema,
            _recorded: Recorded,
        })
    };
    let mut permitted = make(permit.meaning, permit.obligations)?;
    for check in permit.checks {
        let Some(read) = check.keys.call() else { return Err(Refusal::Broken { to }) };
        permitted.checks.push(Checked { check, read: make(Meaning::Tool(read), Vec::new())? });
    }
    subject.forwarded = permitted.outgoing.as_ref().map(|outgoing| Sha256::digest(&outgoing.body).into());
    Ok(permitted)
}

fn outgoing(meaning: &Meaning, to: &Addressee) -> Result<Option<Outgoing>, Refusal> {
    let id = to.id.clone().unwrap_or(Id::Number(0));
    let Some(forward) = meaning.forward(&id) else { return Ok(None) };
    let body = forward.body().map_err(|_| Refusal::Broken { to: to.clone() })?;
    Ok(Some(Outgoing { query_string: forward.query_string, body: Bytes::from(body) }))
}

async fn see_through<S>(
    recorder: Arc<Recorder>,
    inner: S,
    permitted: Permitted,
    subject: Subject,
    call: Call,
    // Held until the outcome is handed over.
    mut passage: Option<Passage>,
    reply: oneshot::Sender<Result<Response<Body>, Refusal>>,
) where
    S: Service<Permitted, Response = Response<Body>, Error = Refusal>,
{
    let to = permitted.to.clone();
    // Any other one is one entry, and does not wait for the disk.
    let with_intent = permitted.meaning.touches_data();
    if with_intent {
        let intent = call.entry(Kind::Intent, Some(subject.clone()), None);
        let recording = call.trace.stage(Stage::Record);
        let written = recorder.put(intent, permitted.schema.as_deref()).await;
        drop(recording);
        if let Err(cause) = written {
            let refusal = Refusal::Trail { to, cause };
            let outcome = call.outcome(OutcomeWord::Refused, &refusal);
            call.count(&recorder.metrics, outcome.word, Some(refusal.code().as_str()));
            call.log(&subject, &outcome);
            let _ = reply.send(Err(refusal));
            return;
        }
    }
    let time = Time::of(recorder.call_timeout);
    let answer = time.left(inner.oneshot(permitted)).await;
    let answer = answer.unwrap_or_else(|cause| Err(Refusal::Upstream { to, cause }));
    if let Some(passage) = &mut passage {
        passage.tell(&answer);
    }
    let (outcome, code) = match answer {
        Ok(response) => (pass_on(&call, response, time, reply).await, None),
        Err(refusal) => {
            // A check that is not met is a denial like any other, which is only known after the intent.
            let denied = matches!(refusal, Refusal::Denied { .. });
            let word = if denied { OutcomeWord::Refused } else { OutcomeWord::Failed };
            let (outcome, code) = (call.outcome(word, &refusal), refusal.code().as_str());
            let _ = reply.send(Err(refusal));
            (outcome, denied.then_some(code))
        }
    };
    call.count(&recorder.metrics, outcome.word, code);
    call.log(&subject, &outcome);
    let half = if with_intent { None } else { Some(subject) };
    let entry = call.entry(Kind::Outcome, half, Some(outcome));
    let entry = Entry { at: recorder.clock.micros(), ..entry };
    if let Err(error) = recorder.trail.submit(entry).await {
        tracing::error!(call = %call.id, %error, "the outcome of a call is not recorded; it will be closed as unknown");
    }
}

/// Passes the answer on to the client, to its end whether the client stays or not, and says how it ended.
async fn pass_on(
    call: &Call,
    response: Response<Body>,
    time: Time,
    reply: oneshot::Sender<Result<Response<Body>, Refusal>>,
) -> Outcome {
    let (mut head, mut body) = response.into_parts();
    let mut seen = Seen::of(&mut head);
    if body.size_hint().exact().is_some_and(|size| size <= AT_ONCE) {
        return pass_whole(call, seen, head, body, time, reply).await;
    }
    let (pieces, client) = mpsc::channel::<Result<Frame<Bytes>, BoxError>>(PIECES);
    let is_whole = Arc::new(AtomicBool::new(false));
    let passed = Response::from_parts(head, passed(client, is_whole.clone()));
    let mut listening = reply.send(Ok(passed)).is_ok();
    let mut broken = None;
    while let Some(frame) = time.left(body.frame()).await.unwrap_or_else(|late| Some(Err(late.into()))) {
        broken = frame.as_ref().err().map(Break::of);
        if let Some(data) = frame.as_ref().ok().and_then(Frame::data_ref) {
            seen.take(data);
        }
        // Directus' answer is read to its end all the same: only then is it known how the call ended.
        listening = listening && matches!(time.left(pieces.send(frame)).await, Ok(Ok(())));
        if broken.is_some() {
            break;
        }
    }
    is_whole.store(listening && broken.is_none(), Ordering::SeqCst);
    seen.outcome(call, broken)
}

/// The pieces as the client gets them. It sees the answer break off where not all of it was passed on.
fn passed(pieces: mpsc::Receiver<Result<Frame<Bytes>, BoxError>>, is_whole: Arc<AtomicBool>) -> Body {
    let stream = stream::unfold(Some((pieces, is_whole)), |state| async move {
        let (mut pieces, is_whole) = state?;
        match pieces.recv().await {
            Some(piece) => Some((piece, Some((pieces, is_whole)))),
            None if is_whole.load(Ordering::SeqCst) => None,
            None => Some((Err("the answer was not passed on to its end".into()), None)),
        }
    });
    StreamBody::new(stream).boxed_unsync()
}

/// How long a call may still take. Directus, the network and the client could each draw it out for ever, byte by byte.
#[derive(Clone, Copy, Debug)]
struct Time {
    after: Duration,
    began: Instant,
}

impl Time {
    /// The clock starts now.
    fn of(after: Duration) -> Self {
        Self { after, began: Instant::now() }
    }

    /// What comes of it in the time that is left.
    async fn left<T>(self, work: impl Future<Output = T>) -> Result<T, UpstreamError> {
        let late = UpstreamError::Timeout { after: self.after };
        // What never has to be waited for would never be late.
        let left = self.after.checked_sub(self.began.elapsed()).ok_or(late)?;
        timeout(left, work).await.map_err(|_| UpstreamError::Timeout { after: self.after })
    }
}

/// Passes a short answer on in one piece, which spares the pieces' way from task to task.
async fn pass_whole(
    call: &Call,
    mut seen: Seen,
    head: Parts,
    body: Body,
    time: Time,
    reply: oneshot::Sender<Result<Response<Body>, Refusal>>,
) -> Outcome {
    let whole = time.left(body.collect()).await.map_err(BoxError::from).flatten();
    let whole = whole.map(http_body_util::Collected::to_bytes);
    let broken = whole.as_ref().err().map(Break::of);
    let body = match whole {
        Ok(bytes) => {
            seen.take(&bytes);
            Full::from(bytes).map_err(|never| match never {}).boxed_unsync()
        }
        // The head promised a body; a client that sees it break off knows that it did.
        Err(error) => StreamBody::new(stream::iter([Err(error)])).boxed_unsync(),
    };
    let _ = reply.send(Ok(Response::from_parts(head, body)));
    seen.outcome(call, broken)
}

/// Why an answer breaks off.
#[derive(Clone, Copy, Debug)]
enum Break {
    /// Directus or the network ended it.
    Upstream,
    /// It turned out to be none that is known.
    Misshapen,
}

impl Break {
    fn of(error: &BoxError) -> Self {
        if error.is::<Misshapen>() { Self::Misshapen } else { Self::Upstream }
    }

    fn code(self) -> Option<&'static str> {
        match self {
            Self::Upstream => None,
            Self::Misshapen => Some(Code::NotUnderstood.as_str()),
        }
    }
}

/// What has been seen of an answer.
#[derive(Debug)]
struct Seen {
    status: u16,
    items: Option<Items>,
    bytes: u64,
    /// The answer, unless its inspection tells what there is to be told of it.
    kept: BytesMut,
    digest: Sha256,
}

impl Seen {
    /// Nothing yet but the head of an answer.
    fn of(head: &mut Parts) -> Self {
        Self {
            status: head.status.as_u16(),
            items: head.extensions.remove(),
            bytes: 0,
            kept: BytesMut::new(),
            digest: Sha256::new(),
        }
    }

    fn take(&mut self, data: &Bytes) {
        self.bytes = self.bytes.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
        self.digest.update(data);
        if self.items.is_none() && self.kept.len() + data.len() <= LOOKED_AT {
            self.kept.extend_from_slice(data);
        }
    }

    fn outcome(self, call: &Call, broken: Option<Break>) -> Outcome {
        let whole = u64::try_from(self.kept.len()).is_ok_and(|kept| kept == self.bytes);
        let summary = match &self.items {
            Some(items) => Summary { items: items.told().filter(|_| broken.is_none()), ..Summary::default() },
            None if whole && broken.is_none() && self.bytes > 0 => summarise(&self.kept),
            None => Summary::default(),
        };
        let (word, error_code) = match (broken, summary.is_error) {
            (Some(cause), _) => (OutcomeWord::Failed, cause.code().map(str::to_owned)),
            (None, true) => (OutcomeWord::Error, summary.error_code),
            (None, false) => (OutcomeWord::Ok, None),
        };
        Outcome {
            word,
            http_status: Some(self.status),
            error_code,
            items: summary.items,
            response_bytes: Some(self.bytes),
            response_digest: Some(self.digest.finalize().into()),
            duration_us: Some(call.elapsed()),
        }
    }
}

/// What joins the entries of one call.
#[derive(Clone, Debug)]
struct Call {
    id: Uuid,
    at: i64,
    arrived: Instant,
    labels: CallLabels,
    trace: Trace,
}

impl Call {
    fn of(decided: &Decided, subject: &Subject, metrics: &Metrics) -> Self {
        let caller = &decided.normalised.call.caller;
        let role = caller.principal.role.as_str();
        let labels = metrics.labels(&Calls {
            role: decided.policies.role(role).map(|_| role),
            tool: subject.tool.as_deref(),
            accesses: &subject.accesses,
            decision: subject.decision,
            enforced: subject.enforced,
        });
        let trace = caller.trace.clone();
        Self { id: Uuid::now_v7(), at: caller.at, arrived: caller.arrived, labels, trace }
    }

    fn entry(&self, kind: Kind, subject: Option<Subject>, outcome: Option<Outcome>) -> Entry {
        Entry { call: self.id, kind, at: self.at, subject: subject.map(Box::new), outcome, note: None }
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.arrived.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn outcome(&self, word: OutcomeWord, refusal: &Refusal) -> Outcome {
        Outcome {
            word,
            http_status: Some(refusal.status().as_u16()),
            error_code: Some(refusal.code().as_str().to_owned()),
            items: None,
            response_bytes: None,
            response_digest: None,
            duration_us: Some(self.elapsed()),
        }
    }

    /// Counts the call, and ends its trace.
    fn count(&self, metrics: &Metrics, word: OutcomeWord, code: Option<&'static str>) {
        metrics.called(&self.labels, word, code, self.arrived.elapsed());
        self.trace.end(self.id, &self.labels, word, code);
    }

    /// One line for each call, with its id.
    fn log(&self, subject: &Subject, outcome: &Outcome) {
        tracing::info!(
            target: "warrener::calls",
            call = %self.id,
            principal = subject.principal,
            role = subject.role,
            method = subject.method,
            tool = subject.tool,
            decision = subject.decision,
            enforced = subject.enforced,
            rule = subject.rule,
            outcome = outcome.word.as_str(),
            duration_us = outcome.duration_us,
            "call"
        );
    }
}

impl Recorder {
    /// Puts an intent or a refusal on the disk, and the schema that it was decided by.
    async fn put(&self, entry: Entry, schema: Option<&SchemaSnapshot>) -> Result<(), TrailUnavailable> {
        if let Some(schema) = schema {
            self.snapshots.keep(&self.trail, schema).await?;
        }
        self.trail.commit(entry).await.map(|_| ())
    }

    /// Records a refusal, or counts it where it repeats; the client's answer waits for the disk.
    async fn refused(
        &self,
        call: &Call,
        subject: Subject,
        outcome: Outcome,
        decided: &Decided,
    ) -> Result<(), Refusal> {
        let same = same(&subject, decided.normalised.schema.as_deref());
        let entry = call.entry(Kind::Refusal, Some(subject), Some(outcome));
        let Some(entry) = self.repeats.take(same, entry, Instant::now()) else { return Ok(()) };
        let written = self.put(entry, decided.normalised.schema.as_deref()).await;
        written.map_err(|cause| Refusal::Trail { to: decided.to.clone(), cause })
    }
}
