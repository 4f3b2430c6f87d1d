//! `warrener init`: settings and policies to start from.

use super::schema::SchemaKind;
use super::{CommandError, Ended};
use crate::config;
use crate::policy::set::{BUILT_IN_SCHEMA, BUILT_IN_SCHEMA_FILE, built_in_sources};
use clap::Args;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where it is written.
#[derive(Args, Debug)]
pub(super) struct InitArguments {
    /// The folder that they are written into, made where it is not there; the working folder where it is left out
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

pub(super) fn run(arguments: &InitArguments, out: &mut dyn Write) -> Result<Ended, CommandError> {
    let folder = arguments.folder.as_deref().unwrap_or(Path::new(""));
    let files = files();
    let paths = files.iter().map(|(path, _)| folder.join(path));
    let there: Vec<PathBuf> = paths.filter(|path| path.symlink_metadata().is_ok()).collect();
    if !there.is_empty() {
        return Err(CommandError::Exists(there));
    }
    for (path, text) in &files {
        let path = folder.join(path);
        write_new(&path, text).map_err(|cause| CommandError::Write { path: path.clone(), cause })?;
        writeln!(out, "wrote {}", path.display())?;
    }
    next_steps(folder, out)?;
    Ok(Ended::Well)
}

/// Every file, relative to the folder, with its text.
fn files() -> Vec<(PathBuf, String)> {
    let policies = Path::new("policies");
    let mut files = vec![
        (PathBuf::from("warrener.yaml"), config::EXAMPLE.to_owned()),
        (policies.join("README.md"), include_str!("../../policies/README.md").to_owned()),
        (policies.join(BUILT_IN_SCHEMA_FILE), BUILT_IN_SCHEMA.to_owned()),
    ];
    files.extend(SchemaKind::ALL.into_iter().map(|kind| (schema_path(policies, kind), kind.text())));
    files.extend(built_in_sources().into_iter().map(|source| (policies.join(source.name), source.text)));
    files
}

/// Each schema stands beside the files that name it.
fn schema_path(policies: &Path, kind: SchemaKind) -> PathBuf {
    match kind {
        SchemaKind::Policy | SchemaKind::Guardrails | SchemaKind::Test | SchemaKind::Proof => {
            policies.join(kind.file_name())
        }
        SchemaKind::Config => PathBuf::from(kind.file_name()),
    }
}

/// Never writes over a file, not even one that appeared a moment ago.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new().write(true).create_new(true).open(path)?.write_all(text.as_bytes())
}

fn next_steps(folder: &Path, out: &mut dyn Write) -> io::Result<()> {
    let change =
        if folder.as_os_str().is_empty() { String::new() } else { format!("cd {} && ", folder.display()) };
    writeln!(out, "\nnext:")?;
    writeln!(
        out,
        "  1. say in warrener.yaml where Directus is (`upstream.url`), then: {change}warrener check"
    )?;
    writeln!(out, "  2. {change}DIRECTUS_TOKEN=… warrener serve")
}
