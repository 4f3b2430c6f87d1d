//! Files that must be read whole and at once.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// The text of a file of at most so many bytes. What is read where a file should be must neither block, as a pipe does, nor fill the
/// memory; and of what is longer nothing is taken, since its beginning may say something else than the whole.
pub(crate) fn text(path: &Path, longest: u64) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
    }
    let mut text = String::new();
    File::open(path)?.take(longest.saturating_add(1)).read_to_string(&mut text)?;
    if text.len() as u64 > longest {
        let problem = format!("it is longer than {} MiB", longest >> 20);
        return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
    }
    Ok(text)
}
