//! The files of clients: where they are, and how one is changed without losing what is in it.

use super::Client;
use super::edit::{Addition, EditError, edited};
use crate::identity::whole;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Longest file of a client that is changed, in bytes.
const LONGEST: u64 = 8 * 1024 * 1024;

/// Most backups of one file.
const BACKUPS: u32 = 100;

/// What became of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// It says so already.
    Unchanged,
    /// There was none.
    New,
    /// It was changed; what was in it before is in that file.
    Changed { backup: PathBuf },
}

/// Why the file stays as it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// It is a link, and what it leads to may be anything.
    #[error("it is a link to `{}`: name that file with `--file`, if it is the client's", .0.display())]
    Link(PathBuf),
    /// What is in it cannot be kept.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The system does not let it be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// There are too many backups of it.
    #[error("there are {BACKUPS} backups of it already: delete some")]
    Backups,
}

/// The file that a client reads, for the user or for the working folder; `None` where there is none to write.
pub(super) fn file_of(client: Client) -> Option<PathBuf> {
    match client {
        Client::ChatGpt | Client::Raycast => None,
        Client::ClaudeDesktop => Some(settings_folder()?.join("Claude").join("claude_desktop_config.json")),
        Client::Cursor => Some(std::env::home_dir()?.join(".cursor").join("mcp.json")),
        Client::ClaudeCode => Some(PathBuf::from(".mcp.json")),
        Client::VsCode => Some(Path::new(".vscode").join("mcp.json")),
    }
}

/// Where the platform has the settings of programs.
pub(super) fn settings_folder() -> Option<PathBuf> {
    let home = std::env::home_dir()?;
    if cfg!(target_os = "macos") {
        return Some(home.join("Library").join("Application Support"));
    }
    let named = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    Some(named.unwrap_or_else(|| home.join(".config")))
}

/// Puts an addition into a file: a reader sees the old text or the new, and what was in it stays beside it.
///
/// # Errors
/// When something in the file could be lost; it is left alone then.
pub(super) fn write(path: &Path, addition: &Addition) -> Result<Written, WriteError> {
    let before = match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => return Err(WriteError::Link(fs::read_link(path)?)),
        Ok(found) => Some((whole::text(path, LONGEST)?, found.permissions())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    let text = before.as_ref().map_or("", |(text, _)| text.as_str());
    let after = edited(text, addition)?;
    if after == text {
        return Ok(Written::Unchanged);
    }
    if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
        fs::create_dir_all(folder)?;
    }
    let Some((text, permissions)) = before else {
        replace(path, &after, None)?;
        return Ok(Written::New);
    };
    let backup = back_up(path, &text, &permissions)?;
    replace(path, &after, Some(&permissions))?;
    Ok(Written::Changed { backup })
}

/// Writes what was there beside it, over no other file, and for the same eyes.
fn back_up(path: &Path, text: &str, permissions: &fs::Permissions) -> Result<PathBuf, WriteError> {
    for number in 1..=BACKUPS {
        let end = if number == 1 { ".backup".to_owned() } else { format!(".backup.{number}") };
        let backup = beside(path, "", &end);
        match OpenOptions::new().write(true).create_new(true).open(&backup) {
            Ok(file) => {
                fill(file, text, Some(permissions))?;
                return Ok(backup);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(WriteError::Backups)
}

fn replace(path: &Path, text: &str, permissions: Option<&fs::Permissions>) -> io::Result<()> {
    let new = beside(path, ".", &format!(".{}.new", std::process::id()));
    let file = OpenOptions::new().write(true).create_new(true).open(&new)?;
    let written = fill(file, text, permissions).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        // What is left of the attempt; that it may not be there is no further error.
        let _ = fs::remove_file(&new);
    }
    written
}

fn fill(mut file: File, text: &str, permissions: Option<&fs::Permissions>) -> io::Result<()> {
    if let Some(permissions) = permissions {
        file.set_permissions(permissions.clone())?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn beside(path: &Path, begin: &str, end: &str) -> PathBuf {
    let mut name = std::ffi::OsString::from(begin);
    name.push(path.file_name().unwrap_or_default());
    name.push(end);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn addition(url: &str) -> Addition {
        Addition {
            section: "mcpServers",
            name: "directus".to_owned(),
            value: json!({ "url": url }),
            input: None,
        }
    }

    #[test]
    fn what_was_there_stays_beside_it_with_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/mcp.json");
        assert_eq!(write(&path, &addition("a")).unwrap(), Written::New);
        assert_eq!(write(&path, &addition("a")).unwrap(), Written::Unchanged);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        for (url, backup) in [("b", "mcp.json.backup"), ("c", "mcp.json.backup.2")] {
            let before = fs::read(&path).unwrap();
            let backup = path.with_file_name(backup);
            assert_eq!(write(&path, &addition(url)).unwrap(), Written::Changed { backup: backup.clone() });
            assert_eq!(fs::read(&backup).unwrap(), before);
            for file in [&path, &backup] {
                assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o640, "{file:?}");
            }
        }
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 3);
    }

    #[test]
    fn a_hostile_place_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("target"), "{}").unwrap();
        symlink(at("target"), at("link")).unwrap();
        symlink(at("nowhere"), at("dangling")).unwrap();
        fs::create_dir(at("folder")).unwrap();
        fs::write(at("huge"), " ".repeat(9 * 1024 * 1024)).unwrap();
        fs::write(at("bytes"), b"{\"a\": \"\xff\"}").unwrap();
        fs::write(at("commented"), "{} // mine").unwrap();
        for (name, expect) in [
            ("link", "it is a link to"),
            ("dangling", "it is a link to"),
            ("folder", "it is not a file"),
            ("huge", "it is longer than 8 MiB"),
            ("bytes", "stream did not contain valid UTF-8"),
            ("commented", "comments could not be kept"),
        ] {
            let error = write(&at(name), &addition("a")).unwrap_err().to_string();
            assert!(error.contains(expect), "{name}: {error}");
        }
        assert_eq!(fs::read(at("target")).unwrap(), b"{}");
        assert_eq!(fs::read(at("commented")).unwrap(), b"{} // mine");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 7);
    }
}
