//! How far a walk along the trail has come, for people.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar of so many entries. It draws on standard error, and only where that is a terminal.
pub(super) fn entries(length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} entries, {eta} left")
    {
        bar.set_style(style);
    }
    bar
}
