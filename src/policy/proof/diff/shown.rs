//! A difference in words, as rows of a table, and as JSON.

use super::{Difference, Kind, Other, Row};
use crate::directus::access::Action;
use serde_json::{Value, json};

/// The heads of [`Difference::table`].
pub const COLUMNS: [&str; 7] = ["role", "change", "actions", "collections", "fields", "before", "after"];

impl Difference {
    /// For people, line by line.
    pub fn words(&self) -> Vec<String> {
        if self.is_empty() {
            return vec!["nothing changes: every call is decided as before".to_owned()];
        }
        let others = self.others.iter().map(Other::words);
        others.chain(self.rows.iter().flat_map(Row::words)).collect()
    }

    /// A row for each change, with what [`COLUMNS`] says.
    pub fn table(&self) -> Vec<[String; 7]> {
        let others = self.others.iter().map(|other| {
            let empty = String::new;
            [other.role(), other.words.to_owned(), empty(), empty(), empty(), empty(), empty()]
        });
        others.chain(self.rows.iter().map(Row::cells)).collect()
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        let others = self.others.iter().map(|other| json!({ "role": other.role, "change": other.words }));
        json!({
            "changes": self.rows.iter().map(Row::to_json).collect::<Vec<_>>(),
            "others": others.collect::<Vec<_>>(),
        })
    }
}

impl Kind {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gains => "gains",
            Self::Loses => "loses",
            Self::Conditions => "conditions",
            Self::InTurn => "in turn",
            Self::NotInTurn => "not in turn",
        }
    }
}

impl Other {
    fn role(&self) -> String {
        self.role.clone().unwrap_or_else(|| "guardrails".to_owned())
    }

    fn words(&self) -> String {
        match &self.role {
            Some(role) => format!("{role} {}", self.words),
            None => format!("the guardrails {}", self.words),
        }
    }
}

impl Row {
    fn words(&self) -> Vec<String> {
        let what = self.what();
        let Self { role, change, .. } = self;
        match change.kind {
            Kind::Gains => vec![format!("{role} gains {what}: {}", else_by(&change.after))],
            Kind::Loses => vec![format!("{role} loses {what}")],
            Kind::Conditions => vec![
                format!("{role} keeps {what}, on other conditions"),
                format!("  before: {}", else_by(&change.before)),
                format!("  after:  {}", else_by(&change.after)),
            ],
            Kind::InTurn => {
                vec![format!("{role}: {what} is no longer forbidden, so a call may bring it about in turn")]
            }
            Kind::NotInTurn => {
                vec![format!("{role}: {what} is forbidden, so no call may bring it about in turn any longer")]
            }
        }
    }

    fn what(&self) -> String {
        let on = format!("{} on {}", self.actions(", "), self.collections.join(", "));
        match self.change.fields.as_deref() {
            None => on,
            Some([all]) if all == "*" => on,
            Some([]) => format!("{on} (no fields)"),
            Some(fields) => format!("{on} (fields {})", fields.join(", ")),
        }
    }

    fn actions(&self, between: &str) -> String {
        self.actions.iter().map(|action| action.as_str()).collect::<Vec<_>>().join(between)
    }

    fn cells(&self) -> [String; 7] {
        [
            self.role.clone(),
            self.change.kind.as_str().to_owned(),
            self.actions(", "),
            self.collections.join(", "),
            self.change.fields.as_ref().map(|fields| fields.join(", ")).unwrap_or_default(),
            else_by(&self.change.before),
            else_by(&self.change.after),
        ]
    }

    fn to_json(&self) -> Value {
        json!({
            "role": self.role,
            "change": self.change.kind.as_str(),
            "actions": self.actions.iter().map(|action| Action::as_str(*action)).collect::<Vec<_>>(),
            "collections": self.collections,
            "fields": self.change.fields,
            "before": self.change.before,
            "after": self.change.after,
        })
    }
}

/// What permissions ask for, in the order in which they are tried.
fn else_by(lines: &[String]) -> String {
    lines.join(", else ")
}
