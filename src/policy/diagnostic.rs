//! What is wrong with a policy or a configuration file: all of it at once, with file, line, column, caret and help.

mod github;
mod render;
mod sarif;

use super::check::lint::Lint;
use super::document::Position;
use crate::mcp::shown::line;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// One problem of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the file can be used all the same.
    pub severity: Severity,
    /// Names the kind of problem, for machines; lower case, with hyphens. That of a warning is a [`Lint`]'s.
    pub code: &'static str,
    /// What is wrong, in a sentence; lower case, without a period.
    pub message: String,
    /// The file's name.
    pub file: String,
    /// Where it is wrong, in bytes of the file; `None` where the whole file is meant, or where there is none.
    pub span: Option<Range<usize>>,
    /// What stands under the caret; may be empty.
    pub label: String,
    /// Other places that explain it, with what they are.
    pub also: Vec<(Range<usize>, String)>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Something that keeps the file from being used.
    pub fn error(code: &'static str, file: &str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: line(&message.into()),
            file: file.to_owned(),
            span: Some(span),
            label: String::new(),
            also: Vec::new(),
            help: None,
        }
    }

    /// Something that is probably not meant.
    pub fn warning(lint: Lint, file: &str, span: Option<Range<usize>>, message: impl Into<String>) -> Self {
        let severity = Severity::Warning;
        Self { severity, span, ..Self::file_error(lint.name(), file, message) }
    }

    /// An error of a whole file, or of a file that is missing.
    pub fn file_error(code: &'static str, file: &str, message: impl Into<String>) -> Self {
        Self { span: None, ..Self::error(code, file, 0..0, message) }
    }

    /// With what to do about it.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(line(&help.into()));
        self
    }

    /// With a word under the caret.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = line(&label.into());
        self
    }

    /// With another place that explains it.
    pub fn also(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.also.push((span, line(&label.into())));
        self
    }
}

/// Whether a file with the problem can be used all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, but probably does something else than was meant.
    Warning,
}

impl Severity {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// One file as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its name within the folder, such as `reader.yaml`.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl Source {
    /// A file of that name and text.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into() }
    }
}

/// The texts that diagnostics point into, by the file's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    texts: BTreeMap<String, String>,
}

impl Sources {
    /// The texts of these files.
    pub fn new<'a>(sources: impl IntoIterator<Item = &'a Source>) -> Self {
        let texts = sources.into_iter().map(|source| (source.name.clone(), source.text.clone()));
        Self { texts: texts.collect() }
    }

    /// The text of a file.
    pub fn text(&self, file: &str) -> Option<&str> {
        self.texts.get(file).map(String::as_str)
    }

    /// Every file and its text, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts.iter().map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// The word that stands at a place, in bytes of its file; `None` where the file has no such place.
    pub fn span_at(&self, at: &Position) -> Option<Range<usize>> {
        let text = self.text(&at.file)?;
        let before: usize = text.split_inclusive('\n').take(at.line.checked_sub(1)?).map(str::len).sum();
        let line = text.get(before..)?;
        let start = before + line.chars().take(at.column.checked_sub(1)?).map(char::len_utf8).sum::<usize>();
        let word = text.get(start..)?;
        let length = word.find([' ', ',', '}', ']', '\n', '\r']).unwrap_or(word.len());
        Some(start..start + length)
    }

    /// From where to where a problem reaches; `None` for one of a whole file.
    pub(crate) fn region(&self, one: &Diagnostic) -> Option<Region> {
        let span = one.span.as_ref()?;
        let text = self.text(&one.file)?;
        let (start, end) = (position(&one.file, text, span.start), position(&one.file, text, span.end));
        Some(Region { line: start.line, column: start.column, end_line: end.line, end_column: end.column })
    }

    /// Line and column of a place in a file.
    pub fn position(&self, file: &str, offset: usize) -> Position {
        position(file, self.text(file).unwrap_or_default(), offset)
    }
}

/// A part of a file, counted from 1 in lines and characters; its end is the first character that is no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) end_line: usize,
    pub(crate) end_column: usize,
}

/// Line and column of a byte of a text, counted from 1.
pub(crate) fn position(file: &str, text: &str, offset: usize) -> Position {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Position { file: file.to_owned(), line, column }
}

/// All problems of a set of files, with the texts that they point into.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// The problems, in the order of files and lines.
    pub list: Vec<Diagnostic>,
    /// The texts.
    pub sources: Sources,
}

impl Diagnostics {
    /// Problems and the texts that they point into, put into the order of files and lines.
    pub fn new(mut list: Vec<Diagnostic>, sources: Sources) -> Self {
        list.sort_by(|a, b| order(a).cmp(&order(b)));
        Self { list, sources }
    }

    /// These and others, of other files.
    pub fn and(mut self, others: Self) -> Self {
        self.list.extend(others.list);
        self.sources.texts.extend(others.sources.texts);
        Self::new(self.list, self.sources)
    }

    /// The same, of files in that folder.
    pub fn within(mut self, folder: &str) -> Self {
        let placed = |file: &str| format!("{}/{file}", folder.trim_end_matches('/'));
        for one in &mut self.list {
            one.file = placed(&one.file);
        }
        let texts = std::mem::take(&mut self.sources.texts);
        self.sources.texts = texts.into_iter().map(|(name, text)| (placed(&name), text)).collect();
        self
    }

    /// How many of them have that severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.list.iter().filter(|one| one.severity == severity).count()
    }

    /// Whether one of them keeps the files from being used.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|one| one.severity == Severity::Error)
    }

    /// For people: file, line, column, the line itself, a caret and the help, coloured on request.
    pub fn render(&self, coloured: bool) -> String {
        self.sources.render(&self.list, coloured)
    }

    /// For machines: `[{"severity","code","message","file","line","column","help"}]`.
    pub fn to_json(&self) -> serde_json::Value {
        self.sources.to_json(&self.list)
    }
}

/// Files first, then places: problems of a whole file come before those of its lines.
fn order(one: &Diagnostic) -> (&str, usize, usize, Severity) {
    let span = one.span.clone().unwrap_or_default();
    (&one.file, span.start, span.end, one.severity)
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}
