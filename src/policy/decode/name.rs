//! Names and patterns of names: ids, actions, collections, fields, tools, prompts.

use super::{Decoder, nearest};
use crate::directus::access::Action;
use crate::policy::pattern::{CollectionPatterns, FieldPattern, Patterns};
use crate::policy::yaml::{Node, Shape};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// What a list of patterns is about, since each kind of name has its own traps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    Collections,
    Fields,
    Tools,
    Prompts,
}

impl Decoder<'_> {
    /// An id: lower case, digits and hyphens, and not used yet in this file.
    pub(crate) fn id(&mut self, node: &Node, taken: &mut BTreeMap<String, Range<usize>>) -> Option<String> {
        let id = self.text(node)?;
        if !is_id(id) {
            let message = format!("`{id}` is not an id");
            self.error(
                "id",
                &node.span,
                message,
                "use lower-case letters, digits and hyphens: `read-content`",
            );
            return None;
        }
        if let Some(first) = taken.get(id) {
            let file = self.file();
            let problem = super::Diagnostic::error(
                "duplicate-id",
                file,
                node.span.clone(),
                format!("the id `{id}` is taken"),
            );
            self.report(
                problem
                    .also(first.clone(), "first used here")
                    .help("ids name rules in denials and in the trail: give each its own"),
            );
        } else {
            taken.insert(id.to_owned(), node.span.clone());
        }
        Some(id.to_owned())
    }

    /// A list of actions.
    pub(crate) fn actions(&mut self, node: &Node) -> Option<BTreeSet<Action>> {
        let items = self.list(node)?;
        Some(items.iter().filter_map(|item| self.action(item)).collect())
    }

    fn action(&mut self, node: &Node) -> Option<Action> {
        let word = self.text(node)?;
        if let Some(action) = Action::named(word) {
            return Some(action);
        }
        let names = Action::ALL.map(Action::as_str);
        let help = match word {
            "*" | "all" => format!("write them out: `[{}]`", names.join(", ")),
            "write" => "write `create`, `update` or both".to_owned(),
            "insert" | "add" | "post" => "did you mean `create`?".to_owned(),
            "edit" | "patch" | "put" => "did you mean `update`?".to_owned(),
            "remove" => "did you mean `delete`?".to_owned(),
            "get" | "list" | "view" => "did you mean `read`?".to_owned(),
            "trigger" | "run" | "trigger-flow" => "running a flow is `execute`".to_owned(),
            "share" => "Directus' MCP endpoint cannot share; leave it out".to_owned(),
            _ => nearest(word, &names).map_or_else(
                || format!("write {}", super::listed(&names)),
                |near| format!("did you mean `{near}`?"),
            ),
        };
        self.error("unknown-action", &node.span, format!("`{word}` is not an action"), help);
        None
    }

    /// A list of collection patterns.
    pub(crate) fn collections(&mut self, node: &Node) -> Option<CollectionPatterns> {
        self.names(node, Names::Collections).map(CollectionPatterns::new)
    }

    /// A list of patterns of fields, tools or prompts.
    pub(crate) fn patterns(&mut self, node: &Node, names: Names) -> Option<Patterns> {
        self.names(node, names).map(Patterns::new)
    }

    /// The patterns of `redact`: collection, dot, field.
    pub(super) fn field_patterns(&mut self, node: &Node) -> Vec<FieldPattern> {
        let items = self.list(node).unwrap_or_default();
        items.iter().filter_map(|item| self.field_pattern(item)).collect()
    }

    fn field_pattern(&mut self, node: &Node) -> Option<FieldPattern> {
        let text = self.text(node)?;
        if text.starts_with('!') {
            let help = "list what is to be redacted; there is no way to take something out again";
            self.error("pattern", &node.span, "`redact` has no exclusions", help);
            return None;
        }
        let pattern = FieldPattern::new(text);
        if pattern.is_none() {
            let help = format!("write `\"customers.{text}\"`, or `\"*.{text}\"` for all collections");
            let help = if text.contains('.') {
                "write collection, dot, field: `\"customers.ssn\"`".to_owned()
            } else {
                help
            };
            let message = format!("`{text}` does not name a field of a collection");
            self.error("redact-pattern", &node.span, message, help);
            return None;
        }
        self.check_characters(node, text, Names::Fields)?;
        pattern
    }

    fn names(&mut self, node: &Node, names: Names) -> Option<Vec<String>> {
        let items = self.list(node)?;
        let read: Vec<String> = items.iter().filter_map(|item| self.name(item, names)).collect();
        let only_exclusions = !read.is_empty() && read.iter().all(|pattern| pattern.starts_with('!'));
        if only_exclusions && read.len() == items.len() {
            let message = "this list only excludes, so nothing is in it";
            self.error("only-exclusions", &node.span, message, "put `\"*\"` first to start from everything");
        }
        Some(read)
    }

    fn name(&mut self, node: &Node, names: Names) -> Option<String> {
        if node.shape == Shape::Null {
            let help = "write a name, or `\"*\"` with quotes";
            self.error("pattern", &node.span, "this pattern is empty", help);
            return None;
        }
        let text = self.text(node)?;
        let bare = text.strip_prefix('!').unwrap_or(text);
        if bare.is_empty() || bare.starts_with('!') {
            let help = "write a name behind one `!`: `\"!secret_note\"`";
            self.error("pattern", &node.span, format!("`{text}` excludes nothing"), help);
            return None;
        }
        if bare.starts_with('@') && !(names == Names::Collections && bare == CollectionPatterns::JUNCTIONS) {
            let help = "`\"@junctions\"` in `collections` is the only such word";
            self.error("pattern", &node.span, format!("`{bare}` is not known"), help);
            return None;
        }
        self.check_dots(node, bare, names)?;
        if bare != CollectionPatterns::JUNCTIONS {
            self.check_characters(node, bare, names)?;
        }
        Some(text.to_owned())
    }

    /// A dot means a path to people, but an access never has one.
    fn check_dots(&mut self, node: &Node, bare: &str, names: Names) -> Option<()> {
        let Some((head, tail)) = bare.split_once('.') else { return Some(()) };
        let help = match names {
            Names::Tools | Names::Prompts => return Some(()),
            Names::Fields => format!(
                "permit `{head}` here and `{tail}` in a permission for the collection that `{head}` points to"
            ),
            Names::Collections => format!("permit `{head}` here, and list `{tail}` in `fields`"),
        };
        self.error("dotted-name", &node.span, format!("`{bare}` is a path, not a name"), help);
        None
    }

    fn check_characters(&mut self, node: &Node, bare: &str, names: Names) -> Option<()> {
        let also = match names {
            // Pseudo-fields such as `$bytes`.
            Names::Fields => "_-.*$",
            Names::Collections | Names::Tools => "_-.*",
            // A prompt may be called anything.
            Names::Prompts => "_-.*$ ,:;/()'\"#+&=",
        };
        // Controls and invisible characters would make two names look alike.
        let odd = bare.chars().find(|one| !(one.is_alphanumeric() || also.contains(*one)));
        if let Some(odd) = odd {
            let message = format!("`{bare}` cannot be a name: it has `{odd}` in it");
            self.error(
                "pattern",
                &node.span,
                message,
                "only `*` stands for other characters, and a leading `!` excludes",
            );
            return None;
        }
        let unquoted = matches!(node.shape, Shape::Text { quoted: false, .. });
        if unquoted && bare.contains('*') {
            let help = format!("quote it: `\"{}\"`", self.written(&node.span));
            self.error("unquoted-pattern", &node.span, format!("the pattern `{bare}` is not quoted"), help);
            return None;
        }
        Some(())
    }
}

/// Lower-case letters, digits and hyphens, beginning with a letter or digit.
pub(crate) fn is_id(id: &str) -> bool {
    !id.starts_with('-')
        && !id.is_empty()
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
