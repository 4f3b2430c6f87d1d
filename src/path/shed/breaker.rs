//! The circuit breaker: while Directus is down, calls are refused at once, and now and then one is let through to see.
//!
//! What opens it for all is only what no call can bring about: that no connection can be made. A call that is not answered may be the
//! fault of that call, so it counts for its client alone, and whoever makes Directus busy for a minute shuts out itself. In
//! the same way each client has a probe of its own: that of another one, which may hang, keeps nobody waiting.

use super::{Busy, SOON};
use crate::accept::Body;
use crate::path::refusal::Refusal;
use crate::upstream::UpstreamError;
use http::{Response, StatusCode};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// A client whose last failure is so long ago has none.
const REMEMBERED: Duration = Duration::from_mins(10);

/// Counts the failures in a row. Clones are the same breaker.
#[derive(Clone, Debug)]
pub struct Breaker {
    after: u32,
    pause: Duration,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Connections that could not be made.
    directus: Circuit,
    /// Calls that were not answered, and who probes; whose calls go well is not there.
    clients: HashMap<String, Client>,
}

#[derive(Debug, Default)]
struct Circuit {
    /// In a row.
    failures: u32,
    /// When it last failed.
    last: Option<Instant>,
}

#[derive(Debug, Default)]
struct Client {
    circuit: Circuit,
    /// Since when a probe is under way.
    probe: Option<Instant>,
}

/// How a circuit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    /// Refused for so long.
    Open(Duration),
    HalfOpen,
}

impl Breaker {
    /// Opens for `pause` after so many failures in a row.
    pub fn new(after: u32, pause: Duration) -> Self {
        Self { after, pause, seen: Arc::default() }
    }

    /// Whether calls of all clients go on to Directus.
    pub fn is_closed(&self) -> bool {
        matches!(self.standing(), State::Closed)
    }

    /// How it stands for all clients: `closed`, `open` or `half-open`.
    pub fn word(&self) -> &'static str {
        match self.standing() {
            State::Closed => "closed",
            State::Open(_) => "open",
            State::HalfOpen => "half-open",
        }
    }

    /// How it stands for all clients.
    fn standing(&self) -> State {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        self.state(&seen.directus, Instant::now())
    }

    /// Directus could not be asked for its schema, since no connection can be made; says when it may be tried again.
    pub(in crate::path) fn unreached(&self, now: Instant) -> Duration {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Open(rest) = self.state(&seen.directus, now) {
            return rest;
        }
        self.fail(&mut seen.directus, now);
        match self.state(&seen.directus, now) {
            State::Open(rest) => rest,
            State::Closed | State::HalfOpen => SOON,
        }
    }

    fn fail(&self, directus: &mut Circuit, now: Instant) {
        if directus.fail(now) == self.after {
            tracing::warn!(pause = ?self.pause, "Directus cannot be reached: calls are refused at once");
        }
    }

    /// Whether a call of that client may be tried; if not, why, and when it may.
    pub(super) fn ask(&self, client: &str, now: Instant) -> Result<Ticket, (Busy, Duration)> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let own = seen.clients.get(client);
        let state = own.map_or(State::Closed, |own| self.state(&own.circuit, now));
        let cause = match (self.state(&seen.directus, now), state) {
            (State::Open(rest), _) => return Err((Busy::Unreached, rest)),
            (_, State::Open(rest)) => return Err((Busy::Unanswered, rest)),
            (State::Closed, State::Closed) => None,
            (State::HalfOpen, _) => Some(Busy::Unreached),
            (State::Closed, State::HalfOpen) => Some(Busy::Unanswered),
        };
        if let Some(cause) = cause {
            let own = seen.clients.entry(client.to_owned()).or_default();
            // A probe that hangs is not waited for any longer than the pause.
            let rest = own.probe.and_then(|since| rest(since, self.pause, now));
            if let Some(rest) = rest {
                return Err((cause, rest));
            }
            own.probe = Some(now);
        }
        Ok(Ticket { breaker: self.clone(), client: client.to_owned(), is_probe: cause.is_some() })
    }

    /// Forgets the clients that have not failed for long.
    pub(super) fn forget(&self, now: Instant) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clients.retain(|_, client| {
            let recent = |since: Instant| now.duration_since(since) < REMEMBERED;
            client.circuit.last.is_some_and(recent) || client.probe.is_some_and(recent)
        });
        seen.clients.shrink_to_fit();
    }

    fn state(&self, circuit: &Circuit, now: Instant) -> State {
        match circuit.last {
            Some(last) if circuit.failures >= self.after => {
                rest(last, self.pause, now).map_or(State::HalfOpen, State::Open)
            }
            Some(_) | None => State::Closed,
        }
    }

    fn tell(&self, client: &str, went: Went, now: Instant) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match went {
            Went::Answered => {
                if std::mem::take(&mut seen.directus).failures >= self.after {
                    tracing::info!("Directus can be reached again: calls go on");
                }
                seen.clients.remove(client);
            }
            Went::Unreached => self.fail(&mut seen.directus, now),
            Went::Unanswered => {
                let own = seen.clients.entry(client.to_owned()).or_default();
                if own.circuit.fail(now) == self.after {
                    tracing::warn!(client, pause = ?self.pause, "Directus does not answer the calls of a client: they are refused at once");
                }
            }
        }
    }

    /// The probe of that client has ended, however it did.
    fn probed(&self, client: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = seen.clients.get_mut(client) {
            own.probe = None;
            if own.circuit.last.is_none() {
                seen.clients.remove(client);
            }
        }
    }
}

