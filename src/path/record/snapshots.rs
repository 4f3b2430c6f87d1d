//! The schema snapshots that calls were told by: each is kept in the trail once, so that its decisions can be made again.

use crate::audit::trail::{TextKind, Trail, TrailUnavailable};
use crate::directus::SchemaSnapshot;
use moka::future::Cache;
use moka::policy::EvictionPolicy;

/// How many snapshots are known to be kept; another one is only written once more, which changes nothing.
const KNOWN: u64 = 8;

/// Which snapshots the trail has.
///
/// A snapshot can be large, and the first calls under a new one may come all at once: one of them writes it, and the others wait for that.
#[derive(Debug)]
pub(super) struct Snapshots {
    kept: Cache<String, ()>,
}

impl Snapshots {
    /// None so far.
    pub(super) fn new() -> Self {
        Self { kept: Cache::builder().max_capacity(KNOWN).eviction_policy(EvictionPolicy::lru()).build() }
    }

    /// Returns once the trail has it.
    pub(super) async fn keep(&self, trail: &Trail, schema: &SchemaSnapshot) -> Result<(), TrailUnavailable> {
        let digest = schema.digest();
        self.once(digest, async { trail.keep_text(digest, TextKind::Schema, schema.text()).await }).await
    }

    /// Writes it unless that was done, or somebody is about to; an error is told to all who wait, and whoever comes next tries again.
    async fn once<F>(&self, digest: &str, write: F) -> Result<(), TrailUnavailable>
    where
        F: Future<Output = Result<(), TrailUnavailable>>,
    {
        self.kept.try_get_with_by_ref(digest, write).await.map_err(|error| TrailUnavailable::clone(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::task::{JoinSet, yield_now};

    /// How many of a crowd of fifty are told that it is kept, and how many wrote.
    async fn crowd(snapshots: &Arc<Snapshots>, result: Result<(), TrailUnavailable>) -> (usize, usize) {
        let written = Arc::new(AtomicUsize::new(0));
        let mut callers = JoinSet::new();
        for _ in 0..50 {
            let (snapshots, written, result) = (snapshots.clone(), written.clone(), result.clone());
            callers.spawn(async move {
                let write = async {
                    written.fetch_add(1, Ordering::Relaxed);
                    for _ in 0..100 {
                        yield_now().await;
                    }
                    result
                };
                snapshots.once("a", write).await
            });
        }
        let told = callers.join_all().await;
        (told.iter().filter(|told| told.is_ok()).count(), written.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn one_of_a_crowd_writes() {
        let snapshots = Arc::new(Snapshots::new());
        assert_eq!(crowd(&snapshots, Ok(())).await, (50, 1));
        assert_eq!(crowd(&snapshots, Ok(())).await, (50, 0));
    }

    #[tokio::test]
    async fn what_failed_is_tried_again() {
        let snapshots = Arc::new(Snapshots::new());
        assert_eq!(crowd(&snapshots, Err(TrailUnavailable::new("full"))).await, (0, 1));
        assert_eq!(crowd(&snapshots, Ok(())).await, (50, 1));
    }

    #[tokio::test]
    async fn whoever_leaves_while_it_writes_keeps_nobody_waiting() {
        let snapshots = Arc::new(Snapshots::new());
        let leaving = tokio::spawn({
            let snapshots = snapshots.clone();
            async move { snapshots.once("a", pending()).await }
        });
        yield_now().await;
        let waiting = tokio::spawn({
            let snapshots = snapshots.clone();
            async move { snapshots.once("a", async { Ok(()) }).await }
        });
        yield_now().await;
        assert!(!waiting.is_finished());
        leaving.abort();
        waiting.await.unwrap().unwrap();
    }
}
