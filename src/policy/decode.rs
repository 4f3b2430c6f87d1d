//! From the tree of a file to typed documents: every problem of a file is reported, none stops the reading.

mod filter;
mod import;
pub(in crate::policy) mod limit;
mod name;
mod object;
pub(in crate::policy) mod role;
pub(in crate::policy) mod rule;
pub(in crate::policy) mod silence;
mod validation;
mod value;

pub(crate) use filter::STRUCTURE as FILTER_STRUCTURE;
pub(crate) use name::Names;
pub(crate) use object::{Mapping, Object};
pub(crate) use role::{guardrails, role};

pub(crate) use validation::{OPERATORS, STRUCTURE as VALIDATION_STRUCTURE};

use super::diagnostic::{Diagnostic, Source, position};
use super::document::Position;
use super::yaml::{Entry, Node, Shape};
use std::ops::Range;

/// Reads the parts of one file and collects what is wrong with them.
///
/// Its methods answer `None` for a part that cannot be used, and have then reported why.
pub(crate) struct Decoder<'a> {
    source: &'a Source,
    problems: Vec<Diagnostic>,
    /// Texts that are read as something else than they are written as, and how they are written.
    spelled: Vec<(String, String)>,
}

impl<'a> Decoder<'a> {
    /// Parses the file; its syntax errors are among the problems.
    pub(crate) fn open(source: &'a Source) -> (Self, Node) {
        let mut problems = Vec::new();
        let root = super::yaml::parse(source, &mut problems);
        (Self { source, problems, spelled: Vec::new() }, root)
    }

    /// All problems, in the order in which they were found.
    pub(crate) fn close(self) -> Vec<Diagnostic> {
        self.problems
    }

