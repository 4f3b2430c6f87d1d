//! `warrener who-can` and `warrener can`: which roles can do something, and by which rule and which call.

use super::folder::{Folder, Format, PlaceArguments};
use super::{CommandError, Ended};
use crate::administer::{self, LoadError};
use crate::audit::escape::{escape, escape_json};
use crate::directus::SchemaSnapshot;
use crate::policy::PolicySet;
use crate::policy::proof::{Answer, Question, Verdict};
use clap::Args;
use std::collections::BTreeSet;
use std::io::Write;

/// What every role is asked about.
#[derive(Args, Debug)]
#[command(
    after_help = "The exit code is 0 where no role can, 2 where one can, and 1 where that could not be told."
)]
pub(super) struct WhoCanArguments {
    #[command(flatten)]
    asked: AskedArguments,
    #[command(flatten)]
    place: PlaceArguments,
    /// How the answer looks
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// What one role is asked about.
#[derive(Args, Debug)]
#[command(
    after_help = "The exit code is 0 where it can do any of it, 2 where it can do none, and 1 where that could not be told."
)]
pub(super) struct CanArguments {
    /// The role
    role: String,
    #[command(flatten)]
    asked: AskedArguments,
    #[command(flatten)]
    place: PlaceArguments,
    /// How the answer looks
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

#[derive(Args, Debug)]
struct AskedArguments {
    /// What is done: `read`, `create`, `update`, `delete`, `execute`, `import`, or several with commas between them
    #[arg(value_name = "ACTIONS")]
    actions: String,
    /// To what: patterns of collections as in a policy, with commas between them, and behind a dot patterns of fields, such as
    /// `articles`, `'*,!directus_*'` or `customers.ssn`
    #[arg(value_name = "COLLECTIONS[.FIELDS]", required = true)]
    targets: Vec<String>,
}

pub(super) fn who_can(arguments: &WhoCanArguments, out: &mut dyn Write) -> Result<Ended, CommandError> {
    let policies = Policies::load(&arguments.place)?;
    let roles = policies.set.roles().map(|role| role.name.clone()).collect();
    let answer = policies.answer(&arguments.asked, &roles)?;
    tell(&answer, &answer.who(), arguments.format, out)?;
    Ok(if answer.is_no() {
        Ended::Well
    } else if answer.is_yes() {
        Ended::Denied
    } else {
        Ended::Failed
    })
}

pub(super) fn can(arguments: &CanArguments, out: &mut dyn Write) -> Result<Ended, CommandError> {
    let policies = Policies::load(&arguments.place)?;
    if policies.set.role(&arguments.role).is_none() {
        return Err(no_role(&arguments.role, &policies.set));
    }
    let answer = policies.answer(&arguments.asked, &BTreeSet::from([arguments.role.clone()]))?;
    tell(&answer, &answer.shown(), arguments.format, out)?;
    let mut verdicts = answer.findings.iter().map(|finding| &finding.verdict);
    Ok(if verdicts.clone().any(|verdict| matches!(verdict, Verdict::Can { .. })) {
        Ended::Well
    } else if verdicts.any(|verdict| matches!(verdict, Verdict::Unshown { .. })) {
        Ended::Failed
    } else {
        Ended::Denied
    })
}

/// The policies, and the schema if there is one.
pub(super) struct Policies {
    pub(super) set: PolicySet,
    pub(super) schema: Option<SchemaSnapshot>,
}

impl Policies {
    fn load(place: &PlaceArguments) -> Result<Self, CommandError> {
        let config = place.folder.config()?;
        let folder = Folder::read(place.folder.policies.clone().or_else(|| config.policies.clone()))?;
        let (set, _) = PolicySet::load(&folder.sources, config.guardrails).map_err(LoadError::Policies)?;
        let file = place.schema.as_ref().or(config.schema.file.as_ref());
        let schema = file.map(|path| administer::schema(path)).transpose()?;
        Ok(Self { set, schema })
    }

    fn answer(&self, asked: &AskedArguments, roles: &BTreeSet<String>) -> Result<Answer, CommandError> {
        let question = Question::read(&asked.actions, &asked.targets)
            .map_err(|error| CommandError::Input(error.to_string()))?;
        let answer = self.set.who_can(&question, roles, self.schema.as_ref());
        let answer = answer.map_err(|error| CommandError::Input(error.to_string()))?;
        if answer.findings.is_empty() {
            let what = asked.targets.join(" ");
            let text = match self.schema {
                Some(_) => format!("the schema has nothing that `{what}` speaks of"),
                None => format!("no name can be one that `{what}` speaks of"),
            };
            return Err(CommandError::Input(text));
        }
        Ok(answer)
    }
}

/// Writes an answer: what policies and schemas say in it can neither write to a terminal nor begin a line of its own.
fn tell(answer: &Answer, lines: &[String], format: Format, out: &mut dyn Write) -> Result<(), CommandError> {
    match format {
        Format::Json => writeln!(out, "{}", escape_json(&format!("{:#}", answer.to_json())))?,
        Format::Human => {
            for line in lines {
                writeln!(out, "{}", escape(line))?;
            }
        }
    }
    Ok(())
}

/// That there is no such role.
pub(super) fn no_role(role: &str, set: &PolicySet) -> CommandError {
    let known: Vec<&str> = set.roles().map(|role| role.name.as_str()).collect();
    CommandError::Input(format!("there is no role `{role}`; the roles are {}", known.join(", ")))
}
