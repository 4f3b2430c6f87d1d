//! What has to come of a test, decoded.

use super::blank::{Blanks, fill};
use super::{Expectation, ExpectedFields, ExpectedPermit};
use crate::policy::Code;
use crate::policy::decode::{Decoder, Mapping};
use crate::policy::yaml::{Node, Shape};
use serde_json::{Map, Value};

pub(in crate::policy) const EXPECT: Mapping = Mapping {
    name: "`expect`",
    keys: &["permit", "deny", "rule"],
    words: &[
        ("allow", "permit"),
        ("forbid", "deny"),
        ("reason", "deny"),
        ("code", "deny"),
        ("forward", "it stands in `permit`"),
        ("obligations", "it stands in `permit`"),
        ("fields", "it stands in `permit`"),
    ],
};

pub(in crate::policy) const PERMIT: Mapping = Mapping {
    name: "`permit`",
    keys: &["rule", "forward", "obligations", "fields"],
    words: &[
        ("request", "forward"),
        ("body", "forward"),
        ("arguments", "forward"),
        ("by", "rule"),
        ("obligation", "obligations"),
        ("query", "it stands in `forward`"),
    ],
};

impl Decoder<'_> {
    pub(super) fn expectation(&mut self, node: &Node, blanks: &mut Blanks<'_>) -> Option<Expectation> {
        match &node.shape {
            Shape::Text { .. } => {
                self.choice(node, "what a call can come to", &[("permit", ())])?;
                Some(Expectation::Permit(ExpectedPermit::default()))
            }
            Shape::List(_) => Some(Expectation::Names(self.word_list(node)?)),
            Shape::Null | Shape::Bool(_) | Shape::Number(_) | Shape::Map(_) => {
                self.expected_decision(node, blanks)
            }
            Shape::Broken => None,
        }
    }

    fn expected_decision(&mut self, node: &Node, blanks: &mut Blanks<'_>) -> Option<Expectation> {
        let object = self.object(node, &EXPECT)?;
        match (object.get("permit"), object.get("deny")) {
            (Some(permit), None) => {
                if let Some(entry) = object.entry("rule") {
                    let help = "write `expect: {permit: {rule: ROLE/ID}}`";
                    self.error("test", &entry.key_span, "this is for calls that are denied", help);
                }
                self.expected_permit(permit, blanks).map(Expectation::Permit)
            }
            (None, Some(deny)) => {
                let codes: Vec<(&str, &str)> = Code::ALL.map(|code| (code.as_str(), code.as_str())).to_vec();
                let code = self.choice(deny, "the code of a denial", &codes)?;
                let rule = object.get("rule").and_then(|node| self.text(node)).map(str::to_owned);
                Some(Expectation::Deny { code: code.to_owned(), rule })
            }
            (Some(_), Some(_)) | (None, None) => {
                let help = "write `expect: permit` or `expect: {deny: forbidden}`";
                self.error("test", &object.head(), "a call is permitted or denied", help);
                None
            }
        }
    }

    fn expected_permit(&mut self, node: &Node, blanks: &mut Blanks<'_>) -> Option<ExpectedPermit> {
        let object = self.object(node, &PERMIT)?;
        let rule = object.get("rule").and_then(|node| self.text(node)).map(str::to_owned);
        let forward = object.get("forward").map(|node| self.value(node, blanks));
        let obligations = object.get("obligations").and_then(|node| self.list(node)).map(|items| {
            items.iter().filter(|item| self.entries(item).is_some()).cloned().collect::<Vec<_>>()
        });
        let obligations =
            obligations.map(|items| items.iter().map(|item| self.value(item, blanks)).collect());
        let fields = object.get("fields").and_then(|node| self.expected_fields(node));
        Some(ExpectedPermit { rule, forward, obligations, fields })
    }

    fn expected_fields(&mut self, node: &Node) -> Option<ExpectedFields> {
        let Shape::Map(entries) = &node.shape else { return self.word_list(node).map(ExpectedFields::All) };
        let at = entries.iter().filter_map(|entry| Some((entry.key.clone(), self.word_list(&entry.value)?)));
        Some(ExpectedFields::At(at.collect()))
    }

    fn word_list(&mut self, node: &Node) -> Option<Vec<String>> {
        let names = self.texts(node)?;
        Some(names.into_iter().map(|(name, _)| name).collect())
    }
}

impl Expectation {
    /// The same with a row's values.
    pub(super) fn filled(&self, row: &Map<String, Value>) -> Self {
        match self {
            Self::Permit(permit) => Self::Permit(ExpectedPermit {
                rule: permit.rule.clone(),
                forward: permit.forward.as_ref().map(|value| fill(value, row)),
                obligations: permit
                    .obligations
                    .as_ref()
                    .map(|list| list.iter().map(|value| fill(value, row)).collect()),
                fields: permit.fields.clone(),
            }),
            Self::Deny { .. } | Self::Names(_) => self.clone(),
        }
    }
}