    /// The file's name.
    pub(crate) fn file(&self) -> &'a str {
        &self.source.name
    }

    /// Line and column of a part.
    pub(crate) fn at(&self, span: &Range<usize>) -> Position {
        position(&self.source.name, &self.source.text, span.start)
    }

    /// The part as it is written.
    pub(crate) fn written(&self, span: &Range<usize>) -> &'a str {
        self.source.text.get(span.clone()).unwrap_or_default()
    }

    /// Notes that a text is written in another way than it is read: messages repeat it as it is written.
    #[cfg(feature = "gateway")]
    pub(crate) fn spell(&mut self, read: &str, written: &str) {
        if !read.is_empty() {
            self.spelled.push((read.to_owned(), written.to_owned()));
        }
    }

    /// Those texts, as they are read, and as they are written.
    #[cfg(feature = "gateway")]
    pub(crate) fn spelled(&self) -> &[(String, String)] {
        &self.spelled
    }

    fn as_written(&self, message: String) -> String {
        let quoted = |text: &str| format!("`{text}`");
        self.spelled
            .iter()
            .fold(message, |message, (read, written)| message.replace(&quoted(read), &quoted(written)))
    }

    /// Reports an error with what to do about it.
    pub(crate) fn error(
        &mut self,
        code: &'static str,
        span: &Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let (message, help) = (self.as_written(message.into()), self.as_written(help.into()));
        self.report(Diagnostic::error(code, &self.source.name, span.clone(), message).help(help));
    }

    /// Reports a problem.
    pub(crate) fn report(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
    }

    /// Whether the document is of version 1; anything else is reported.
    pub(crate) fn version(&mut self, object: &Object<'_>) {
        let Some(node) = object.required(self, "version", "write `version: 1`") else { return };
        let is_one = matches!(&node.shape, Shape::Number(number) if number.as_u64() == Some(1));
        if !is_one && node.shape != Shape::Broken {
            let written = self.written(&node.span);
            let message = format!("version `{written}` is not known to this Warrener");
            self.error("version", &node.span, message, "write `version: 1`");
        }
    }

    /// A text that is not empty.
    pub(crate) fn text<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        match &node.shape {
            Shape::Text { text, .. } if text.trim().is_empty() => {
                self.error("empty", &node.span, "this text is empty", "write a text, or leave the key out");
                None
            }
            Shape::Text { text, .. } => Some(text),
            Shape::Broken => None,
            Shape::Bool(_) | Shape::Number(_) => {
                let help = format!("quote it: `\"{}\"`", self.written(&node.span));
                self.expected(node, "text", &help);
                None
            }
            Shape::Null | Shape::List(_) | Shape::Map(_) => {
                self.expected(node, "text", "write a text");
                None
            }
        }
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self, node: &Node) -> Option<bool> {
        match &node.shape {
            Shape::Bool(value) => Some(*value),
            Shape::Text { text, .. } => {
                let meant = match text.to_ascii_lowercase().as_str() {
                    "yes" | "on" | "y" | "true" => "write `true`",
                    "no" | "off" | "n" | "false" => "write `false`",
                    _ => "write `true` or `false`",
                };
                self.expected(node, "`true` or `false`", meant);
                None
            }
            Shape::Broken => None,
            Shape::Null | Shape::Number(_) | Shape::List(_) | Shape::Map(_) => {
                self.expected(node, "`true` or `false`", "write `true` or `false`");
                None
            }
        }
    }

    /// A whole number from `least` to `most`.
    pub(crate) fn whole(&mut self, node: &Node, least: u64, most: u64) -> Option<u64> {
        let number = match &node.shape {
            Shape::Number(number) => number.as_u64().filter(|number| (least..=most).contains(number)),
            Shape::Broken => return None,
            Shape::Null | Shape::Bool(_) | Shape::Text { .. } | Shape::List(_) | Shape::Map(_) => None,
        };
        if number.is_none() {
            let help = format!("write a whole number from {least} to {most}");
            let message = format!("`{}` is not a number that can stand here", self.written(&node.span));
            self.error("number", &node.span, message, help);
        }
        number
    }

    /// The items of a list.
    pub(crate) fn list<'n>(&mut self, node: &'n Node) -> Option<&'n [Node]> {
        match &node.shape {
            Shape::List(items) => Some(items),
            Shape::Broken => None,
            Shape::Text { .. } | Shape::Number(_) => {
                let help = format!("write `[{}]`", self.written(&node.span));
                self.expected(node, "a list", &help);
                None
            }
            Shape::Null | Shape::Bool(_) | Shape::Map(_) => {
                self.expected(node, "a list", "write a list; `[]` is nothing");
                None
            }
        }
    }

    /// The texts of a list, with where they stand.
    pub(crate) fn texts(&mut self, node: &Node) -> Option<Vec<(String, Range<usize>)>> {
        let items = self.list(node)?;
        Some(items.iter().filter_map(|item| Some((self.text(item)?.to_owned(), item.span.clone()))).collect())
    }

    /// The entries of a mapping whose keys are free.
    pub(crate) fn entries<'n>(&mut self, node: &'n Node) -> Option<&'n [Entry]> {
        match &node.shape {
            Shape::Map(entries) => Some(entries),
            Shape::Broken => None,
            Shape::Null | Shape::Bool(_) | Shape::Number(_) | Shape::Text { .. } | Shape::List(_) => {
                self.expected(node, "a mapping", "write `key: value`");
                None
            }
        }
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(&mut self, node: &Node, what: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text(node)?;
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let help = match nearest(text, &words) {
            Some(word) => format!("did you mean `{word}`?"),
            None => format!("write {}", listed(&words)),
        };
        self.error("unknown-word", &node.span, format!("`{text}` is not {what}"), help);
        None
    }

    /// Reports that a part is of another kind than it has to be.
    pub(crate) fn expected(&mut self, node: &Node, what: &str, help: &str) {
        if node.shape != Shape::Broken {
            self.error("type", &node.span, format!("expected {what}, found {}", node.kind()), help);
        }
    }
}

/// The word that was probably meant.
pub(crate) fn nearest<'w>(written: &str, words: &[&'w str]) -> Option<&'w str> {
    let written = written.to_lowercase();
    let distance = |word: &str| strsim::damerau_levenshtein(&written, word);
    let best = words.iter().copied().min_by_key(|word| distance(word))?;
    let bearable = 1.max(best.chars().count() / 3).min(3);
    (distance(best) <= bearable).then_some(best)
}

/// `a`, `b` or `c`.
pub(crate) fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}
