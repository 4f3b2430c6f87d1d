//! The way out: what is under way ends, and nothing new begins.

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Tells every part of the gateway that it is to end, and waits for what must not be cut off. Clones are the same drain.
#[derive(Clone, Debug, Default)]
pub struct Drain {
    stop: CancellationToken,
    /// Set when patience is at its end: connections that are still open are cut.
    cut: CancellationToken,
    /// Set when nothing is under way any more.
    over: CancellationToken,
    began: Arc<OnceLock<Instant>>,
    tasks: TaskTracker,
    keepers: TaskTracker,
}

/// What is left at least for recording what was cut, and for whatever else the end waits for.
const AT_LEAST: Duration = Duration::from_secs(5);

/// What was left when the gateway ended; nothing, if all went well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut with a request under way.
    pub connections: usize,
    /// Tasks that had not ended: the outcomes of their calls are not recorded.
    pub tasks: usize,
}

impl Drain {
    /// Nothing has to end yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins the end.
    pub fn begin(&self) {
        self.began.get_or_init(Instant::now);
        self.stop.cancel();
    }

    /// What is left of that patience since the end began: whoever waits one after the other has it together. At least five seconds.
    pub fn left(&self, patience: Duration) -> Duration {
        let gone = self.began.get().map_or(Duration::ZERO, Instant::elapsed);
        patience.saturating_sub(gone).max(AT_LEAST)
    }

    /// Whether the end has begun.
    pub fn has_begun(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Cancelled when the end begins.
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Cuts whatever is still under way.
    pub fn cut_off(&self) {
        self.begin();
        self.cut.cancel();
    }

    /// Cancelled when patience is at its end.
    pub fn cut(&self) -> &CancellationToken {
        &self.cut
    }

    /// Waits until the end has begun and patience with it is over, or it is cut.
    pub async fn overdue(&self, patience: Duration) {
        self.stop.cancelled().await;
        let _ = timeout(patience, self.cut.cancelled()).await;
    }

    /// Tasks that the end waits for, such as those that record the outcome of a call. The path spawns them here.
    pub fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Cancelled when nothing is under way any more: what a call is judged by, and what counts refusals, goes on until then.
    pub fn over(&self) -> CancellationToken {
        self.over.clone()
    }

    /// Tasks that go on for as long as a call may be under way, until [`Drain::over`].
    pub fn keepers(&self) -> &TaskTracker {
        &self.keepers
    }

    /// Says that nothing is under way any more, and waits for the keepers.
    pub async fn end_keepers(&self) {
        self.over.cancel();
        self.keepers.close();
        if timeout(AT_LEAST, self.keepers.wait()).await.is_err() {
            tracing::warn!("what looks after the gateway does not end, and is left behind");
        }
    }

    /// Begins the end at the first SIGTERM or SIGINT, and cuts things short at the second.
    ///
    /// # Errors
    /// When the process cannot listen to signals.
    pub fn on_signals(&self) -> io::Result<()> {
        let mut signals = Signals::new()?;
        let drain = self.clone();
        // Not one of `tasks`: it never ends by itself.
        tokio::spawn(async move {
            let name = signals.next().await;
            tracing::info!(signal = name, "ending: calls under way are finished first");
            drain.begin();
            let name = signals.next().await;
            tracing::warn!(signal = name, "ending at once: calls under way are cut");
            drain.cut_off();
        });
        Ok(())
    }

    /// Waits for the tasks that the end waits for, at most so long, and says how many are left.
    pub async fn finish_tasks(&self, patience: Duration) -> usize {
        self.tasks.close();
        let _ = timeout(patience, self.tasks.wait()).await;
        self.tasks.len()
    }
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> &'static str {
        let _ = tokio::signal::ctrl_c().await;
        "Ctrl-C"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_tasks_but_not_for_ever() {
        let drain = Drain::new();
        drain.tasks().spawn(tokio::time::sleep(Duration::from_secs(1)));
        drain.begin();
        assert!(drain.has_begun());
        assert_eq!(drain.finish_tasks(Duration::from_secs(5)).await, 0);

        // Before it begins it cannot be overdue.
        let drain = Drain::new();
        let patience = Duration::from_secs(5);
        assert!(timeout(2 * patience, drain.overdue(patience)).await.is_err());
        drain.begin();
        assert!(timeout(patience / 2, drain.overdue(patience)).await.is_err());
        drain.overdue(patience).await;
        drain.cut_off();
        assert!(timeout(patience / 2, drain.overdue(patience)).await.is_ok());

        let drain = Drain::new();
        drain.tasks().spawn(std::future::pending::<()>());
        assert_eq!(drain.finish_tasks(Duration::from_secs(5)).await, 1);
    }
}
