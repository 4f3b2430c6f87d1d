//! The table as text, one fact a line, and as JSON.

use super::{Cell, Group, RoleMatrix, Verdict};
use crate::directus::Action;
use crate::policy::document::Mode;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// Longest line of names.
const WIDTH: usize = 98;

impl RoleMatrix {
    /// As a person reads it.
    pub fn shown(&self) -> String {
        let mut text = format!("role {}\n", plain(&self.role));
        match self.mode {
            Mode::Enforce => {}
            Mode::Observe => {
                text.push_str("mode observe: what its own rules deny passes, and is only recorded\n");
            }
        }
        for group in &self.groups {
            let _ = write!(text, "\n{}\n", wrapped(&group.collections));
            for (action, cell) in Action::ALL.iter().zip(&group.cells) {
                let cell = cell.shown().replace('\n', &format!("\n{:21}", ""));
                let _ = writeln!(text, "  {:<8} {cell}", action.as_str());
            }
            if !group.redacted.is_empty() {
                let _ = writeln!(text, "  redacted {}", plain(&group.redacted.join(", ")));
            }
        }
        text.push_str("\ntools\n");
        for (tool, words) in &self.tools {
            let said = match words {
                None => "hidden".to_owned(),
                Some(words) if words.is_empty() => "seen".to_owned(),
                Some(words) => words.join(", "),
            };
            let _ = writeln!(text, "  {:<14} {said}", tool.as_str());
        }
        for pattern in &self.opaque {
            let _ = writeln!(text, "  {:<14} let through, whatever it does", plain(pattern));
        }
        text
    }

    /// As JSON, with the calls that prove what is permitted.
    pub fn to_json(&self) -> Value {
        let mode = match self.mode {
            Mode::Enforce => "enforce",
            Mode::Observe => "observe",
        };
        let tools = self.tools.iter().map(|(tool, words)| (tool.as_str().to_owned(), json!(words)));
        let witnesses = self.witnesses.iter().map(|((action, collection), witness)| {
            json!({
                "action": action.as_str(), "collection": collection,
                "tool": witness.tool.as_str(), "arguments": witness.arguments,
            })
        });
        json!({
            "role": self.role,
            "mode": mode,
            "collections": self.groups.iter().map(Group::to_json).collect::<Vec<_>>(),
            "tools": tools.collect::<Map<String, Value>>(),
            "opaque": self.opaque,
            "witnesses": witnesses.collect::<Vec<_>>(),
        })
    }
}

impl Group {
    fn to_json(&self) -> Value {
        let cells = Action::ALL.iter().zip(&self.cells);
        let cells: Map<String, Value> =
            cells.map(|(action, cell)| (action.as_str().to_owned(), cell.to_json())).collect();
        json!({ "collections": self.collections, "actions": cells, "redacted": self.redacted })
    }
}

impl Cell {
    /// The verdict, and then what it comes from, one fact a line: a person looks for what is permitted, and by what.
    pub fn shown(&self) -> String {
        let mut facts = Vec::new();
        let mut permissions = self.permissions.iter();
        match self.verdict {
            Verdict::Permitted => {
                facts.extend(permissions.next().cloned());
                facts.extend(permissions.map(|permission| format!("else {permission}")));
                if !self.observed.is_empty() {
                    facts.push(format!("observed only: {}", self.observed.join(", ")));
                }
                if !self.implied_by.is_empty() {
                    facts.push(format!("implied by {}", self.implied_by.join(", ")));
                }
            }
            Verdict::Possible | Verdict::Denied => {
                facts.extend(self.because.clone());
                facts.extend(permissions.map(|permission| format!("despite {permission}")));
            }
        }
        let facts: Vec<String> = facts.iter().map(|fact| plain(fact)).collect();
        format!("{:<9} {}", self.verdict.as_str(), facts.join("\n"))
    }

    fn to_json(&self) -> Value {
        json!({
            "verdict": self.verdict.as_str(),
            "permissions": self.permissions,
            "observed": self.observed,
            "implied_by": self.implied_by,
            "because": self.because,
        })
    }
}

/// Names in lines that are not too long.
fn wrapped(names: &[String]) -> String {
    let mut lines = vec![String::new()];
    for (number, name) in names.iter().enumerate() {
        let comma = if number + 1 == names.len() { "" } else { "," };
        let line = lines.last().map_or(0, String::len);
        if line > 0 && line + name.len() > WIDTH {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            let gap = if line.is_empty() { "" } else { " " };
            let _ = write!(line, "{gap}{}{comma}", plain(name));
        }
    }
    lines.join("\n")
}

/// What policies and schemas say cannot make lines of its own, nor write to a terminal.
fn plain(text: &str) -> String {
    let escaped = |character: char| match character {
        '"' | '\'' | '\\' => character.to_string(),
        _ => character.escape_debug().to_string(),
    };
    text.chars().map(escaped).collect()
}
