//! Files of tests, decoded: a table becomes a test for each of its rows.

use super::blank::{Blanks, Fixtures, Place, fill, shown};
use super::{Case, CaseFile, CaseRequest, Expectation, Listed};
use crate::directus::Dialect;
use crate::policy::decode::{Decoder, Mapping, Object};
use crate::policy::document::Position;
use crate::policy::yaml::{Entry, Node, Shape};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::ops::Range;

pub(in crate::policy) const FILE: Mapping = Mapping {
    name: "a file of tests",
    keys: &["version", "role", "schema", "dialect", "fixtures", "tests"],
    words: &[("cases", "tests"), ("test", "tests"), ("name", "role"), ("fixture", "fixtures")],
};

pub(in crate::policy) const CASE: Mapping = Mapping {
    name: "a test",
    keys: &["name", "call", "list", "raw", "each", "expect"],
    words: &[
        ("id", "name"),
        ("description", "name"),
        ("request", "call"),
        ("body", "raw"),
        ("expected", "expect"),
        ("result", "expect"),
        ("rows", "each"),
        ("table", "each"),
        ("examples", "each"),
        ("fixtures", "it stands at the top of the file"),
        ("tool", "it stands in `call`"),
        ("arguments", "it stands in `call`"),
        ("deny", "write `expect: {deny: forbidden}`"),
        ("permit", "write `expect: permit`"),
    ],
};

pub(in crate::policy) const CALL: Mapping = Mapping {
    name: "a call",
    keys: &["tool", "arguments", "query_string"],
    words: &[
        ("name", "tool"),
        ("args", "arguments"),
        ("input", "arguments"),
        ("params", "arguments"),
        ("query", "query_string"),
        ("action", "it stands in `arguments`"),
        ("collection", "it stands in `arguments`"),
        ("data", "it stands in `arguments`"),
        ("keys", "it stands in `arguments`"),
    ],
};

const LISTS: &[(&str, Listed)] = &[("tools", Listed::Tools), ("prompts", Listed::Prompts)];

const DIALECTS: &[(&str, Dialect)] =
    &[(Dialect::BuiltIn.as_str(), Dialect::BuiltIn), (Dialect::Local.as_str(), Dialect::Local)];

/// What tests ask and expect, before a row is filled in.
struct Template<'n> {
    name: &'n str,
    request: CaseRequest,
    expect: Option<Expectation>,
    asked: BTreeMap<String, Range<usize>>,
}

/// Where each name of a file stands first.
type Names = BTreeMap<String, Position>;

