//! `warrener matrix`: what every role may do, as one table that can be reviewed and compared.

use super::folder::{Folder, Format, PlaceArguments};
use super::{CommandError, Ended};
use crate::administer;
use crate::directus::SchemaSnapshot;
use crate::policy::PolicySet;
use crate::policy::diagnostic::Diagnostics;
use crate::policy::set::BUILT_IN_SCHEMA;
use clap::Args;
use serde_json::Value;
use std::io::Write;

/// What the table is made of.
#[derive(Args, Debug)]
pub(super) struct MatrixArguments {
    #[command(flatten)]
    place: PlaceArguments,
    /// Only this role
    #[arg(long)]
    role: Option<String>,
    /// How the answer looks
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub(super) fn run(arguments: &MatrixArguments, out: &mut dyn Write) -> Result<Ended, CommandError> {
    let config = arguments.place.config()?;
    let folder = Folder::read(arguments.place.policies.clone().or_else(|| config.policies.clone()))?;
    let (set, _) = PolicySet::load(&folder.sources, config.guardrails).map_err(invalid)?;
    let schema = match arguments.place.schema.as_ref().or(config.schema.file.as_ref()) {
        Some(path) => administer::schema(path)?,
        None => SchemaSnapshot::from_snapshot(BUILT_IN_SCHEMA)
            .map_err(|error| CommandError::Input(error.to_string()))?,
    };
    let wanted = |role: &str| arguments.role.as_deref().is_none_or(|wanted| wanted == role);
    let matrices: Vec<_> = set.matrix(&schema).into_iter().filter(|matrix| wanted(&matrix.role)).collect();
    if matrices.is_empty() {
        let known: Vec<&str> = set.roles().map(|role| role.name.as_str()).collect();
        let role = arguments.role.as_deref().unwrap_or_default();
        return Err(CommandError::Input(format!(
            "there is no role `{role}`; the roles are {}",
            known.join(", ")
        )));
    }
    match arguments.format {
        Format::Json => {
            let all: Vec<Value> = matrices.iter().map(crate::policy::matrix::RoleMatrix::to_json).collect();
            writeln!(out, "{:#}", Value::from(all))?;
        }
        Format::Human => {
            let all: Vec<String> = matrices.iter().map(crate::policy::matrix::RoleMatrix::shown).collect();
            out.write_all(all.join("\n").as_bytes())?;
        }
    }
    Ok(Ended::Well)
}

fn invalid(found: Diagnostics) -> CommandError {
    CommandError::Load(administer::LoadError::Policies(found))
}
