//! What can be said about policies that load: rules that do nothing, and rules that do more or less than was meant.
//!
//! What is probably not meant is a [`Lint`], a warning that a file may silence with a reason. What is certainly wrong, such as an
//! exclusion that is misspelt and excludes nothing, is an error, and is never silenced: `never-matches` of a `forbid`,
//! `unknown-collection` and `unknown-field` of what is to be kept out, `unfit-filter`.

mod dead;
mod limit;
pub mod lint;
mod mix;
mod pointer;
mod reach;
mod rights;
mod schema;
mod shadow;
mod silence;
mod unmatched;

use self::lint::Lint;
use super::PolicySet;
use super::diagnostic::Diagnostic;
use super::document::{Forbid, Limit, Mode, Permission, Position, Role};
use super::pattern::CollectionPatterns;
use super::set::GUARDRAILS_FILE;
use crate::directus::SchemaSnapshot;
use crate::directus::access::Action;

/// Looks at every rule of the set; with a schema also at the names in them.
///
/// The findings point into [`PolicySet::sources`].
pub fn check(set: &PolicySet, schema: Option<&SchemaSnapshot>) -> Vec<Diagnostic> {
    let mut check = Check { set, schema, found: Vec::new() };
    for role in set.roles() {
        check.permissions(role);
        check.observing(role);
        check.mixing(role);
        for forbid in &role.forbid {
            check.forbid(forbid, &role.name);
        }
        check.dead_forbids(&role.forbid, &role.name);
        check.limits_of(role);
    }
    for forbid in &set.guardrails().forbid {
        check.forbid(forbid, "guardrails");
    }
    check.dead_forbids(&set.guardrails().forbid, "guardrails");
    check.limits_of_guardrails();
    check.redactions();
    if let Some(schema) = schema {
        check.unmatched_redactions(schema);
    }
    check.imports();
    for (subject, message) in silence::unused(set, &check.found, schema.is_some()) {
        check.warn(Lint::UnusedSilence, subject, message, "take it out");
    }
    silence::heard(set, check.found)
}

/// What a gateway says when it starts with the set.
pub(super) fn at_start(set: &PolicySet) -> Vec<Diagnostic> {
    let mut check = Check { set, schema: None, found: Vec::new() };
    check.imports();
    silence::heard(set, check.found)
}

struct Check<'s> {
    set: &'s PolicySet,
    schema: Option<&'s SchemaSnapshot>,
    found: Vec<Finding>,
}

/// What is to be said, and what a silence knows it by.
struct Finding {
    /// `None` for what is an error.
    lint: Option<Lint>,
    /// The id of the rule that it is about, if it is about one.
    rule: Option<String>,
    diagnostic: Diagnostic,
}

/// What a finding is about.
#[derive(Clone, Copy)]
struct Subject<'r> {
    at: &'r Position,
    rule: Option<&'r str>,
}

impl<'r> From<&'r Position> for Subject<'r> {
    fn from(at: &'r Position) -> Self {
        Self { at, rule: None }
    }
}

impl<'r> From<&'r Permission> for Subject<'r> {
    fn from(one: &'r Permission) -> Self {
        Self { at: &one.at, rule: Some(&one.id) }
    }
}

impl<'r> From<&'r Forbid> for Subject<'r> {
    fn from(one: &'r Forbid) -> Self {
        Self { at: &one.at, rule: Some(&one.id) }
    }
}

impl<'r> From<&'r Limit> for Subject<'r> {
    fn from(one: &'r Limit) -> Self {
        Self { at: &one.at, rule: Some(&one.id) }
    }
}

impl<'s> Check<'s> {
    fn permissions(&mut self, role: &'s Role) {
        for permission in &role.permissions {
            self.names_permitted(permission);
            self.unmatched(permission);
            if self.never_matches(permission, role) || self.dead(permission, role) {
                continue;
            }
            self.import_collection(permission);
            self.write_without_read(permission, role);
            if !self.raises_rights(permission, role) {
                self.reaches_users(permission, role);
            }
            self.current_user(permission);
            self.fields(permission);
            self.filters(permission);
            self.behind_pointer(permission, role);
            self.failing_default(permission);
        }
    }

    fn forbid(&mut self, forbid: &Forbid, owner: &str) {
        self.names_forbidden(forbid);
        self.unmatched_forbid(forbid);
        if is_nothing(&forbid.collections) || forbid.actions.is_empty() {
            let message = format!("`{owner}/{}` forbids nothing", forbid.id);
            self.error(
                Lint::NeverMatches.name(),
                forbid,
                message,
                "list collections, and actions or none for all",
            );
        }
    }

    /// Forbids that bite for a role, with the names that denials give them.
    fn biting(&self, role: &'s Role) -> Vec<(String, &'s Forbid)> {
        let own = role.forbid.iter().filter(|forbid| role.mode == Mode::Enforce && !forbid.observe);
        let own = own.map(|forbid| (format!("{}/{}", role.name, forbid.id), forbid));
        let guardrails = self.set.guardrails().forbid.iter();
        let guardrails = guardrails.filter(|forbid| !forbid.observe && !forbid.except.contains(&role.name));
        own.chain(guardrails.map(|forbid| (format!("guardrails/{}", forbid.id), forbid))).collect()
    }

    fn is_junction(&self, collection: &str) -> bool {
        self.schema.is_some_and(|schema| schema.is_junction(collection))
    }

    fn error<'r>(
        &mut self,
        code: &'static str,
        subject: impl Into<Subject<'r>>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let problem = Diagnostic::file_error(code, "", message).help(help);
        self.add(None, subject.into(), problem);
    }

    fn warn<'r>(
        &mut self,
        lint: Lint,
        subject: impl Into<Subject<'r>>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let problem = Diagnostic::warning(lint, "", None, message).help(help);
        self.add(Some(lint), subject.into(), problem);
    }

    fn add(&mut self, lint: Option<Lint>, subject: Subject<'_>, problem: Diagnostic) {
        let span = self.set.sources().span_at(subject.at);
        let diagnostic = Diagnostic { span, file: subject.at.file.clone(), ..problem };
        self.found.push(Finding { lint, rule: subject.rule.map(str::to_owned), diagnostic });
    }

    /// Where a text stands in a file, for rules that do not know their own place.
    fn place_of(&self, file: &str, text: &str) -> Position {
        let sources = self.set.sources();
        let offset = sources.text(file).and_then(|all| all.find(text)).unwrap_or_default();
        sources.position(file, offset)
    }
}

/// The name of a role's file.
fn file_of(role: &Role) -> String {
    format!("{}.yaml", role.name)
}

/// Whether no collection can be in the list.
fn is_nothing(collections: &CollectionPatterns) -> bool {
    collections.names().is_empty() && collections.junctions() != Some(true)
}

/// Whether items change by it.
fn is_write(action: Action) -> bool {
    match action {
        Action::Create | Action::Update | Action::Delete | Action::Execute | Action::Import => true,
        Action::Read => false,
    }
}

/// The names of a list that are written out.
fn exact(collections: &CollectionPatterns) -> impl Iterator<Item = &str> {
    let included = collections.names().included().iter();
    included.map(super::pattern::Glob::as_str).filter(|name| !name.contains('*'))
}
