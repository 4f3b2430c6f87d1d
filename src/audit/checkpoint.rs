//! Checkpoints: the end of the chain, signed, in the trail and in a second place, so that cutting off the end shows too.

use super::entry::{Entry, Kind};
use super::lines;
use super::row::Row;
use super::session::Session;
use super::signing::{Said, SigningKey, Statement};
use jiff::Timestamp;
use serde_json::Value;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// The end of a file of checkpoints that is certain to hold a whole one, in bytes.
const LAST_LINES: u64 = 16 * 1024;

/// How checkpoints are made.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    /// What signs them.
    pub key: SigningKey,
    /// Where they go beside the trail.
    pub to: SecondPlace,
}

/// Where checkpoints go beside the trail: one JSON line each. It is worth as much as it is out of reach of whoever can write the
/// trail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SecondPlace {
    /// The gateway's log.
    #[default]
    Log,
    /// Standard output.
    Stdout,
    /// A file, which is appended to.
    File(PathBuf),
}

impl Checkpoints {
    /// Appends a checkpoint of the chain's end; its own place in the chain is returned with it.
    pub(super) async fn append(&self, session: &mut Session) -> Result<(i64, Said), sqlx::Error> {
        let mut appending = session.begin().await?;
        let head = appending.head();
        let now = Timestamp::now();
        let said = self.key.sign(Said::new(Statement::Checkpoint, head.seq, head.digest, now));
        let row = marker_row(now.as_microsecond(), said.to_json())?;
        appending.append(&[&row]).await?;
        let seq = appending.head().seq;
        appending.commit().await?;
        Ok((seq, said))
    }
}

impl SecondPlace {
    /// Whether a checkpoint could be written there.
    ///
    /// # Errors
    /// What the system says of the file.
    pub fn probe(&self) -> io::Result<()> {
        match self {
            Self::Log | Self::Stdout => Ok(()),
            Self::File(path) => lines::open(path).map(drop),
        }
    }

    /// Writes a checkpoint there, durably where it is a file. It waits for the disk, so it does not belong on a runtime's thread.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn publish(&self, said: &Said) -> io::Result<()> {
        let line = said.to_json();
        match self {
            Self::Log => {
                tracing::info!(target: "warrener::checkpoints", checkpoint = %line, "checkpoint");
                Ok(())
            }
            Self::Stdout => lines::stdout()?.write_all(format!("{line}\n").as_bytes()),
            Self::File(path) => {
                let mut file = lines::open(path)?;
                if file.metadata()?.is_file() {
                    lines::end_half_line(&file)?;
                }
                file.write_all(format!("{line}\n").as_bytes())?;
                file.sync_data()
            }
        }
    }
}

/// The last checkpoint of a file; a line that a crash has left half is passed over.
pub(super) fn last_checkpoint(path: &Path) -> io::Result<Option<Said>> {
    let length = match std::fs::metadata(path) {
        // What is no file, such as a pipe to elsewhere, does not give back what went into it.
        Ok(metadata) if !metadata.is_file() => return Ok(None),
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(length.saturating_sub(LAST_LINES)))?;
    let mut text = Vec::new();
    file.take(LAST_LINES).read_to_end(&mut text)?;
    let said = |line: &[u8]| Said::from_json(&serde_json::from_slice(line).ok()?);
    Ok(text.rsplit(|byte| *byte == b'\n').find_map(said))
}

/// An entry about the trail itself.
pub(super) fn marker(at: i64, note: Value) -> Entry {
    Entry { call: Uuid::now_v7(), kind: Kind::Marker, at, subject: None, outcome: None, note: Some(note) }
}

/// The same, ready to be written.
pub(super) fn marker_row(at: i64, note: Value) -> Result<Row, sqlx::Error> {
    Row::new(marker(at, note)).map_err(|error| sqlx::Error::Encode(error.to_string().into()))
}
