//! Files that lines are appended to, one whole line after the other, whatever a crash has left there.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

/// A file to append to, for its owner alone; a new one where there is none.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).read(true).create(true).mode(0o600).open(path)
}

/// Standard output by a descriptor of its own: the lock of [`io::stdout`] is held as long as a command runs.
pub(super) fn stdout() -> io::Result<File> {
    io::stdout().as_fd().try_clone_to_owned().map(File::from)
}

/// Ends a line that was left half: the gateway, or the disk, had come to an end in it.
pub(super) fn end_half_line(mut file: &File) -> io::Result<()> {
    let Some(last) = file.metadata()?.len().checked_sub(1) else { return Ok(()) };
    let mut byte = [0];
    file.read_exact_at(&mut byte, last)?;
    if byte == *b"\n" { Ok(()) } else { file.write_all(b"\n") }
}
