//! `warrener test`: the tests of the policies, run against the engine that decides calls.

mod junit;
mod results;

use super::check::unknown_role;
use super::folder::{Folder, PlaceArguments, TestFile};
use super::{CommandError, Ended};
use crate::administer::{self, LoadError};
use crate::audit::escape::escape_json;
use crate::policy::PolicySet;
use crate::policy::case::CaseFile;
use crate::policy::coverage::Coverage;
use crate::policy::diagnostic::Diagnostics;
use clap::{Args, ValueEnum};
use results::{Covered, Results, Suite};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

/// What is tested.
#[derive(Args, Debug)]
pub(super) struct TestArguments {
    #[command(flatten)]
    place: PlaceArguments,
    /// How the answer looks
    #[arg(long, value_enum, default_value_t = TestFormat::Human)]
    format: TestFormat,
    /// Name the rules that no test touches
    #[arg(long)]
    coverage: bool,
    /// Fail where the tests touch less than this share of the rules
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_coverage: Option<u8>,
    /// Files of tests; those beside the policies where none is named
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TestFormat {
    Human,
    Junit,
    Json,
}

pub(super) fn run(arguments: &TestArguments, out: &mut dyn Write) -> Result<Ended, CommandError> {
    let config = arguments.place.folder.config()?;
    let folder = Folder::read(arguments.place.folder.policies.clone().or(config.policies))?;
    let (set, _) = PolicySet::load(&folder.sources, config.guardrails).map_err(LoadError::Policies)?;
    let files = match arguments.files.as_slice() {
        [] => folder.tests(),
        named => named.iter().map(|path| TestFile::read(path)).collect::<Result<_, _>>()?,
    };
    let decoded = decode(&files, &set)?;
    let given = arguments.place.schema.as_deref().map(administer::schema).transpose()?;
    // Files that are named say nothing of the roles that they do not test.
    let tested: BTreeSet<&str> = decoded.iter().map(|tests| tests.role.as_str()).collect();
    let mut coverage = Coverage::of(&set, Some(&tested).filter(|_| !arguments.files.is_empty()));
    let mut suites = Vec::new();
    for (file, tests) in files.iter().zip(&decoded) {
        let schema = match &given {
            Some(schema) => Some(schema.clone()),
            None => file.schema(tests.schema.as_deref())?,
        };
        suites.push(Suite::run(file, tests, &set, schema.as_ref(), &mut coverage));
    }
    let covered = Covered::new(&coverage, &folder, arguments.min_coverage);
    let results = Results { suites, covered };
    if results.count() == 0 {
        let text = "there are no tests: write some into a file `ROLE.test.yaml` beside the policies";
        return Err(CommandError::Input(text.to_owned()));
    }
    match arguments.format {
        TestFormat::Human => results.for_people(arguments.coverage, out)?,
        TestFormat::Junit => write!(out, "{}", junit::Report(&results))?,
        TestFormat::Json => writeln!(out, "{}", escape_json(&format!("{:#}", results.to_json())))?,
    }
    Ok(if results.are_well() { Ended::Well } else { Ended::Failed })
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
