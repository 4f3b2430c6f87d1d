//! The file of stops: whose calls are refused until they are resumed, and why.

use super::file::{is_name, quoted};
use super::name::is_of_way;
use super::replace::Locked;
use super::whole;
use crate::mcp::shown::line;
use crate::policy::Principal;
use jiff::Timestamp;
use serde::Deserialize;
use std::fmt::{self, Write as _};
use std::io;
use std::path::{Path, PathBuf};

/// Longest reason, in characters.
const LONGEST_REASON: usize = 300;

/// Longest file that is read, in bytes.
const LONGEST_FILE: u64 = 1 << 20;

/// What stands above the stops in the file.
const HEADING: &str = "\
# What Warrener has stopped: `warrener stop` adds to it, `warrener resume` takes away.
# Where this file cannot be read, every call is refused.
";

/// The file as a value: what is stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StopFile {
    stops: Vec<Stop>,
}

/// Calls that are refused until they are resumed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stop {
    /// Whose calls.
    pub whom: Whom,
    /// Since when.
    pub since: Timestamp,
    /// Why, in the operator's words; the client's model reads it.
    pub reason: String,
}

/// Whose calls are stopped.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Whom {
    /// Everybody's.
    All,
    /// Those of a role.
    Role(String),
    /// Those of one client.
    Client(String),
}

/// Why the file of stops cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum StopFileError {
    /// It cannot be read.
    #[error("the file of stops `{}` cannot be read", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// It cannot be written.
    #[error("the file of stops `{}` cannot be written", .0.display())]
    Write(PathBuf, #[source] io::Error),
    /// It is not a file of stops.
    #[error("the file of stops `{}` is not valid, so every call is refused: repair it, or remove it and stop again what is to be stopped: {cause}", path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// A name that nobody can have.
    #[error("`{0}` is not a name of a client or a role")]
    Name(String),
    /// A reason that cannot be told.
    #[error("a reason has 1 to {LONGEST_REASON} characters in one line")]
    Reason,
    /// The file is gone, so it is not known what else would be resumed.
    #[error("there is no file of stops `{}`: `warrener resume`, without a role or a client, resumes everything that a running gateway still refuses", .0.display())]
    Gone(PathBuf),
    /// There is nothing to resume.
    #[error("{0} are not stopped; {1}")]
    NotStopped(Whom, StopFile),
}

impl StopFile {
    /// Reads the file; `None` where it is not there.
    ///
    /// # Errors
    /// When it cannot be read, or is not a file of stops.
    pub fn read(path: &Path) -> Result<Option<Self>, StopFileError> {
        match whole::text(path, LONGEST_FILE) {
            Ok(text) => Self::parse(&text)
                .map(Some)
                .map_err(|cause| StopFileError::Syntax { path: path.to_owned(), cause }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StopFileError::Read(path.to_owned(), error)),
        }
    }

    /// Stops calls, and puts the changed file in its place in one step, readable for its owner only. What is stopped already is stopped
    /// with the new reason. Tells all that is stopped now.
    ///
    /// # Errors
    /// When the file cannot be read or written, or the name or the reason is none.
    pub fn stop(path: &Path, stop: Stop) -> Result<Self, StopFileError> {
        stop.check()?;
        Self::edit(path, |file| {
            file.stops.retain(|other| other.whom != stop.whom);
            file.stops.push(stop);
            Ok(())
        })
    }

    /// Resumes what was stopped. Where there is no file, all can be resumed only, and one is made in which nothing is stopped. Tells all
    /// that is stopped still.
    ///
    /// # Errors
    /// When the file cannot be read or written, or that is not stopped.
    pub fn resume(path: &Path, whom: &Whom) -> Result<Self, StopFileError> {
        let is_there = path.symlink_metadata().is_ok();
        if !is_there && *whom != Whom::All {
            return Err(StopFileError::Gone(path.to_owned()));
        }
        Self::edit(path, |file| {
            let before = file.clone();
            file.stops.retain(|stop| stop.whom != *whom);
            if is_there && before == *file {
                return Err(StopFileError::NotStopped(whom.clone(), before));
            }
            Ok(())
        })
    }

    /// What is stopped, in the order in which it was.
    pub fn stops(&self) -> &[Stop] {
        &self.stops
    }

