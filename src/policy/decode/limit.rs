//! `limits`: how often, and how many at once.

use super::{Decoder, Mapping, Object};
use crate::policy::document::{Bound, Limit, Per, Unit};
use crate::policy::yaml::Node;
use std::collections::BTreeMap;
use std::ops::Range;

pub(in crate::policy) const LIMIT: Mapping = Mapping {
    name: "a limit",
    keys: &["id", "rate", "burst", "concurrency", "actions", "per"],
    words: &[
        ("name", "id"),
        ("action", "actions"),
        ("limit", "rate"),
        ("max", "rate"),
        ("requests", "rate"),
        ("calls", "rate"),
        ("parallel", "concurrency"),
        ("concurrent", "concurrency"),
        ("by", "per"),
        ("scope", "per"),
        ("window", "write the span of time into the rate: `120/min`"),
        ("duration", "write the span of time into the rate: `120/min`"),
        ("collections", "a limit counts calls by action, not by collection"),
        ("role", "the file is the role; leave it out"),
        ("roles", "the file is the role; leave it out"),
    ],
};

const PER: &[(&str, Per)] = &[("principal", Per::Principal), ("role", Per::Role), ("address", Per::Address)];

impl Decoder<'_> {
    /// The limits of a file.
    pub(super) fn limits(&mut self, node: &Node, taken: &mut BTreeMap<String, Range<usize>>) -> Vec<Limit> {
        let items = self.list(node).unwrap_or_default();
        items.iter().filter_map(|item| self.limit(item, taken)).collect()
    }

    fn limit(&mut self, node: &Node, taken: &mut BTreeMap<String, Range<usize>>) -> Option<Limit> {
        let object = self.object(node, &LIMIT)?;
        let id = object.required(self, "id", "give it a name: `id: calls`");
        let at = self.at(&id.map_or(object.head(), |id| id.span.clone()));
        let id = id.and_then(|id| self.id(id, taken));
        let bound = self.bound(&object);
        let actions = object.get("actions").and_then(|actions| self.actions(actions));
        let per = object.get("per").and_then(|per| self.choice(per, "something to count by", PER));
        Some(Limit { id: id?, bound: bound?, actions, per: per.unwrap_or_default(), at })
    }

    fn bound(&mut self, object: &Object<'_>) -> Option<Bound> {
        let (rate, concurrency) = (object.get("rate"), object.get("concurrency"));
        match (rate, concurrency) {
            (Some(rate), None) => {
                let (count, unit) = self.rate(rate)?;
                let burst = match object.get("burst") {
                    Some(burst) => self.count(burst)?,
                    None => count,
                };
                Some(Bound::Rate { count, unit, burst })
            }
            (None, Some(concurrency)) => {
                if let Some(burst) = object.entry("burst") {
                    let message = "`burst` belongs to a `rate`, not to a `concurrency`";
                    self.error("limit", &burst.key_span, message, "leave it out");
                }
                self.count(concurrency).map(Bound::Concurrency)
            }
            (Some(_), Some(concurrency)) => {
                let message = "a limit is a `rate` or a `concurrency`, not both";
                self.error("limit", &concurrency.span, message, "make two limits of it");
                None
            }
            (None, None) => {
                object.required(self, "rate", "write `rate: 120/min` or `concurrency: 4`");
                None
            }
        }
    }

    fn count(&mut self, node: &Node) -> Option<u32> {
        let number = self.whole(node, 1, u64::from(u32::MAX))?;
        u32::try_from(number).ok()
    }

    /// `120/min`.
    fn rate(&mut self, node: &Node) -> Option<(u32, Unit)> {
        if let crate::policy::yaml::Shape::Number(number) = &node.shape {
            let help = format!("write `{number}/s`, `{number}/min` or `{number}/h`");
            self.error("rate", &node.span, format!("`{number}` is no rate: it has no span of time"), help);
            return None;
        }
        let text = self.text(node)?;
        let parsed = parse_rate(text);
        if parsed.is_none() {
            let message = format!("`{text}` is not a rate");
            self.error("rate", &node.span, message, rate_help(text));
        }
        parsed
    }
}

fn parse_rate(text: &str) -> Option<(u32, Unit)> {
    let (count, unit) = text.split_once('/')?;
    let unit = match unit {
        "s" => Unit::Second,
        "min" => Unit::Minute,
        "h" => Unit::Hour,
        _ => return None,
    };
    if !count.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u32 = count.parse().ok().filter(|count| *count > 0)?;
    Some((count, unit))
}

fn rate_help(text: &str) -> String {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    let rest: String = text.chars().skip(digits.len()).collect();
    let unit = match rest.trim_matches([' ', '/']).trim_start_matches("per ").trim() {
        "second" | "seconds" | "sec" => "s",
        "minute" | "minutes" | "m" | "mins" => "min",
        "hour" | "hours" | "hr" => "h",
        _ => "",
    };
    if digits.is_empty() || digits.bytes().all(|byte| byte == b'0') || unit.is_empty() {
        return "write a number from 1 on, and `/s`, `/min` or `/h`: `120/min`".to_owned();
    }
    format!("write `{digits}/{unit}`")
}
