//! What came of the tests, for people and for programs.

use crate::audit::escape::escape;
use crate::cli::folder::{Folder, TestFile};
use crate::directus::SchemaSnapshot;
use crate::policy::PolicySet;
use crate::policy::case::CaseFile;
use crate::policy::coverage::Coverage;
use crate::policy::run_case::Failed;
use serde_json::{Value, json};
use std::io::{self, Write};

/// What came of all tests.
#[derive(Debug)]
pub(super) struct Results {
    pub(super) suites: Vec<Suite>,
    pub(super) covered: Covered,
}

/// What came of one file.
#[derive(Debug)]
pub(super) struct Suite {
    /// Where it stands, for people.
    pub(super) file: String,
    pub(super) role: String,
    pub(super) tests: Vec<Tested>,
}

/// What came of one test.
#[derive(Debug)]
pub(super) struct Tested {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) failed: Option<Failed>,
}

/// How many rules decided in the tests, and which did not.
#[derive(Debug)]
pub(super) struct Covered {
    total: usize,
    touched: usize,
    percent: usize,
    untouched: Vec<Untouched>,
    /// The share that is asked for.
    pub(super) least: Option<u8>,
}

#[derive(Debug)]
struct Untouched {
    rule: String,
    file: String,
    line: usize,
}

impl Suite {
    pub(super) fn run(
        file: &TestFile,
        tests: &CaseFile,
        set: &PolicySet,
        schema: Option<&SchemaSnapshot>,
        coverage: &mut Coverage<'_>,
    ) -> Self {
        let test = |case| {
            let ran = tests.run(case, set, schema);
            coverage.touch(&ran.touched);
            Tested { name: case.name.clone(), line: case.at.line, failed: ran.result.err() }
        };
        let tested = tests.tests.iter().map(test).collect();
        Self { file: file.shown.clone(), role: tests.role.clone(), tests: tested }
    }

    pub(super) fn failures(&self) -> impl Iterator<Item = (&Tested, &Failed)> {
        self.tests.iter().filter_map(|test| Some((test, test.failed.as_ref()?)))
    }
}

impl Covered {
    pub(super) fn new(coverage: &Coverage<'_>, folder: &Folder, least: Option<u8>) -> Self {
        let untouched = coverage.untouched().map(|rule| Untouched {
            rule: rule.name.clone(),
            file: folder.shown(&rule.at.file),
            line: rule.at.line,
        });
        Self {
            total: coverage.total(),
            touched: coverage.touched(),
            percent: coverage.percent(),
            untouched: untouched.collect(),
            least,
        }
    }

    /// Whether as much is touched as is asked for. It is not the rounded share that is compared.
    pub(super) fn is_enough(&self) -> bool {
        self.least.is_none_or(|least| self.touched * 100 >= usize::from(least) * self.total)
    }

    /// How much is touched, in a line.
    pub(super) fn line(&self) -> String {
        let Self { total, touched, percent, .. } = self;
        let enough = match self.least.filter(|_| !self.is_enough()) {
            Some(least) => format!(", less than the {least} % that are asked for"),
            None => String::new(),
        };
        format!("coverage: {touched} of {total} rules ({percent} %){enough}")
    }

    /// The rules that no test touched, each with where it stands.
    pub(super) fn untouched(&self) -> impl Iterator<Item = String> {
        self.untouched.iter().map(|Untouched { rule, file, line }| format!("{rule} ({file}:{line})"))
    }

    fn to_json(&self) -> Value {
        let untouched = self.untouched.iter();
        let untouched = untouched.map(|one| json!({ "rule": one.rule, "file": one.file, "line": one.line }));
        json!({
            "rules": self.total, "touched": self.touched, "percent": self.percent,
            "min_percent": self.least, "not_touched": untouched.collect::<Vec<_>>(),
        })
    }
}

impl Results {
    pub(super) fn count(&self) -> usize {
        self.suites.iter().map(|suite| suite.tests.len()).sum()
    }

    pub(super) fn failed(&self) -> usize {
        self.suites.iter().map(|suite| suite.failures().count()).sum()
    }

    /// Whether everything came as it is expected and asked for.
    pub(super) fn are_well(&self) -> bool {
        self.failed() == 0 && self.covered.is_enough()
    }

    /// The rules that no test touched are named where they are wanted, or missed.
    pub(super) fn for_people(&self, names_untouched: bool, out: &mut dyn Write) -> io::Result<()> {
        for suite in &self.suites {
            for (test, failed) in suite.failures() {
                writeln!(out, "{}:{}: {}", escape(&suite.file), test.line, escape(&test.name))?;
                writeln!(out, "  expected  {}", escape(&failed.expected))?;
                writeln!(out, "  came      {}\n", escape(&failed.came))?;
            }
        }
        writeln!(out, "{} passed, {} failed", self.count() - self.failed(), self.failed())?;
        writeln!(out, "{}", self.covered.line())?;
        if names_untouched || !self.covered.is_enough() {
            for rule in self.covered.untouched() {
                writeln!(out, "  not touched: {}", escape(&rule))?;
            }
        }
        Ok(())
    }

    pub(super) fn to_json(&self) -> Value {
        let failures = self.suites.iter().flat_map(|suite| {
            suite.failures().map(|(test, failed)| {
                json!({
                    "file": suite.file, "line": test.line, "name": test.name,
                    "expected": failed.expected, "came": failed.came,
                })
            })
        });
        json!({
            "passed": self.count() - self.failed(), "failed": self.failed(),
            "failures": failures.collect::<Vec<_>>(), "coverage": self.covered.to_json(),
        })
    }
}
