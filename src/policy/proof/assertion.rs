//! Files of assertions: what no role, or none of some roles, can ever do.

use super::answer::{Answer, Finding, Verdict};
use super::kinds::TooManyKinds;
use super::question::{Question, Target, whole};
use super::stand::is_brought_about;
use crate::directus::SchemaSnapshot;
use crate::directus::access::Action;
use crate::policy::PolicySet;
use crate::policy::decode::{Decoder, Mapping, Names, listed};
use crate::policy::diagnostic::{Diagnostic, Diagnostics, Source, Sources};
use crate::policy::document::Position;
use crate::policy::pattern::{Glob, Patterns};
use crate::policy::yaml::Node;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The assertions of one file.
#[derive(Clone, Debug, PartialEq)]
pub struct ProofFile {
    /// The schema that they are about, as a path beside the file; `None` where they are to hold whatever there is.
    pub schema: Option<String>,
    /// In file order.
    pub assertions: Vec<Assertion>,
    sources: Sources,
}

/// That none of some roles can do something.
#[derive(Clone, Debug, PartialEq)]
pub struct Assertion {
    /// Unique in its file.
    pub id: String,
    /// The roles; all where the file does not say.
    pub roles: Patterns,
    /// What none of them can.
    pub never: Question,
    /// Where it stands.
    pub at: Position,
}

/// What came of an assertion.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub at: Position,
    /// The roles that it is about, by name.
    pub roles: Vec<String>,
    /// Whether it is proved.
    pub proved: Proved,
}

/// Whether an assertion is proved.
#[derive(Clone, Debug, PartialEq)]
pub enum Proved {
    /// No call that asks for it passes.
    Holds {
        /// Nor does one that brings it about in turn, since it is forbidden, or is nothing that happens in turn.
        in_turn: bool,
    },
    /// Each of these has a call that does it.
    Fails(Vec<Finding>),
    /// The rules permit these, and no call was found that shows it.
    Unproved(Vec<Finding>),
    /// There is no role, no collection or no field that it speaks of.
    Nothing,
}

impl Assertion {
    /// Proves it, of a schema where one is given, else of any.
    ///
    /// # Errors
    /// When the patterns tell too many kinds of names apart.
    pub fn prove(&self, set: &PolicySet, schema: Option<&SchemaSnapshot>) -> Result<Proof, TooManyKinds> {
        let names = set.roles().map(|role| role.name.as_str());
        let roles: BTreeSet<String> =
            names.filter(|name| self.roles.matches(name)).map(str::to_owned).collect();
        let answer = set.who_can(&self.never, &roles, schema)?;
        let roles = roles.into_iter().collect();
        Ok(Proof { id: self.id.clone(), at: self.at.clone(), roles, proved: Proved::by(answer) })
    }
}

impl Proved {
    fn by(answer: Answer) -> Self {
        if answer.findings.is_empty() {
            return Self::Nothing;
        }
        let in_turn = answer.findings.iter().all(|finding| {
            !is_brought_about(finding.action)
                || matches!(finding.verdict, Verdict::Cannot { is_forbidden: true, .. })
        });
        let is_no = answer.is_no();
        let (shown, rest): (Vec<Finding>, Vec<Finding>) =
            answer.findings.into_iter().partition(|finding| finding.verdict.call().is_some());
        if !shown.is_empty() {
            Self::Fails(shown)
        } else if is_no {
            Self::Holds { in_turn }
        } else {
            let open = |finding: &Finding| matches!(finding.verdict, Verdict::Unshown { .. });
            Self::Unproved(rest.into_iter().filter(open).collect())
        }
    }
}

impl ProofFile {
    /// Reads the assertions of one file.
    ///
    /// # Errors
    /// All that is wrong in it.
    pub fn load(source: &Source) -> Result<Self, Diagnostics> {
        let (mut decoder, root) = Decoder::open(source);
        let file = decoder.proof_file(&root, source);
        let found = Diagnostics::new(decoder.close(), Sources::new([source]));
        match file {
            Some(file) if !found.has_errors() => Ok(file),
            Some(_) | None => Err(found),
        }
    }

