//! A suggestion as a policy file.

use super::scalar::{list, map, quoted, text, value};
use super::{Suggestion, Tally, Why};
use crate::directus::Action;
use crate::mcp::shown::shown;
use crate::policy::document::{
    Bound, Forbid, Limit, MaxItems, Mode, Per, Permission, Role, Silence, SystemPrompt, Unit,
};
use crate::policy::pattern::{CollectionPatterns, Patterns};
use std::collections::BTreeSet;

/// Characters of a line of comment.
const WIDTH: usize = 118;

/// What the first lines of the file say.
#[derive(Clone, Debug)]
pub struct Head<'a> {
    /// From when on calls were looked at.
    pub since: &'a str,
    /// The revision of the policies that they were decided by.
    pub revision: &'a str,
    /// Calls that it lets through.
    pub permitted: u64,
    /// Calls that it denies.
    pub denied: u64,
    /// Calls of which the trail does not tell enough.
    pub undecidable: u64,
}

impl Suggestion {
    /// The file, with what was counted in comments.
    pub fn text(&self, head: &Head<'_>) -> String {
        let mut lines = vec!["# yaml-language-server: $schema=./policy.schema.json".to_owned()];
        self.head(head, &mut lines);
        let role = &self.role;
        lines.push("version: 1".to_owned());
        lines.push(format!("role: {}", text(&role.name)));
        if !role.description.is_empty() {
            lines.push(format!("description: {}", quoted(&role.description)));
        }
        match role.mode {
            Mode::Enforce => {}
            Mode::Observe => lines.push("mode: observe".to_owned()),
        }
        lines.push(String::new());
        if role.permissions.is_empty() {
            lines.push("permissions: []".to_owned());
        } else {
            lines.push("permissions:".to_owned());
        }
        for (place, (permission, why)) in role.permissions.iter().zip(&self.whys).enumerate() {
            if place > 0 {
                lines.push(String::new());
            }
            lines.push(format!("  # {}", self.note(permission, why)));
            item(&permission_entries(permission), &mut lines);
        }
        section("forbid", role.forbid.iter().map(forbid_entries), &mut lines);
        others(role, &mut lines);
        section("limits", role.limits.iter().map(limit_entries), &mut lines);
        if !role.redact.is_empty() {
            let of = role.redact.iter();
            let patterns = of.map(|one| format!("{}.{}", one.collection().as_str(), one.field().as_str()));
            lines.extend([String::new(), format!("redact: {}", list(patterns))]);
        }
        section("silence", role.silences.iter().map(silence_entries), &mut lines);
        lines.join("\n") + "\n"
    }

    fn head(&self, head: &Head<'_>, lines: &mut Vec<String>) {
        let Head { since, revision, permitted, denied, undecidable } = head;
        let role = &self.role.name;
        let revision: String = revision.chars().take(12).collect();
        let mut say = |text: &str| lines.extend(wrapped(text));
        say(&format!(
            "What the calls of {role} since {since} needed, and no more; out of revision {revision}."
        ));
        say(&format!(
            "{} that the policies of that revision let through, beside {} that they deny and {} of which the trail does not tell \
             enough.",
            calls(*permitted),
            grouped(*denied),
            grouped(*undecidable),
        ));
        let without = "What nobody has done yet is not in it, and the comments of the file that it comes from are not either.";
        match self.lost {
            0 => say(&format!("Decided again by this file, all of those pass. {without}")),
            lost => say(&format!(
                "Decided again by this file, {} of those would be denied, or cannot be told to pass. {without}",
                grouped(lost)
            )),
        }
        if !self.unused.is_empty() {
            say(&format!("Nobody used the permissions {}.", names(&self.unused)));
        }
        if !self.untouched.is_empty() {
            say(&format!("Nobody used the collections {}.", names(&self.untouched)));
        }
    }

    /// What stands above a permission.
    fn note(&self, permission: &Permission, why: &Why) -> String {
        let told = |tally: &Tally| format!("{}, last on {}", calls(tally.calls), shown(&tally.last));
        let tally = self.tallies.get(&permission.id);
        match (why, tally) {
            (Why::Denied(tally), _) => format!("DENIED SO FAR, for want of this permission: {}", told(tally)),
            (Why::Used, Some(tally)) => told(tally),
            (Why::Used, None) => "0 calls".to_owned(),
            (Why::Kept, Some(tally)) => format!("{}; whole, since {LATER}", told(tally)),
            (Why::Kept, None) => format!("0 calls; here since {LATER}"),
        }
    }
}

const LATER: &str = "a later permission would take its place on other conditions";

/// `1 call`, `1,203 calls`.
fn calls(count: u64) -> String {
    let noun = if count == 1 { "call" } else { "calls" };
    format!("{} {noun}", grouped(count))
}

/// A number with a comma before every third digit from its end.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Names that stand in a comment.
fn names(all: &[String]) -> String {
    all.iter().map(|name| shown(name)).collect::<Vec<_>>().join(", ")
}

/// Lines of comment.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = "#".to_owned();
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH && line.len() > 1 {
            lines.push(std::mem::replace(&mut line, "#".to_owned()));
        }
        line.push(' ');
        line.push_str(word);
    }
    lines.push(line);
    lines
}