impl Circuit {
    /// Counts one more, and says how many that makes.
    fn fail(&mut self, now: Instant) -> u32 {
        self.failures = self.failures.saturating_add(1);
        self.last = Some(now);
        self.failures
    }
}

/// What is left of a time that began then; `None` where it is over.
fn rest(began: Instant, length: Duration, now: Instant) -> Option<Duration> {
    let left = (began + length).saturating_duration_since(now);
    (!left.is_zero()).then_some(left)
}

/// How a call went, as far as it says whether Directus is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Went {
    Answered,
    /// There was no connection.
    Unreached,
    /// There was one, and no answer came over it; or a proxy in front of Directus says so.
    Unanswered,
}

impl Went {
    /// `None` where it says nothing: it never got to Directus.
    fn of(answer: &Result<Response<Body>, Refusal>) -> Option<Self> {
        let Err(refusal) = answer else { return Some(Self::Answered) };
        match refusal {
            Refusal::Upstream { cause, .. } => Self::of_error(cause),
            Refusal::Answer { status, .. } => Some(Self::of_status(*status)),
            Refusal::Denied { .. } | Refusal::Uncut { .. } | Refusal::Misshapen { .. } => {
                Some(Self::Answered)
            }
            Refusal::Stranger(_)
            | Refusal::Strangers { .. }
            | Refusal::Flood { .. }
            | Refusal::Headers(_)
            | Refusal::TooLarge { .. }
            | Refusal::Body
            | Refusal::Message(_)
            | Refusal::Method { .. }
            | Refusal::Stopped { .. }
            | Refusal::Limited { .. }
            | Refusal::Busy { .. }
            | Refusal::Trail { .. }
            | Refusal::Broken { .. } => None,
        }
    }

    fn of_error(error: &UpstreamError) -> Option<Self> {
        match error {
            // Whoever can use up the gateway's file descriptors could open the breaker with them.
            UpstreamError::Connect { .. } => error.is_unreached().then_some(Self::Unreached),
            UpstreamError::Timeout { .. } | UpstreamError::Protocol(_) => Some(Self::Unanswered),
            // A Local MCP is one of several processes, each with a pause of its own; Directus may be well.
            UpstreamError::NotRunning(_) | UpstreamError::Ended => None,
        }
    }

    fn of_status(status: StatusCode) -> Self {
        let down = [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT];
        if down.contains(&status) { Self::Unanswered } else { Self::Answered }
    }
}

/// A call that may be tried.
#[derive(Debug)]
pub(super) struct Ticket {
    breaker: Breaker,
    client: String,
    is_probe: bool,
}

