//! `warrener diff`: what other policies would change, in words or as a table.

mod place;

use super::{CommandError, Ended, serve};
use crate::administer::{self, LoadError};
use crate::audit::escape::{escape, escape_json};
use crate::policy::PolicySet;
use crate::policy::proof::diff::{COLUMNS, Difference};
use clap::{Args, ValueEnum};
use comfy_table::Table;
use std::io::Write;
use std::path::PathBuf;

/// What is compared.
#[derive(Args, Debug)]
#[command(
    after_help = "The exit code is 0 where nothing changes, 1 where something does, and 3 where that cannot be told: a folder that is \
                  not there, policies that are not valid."
)]
pub(super) struct DiffArguments {
    /// The policies as they were: a folder, or a folder in a revision of git, such as `HEAD~1:policies`
    #[arg(value_name = "OLD")]
    old: String,
    /// The policies as they are to be, likewise
    #[arg(value_name = "NEW")]
    new: String,
    /// The settings; `warrener.yaml` in the working folder where there is one
    #[arg(long, value_name = "FILE", env = "WARRENER_CONFIG")]
    config: Option<PathBuf>,
    /// A folder with what `GET /collections`, `/fields` and `/relations` answer, or a `directus schema snapshot` file
    #[arg(long, value_name = "PATH", env = "WARRENER_SCHEMA")]
    schema: Option<PathBuf>,
    /// How the answer looks
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Table,
    Json,
}

pub(super) fn run(arguments: &DiffArguments, out: &mut dyn Write) -> Result<Ended, CommandError> {
    let difference = difference(arguments).map_err(|error| CommandError::Compare(Box::new(error)))?;
    match arguments.format {
        Format::Human => {
            for line in difference.words() {
                writeln!(out, "{}", escape(&line))?;
            }
        }
        Format::Table => {
            let mut table = Table::new();
            table.load_style(comfy_table::presets::NOTHING).set_header(COLUMNS);
            for row in difference.table() {
                table.add_row(row.iter().map(|cell| escape(cell).into_owned()));
            }
            writeln!(out, "{table}")?;
        }
        Format::Json => writeln!(out, "{}", escape_json(&format!("{:#}", difference.to_json())))?,
    }
    Ok(if difference.is_empty() { Ended::Well } else { Ended::Failed })
}

fn difference(arguments: &DiffArguments) -> Result<Difference, CommandError> {
    let config = serve::from_file(arguments.config.as_deref())?;
    let load = |text: &str| -> Result<PolicySet, CommandError> {
        let sources = place::sources(text)?;
        Ok(PolicySet::load(&sources, config.guardrails).map_err(LoadError::Policies)?.0)
    };
    let (old, new) = (load(&arguments.old)?, load(&arguments.new)?);
    let file = arguments.schema.as_ref().or(config.schema.file.as_ref());
    let schema = file.map(|path| administer::schema(path)).transpose()?;
    Difference::between(&old, &new, schema.as_ref()).map_err(|error| CommandError::Input(error.to_string()))
}
