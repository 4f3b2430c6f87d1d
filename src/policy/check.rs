//! What can be said about policies that load: rules that never match, and rules that do more or less than was meant.
//!
//! Each finding has a code: `never-matches`, `forbidden-anyway`, `import-collection`, `write-without-read`,
//! `reaches-users`, `mixed-permissions`, `observed-writes`, `current-user`, `unknown-value`, and with a schema
//! `unknown-collection`, `unknown-field`, `unfit-filter`, `failing-default`.

mod mix;
mod reach;
mod schema;
mod shadow;

use super::PolicySet;
use super::diagnostic::{Diagnostic, Severity};
use super::document::{Forbid, Mode, Permission, Position, Role};
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
    }
    for forbid in &set.guardrails().forbid {
        check.forbid(forbid, "guardrails");
    }
    check.redactions();
    check.found
}

struct Check<'s> {
    set: &'s PolicySet,
    schema: Option<&'s SchemaSnapshot>,
    found: Vec<Diagnostic>,
}

impl<'s> Check<'s> {
    fn permissions(&mut self, role: &'s Role) {
        for permission in &role.permissions {
            self.names(&permission.collections, &permission.at);
            if self.never_matches(permission, role) {
                continue;
            }
            self.import_collection(permission);
            self.write_without_read(permission, role);
            self.reaches_users(permission, role);
            self.current_user(permission);
            self.fields(permission);
            self.filters(permission);
            self.failing_default(permission);
        }
    }

    fn forbid(&mut self, forbid: &Forbid, owner: &str) {
        self.names(&forbid.collections, &forbid.at);
        if is_nothing(&forbid.collections) || forbid.actions.is_empty() {
            let message = format!("`{owner}/{}` forbids nothing", forbid.id);
            self.error("never-matches", &forbid.at, message, "list collections, and actions or none for all");
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

    fn error(
        &mut self,
        code: &'static str,
        at: &Position,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(Severity::Error, code, at, message.into(), help.into());
    }

    fn warn(
        &mut self,
        code: &'static str,
        at: &Position,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(Severity::Warning, code, at, message.into(), help.into());
    }

    fn add(&mut self, severity: Severity, code: &'static str, at: &Position, message: String, help: String) {
        let span = self.set.sources().span_at(at);
        let problem = Diagnostic { severity, span, ..Diagnostic::file_error(code, &at.file, message) };
        self.found.push(problem.help(help));
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
