//! How far a walk along the trail has come, for people.

use indicatif::{ProgressBar, ProgressStyle};

/// Has work show how far it is, until it has ended.
pub(super) async fn shown<T>(work: impl AsyncFnOnce(&mut (dyn FnMut(u64, u64) + Send)) -> T) -> T {
    let bar = entries(0);
    let ended = work(&mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    })
    .await;
    bar.finish_and_clear();
    ended
}

/// A bar of so many entries. It draws on standard error, and only where that is a terminal.
pub(super) fn entries(length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} entries, {eta} left")
    {
        bar.set_style(style);
    }
    bar
}
