//! The audit trail as the path sees it: entries in, durable entries out.

use super::checkpoint::Checkpoints;
use super::entry::Entry;
use super::location::{Location, TrailError};
use super::recovery;
use super::row::Row;
use super::session::Text;
use super::writer::{Job, Pace, Place, WaitingRow, Writer};
use crate::telemetry::metrics::Commits;
use jiff::Timestamp;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// Memory for entries that wait for the disk, in KiB.
const ROOM_KIB: u32 = 32 * 1024;

/// How long an intent waits for room before its call is refused.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a successful write counts as a sign that the next one will succeed too.
const FRESH: Duration = Duration::from_secs(1);

/// An open audit trail. Clones are cheap and write to the same file.
///
/// Entries are written by one task, in the order in which they are given to it; all that waits is written in one
/// transaction, so that durability costs its latency once for a crowd.
///
/// ```no_run
/// # async fn example(entry: warrener::audit::entry::Entry) -> Result<(), Box<dyn std::error::Error>> {
/// use warrener::audit::trail::{Trail, TrailOptions};
///
/// let trail = Trail::open(&TrailOptions::new("sqlite://warrener.db")).await?;
/// let seq = trail.commit(entry).await?; // on the disk
/// trail.close().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Trail {
    jobs: UnboundedSender<Job>,
    room: Arc<Semaphore>,
    progress: Arc<Progress>,
    closed_at_start: u64,
    /// Where the file is.
    path: Arc<Path>,
}

/// Where the trail is, and how it is opened.
#[derive(Clone, Debug)]
pub struct TrailOptions {
    /// `sqlite://FILE`.
    pub url: String,
    /// The time of opening, for the start marker and for the outcomes of calls that an earlier run left open.
    pub at: Timestamp,
    /// How long a write waits for another program that has locked the file, such as a shell with an open transaction; 5 s.
    pub busy_timeout: Duration,
    /// How long another gateway that still writes to the file is waited for; not at all.
    pub lock_patience: Duration,
    /// How the end of the chain is signed; it is not where this is `None`.
    pub checkpoints: Option<Checkpoints>,
}

/// The trail cannot be written now, so nothing may be forwarded.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the audit trail cannot be written: {0}")]
pub struct TrailUnavailable(Arc<str>);

/// What a text is, that entries name by its digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// Everything that a policy revision was loaded from.
    Policy,
    /// A schema snapshot.
    Schema,
}

/// What the writer tells about itself.
#[derive(Debug)]
pub(super) struct Progress {
    entries: AtomicU64,
    commits: AtomicU64,
    /// The same for whoever watches.
    meters: Commits,
    healthy: AtomicBool,
    /// Cancelled when writing fails for the first time.
    broken: CancellationToken,
    /// When a write last succeeded.
    verified: Mutex<Instant>,
}

impl TrailOptions {
    /// The trail of that URL, opened now.
    pub fn new(url: impl Into<String>) -> Self {
        let busy_timeout = Duration::from_secs(5);
        let lock_patience = Duration::ZERO;
        Self { url: url.into(), at: Timestamp::now(), busy_timeout, lock_patience, checkpoints: None }
    }
}

impl Trail {
    /// Opens the trail for writing, creating the file where there is none, and closes what an earlier run left open: each
    /// intent without an outcome gets one that says `unknown`.
    ///
    /// # Errors
    ///
    /// [`TrailError`], where the URL, the file or its content will not do, or another gateway writes to it.
    pub async fn open(options: &TrailOptions) -> Result<Self, TrailError> {
        let location = Location::parse(&options.url)?;
        location.create()?;
        let lock = location.lock(options.lock_patience).await?;
        location.refuse_foreign().await?;
        let (session, closed_at_start) = recovery::open(&location, options).await?;
        let (jobs, receiver) = mpsc::unbounded_channel();
        let progress = Arc::new(Progress::new());
        let path = location.path().into();
        let writer = Writer {
            location,
            busy_timeout: options.busy_timeout,
            jobs: receiver,
            progress: Arc::clone(&progress),
            session: Some(session),
            kept: Vec::new(),
            doubtful: None,
            checkpoints: options.checkpoints.clone(),
            signed: None,
            pace: Pace::default(),
            lock,
        };
        tokio::spawn(writer.run());
        let room = Arc::new(Semaphore::new(ROOM_KIB as usize));
        Ok(Self { jobs, room, progress, closed_at_start, path })
    }

