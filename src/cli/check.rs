//! `warrener check`: all that is wrong with settings, policies, their tests and their proofs, at once.

use super::folder::{Folder, FolderArguments, PlaceArguments, TestFile};
use super::{CommandError, Ended};
use crate::administer;
use crate::audit::escape::escape_json;
use crate::config::Config;
use crate::policy::PolicySet;
use crate::policy::check::check;
use crate::policy::check::lint::Lint;
use crate::policy::diagnostic::{Diagnostic, Diagnostics, Severity, Sources};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::Path;

/// What is checked.
#[derive(Args, Debug)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    place: PlaceArguments,
    /// How the answer looks
    #[arg(long, value_enum, default_value_t = CheckFormat::Human)]
    format: CheckFormat,
    /// Take warnings for errors, as a pipeline wants
    #[arg(long)]
    deny_warnings: bool,
    /// Only show what there are warnings of, by the names that `silence` in a policy file knows them by
    #[arg(long)]
    list_lints: bool,
}

/// How what is found is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CheckFormat {
    /// With line and caret, for people
    Human,
    /// One array with an object for each
    Json,
    /// SARIF 2.1.0, for code scanning and editors
    Sarif,
    /// Workflow commands, which GitHub shows beside the changed lines
    Github,
}

pub(super) fn run(arguments: &CheckArguments, out: &mut dyn Write) -> Result<Ended, CommandError> {
    if arguments.list_lints {
        list_lints(arguments.format, out)?;
        return Ok(Ended::Well);
    }
    let (config, mut found) = match arguments.place.folder.config() {
        Ok(config) => (Some(config), Diagnostics::default()),
        Err(CommandError::Config(found)) => (None, found),
        Err(error) => return Err(error),
    };
    // Settings that cannot be read do not tell which policies they mean.
    let set = if config.is_some() || arguments.place.folder.policies.is_some() {
        let config = config.unwrap_or_default();
        let (set, more) = policies(&arguments.place, &config)?;
        let folder = arguments.place.folder.policies.as_deref().or(config.policies.as_deref());
        found = found.and(placed(more, folder, arguments.format));
        if let Some(set) = &set {
            found = found.and(without_policy(&arguments.place.folder, &config, set));
        }
        set
    } else {
        None
    };
    let denied = arguments.deny_warnings && found.count(Severity::Warning) > 0;
    let is_valid = !found.has_errors() && !denied;
    let closing = closing(&found, set.as_ref().filter(|_| is_valid));
    match arguments.format {
        CheckFormat::Human => {
            let text = found.render(super::coloured());
            let gap = if text.is_empty() { "" } else { "\n" };
            writeln!(out, "{text}{gap}{closing}")?;
        }
        CheckFormat::Json => write_json(&found.to_json(), out)?,
        CheckFormat::Sarif => write_json(&found.to_sarif(), out)?,
        CheckFormat::Github => writeln!(out, "{}{closing}", found.to_github())?,
    }
    Ok(if is_valid { Ended::Well } else { Ended::Invalid })
}

/// Programs that read of a file want to find it from where they are; people see which folder they asked about.
fn placed(found: Diagnostics, folder: Option<&Path>, format: CheckFormat) -> Diagnostics {
    match (format, folder) {
        (CheckFormat::Sarif | CheckFormat::Github, Some(folder)) => {
            found.within(&folder.display().to_string())
        }
        (CheckFormat::Sarif | CheckFormat::Github, None) | (CheckFormat::Human | CheckFormat::Json, _) => {
            found
        }
    }
}

