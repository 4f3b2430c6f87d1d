//! The two kinds of policy files: a role, and the guardrails.

use super::name::{Names, is_id};
use super::rule::Owner;
use super::{Decoder, Diagnostic, Mapping, Object};
use crate::directus::Dialect;
use crate::directus::access::Action;
use crate::policy::diagnostic::{Severity, Source};
use crate::policy::document::{Guardrails, ImportSource, Mode, Role, SystemPrompt, Tools};
use crate::policy::pattern::Patterns;
use crate::policy::yaml::{Node, Shape};
use std::collections::{BTreeMap, BTreeSet};

pub(in crate::policy) const ROLE: Mapping = Mapping {
    name: "a role",
    keys: &[
        "version",
        "role",
        "description",
        "mode",
        "permissions",
        "forbid",
        "import_from",
        "tools",
        "prompts",
        "system_prompt",
        "limits",
        "redact",
        "silence",
    ],
    words: &[
        ("name", "role"),
        ("roles", "role"),
        ("permission", "permissions"),
        ("rules", "permissions"),
        ("allow", "permissions"),
        ("permit", "permissions"),
        ("policies", "permissions"),
        ("deny", "forbid"),
        ("forbidden", "forbid"),
        ("block", "forbid"),
        ("limit", "limits"),
        ("rate_limit", "limits"),
        ("rate_limits", "limits"),
        ("mask", "redact"),
        ("hide", "redact"),
        ("import", "import_from"),
        ("imports", "import_from"),
        ("tool", "tools"),
        ("prompt", "prompts"),
        ("observe", "mode"),
        ("silences", "silence"),
        ("lints", "silence"),
        ("ignore", "silence"),
        ("suppress", "silence"),
        ("collections", "it stands in an entry of `permissions`"),
        ("actions", "it stands in an entry of `permissions`"),
        ("fields", "it stands in an entry of `permissions`"),
        ("except", "only the guardrails have `except`"),
        ("admin_access", "there is no access to everything; list it under `permissions`"),
        ("app_access", "it is for people in the data studio; leave it out"),
    ],
};

pub(in crate::policy) const GUARDRAILS: Mapping = Mapping {
    name: "the guardrails",
    keys: &["version", "description", "forbid", "limits", "redact", "import_from", "silence"],
    words: &[
        ("permissions", "guardrails permit nothing; put permissions into the file of a role"),
        ("role", "guardrails apply to every role; leave it out"),
        ("roles", "guardrails apply to every role; use `except` on a rule under `forbid`"),
        ("mode", "guardrails are always enforced; use `observe: true` on a rule under `forbid`"),
        ("deny", "forbid"),
        ("block", "forbid"),
        ("limit", "limits"),
        ("mask", "redact"),
        ("hide", "redact"),
        ("import", "import_from"),
        ("silences", "silence"),
        ("lints", "silence"),
        ("ignore", "silence"),
        ("suppress", "silence"),
        ("allow", "guardrails permit nothing; put permissions into the file of a role"),
        ("tools", "guardrails speak of accesses; put `tools` into the file of a role"),
    ],
};

pub(in crate::policy) const TOOLS: Mapping = Mapping {
    name: "`tools`",
    keys: &["deny", "opaque"],
    words: &[
        ("forbid", "deny"),
        ("block", "deny"),
        ("pass", "opaque"),
        ("permit", "tools are permitted by what they access; list other servers' tools under `opaque`"),
        ("allow", "tools are permitted by what they access; list other servers' tools under `opaque`"),
    ],
};

pub(in crate::policy) const SYSTEM_PROMPT: Mapping = Mapping {
    name: "`system_prompt`",
    keys: &["replace", "append"],
    words: &[("keep", "write `system_prompt: keep`"), ("hide", "write `system_prompt: hide`")],
};

const MODES: &[(&str, Mode)] = &[("enforce", Mode::Enforce), ("observe", Mode::Observe)];

/// The tools of registry mode, which only wrap others.
const WRAPPERS: [&str; 2] = ["execute", "search"];

/// Reads the file of a role; `None` where it has an error.
pub(crate) fn role(source: &Source, problems: &mut Vec<Diagnostic>) -> Option<Role> {
    let (mut decoder, root) = Decoder::open(source);
    let role = decoder.role(&root);
    let usable = decoder.hand_over(role.is_some(), problems);
    role.filter(|_| usable)
}