type Entries = Vec<(&'static str, String)>;

/// One item of a list, an entry a line.
fn item(entries: &Entries, lines: &mut Vec<String>) {
    for (place, (key, value)) in entries.iter().enumerate() {
        let begin = if place == 0 { "  - " } else { "    " };
        lines.push(format!("{begin}{key}: {value}"));
    }
}

fn section(name: &str, items: impl Iterator<Item = Entries>, lines: &mut Vec<String>) {
    for (place, entries) in items.enumerate() {
        if place == 0 {
            lines.extend([String::new(), format!("{name}:")]);
        }
        item(&entries, lines);
    }
}

fn permission_entries(permission: &Permission) -> Entries {
    let mut entries = vec![
        ("id", text(&permission.id)),
        ("collections", collections(&permission.collections)),
        ("actions", actions(&permission.actions)),
    ];
    if !permission.fields.matches_everything() {
        entries.push(("fields", patterns(&permission.fields)));
    }
    let validation = permission.validation.as_ref().map(|rule| &rule.text);
    for (key, rule) in [
        ("filter", permission.filter.as_ref()),
        ("validation", validation),
        ("presets", permission.presets.as_ref()),
    ] {
        entries.extend(rule.map(|rule| (key, map(rule))));
    }
    if let Some(keys) = &permission.keys {
        let keys: Vec<String> = keys.iter().map(|key| value(&key.to_value())).collect();
        entries.push(("keys", format!("[{}]", keys.join(", "))));
    }
    match permission.max_items {
        None => {}
        Some(MaxItems::At(most)) => entries.push(("max_items", most.to_string())),
        Some(MaxItems::Unlimited) => entries.push(("max_items", "unlimited".to_owned())),
    }
    if permission.by_query {
        entries.push(("by_query", "true".to_owned()));
    }
    entries
}

fn forbid_entries(forbid: &Forbid) -> Entries {
    let mut entries = vec![("id", text(&forbid.id)), ("collections", collections(&forbid.collections))];
    if forbid.actions.len() < Action::ALL.len() {
        entries.push(("actions", actions(&forbid.actions)));
    }
    entries.extend(forbid.reason.as_ref().map(|reason| ("reason", quoted(reason))));
    if forbid.observe {
        entries.push(("observe", "true".to_owned()));
    }
    entries
}

fn limit_entries(limit: &Limit) -> Entries {
    let mut entries = vec![("id", text(&limit.id))];
    match limit.bound {
        Bound::Rate { count, unit, burst } => {
            let unit = match unit {
                Unit::Second => "s",
                Unit::Minute => "min",
                Unit::Hour => "h",
            };
            entries.push(("rate", format!("{count}/{unit}")));
            if burst != count {
                entries.push(("burst", burst.to_string()));
            }
        }
        Bound::Concurrency(count) => entries.push(("concurrency", count.to_string())),
    }
    entries.extend(limit.actions.as_ref().map(|of| ("actions", actions(of))));
    match limit.per {
        Per::Principal => {}
        Per::Role => entries.push(("per", "role".to_owned())),
        Per::Address => entries.push(("per", "address".to_owned())),
    }
    entries
}

fn silence_entries(silence: &Silence) -> Entries {
    let mut entries = vec![("lint", text(silence.lint.name()))];
    entries.extend(silence.rule.as_ref().map(|rule| ("rule", text(rule))));
    entries.push(("reason", quoted(&silence.reason)));
    entries
}

/// What stands between the rules and the limits.
fn others(role: &Role, lines: &mut Vec<String>) {
    let mut entries: Entries = Vec::new();
    let sources = role.import_from.as_ref();
    entries.extend(sources.map(|from| ("import_from", list(from.iter().map(|source| source.url.as_str())))));
    let tools = [("deny", &role.tools.deny), ("opaque", &role.tools.opaque)];
    let tools = tools.iter().filter(|(_, of)| !of.is_empty());
    let tools: Vec<String> = tools.map(|(key, of)| format!("{key}: {}", patterns(of))).collect();
    if !tools.is_empty() {
        entries.push(("tools", format!("{{{}}}", tools.join(", "))));
    }
    if !role.prompts.is_empty() {
        entries.push(("prompts", patterns(&role.prompts)));
    }
    match &role.system_prompt {
        SystemPrompt::Keep => {}
        SystemPrompt::Hide => entries.push(("system_prompt", "hide".to_owned())),
        SystemPrompt::Replace(text) => {
            entries.push(("system_prompt", format!("{{replace: {}}}", quoted(text))));
        }
        SystemPrompt::Append(text) => {
            entries.push(("system_prompt", format!("{{append: {}}}", quoted(text))));
        }
    }
    if !entries.is_empty() {
        lines.push(String::new());
    }
    lines.extend(entries.into_iter().map(|(key, value)| format!("{key}: {value}")));
}

fn actions(actions: &BTreeSet<Action>) -> String {
    list(actions.iter().map(|action| action.as_str()))
}

fn patterns(patterns: &Patterns) -> String {
    list(listed(patterns))
}

fn listed(patterns: &Patterns) -> impl Iterator<Item = String> {
    let included = patterns.included().iter().map(|glob| glob.as_str().to_owned());
    included.chain(patterns.excluded().iter().map(|glob| format!("!{}", glob.as_str())))
}

fn collections(patterns: &CollectionPatterns) -> String {
    let junctions = patterns.junctions().map(|included| {
        let sign = if included { "" } else { "!" };
        format!("{sign}{}", CollectionPatterns::JUNCTIONS)
    });
    list(listed(patterns.names()).chain(junctions))
}
