//! `warrener prove`: assertions about what can never happen, proved for every call that there could be.

use super::folder::{Folder, Format, PlaceArguments, TestFile};
use super::{CommandError, Ended};
use crate::administer::{self, LoadError};
use crate::audit::escape::{escape, escape_json};
use crate::directus::SchemaSnapshot;
use crate::policy::PolicySet;
use crate::policy::diagnostic::Diagnostics;
use crate::policy::proof::{Proof, ProofFile, Proved};
use clap::Args;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::PathBuf;

/// What is proved.
#[derive(Args, Debug)]
#[command(
    after_help = "The exit code is 0 where every assertion is proved, 2 where a call shows that one does not hold, 1 where one could \
                  not be proved, and 3 where policies or assertions are not valid."
)]
pub(super) struct ProveArguments {
    #[command(flatten)]
    place: PlaceArguments,
    /// How the answer looks
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Files of assertions; those beside the policies where none is named
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) fn run(arguments: &ProveArguments, out: &mut dyn Write) -> Result<Ended, CommandError> {
    let config = arguments.place.folder.config()?;
    let folder = Folder::read(arguments.place.folder.policies.clone().or_else(|| config.policies.clone()))?;
    let (set, _) = PolicySet::load(&folder.sources, config.guardrails).map_err(LoadError::Policies)?;
    let files = match arguments.files.as_slice() {
        [] => folder.proofs(),
        named => named.iter().map(|path| TestFile::read(path)).collect::<Result<_, _>>()?,
    };
    let decoded = decode(&files, &set)?;
    let given = arguments.place.schema.as_deref().map(administer::schema).transpose()?;
    let mut proofs = Vec::new();
    for (file, assertions) in files.iter().zip(&decoded) {
        let named = match &given {
            Some(_) => None,
            None => file.schema(assertions.schema.as_deref())?,
        };
        proofs.extend(prove(assertions, &set, given.as_ref().or(named.as_ref()))?);
    }
    if proofs.is_empty() {
        let text = "there are no assertions: write some into a file `NAME.proof.yaml` beside the policies";
        return Err(CommandError::Input(text.to_owned()));
    }
    match arguments.format {
        Format::Human => for_people(&proofs, out)?,
        Format::Json => writeln!(out, "{}", escape_json(&format!("{:#}", to_json(&proofs))))?,
    }
    Ok(ended(&proofs))
}

/// Every file, or all that is wrong in any of them.
fn decode(files: &[TestFile], set: &PolicySet) -> Result<Vec<ProofFile>, LoadError> {
    let (mut decoded, mut wrong) = (Vec::new(), Diagnostics::default());
    for file in files {
        match file.decode_proof() {
            Ok(assertions) => {
                wrong = wrong.and(assertions.unknown_roles(set));
                decoded.push(assertions);
            }
            Err(found) => wrong = wrong.and(found),
        }
    }
    if wrong.has_errors() { Err(LoadError::Policies(wrong)) } else { Ok(decoded) }
}

fn prove(
    file: &ProofFile,
    set: &PolicySet,
    schema: Option<&SchemaSnapshot>,
) -> Result<Vec<Proof>, CommandError> {
    let proofs = file.assertions.iter().map(|assertion| assertion.prove(set, schema));
    proofs.collect::<Result<_, _>>().map_err(|error| CommandError::Input(error.to_string()))
}

fn ended(proofs: &[Proof]) -> Ended {
    let any = |is: fn(&Proved) -> bool| proofs.iter().any(|proof| is(&proof.proved));
    if any(|proved| matches!(proved, Proved::Fails(_))) {
        Ended::Denied
    } else if any(|proved| matches!(proved, Proved::Unproved(_) | Proved::Nothing)) {
        Ended::Failed
    } else {
        Ended::Well
    }
}

fn for_people(proofs: &[Proof], out: &mut dyn Write) -> io::Result<()> {
    for line in proofs.iter().flat_map(Proof::shown) {
        writeln!(out, "{}", escape(&line))?;
    }
    let Counts { hold, fail, open } = Counts::of(proofs);
    writeln!(out, "\n{hold} proved, {fail} disproved, {open} not proved")
}

struct Counts {
    hold: usize,
    fail: usize,
    open: usize,
}

impl Counts {
    fn of(proofs: &[Proof]) -> Self {
        let mut counts = Self { hold: 0, fail: 0, open: 0 };
        for proof in proofs {
            match proof.proved {
                Proved::Holds { .. } => counts.hold += 1,
                Proved::Fails(_) => counts.fail += 1,
                Proved::Unproved(_) | Proved::Nothing => counts.open += 1,
            }
        }
        counts
    }
}

fn to_json(proofs: &[Proof]) -> Value {
    let Counts { hold, fail, open } = Counts::of(proofs);
    let all: Vec<Value> = proofs.iter().map(Proof::to_json).collect();
    json!({ "proved": hold, "disproved": fail, "not_proved": open, "assertions": all })
}
