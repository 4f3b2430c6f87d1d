//! `warrener audit verify`.

use super::{AuditArgs, AuditError, FormatArgs};
use crate::audit::checkpoint::SecondPlace;
use crate::audit::render::Format;
use crate::audit::signing::{PublicKey, Said, SigningKey, SigningKeyError};
use crate::audit::verify::{Evidence, Verdict, Verified, verify};
use crate::cli::progress;
use clap::Args;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What the chain is checked with.
#[derive(Clone, Debug, Args)]
pub struct VerifyArgs {
    /// The public key whose signatures count; of the settings' `signing_key` if left out
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    /// The checkpoints of the second place, a JSON line each; the file that the settings name if left out
    #[arg(long, value_name = "FILE")]
    checkpoints: Option<PathBuf>,
    #[command(flatten)]
    format: FormatArgs,
}

/// A key or a file of checkpoints cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// The key.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    /// The file of checkpoints.
    #[error("cannot read the checkpoints in `{path}`: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A line of it.
    #[error("line {line} of `{path}` is no checkpoint: take it out where a crash has left it half", path = path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
}

fn write(found: &Verified, format: Format, out: &mut dyn Write) -> io::Result<()> {
    let Verified {
        entries,
        last,
        digest,
        pruned_through,
        checkpoints,
        signed_through,
        elsewhere,
        erased,
        texts_missing,
        tallied_hours,
        ..
    } = found;
    match format {
        Format::Json => return writeln!(out, "{}", serde_json::to_string(found)?),
        Format::Csv => {
            writeln!(
                out,
                "entries,last,digest,pruned_through,checkpoints,signed_through,signatures_checked,elsewhere,erased,texts_missing,tallied_hours"
            )?;
            let checked = found.signatures_checked;
            return writeln!(
                out,
                "{entries},{last},{digest},{pruned_through},{checkpoints},{signed_through},{checked},{elsewhere},{erased},{texts_missing},{tallied_hours}"
            );
        }
        Format::Table => {}
    }
    writeln!(
        out,
        "{entries} entries, as they were written: none was changed, removed, inserted or reordered"
    )?;
    writeln!(out, "last entry         {last}, {digest}")?;
    if *pruned_through > 0 {
        writeln!(out, "pruned             up to entry {pruned_through}, as a marker says")?;
    }
    if *erased > 0 {
        writeln!(out, "erased             arguments of {erased} entries, as markers say")?;
    }
    if *checkpoints > 0 {
        let signed = if found.signatures_checked {
            "with good signatures"
        } else {
            "with signatures that were not checked"
        };
        writeln!(out, "checkpoints        {checkpoints}, {signed}, up to entry {signed_through}")?;
    }
    if *elsewhere > 0 {
        writeln!(out, "second place       {elsewhere} checkpoints agree")?;
    }
    if *texts_missing > 0 {
        writeln!(
            out,
            "texts missing      {texts_missing} policies or schemas that entries name: what was decided with them cannot be decided again"
        )?;
    }
    if *tallied_hours > 0 {
        writeln!(out, "tallies            of {tallied_hours} hours, and what their entries come to")?;
    }
    Ok(())
}

/// What was not shown, and how it could be.
fn advise(found: &Verified, evidence: &Evidence, notes: &mut dyn Write) -> io::Result<()> {
    let signed = found.signed_through;
    if found.checkpoints == 0 {
        writeln!(
            notes,
            "nothing in it is signed, so all of it could have been written anew or cut off: `warrener key signing` makes a key"
        )
    } else if evidence.key.is_none() {
        writeln!(notes, "no signature was checked: name the public key with `--public-key FILE`")
    } else if evidence.elsewhere.is_empty() {
        writeln!(
            notes,
            "what stands behind entry {signed} could have been written anew, and what stood there cut off: compare with the second \
             place, `--checkpoints FILE`"
        )
    } else if found.last > signed + 1 {
        writeln!(
            notes,
            "what stands behind entry {signed} is not signed yet, and could have been written anew or cut off"
        )
    } else {
        Ok(())
    }
}

impl VerifyArgs {
    /// Verifies, and says what was found; a fault is an error.
    pub(super) async fn run(
        &self,
        args: &AuditArgs,
        out: &mut dyn Write,
        notes: &mut dyn Write,
    ) -> Result<(), AuditError> {
        let evidence = evidence(args, self.public_key.as_deref(), self.checkpoints.as_deref())?;
        let verdict = progress::shown(async |told| verify(&args.audit, &evidence, told).await).await;
        match verdict? {
            Verdict::Broken(fault) => Err(AuditError::Broken(fault)),
            Verdict::Whole(found) => {
                write(&found, self.format.format, out)?;
                advise(&found, &evidence, notes)?;
                Ok(())
            }
        }
    }
}

/// What the settings have to check with; a public key or a file of checkpoints that is named counts in their place.
pub(super) fn evidence(
    args: &AuditArgs,
    public_key: Option<&Path>,
    checkpoints: Option<&Path>,
) -> Result<Evidence, EvidenceError> {
    let settings = &args.settings;
    let key = match (public_key, &settings.signing_key) {
        (Some(path), _) => Some(PublicKey::read(path)?),
        (None, Some(path)) => Some(SigningKey::read(path)?.public()),
        (None, None) => None,
    };
    let configured = match &settings.checkpoints.to {
        SecondPlace::File(path) => Some(path.as_path()),
        SecondPlace::Log | SecondPlace::Stdout => None,
    };
    let elsewhere = match checkpoints.or(configured) {
        Some(path) => lines(path)?,
        None => Vec::new(),
    };
    Ok(Evidence { key, elsewhere })
}

fn lines(path: &Path) -> Result<Vec<Said>, EvidenceError> {
    let text = fs::read_to_string(path);
    let text = text.map_err(|source| EvidenceError::Read { path: path.to_owned(), source })?;
    let said = |(line, text): (usize, &str)| {
        let said = serde_json::from_str(text).ok().and_then(|note| Said::from_json(&note));
        said.ok_or_else(|| EvidenceError::Line { path: path.to_owned(), line: line + 1 })
    };
    text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()).map(said).collect()
}
