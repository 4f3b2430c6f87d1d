//! Reading policies and schema snapshots from disk.

use crate::directus::SchemaSnapshot;
use crate::directus::schema::SchemaError;
use crate::identity::whole;
use crate::policy::PolicySet;
use crate::policy::diagnostic::{Diagnostic, Diagnostics, Source};
use crate::policy::set::{GuardrailsFile, is_listed};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Longest policy file that is read, in bytes.
const LONGEST: u64 = 4 << 20;

/// Why policies or a schema cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file or folder cannot be read.
    #[error("cannot read `{path}`: {cause}", path = path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// The folder has no policies in it.
    #[error("the folder `{path}` has no policy files in it: `warrener init` writes some to start from", path = .0.display())]
    Empty(PathBuf),
    /// The policies are not valid.
    #[error("the policies are not valid")]
    Policies(Diagnostics),
    /// The schema is not one.
    #[error("the schema in `{path}` is not valid: {cause}", path = path.display())]
    Schema {
        /// Where it was read from.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        cause: SchemaError,
    },
}

/// Loads the policies of a folder, or the built-in ones where none is named; with them come the warnings about them.
///
/// # Errors
/// When the folder cannot be read, or what is in it is not valid.
pub fn policies(folder: Option<&Path>) -> Result<(PolicySet, Vec<Diagnostic>), LoadError> {
    policies_with(folder, GuardrailsFile::Required)
}

/// As [`policies`], for a folder that may be without `guardrails.yaml`, or may not.
///
/// # Errors
/// As [`policies`].
pub fn policies_with(
    folder: Option<&Path>,
    guardrails: GuardrailsFile,
) -> Result<(PolicySet, Vec<Diagnostic>), LoadError> {
    let sources = match folder {
        Some(folder) => sources(folder)?,
        None => crate::policy::set::built_in_sources(),
    };
    PolicySet::load(&sources, guardrails).map_err(LoadError::Policies)
}

/// The YAML files of a folder, in the order of their names; folders in it are left aside.
///
/// # Errors
/// When the folder or a file in it cannot be read, or there is no file.
pub fn sources(folder: &Path) -> Result<Vec<Source>, LoadError> {
    files(folder)?.into_iter().map(|(name, path)| source(name, &path)).collect()
}

/// The names and paths of those files.
pub(super) fn files(folder: &Path) -> Result<Vec<(String, PathBuf)>, LoadError> {
    let broken = |cause| LoadError::Read { path: folder.to_owned(), cause };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(broken)? {
        let path = entry.map_err(broken)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        // Editors and Kubernetes leave hidden files and folders beside the real ones. A link that leads nowhere is none of them: it
        // is a file that is not there.
        if is_listed(name) && !path.is_dir() {
            files.push((name.to_owned(), path));
        }
    }
    files.sort();
    if files.is_empty() { Err(LoadError::Empty(folder.to_owned())) } else { Ok(files) }
}

/// One of those files.
pub(super) fn source(name: String, path: &Path) -> Result<Source, LoadError> {
    let text =
        whole::text(path, LONGEST).map_err(|cause| LoadError::Read { path: path.to_owned(), cause })?;
    Ok(Source::new(name, text))
}

/// Loads a schema: a folder with `collections.json`, `fields.json` and `relations.json` as Directus' REST interface
/// answers them, or the file that `directus schema snapshot` writes.
///
/// # Errors
/// When it cannot be read, or is neither.
pub fn schema(path: &Path) -> Result<SchemaSnapshot, LoadError> {
    let read = |path: PathBuf| fs::read_to_string(&path).map_err(|cause| LoadError::Read { path, cause });
    let snapshot = if path.is_dir() {
        let part = |name: &str| read(path.join(name));
        let answers = (part("collections.json")?, part("fields.json")?, part("relations.json")?);
        // Those three do not say of which version they are; a snapshot beside them does.
        let beside = fs::read_to_string(path.join("snapshot.yaml")).ok();
        let version = beside.and_then(|text| SchemaSnapshot::version_in_snapshot(&text));
        SchemaSnapshot::from_rest(&answers.0, &answers.1, &answers.2)
            .map(|snapshot| snapshot.of_version(version))
    } else {
        SchemaSnapshot::from_snapshot(&read(path.to_owned())?)
    };
    snapshot.map_err(|cause| LoadError::Schema { path: path.to_owned(), cause })
}
