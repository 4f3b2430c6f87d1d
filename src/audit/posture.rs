//! How a trail stands, looked at from outside while a gateway may be writing it. Nothing is changed by it, and no lock is taken.

use super::location::{Location, TrailError};
use rustix::fs::{Access, access, statvfs};
use sqlx::Connection as _;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// How a trail stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posture {
    /// Its file.
    pub path: PathBuf,
    /// What is in it; `None` where there is no file yet.
    pub contents: Option<Contents>,
    /// Whether this process could write it, or make it.
    pub is_writable: bool,
    /// Whether a gateway has it open for writing; `None` where this system does not tell.
    pub is_held: Option<bool>,
    /// Bytes that are free on its disk, and bytes that the disk has; `None` where the system does not tell.
    pub room: Option<(u64, u64)>,
}

/// What is in a trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The permissions of its file, such as `0o600`.
    pub mode: u32,
    /// How many entries there are.
    pub entries: i64,
    /// Calls of the last run that have no outcome.
    pub open: i64,
    /// When the end of the chain was last signed, in microseconds since 1970 UTC.
    pub signed_at: Option<i64>,
}

impl Posture {
    /// Looks at a trail.
    ///
    /// # Errors
    /// When the URL is none of a trail, or what is there is no trail or cannot be read.
    pub async fn of(url: &str) -> Result<Self, TrailError> {
        let location = Location::parse(url)?;
        let path = location.path().to_owned();
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            Some(_) | None => PathBuf::from("."),
        };
        let contents = if path.exists() { Some(contents(&location).await?) } else { None };
        let is_writable = access(&folder, Access::WRITE_OK).is_ok()
            && (contents.is_none() || access(&path, Access::WRITE_OK).is_ok());
        let room = statvfs(&folder).ok();
        let room = room.map(|disk| {
            (disk.f_bavail.saturating_mul(disk.f_frsize), disk.f_blocks.saturating_mul(disk.f_frsize))
        });
        Ok(Self { is_held: is_held(&path), path, contents, is_writable, room })
    }
}

async fn contents(location: &Location) -> Result<Contents, TrailError> {
    let mode = fs::metadata(location.path()).map_or(0, |found| found.permissions().mode() & 0o777);
    let mut connection = location.read().await?;
    let read = async {
        let entries = sqlx::query_scalar("SELECT count(*) FROM entries").fetch_one(&mut connection).await?;
        let open = sqlx::query_scalar(
            "SELECT count(*) FROM entries i
             WHERE kind = 'intent'
               AND seq > coalesce((SELECT max(seq) FROM entries
                                   WHERE kind = 'marker' AND json_extract(note, '$.event') = 'start'), 0)
               AND NOT EXISTS (SELECT 1 FROM entries o WHERE o.call_id = i.call_id AND o.kind = 'outcome')",
        );
        let open = open.fetch_one(&mut connection).await?;
        let signed_at = sqlx::query_scalar(
            "SELECT max(at) FROM entries WHERE kind = 'marker' AND json_extract(note, '$.event') = 'checkpoint'",
        );
        let signed_at = signed_at.fetch_one(&mut connection).await?;
        Ok(Contents { mode, entries, open, signed_at })
    };
    let contents = read.await.map_err(|error| location.sql(error))?;
    connection.close().await.map_err(|error| location.sql(error))?;
    Ok(contents)
}

/// Whether somebody holds the lock beside the trail, by the system's list of locks: to try the lock would keep a gateway from it that
/// starts at the same moment.
fn is_held(trail: &Path) -> Option<bool> {
    let mut lock = trail.as_os_str().to_owned();
    lock.push(".lock");
    let Ok(found) = fs::metadata(&lock) else { return Some(false) };
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let inode = found.ino().to_string();
    // `1: FLOCK  ADVISORY  WRITE 123 08:01:456 0 EOF`; the device is written in a way that file systems do not agree on.
    Some(locks.lines().any(|line| {
        let place = line.split_whitespace().find(|word| word.matches(':').count() == 2);
        line.contains(" WRITE ") && place.and_then(|place| place.rsplit(':').next()) == Some(inode.as_str())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::trail::{Trail, TrailOptions};

    #[tokio::test]
    async fn a_trail_is_looked_at_while_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("trail.db").display());
        let none = Posture::of(&url).await.unwrap();
        assert_eq!((none.contents, none.is_writable, none.is_held), (None, true, Some(false)));
        assert!(none.room.is_some_and(|(free, all)| free <= all && all > 0));
        let trail = Trail::open(&TrailOptions::new(&url)).await.unwrap();
        let held = Posture::of(&url).await.unwrap();
        let contents = held.contents.unwrap();
        assert_eq!((contents.entries, contents.open, contents.signed_at), (1, 0, None));
        assert_eq!((contents.mode, held.is_held), (0o600, Some(true)));
        trail.close().await.unwrap();
        assert_eq!(Posture::of(&url).await.unwrap().is_held, Some(false));
    }
}
