//! The one task that writes: it takes all that waits, writes it in one transaction, and answers everyone.

use super::checkpoint::Checkpoints;
use super::location::Location;
use super::row::Row;
use super::session::{Head, Session, Text};
use super::trail::{Progress, TrailUnavailable};
use crate::telemetry::metrics::Held;
use std::fs::File;
use std::mem;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

/// As much as goes into one transaction; more would let the first of a crowd wait for the last.
const BATCH: usize = 2000;

/// What part of the time that a transaction takes may be spent on waiting for a crowd.
const PAUSE: u32 = 8;

/// The longest such wait: a disk that has just stood still says nothing about the crowd.
const LONGEST_PAUSE: Duration = Duration::from_millis(2);

/// How long outcomes wait for an entry of another kind, to share its transaction: a client that calls again has the outcome of its last call
/// and the intent of the next one written at once. Outcomes of that time are unknown after a crash.
const LINGER: Duration = Duration::from_millis(5);

/// How soon what could not be written is tried again.
const RETRY: Duration = Duration::from_millis(250);

/// How long it is tried before the trail is closed without it.
const LAST_TRIES: Duration = Duration::from_secs(5);

/// Who waits for the disk, and for what.
pub(super) type Waiter<T> = oneshot::Sender<Result<T, TrailUnavailable>>;

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Job {
    /// Write an entry, and tell its place to whoever waits.
    Entry(WaitingRow),
    /// Keep a text.
    Text(Text, Waiter<()>),
    /// Show that the disk takes a write.
    Probe(Waiter<()>),
    /// Sign where the chain ends.
    Checkpoint(Waiter<()>),
    /// Write what came before, and end.
    Close(Waiter<()>),
}

/// An entry on its way to the disk.
#[derive(Debug)]
pub(super) struct WaitingRow {
    pub(super) row: Box<Row>,
    /// `None` for what is submitted: it is not told, but neither is it dropped.
    pub(super) waiter: Option<Waiter<i64>>,
    /// Its share of the memory for what waits; given back once it is written.
    pub(super) room: Place,
}

/// An entry's share of the memory for what waits, and its place among those that wait.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) _room: OwnedSemaphorePermit,
    pub(super) _waiting: Held,
}

/// The writer's state.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) location: Location,
    pub(super) busy_timeout: Duration,
    pub(super) jobs: UnboundedReceiver<Job>,
    pub(super) progress: Arc<Progress>,
    /// None after an error, until a new connection has told where the chain ends.
    pub(super) session: Option<Session>,
    /// Submitted rows that could not be written yet.
    pub(super) kept: Vec<WaitingRow>,
    /// A transaction that failed may have got through: the end of the chain if so, and how many of `kept` were in it.
    pub(super) doubtful: Option<(Head, usize)>,
    /// How checkpoints are made; `None` where they are not.
    pub(super) checkpoints: Option<Checkpoints>,
    /// The place of the last checkpoint: where it is the end of the chain there is nothing new to sign.
    pub(super) signed: Option<i64>,
    /// How the last transaction went, to guess whom it is worth waiting for.
    pub(super) pace: Pace,
    /// Held until the end, so that no second gateway writes.
    pub(super) lock: File,
}

/// The last transaction: how many waited for it, and how long it took.
///
/// Those who were answered together tend to come back together, but not at the same moment. Without a pause the first of them would
/// go to the disk alone, and the others wait for the next turn: two crowds in turn, each half as large.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    waited: usize,
    took: Duration,
}

/// All that is written together.
#[derive(Debug, Default)]
struct Batch {
    rows: Vec<WaitingRow>,
    texts: Vec<(Text, Waiter<()>)>,
    probes: Vec<Waiter<()>>,
    checkpoints: Vec<Waiter<()>>,
    close: Option<Waiter<()>>,
}

impl Writer {
    /// Works until the trail is closed or nobody can send any more.
    pub(super) async fn run(mut self) {
        let mut closing = None;
        while let Some(mut batch) = self.next().await {
            if let Some(waiter) = batch.close.take() {
                // What was sent before the channel closed is still received.
                self.jobs.close();
                closing = Some(waiter);
            }
            let checkpoints = mem::take(&mut batch.checkpoints);
            self.write(batch).await;
            if !checkpoints.is_empty() {
                let signed = self.checkpoint().await;
                for waiter in checkpoints {
                    let _ = waiter.send(signed.clone());
                }
            }
        }
        let closed = self.finish().await;
        if let Some(waiter) = closing {
            // Whoever closed the trail may have gone; there is nobody else to tell.
            let _ = waiter.send(closed);
        }
    }

