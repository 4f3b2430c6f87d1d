//! `warrener matrix`: what every role may do, as one table that can be reviewed and compared.

use super::folder::{Folder, Format, PlaceArguments};
use super::{CommandError, Ended};
use crate::administer;
use crate::audit::escape::escape_json;
use crate::directus::SchemaSnapshot;
use crate::directus::schema::SchemaError;
use crate::policy::PolicySet;
use crate::policy::diagnostic::Diagnostics;
use crate::policy::matrix::RoleMatrix;
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
    let config = arguments.place.folder.config()?;
    let folder = Folder::read(arguments.place.folder.policies.clone().or_else(|| config.policies.clone()))?;
    let (set, _) = PolicySet::load(&folder.sources, config.guardrails).map_err(invalid)?;
    let file = arguments.place.schema.as_ref().or(config.schema.file.as_ref());
    let is_known = file.is_some() || folder.is_built_in();
    let schema = match file {
        Some(path) => administer::schema(path)?,
        // What is built in is about the collections of the built-in schema; of other policies nobody knows more than they say.
        None if is_known => SchemaSnapshot::from_snapshot(BUILT_IN_SCHEMA).map_err(|error| unread(&error))?,
        None => set.schema_of_patterns().map_err(|error| unread(&error))?,
    };
    let wanted = |role: &str| arguments.role.as_deref().is_none_or(|wanted| wanted == role);
    let roles = set.roles().map(|role| role.name.as_str()).filter(|role| wanted(role));
    let matrices: Vec<_> = roles.filter_map(|role| set.role_matrix(role, &schema)).collect();
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
            let all: Vec<Value> = matrices.iter().map(RoleMatrix::to_json).collect();
            writeln!(out, "{}", escape_json(&format!("{:#}", Value::from(all))))?;
        }
        Format::Human => {
            if !is_known {
                writeln!(
                    out,
                    "no schema: a row for each pattern, without what calls reach along relations\n"
                )?;
            }
            let all: Vec<String> = matrices.iter().map(RoleMatrix::shown).collect();
            out.write_all(all.join("\n").as_bytes())?;
        }
    }
    Ok(Ended::Well)
}

fn unread(error: &SchemaError) -> CommandError {
    CommandError::Input(error.to_string())
}

fn invalid(found: Diagnostics) -> CommandError {
    CommandError::Load(administer::LoadError::Policies(found))
}
