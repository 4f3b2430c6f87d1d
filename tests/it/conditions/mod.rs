//! `filter`, `validation` and `presets`: what of a permission's conditions ends up in the request, what is read before, and what
//! is refused because it can be neither.

mod filters;
mod presets;
mod searches;
mod validations;

use crate::support::process::checkout;
use serde_json::{Value, json};
use warrener::administer;
use warrener::directus::{Dialect, SchemaSnapshot};
use warrener::policy::diagnostic::Source;
use warrener::policy::judge::{Wire, judge};
use warrener::policy::set::GuardrailsFile;
use warrener::policy::{Decision, PolicySet, Principal, Proof};

/// One role, and the schema that the measurements were made with.
pub(crate) struct Role {
    set: PolicySet,
    schema: SchemaSnapshot,
    dialect: Dialect,
}

impl Role {
    /// The role `tester`, with these permissions and whatever else the text says.
    pub(crate) fn new(text: &str) -> Self {
        let text = format!("version: 1\nrole: tester\ndescription: For a test.\n{text}");
        let set = PolicySet::load(&[Source::new("tester.yaml", text)], GuardrailsFile::Optional);
        let schema = administer::schema(&checkout("tests/fixtures/schema")).unwrap();
        let set = set.unwrap_or_else(|problems| panic!("{problems}")).0;
        Self { set, schema, dialect: Dialect::BuiltIn }
    }

    /// The same role in front of a Directus of another version.
    pub(crate) fn at_version(mut self, version: Option<&str>) -> Self {
        self.schema = self.schema.of_version(version.map(str::to_owned));
        self
    }

    /// The same role in front of a Local MCP.
    pub(crate) fn local(mut self) -> Self {
        self.dialect = Dialect::Local;
        self
    }

    pub(crate) fn decide(&self, tool: &str, arguments: &Value) -> Decision {
        let params = json!({"name": tool, "arguments": arguments});
        self.decide_message(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}))
    }

    fn decide_message(&self, message: &Value) -> Decision {
        let principal = Principal { name: "t".into(), role: "tester".into(), proof: Proof::Key };
        let body = message.to_string();
        let (dialect, content_type) = (self.dialect, vec!["application/json"]);
        let wire = Wire { dialect, content_type, body: body.as_bytes(), ..Wire::default() };
        judge(&self.set, &principal, Some(&self.schema), &wire).decision
    }

    /// The arguments that are forwarded; a denial fails the test, and so does a form that is not permitted as it is.
    pub(crate) fn forwarded(&self, tool: &str, arguments: &Value) -> Value {
        let explained = self.decide(tool, arguments).explained(&Value::Null);
        assert_eq!(explained["decision"], "permit", "{arguments}: {}", explained["reason"]);
        let body = &explained["forward"]["body"];
        let again = self.decide_message(body).explained(&Value::Null);
        assert_eq!(&again["forward"]["body"], body, "{arguments}: {again}");
        body["params"]["arguments"].clone()
    }

    /// What is read before the call goes on.
    pub(crate) fn checks(&self, tool: &str, arguments: &Value) -> Vec<Value> {
        self.forwarded(tool, arguments);
        let explained = self.decide(tool, arguments).explained(&Value::Null);
        let obligations = explained["obligations"].as_array().unwrap().iter();
        obligations.filter_map(|obligation| obligation.get("check").cloned()).collect()
    }

    /// The code, the rule and the message of a denial; a permit fails the test.
    pub(crate) fn denied(&self, tool: &str, arguments: &Value) -> (String, String, String) {
        let decision = self.decide(tool, arguments);
        let Some(reason) = decision.reason() else {
            panic!("{arguments} is permitted: {}", decision.explained(&Value::Null))
        };
        (reason.code.as_str().to_owned(), reason.rule.clone(), reason.message.clone())
    }
}

/// An update of the article with key 1.
pub(crate) fn update(data: &Value) -> Value {
    json!({"action": "update", "collection": "articles", "keys": [1], "data": data, "query": {"fields": ["id"]}})
}

/// A new article.
pub(crate) fn create(data: &Value) -> Value {
    json!({"action": "create", "collection": "articles", "data": data, "query": {"fields": ["id"]}})
}