    /// Writes an entry, and returns its place in the chain once it is on the disk.
    ///
    /// # Errors
    ///
    /// [`TrailUnavailable`]: the entry is not on the disk, and will not be written later.
    pub async fn commit(&self, entry: Entry) -> Result<i64, TrailUnavailable> {
        let row = Box::new(Row::new(entry)?);
        let room = timeout(PATIENCE, self.room(row.size())).await;
        let room = room.map_err(|_| TrailUnavailable::new("too much waits to be written"))??;
        let (waiter, written) = oneshot::channel();
        self.send(Job::Entry(WaitingRow { row, waiter: Some(waiter), room }))?;
        written.await.map_err(|_| TrailUnavailable::closed())?
    }

    /// Hands over an entry to be written, without waiting for the disk.
    ///
    /// It waits for room only. What is handed over is tried until it is written, in order, and before [`Trail::close`] is
    /// done.
    ///
    /// # Errors
    ///
    /// [`TrailUnavailable`], where the trail is closed already.
    pub async fn submit(&self, entry: Entry) -> Result<(), TrailUnavailable> {
        let row = Box::new(Row::new(entry)?);
        let room = self.room(row.size()).await?;
        self.send(Job::Entry(WaitingRow { row, waiter: None, room }))
    }

    /// Keeps a policy text or a schema snapshot under its digest, once, and returns when it is on the disk.
    ///
    /// # Errors
    ///
    /// [`TrailUnavailable`]: the text was not kept.
    pub async fn keep_text(
        &self,
        digest: &str,
        kind: TextKind,
        text: String,
    ) -> Result<(), TrailUnavailable> {
        let text = Text { digest: digest.to_owned(), kind: kind.as_str(), body: text };
        self.ask(|waiter| Job::Text(text, waiter)).await
    }

    /// Signs where the chain ends, in the trail and in the second place, unless nothing has come since that was last done.
    ///
    /// # Errors
    ///
    /// [`TrailUnavailable`], where it is not in both places.
    pub async fn checkpoint(&self) -> Result<(), TrailUnavailable> {
        self.ask(Job::Checkpoint).await
    }

    /// Whether an intent could be written now. Where nothing was written within the last second it writes, so that a full or
    /// read-only disk is noticed before a call needs it.
    ///
    /// # Errors
    ///
    /// [`TrailUnavailable`], with the reason.
    pub async fn ready(&self) -> Result<(), TrailUnavailable> {
        if self.progress.is_fresh() && !self.jobs.is_closed() {
            return Ok(());
        }
        let probe = timeout(PATIENCE, self.ask(Job::Probe)).await;
        probe.map_err(|_| TrailUnavailable::new("the disk does not answer"))?
    }

    /// Whether what writes the trail answers within that time, be it that the disk fails: a writer that is stuck does not.
    pub async fn responds(&self, within: Duration) -> bool {
        let fresh = self.progress.is_fresh();
        let answered = fresh || timeout(within, self.ask(Job::Probe)).await.is_ok();
        answered && !self.jobs.is_closed()
    }

    /// Resolves when the trail cannot be written for the first time; never where that does not happen.
    pub async fn failed(&self) {
        self.progress.broken.cancelled().await;
    }

    /// Whether the trail could not be written at any time since it was opened.
    pub fn has_failed(&self) -> bool {
        self.progress.broken.is_cancelled()
    }

