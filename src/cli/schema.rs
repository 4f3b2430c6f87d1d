//! `warrener schema`: JSON Schemas, by which editors complete and check what is written.

use super::{CommandError, Ended};
use crate::config;
use crate::policy::json_schema;
use clap::{Args, ValueEnum};
use serde_json::{Map, Value};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Which ones, and where to.
#[derive(Args, Debug)]
pub(super) struct SchemaArguments {
    /// Of which file; without one, all of them in one object, by the names of their files
    #[arg(value_name = "KIND")]
    kind: Option<SchemaKind>,
    /// Write them into that folder, each into its file, which is written over
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// A kind of file that has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaKind {
    /// The file of a role
    Policy,
    /// guardrails.yaml
    Guardrails,
    /// The tests of a role
    Test,
    /// Assertions about the policies
    Proof,
    /// warrener.yaml
    Config,
}

impl SchemaKind {
    pub(super) const ALL: [Self; 5] = [Self::Policy, Self::Guardrails, Self::Test, Self::Proof, Self::Config];

    /// The name of its file, by which the files that it is of name it.
    pub(super) fn file_name(self) -> &'static str {
        match self {
            Self::Policy => "policy.schema.json",
            Self::Guardrails => "guardrails.schema.json",
            Self::Test => "test.schema.json",
            Self::Proof => "proof.schema.json",
            Self::Config => "warrener.schema.json",
        }
    }

    /// Its text.
    pub(super) fn text(self) -> String {
        format!("{:#}\n", self.schema())
    }

    fn schema(self) -> Value {
        match self {
            Self::Policy => json_schema::policy(),
            Self::Guardrails => json_schema::guardrails(),
            Self::Test => json_schema::test(),
            Self::Proof => json_schema::proof(),
            Self::Config => config::json_schema::config(),
        }
    }
}

pub(super) fn run(arguments: &SchemaArguments, out: &mut dyn Write) -> Result<Ended, CommandError> {
    let kinds = arguments.kind.map_or_else(|| SchemaKind::ALL.to_vec(), |kind| vec![kind]);
    match (&arguments.out, arguments.kind) {
        (Some(folder), _) => {
            for kind in kinds {
                let path = write(folder, kind)?;
                writeln!(out, "wrote {}", path.display())?;
            }
        }
        (None, Some(kind)) => out.write_all(kind.text().as_bytes())?,
        (None, None) => {
            let all: Map<String, Value> =
                kinds.into_iter().map(|kind| (kind.file_name().to_owned(), kind.schema())).collect();
            writeln!(out, "{:#}", Value::Object(all))?;
        }
    }
    Ok(Ended::Well)
}

fn write(folder: &Path, kind: SchemaKind) -> Result<PathBuf, CommandError> {
    let path = folder.join(kind.file_name());
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, kind.text()));
    written.map_err(|cause| CommandError::Write { path: path.clone(), cause })?;
    Ok(path)
}
