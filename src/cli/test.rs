//! `warrener test`: the tests of the policies, run against the engine that decides calls.

use super::check::unknown_role;
use super::folder::{Folder, Format, PlaceArguments, TestFile};
use super::{CommandError, Ended};
use crate::administer::{self, LoadError};
use crate::audit::escape::{escape, escape_json};
use crate::directus::SchemaSnapshot;
use crate::policy::PolicySet;
use crate::policy::case::CaseFile;
use crate::policy::diagnostic::Diagnostics;
use crate::policy::run_case::Failed;
use clap::Args;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::PathBuf;

/// What is tested.
#[derive(Args, Debug)]
pub(super) struct TestArguments {
    #[command(flatten)]
    place: PlaceArguments,
    /// How the answer looks
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Files of tests; those beside the policies where none is named
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// What came of all tests.
#[derive(Debug, Default)]
struct Results {
    passed: usize,
    failures: Vec<Failure>,
}

#[derive(Debug)]
struct Failure {
    file: String,
    line: usize,
    name: String,
    failed: Failed,
}

pub(super) fn run(arguments: &TestArguments, out: &mut dyn Write) -> Result<Ended, CommandError> {
    let config = arguments.place.config()?;
    let folder = Folder::read(arguments.place.policies.clone().or(config.policies))?;
    let (set, _) = PolicySet::load(&folder.sources, config.guardrails).map_err(LoadError::Policies)?;
    let files = match arguments.files.as_slice() {
        [] => folder.tests(),
        named => named.iter().map(|path| TestFile::read(path)).collect::<Result<_, _>>()?,
    };
    let decoded = decode(&files, &set)?;
    let given = arguments.place.schema.as_deref().map(administer::schema).transpose()?;
    let mut results = Results::default();
    for (file, tests) in files.iter().zip(&decoded) {
        let schema = match &given {
            Some(schema) => Some(schema.clone()),
            None => file.schema(tests.schema.as_deref())?,
        };
        results.add(file, tests, &set, schema.as_ref());
    }
    if results.passed == 0 && results.failures.is_empty() {
        let text = "there are no tests: write some into a file `ROLE.test.yaml` beside the policies";
        return Err(CommandError::Input(text.to_owned()));
    }
    match arguments.format {
        Format::Human => results.for_people(out)?,
        Format::Json => writeln!(out, "{}", escape_json(&format!("{:#}", results.to_json())))?,
    }
    Ok(if results.failures.is_empty() { Ended::Well } else { Ended::Failed })
}

/// Every file, or all that is wrong in any of them.
fn decode(files: &[TestFile], set: &PolicySet) -> Result<Vec<CaseFile>, LoadError> {
    let (mut decoded, mut wrong) = (Vec::new(), Diagnostics::default());
    for file in files {
        match file.decode() {
            Ok(tests) => {
                wrong = wrong.and(unknown_role(file, &tests.role, set));
                decoded.push(tests);
            }
            Err(found) => wrong = wrong.and(found),
        }
    }
    if wrong.has_errors() { Err(LoadError::Policies(wrong)) } else { Ok(decoded) }
}

impl Results {
    fn add(&mut self, file: &TestFile, tests: &CaseFile, set: &PolicySet, schema: Option<&SchemaSnapshot>) {
        for case in &tests.tests {
            match tests.run(case, set, schema) {
                Ok(()) => self.passed += 1,
                Err(failed) => self.failures.push(Failure {
                    file: file.shown.clone(),
                    line: case.at.line,
                    name: case.name.clone(),
                    failed,
                }),
            }
        }
    }

    fn for_people(&self, out: &mut dyn Write) -> io::Result<()> {
        for Failure { file, line, name, failed } in &self.failures {
            writeln!(out, "{}:{line}: {}", escape(file), escape(name))?;
            writeln!(out, "  expected  {}", escape(&failed.expected))?;
            writeln!(out, "  came      {}\n", escape(&failed.came))?;
        }
        writeln!(out, "{} passed, {} failed", self.passed, self.failures.len())
    }

    fn to_json(&self) -> Value {
        let failures = self.failures.iter().map(|one| {
            json!({
                "file": one.file, "line": one.line, "name": one.name,
                "expected": one.failed.expected, "came": one.failed.came,
            })
        });
        json!({ "passed": self.passed, "failed": self.failures.len(), "failures": failures.collect::<Vec<_>>() })
    }
}
