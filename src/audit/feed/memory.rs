//! How far a feed got, beside its file: the file itself may be rotated away, or not have a line yet.

use super::FeedTarget;
use crate::audit::query::Place;
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;

/// A small file with the place up to which the trail is in the feed; standard output has none.
#[derive(Debug)]
pub(super) struct Memory {
    path: Option<PathBuf>,
}

impl Memory {
    pub(super) fn of(target: &FeedTarget) -> Self {
        let path = match target {
            FeedTarget::Stdout => None,
            FeedTarget::File(path) => {
                let mut path = OsString::from(path.as_os_str());
                path.push(".place");
                Some(PathBuf::from(path))
            }
        };
        Self { path }
    }

    /// The place; `None` where no earlier run has left one.
    pub(super) fn place(&self) -> Option<Place> {
        let text = fs::read_to_string(self.path.as_ref()?).ok()?;
        text.trim().parse().ok().map(Place::behind)
    }

    /// Remembers the place. Where that cannot be done some calls may be written twice, which is no reason to stop.
    pub(super) fn keep(&self, place: Place) {
        let Some(path) = &self.path else { return };
        if let Err(error) = fs::write(path, format!("{}\n", place.seq())) {
            tracing::warn!(path = %path.display(), %error, "how far the feed got cannot be kept");
        }
    }
}
