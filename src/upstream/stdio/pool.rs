//! One process for each Directus token: started when it is needed, not at once again when it keeps ending, ended when nobody uses it.

use super::process::{Running, initialized};
use super::{LocalMcpOptions, NotStarted};
use crate::upstream::UpstreamError;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Most processes at once.
const MOST: usize = 16;

/// A process that nobody has used for so long is ended, unless it is the only one.
const IDLE: Duration = Duration::from_mins(10);

/// How often they are looked at.
const LOOK: Duration = Duration::from_secs(30);

/// Between the end of a process and the next start; it doubles as long as processes end young.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A process that has lived so long did not fail to start.
const GROWN_UP: Duration = Duration::from_secs(30);

/// The processes.
#[derive(Debug)]
pub(super) struct Pool {
    options: LocalMcpOptions,
    slots: Mutex<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    is_closed: bool,
    slots: Vec<Arc<Slot>>,
}

/// The place of one token's process.
#[derive(Debug)]
struct Slot {
    token: SecretString,
    used: Mutex<Instant>,
    state: tokio::sync::Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: Option<Running>,
    /// How many processes have ended young, one after the other.
    failures: u32,
    /// None is started before.
    not_before: Option<Instant>,
}

impl Pool {
    pub(super) fn new(options: LocalMcpOptions) -> Self {
        Self { options, slots: Mutex::default() }
    }

    /// Asks the process of that token.
    pub(super) async fn ask(
        &self,
        token: &SecretString,
        method: &str,
        params: Option<Value>,
    ) -> Result<Value, UpstreamError> {
        let slot = self.slot(token).map_err(not_running)?;
        let running = slot.running(&self.options).await.map_err(not_running)?;
        if method == "initialize" {
            return Ok(initialized(running.greeting(), params.as_ref()));
        }
        let answer = running.ask(method, params, self.options.reply_timeout).await;
        slot.touch();
        answer
    }

    /// The process of that token, started if need be.
    pub(super) async fn running(&self, token: &SecretString) -> Result<Running, NotStarted> {
        self.slot(token)?.running(&self.options).await
    }

    /// Ends all of them, and starts no more.
    pub(super) async fn close(&self) {
        let slots = {
            let mut slots = self.slots();
            slots.is_closed = true;
            std::mem::take(&mut slots.slots)
        };
        let mut ending = Vec::new();
        for slot in slots {
            if let Some(running) = slot.state.lock().await.running.take() {
                running.stop();
                ending.push(running);
            }
        }
        for running in ending {
            running.ended().await;
        }
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, token: &SecretString) -> Result<Arc<Slot>, NotStarted> {
        let mut slots = self.slots();
        if slots.is_closed {
            return Err(NotStarted::Ending);
        }
        let of_token = |slot: &&Arc<Slot>| slot.token.expose_secret() == token.expose_secret();
        if let Some(slot) = slots.slots.iter().find(of_token) {
            slot.touch();
            return Ok(slot.clone());
        }
        if slots.slots.len() >= MOST {
            let unused = slots.slots.iter().enumerate().filter(|(_, slot)| slot.is_unused());
            let oldest = unused.min_by_key(|(_, slot)| slot.used()).map(|(at, _)| at);
            slots.slots.swap_remove(oldest.ok_or(NotStarted::Full { most: MOST })?).give_up();
        }
        let slot = Arc::new(Slot {
            token: token.clone(),
            used: Mutex::new(Instant::now()),
            state: tokio::sync::Mutex::default(),
        });
        slots.slots.push(slot.clone());
        Ok(slot)
    }

    fn end_idle(&self) {
        let mut slots = self.slots();
        let is_idle = |slot: &Arc<Slot>| slot.is_unused() && slot.used().elapsed() >= IDLE;
        while slots.slots.len() > 1
            && let Some(at) = slots.slots.iter().position(is_idle)
        {
            slots.slots.swap_remove(at).give_up();
        }
    }
}

/// Ends processes that nobody uses, as long as there is a pool.
pub(super) async fn tidy(pool: Weak<Pool>) {
    loop {
        sleep(LOOK).await;
        match pool.upgrade() {
            Some(pool) => pool.end_idle(),
            None => return,
        }
    }
}

fn not_running(cause: NotStarted) -> UpstreamError {
    UpstreamError::NotRunning(Box::new(cause))
}

impl Slot {
    async fn running(&self, options: &LocalMcpOptions) -> Result<Running, NotStarted> {
        let mut state = self.state.lock().await;
        if let Some(running) = state.running.take() {
            if running.is_alive() {
                state.running = Some(running.clone());
                return Ok(running);
            }
            state.has_ended(running.age());
        }
        if let Some(left) = state.not_before.and_then(|at| at.checked_duration_since(Instant::now()))
            && !left.is_zero()
        {
            return Err(NotStarted::Pause { after: left });
        }
        match Running::start(options, &self.token).await {
            Ok(running) => {
                tracing::info!("a Local MCP was started");
                state.running = Some(running.clone());
                Ok(running)
            }
            Err(error) => {
                state.has_ended(Duration::ZERO);
                Err(error)
            }
        }
    }

    fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn used(&self) -> Instant {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether no call holds it but the pool itself.
    fn is_unused(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 1
    }

    /// Ends its process. Nobody but the pool holds the place, so nobody holds the lock.
    fn give_up(self: Arc<Self>) {
        if let Ok(mut state) = self.state.try_lock()
            && let Some(running) = state.running.take()
        {
            running.stop();
        }
    }
}

impl State {
    fn has_ended(&mut self, age: Duration) {
        self.failures = if age >= GROWN_UP { 1 } else { self.failures.saturating_add(1) };
        self.not_before = Some(Instant::now() + pause(self.failures));
    }
}

/// How long nothing is started after so many failures in a row.
fn pause(failures: u32) -> Duration {
    let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    FIRST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        for (failures, ms) in [(1, 250), (2, 500), (3, 1000), (7, 16_000), (8, 30_000), (40, 30_000)] {
            assert_eq!(pause(failures), Duration::from_millis(ms), "{failures}");
        }
    }
}