    /// All that waits; an empty batch when it is time to try again; `None` at the end.
    async fn next(&mut self) -> Option<Batch> {
        let mut jobs = Vec::new();
        let received = self.jobs.recv_many(&mut jobs, BATCH);
        if self.kept.is_empty() {
            if received.await == 0 {
                return None;
            }
            self.linger(&mut jobs).await;
            self.gather(&mut jobs).await;
            return Some(Batch::from(jobs));
        }
        match timeout(RETRY, received).await {
            Ok(0) => None,
            Ok(_) | Err(_) => Some(Batch::from(jobs)),
        }
    }

    /// As long as there are outcomes only, waits for something else; but not for long.
    async fn linger(&mut self, jobs: &mut Vec<Job>) {
        let end = Instant::now() + LINGER;
        let mut looked_at = 0;
        while jobs.len() < BATCH && !jobs.iter().skip(looked_at).any(Job::is_urgent) {
            looked_at = jobs.len();
            let room = BATCH - jobs.len();
            match timeout_at(end, self.jobs.recv_many(jobs, room)).await {
                Ok(1..) => {}
                // Nothing more comes at all, or not in time.
                Ok(0) | Err(_) => return,
            }
        }
    }

    /// Lets as many come as waited the last time, for a fraction of the time that writing takes; and those that other tasks are about to
    /// send, as long as each turn of theirs brings some. Where the processor is what everybody waits for, fewer and larger transactions
    /// leave it more time; where it is not, a turn brings nothing and nobody waits.
    async fn gather(&mut self, jobs: &mut Vec<Job>) {
        // Of the machine: a clock that a test holds still would let this wait for ever.
        let begun = std::time::Instant::now();
        let pause = (self.pace.took / PAUSE).min(LONGEST_PAUSE);
        let mut waiting = jobs.iter().filter(|job| job.is_waited_for()).count();
        let mut came = true;
        while jobs.len() < BATCH {
            let left = if came { LONGEST_PAUSE } else { pause };
            if (waiting >= self.pace.waited && !came) || begun.elapsed() >= left {
                return;
            }
            tokio::task::yield_now().await;
            came = false;
            while let Ok(job) = self.jobs.try_recv() {
                came = true;
                waiting += usize::from(job.is_waited_for());
                jobs.push(job);
            }
        }
    }

    async fn write(&mut self, mut batch: Batch) {
        if batch.is_empty() && self.kept.is_empty() {
            return;
        }
        let (start, waited) = (Instant::now(), batch.rows.iter().filter(|row| row.waiter.is_some()).count());
        let written = self.try_write(&mut batch).await;
        self.pace = Pace { waited, took: start.elapsed() };
        self.note(&written);
        match written {
            Ok(last) => batch.answer(last),
            Err(unavailable) => self.kept = batch.refuse(&unavailable),
        }
    }

    /// Writes the batch, behind what was kept from earlier ones; tells the place of its last row.
    async fn try_write(&mut self, batch: &mut Batch) -> Result<i64, TrailUnavailable> {
        let kept = mem::take(&mut self.kept);
        batch.rows.splice(0..0, kept);
        let mut session = match self.session.take() {
            Some(session) => session,
            None => Session::open(&self.location, self.busy_timeout).await?,
        };
        if let Some((_, settled)) = self.doubtful.take().filter(|(head, _)| *head == session.head()) {
            // It did get through: writing its rows again would double them.
            batch.rows.drain(..settled);
        }
        let texts: Vec<&Text> = batch.texts.iter().map(|(text, _)| text).collect();
        let rows: Vec<&Row> = batch.rows.iter().map(|row| &*row.row).collect();
        let start = Instant::now();
        match session.write(&texts, &rows).await {
            Ok(()) => {
                let last = session.head().seq;
                self.progress.wrote(rows.len(), last, start.elapsed());
                self.session = Some(session);
                Ok(last)
            }
            Err(error) => {
                let submitted = batch.rows.iter().filter(|row| row.waiter.is_none()).count();
                self.doubtful = session.doubtful().map(|head| (head, submitted));
                session.abandon().await;
                Err(error.into())
            }
        }
    }

