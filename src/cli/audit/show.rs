//! `warrener audit show`: everything about one call.

use super::activity::ActivityLog;
use super::{AuditError, FormatArgs};
use crate::administer;
use crate::audit::query::TrailReader;
use crate::audit::sheet::{Now, Sheet};
use crate::policy::PolicySet;
use crate::policy::diagnostic::Source;
use crate::policy::locate::{RulePlace, locate};
use crate::policy::set::{GuardrailsFile, built_in_sources};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;

/// Which call to show.
#[derive(Clone, Debug, Args)]
pub struct ShowArgs {
    /// The call's id, or enough of its beginning
    pub id: String,
    /// The folder of policy files that the rule is looked for in; that of the settings, or the built-in policies, where it is
    /// left out
    #[arg(long, value_name = "DIR", env = "WARRENER_POLICIES")]
    pub policies: Option<PathBuf>,
    /// How.
    #[command(flatten)]
    pub format: FormatArgs,
    /// Where Directus' own log of the call is read; nowhere unless the settings have a token for it.
    #[arg(skip)]
    pub(in crate::cli) activity: Option<ActivityLog>,
}

impl ShowArgs {
    pub(super) async fn run(
        &self,
        reader: &mut TrailReader,
        out: &mut dyn Write,
        notes: &mut dyn Write,
    ) -> Result<(), AuditError> {
        let call = reader.call(&self.id).await?;
        let parts = reader.parts(&call.id).await?;
        let files = reader.policy_files(&call.policy_revision).await?;
        let files: Vec<Source> = files.into_iter().map(|(name, text)| Source::new(name, text)).collect();
        let place = |sources: &[Source]| -> Option<RulePlace> { locate(sources, call.rule.as_deref()?) };
        let decided = place(&files);
        let now = self.now().map(|(folder, sources)| Now {
            folder,
            same: revision(&sources).as_ref() == Some(&call.policy_revision),
            place: place(&sources),
        });
        let mut directus = None;
        if let Some(log) = &self.activity {
            match log.of(&call.id).await {
                Ok(rows) => directus = Some(rows),
                // The trail's own answer does not depend on Directus being there.
                Err(error) => writeln!(notes, "{error}")?,
            }
        }
        Ok(Sheet { call, parts, decided, now, directus }.write(self.format.format, out)?)
    }

    /// The policies as they are now, and what their folder is called; `None` where they cannot be read, which is no reason
    /// not to show the call.
    fn now(&self) -> Option<(String, Vec<Source>)> {
        match &self.policies {
            Some(folder) => Some((folder.display().to_string(), administer::sources(folder).ok()?)),
            None => Some(("built-in".to_owned(), built_in_sources())),
        }
    }
}

/// The revision that these files make; `None` where they do not hold together.
fn revision(sources: &[Source]) -> Option<String> {
    let (set, _) = PolicySet::load(sources, GuardrailsFile::Optional).ok()?;
    Some(set.revision().to_owned())
}