    /// The same, with the stops of another file that this one does not name.
    pub(super) fn with(mut self, other: &Self) -> Self {
        let more = other.stops.iter().filter(|stop| !self.stops.iter().any(|own| own.whom == stop.whom));
        let more: Vec<Stop> = more.cloned().collect();
        self.stops.extend(more);
        self
    }

    /// The stop that the calls of a principal are under: that of all, then that of its role, then its own.
    pub fn of(&self, principal: &Principal) -> Option<&Stop> {
        let rank = |stop: &&Stop| match &stop.whom {
            Whom::All => Some(0),
            Whom::Role(role) => (*role == principal.role).then_some(1),
            Whom::Client(name) => (*name == principal.name).then_some(2),
        };
        self.stops
            .iter()
            .filter_map(|stop| Some((rank(&stop)?, stop)))
            .min_by_key(|(rank, _)| *rank)
            .map(|(_, stop)| stop)
    }

    fn edit(
        path: &Path,
        change: impl FnOnce(&mut Self) -> Result<(), StopFileError>,
    ) -> Result<Self, StopFileError> {
        let unwritable = |error| StopFileError::Write(path.to_owned(), error);
        let locked = Locked::wait(path).map_err(unwritable)?;
        let mut file = Self::read(locked.path())?.unwrap_or_default();
        change(&mut file)?;
        locked.replace(&file.to_text()).map_err(unwritable)?;
        Ok(file)
    }

    fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Document {
            version: u64,
            // An `Option`, so that nothing is told from an empty list: what is cut off stops no less than before.
            stops: Option<Vec<Stop>>,
        }
        let document: Document = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        if document.version != 1 {
            return Err(format!("version {} is not known here; this is for version 1", document.version));
        }
        let stops = document.stops.ok_or("`stops` is missing: write `stops: []` for none")?;
        stops.iter().try_for_each(Stop::check).map_err(|error| error.to_string())?;
        Ok(Self { stops })
    }

    fn to_text(&self) -> String {
        let mut text =
            format!("{HEADING}version: 1\nstops:{}\n", if self.stops.is_empty() { " []" } else { "" });
        for Stop { whom, since, reason } in &self.stops {
            let whom = match whom {
                Whom::All => "all".to_owned(),
                Whom::Role(role) => format!("{{role: {}}}", quoted(role)),
                Whom::Client(name) => format!("{{client: {}}}", quoted(name)),
            };
            // Writing to a string cannot fail.
            let _ =
                writeln!(text, "  - whom: {whom}\n    since: \"{since}\"\n    reason: {}", quoted(reason));
        }
        text
    }
}

impl Stop {
    fn check(&self) -> Result<(), StopFileError> {
        match &self.whom {
            Whom::Role(name) if !is_name(name) => return Err(StopFileError::Name(name.clone())),
            Whom::Client(name) if !is_name(name) && !is_of_way(name) => {
                return Err(StopFileError::Name(name.clone()));
            }
            Whom::All | Whom::Role(_) | Whom::Client(_) => {}
        }
        let fits = self.reason.chars().count() <= LONGEST_REASON && !self.reason.trim().is_empty();
        // A line that is shown as it is has nothing in it that a terminal would obey.
        if fits && line(&self.reason) == self.reason { Ok(()) } else { Err(StopFileError::Reason) }
    }
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all calls"),
            Self::Role(role) => write!(f, "calls of the role `{role}`"),
            Self::Client(name) => write!(f, "calls of the client `{name}`"),
        }
    }
}

