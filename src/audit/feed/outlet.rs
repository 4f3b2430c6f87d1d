//! Where the lines of the feed go.

use super::FeedTarget;
use crate::audit::lines;
use crate::audit::query::QueryError;
use std::fs::{File, Metadata};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

/// How each line begins, with the id of the call behind it.
const BEGIN: &str = "{\"id\":\"";

/// The length of a call's id.
const ID: usize = 36;

/// How much of the end of a file is looked at for a whole line; arguments are at most as long as a request, 1 GiB, but then
/// it is long enough to begin with what follows.
const TAIL: u64 = 4 * 1024 * 1024;

/// Why there can be no feed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedError {
    /// The file cannot be opened.
    #[error("cannot open the feed `{}`", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Standard output cannot be used.
    #[error("standard output cannot be used for the feed")]
    Stdout(#[source] io::Error),
    /// The file holds something else.
    #[error("`{}` is no feed of Warrener: name a file of its own in `audit.feed`", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The trail cannot be read.
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// The last line that a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LastLine {
    /// There is none.
    None,
    /// The file has a whole line of the call with that id, and what may be half a line behind it.
    Whole(String),
    /// All there is is half a line of the call with that id.
    Half(String),
}

/// An open target.
#[derive(Debug)]
pub(super) struct Outlet {
    file: File,
    /// Where it is; `None` for what is no file and can neither be looked at nor moved away.
    path: Option<PathBuf>,
}

impl Outlet {
    pub(super) fn open(target: &FeedTarget) -> Result<(Self, LastLine), FeedError> {
        match target {
            FeedTarget::Stdout => {
                let file = lines::stdout().map_err(FeedError::Stdout)?;
                Ok((Self { file, path: None }, LastLine::None))
            }
            FeedTarget::File(path) => Self::open_file(path),
        }
    }

    fn open_file(path: &Path) -> Result<(Self, LastLine), FeedError> {
        let failed = |source| FeedError::Open { path: path.to_owned(), source };
        let file = lines::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Ok((Self { file, path: None }, LastLine::None));
        }
        let last = last_line(&file, metadata.len()).map_err(failed)?;
        let last = last.ok_or_else(|| FeedError::Foreign { path: path.to_owned() })?;
        Ok((Self { file, path: Some(path.to_owned()) }, last))
    }

    /// Appends whole lines, to the file that is at the path now.
    pub(super) fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        if let Some(path) = &self.path {
            let now = self.file.metadata()?;
            if !path.metadata().is_ok_and(|there| is_same(&there, &now)) {
                self.file = lines::open(path)?;
            }
            lines::end_half_line(&self.file)?;
        }
        self.file.write_all(lines)?;
        self.file.flush()
    }
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// The last line of a file of that length; `None` where the file holds something else.
fn last_line(file: &File, length: u64) -> io::Result<Option<LastLine>> {
    let start = length.saturating_sub(TAIL);
    let mut tail = vec![0; usize::try_from(length - start).unwrap_or_default()];
    file.read_exact_at(&mut tail, start)?;
    if length == 0 {
        return Ok(Some(LastLine::None));
    }
    let mut lines = tail.split_inclusive(|byte| *byte == b'\n').rev();
    if let Some(id) = lines.clone().find_map(|line| id_of(line).filter(|_| line.ends_with(b"}\n"))) {
        return Ok(Some(LastLine::Whole(id)));
    }
    // The first line that was ever written may have been cut off.
    Ok(lines.find_map(id_of).map(LastLine::Half))
}

/// The id at the beginning of a line.
fn id_of(line: &[u8]) -> Option<String> {
    let id = line.strip_prefix(BEGIN.as_bytes())?.get(..ID)?;
    id.iter()
        .all(|byte| byte.is_ascii_hexdigit() || *byte == b'-')
        .then(|| String::from_utf8_lossy(id).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "01930000-0000-7000-8000-000000000001";
    const TWO: &str = "01930000-0000-7000-8000-000000000002";

    fn last(text: &[u8]) -> Option<LastLine> {
        let file = tempfile::tempfile().unwrap();
        (&file).write_all(text).unwrap();
        last_line(&file, text.len() as u64).unwrap()
    }

    #[test]
    fn a_file_says_how_far_it_got() {
        let line = |id: &str| format!("{{\"id\":\"{id}\",\"role\":\"a\"}}\n");
        let half = format!("{{\"id\":\"{TWO}\",\"ro");
        for (text, expected) in [
            (String::new(), Some(LastLine::None)),
            (line(ONE), Some(LastLine::Whole(ONE.to_owned()))),
            (line(ONE) + &line(TWO), Some(LastLine::Whole(TWO.to_owned()))),
            (line(ONE) + &half, Some(LastLine::Whole(ONE.to_owned()))),
            // A half line that an earlier run has ended.
            (line(ONE) + &half + "\n", Some(LastLine::Whole(ONE.to_owned()))),
            (line(ONE) + "{\"id\":", Some(LastLine::Whole(ONE.to_owned()))),
            // What a disk may leave behind where the power failed.
            (line(ONE) + "\0\0\0", Some(LastLine::Whole(ONE.to_owned()))),
            (half, Some(LastLine::Half(TWO.to_owned()))),
            ("Dear diary,\n".to_owned(), None),
            ("{\"id\":\"".to_owned(), None),
        ] {
            assert_eq!(last(text.as_bytes()), expected, "{text:?}");
        }
    }
}
