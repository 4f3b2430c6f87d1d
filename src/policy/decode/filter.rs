//! `filter`: a rule that Directus evaluates, so it has to be one by which Directus really leaves rows out.

use super::Decoder;
use crate::directus::operator::{self, COMPARISONS};
use crate::policy::yaml::{Entry, Node, Shape, object};
use serde_json::{Map, Value};

/// What a filter has besides comparisons.
pub(crate) const STRUCTURE: [&str; 5] = ["_some", "_none", "_json", "_and", "_or"];

impl Decoder<'_> {
    /// Which items a permission is about.
    pub(super) fn filter(&mut self, node: &Node) -> Option<Map<String, Value>> {
        let entries = self.rule_entries(node)?;
        let before = self.problems.len();
        self.check_operators(node);
        (self.problems.len() == before && self.selects(entries)).then(|| object(entries))
    }

    /// The entries of a rule, of which there must be one at least.
    pub(super) fn rule_entries<'n>(&mut self, node: &'n Node) -> Option<&'n [Entry]> {
        let entries = self.entries(node)?;
        if entries.is_empty() {
            let help = "write a rule such as `{status: {_eq: published}}`, or leave the key out";
            self.error("empty-rule", &node.span, "an empty rule restricts nothing", help);
            return None;
        }
        Some(entries)
    }

    /// Operators begin with an underscore; one that nobody knows would match everything or nothing. A comparison that Directus only
    /// validates with, `_regex` for one, is not among them: it could restrict nothing.
    fn check_operators(&mut self, node: &Node) {
        match &node.shape {
            Shape::Map(entries) => {
                let operators = [&COMPARISONS[..], &STRUCTURE].concat();
                for entry in entries {
                    if entry.key.starts_with('_') && !operators.contains(&entry.key.as_str()) {
                        self.unknown_operator(entry, &operators);
                    }
                    self.check_operators(&entry.value);
                }
            }
            Shape::List(items) => items.iter().for_each(|item| self.check_operators(item)),
            Shape::Null | Shape::Bool(_) | Shape::Number(_) | Shape::Text { .. } | Shape::Broken => {}
        }
    }

    /// Whether every part can leave rows out; Directus takes one that cannot for none, without a word (FACTS section 5).
    fn selects(&mut self, entries: &[Entry]) -> bool {
        // All are looked at, so that all are reported.
        entries.iter().map(|entry| self.part_selects(entry)).filter(|selects| !selects).count() == 0
    }

    fn part_selects(&mut self, entry: &Entry) -> bool {
        let inner = match (&entry.value.shape, entry.key.as_str()) {
            (Shape::List(items), "_and" | "_or") if !items.is_empty() => {
                let parts =
                    items.iter().map(|item| self.rule_entries(item).is_some_and(|inner| self.selects(inner)));
                return parts.filter(|selects| !selects).count() == 0;
            }
            (Shape::Broken, _) => return false,
            // Directus reads a list there, and nothing else.
            (_, "_and" | "_or") => return self.restricts_nothing(entry),
            (Shape::Map(inner), _) if !inner.is_empty() && !compares(inner) => inner,
            (_, name) => {
                return match operator::read(name, &entry.value.to_json()) {
                    Ok(found) => found.selects || self.restricts_nothing(entry),
                    Err(misread) => {
                        let help = "write a comparison such as `{_eq: draft}`, or a filter of what the field leads to";
                        self.error("filter", &entry.value.span, misread.to_string(), help);
                        false
                    }
                };
            }
        };
        self.selects(inner)
    }

    fn restricts_nothing(&mut self, entry: &Entry) -> bool {
        let message = format!("what stands under `{}` restricts nothing", entry.key);
        let help = "Directus leaves such a condition out, and would select all items";
        self.error("filter", &entry.key_span, message, help);
        false
    }
}

/// Whether what stands under a name are comparisons of it, and not a filter of what it leads to.
fn compares(entries: &[Entry]) -> bool {
    entries.iter().all(|entry| operator::is_one(&entry.key))
}
