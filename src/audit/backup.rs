//! A copy of the trail, made while a gateway writes to it, and not called a backup before it has been verified.

use super::location::{Location, TrailError};
use super::verify::{Evidence, Verdict, verify};
use sqlx::Connection as _;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Why there is no backup. What was written of it is taken away again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The trail cannot be read.
    #[error(transparent)]
    Trail(#[from] TrailError),
    /// A backup is never written over anything.
    #[error("nothing is written, as there already is `{}`", .0.display())]
    Exists(PathBuf),
    /// It cannot be written there.
    #[error("cannot write the backup `{}`", .path.display())]
    Write {
        /// Where to.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Copies the trail to a new file, as it is in one moment, and verifies the copy: its pages, its chain, and what `evidence` says of it.
///
/// The copy is written beside its place under another name and gets its own when all of it is on the disk, so that there is never
/// half a backup under the name of one. The gateway goes on meanwhile; its write-ahead log does not shrink until the copy is made.
///
/// # Errors
/// [`BackupError`]. Evidence has to be from before the copy: what was signed later is not in it.
pub async fn back_up(
    url: &str,
    to: &Path,
    evidence: &Evidence,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Verdict, BackupError> {
    let location = Location::parse(url)?;
    let write = |source| BackupError::Write { path: to.to_owned(), source };
    if fs::symlink_metadata(to).is_ok() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let part = Part::beside(to).map_err(write)?;
    let text = part.0.to_str().ok_or_else(|| write(io::ErrorKind::InvalidFilename.into()))?;
    let mut connection = location.read().await?;
    let copied = sqlx::query("VACUUM INTO ?").bind(text).execute(&mut connection).await;
    copied.map_err(|error| location.sql(error))?;
    connection.close().await.map_err(|error| location.sql(error))?;
    let synced = File::open(&part.0).and_then(|file| file.sync_all());
    synced.map_err(write)?;
    let copy = format!("sqlite://{text}");
    let verdict = verify(&copy, evidence, progress).await?;
    if let Verdict::Whole(_) = verdict {
        part.becomes(to).map_err(write)?;
    }
    Ok(verdict)
}

/// A file that is not whole yet; it goes away unless it becomes something.
struct Part(PathBuf);

impl Part {
    /// A new, empty one beside `path`, for its owner alone.
    fn beside(path: &Path) -> io::Result<Self> {
        let mut name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_owned();
        name.push(format!(".{}.part", Uuid::now_v7().simple()));
        let part = path.with_file_name(name);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
        Ok(Self(part))
    }

    /// Gives it its name, and sees to it that the name lasts.
    fn becomes(self, path: &Path) -> io::Result<()> {
        fs::rename(&self.0, path)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After it was renamed there is nothing of that name.
        let _ = fs::remove_file(&self.0);
    }
}