fn write_json(value: &Value, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", escape_json(&format!("{value:#}")))
}

fn list_lints(format: CheckFormat, out: &mut dyn Write) -> io::Result<()> {
    match format {
        CheckFormat::Human | CheckFormat::Github => {
            let width = Lint::ALL.into_iter().map(|lint| lint.name().len()).max().unwrap_or_default();
            for lint in Lint::ALL {
                writeln!(out, "{:width$}  {}", lint.name(), lint.meaning())?;
            }
            Ok(())
        }
        CheckFormat::Json | CheckFormat::Sarif => {
            let all = Lint::ALL.map(|lint| json!({ "lint": lint.name(), "meaning": lint.meaning() }));
            write_json(&Value::from(all.to_vec()), out)
        }
    }
}

/// The policies, where they load, and what is to be said about them.
fn policies(
    place: &PlaceArguments,
    config: &Config,
) -> Result<(Option<PolicySet>, Diagnostics), CommandError> {
    let folder = Folder::read(place.folder.policies.clone().or_else(|| config.policies.clone()))?;
    let schema = place.schema.as_ref().or(config.schema.file.as_ref());
    let schema = schema.map(|path| administer::schema(path)).transpose()?;
    let (set, found) = match PolicySet::load(&folder.sources, config.guardrails) {
        Ok((set, _)) => {
            let found = Diagnostics::new(check(&set, schema.as_ref()), set.sources().clone());
            (Some(set), found)
        }
        Err(found) => (None, found),
    };
    let tests = folder.tests().into_iter().map(|file| about_tests(&file, set.as_ref()));
    let proofs = folder.proofs().into_iter().map(|file| about_proofs(&file, set.as_ref()));
    let found = tests.chain(proofs).fold(found, Diagnostics::and);
    Ok((set, found))
}

/// Roles that the settings give to somebody and that have no policy, with which `serve` would not start.
fn without_policy(place: &FolderArguments, config: &Config, set: &PolicySet) -> Diagnostics {
    let file = place.settings().display().to_string();
    let roles = config.identity.roles().into_iter().filter(|(_, role)| set.role(role).is_none());
    let problems = roles.map(|(setting, role)| {
        let message = format!("`{setting}` names the role `{role}`, for which there is no policy file");
        Diagnostic::file_error("unknown-role", &file, message).help(one_of(set))
    });
    Diagnostics::new(problems.collect(), Sources::default())
}

fn about_tests(file: &TestFile, set: Option<&PolicySet>) -> Diagnostics {
    match (file.decode(), set) {
        (Ok(tests), Some(set)) => unknown_role(file, &tests.role, set),
        (Ok(_), None) => Diagnostics::default(),
        (Err(found), _) => found,
    }
}

fn about_proofs(file: &TestFile, set: Option<&PolicySet>) -> Diagnostics {
    match (file.decode_proof(), set) {
        (Ok(proofs), Some(set)) => proofs.unknown_roles(set),
        (Ok(_), None) => Diagnostics::default(),
        (Err(found), _) => found,
    }
}

/// A file of tests speaks of a role that there is.
pub(super) fn unknown_role(file: &TestFile, role: &str, set: &PolicySet) -> Diagnostics {
    if set.role(role).is_some() {
        return Diagnostics::default();
    }
    let message = format!("the tests speak of the role `{role}`, for which there is no policy file");
    let problem = Diagnostic::file_error("unknown-role", file.name(), message).help(one_of(set));
    Diagnostics::new(vec![problem], Sources::default())
}

fn one_of(set: &PolicySet) -> String {
    let known: Vec<&str> = set.roles().map(|role| role.name.as_str()).collect();
    format!("name one of {} in `role`", known.join(", "))
}

/// How it came out, in a line; the set where it is valid.
fn closing(found: &Diagnostics, set: Option<&PolicySet>) -> String {
    let warnings = counted(found.count(Severity::Warning), "warning");
    match set {
        None => format!("not valid: {}, {warnings}", counted(found.count(Severity::Error), "error")),
        Some(set) => {
            let roles: Vec<&str> = set.roles().map(|role| role.name.as_str()).collect();
            format!("valid, {warnings}: roles {}; revision {}", roles.join(", "), set.revision())
        }
    }
}

fn counted(count: usize, what: &str) -> String {
    match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        more => format!("{more} {what}s"),
    }
}
