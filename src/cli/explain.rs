//! `warrener explain`: one call, or a file of calls, judged without any network.

use super::audit::AuditError;
use super::{CommandError, Ended};
use crate::administer::{self, LoadError};
use crate::audit::escape::{escape, escape_json};
use crate::audit::query::TrailReader;
use crate::directus::{Dialect, SchemaSnapshot};
use crate::mcp::json;
use crate::policy::diagnostic::Source;
use crate::policy::judge::{Judged, Wire, judge};
use crate::policy::set::GuardrailsFile;
use crate::policy::{AccessRequest, PolicySet, Principal, Proof, Verdict, explain};
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

/// What `explain` is asked.
#[derive(Args, Debug)]
pub(super) struct ExplainArguments {
    /// The role that calls
    #[arg(long)]
    role: String,
    /// The folder of policy files; that of the settings, or the built-in policies, where it is left out
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// The policies of a revision that the trail keeps, in place of a folder: its digest, or enough of its beginning
    #[arg(long, value_name = "DIGEST", conflicts_with = "policies")]
    revision: Option<String>,
    /// The trail that the revision is in; that of the settings where it is left out
    #[arg(long, value_name = "URL", env = "WARRENER_AUDIT")]
    audit: Option<String>,
    /// A folder with what `GET /collections`, `/fields` and `/relations` answer, or a `directus schema snapshot` file
    #[arg(long, value_name = "PATH")]
    schema: Option<PathBuf>,
    /// Whose tools are called: those of Directus' own MCP endpoint, or those of the Local MCP
    #[arg(long, value_name = "DIALECT", value_parser = dialects(), default_value = Dialect::BuiltIn.as_str())]
    dialect: Dialect,
    /// A file of calls, one JSON object a line; each is answered with one line
    #[arg(long, value_name = "CALLS", conflicts_with_all = ["call", "json"])]
    jsonl: Option<PathBuf>,
    /// Answer with JSON
    #[arg(long)]
    json: bool,
    /// The query string of the call's address, such as `?tool_mode=registry`
    #[arg(long, default_value = "", value_name = "QUERY")]
    query_string: String,
    /// A JSON-RPC message, or `{"tool": …, "arguments": {…}}`; read from standard input where it is left out
    call: Option<String>,
}

fn dialects() -> impl TypedValueParser<Value = Dialect> {
    PossibleValuesParser::new(Dialect::ALL.map(Dialect::as_str))
        .try_map(|word| Dialect::named(&word).ok_or(word))
}

pub(super) fn run(arguments: &ExplainArguments, out: &mut dyn Write) -> Result<Ended, CommandError> {
    let set = arguments.policies()?;
    let schema = arguments.schema.as_deref().map(administer::schema).transpose()?;
    if set.role(&arguments.role).is_none() {
        let known: Vec<&str> = set.roles().map(|role| role.name.as_str()).collect();
        let text = format!("there is no role `{}`; the policies have {}", arguments.role, known.join(", "));
        return Err(CommandError::Input(text));
    }
    let principal = Principal { name: "explain".to_owned(), role: arguments.role.clone(), proof: Proof::Key };
    let engine = Engine { set, principal, schema, dialect: arguments.dialect };
    match &arguments.jsonl {
        Some(path) => engine.lines(path, out).map(|()| Ended::Well),
        None => engine.one(arguments, out),
    }
}

impl ExplainArguments {
    /// The policies that the call is judged by.
    fn policies(&self) -> Result<PolicySet, CommandError> {
        if let Some(revision) = &self.revision {
            let audit = match &self.audit {
                Some(audit) => audit.clone(),
                None => super::serve::from_file(None)?.audit.url,
            };
            return super::runtime()?.block_on(of_revision(&audit, revision));
        }
        let folder = match &self.policies {
            Some(folder) => Some(folder.clone()),
            None => super::serve::from_file(None)?.policies,
        };
        Ok(administer::policies(folder.as_deref())?.0)
    }
}

/// The policies that the trail keeps under a digest, as they were when they decided.
async fn of_revision(audit: &str, revision: &str) -> Result<PolicySet, CommandError> {
    let mut reader = TrailReader::open(audit).await.map_err(AuditError::from)?;
    let revision = reader.revision(revision).await.map_err(AuditError::from)?;
    let files = reader.policy_files(&revision).await.map_err(AuditError::from)?;
    let sources: Vec<Source> = files.into_iter().map(|(name, text)| Source::new(name, text)).collect();
    // Whether they could do without guardrails was settled when they became active.
    let (set, _) = PolicySet::load(&sources, GuardrailsFile::Optional).map_err(LoadError::Policies)?;
    if set.revision() == revision {
        Ok(set)
    } else {
        let text = "the trail has other texts under this digest than those that it was made of: `warrener audit verify` says more";
        Err(CommandError::Input(text.to_owned()))
    }
}

struct Engine {
    set: PolicySet,
    principal: Principal,
    schema: Option<SchemaSnapshot>,
    dialect: Dialect,
}

impl Engine {
    fn judge(&self, wire: &Wire<'_>) -> Judged {
        judge(&self.set, &self.principal, self.schema.as_ref(), wire)
    }

