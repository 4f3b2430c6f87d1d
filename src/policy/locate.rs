//! Where a rule stands that a decision or the trail names, such as `content-editor/no-content-deletes`.

use super::diagnostic::{Source, position};
use super::yaml::{self, Entry, Node, Shape};
use std::ops::Range;

/// The lists of a policy file whose entries have an `id`.
const LISTS: [&str; 3] = ["permissions", "forbid", "limits"];

/// A rule in the text of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulePlace {
    /// The file's name.
    pub file: String,
    /// The line that it begins in, from 1; `None` where the rule is that the file says nothing (`ROLE/-`).
    pub line: Option<usize>,
    /// Its text, without the indentation that it has in the file.
    pub text: String,
}

/// Looks for `ROLE/ID`, `guardrails/ID`, `ROLE/-`, or a key of the file such as `ROLE/redact`; `None` where there is no such
/// file, or no such rule in it.
///
/// ```
/// use warrener::policy::locate::locate;
///
/// let sources = warrener::policy::set::built_in_sources();
/// let place = locate(&sources, "content-editor/no-content-deletes").ok_or("it is not there")?;
/// assert_eq!(place.file, "content-editor.yaml");
/// assert!(place.text.starts_with("- id: no-content-deletes\n"));
/// # Ok::<(), &str>(())
/// ```
pub fn locate(sources: &[Source], rule: &str) -> Option<RulePlace> {
    let (owner, id) = rule.split_once('/')?;
    let source = sources.iter().find(|source| source.name.strip_suffix(".yaml") == Some(owner))?;
    let file = source.name.clone();
    if id == "-" {
        return Some(RulePlace { file, line: None, text: String::new() });
    }
    let span = find(&yaml::parse(source, &mut Vec::new()), id)?;
    let line = position(&file, &source.text, span.start).line;
    Some(RulePlace { file, line: Some(line), text: excerpt(&source.text, &span) })
}

fn find(root: &Node, id: &str) -> Option<Range<usize>> {
    let Shape::Map(entries) = &root.shape else { return None };
    let listed = LISTS.iter().filter_map(|key| value(entries, key)).find_map(|list| listed(list, id));
    listed.or_else(|| {
        let entry = entries.iter().find(|entry| entry.key == id)?;
        Some(entry.key_span.start..entry.value.span.end)
    })
}

fn listed(list: &Node, id: &str) -> Option<Range<usize>> {
    let Shape::List(rules) = &list.shape else { return None };
    let named = |rule: &&Node| match &rule.shape {
        Shape::Map(entries) => value(entries, "id")
            .is_some_and(|node| matches!(&node.shape, Shape::Text { text, .. } if text == id)),
        Shape::Null
        | Shape::Bool(_)
        | Shape::Number(_)
        | Shape::Text { .. }
        | Shape::List(_)
        | Shape::Broken => false,
    };
    rules.iter().find(named).map(|rule| rule.span.clone())
}

fn value<'n>(entries: &'n [Entry], key: &str) -> Option<&'n Node> {
    entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
}

/// The whole lines of the span, moved to the left margin.
fn excerpt(text: &str, span: &Range<usize>) -> String {
    let before = text.get(..span.start).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let rest = text.get(start..).unwrap_or_default();
    let length = span.end.saturating_sub(start);
    let end = rest.get(length..).and_then(|rest| rest.find('\n')).map_or(rest.len(), |at| length + at);
    let lines = rest.get(..end).unwrap_or_default().trim_end();
    let margin = lines.len() - lines.trim_start().len();
    let moved = lines.lines().map(|line| line.get(margin..).unwrap_or(line.trim_start()));
    moved.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "version: 1
role: desk
permissions:
  - {id: inline, collections: [a], actions: [read]}
  - collections: [b]   # the id need not come first
    id: later
    actions: [read]
redact:
  - a.secret
limits:
  - id: calls
    rate: 1/s
";

    #[test]
    fn finds_rules_by_the_names_that_decisions_have() {
        let sources = [Source::new("desk.yaml", ROLE)];
        for (rule, expected) in [
            ("desk/inline", Some((Some(4), "- {id: inline, collections: [a], actions: [read]}"))),
            (
                "desk/later",
                Some((
                    Some(5),
                    "- collections: [b]   # the id need not come first\n  id: later\n  actions: [read]",
                )),
            ),
            ("desk/redact", Some((Some(8), "redact:\n  - a.secret"))),
            ("desk/calls", Some((Some(11), "- id: calls\n  rate: 1/s"))),
            ("desk/-", Some((None, ""))),
            ("desk/gone", None),
            ("other/-", None),
            ("protocol", None),
        ] {
            let expected = expected.map(|(line, text): (Option<usize>, &str)| RulePlace {
                file: "desk.yaml".to_owned(),
                line,
                text: text.to_owned(),
            });
            assert_eq!(locate(&sources, rule), expected, "{rule}");
        }
    }

    #[test]
    fn a_file_that_is_broken_is_no_reason_to_stop() {
        for text in ["", "permissions: [", "permissions: 5", "- a", "permissions:\n  - id: [later]\n"] {
            assert_eq!(locate(&[Source::new("desk.yaml", text)], "desk/later"), None, "{text}");
        }
    }
}
