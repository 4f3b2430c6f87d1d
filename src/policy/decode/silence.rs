//! `silence`: lints that are not to be told, each with a reason.

use super::{Decoder, Mapping, listed, nearest};
use crate::policy::check::lint::Lint;
use crate::policy::document::Silence;
use crate::policy::yaml::Node;
use std::collections::BTreeMap;
use std::ops::Range;

pub(in crate::policy) const SILENCE: Mapping = Mapping {
    name: "an entry of `silence`",
    keys: &["lint", "rule", "reason"],
    words: &[
        ("name", "lint"),
        ("code", "lint"),
        ("warning", "lint"),
        ("id", "rule"),
        ("permission", "rule"),
        ("because", "reason"),
        ("comment", "reason"),
        ("description", "reason"),
        ("file", "it holds for the file that it stands in"),
    ],
};

impl Decoder<'_> {
    /// The silences of a file; `rules` are the ids that its rules have.
    pub(super) fn silences(&mut self, node: &Node, rules: &BTreeMap<String, Range<usize>>) -> Vec<Silence> {
        let items = self.list(node).unwrap_or_default();
        items.iter().filter_map(|item| self.silence(item, rules)).collect()
    }

    fn silence(&mut self, node: &Node, rules: &BTreeMap<String, Range<usize>>) -> Option<Silence> {
        let object = self.object(node, &SILENCE)?;
        let lint = object.required(self, "lint", "name what is not to be said: `lint: dead-rule`");
        let at = self.at(&lint.map_or(object.head(), |lint| lint.span.clone()));
        let lint = lint.and_then(|node| self.lint(node));
        let reason = object.required(self, "reason", "say why it is meant so: `reason: …`");
        let reason = reason.and_then(|node| self.text(node)).map(str::to_owned);
        let rule = match object.get("rule") {
            Some(node) => Some(self.named_rule(node, rules)?),
            None => None,
        };
        Some(Silence { lint: lint?, rule, reason: reason?, at })
    }

    fn lint(&mut self, node: &Node) -> Option<Lint> {
        let name = self.text(node)?;
        let found = Lint::named(name).filter(|lint| lint.can_be_silenced());
        if found.is_none() {
            let names: Vec<&str> =
                Lint::ALL.into_iter().filter(|lint| lint.can_be_silenced()).map(Lint::name).collect();
            let help = nearest(name, &names).map_or_else(
                || "`warrener check --list-lints` shows them; what is an error cannot be silenced".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            let message = format!("`{name}` is not a lint that can be silenced");
            self.error("unknown-lint", &node.span, message, help);
        }
        found
    }

    fn named_rule(&mut self, node: &Node, rules: &BTreeMap<String, Range<usize>>) -> Option<String> {
        let id = self.text(node)?;
        if !rules.contains_key(id) {
            let ids: Vec<&str> = rules.keys().map(String::as_str).collect();
            let help = match nearest(id, &ids) {
                Some(near) => format!("did you mean `{near}`?"),
                None if ids.is_empty() => "leave it out: the file has no rules".to_owned(),
                None => format!("the rules of the file are {}", listed(&ids)),
            };
            self.error("unknown-rule", &node.span, format!("there is no rule `{id}` in this file"), help);
            return None;
        }
        Some(id.to_owned())
    }
}
