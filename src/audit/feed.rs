//! The live feed: each call, once it has ended, as a line of JSON on a file or on standard output, for a log shipper.
//!
//! It follows the trail as `warrener audit tail -f` does, with a connection of its own, and holds up no call: where the file
//! cannot be written it tries again. A call is in it at least once. A file is its own memory of how far it got: a new run goes
//! on behind its last whole line, and where it holds none, such as after it was rotated away, where a small file beside it says.

mod memory;
mod outlet;

pub use outlet::FeedError;

use self::memory::Memory;
use self::outlet::{LastLine, Outlet};
use super::TrailError;
use super::export::{ExportFormat, write_line};
use super::query::{Place, QueryError, TrailReader};
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How often it looks for calls that have ended.
const POLL: Duration = Duration::from_millis(250);

/// How long it waits where it cannot go on.
const RETRY: Duration = Duration::from_secs(1);

/// Where the feed goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedTarget {
    /// Standard output, which then carries nothing else.
    Stdout,
    /// A file, which is appended to, and made anew where it has been moved away.
    File(PathBuf),
}

/// A feed that knows where to begin.
#[derive(Debug)]
pub struct Feed {
    trail: String,
    outlet: Outlet,
    memory: Memory,
    /// What has ended up to here is in it.
    place: Place,
    failing: bool,
}

/// A feed under way.
#[derive(Debug)]
pub struct FeedTask {
    stop: CancellationToken,
    done: oneshot::Receiver<()>,
}

/// Why a feed does not get on for now.
#[derive(Debug, thiserror::Error)]
enum Obstacle {
    #[error(transparent)]
    Query(#[from] QueryError),
    #[error("the feed cannot be written")]
    Output(#[from] std::io::Error),
}

impl Feed {
    /// Opens the target, and finds out where to begin: behind the last call that a file holds, else where an earlier run got to.
    /// The first run begins with what ends from now on; so it has to be opened before the trail is, which closes the calls that an
    /// earlier run left open.
    ///
    /// # Errors
    ///
    /// [`FeedError`], where the target cannot be opened or holds something else, or the trail cannot be read.
    pub async fn open(target: &FeedTarget, trail: &str) -> Result<Self, FeedError> {
        let (outlet, last) = Outlet::open(target)?;
        let memory = Memory::of(target);
        let place = match TrailReader::open(trail).await {
            Ok(mut reader) => begin(&mut reader, last, memory.place()).await?,
            // There is none yet, or nothing in it; whether it will do is for the one who opens it to say.
            Err(TrailError::Missing { .. } | TrailError::Foreign { .. }) => Place::START,
            Err(error) => return Err(QueryError::from(error).into()),
        };
        memory.keep(place);
        Ok(Self { trail: trail.to_owned(), outlet, memory, place, failing: false })
    }

    /// Begins to follow the trail, on a thread of its own: a shipper that does not read holds up that one only.
    ///
    /// # Errors
    ///
    /// When the system has no thread to give.
    pub fn start(self) -> std::io::Result<FeedTask> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, (ended, done)) = (CancellationToken::new(), oneshot::channel());
        let token = stop.clone();
        std::thread::Builder::new().name("feed".to_owned()).spawn(move || {
            runtime.block_on(self.run(token));
            // Nobody may be waiting for it any more.
            let _ = ended.send(());
        })?;
        Ok(FeedTask { stop, done })
    }

    async fn run(mut self, stop: CancellationToken) {
        let mut reader = None;
        loop {
            // Asked before looking, so that the last look is at all that there will be.
            let last = stop.is_cancelled();
            let result = self.catch_up(&mut reader).await;
            let pause = self.note(&result);
            if last {
                return;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = sleep(pause) => {}
            }
        }
    }

    /// Writes all that has ended.
    async fn catch_up(&mut self, reader: &mut Option<TrailReader>) -> Result<(), Obstacle> {
        let reader = match reader {
            Some(reader) => reader,
            None => reader.insert(TrailReader::open(&self.trail).await.map_err(QueryError::from)?),
        };
        let head = reader.head().await?;
        while self.place < head {
            let (calls, reached) = reader.ended(self.place, head).await?;
            let mut lines = Vec::new();
            for ended in &calls {
                write_line(ExportFormat::Jsonl, &ended.call, &mut lines)?;
            }
            self.outlet.write(&lines)?;
            self.place = reached;
            self.memory.keep(reached);
        }
        Ok(())
    }

    /// Says once that it does not get on, and once that it does again; returns how long to wait.
    fn note(&mut self, result: &Result<(), Obstacle>) -> Duration {
        let was_failing = std::mem::replace(&mut self.failing, result.is_err());
        if let (Err(error), false) = (result, was_failing) {
            tracing::warn!(error = crate::telemetry::chain(error), "the feed waits");
        } else if result.is_ok() && was_failing {
            tracing::info!("the feed is written again; nothing is missing in it");
        }
        if self.failing { RETRY } else { POLL }
    }
}

impl FeedTask {
    /// Writes what has ended so far, and ends; false where that takes longer than `patience`.
    pub async fn finish(self, patience: Duration) -> bool {
        self.stop.cancel();
        timeout(patience, self.done).await.is_ok()
    }
}

async fn begin(reader: &mut TrailReader, last: LastLine, before: Option<Place>) -> Result<Place, FeedError> {
    let (id, whole) = match last {
        LastLine::None => {
            let head = reader.head().await?;
            // A place behind the end is another trail's.
            return Ok(before.filter(|place| *place <= head).unwrap_or(head));
        }
        LastLine::Half(id) => (id, false),
        LastLine::Whole(id) => (id, true),
    };
    match reader.end_of(&id).await {
        Ok(place) => Ok(if whole { place } else { place.before() }),
        Err(QueryError::Unknown { .. } | QueryError::Open { .. }) => {
            tracing::warn!(
                call = id,
                "the last call of the feed is not in the trail: all that is there is written"
            );
            Ok(Place::START)
        }
        Err(error) => Err(error.into()),
    }
}
