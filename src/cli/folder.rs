//! The policies that a command speaks of: a folder, or what is built in.

use super::{CommandError, serve};
use crate::administer::{self, LoadError};
use crate::config::Config;
use crate::directus::SchemaSnapshot;
use crate::policy::case::CaseFile;
use crate::policy::diagnostic::{Diagnostics, Source};
use crate::policy::proof::ProofFile;
use crate::policy::set::{BUILT_IN_SCHEMA, BUILT_IN_SCHEMA_FILE, PROOFS, TESTS, built_in_sources};
use clap::{Args, ValueEnum};
use std::fs;
use std::path::{Path, PathBuf};

/// Where policies are.
#[derive(Args, Debug)]
pub(super) struct FolderArguments {
    /// The folder of policy files; that of the settings, or the built-in policies, where it is left out
    #[arg(long, value_name = "DIR", env = "WARRENER_POLICIES")]
    pub(super) policies: Option<PathBuf>,
    /// The settings; `warrener.yaml` in the working folder where there is one
    #[arg(long, value_name = "FILE", env = "WARRENER_CONFIG")]
    pub(super) config: Option<PathBuf>,
}

/// Where policies and schema are.
#[derive(Args, Debug)]
pub(super) struct PlaceArguments {
    #[command(flatten)]
    pub(super) folder: FolderArguments,
    /// A folder with what `GET /collections`, `/fields` and `/relations` answer, or a `directus schema snapshot` file
    #[arg(long, value_name = "PATH", env = "WARRENER_SCHEMA")]
    pub(super) schema: Option<PathBuf>,
}

/// How an answer looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Human,
    Json,
}

impl FolderArguments {
    pub(super) fn config(&self) -> Result<Config, CommandError> {
        serve::from_file(self.config.as_deref())
    }

    /// Where the settings are, if there are any.
    pub(super) fn settings(&self) -> &Path {
        self.config.as_deref().unwrap_or(Path::new(serve::CONFIG))
    }
}

/// The files of a folder, or those that are built in.
#[derive(Debug)]
pub(super) struct Folder {
    /// `None` for what is built in.
    path: Option<PathBuf>,
    pub(super) sources: Vec<Source>,
}

/// A file of tests or of assertions, as it was read.
#[derive(Debug)]
pub(super) struct TestFile {
    /// Where it stands, for people.
    pub(super) shown: String,
    /// The folder that its schema is looked for in; `None` for what is built in.
    folder: Option<PathBuf>,
    source: Source,
}

impl Folder {
    pub(super) fn read(path: Option<PathBuf>) -> Result<Self, LoadError> {
        let sources = match &path {
            Some(path) => administer::sources(path)?,
            None => built_in_sources(),
        };
        Ok(Self { path, sources })
    }

    pub(super) fn is_built_in(&self) -> bool {
        self.path.is_none()
    }

    /// Where a file of that name stands, for people.
    pub(super) fn shown(&self, name: &str) -> String {
        match &self.path {
            Some(path) => path.join(name).display().to_string(),
            None => format!("built-in {name}"),
        }
    }

    pub(super) fn tests(&self) -> Vec<TestFile> {
        self.ending(TESTS)
    }

    pub(super) fn proofs(&self) -> Vec<TestFile> {
        self.ending(PROOFS)
    }

    fn ending(&self, end: &str) -> Vec<TestFile> {
        let sources = self.sources.iter().filter(|source| source.name.ends_with(end));
        let file = |source: &Source| TestFile {
            shown: self.shown(&source.name),
            folder: self.path.clone(),
            source: source.clone(),
        };
        sources.map(file).collect()
    }
}

impl TestFile {
    pub(super) fn read(path: &Path) -> Result<Self, CommandError> {
        let text =
            fs::read_to_string(path).map_err(|cause| CommandError::Read { path: path.to_owned(), cause })?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let folder = Some(path.parent().map(Path::to_owned).unwrap_or_default());
        Ok(Self { shown: path.display().to_string(), folder, source: Source::new(name, text) })
    }

    pub(super) fn decode(&self) -> Result<CaseFile, Diagnostics> {
        CaseFile::load(&self.source)
    }

    pub(super) fn decode_proof(&self) -> Result<ProofFile, Diagnostics> {
        ProofFile::load(&self.source)
    }

    pub(super) fn name(&self) -> &str {
        &self.source.name
    }

    /// The schema that the file names, beside itself.
    pub(super) fn schema(&self, name: Option<&str>) -> Result<Option<SchemaSnapshot>, LoadError> {
        let Some(name) = name else { return Ok(None) };
        match &self.folder {
            Some(folder) => administer::schema(&folder.join(name)).map(Some),
            None => built_in_schema(name).map(Some),
        }
    }
}

fn built_in_schema(name: &str) -> Result<SchemaSnapshot, LoadError> {
    debug_assert_eq!(name, BUILT_IN_SCHEMA_FILE, "what is built in names no other");
    let path = || PathBuf::from(name);
    SchemaSnapshot::from_snapshot(BUILT_IN_SCHEMA).map_err(|cause| LoadError::Schema { path: path(), cause })
}
