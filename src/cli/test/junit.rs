//! The results in the XML that `JUnit` began with, which build servers show.

use super::results::{Results, Suite, Tested};
use crate::audit::escape::escape;
use std::fmt::{self, Display, Formatter, Write as _};

/// The results as a document. A coverage that is asked for is a test of its own, so that a build server shows why it failed.
pub(super) struct Report<'r>(pub(super) &'r Results);

impl Display for Report<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(results) = self;
        let covered = &results.covered;
        let (tests, failures) = (results.count(), results.failed());
        let (more, worse) = (usize::from(covered.least.is_some()), usize::from(!covered.is_enough()));
        writeln!(f, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
        let counts = counts(tests + more, failures + worse);
        writeln!(f, r#"<testsuites name="warrener test" {counts}>"#)?;
        results.suites.iter().try_for_each(|suite| write_suite(suite, f))?;
        if let Some(least) = covered.least {
            writeln!(f, r#"  <testsuite name="coverage" {} skipped="0">"#, self::counts(1, worse))?;
            write!(f, r#"    <testcase classname="coverage" name="at least {least} %" time="0""#)?;
            if covered.is_enough() {
                writeln!(f, "/>")?;
            } else {
                let untouched: Vec<String> =
                    covered.untouched().map(|rule| format!("not touched: {rule}")).collect();
                write_failure("coverage", &covered.line(), &untouched, f)?;
            }
            writeln!(f, "  </testsuite>")?;
        }
        writeln!(f, "</testsuites>")
    }
}

fn counts(tests: usize, failures: usize) -> String {
    format!(r#"tests="{tests}" failures="{failures}" errors="0" time="0""#)
}

fn write_suite(suite: &Suite, f: &mut Formatter<'_>) -> fmt::Result {
    let counts = counts(suite.tests.len(), suite.failures().count());
    writeln!(f, r#"  <testsuite name="{}" {counts} skipped="0">"#, Text(&suite.file))?;
    for Tested { name, line, failed } in &suite.tests {
        let (role, shown) = (Text(&suite.role), Text(name));
        write!(f, r#"    <testcase classname="{role}" name="{shown}" time="0""#)?;
        match failed {
            None => writeln!(f, "/>")?,
            Some(failed) => {
                let lines = [
                    format!("{}:{line}", suite.file),
                    format!("expected  {}", failed.expected),
                    format!("came      {}", failed.came),
                ];
                write_failure("expectation", &format!("expected {}", failed.expected), &lines, f)?;
            }
        }
    }
    writeln!(f, "  </testsuite>")
}

/// What goes into a test case that failed, and its end.
fn write_failure(kind: &str, message: &str, lines: &[String], f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, ">\n      <failure type=\"{kind}\" message=\"{}\">", Text(message))?;
    for line in lines {
        write!(f, "\n{}", Text(line))?;
    }
    writeln!(f, "\n      </failure>\n    </testcase>")
}

/// A text in an attribute in double quotes, or between tags. What XML cannot hold is shown as it is on a terminal.
struct Text<'t>(&'t str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for character in escape(self.0).chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\u{fffe}' | '\u{ffff}' => write!(f, "\\u{{{:x}}}", u32::from(character))?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_a_text() {
        for (text, written) in [
            ("plain é 🐇", "plain é 🐇"),
            ("a<b> & \"c\" ]]>", "a&lt;b&gt; &amp; &quot;c&quot; ]]&gt;"),
            ("&amp;", "&amp;amp;"),
            ("a\u{0}b\u{1b}[2J\n", "a\\u{0}b\\u{1b}[2J\\u{a}"),
            ("\u{fffe}\u{ffff}\u{fffd}", "\\u{fffe}\\u{ffff}\u{fffd}"),
        ] {
            assert_eq!(Text(text).to_string(), written);
        }
    }
}
