//! `validation`: a rule that is evaluated here, so every part of it has to be one that can be.

use super::{Decoder, listed, nearest};
use crate::directus::field::is_path;
use crate::policy::document::Validation;
use crate::policy::validation::{Comparison, Operand, Rule};
use crate::policy::yaml::{Entry, Node, Shape, object};
use regex_lite::Regex;

/// What a field can be compared by.
pub(crate) const OPERATORS: [&str; 20] = [
    "_eq",
    "_neq",
    "_lt",
    "_lte",
    "_gt",
    "_gte",
    "_in",
    "_nin",
    "_null",
    "_nnull",
    "_empty",
    "_nempty",
    "_contains",
    "_ncontains",
    "_icontains",
    "_starts_with",
    "_ends_with",
    "_between",
    "_nbetween",
    "_regex",
];

/// What joins rules.
pub(crate) const STRUCTURE: [&str; 2] = ["_and", "_or"];

impl Decoder<'_> {
    /// What a written item must meet.
    pub(super) fn validation(&mut self, node: &Node) -> Option<Validation> {
        let entries = self.rule_entries(node)?;
        Some(Validation { rule: self.all_of(entries)?, text: object(entries) })
    }

    fn all_of(&mut self, entries: &[Entry]) -> Option<Rule> {
        let rules: Vec<Option<Rule>> = entries.iter().map(|entry| self.part(entry)).collect();
        rules.into_iter().collect::<Option<Vec<Rule>>>().map(Rule::And)
    }

    fn part(&mut self, entry: &Entry) -> Option<Rule> {
        match entry.key.as_str() {
            "_and" => self.parts(&entry.value).map(Rule::And),
            "_or" => self.parts(&entry.value).map(Rule::Or),
            name if name.starts_with('_') => {
                self.unknown_operator(entry, &STRUCTURE);
                None
            }
            name if is_path(name) => {
                self.beyond(entry);
                None
            }
            _ => self.field(entry),
        }
    }

    fn parts(&mut self, node: &Node) -> Option<Vec<Rule>> {
        let items = self.list(node)?;
        if items.is_empty() {
            let help = "list rules, such as `[{status: {_eq: draft}}]`";
            self.error("empty-rule", &node.span, "an empty list restricts nothing", help);
            return None;
        }
        let rules: Vec<Option<Rule>> = items
            .iter()
            .map(|item| {
                let entries = self.rule_entries(item)?;
                self.all_of(entries)
            })
            .collect();
        rules.into_iter().collect()
    }

    fn field(&mut self, entry: &Entry) -> Option<Rule> {
        let help = format!("write `{}: {{_eq: …}}`", entry.key);
        let comparisons = match &entry.value.shape {
            Shape::Map(comparisons) if !comparisons.is_empty() => comparisons,
            Shape::Broken => return None,
            Shape::Map(_)
            | Shape::Null
            | Shape::Bool(_)
            | Shape::Number(_)
            | Shape::Text { .. }
            | Shape::List(_) => {
                self.expected(&entry.value, "a comparison", &help);
                return None;
            }
        };
        let rule = |this: &mut Self, comparison: &Entry| {
            let found = this.comparison(comparison)?;
            Some(Rule::Field(entry.key.clone(), found))
        };
        let rules: Vec<Option<Rule>> = comparisons.iter().map(|one| rule(self, one)).collect();
        rules.into_iter().collect::<Option<Vec<Rule>>>().map(Rule::And)
    }

    fn comparison(&mut self, entry: &Entry) -> Option<Comparison> {
        let value = &entry.value;
        Some(match entry.key.as_str() {
            "_eq" => Comparison::In(vec![self.operand(value)?]),
            "_neq" => Comparison::NotIn(vec![self.operand(value)?]),
            "_in" => Comparison::In(self.operands(value)?),
            "_nin" => Comparison::NotIn(self.operands(value)?),
            "_lt" => Comparison::Less(self.operand(value)?),
            "_lte" => Comparison::AtMost(self.operand(value)?),
            "_gt" => Comparison::Greater(self.operand(value)?),
            "_gte" => Comparison::AtLeast(self.operand(value)?),
            "_between" => {
                let (from, to) = self.ends(value)?;
                Comparison::Between(from, to)
            }
            "_nbetween" => {
                let (from, to) = self.ends(value)?;
                Comparison::NotBetween(from, to)
            }
            "_null" => Comparison::Null(self.boolean(value)?),
            "_nnull" => Comparison::Null(!self.boolean(value)?),
            "_empty" => Comparison::Empty(self.boolean(value)?),
            "_nempty" => Comparison::Empty(!self.boolean(value)?),
            "_contains" => Comparison::Contains(self.text(value)?.to_owned()),
            "_ncontains" => Comparison::NotContains(self.text(value)?.to_owned()),
            "_icontains" => Comparison::ContainsFolded(self.text(value)?.to_owned()),
            "_starts_with" => Comparison::StartsWith(self.text(value)?.to_owned()),
            "_ends_with" => Comparison::EndsWith(self.text(value)?.to_owned()),
            "_regex" => Comparison::Matches(self.regex(value)?),
            other if other.starts_with('_') => {
                self.unknown_operator(entry, &OPERATORS);
                return None;
            }
            _ => {
                self.beyond(entry);
                return None;
            }
        })
    }

    /// A rule about what another item holds would need that item.
    fn beyond(&mut self, entry: &Entry) {
        let message = format!("`{}` is not a field of the written item itself", entry.key);
        let help = "a validation looks at the written item only; write a permission for the other collection";
        self.error("validation", &entry.key_span, message, help);
    }

    fn operand(&mut self, node: &Node) -> Option<Operand> {
        match &node.shape {
            Shape::Text { text, .. } if text.starts_with("$CURRENT_") || text.starts_with("$NOW") => {
                Some(Operand::Dynamic)
            }
            Shape::Text { text, .. } => Some(Operand::Text(text.clone())),
            Shape::Number(number) => Some(Operand::Number(number.clone())),
            Shape::Bool(value) => Some(Operand::Bool(*value)),
            Shape::Null => {
                self.expected(node, "a value to compare with", "write `_null: true` for no value");
                None
            }
            Shape::List(_) | Shape::Map(_) => {
                self.expected(node, "one value to compare with", "write `_in` for several");
                None
            }
            Shape::Broken => None,
        }
    }

    fn operands(&mut self, node: &Node) -> Option<Vec<Operand>> {
        let items = self.list(node)?;
        let operands: Vec<Option<Operand>> = items.iter().map(|item| self.operand(item)).collect();
        operands.into_iter().collect()
    }

    fn ends(&mut self, node: &Node) -> Option<(Operand, Operand)> {
        let ends: Vec<Operand> = self.operands(node)?;
        let mut both = ends.into_iter();
        if let (Some(from), Some(to), None) = (both.next(), both.next(), both.next()) {
            return Some((from, to));
        }
        self.error("validation", &node.span, "a range has two ends", "write `[from, to]`");
        None
    }

    /// Directus takes a pattern with slashes around it too.
    fn regex(&mut self, node: &Node) -> Option<Regex> {
        let text = self.text(node)?;
        let inner = text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')).unwrap_or(text);
        match Regex::new(inner) {
            Ok(regex) => Some(regex),
            Err(error) => {
                let message = format!("the pattern cannot be read: {error}");
                let help = "patterns have no look-ahead, look-behind or back-references";
                self.error("regex", &node.span, message, help);
                None
            }
        }
    }

    pub(super) fn unknown_operator(&mut self, entry: &Entry, operators: &[&str]) {
        let help = nearest(&entry.key, operators)
            .map_or_else(|| format!("use {}", listed(operators)), |near| format!("did you mean `{near}`?"));
        let message = format!("`{}` is not an operator that can be used here", entry.key);
        self.error("operator", &entry.key_span, message, help);
    }
}
