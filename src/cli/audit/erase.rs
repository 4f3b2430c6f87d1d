//! `warrener audit erase`.

use super::verify::EvidenceError;
use super::{AuditArgs, AuditError};
use crate::audit::erase::{Erase, erase};
use crate::audit::query::TrailReader;
use crate::audit::signing::SigningKey;
use clap::Args;
use std::io::Write;

/// Whose arguments are to go.
#[derive(Clone, Debug, Args)]
#[group(required = true, multiple = false)]
pub struct EraseArgs {
    /// The arguments of one call, by its id or enough of its beginning
    #[arg(long, value_name = "ID")]
    call: Option<String>,
    /// The arguments of all calls of a client so far, and its name
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
}

impl EraseArgs {
    /// Erases, and says of how many entries.
    pub(super) async fn run(
        &self,
        args: &AuditArgs,
        reader: &mut TrailReader,
        notes: &mut dyn Write,
    ) -> Result<(), AuditError> {
        let what = match (&self.call, &self.principal) {
            (Some(id), _) => Erase::Call(reader.call(id).await?.id),
            (None, Some(name)) => Erase::Principal(name.clone()),
            // The parser asks for one of them.
            (None, None) => return Ok(()),
        };
        let key = args.settings.signing_key.as_deref().map(SigningKey::read).transpose();
        let erased = erase(&args.audit, &what, key.map_err(EvidenceError::from)?.as_ref()).await?;
        writeln!(notes, "the arguments of {erased} entries are erased")?;
        Ok(())
    }
}
