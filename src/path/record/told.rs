//! What the inspection of a result tells the recorder, so that it does not have to be read once more.

use std::sync::{Arc, OnceLock};

/// How many items a result holds. It goes with the head of the answer, and is told when the answer has ended.
#[derive(Clone, Debug, Default)]
pub(in crate::path) struct Items(Arc<OnceLock<u64>>);

impl Items {
    /// The result has ended, and is whole. `None` where it holds nothing that could be counted.
    pub(in crate::path) fn tell(&self, items: Option<u64>) {
        if let Some(items) = items {
            // An answer ends once.
            let _ = self.0.set(items);
        }
    }

    /// What was told; `None` also where the answer did not come to its end.
    pub(super) fn told(&self) -> Option<u64> {
        self.0.get().copied()
    }
}