/// Reads `guardrails.yaml`; `None` where it has an error. `roles` are those that `except` may name.
pub(crate) fn guardrails(
    source: &Source,
    roles: &BTreeSet<String>,
    problems: &mut Vec<Diagnostic>,
) -> Option<Guardrails> {
    let (mut decoder, root) = Decoder::open(source);
    let guardrails = decoder.guardrails(&root, roles);
    let usable = decoder.hand_over(guardrails.is_some(), problems);
    guardrails.filter(|_| usable)
}

impl Decoder<'_> {
    fn role(&mut self, root: &Node) -> Option<Role> {
        let object = self.object(root, &ROLE)?;
        let mut taken = BTreeMap::new();
        self.version(&object);
        let name = self.role_name(&object);
        let permissions = object.required(self, "permissions", "write `permissions: []` for none");
        let permissions = permissions.map(|node| self.permissions(node, &mut taken)).unwrap_or_default();
        let import_from = self.import_from(&object);
        self.check_imports(&object, import_from.as_deref());
        Some(Role {
            name: name?,
            description: self.description(&object),
            mode: object.get("mode").and_then(|node| self.choice(node, "a mode", MODES)).unwrap_or_default(),
            permissions,
            forbid: object
                .get("forbid")
                .map(|node| self.forbids(node, &mut taken, Owner::Role))
                .unwrap_or_default(),
            import_from,
            tools: self.tools(&object),
            prompts: object
                .get("prompts")
                .and_then(|node| self.patterns(node, Names::Prompts))
                .unwrap_or_default(),
            system_prompt: self.system_prompt(&object),
            limits: object.get("limits").map(|node| self.limits(node, &mut taken)).unwrap_or_default(),
            redact: object.get("redact").map(|node| self.field_patterns(node)).unwrap_or_default(),
            silences: object.get("silence").map(|node| self.silences(node, &taken)).unwrap_or_default(),
        })
    }

    fn guardrails(&mut self, root: &Node, roles: &BTreeSet<String>) -> Option<Guardrails> {
        let object = self.object(root, &GUARDRAILS)?;
        let mut taken = BTreeMap::new();
        self.version(&object);
        Some(Guardrails {
            description: self.description(&object),
            forbid: object
                .get("forbid")
                .map(|node| self.forbids(node, &mut taken, Owner::Guardrails(roles)))
                .unwrap_or_default(),
            limits: object.get("limits").map(|node| self.limits(node, &mut taken)).unwrap_or_default(),
            redact: object.get("redact").map(|node| self.field_patterns(node)).unwrap_or_default(),
            import_from: self.import_from(&object),
            silences: object.get("silence").map(|node| self.silences(node, &taken)).unwrap_or_default(),
        })
    }

    /// The role's name, which is the file's name too, so that a copied file does not pass for the one it was copied from.
    fn role_name(&mut self, object: &Object<'_>) -> Option<String> {
        let stem = self.file().strip_suffix(".yaml").unwrap_or(self.file());
        let node = object.required(self, "role", &format!("write `role: {stem}`, as the file is called"))?;
        let name = self.text(node)?;
        if !is_id(name) || matches!(name, "guardrails" | "protocol") {
            let message = format!("`{name}` cannot be the name of a role");
            let help = "use lower-case letters, digits and hyphens; `guardrails` and `protocol` are taken";
            self.error("role-name", &node.span, message, help);
            return None;
        }
        if name != stem {
            let message =
                format!("the file is called `{}`, but says that it is the role `{name}`", self.file());
            let help = format!("write `role: {stem}`, or rename the file to `{name}.yaml`");
            self.error("role-name", &node.span, message, help);
            return None;
        }
        Some(name.to_owned())
    }

    fn description(&mut self, object: &Object<'_>) -> String {
        object.get("description").and_then(|node| self.text(node)).unwrap_or_default().to_owned()
    }

    fn import_from(&mut self, object: &Object<'_>) -> Option<Vec<ImportSource>> {
        object.get("import_from").map(|node| self.import_sources(node))
    }

    /// An `import` that nothing bounds would let the client read whatever Directus can reach.
    fn check_imports(&mut self, object: &Object<'_>, import_from: Option<&[ImportSource]>) {
        if import_from.is_some() {
            return;
        }
        for node in object.get("permissions").into_iter().flat_map(imports) {
            let help = "add `import_from: [\"https://images.example.com/\"]` to the role";
            let message = "`import` is permitted, but `import_from` does not say from where";
            self.error("import-from", &node.span, message, help);
        }
    }

    fn tools(&mut self, object: &Object<'_>) -> Tools {
        let tools = object.get("tools").and_then(|node| self.object(node, &TOOLS));
        let mut list = |key: &str| {
            let node = tools.as_ref().and_then(|tools| tools.get(key))?;
            Some((node, self.patterns(node, Names::Tools)?))
        };
        let deny = list("deny").map(|(_, patterns)| patterns).unwrap_or_default();
        let opaque = list("opaque");
        if let Some((node, patterns)) = &opaque {
            self.check_opaque(node, patterns);
        }
        Tools { deny, opaque: opaque.map(|(_, patterns)| patterns).unwrap_or_default() }
    }

    fn check_opaque(&mut self, node: &Node, patterns: &Patterns) {
        let own = Dialect::ALL.into_iter().flat_map(Dialect::tools).chain(WRAPPERS);
        // What Directus' own tools do is decoded, so that none of them can be let through by name.
        for tool in own.filter(|tool| patterns.matches(tool)) {
            let message = format!("`opaque` lets `{tool}` through, which is Directus' own tool");
            let help = "list only tools of others: what Directus' own tools do is decoded and decided";
            self.error("opaque-tool", &node.span, message, help);
        }
    }

    fn system_prompt(&mut self, object: &Object<'_>) -> SystemPrompt {
        let Some(node) = object.get("system_prompt") else { return SystemPrompt::default() };
        self.read_system_prompt(node).unwrap_or_default()
    }

    fn read_system_prompt(&mut self, node: &Node) -> Option<SystemPrompt> {
        if matches!(node.shape, Shape::Text { .. }) {
            let hide = self.choice(node, "a system prompt", &[("keep", false), ("hide", true)])?;
            return Some(if hide { SystemPrompt::Hide } else { SystemPrompt::Keep });
        }
        let object = self.object(node, &SYSTEM_PROMPT)?;
        match (object.get("replace"), object.get("append")) {
            (Some(text), None) => self.text(text).map(|text| SystemPrompt::Replace(text.to_owned())),
            (None, Some(text)) => self.text(text).map(|text| SystemPrompt::Append(text.to_owned())),
            (Some(_), Some(_)) | (None, None) => {
                let message = "`system_prompt` is replaced or appended to";
                self.error("system-prompt", &object.head(), message, "write one of `replace` and `append`");
                None
            }
        }
    }

    /// Hands the problems over, and tells whether the file can be used. A file that could not be read always has an
    /// error, so that no set is ever loaded without it.
    fn hand_over(self, was_read: bool, problems: &mut Vec<Diagnostic>) -> bool {
        let file = self.file();
        let mut mine = self.close();
        let has_errors = mine.iter().any(|one| one.severity == Severity::Error);
        if !was_read && !has_errors {
            mine.push(Diagnostic::file_error("unreadable", file, "the file cannot be read"));
        }
        problems.extend(mine);
        was_read && !has_errors
    }
}

