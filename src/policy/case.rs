//! Policy tests: `<role>.test.yaml`, decoded. Whoever runs them compares each case with a decision.

use super::decode::{Decoder, Mapping, Object};
use super::diagnostic::{Diagnostics, Source, Sources};
use super::document::Position;
use super::yaml::{Node, Shape};
use crate::directus::Dialect;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The tests of one role.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseFile {
    /// The role that is tested; the file's name where the file does not say.
    pub role: String,
    /// The schema that the calls are read with, as a path beside the file; `None` where no call depends on relations.
    pub schema: Option<String>,
    /// Whose tools the calls are written for.
    pub dialect: Dialect,
    /// The cases, in file order.
    pub tests: Vec<Case>,
}

/// One test.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// What it shows; unique in its file.
    pub name: String,
    /// What is asked.
    pub request: CaseRequest,
    /// What has to come of it.
    pub expect: Expectation,
    /// Where it stands.
    pub at: Position,
}

/// What a test asks.
#[derive(Clone, Debug, PartialEq)]
pub enum CaseRequest {
    /// A tool call.
    Call {
        /// The tool's name, as in `params.name`.
        tool: String,
        /// Its arguments.
        arguments: Map<String, Value>,
        /// The query string of the request, such as `tool_mode=registry`.
        query_string: Option<String>,
    },
    /// A list of what is visible.
    List(Listed),
    /// A whole request body, byte by byte.
    Raw(String),
}

/// What a list is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// `tools/list`.
    Tools,
    /// `prompts/list`.
    Prompts,
}

/// What has to come of a test.
#[derive(Clone, Debug, PartialEq)]
pub enum Expectation {
    /// The call is permitted; with `forward`, what goes upstream has these parts.
    Permit {
        /// A part of the forwarded arguments; `None` where they do not matter.
        forward: Option<Value>,
    },
    /// The call is denied.
    Deny {
        /// The code of the reason, such as `forbidden`.
        code: String,
        /// The rule, such as `guardrails/no-deletes`; `None` where it does not matter.
        rule: Option<String>,
    },
    /// The list has exactly these names, in any order.
    Names(Vec<String>),
}

/// The codes that a denial can have.
pub const DENIAL_CODES: &[&str] = &[
    "no_permission",
    "forbidden",
    "invalid_value",
    "over_limit",
    "rate_limited",
    "not_understood",
    "too_large",
    "unavailable",
];

impl CaseFile {
    /// Reads the tests of one file.
    ///
    /// # Errors
    /// All that is wrong in it.
    pub fn load(source: &Source) -> Result<Self, Diagnostics> {
        let (mut decoder, root) = Decoder::open(source);
        let file = decoder.case_file(&root);
        let found = Diagnostics::new(decoder.close(), Sources::new([source]));
        match file {
            Some(file) if !found.has_errors() => Ok(file),
            _ => Err(found),
        }
    }
}

pub(in crate::policy) const FILE: Mapping = Mapping {
    name: "a file of tests",
    keys: &["version", "role", "schema", "dialect", "tests"],
    words: &[("cases", "tests"), ("test", "tests"), ("name", "role")],
};

