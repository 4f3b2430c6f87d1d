//! Events of the parser, put together to a tree.
#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser may get new events; each is refused where a node is wanted"
)]

use super::scalar;
use super::{Entry, Node, Shape};
use crate::policy::diagnostic::{Diagnostic, Source};
use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

/// How deep lists and mappings may be nested; far more than a policy needs, far less than a stack bears.
const DEPTH: usize = 64;

pub(super) fn compose(source: &Source, problems: &mut Vec<Diagnostic>) -> Node {
    let mut options = granit_parser::options! {
        disallow_directives: true,
        emit_unresolved_aliases: true,
        emit_anchor_events: true,
        flow_nesting_limit: DEPTH,
        block_nesting_limit: DEPTH,
    };
    options.set_emit_comments(false);
    let parser = Parser::new_from_str_with_options(&source.text, options);
    Composer { parser, source, problems, place: 0, cut_off: false }.stream()
}

struct Composer<'a, 'p> {
    parser: Parser<'a, StrInput<'a>>,
    source: &'a Source,
    problems: &'p mut Vec<Diagnostic>,
    /// Where the last event ended, for what has no place of its own.
    place: usize,
    /// A syntax error ended the reading: what was read so far is not the whole file.
    cut_off: bool,
}

impl<'a> Composer<'a, '_> {
    fn stream(&mut self) -> Node {
        let mut document = None;
        while let Some((event, span)) = self.event() {
            match event {
                Event::DocumentStart(..) if document.is_some() => {
                    let message = "a second document begins here, and would be ignored";
                    self.error("yaml-documents", self.range(&span), message, "keep one document in a file");
                    break;
                }
                Event::StreamEnd => break,
                Event::Anchor(..) => self.anchor(self.range(&span)),
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event => document = Some(self.node(event, &span)),
            }
        }
        // Reporting what is missing from half a file would be noise.
        let shape = if self.cut_off { Shape::Broken } else { Shape::Null };
        document.filter(|_| !self.cut_off).unwrap_or(Node { shape, span: 0..0 })
    }

    /// The next event; `None` at the end, or after a syntax error, which has then been reported.
    fn event(&mut self) -> Option<(Event<'a>, Span)> {
        match self.parser.next_event()? {
            Ok((event, span)) => {
                self.place = self.range(&span).end;
                Some((event, span))
            }
            Err(error) => {
                let problem = self.syntax(&error);
                self.problems.push(problem);
                self.cut_off = true;
                None
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: &Span) -> Node {
        let range = self.range(span);
        match event {
            Event::Scalar(text, style, _, tag) => {
                let shape = self.scalar(&text, style, &range);
                self.tagged(tag.as_ref(), span, Node { shape, span: range })
            }
            Event::SequenceStart(_, _, tag) => {
                let node = self.list(range);
                self.tagged(tag.as_ref(), span, node)
            }
            Event::MappingStart(_, _, tag) => {
                let node = self.map(range);
                self.tagged(tag.as_ref(), span, node)
            }
            // Where nothing has that anchor, a pattern was meant.
            Event::UnresolvedAlias(_) => self.alias(range, quote),
            Event::Alias(_) => self.alias(range, |_| "write the value out where it is needed".to_owned()),
            Event::Anchor(..) => {
                self.anchor(range.clone());
                Node { shape: Shape::Broken, span: range }
            }
            // Ends are taken by whoever took the start.
            _ => Node { shape: Shape::Broken, span: range },
        }
    }

    fn alias(&mut self, range: Range<usize>, help: fn(&str) -> String) -> Node {
        let written = self.written(&range);
        let message = format!("`{written}` is a YAML alias, which is not used here");
        self.error("yaml-alias", range.clone(), message, help(&written));
        Node { shape: Shape::Broken, span: range }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, range: &Range<usize>) -> Shape {
        if style != ScalarStyle::Plain {
            return Shape::Text { text: text.to_owned(), quoted: true };
        }
        scalar::plain(text).unwrap_or_else(|ambiguous| {
            let message = format!("`{text}` {}", ambiguous.message);
            self.error("yaml-number", range.clone(), message, ambiguous.help);
            Shape::Broken
        })
    }

    fn list(&mut self, start: Range<usize>) -> Node {
        let mut items = Vec::new();
        while let Some((event, span)) = self.event() {
            match event {
                Event::SequenceEnd => break,
                Event::Anchor(..) => self.anchor(self.range(&span)),
                event => items.push(self.node(event, &span)),
            }
        }
        let end = items.last().map_or(start.end, |last: &Node| last.span.end).max(self.closed(']'));
        Node { shape: Shape::List(items), span: start.start..end.max(start.end) }
    }

    fn map(&mut self, start: Range<usize>) -> Node {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: BTreeMap<String, Range<usize>> = BTreeMap::new();
        while let Some((event, span)) = self.event() {
            match event {
                Event::MappingEnd => break,
                Event::Anchor(..) => self.anchor(self.range(&span)),
                event => {
                    let key = self.key(event, &span);
                    let value = self.value();
                    if let Some((key, key_span)) = key.filter(|(key, span)| self.is_new(&mut seen, key, span))
                    {
                        entries.push(Entry { key, key_span, value });
                    }
                }
            }
        }
        let end = entries.last().map_or(start.end, |last| last.value.span.end).max(self.closed('}'));
        Node { shape: Shape::Map(entries), span: start.start..end.max(start.end) }
    }

    /// The end of what was just closed with a bracket; 0 where it was closed by indentation.
    fn closed(&self, bracket: char) -> usize {
        let before = self.source.text.get(..self.place).unwrap_or_default();
        if before.ends_with(bracket) { self.place } else { 0 }
    }

    /// The value of an entry; an anchor may come before it, and is reported.
    fn value(&mut self) -> Node {
        let here = self.place;
        loop {
            match self.event() {
                Some((Event::Anchor(..), span)) => self.anchor(self.range(&span)),
                Some((event, span)) => return self.node(event, &span),
                None => return Node { shape: Shape::Broken, span: here..here },
            }
        }
    }

    fn key(&mut self, event: Event<'a>, span: &Span) -> Option<(String, Range<usize>)> {
        let range = self.range(span);
        let plain = matches!(event, Event::Scalar(_, ScalarStyle::Plain, _, _));
        let Event::Scalar(text, _, _, None) = event else {
            let node = self.node(event, span);
            if node.shape != Shape::Broken {
                self.error("yaml-key", node.span, "a key has to be a plain word", "write `key: value`");
            }
            return None;
        };
        let text = text.into_owned();
        if plain && text == "<<" {
            let message = "`<<` is a YAML merge key, which is not used here";
            self.error("yaml-merge", range, message, "write the entries out");
            return None;
        }
        Some((text, range))
    }

    fn is_new(&mut self, seen: &mut BTreeMap<String, Range<usize>>, key: &str, span: &Range<usize>) -> bool {
        if let Some(first) = seen.get(key) {
            let problem = Diagnostic::error(
                "duplicate-key",
                &self.source.name,
                span.clone(),
                format!("`{key}` is given twice"),
            );
            self.problems
                .push(problem.also(first.clone(), "first given here").help("keep one of them, or join them"));
            return false;
        }
        seen.insert(key.to_owned(), span.clone());
        true
    }

    fn tagged(&mut self, tag: Option<&Cow<'a, Tag>>, span: &Span, node: Node) -> Node {
        if tag.is_none() {
            return node;
        }
        let start = span.tag_span().map_or(node.span.clone(), |tag| self.range(&tag));
        let written = self.written(&start);
        let message = format!("`{written}` is a YAML tag, not text");
        let rest = self.written(&node.span);
        let whole = if start.end <= node.span.start && !rest.is_empty() {
            format!("{written} {rest}")
        } else {
            written
        };
        self.error("yaml-tag", start, message, quote(&whole));
        Node { shape: Shape::Broken, span: node.span }
    }

    fn anchor(&mut self, range: Range<usize>) {
        let written = self.written(&range);
        let message = format!("`{written}` is a YAML anchor, which is not used here");
        self.error("yaml-anchor", range, message, "write the value out where it is needed");
    }

    fn syntax(&self, error: &ScanError) -> Diagnostic {
        let length = self.source.text.len();
        let start = error.marker().byte_offset().unwrap_or(length).min(length);
        let next = self.source.text.get(start..).and_then(|rest| rest.chars().next());
        let end = start + next.map_or(0, char::len_utf8);
        let message = format!("this is not YAML: {}", error.info());
        let problem = Diagnostic::error("yaml-syntax", &self.source.name, start..end, message);
        match next {
            Some('@' | '`' | '*' | '&' | '!' | '%') => {
                let word = self.source.text.get(start..).unwrap_or_default();
                let word = word.split([',', ']', '}', '\n', ' ']).next().unwrap_or_default();
                problem.help(quote(word))
            }
            _ if problem.message.contains("tab") => problem.help("indent with spaces"),
            _ => problem,
        }
    }

    fn error(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.push(Diagnostic::error(code, &self.source.name, span, message).help(help));
    }

    fn range(&self, span: &Span) -> Range<usize> {
        let length = self.source.text.len();
        let range = span.byte_range().unwrap_or(length..length);
        range.start.min(length)..range.end.min(length)
    }

    fn written(&self, range: &Range<usize>) -> String {
        self.source.text.get(range.clone()).unwrap_or_default().to_owned()
    }
}

fn quote(written: &str) -> String {
    format!("quote it: `\"{written}\"`")
}
