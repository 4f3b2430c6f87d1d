//! Diagnostics as workflow commands, which GitHub shows beside the lines of a change.

use super::{Diagnostic, Diagnostics, Severity};
use crate::mcp::shown::line;
use std::fmt::Write as _;

impl Diagnostics {
    /// A line `::warning file=…,line=…,col=…,title=…::…` for each.
    ///
    /// Nothing that a file says can end a line, a property or a command, or begin another command.
    pub fn to_github(&self) -> String {
        let mut text = String::new();
        for one in &self.list {
            text.push_str(&self.command(one));
            text.push('\n');
        }
        text
    }

    fn command(&self, one: &Diagnostic) -> String {
        let name = match one.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let mut command = format!("::{name} file={}", property(&line(&one.file)));
        if let Some(region) = self.sources.region(one) {
            // Writing to a string does not fail.
            let _ = write!(command, ",line={},col={}", region.line, region.column);
            let _ = write!(command, ",endLine={},endColumn={}", region.end_line, region.end_column);
        }
        let help = one.help.as_ref().map(|help| format!("\nhelp: {help}")).unwrap_or_default();
        let _ = write!(command, ",title={}::{}", property(one.code), data(&format!("{}{help}", one.message)));
        command
    }
}

/// What stands behind the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::diagnostic::{Source, Sources};

    #[test]
    fn nothing_that_is_written_ends_a_command() {
        for odd in [
            "\n::error::x",
            "\r\n##[group]x",
            "%0A::set-output name=a::b",
            ",line=9",
            "::",
            "\u{1b}[2J",
            "\u{202e}",
        ] {
            let file = format!("a{odd}.yaml");
            let source = Source::new(file.clone(), "x: 1\n");
            let one = Diagnostic::error("code", &file, 0..1, format!("`{odd}` is odd")).help(odd);
            let text = Diagnostics::new(vec![one], Sources::new([&source])).to_github();
            assert_eq!(text.lines().count(), 1, "{text}");
            let (head, said) = text.trim_end().strip_prefix("::error ").unwrap().split_once("::").unwrap();
            let names: Vec<&str> = head.split(',').map(|part| part.split('=').next().unwrap()).collect();
            assert_eq!(names, ["file", "line", "col", "endLine", "endColumn", "title"], "{text}");
            assert!(
                !head.contains(['\r', '\n', '\u{1b}', '\u{202e}'])
                    && !said.contains(['\r', '\u{1b}', '\u{202e}'])
            );
            // Each percent sign of ours begins one of the five escapes.
            let escapes = ["25", "0D", "0A", "3A", "2C"];
            assert!(
                text.split('%').skip(1).all(|rest| escapes.iter().any(|one| rest.starts_with(one))),
                "{text}"
            );
            assert!(!said.contains("%0A::"), "{text}");
        }
    }
}
