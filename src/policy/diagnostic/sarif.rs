//! Diagnostics as SARIF 2.1.0, which code scanning and editors read.

use super::{Diagnostic, Diagnostics, Severity};
use crate::policy::check::lint::Lint;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// Where the schema of the format is published.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

impl Diagnostics {
    /// One run, with a rule for every lint and for every kind of error that is in it.
    pub fn to_sarif(&self) -> Value {
        let mut rules: Vec<(&str, Value)> =
            Lint::ALL.into_iter().map(|lint| (lint.name(), rule(lint))).collect();
        for one in &self.list {
            if !rules.iter().any(|(code, _)| *code == one.code) {
                let is_error = json!({ "id": one.code, "defaultConfiguration": { "level": "error" } });
                rules.push((one.code, is_error));
            }
        }
        let index = |code: &str| rules.iter().position(|(one, _)| *one == code);
        let results: Vec<Value> = self.list.iter().map(|one| self.result(one, index(one.code))).collect();
        let rules: Vec<Value> = rules.iter().map(|(_, rule)| rule.clone()).collect();
        json!({
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [{
                "tool": {
                    "driver": {
                        "name": "Warrener",
                        "semanticVersion": env!("CARGO_PKG_VERSION"),
                        "rules": rules,
                    },
                },
                "columnKind": "unicodeCodePoints",
                "results": results,
            }],
        })
    }

    fn result(&self, one: &Diagnostic, index: Option<usize>) -> Value {
        let help = one.help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
        let mut place = Map::new();
        place.insert("artifactLocation".to_owned(), artifact(&one.file));
        // A finding about a whole file stands at its beginning.
        let region = match self.sources.region(one) {
            Some(region) => json!({
                "startLine": region.line, "startColumn": region.column,
                "endLine": region.end_line, "endColumn": region.end_column,
            }),
            None => json!({ "startLine": 1 }),
        };
        place.insert("region".to_owned(), region);
        json!({
            "ruleId": one.code,
            "ruleIndex": index,
            "level": match one.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            "message": { "text": message(&format!("{}{help}", one.message)) },
            "locations": [{ "physicalLocation": place }],
        })
    }
}

fn rule(lint: Lint) -> Value {
    json!({
        "id": lint.name(),
        "shortDescription": { "text": message(lint.meaning()) },
        "defaultConfiguration": { "level": "warning" },
    })
}

/// A plain text in which nothing is taken for a placeholder (section 3.11.5) or for a link (3.11.6), whoever wrote it.
fn message(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}").replace("](", "] (")
}

/// A path from where the command ran is one from the root of the sources; any other is an address.
fn artifact(file: &str) -> Value {
    let path = percent_encoded(file.strip_prefix("./").unwrap_or(file));
    if file.starts_with('/') {
        json!({ "uri": format!("file://{path}") })
    } else {
        json!({ "uri": path, "uriBaseId": "%SRCROOT%" })
    }
}

fn percent_encoded(path: &str) -> String {
    path.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_no_links_and_no_placeholders() {
        for (text, expected) in [
            ("plain `[a, b]`", "plain `[a, b]`"),
            ("[click](https://evil.example)", "[click] (https://evil.example)"),
            ("[[a]](1)", "[[a]] (1)"),
            ("{0} {{1}}", "{{0}} {{{{1}}}}"),
        ] {
            assert_eq!(message(text), expected);
        }
    }

    #[test]
    fn a_file_is_an_address_whatever_it_is_called() {
        for (file, uri, is_relative) in [
            ("policies/reader.yaml", "policies/reader.yaml", true),
            ("./policies/reader.yaml", "policies/reader.yaml", true),
            ("/srv/policies/a b.yaml", "file:///srv/policies/a%20b.yaml", false),
            ("javascript:alert(1).yaml", "javascript%3Aalert%281%29.yaml", true),
            ("a\n\u{202e}?#%.yaml", "a%0A%E2%80%AE%3F%23%25.yaml", true),
        ] {
            let found = artifact(file);
            assert_eq!(found["uri"], uri);
            assert_eq!(found.get("uriBaseId").is_some(), is_relative, "{file}");
        }
    }
}
