//! Where the trail is: its file, and the lock beside it.

use super::migration::APPLICATION_ID;
use crate::accept::BoxError;
use sqlx::error::DatabaseError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often a lock is looked at that another gateway holds.
const LOOK: Duration = Duration::from_millis(20);

/// <https://sqlite.org/rescode.html>
const SQLITE_CORRUPT: u32 = 11;
const SQLITE_NOTADB: u32 = 26;

/// The file that a trail's URL names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Location {
    path: PathBuf,
}

/// Why a trail cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrailError {
    /// The URL is not one that a trail can have.
    #[error("`{url}` is not an audit trail: use `sqlite://FILE`, such as `sqlite://warrener.db`")]
    Url {
        /// As it was given.
        url: String,
    },
    /// There is no such file, and reading does not create one.
    #[error("there is no audit trail at `{}`: name another with `--audit sqlite://FILE`", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The folder of the file does not exist.
    #[error("cannot create the audit trail `{}`: its folder does not exist", .path.display())]
    NoFolder {
        /// The file.
        path: PathBuf,
    },
    /// The file may not be written.
    #[error("cannot write the audit trail `{}`: the file is read-only", .path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// The file, or the lock beside it, cannot be opened.
    #[error("cannot open `{}`", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another gateway writes to the file.
    #[error(
        "the audit trail `{}` is in use by another gateway: stop that one, or give this one a file of its own",
        .path.display()
    )]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The trail is not the one that the second place has checkpoints of: its end was cut off, or it is another file.
    #[error(
        "the audit trail `{}` is not the one that the last checkpoint in `{}` was signed for, of entry {seq}: it was cut off, written \
         anew or replaced. `warrener audit verify` tells more; to go on with this trail all the same, move the checkpoints away",
        .path.display(), .place.display()
    )]
    Elsewhere {
        /// The trail.
        path: PathBuf,
        /// The file of checkpoints.
        place: PathBuf,
        /// The entry that the checkpoint speaks of.
        seq: i64,
    },
    /// The file is something else.
    #[error("`{}` is not an audit trail of Warrener", .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error(
        "the audit trail `{}` is damaged: keep it as it is, as evidence, and give the gateway another file with `audit.url`",
        .path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: BoxError,
    },
    /// A page of the file is not in order.
    #[error("the audit trail `{}` is damaged, or a copy of it is not whole: {said}", .path.display())]
    Page {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        said: String,
    },
    /// The file has a structure that this version does not know.
    #[error("the audit trail `{}` was written by another version of Warrener", .path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// What differs.
        source: BoxError,
    },
    /// SQLite fails.
    #[error("cannot use the audit trail `{}`", .path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: BoxError,
    },
}

impl Location {
    /// Reads `sqlite://FILE` or `sqlite:FILE`; the file's name is taken as it stands, relative to the working folder.
    pub(super) fn parse(url: &str) -> Result<Self, TrailError> {
        let path = url.strip_prefix("sqlite:").map(|rest| rest.strip_prefix("//").unwrap_or(rest));
        match path {
            // A trail in memory would be no evidence of anything, and parameters would undo what makes it durable.
            Some(path) if !path.is_empty() && path != ":memory:" && !path.contains('?') => {
                Ok(Self { path: PathBuf::from(path) })
            }
            Some(_) | None => Err(TrailError::Url { url: url.to_owned() }),
        }
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Sees to it that the file exists and can be written; a new one is for its owner alone.
    pub(super) fn create(&self) -> Result<(), TrailError> {
        let file = self.open_private(&self.path)?;
        let metadata = file.metadata().map_err(|source| self.io(source))?;
        if metadata.permissions().readonly() {
            return Err(TrailError::ReadOnly { path: self.path.clone() });
        }
        Ok(())
    }

    /// Takes the lock that keeps a second gateway away, until the returned file is dropped; one that ends is waited for so long.
    ///
    /// It is a file of its own, not SQLite's exclusive mode: reading the trail meanwhile is what a trail is for.
    pub(super) async fn lock(&self, patience: Duration) -> Result<File, TrailError> {
        let mut path = OsString::from(self.path.as_os_str());
        path.push(".lock");
        let file = self.open_private(Path::new(&path))?;
        let begun = Instant::now();
        let mut said = false;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if begun.elapsed() < patience => {
                    if !std::mem::replace(&mut said, true) {
                        let trail = self.path.display();
                        tracing::info!(%trail, "another gateway still writes to the trail; it is waited for");
                    }
                    sleep(LOOK).await;
                }
                Err(TryLockError::WouldBlock) => return Err(TrailError::InUse { path: self.path.clone() }),
                Err(TryLockError::Error(source)) => return Err(TrailError::Io { path: path.into(), source }),
            }
        }
    }

    /// Opens the trail for reading only; nothing is created, and a file that is no trail is an error.
    pub(super) async fn read(&self) -> Result<SqliteConnection, TrailError> {
        if !self.path.is_file() {
            return Err(TrailError::Missing { path: self.path.clone() });
        }
        let options = SqliteConnectOptions::new().filename(&self.path).read_only(true);
        let mut connection =
            options.pragma("cache_size", "-2048").connect().await.map_err(|e| self.sql(e))?;
        let id: i64 = sqlx::query_scalar("PRAGMA application_id")
            .fetch_one(&mut connection)
            .await
            .map_err(|e| self.sql(e))?;
        if id == APPLICATION_ID {
            Ok(connection)
        } else {
            Err(TrailError::Foreign { path: self.path.clone() })
        }
    }

    /// Refuses to write into a file that holds something else.
    pub(super) async fn refuse_foreign(&self) -> Result<(), TrailError> {
        match self.path.metadata() {
            Ok(metadata) if metadata.len() > 0 => self.read().await?.close().await.map_err(|e| self.sql(e)),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// An error of SQLite on this file.
    pub(super) fn sql(&self, source: sqlx::Error) -> TrailError {
        let path = self.path.clone();
        let code = source.as_database_error().and_then(DatabaseError::code);
        // The last byte of an extended code is the primary one.
        match code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff) {
            Some(SQLITE_NOTADB) => TrailError::Foreign { path },
            Some(SQLITE_CORRUPT) => TrailError::Damaged { path, source: source.into() },
            Some(_) | None => TrailError::Database { path, source: source.into() },
        }
    }

    fn io(&self, source: io::Error) -> TrailError {
        TrailError::Io { path: self.path.clone(), source }
    }

    fn open_private(&self, path: &Path) -> Result<File, TrailError> {
        let opened =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        opened.map_err(|source| {
            let file = self.path.clone();
            if source.kind() == io::ErrorKind::NotFound {
                TrailError::NoFolder { path: file }
            } else if source.kind() == io::ErrorKind::PermissionDenied && path.exists() {
                TrailError::ReadOnly { path: file }
            } else {
                TrailError::Io { path: path.to_owned(), source }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_urls() {
        let path = |url: &str| Location::parse(url).ok().map(|location| location.path);
        assert_eq!(path("sqlite://warrener.db"), Some("warrener.db".into()));
        assert_eq!(path("sqlite:///var/lib/a b%20c.db"), Some("/var/lib/a b%20c.db".into()));
        assert_eq!(path("sqlite:trail.db"), Some("trail.db".into()));
        for url in
            ["", "warrener.db", "sqlite://", "sqlite::memory:", "sqlite://a.db?mode=memory", "postgres://x"]
        {
            assert_eq!(path(url), None, "{url}");
        }
    }
}