pub(in crate::policy) const CASE: Mapping = Mapping {
    name: "a test",
    keys: &["name", "call", "list", "raw", "expect"],
    words: &[
        ("id", "name"),
        ("description", "name"),
        ("request", "call"),
        ("body", "raw"),
        ("expected", "expect"),
        ("result", "expect"),
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

pub(in crate::policy) const EXPECT: Mapping = Mapping {
    name: "`expect`",
    keys: &["permit", "deny", "rule"],
    words: &[
        ("allow", "permit"),
        ("forbid", "deny"),
        ("reason", "deny"),
        ("code", "deny"),
        ("forward", "it stands in `permit`"),
    ],
};

pub(in crate::policy) const PERMIT: Mapping =
    Mapping { name: "`permit`", keys: &["forward"], words: &[("request", "forward"), ("body", "forward")] };

const LISTS: &[(&str, Listed)] = &[("tools", Listed::Tools), ("prompts", Listed::Prompts)];

const DIALECTS: &[(&str, Dialect)] =
    &[(Dialect::BuiltIn.as_str(), Dialect::BuiltIn), (Dialect::Local.as_str(), Dialect::Local)];

impl Decoder<'_> {
    fn case_file(&mut self, root: &Node) -> Option<CaseFile> {
        let object = self.object(root, &FILE)?;
        self.version(&object);
        let stem = self.file().strip_suffix(".test.yaml").unwrap_or(self.file()).to_owned();
        let role = object.get("role").and_then(|node| self.text(node)).map_or(stem, str::to_owned);
        let schema = object.get("schema").and_then(|node| self.text(node)).map(str::to_owned);
        let dialect = object.get("dialect").and_then(|node| self.choice(node, "a dialect", DIALECTS));
        let tests = object.required(self, "tests", "list them; `[]` is none");
        let items = tests.and_then(|node| self.list(node)).unwrap_or_default();
        let mut taken = BTreeMap::new();
        let tests = items.iter().filter_map(|item| self.case(item, &mut taken)).collect();
        Some(CaseFile { role, schema, dialect: dialect.unwrap_or_default(), tests })
    }

    fn case(&mut self, node: &Node, taken: &mut BTreeMap<String, Position>) -> Option<Case> {
        let object = self.object(node, &CASE)?;
        let name = object.required(self, "name", "say what it shows: `name: cannot delete articles`");
        let at = self.at(&name.map_or(object.head(), |name| name.span.clone()));
        let text = name.and_then(|name| self.text(name));
        if let (Some(node), Some(text)) = (name, text)
            && let Some(first) = taken.insert(text.to_owned(), at.clone())
        {
            let help = format!("the first one stands at line {}", first.line);
            self.error("duplicate-name", &node.span, "two tests have this name", help);
        }
        let request = self.case_request(&object);
        let expect = object
            .required(self, "expect", "write `expect: permit` or `expect: {deny: forbidden}`")
            .and_then(|node| self.expectation(node));
        let (request, expect) = (request?, expect?);
        self.check_fit(&object, &request, &expect);
        Some(Case { name: text?.to_owned(), request, expect, at })
    }

    fn case_request(&mut self, object: &Object<'_>) -> Option<CaseRequest> {
        match (object.get("call"), object.get("list"), object.get("raw")) {
            (Some(call), None, None) => self.call(call),
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

    fn call(&mut self, node: &Node) -> Option<CaseRequest> {
        let object = self.object(node, &CALL)?;
        let tool =
            object.required(self, "tool", "name the tool: `tool: items`").and_then(|node| self.text(node));
        let arguments = match object.get("arguments") {
            Some(node) => super::yaml::object(self.entries(node)?),
            None => Map::new(),
        };
        let query_string = object.get("query_string").and_then(|node| self.text(node)).map(str::to_owned);
        Some(CaseRequest::Call { tool: tool?.to_owned(), arguments, query_string })
    }

    fn expectation(&mut self, node: &Node) -> Option<Expectation> {
        match &node.shape {
            Shape::Text { .. } => {
                self.choice(node, "what a call can come to", &[("permit", ())])?;
                Some(Expectation::Permit { forward: None })
            }
            Shape::List(_) => {
                let names = self.texts(node)?;
                Some(Expectation::Names(names.into_iter().map(|(name, _)| name).collect()))
            }
            Shape::Null | Shape::Bool(_) | Shape::Number(_) | Shape::Map(_) => self.expected_decision(node),
            Shape::Broken => None,
        }
    }

    fn expected_decision(&mut self, node: &Node) -> Option<Expectation> {
        let object = self.object(node, &EXPECT)?;
        match (object.get("permit"), object.get("deny")) {
            (Some(permit), None) => {
                let permit = self.object(permit, &PERMIT)?;
                let forward = permit.required(self, "forward", "or write `expect: permit`")?;
                Some(Expectation::Permit { forward: Some(forward.to_json()) })
            }
            (None, Some(deny)) => {
                let codes: Vec<(&str, &str)> = DENIAL_CODES.iter().map(|code| (*code, *code)).collect();
                let code = self.choice(deny, "the code of a denial", &codes)?;
                let rule = object.get("rule").and_then(|node| self.text(node)).map(str::to_owned);
                Some(Expectation::Deny { code: code.to_owned(), rule })
            }
            (Some(_), Some(_)) | (None, None) => {
                let help = "write `expect: permit` or `expect: {deny: forbidden}`";
                self.error("test", &object.head(), "a call is permitted or denied", help);
                None
            }
        }
    }

    /// A list comes to names, anything else to a decision.
    fn check_fit(&mut self, object: &Object<'_>, request: &CaseRequest, expect: &Expectation) {
        let lists = matches!(request, CaseRequest::List(_));
        let names = matches!(expect, Expectation::Names(_));
        let Some(node) = object.get("expect").filter(|_| lists != names) else { return };
        let (message, help) = if lists {
            ("a list comes to names", "write `expect: [items, schema]`")
        } else {
            ("a call is permitted or denied", "write `expect: permit` or `expect: {deny: forbidden}`")
        };
        self.error("test", &node.span, message, help);
    }
}
