//! Diagnostics as text for people and as JSON for machines.

use super::{Diagnostic, Severity, Sources};
use crate::mcp::shown::{line, steers};
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::ops::Range;

/// Most bytes between the columns of two places that are shown together.
const FAR: usize = 120;

impl Sources {
    /// Renders diagnostics for people, coloured on request, with a blank line between them.
    pub fn render(&self, diagnostics: &[Diagnostic], coloured: bool) -> String {
        let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
        let renderer = renderer.decor_style(DecorStyle::Ascii);
        let mut text = String::new();
        for diagnostic in diagnostics {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&renderer.render(&[self.group(diagnostic)]));
            text.push('\n');
        }
        text
    }

    /// Renders diagnostics for machines: an array with one object for each.
    pub fn to_json(&self, diagnostics: &[Diagnostic]) -> Value {
        diagnostics.iter().map(|one| self.json(one)).collect()
    }

    fn group<'a>(&'a self, one: &'a Diagnostic) -> Group<'a> {
        let level = match one.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(one.message.as_str()).id(one.code);
        let group = match (&one.span, self.text(&one.file)) {
            (Some(span), Some(text)) => {
                let primary = AnnotationKind::Primary.span(span.clone());
                let primary = if one.label.is_empty() { primary } else { primary.label(one.label.as_str()) };
                let snippet = || Snippet::source(harmless(text)).path(line(&one.file));
                let context = |(place, label): &'a (Range<usize>, String)| {
                    AnnotationKind::Context.span(place.clone()).label(label.as_str())
                };
                let (near, far): (Vec<_>, Vec<_>) =
                    one.also.iter().partition(|(place, _)| is_near(text, span, place));
                let group =
                    title.element(snippet().annotation(primary).annotations(near.into_iter().map(context)));
                group.elements(far.into_iter().map(|also| snippet().annotation(context(also))))
            }
            _ => title.element(Origin::path(line(&one.file))),
        };
        match &one.help {
            Some(help) => group.element(Level::HELP.message(help.as_str())),
            None => group,
        }
    }

    fn json(&self, one: &Diagnostic) -> Value {
        let at = one.span.as_ref().map(|span| self.position(&one.file, span.start));
        json!({
            "severity": one.severity.as_str(),
            "code": one.code,
            "message": one.message,
            "file": one.file,
            "line": at.as_ref().map(|at| at.line),
            "column": at.as_ref().map(|at| at.column),
            "help": one.help,
        })
    }
}

/// Whether two places can be shown together: all columns between them are, and a line may be long.
fn is_near(text: &str, one: &Range<usize>, other: &Range<usize>) -> bool {
    let column = |at: usize| {
        let before = text.get(..at).unwrap_or(text);
        before.len() - before.rfind('\n').map_or(0, |end| end + 1)
    };
    let columns = [one.start, one.end, other.start, other.end].map(column);
    columns.iter().max().zip(columns.iter().min()).is_some_and(|(right, left)| right - left <= FAR)
}

/// The text of a file, as long as before, without what a terminal would obey and the renderer lets through: it shows controls of ASCII
/// as pictures, and leaves all others as they are.
fn harmless(text: &str) -> Cow<'_, str> {
    let passes = |one: char| steers(one) && !one.is_ascii_control();
    if !text.contains(passes) {
        return Cow::Borrowed(text);
    }
    let stand_in = |one: char| match one.len_utf8() {
        _ if !passes(one) => one,
        2 => '·',
        3 => char::REPLACEMENT_CHARACTER,
        // For private use, so it is shown as a box.
        _ => '\u{10fffd}',
    };
    Cow::Owned(text.chars().map(stand_in).collect())
}