impl fmt::Display for StopFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.stops.is_empty() {
            return f.write_str("nothing is stopped");
        }
        let all: Vec<String> =
            self.stops.iter().map(|stop| format!("{} ({})", stop.whom, stop.reason)).collect();
        write!(f, "stopped are {}", all.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Proof;

    fn stop(whom: Whom, reason: &str) -> Stop {
        Stop { whom, since: "2026-11-22T10:00:00Z".parse().unwrap(), reason: reason.to_owned() }
    }

    #[test]
    fn what_is_stopped_is_read_again_and_resumed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stop.yaml");
        assert_eq!(StopFile::read(&path).unwrap(), None);
        let user = "directus:0a1b2c3d-0000-4000-8000-000000000001".to_owned();
        let client = |name: &str| Whom::Client(name.to_owned());
        let all = [Whom::All, Whom::Role("reader".to_owned()), client("claude"), client(&user)];
        for whom in &all {
            StopFile::stop(&path, stop(whom.clone(), "say \"why\": #1")).unwrap();
        }
        let file = StopFile::stop(&path, stop(Whom::All, "once more")).unwrap();
        assert_eq!(StopFile::read(&path).unwrap().unwrap(), file);
        assert_eq!(file.stops().len(), 4, "one for each: {file:?}");
        for whom in &all {
            StopFile::resume(&path, whom).unwrap();
        }
        assert_eq!(StopFile::read(&path).unwrap(), Some(StopFile::default()));
        let error = StopFile::resume(&path, &Whom::All).unwrap_err().to_string();
        assert_eq!(error, "all calls are not stopped; nothing is stopped");
        for nobody in [client("a:b"), client("directus:"), Whom::Role(user)] {
            let error = StopFile::stop(&path, stop(nobody, "why")).unwrap_err();
            assert!(matches!(error, StopFileError::Name(_)), "{error}");
        }
        std::fs::remove_file(&path).unwrap();
        let error = StopFile::resume(&path, &client("claude")).unwrap_err();
        assert!(matches!(error, StopFileError::Gone(_)), "{error}");
        StopFile::resume(&path, &Whom::All).unwrap();
        assert_eq!(StopFile::read(&path).unwrap(), Some(StopFile::default()));
    }

    #[test]
    fn the_widest_stop_is_told() {
        let who = |name: &str, role: &str| Principal {
            name: name.to_owned(),
            role: role.to_owned(),
            proof: Proof::Key,
        };
        let mut file = StopFile::default();
        let reason = |file: &StopFile, who: &Principal| file.of(who).map(|stop| stop.reason.clone());
        file.stops.push(stop(Whom::Client("claude".to_owned()), "client"));
        assert_eq!(reason(&file, &who("claude", "reader")).as_deref(), Some("client"));
        assert_eq!(reason(&file, &who("cursor", "reader")), None);
        assert_eq!(reason(&file, &who("cursor", "claude")), None, "a role is no client");
        file.stops.push(stop(Whom::Role("reader".to_owned()), "role"));
        assert_eq!(reason(&file, &who("claude", "reader")).as_deref(), Some("role"));
        assert_eq!(reason(&file, &who("reader", "editor")), None, "a client is no role");
        file.stops.push(stop(Whom::All, "all"));
        assert_eq!(reason(&file, &who("anybody", "at-all")).as_deref(), Some("all"));
    }

    #[test]
    fn of_a_file_that_is_too_long_nothing_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stop.yaml");
        StopFile::stop(&path, stop(Whom::All, "x")).unwrap();
        let stops = std::fs::read_to_string(&path).unwrap();
        let comment = format!("#{}\n", "x".repeat(1 << 20));
        std::fs::write(&path, format!("version: 1\nstops: []\n{comment}")).unwrap();
        assert!(matches!(StopFile::read(&path), Err(StopFileError::Read(..))));
        std::fs::write(&path, comment + &stops).unwrap();
        assert!(matches!(StopFile::read(&path), Err(StopFileError::Read(..))));
    }

    #[test]
    fn what_is_not_a_file_of_stops_is_an_error() {
        let entry = "  - whom: all\n    since: 2026-11-22T10:00:00Z\n    reason: x\n";
        let whole = format!("version: 1\nstops:\n{entry}");
        assert!(StopFile::parse(&whole).is_ok());
        for text in [
            String::new(),
            "version: 1\n".to_owned(),
            "version: 1\nstops:\n".to_owned(),
            "version: 1\nstops: all\n".to_owned(),
            "version: 2\nstops: []\n".to_owned(),
            "version: 1\nstops: []\nstop: []\n".to_owned(),
            whole.replace("all", "everybody"),
            whole.replace("all", "{role: \"a b\"}"),
            whole.replace("all", "{role: a, client: b}"),
            whole.replace("all", "role"),
            whole.replace("reason: x", "reason: \"\""),
            whole.replace("reason: x", "reason: \"a\\nb\""),
            whole.replace("    reason: x\n", ""),
            whole.replace("reason: x", &format!("reason: {}", "x".repeat(LONGEST_REASON + 1))),
            whole.replace("reason", "because"),
        ] {
            assert!(StopFile::parse(&text).is_err(), "{text:?}: {:?}", StopFile::parse(&text));
        }
    }
}