impl Decoder<'_> {
    pub(super) fn case_file(&mut self, root: &Node) -> Option<CaseFile> {
        let object = self.object(root, &FILE)?;
        self.version(&object);
        let stem = self.file().strip_suffix(".test.yaml").unwrap_or(self.file()).to_owned();
        let role = object.get("role").and_then(|node| self.text(node)).map_or(stem, str::to_owned);
        let schema = object.get("schema").and_then(|node| self.text(node)).map(str::to_owned);
        let dialect = object.get("dialect").and_then(|node| self.choice(node, "a dialect", DIALECTS));
        let fixtures = object.get("fixtures").map(|node| self.fixtures(node)).unwrap_or_default();
        let tests = object.required(self, "tests", "list them; `[]` is none");
        let items = tests.and_then(|node| self.list(node)).unwrap_or_default();
        let mut names = Names::new();
        let tests = items.iter().flat_map(|item| self.cases(item, &fixtures, &mut names)).collect();
        Some(CaseFile { role, schema, dialect: dialect.unwrap_or_default(), tests })
    }

    /// One test, or one for each row.
    fn cases(&mut self, node: &Node, fixtures: &Fixtures, names: &mut Names) -> Vec<Case> {
        let Some(object) = self.object(node, &CASE) else { return Vec::new() };
        let table = object.entry("each");
        let place = if table.is_some() { Place::Table } else { Place::Alone };
        let mut blanks = Blanks::new(fixtures, place);
        let name = object.required(self, "name", "say what it shows: `name: cannot delete articles`");
        let text = name.and_then(|name| self.text(name));
        let at = name.map_or(object.head(), |name| name.span.clone());
        if table.is_none()
            && let Some(text) = text
        {
            self.unique(text, &at, names);
        }
        let request = self.case_request(&object, &mut blanks);
        let expect = match (object.get("expect"), table) {
            (None, Some(_)) => None,
            (None, None) => {
                object.required(self, "expect", "write `expect: permit` or `expect: {deny: forbidden}`");
                None
            }
            (Some(expect), _) => self.expectation(expect, &mut blanks),
        };
        if let (Some(node), Some(request), Some(expect)) = (object.get("expect"), &request, &expect) {
            self.check_fit(node, request, expect);
        }
        match (table, text, request) {
            (Some(table), Some(name), Some(request)) => {
                let template = Template { name, request, expect, asked: blanks.asked };
                self.rows(table, object.get("expect").is_some(), &template, fixtures, names)
            }
            (None, Some(name), Some(request)) => {
                let case = |expect| Case { name: name.to_owned(), request, expect, at: self.at(&at) };
                expect.map(case).into_iter().collect()
            }
            (_, None, _) | (_, _, None) => Vec::new(),
        }
    }

    fn unique(&mut self, name: &str, span: &Range<usize>, names: &mut Names) {
        let at = self.at(span);
        if let Some(first) = names.insert(name.to_owned(), at) {
            let help = format!("the first one stands at line {}", first.line);
            self.error("duplicate-name", span, "two tests have this name", help);
        }
    }

    /// The tests of a table.
    fn rows(
        &mut self,
        table: &Entry,
        has_expect: bool,
        template: &Template<'_>,
        fixtures: &Fixtures,
        names: &mut Names,
    ) -> Vec<Case> {
        if !matches!(template.request, CaseRequest::Call { .. }) {
            let help = "write `call`, and `{$each: status}` in its arguments";
            self.error("test", &table.key_span, "only a call is filled in from a table", help);
            return Vec::new();
        }
        let rows = self.list(&table.value).unwrap_or_default();
        if rows.is_empty() && matches!(table.value.shape, Shape::List(_)) {
            self.error("empty", &table.value.span, "this table has no rows", "write `[{status: draft}]`");
        }
        rows.iter().filter_map(|row| self.row(row, has_expect, template, fixtures, names)).collect()
    }

    fn row(
        &mut self,
        node: &Node,
        has_expect: bool,
        template: &Template<'_>,
        fixtures: &Fixtures,
        names: &mut Names,
    ) -> Option<Case> {
        let entries = self.entries(node)?;
        let own = entries.iter().find(|entry| entry.key == "expect");
        let mut blanks = Blanks::new(fixtures, Place::Table);
        let expect = match own {
            Some(own) => {
                let expect = self.expectation(&own.value, &mut blanks)?;
                self.check_fit(&own.value, &template.request, &expect);
                Some(expect)
            }
            None if has_expect => template.expect.clone(),
            None => {
                let help = "write `expect` into each row, or once beside `each`";
                self.error("missing-key", &head(entries, node), "a row needs `expect`", help);
                None
            }
        };
        let (row, label) = self.columns(entries, fixtures);
        let asked = template.asked.iter().chain(&blanks.asked);
        self.check_columns(node, entries, &asked.map(|(name, _)| name.as_str()).collect::<Vec<_>>());
        let name = format!("{} [{label}]", template.name);
        self.unique(&name, &head(entries, node), names);
        let request = self.filled_request(node, &template.request, &row)?;
        Some(Case { name, request, expect: expect?.filled(&row), at: self.at(&node.span) })
    }

    /// The values of a row, and how they are shown behind the test's name.
    fn columns(&mut self, entries: &[Entry], fixtures: &Fixtures) -> (Map<String, Value>, String) {
        let mut blanks = Blanks::new(fixtures, Place::Row);
        let (mut row, mut label) = (Map::new(), Vec::new());
        for entry in entries.iter().filter(|entry| entry.key != "expect") {
            let value = self.value(&entry.value, &mut blanks);
            label.push(format!("{}: {}", entry.key, shown(&entry.value)));
            row.insert(entry.key.clone(), value);
        }
        (row, label.join(", "))
    }

    /// Every column that is asked for is there, and every one that is there is asked for: a word misspelt tests nothing.
    fn check_columns(&mut self, node: &Node, entries: &[Entry], asked: &[&str]) {
        let mut columns = entries.iter().filter(|entry| entry.key != "expect").peekable();
        if asked.is_empty() && columns.peek().is_none() {
            let help = "write `{$each: status}` into the call, and `{status: draft}` into the row";
            self.error("each", &head(entries, node), "this row has no values", help);
        }
        let there = |name: &str| entries.iter().any(|entry| entry.key == name && name != "expect");
        for name in asked.iter().filter(|name| !there(name)) {
            let help = format!("the test has `{{$each: {name}}}`: write `{name}: …` into the row");
            self.error("each", &head(entries, node), format!("this row has no `{name}`"), help);
        }
        for entry in columns {
            if !asked.contains(&entry.key.as_str()) {
                let name = &entry.key;
                let help = format!("write `{{$each: {name}}}` where the value goes, or take it out");
                self.error("each", &entry.key_span, format!("nothing in the test asks for `{name}`"), help);
            }
        }
    }

    fn filled_request(
        &mut self,
        node: &Node,
        request: &CaseRequest,
        row: &Map<String, Value>,
    ) -> Option<CaseRequest> {
        let CaseRequest::Call { tool, arguments, query_string } = request else {
            return Some(request.clone());
        };
        let Value::Object(arguments) = fill(&Value::Object(arguments.clone()), row) else {
            let help = "give the row a mapping, or write `{$each: …}` for one argument";
            self.error("each", &node.span, "the arguments of a call are a mapping", help);
            return None;
        };
        Some(CaseRequest::Call { tool: tool.clone(), arguments, query_string: query_string.clone() })
    }

    fn case_request(&mut self, object: &Object<'_>, blanks: &mut Blanks<'_>) -> Option<CaseRequest> {
        match (object.get("call"), object.get("list"), object.get("raw")) {
            (Some(call), None, None) => self.call(call, blanks),
            (None, Some(list), None) => self.choice(list, "a list", LISTS).map(CaseRequest::List),
            (None, None, Some(raw)) => self.text(raw).map(|text| CaseRequest::Raw(text.to_owned())),
            (None, None, None) => {
                object.required(self, "call", "write `call: {tool: items, arguments: {…}}`");
                None
            }
            (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
                let help = "write one of `call`, `list` and `raw`; make two tests of it";
                self.error("test", &object.head(), "a test asks one thing", help);
                None
            }
        }
    }

    fn call(&mut self, node: &Node, blanks: &mut Blanks<'_>) -> Option<CaseRequest> {
        let object = self.object(node, &CALL)?;
        let tool =
            object.required(self, "tool", "name the tool: `tool: items`").and_then(|node| self.text(node));
        let arguments = match object.get("arguments") {
            Some(node) => {
                self.entries(node)?;
                let Value::Object(arguments) = self.value(node, blanks) else {
                    let help = "give the fixture a mapping, or write `{$fixture: …}` for one argument";
                    self.error("fixture", &node.span, "the arguments of a call are a mapping", help);
                    return None;
                };
                arguments
            }
            None => Map::new(),
        };
        let query_string = object.get("query_string").and_then(|node| self.text(node)).map(str::to_owned);
        Some(CaseRequest::Call { tool: tool?.to_owned(), arguments, query_string })
    }

    /// A list comes to names, anything else to a decision.
    fn check_fit(&mut self, node: &Node, request: &CaseRequest, expect: &Expectation) {
        let lists = matches!(request, CaseRequest::List(_));
        let names = matches!(expect, Expectation::Names(_));
        if lists == names {
            return;
        }
        let (message, help) = if lists {
            ("a list comes to names", "write `expect: [items, schema]`")
        } else {
            ("a call is permitted or denied", "write `expect: permit` or `expect: {deny: forbidden}`")
        };
        self.error("test", &node.span, message, help);
    }
}

/// Where a row begins, so that the caret does not cover all of it.
fn head(entries: &[Entry], node: &Node) -> Range<usize> {
    entries.first().map_or(node.span.clone(), |entry| entry.key_span.clone())
}