    /// Writes what was handed over, signs the end of the chain, empties the write-ahead log into the file and lets the file go. Other clones can write
    /// no more.
    ///
    /// # Errors
    ///
    /// [`TrailUnavailable`], where entries were handed over that the disk has not taken after 5 s of trying.
    pub async fn close(self) -> Result<(), TrailUnavailable> {
        let stop = recovery::stop_marker(Timestamp::now());
        // Where the disk has failed for so long that there is no room for it, the end is not put off.
        if timeout(PATIENCE, self.submit(stop)).await.is_err() {
            tracing::debug!("there is no room for the stop marker");
        }
        self.ask(Job::Close).await
    }

    /// How many entries this run has written.
    pub fn entries(&self) -> u64 {
        self.progress.entries.load(Ordering::Relaxed)
    }

    /// In how many transactions.
    pub fn commits(&self) -> u64 {
        self.progress.commits.load(Ordering::Relaxed)
    }

    /// What the writer counts, for whoever watches it.
    pub fn meters(&self) -> &Commits {
        &self.progress.meters
    }

    /// Whether the last write has failed.
    pub fn is_failing(&self) -> bool {
        !self.progress.healthy.load(Ordering::Relaxed)
    }

    /// How long the file is now, with its write-ahead log, in bytes. It asks the file system.
    pub fn size(&self) -> u64 {
        let mut name = self.path.as_os_str().to_owned();
        name.push("-wal");
        let log = Path::new(&name);
        let length = |path: &Path| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        length(&self.path).saturating_add(length(log))
    }

    /// How many calls an earlier run had left without an outcome, closed as `unknown` when the trail was opened.
    pub fn closed_at_start(&self) -> u64 {
        self.closed_at_start
    }

    /// Waits until there is memory for an entry of that many bytes. One that is larger than all the room takes all of it.
    async fn room(&self, bytes: usize) -> Result<Place, TrailUnavailable> {
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(ROOM_KIB).clamp(1, ROOM_KIB);
        let waiting = self.progress.meters.wait();
        let room = Arc::clone(&self.room).acquire_many_owned(kib).await;
        Ok(Place { _room: room.map_err(|_| TrailUnavailable::closed())?, _waiting: waiting })
    }

    async fn ask(&self, job: impl FnOnce(super::writer::Waiter<()>) -> Job) -> Result<(), TrailUnavailable> {
        let (waiter, answer) = oneshot::channel();
        self.send(job(waiter))?;
        answer.await.map_err(|_| TrailUnavailable::closed())?
    }

    fn send(&self, job: Job) -> Result<(), TrailUnavailable> {
        self.jobs.send(job).map_err(|_| TrailUnavailable::closed())
    }
}

impl TextKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::Schema => "schema",
        }
    }
}

impl Progress {
    fn new() -> Self {
        Self {
            entries: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            meters: Commits::default(),
            healthy: AtomicBool::new(true),
            broken: CancellationToken::new(),
            verified: Mutex::new(Instant::now()),
        }
    }

    /// A transaction with that many entries is on the disk, after so long; the chain now ends there.
    pub(super) fn wrote(&self, entries: usize, last: i64, took: Duration) {
        self.meters.wrote(entries, last, took);
        self.entries.fetch_add(entries as u64, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
        *self.verified.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Notes that writing works; true where it had not.
    pub(super) fn recovered(&self) -> bool {
        !self.healthy.swap(true, Ordering::Relaxed)
    }

    /// Notes that writing fails; true where it had worked.
    pub(super) fn failed(&self) -> bool {
        self.broken.cancel();
        self.healthy.swap(false, Ordering::Relaxed)
    }

    fn is_fresh(&self) -> bool {
        let verified = *self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        self.healthy.load(Ordering::Relaxed) && verified.elapsed() < FRESH
    }
}

impl TrailUnavailable {
    pub(crate) fn new(why: impl Into<Arc<str>>) -> Self {
        Self(why.into())
    }

    fn closed() -> Self {
        Self::new("it is closed")
    }
}

impl From<sqlx::Error> for TrailUnavailable {
    fn from(error: sqlx::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl From<getrandom::Error> for TrailUnavailable {
    fn from(error: getrandom::Error) -> Self {
        Self::new(error.to_string())
    }
}