    /// Signs where the chain ends, unless that was done already.
    async fn checkpoint(&mut self) -> Result<(), TrailUnavailable> {
        let Some(checkpoints) = self.checkpoints.clone() else { return Ok(()) };
        let mut session = match self.session.take() {
            Some(session) => session,
            None => Session::open(&self.location, self.busy_timeout).await?,
        };
        if self.signed == Some(session.head().seq) {
            self.session = Some(session);
            return Ok(());
        }
        let (seq, said) = match checkpoints.append(&mut session).await {
            Ok(appended) => appended,
            Err(error) => {
                session.abandon().await;
                return Err(error.into());
            }
        };
        self.session = Some(session);
        self.signed = Some(seq);
        let published = tokio::task::spawn_blocking(move || checkpoints.to.publish(&said)).await;
        match published {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                Err(TrailUnavailable::new(format!("a checkpoint is not in its second place: {error}")))
            }
            Err(error) => Err(TrailUnavailable::new(error.to_string())),
        }
    }

    /// Says once that the trail fails, and once that it works again.
    fn note(&self, written: &Result<i64, TrailUnavailable>) {
        match written {
            Ok(_) => {
                if self.progress.recovered() {
                    tracing::info!(trail = %self.location.path().display(), "the audit trail is written again");
                }
            }
            Err(error) => {
                if self.progress.failed() {
                    let trail = self.location.path().display();
                    tracing::error!(%trail, %error, "calls are refused until the audit trail can be written");
                }
            }
        }
    }

    /// Tries to write what was kept, and leaves the file in order.
    async fn finish(mut self) -> Result<(), TrailUnavailable> {
        let end = Instant::now() + LAST_TRIES;
        while !self.kept.is_empty() && Instant::now() < end {
            tokio::time::sleep(RETRY).await;
            self.write(Batch::default()).await;
        }
        if !self.kept.is_empty() {
            let lost = self.kept.len();
            tracing::error!(lost, "the audit trail could not be written before the end: entries are lost");
            return Err(TrailUnavailable::new(format!("{lost} entries are lost")));
        }
        // The trail itself is whole without it, so a checkpoint that fails does not keep the file from being closed.
        let signed = self.checkpoint().await;
        if let Some(session) = self.session.take() {
            session.close().await?;
        }
        drop(self.lock);
        signed
    }
}

impl Job {
    /// Whether it is to be done at once: all but outcomes that nobody waits for. What a gateway does and begins with is not made to wait.
    fn is_urgent(&self) -> bool {
        match self {
            Self::Entry(row) => row.waiter.is_some() || !row.row.is_outcome(),
            Self::Text(..) | Self::Probe(_) | Self::Checkpoint(_) | Self::Close(_) => true,
        }
    }

    /// Whether an intent's caller waits, who may be one of a crowd.
    fn is_waited_for(&self) -> bool {
        matches!(self, Self::Entry(row) if row.waiter.is_some())
    }
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.texts.is_empty() && self.probes.is_empty()
    }

    /// Tells everyone that it is on the disk, and each row its place.
    fn answer(self, last: i64) {
        // A waiter that has gone does not keep the others from their answer.
        for (seq, row) in (1..=last).rev().zip(self.rows.into_iter().rev()) {
            drop(row.room);
            if let Some(waiter) = row.waiter {
                let _ = waiter.send(Ok(seq));
            }
        }
        for waiter in self.texts.into_iter().map(|(_, waiter)| waiter).chain(self.probes) {
            let _ = waiter.send(Ok(()));
        }
    }

    /// Tells everyone that it is not, and gives back the rows that nobody waits for.
    fn refuse(self, unavailable: &TrailUnavailable) -> Vec<WaitingRow> {
        let mut kept = Vec::new();
        for mut row in self.rows {
            match row.waiter.take() {
                Some(waiter) => drop(waiter.send(Err(unavailable.clone()))),
                None => kept.push(row),
            }
        }
        for waiter in self.texts.into_iter().map(|(_, waiter)| waiter).chain(self.probes) {
            let _ = waiter.send(Err(unavailable.clone()));
        }
        kept
    }
}

impl From<Vec<Job>> for Batch {
    fn from(jobs: Vec<Job>) -> Self {
        let mut batch = Self::default();
        for job in jobs {
            match job {
                Job::Entry(row) => batch.rows.push(row),
                Job::Text(text, waiter) => batch.texts.push((text, waiter)),
                Job::Probe(waiter) => batch.probes.push(waiter),
                Job::Checkpoint(waiter) => batch.checkpoints.push(waiter),
                Job::Close(waiter) => batch.close = Some(waiter),
            }
        }
        batch
    }
}