    /// Roles that the file names, and that there are not.
    pub fn unknown_roles(&self, set: &PolicySet) -> Diagnostics {
        let known: Vec<&str> = set.roles().map(|role| role.name.as_str()).collect();
        let mut problems = Vec::new();
        for assertion in &self.assertions {
            let named = assertion.roles.included().iter().map(Glob::as_str);
            for role in named.filter(|name| !name.contains('*') && !known.contains(name)) {
                let message = format!("there is no role `{role}`");
                let problem = Diagnostic::file_error("unknown-role", &assertion.at.file, message);
                let span = self.sources.span_at(&assertion.at);
                let help = format!("the roles are {}", listed(&known));
                problems.push(Diagnostic { span, ..problem.help(help) });
            }
        }
        Diagnostics::new(problems, self.sources.clone())
    }
}

pub(crate) const FILE: Mapping = Mapping {
    name: "a file of assertions",
    keys: &["version", "description", "schema", "assertions"],
    words: &[
        ("proofs", "assertions"),
        ("never", "it stands in an assertion: `assertions: [{id: …, never: {…}}]`"),
        ("tests", "tests of calls stand in a file that ends in `.test.yaml`"),
        ("role", "name roles in an assertion, under `roles`"),
    ],
};

pub(crate) const ASSERTION: Mapping = Mapping {
    name: "an assertion",
    keys: &["id", "roles", "never"],
    words: &[
        ("name", "id"),
        ("role", "roles"),
        ("except", "exclude roles: `roles: [\"*\", \"!developer\"]`"),
        ("forbid", "never"),
        ("actions", "it stands in `never`"),
        ("collections", "it stands in `never`"),
        ("description", "write it as a comment, with `#`"),
        ("reason", "write it as a comment, with `#`"),
    ],
};

pub(crate) const NEVER: Mapping = Mapping {
    name: "`never`",
    keys: &["actions", "collections", "fields"],
    words: &[("action", "actions"), ("collection", "collections"), ("field", "fields")],
};

impl Decoder<'_> {
    fn proof_file(&mut self, root: &Node, source: &Source) -> Option<ProofFile> {
        let object = self.object(root, &FILE)?;
        self.version(&object);
        object.get("description").and_then(|node| self.text(node));
        let schema = object.get("schema").and_then(|node| self.text(node)).map(str::to_owned);
        let list = object
            .required(self, "assertions", "list what is never to be")
            .and_then(|node| self.list(node))?;
        let mut taken = BTreeMap::new();
        let assertions = list.iter().filter_map(|node| self.assertion(node, &mut taken)).collect();
        Some(ProofFile { schema, assertions, sources: Sources::new([source]) })
    }

    fn assertion(&mut self, node: &Node, taken: &mut BTreeMap<String, Range<usize>>) -> Option<Assertion> {
        let object = self.object(node, &ASSERTION)?;
        let id = object.required(self, "id", "give it a name: `id: no-deletes`");
        let at = self.at(&id.map_or(object.head(), |id| id.span.clone()));
        let id = id.and_then(|id| self.id(id, taken));
        let roles = match object.get("roles") {
            Some(roles) => self.patterns(roles, Names::Tools),
            None => Some(Patterns::all()),
        };
        let never = object
            .required(
                self,
                "never",
                "say what never happens: `never: {actions: [delete], collections: [articles]}`",
            )
            .and_then(|node| self.never(node));
        Some(Assertion { id: id?, roles: roles?, never: never?, at })
    }

    fn never(&mut self, node: &Node) -> Option<Question> {
        let object = self.object(node, &NEVER)?;
        let collections = object
            .required(self, "collections", "list them; `[\"*\"]` is all")
            .and_then(|node| self.collections(node));
        let actions = match object.get("actions") {
            Some(actions) => self.actions(actions),
            None => Some(BTreeSet::from(Action::ALL)),
        };
        let listed = object.entry("fields");
        let fields = match listed {
            Some(entry) => Some(self.patterns(&entry.value, Names::Fields)?),
            None => None,
        };
        let (actions, target) = (actions?, Target { collections: collections?, fields });
        if let (Some(entry), Some(action)) = (listed, target.without_fields(&actions)) {
            self.error("whole-items", &entry.key_span, whole(action), "list `actions` that have fields");
        }
        Some(Question { actions, targets: vec![target] })
    }
}