    /// Answers a file of calls line by line; lines without a body are skipped.
    fn lines(&self, path: &Path, out: &mut dyn Write) -> Result<(), CommandError> {
        let broken = |cause| CommandError::Read { path: path.to_owned(), cause };
        let mut out = io::BufWriter::new(out);
        for (number, line) in BufReader::new(File::open(path).map_err(broken)?).lines().enumerate() {
            let line = line.map_err(broken)?;
            if line.trim().is_empty() {
                continue;
            }
            let call: Map<String, Value> = serde_json::from_str(&line).map_err(|error| {
                CommandError::Input(format!(
                    "`{}`, line {}: not a JSON object: {error}",
                    path.display(),
                    number + 1
                ))
            })?;
            let body = match (call.get("raw_body"), call.get("request")) {
                (Some(Value::String(raw)), _) => raw.clone(),
                (_, Some(request)) => request.to_string(),
                (_, None) => continue,
            };
            let wire = Wire { dialect: self.dialect, ..wire(&call, &body) };
            let answer = self.judge(&wire).decision.explained(call.get("id").unwrap_or(&Value::Null));
            writeln!(out, "{}", escape_json(&answer.to_string()))?;
        }
        out.flush()?;
        Ok(())
    }

    fn one(&self, arguments: &ExplainArguments, out: &mut dyn Write) -> Result<Ended, CommandError> {
        let text = match &arguments.call {
            Some(text) => text.clone(),
            None => from_standard_input()?,
        };
        let body = message(&text)?;
        let wire = Wire {
            dialect: self.dialect,
            query_string: &arguments.query_string,
            content_type: vec!["application/json"],
            content_encoding: Vec::new(),
            body: body.as_bytes(),
        };
        let judged = self.judge(&wire);
        if arguments.json {
            let answer = format!("{:#}", judged.decision.explained(&Value::Null));
            writeln!(out, "{}", escape_json(&answer))?;
        } else {
            // What the call says in it can neither write to the terminal nor begin a line of its own.
            for line in self.in_words(&judged) {
                writeln!(out, "{}", escape(&line))?;
            }
        }
        Ok(if judged.decision.permit().is_some() { Ended::Well } else { Ended::Denied })
    }

    /// The decision for people, line by line: what was decided, and for each access which rules were looked at.
    fn in_words(&self, judged: &Judged) -> Vec<String> {
        let decision = &judged.decision;
        let mut lines = verdict(&decision.verdict);
        lines.extend(
            decision.observed.iter().map(|reason| format!("observed: {} ({})", reason.message, reason.rule)),
        );
        let request = AccessRequest {
            principal: &self.principal,
            message: judged.message.as_ref().map(|(meaning, decoded)| (meaning, decoded)),
            schema: self.schema.as_ref(),
        };
        let accesses =
            judged.message.as_ref().map(|(_, decoded)| decoded.accesses.as_slice()).unwrap_or_default();
        for access in accesses {
            let through =
                if access.via.is_empty() { String::new() } else { format!(" through `{}`", access.via) };
            lines.push(String::new());
            lines.push(format!(
                "{} {} [{}] {}{through}, {}",
                access.action,
                access.collection,
                access.fields.shown().join(", "),
                access.extent.shown(),
                access.origin.as_str(),
            ));
            for looked in self.set.looked_at(&request, access) {
                lines.push(format!("  {} ({}) {}", looked.rule, looked.at, looked.found));
            }
        }
        if let Verdict::Permit(permit) = &decision.verdict {
            for obligation in &permit.obligations {
                lines.extend([String::new(), format!("to do: {}", obligation.shown())]);
            }
            if let Some(arguments) = permit.meaning.arguments() {
                let arguments = Value::Object(arguments.into_owned());
                lines.extend([String::new(), format!("forwarded: {arguments}")]);
            }
        }
        lines
    }
}

fn verdict(verdict: &Verdict) -> Vec<String> {
    match verdict {
        Verdict::Permit(permit) => vec![format!("permit, by {}", permit.rules.join(", "))],
        Verdict::Deny(first, more) => {
            let text = |reason: &crate::policy::Reason| {
                format!("{} ({}): {}", reason.code.as_str(), reason.rule, reason.message)
            };
            let rest = more.iter().map(|reason| format!("  also {}", text(reason)));
            std::iter::once(format!("deny, {}", text(first))).chain(rest).collect()
        }
    }
}

fn from_standard_input() -> Result<String, CommandError> {
    let mut text = String::new();
    let broken = |cause| CommandError::Read { path: PathBuf::from("standard input"), cause };
    io::stdin().lock().read_to_string(&mut text).map_err(broken)?;
    Ok(text)
}

/// A message as it is, or the short form of one.
fn message(text: &str) -> Result<String, CommandError> {
    // It is the engine's part to say what is wrong with a body.
    let Ok(value) = json::read(text.as_bytes()) else { return Ok(text.to_owned()) };
    let Some(tool) = value.get("tool") else { return Ok(text.to_owned()) };
    let arguments = value.get("arguments").cloned().unwrap_or_else(|| Value::Object(Map::new()));
    if !tool.is_string() {
        return Err(CommandError::Input("`tool` in the call is not a text".to_owned()));
    }
    Ok(explain::call(tool, &arguments).to_string())
}

/// The request of a line: with the headers that it gives, or those of an ordinary client.
fn wire<'a>(call: &'a Map<String, Value>, body: &'a str) -> Wire<'a> {
    let headers = call.get("http").and_then(|http| http.get("headers")).and_then(Value::as_object);
    let header = |name: &str| {
        headers
            .and_then(|headers| headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)))
            .map(|(_, value)| value)
    };
    let values = |value: &'a Value| match value {
        Value::String(text) => vec![text.as_str()],
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    };
    Wire {
        dialect: Dialect::default(),
        query_string: call.get("query_string").and_then(Value::as_str).unwrap_or_default(),
        content_type: header("content-type").map_or_else(|| vec!["application/json"], values),
        content_encoding: header("content-encoding").map(values).unwrap_or_default(),
        body: body.as_bytes(),
    }
}
