//! Diagnostics as text for people and as JSON for machines.

use super::{Diagnostic, Severity, Sources};
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet, normalize_untrusted_str};
use serde_json::{Value, json};

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
                let others = one
                    .also
                    .iter()
                    .map(|(span, label)| AnnotationKind::Context.span(span.clone()).label(label.as_str()));
                let snippet = Snippet::source(text).path(one.file.as_str());
                title.element(snippet.annotation(primary).annotations(others))
            }
            _ => title.element(Origin::path(one.file.as_str())),
        };
        match &one.help {
            // It repeats what the file says; all else is made harmless for a terminal by the renderer, this is not.
            Some(help) => group.element(Level::HELP.message(normalize_untrusted_str(help))),
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
