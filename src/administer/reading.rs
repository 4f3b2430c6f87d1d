//! A folder of policies as it was at one moment, although its files are written one after the other.
//!
//! A folder is looked at by reading it. That takes less than a millisecond for a folder of policies, and it sees what notifications of
//! the system do not: changes on network disks, and those behind a symbolic link, such as the `..data` of a Kubernetes volume or a
//! folder `policies` that points to a release.

use super::load::{self, LoadError};
use crate::policy::diagnostic::Source;
use crate::policy::set::is_policy;
use crate::telemetry;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

/// Between the two readings of one that has to be had at once. It is longer than the step in which file systems tell times.
const PAUSE: Duration = Duration::from_millis(20);

/// So many times a folder that keeps changing is read before that is an error.
const TRIES: usize = 25;

/// What was found in a folder of policies.
///
/// Two readings that are equal are of one state that the folder was in between them: nothing in it was written in the meantime, and
/// what the first saw last was still there when the second saw it first. One reading alone can have the first file from before a change
/// and the last one from after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// What tells a file that was changed, and changed back.
    stamps: Vec<Stamp>,
    /// The policy files, or why they cannot be read.
    pub(super) found: Result<Vec<Source>, String>,
}

/// What every change to a file, a link or a folder changes: its number, its length, and when it was last written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    /// Seconds and nanoseconds.
    changed: (i64, i64),
}

impl Reading {
    /// Reads the folder as it is now.
    pub(super) fn of(folder: &Path) -> Self {
        let mut stamps = stamps(folder);
        let found = load::files(folder).and_then(|files| {
            let policies = files.into_iter().filter(|(name, _)| is_policy(name));
            policies
                .map(|(name, path)| {
                    stamps.extend(self::stamps(&path));
                    load::source(name, &path)
                })
                .collect::<Result<Vec<Source>, LoadError>>()
        });
        Self { stamps, found: found.map_err(|error| telemetry::chain(&error)) }
    }

    /// Reads the folder until it is found the same twice, which takes half a second at most.
    pub(super) fn settled(folder: &Path) -> Self {
        let mut last = Self::of(folder);
        for _ in 0..TRIES {
            sleep(PAUSE);
            let next = Self::of(folder);
            if next == last {
                return next;
            }
            last = next;
        }
        let found = Err(format!("the folder `{}` keeps changing while it is read", folder.display()));
        Self { found, ..last }
    }
}

/// The policy files of a folder at one moment, for a start.
///
/// # Errors
/// When they cannot be read, or keep changing.
pub(super) fn settled(folder: &Path) -> Result<Vec<Source>, LoadError> {
    Reading::settled(folder).found.map_err(|text| {
        // The error itself, where it still is one.
        let changing = |_| LoadError::Read { path: folder.to_owned(), cause: io::Error::other(text) };
        load::sources(folder).map_or_else(|error| error, changing)
    })
}

/// Of what the path names, and of the link itself where it is one.
fn stamps(path: &Path) -> Vec<Stamp> {
    let found = [fs::symlink_metadata(path), fs::metadata(path)];
    found.into_iter().filter_map(|found| Some(Stamp::of(&found.ok()?))).collect()
}

impl Stamp {
    fn of(found: &Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            length: found.size(),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A change to a folder.
    type Change = fn(&Path);

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["policies", "other"] {
            fs::create_dir(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join("a.yaml"), "a: 1\n").unwrap();
            fs::write(folder.path().join(name).join("b.yaml"), "b: 1\n").unwrap();
        }
        symlink("policies", folder.path().join("current")).unwrap();
        folder
    }

    fn swap(link: &Path, target: &str) {
        let beside = link.with_extension("new");
        symlink(target, &beside).unwrap();
        fs::rename(&beside, link).unwrap();
    }

    /// Whatever happens to the folder between two readings, they differ, even where it is undone again.
    #[test]
    fn what_was_changed_and_changed_back_shows() {
        let changes: [(&str, Change); 6] = [
            ("written anew", |at| {
                fs::write(at.join("a.yaml"), "a: 2\n").unwrap();
                fs::write(at.join("a.yaml"), "a: 1\n").unwrap();
            }),
            ("renamed over", |at| {
                fs::write(at.join("next"), "a: 1\n").unwrap();
                fs::rename(at.join("next"), at.join("a.yaml")).unwrap();
            }),
            ("away and back", |at| {
                fs::rename(at.join("a.yaml"), at.join("x")).unwrap();
                fs::rename(at.join("x"), at.join("a.yaml")).unwrap();
            }),
            ("to a link and back", |at| {
                fs::rename(at.join("a.yaml"), at.join("x")).unwrap();
                symlink("x", at.join("a.yaml")).unwrap();
                fs::rename(at.join("x"), at.join("a.yaml")).unwrap();
            }),
            ("the folder's link to another and back", |at| {
                swap(at, "other");
                swap(at, "policies");
            }),
            ("another file and none", |at| {
                fs::write(at.join("c.yaml"), "c: 1\n").unwrap();
                fs::remove_file(at.join("c.yaml")).unwrap();
            }),
        ];
        for (name, change) in changes {
            let folder = folder();
            let path = folder.path().join("current");
            let before = Reading::of(&path);
            assert_eq!(before, Reading::of(&path), "{name}: reading changes nothing");
            // Longer than the step of the file system's clock.
            sleep(PAUSE);
            change(&path);
            let after = Reading::of(&path);
            assert_eq!(before.found, after.found, "{name}");
            assert_ne!(before, after, "{name}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_no_folder_without_it() {
        let problems: [(&str, Change); 5] = [
            ("No such file", |at| fs::rename(at, at.with_extension("gone")).unwrap()),
            ("No such file", |at| {
                fs::remove_file(at.join("b.yaml")).unwrap();
                symlink("nowhere", at.join("b.yaml")).unwrap();
            }),
            ("it is not a file", |at| {
                fs::remove_file(at.join("b.yaml")).unwrap();
                drop(std::os::unix::net::UnixListener::bind(at.join("b.yaml")).unwrap());
            }),
            ("longer than", |at| {
                let file = fs::File::create(at.join("b.yaml")).unwrap();
                file.set_len(1 << 40).unwrap();
            }),
            ("valid UTF-8", |at| fs::write(at.join("b.yaml"), b"b: \xff\n").unwrap()),
        ];
        for (expect, break_it) in problems {
            let folder = folder();
            let path = folder.path().join("policies");
            break_it(&path);
            let error = Reading::of(&path).found.unwrap_err();
            assert!(error.contains(expect), "{error}");
        }
    }

    #[test]
    fn tests_assertions_hidden_files_and_folders_are_left_aside() {
        let folder = folder();
        let path = folder.path().join("policies");
        fs::write(path.join(".b.yaml.swp.yaml"), "x").unwrap();
        fs::create_dir(path.join("c.yaml")).unwrap();
        symlink("nowhere", path.join("a.test.yaml")).unwrap();
        symlink("nowhere", path.join("a.proof.yaml")).unwrap();
        fs::write(path.join("b.proof.yaml"), "version: 1").unwrap();
        let names: Vec<String> = Reading::of(&path).found.unwrap().into_iter().map(|one| one.name).collect();
        assert_eq!(names, ["a.yaml", "b.yaml"]);
    }
}
