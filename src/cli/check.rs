//! `warrener check`: all that is wrong with settings, policies, their tests and their proofs, at once.

use super::folder::{Folder, Format, PlaceArguments, TestFile};
use super::{CommandError, Ended};
use crate::administer;
use crate::audit::escape::escape_json;
use crate::config::Config;
use crate::policy::PolicySet;
use crate::policy::check::check;
use crate::policy::diagnostic::{Diagnostic, Diagnostics, Severity, Sources};
use clap::Args;
use std::io::Write;

/// What is checked.
#[derive(Args, Debug)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    place: PlaceArguments,
    /// How the answer looks
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub(super) fn run(arguments: &CheckArguments, out: &mut dyn Write) -> Result<Ended, CommandError> {
    let (config, mut found) = match arguments.place.config() {
        Ok(config) => (Some(config), Diagnostics::default()),
        Err(CommandError::Config(found)) => (None, found),
        Err(error) => return Err(error),
    };
    // Settings that cannot be read do not tell which policies they mean.
    let set = if config.is_some() || arguments.place.policies.is_some() {
        let (set, more) = policies(&arguments.place, &config.unwrap_or_default())?;
        found = found.and(more);
        set
    } else {
        None
    };
    match arguments.format {
        Format::Json => writeln!(out, "{}", escape_json(&format!("{:#}", found.to_json())))?,
        Format::Human => out.write_all(for_people(&found, set.as_ref()).as_bytes())?,
    }
    Ok(if found.has_errors() { Ended::Invalid } else { Ended::Well })
}

/// The policies, where they load, and what is to be said about them.
fn policies(
    place: &PlaceArguments,
    config: &Config,
) -> Result<(Option<PolicySet>, Diagnostics), CommandError> {
    let folder = Folder::read(place.policies.clone().or_else(|| config.policies.clone()))?;
    let schema = place.schema.as_ref().or(config.schema.file.as_ref());
    let schema = schema.map(|path| administer::schema(path)).transpose()?;
    let (set, found) = match PolicySet::load(&folder.sources, config.guardrails) {
        Ok((set, mut warnings)) => {
            warnings.extend(check(&set, schema.as_ref()));
            let found = Diagnostics::new(warnings, set.sources().clone());
            (Some(set), found)
        }
        Err(found) => (None, found),
    };
    let tests = folder.tests().into_iter().map(|file| about_tests(&file, set.as_ref()));
    let proofs = folder.proofs().into_iter().map(|file| about_proofs(&file, set.as_ref()));
    let found = tests.chain(proofs).fold(found, Diagnostics::and);
    Ok((set, found))
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
    let known: Vec<&str> = set.roles().map(|role| role.name.as_str()).collect();
    let help = format!("name one of {} in `role`", known.join(", "));
    let problem = Diagnostic::file_error("unknown-role", file.name(), message).help(help);
    Diagnostics::new(vec![problem], Sources::default())
}

fn for_people(found: &Diagnostics, set: Option<&PolicySet>) -> String {
    let mut text = found.render(super::coloured());
    if !text.is_empty() {
        text.push('\n');
    }
    let warnings = counted(found.count(Severity::Warning), "warning");
    let closing = match set.filter(|_| !found.has_errors()) {
        None => format!("not valid: {}, {warnings}", counted(found.count(Severity::Error), "error")),
        Some(set) => {
            let roles: Vec<&str> = set.roles().map(|role| role.name.as_str()).collect();
            format!("valid, {warnings}: roles {}; revision {}", roles.join(", "), set.revision())
        }
    };
    text + &closing + "\n"
}

fn counted(count: usize, what: &str) -> String {
    match count {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        more => format!("{more} {what}s"),
    }
}
