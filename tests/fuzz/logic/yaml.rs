//! The YAML reader, and what makes documents of it.

use super::engine::SCHEMA;
use super::told;
use serde_json::{Map, Value};
use warrener::policy::PolicySet;
use warrener::policy::case::{CaseFile, CaseRequest};
use warrener::policy::check::check;
use warrener::policy::diagnostic::{Diagnostics, Source};
use warrener::policy::set::{GUARDRAILS_FILE, GuardrailsFile};

/// Longest line of a rendered diagnostic, in characters: a message, and what is shown of the file.
const LONGEST: usize = told::LONGEST + 400;

/// The text is taken for a role, for the guardrails, for tests, and for the arguments of a call in a test.
///
/// What is wrong has a place inside of the text, and is told in lines that cannot write to a terminal. What is read as a value reads
/// the same when it is written anew, which JSON is; and the policies that load can be checked.
pub fn yaml(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let role = [Source::new("fuzz.yaml", text)];
    match PolicySet::load(&role, GuardrailsFile::Optional) {
        Ok((set, warnings)) => {
            shown(&Diagnostics { list: warnings, sources: set.sources().clone() });
            for schema in [None, Some(&*SCHEMA)] {
                shown(&Diagnostics { list: check(&set, schema), sources: set.sources().clone() });
            }
        }
        Err(found) => wrong(&found),
    }
    let reader = "version: 1\nrole: reader\ndescription: Reads.\npermissions: []\n";
    let both = [Source::new("reader.yaml", reader), Source::new(GUARDRAILS_FILE, text)];
    if let Err(found) = PolicySet::load(&both, GuardrailsFile::Required) {
        wrong(&found);
    }
    if let Err(found) = CaseFile::load(&Source::new("fuzz.test.yaml", text)) {
        wrong(&found);
    }
    if let Some(arguments) = arguments(&indented(text)) {
        let value = Value::Object(arguments.clone());
        for again in [written(&value.to_string()), written(&format!("{value:#}"))] {
            // A key that is longer has to be written in another way in YAML.
            let long = keys(&value).any(|key| key.len() > 150);
            assert!(
                long || self::arguments(&again) == Some(arguments.clone()),
                "{value} is read otherwise: {again:?}"
            );
        }
    }
}

fn wrong(found: &Diagnostics) {
    assert!(found.has_errors(), "nothing is wrong, and it is not read");
    shown(found);
}

/// Each has a place, and all of them are shown in harmless lines.
fn shown(found: &Diagnostics) {
    let listed = found.to_json();
    for (one, json) in found.list.iter().zip(listed.as_array().unwrap()) {
        let text = found.sources.text(&one.file).unwrap_or_default();
        for span in one.span.iter().chain(one.also.iter().map(|(span, _)| span)) {
            assert!(text.get(span.clone()).is_some(), "{span:?} is no place of {text:?}: {}", one.message);
        }
        if one.span.is_some() {
            let (line, column) = (json["line"].as_u64().unwrap(), json["column"].as_u64().unwrap());
            let line = text.split('\n').nth(usize::try_from(line).unwrap() - 1);
            assert!(line.is_some_and(|line| line.chars().count() as u64 >= column - 1), "{json}");
        }
        told::line(&one.message);
        for more in one.help.iter().chain(one.also.iter().map(|(_, label)| label)) {
            told::line(more);
        }
        told::harmless(&one.label);
    }
    let rendered = found.render(false);
    for line in rendered.split('\n') {
        told::harmless(line);
        let length = line.chars().count();
        assert!(length <= LONGEST, "{length} characters in one line");
    }
}

fn keys(value: &Value) -> Box<dyn Iterator<Item = &str> + '_> {
    match value {
        Value::Array(items) => Box::new(items.iter().flat_map(keys)),
        Value::Object(entries) => {
            Box::new(entries.iter().flat_map(|(key, value)| std::iter::once(key.as_str()).chain(keys(value))))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Box::new(std::iter::empty()),
    }
}

const BEFORE: &str = "version: 1\nrole: r\ntests:\n  - name: x\n    expect: permit\n    call:\n      tool: items\n      arguments:";

fn indented(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| format!("        {line}")).collect();
    format!("{BEFORE}\n{}\n", lines.join("\n"))
}

fn written(json: &str) -> String {
    let lines: Vec<String> = json.split('\n').map(|line| format!("        {line}")).collect();
    format!("{BEFORE}\n{}\n", lines.join("\n"))
}

fn arguments(text: &str) -> Option<Map<String, Value>> {
    let file = match CaseFile::load(&Source::new("arguments.test.yaml", text)) {
        Ok(file) => file,
        Err(found) => {
            wrong(&found);
            return None;
        }
    };
    match file.tests.into_iter().next()?.request {
        CaseRequest::Call { arguments, .. } => Some(arguments),
        CaseRequest::List(_) | CaseRequest::Raw(_) => None,
    }
}
