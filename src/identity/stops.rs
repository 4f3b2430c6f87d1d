//! What is stopped now, while the gateway runs.

use super::stop::{Stop, StopFile, StopFileError, Whom};
use crate::policy::Principal;
use crate::telemetry;
use arc_swap::ArcSwap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What is stopped now.
#[derive(Debug)]
pub struct Stops {
    /// The file of stops; `None` where nothing can be stopped.
    path: Option<PathBuf>,
    standing: ArcSwap<Standing>,
    seen: Mutex<Seen>,
}

/// What the file said the last time that it could be read.
#[derive(Debug, Default)]
struct Seen {
    file: StopFile,
    /// Whether it has been gone since, with stops in it: they hold until a file says that nothing is stopped, whatever else is stopped
    /// meanwhile in a new one.
    is_lost: bool,
}

/// What the file of stops says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// These calls are stopped.
    Known(StopFile),
    /// Nobody knows, so every call is.
    Unknown(String),
}

/// What a look at the file has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looked {
    /// What is stopped already, and nothing else.
    Same,
    /// The file is gone while calls are stopped, which is more likely an accident than the wish to resume them.
    Gone,
    /// Something else.
    Other(Standing),
}

impl Stops {
    /// Reads the file. Where that cannot be done everything is stopped, and the gateway can start all the same.
    pub fn open(path: &Path) -> Self {
        let (standing, file) = match read(path) {
            Ok(file) => {
                let file = file.unwrap_or_default();
                (Standing::Known(file.clone()), file)
            }
            Err(standing) => (standing, StopFile::default()),
        };
        let seen = Mutex::new(Seen { file, is_lost: false });
        Self { path: Some(path.to_owned()), standing: ArcSwap::from_pointee(standing), seen }
    }

    /// Nothing is stopped, nor can be.
    pub fn none() -> Self {
        let nothing = Standing::Known(StopFile::default());
        Self { path: None, standing: ArcSwap::from_pointee(nothing), seen: Mutex::default() }
    }

    /// Why the calls of a principal are refused, for the client's model; `None` where they are not stopped.
    pub fn why(&self, principal: &Principal) -> Option<String> {
        let (whose, reason) = match self.standing.load().as_ref() {
            Standing::Known(file) => {
                let Stop { whom, reason, .. } = file.of(principal)?;
                let whose = match whom {
                    Whom::All => "All calls are",
                    Whom::Role(_) => "Calls of this role are",
                    // The trail keeps reasons for good, and a client's name only as long as it may.
                    Whom::Client(_) => "Calls of this client are",
                };
                (whose, reason.clone())
            }
            Standing::Unknown(_) => {
                let reason =
                    "the gateway cannot read what is stopped. Its operator finds in its log what to do";
                ("All calls are", reason.to_owned())
            }
        };
        let end = if reason.ends_with(['.', '!', '?']) { "" } else { "." };
        Some(format!("{whose} stopped: {reason}{end} Do not try again until they are resumed."))
    }

    /// What is stopped.
    pub fn standing(&self) -> Arc<Standing> {
        self.standing.load_full()
    }

    /// Looks at the file. What is stopped stays so: whoever looks [sets](Stops::set) what was found.
    pub fn look(&self) -> Looked {
        let Some(path) = &self.path else { return Looked::Same };
        let before = self.standing.load();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let found = match (read(path), before.as_ref()) {
            (Ok(Some(file)), _) => Standing::Known(seen.read(file)),
            (Ok(None), before) => {
                seen.is_lost = !seen.file.stops().is_empty();
                match before {
                    Standing::Known(_) if seen.is_lost => return Looked::Gone,
                    Standing::Known(_) | Standing::Unknown(_) => Standing::Known(seen.file.clone()),
                }
            }
            (Err(standing), _) => standing,
        };
        if found == **before { Looked::Same } else { Looked::Other(found) }
    }

    /// Has that be stopped from now on, and nothing else.
    pub fn set(&self, standing: Standing) {
        self.standing.store(Arc::new(standing));
    }
}

impl Seen {
    /// What is stopped by a file that was read.
    fn read(&mut self, file: StopFile) -> StopFile {
        self.is_lost &= !file.stops().is_empty();
        self.file = if self.is_lost { file.with(&self.file) } else { file };
        self.file.clone()
    }
}