/// The places where `import` stands among the actions of the permissions.
fn imports(permissions: &Node) -> Vec<&Node> {
    fn items(node: &Node) -> &[Node] {
        if let Shape::List(items) = &node.shape { items } else { &[] }
    }
    let actions = items(permissions).iter().filter_map(|permission| match &permission.shape {
        Shape::Map(entries) => entries.iter().find(|entry| entry.key == "actions").map(|entry| &entry.value),
        Shape::Null
        | Shape::Bool(_)
        | Shape::Number(_)
        | Shape::Text { .. }
        | Shape::List(_)
        | Shape::Broken => None,
    });
    let is_import =
        |node: &&Node| matches!(&node.shape, Shape::Text { text, .. } if text == Action::Import.as_str());
    actions.flat_map(items).filter(is_import).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directus::access::Key;
    use crate::policy::check::lint::Lint;
    use crate::policy::document::{Bound, MaxItems, Per, Unit};

    fn read(text: &str) -> Role {
        let mut problems = Vec::new();
        let read = role(&Source::new("editor.yaml", text), &mut problems);
        assert_eq!(problems, Vec::new());
        read.unwrap()
    }

    #[test]
    fn every_key_arrives() {
        let role = read(
            r#"version: 1
role: editor
description: Edits.
mode: observe
permissions:
  - id: all
    collections: [articles, "blog_*", "@junctions"]
    actions: [update, delete, import]
    fields: ["*", "!secret"]
    filter: {status: {_eq: draft}, _or: [{a: {_null: true}}]}
    validation: {status: {_in: [draft]}}
    presets: {status: draft, score: 1.5}
    keys: [7, "8", slug, "5c7b1f0e-0000-4000-8000-000000000000"]
    max_items: unlimited
    by_query: true
forbid:
  - {id: no, collections: ["*"], reason: Because., observe: true}
import_from: ["https://images.example.com/a/"]
tools: {deny: [schema], opaque: ["other_*"]}
prompts: ["writing *"]
system_prompt: {append: Be kind.}
limits:
  - {id: calls, rate: 120/min}
  - {id: writes, rate: 2/h, burst: 5, actions: [create], per: role}
  - {id: parallel, concurrency: 3, per: address}
redact: ["customers.ssn"]
silence:
  - {lint: raises-rights, rule: all, reason: Meant so.}
  - {lint: write-without-read, reason: "It only writes."}
"#,
        );
        assert_eq!((role.description.as_str(), role.mode), ("Edits.", Mode::Observe));
        let [permission] = role.permissions.as_slice() else { panic!("one permission") };
        assert_eq!(permission.at.to_string(), "editor.yaml:6:9");
        assert!(
            permission.collections.matches("blog_posts", false) && permission.collections.matches("x", true)
        );
        assert!(permission.fields.matches("title") && !permission.fields.matches("secret"));
        let filter = serde_json::json!({"status": {"_eq": "draft"}, "_or": [{"a": {"_null": true}}]});
        assert_eq!(permission.filter.as_ref(), filter.as_object());
        let keys = permission.keys.iter().flatten().cloned().collect::<Vec<_>>();
        let text = |text: &str| Key::Text(text.to_owned());
        let uuid = "5c7b1f0e-0000-4000-8000-000000000000";
        assert_eq!(keys, [Key::Number(7), Key::Number(8), text(uuid), text("slug")]);
        assert_eq!((permission.max_items, permission.by_query), (Some(MaxItems::Unlimited), true));
        assert_eq!((role.forbid[0].actions.len(), role.forbid[0].observe), (6, true));
        assert_eq!(role.import_from.unwrap()[0].url.path(), "/a/");
        assert!(role.tools.deny.matches("schema") && role.tools.opaque.matches("other_tool"));
        assert_eq!(role.system_prompt, SystemPrompt::Append("Be kind.".to_owned()));
        let bounds: Vec<(Bound, Per)> = role.limits.iter().map(|limit| (limit.bound, limit.per)).collect();
        let rate = |count, unit, burst| Bound::Rate { count, unit, burst };
        assert_eq!(
            bounds,
            [
                (rate(120, Unit::Minute, 120), Per::Principal),
                (rate(2, Unit::Hour, 5), Per::Role),
                (Bound::Concurrency(3), Per::Address),
            ]
        );
        assert!(role.redact[0].matches("customers", "ssn"));
        let silences: Vec<_> =
            role.silences.iter().map(|one| (one.lint, one.rule.as_deref(), one.reason.as_str())).collect();
        let expected = [
            (Lint::RaisesRights, Some("all"), "Meant so."),
            (Lint::WriteWithoutRead, None, "It only writes."),
        ];
        assert_eq!(silences, expected);
    }

    #[test]
    fn what_is_left_out_permits_nothing() {
        let role =
            read("version: 1\nrole: editor\npermissions:\n  - {id: a, collections: [b], actions: [read]}\n");
        let permission = &role.permissions[0];
        assert!(permission.fields.matches_everything() && !permission.by_query);
        assert_eq!((permission.max_items, &permission.keys, &permission.filter), (None, &None, &None));
        assert!(role.prompts.is_empty() && role.tools.opaque.is_empty() && role.tools.deny.is_empty());
        assert_eq!((role.mode, role.import_from), (Mode::Enforce, None));
    }
}
