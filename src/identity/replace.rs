//! Changing a file that others read meanwhile.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};

/// A file that is locked against other changes, by way of the folder that it is in: the file itself is replaced.
#[derive(Debug)]
pub(super) struct Locked {
    path: PathBuf,
    folder: File,
}

impl Locked {
    /// Waits until nobody else changes the file, which need not be there.
    pub(super) fn wait(path: &Path) -> io::Result<Self> {
        // Renaming onto a symbolic link would put a file in its place.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let folder = File::open(folder_of(&path))?;
        folder.lock()?;
        Ok(Self { path, folder })
    }

    /// The file itself, where a link leads to it.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes beside the file, readable for its owner only, and then puts it in the file's place: a reader sees the old text or the
    /// new, and a crash leaves one of them.
    pub(super) fn replace(&self, text: &str) -> io::Result<()> {
        let mut name = std::ffi::OsString::from(".");
        name.push(self.path.file_name().unwrap_or_default());
        name.push(format!(".{}.new", std::process::id()));
        let beside = self.path.with_file_name(name);
        let written = create_private(&beside).and_then(|mut file| {
            self.keep_owner(&file);
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, &self.path)?;
            self.folder.sync_all()
        });
        if written.is_err() {
            // What is left of the attempt; that it may not be there is no further error.
            let _ = fs::remove_file(&beside);
        }
        written
    }
}

impl Locked {
    /// Whoever could read the file, or works in its folder, can read it when an administrator has changed it. Others cannot give files
    /// away, and need not.
    fn keep_owner(&self, file: &File) {
        let owner = fs::metadata(&self.path).or_else(|_| self.folder.metadata());
        if let Ok(owner) = owner {
            let _ = fchown(file, Some(owner.uid()), Some(owner.gid()));
        }
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) | None => Path::new("."),
    }
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    options.mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::chown;

    #[test]
    fn an_administrator_leaves_files_to_those_who_read_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.yaml");
        if chown(folder.path(), Some(4321), Some(4321)).is_err() {
            // Only an administrator can give files away.
            return;
        }
        let replace = |text: &str| Locked::wait(&path).and_then(|locked| locked.replace(text)).unwrap();
        let owner = || fs::metadata(&path).map(|found| (found.uid(), found.mode() & 0o777)).unwrap();
        replace("new");
        assert_eq!(owner(), (4321, 0o600));
        chown(&path, Some(1234), None).unwrap();
        replace("changed");
        assert_eq!(owner(), (1234, 0o600));
    }
}