impl Standing {
    /// Whether somebody whose calls are stopped under this one could call under the next.
    pub fn is_loosened_by(&self, next: &Self) -> bool {
        match (self, next) {
            (_, Self::Unknown(_)) => false,
            (Self::Unknown(_), Self::Known(_)) => true,
            (Self::Known(before), Self::Known(after)) => {
                let stays = |stop: &Stop| after.stops().iter().any(|other| other.whom == stop.whom);
                !before.stops().iter().all(stays)
            }
        }
    }
}

fn read(path: &Path) -> Result<Option<StopFile>, Standing> {
    StopFile::read(path).map_err(|error: StopFileError| Standing::Unknown(telemetry::chain(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Proof;
    use std::fs;

    #[test]
    fn what_cannot_be_read_stops_everything_and_what_is_gone_resumes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stop.yaml");
        let who = Principal { name: "claude".to_owned(), role: "reader".to_owned(), proof: Proof::Key };
        let stops = Stops::open(&path);
        let looks = || match stops.look() {
            Looked::Other(standing) => {
                stops.set(standing);
                "other"
            }
            Looked::Same => "same",
            Looked::Gone => "gone",
        };
        let why = || stops.why(&who).unwrap_or_default();
        assert_eq!((looks(), why().as_str()), ("same", ""));

        let since = "2026-11-22T10:00:00Z".parse().unwrap();
        let stop = |whom| Stop { whom, since, reason: "It deletes too much".to_owned() };
        StopFile::stop(&path, stop(Whom::Role("reader".to_owned()))).unwrap();
        assert_eq!(looks(), "other");
        let expect =
            "Calls of this role are stopped: It deletes too much. Do not try again until they are resumed.";
        assert_eq!((looks(), why().as_str()), ("same", expect));

        fs::remove_file(&path).unwrap();
        assert_eq!((looks(), why().as_str()), ("gone", expect));

        fs::write(&path, "version: 1\nstops:\n").unwrap();
        assert_eq!(looks(), "other");
        assert!(
            why().starts_with("All calls are stopped: the gateway cannot read what is stopped."),
            "{}",
            why()
        );
        assert!(Stops::open(&path).why(&who).is_some(), "nor does it begin with anything else");

        fs::remove_file(&path).unwrap();
        assert_eq!((looks(), why().as_str()), ("other", expect), "what was known last holds");

        // Somebody stops a client, and knows nothing of what the lost file said.
        StopFile::stop(&path, stop(Whom::Client("cursor".to_owned()))).unwrap();
        assert_eq!((looks(), why().as_str()), ("other", expect));
        assert_eq!((looks(), why().as_str()), ("same", expect));
        StopFile::resume(&path, &Whom::Client("cursor".to_owned())).unwrap();
        assert_eq!((looks(), why().as_str()), ("other", ""), "nothing is stopped any more");
        fs::remove_file(&path).unwrap();
        assert_eq!((looks(), why().as_str()), ("same", ""));
        fs::create_dir(&path).unwrap();
        assert_eq!((looks(), why().is_empty()), ("other", false));
    }

    #[test]
    fn what_loosens_is_known() {
        let since = "2026-11-22T10:00:00Z".parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let of = |all: &[Whom]| {
            let path = folder.path().join("stop.yaml");
            let _ = fs::remove_file(&path);
            for whom in all {
                StopFile::stop(&path, Stop { whom: whom.clone(), since, reason: "x".to_owned() }).unwrap();
            }
            Standing::Known(StopFile::read(&path).unwrap().unwrap_or_default())
        };
        let role = || Whom::Role("reader".to_owned());
        let unknown = || Standing::Unknown("x".to_owned());
        for (before, after, loosens) in [
            (of(&[]), of(&[role()]), false),
            (of(&[role()]), of(&[role(), Whom::All]), false),
            (of(&[role(), Whom::All]), of(&[role()]), true),
            (of(&[role()]), of(&[Whom::Client("reader".to_owned())]), true),
            (of(&[role()]), unknown(), false),
            (unknown(), of(&[role()]), true),
        ] {
            assert_eq!(before.is_loosened_by(&after), loosens, "{before:?} {after:?}");
        }
    }
}