impl Ticket {
    /// Tells how it went.
    pub(super) fn tell(&self, answer: &Result<Response<Body>, Refusal>, now: Instant) {
        if let Some(went) = Went::of(answer) {
            self.breaker.tell(&self.client, went, now);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.is_probe {
            self.breaker.probed(&self.client);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(5);

    fn breaker() -> Breaker {
        Breaker::new(3, PAUSE)
    }

    /// Calls of a client that go like this.
    fn calls(breaker: &Breaker, client: &str, went: Went, count: usize) {
        for _ in 0..count {
            let ticket = breaker.ask(client, Instant::now()).unwrap();
            breaker.tell(&ticket.client, went, Instant::now());
        }
    }

    fn refused(breaker: &Breaker, client: &str) -> Option<Busy> {
        breaker.ask(client, Instant::now()).err().map(|(cause, _)| cause)
    }

    #[tokio::test(start_paused = true)]
    async fn without_connections_all_are_refused_until_a_probe_is_answered() {
        let breaker = breaker();
        calls(&breaker, "a", Went::Unreached, 2);
        calls(&breaker, "a", Went::Answered, 1);
        calls(&breaker, "a", Went::Unreached, 2);
        assert_eq!((refused(&breaker, "a"), breaker.word()), (None, "closed"), "not in a row");
        calls(&breaker, "b", Went::Unreached, 1);
        assert_eq!((refused(&breaker, "c"), breaker.word()), (Some(Busy::Unreached), "open"));
        assert_eq!(breaker.ask("c", Instant::now()).unwrap_err().1, PAUSE);

        tokio::time::advance(PAUSE).await;
        assert_eq!(breaker.word(), "half-open");
        let probe = breaker.ask("a", Instant::now()).unwrap();
        assert_eq!(refused(&breaker, "a"), Some(Busy::Unreached), "one probe");
        breaker.tell("a", Went::Unreached, Instant::now());
        drop(probe);
        assert_eq!(
            (refused(&breaker, "a"), breaker.word()),
            (Some(Busy::Unreached), "open"),
            "for a pause more"
        );

        tokio::time::advance(PAUSE).await;
        calls(&breaker, "a", Went::Answered, 1);
        assert_eq!((refused(&breaker, "b"), breaker.word()), (None, "closed"));
        assert!(breaker.seen.lock().unwrap().clients.is_empty(), "nothing is remembered");
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_are_not_answered_shut_out_their_own_client_only() {
        let breaker = breaker();
        calls(&breaker, "a", Went::Unanswered, 3);
        assert_eq!(refused(&breaker, "a"), Some(Busy::Unanswered));
        assert_eq!((refused(&breaker, "b"), breaker.word()), (None, "closed"));
        calls(&breaker, "b", Went::Answered, 9);
        assert_eq!(
            refused(&breaker, "a"),
            Some(Busy::Unanswered),
            "the calls of others say nothing of its own"
        );
        tokio::time::advance(PAUSE).await;
        calls(&breaker, "a", Went::Answered, 1);
        calls(&breaker, "a", Went::Unanswered, 2);
        assert_eq!(refused(&breaker, "a"), None, "it begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_hangs_holds_up_nobody_else_and_its_own_client_for_a_pause() {
        let breaker = breaker();
        calls(&breaker, "a", Went::Unreached, 3);
        tokio::time::advance(PAUSE).await;
        let hangs = breaker.ask("a", Instant::now()).unwrap();
        assert_eq!((refused(&breaker, "a"), refused(&breaker, "b")), (Some(Busy::Unreached), None));
        tokio::time::advance(PAUSE).await;
        let second = breaker.ask("a", Instant::now()).unwrap();
        drop((hangs, second));
        assert_eq!(refused(&breaker, "a"), None, "what never got to Directus gives its probe back");
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_not_failed_for_long_is_forgotten() {
        let breaker = breaker();
        for number in 0..100 {
            calls(&breaker, &format!("client {number}"), Went::Unanswered, 1);
        }
        breaker.forget(Instant::now());
        assert_eq!(breaker.seen.lock().unwrap().clients.len(), 100);
        tokio::time::advance(REMEMBERED).await;
        breaker.forget(Instant::now());
        assert!(breaker.seen.lock().unwrap().clients.is_empty());
    }
}
