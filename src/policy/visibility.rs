//! Which tools a role sees: those of which some call could be permitted.
//!
//! The same rules that decide a call decide this, with filter, validation, presets and numbers left aside.

use super::cover::Look;
use super::document::{Mode, Permission, SystemPrompt};
use super::rules::Rules;
use super::{PolicySet, Principal};
use crate::directus::accesses::cascade;
use crate::directus::{Access, Action, Dialect, Extent, Fields, LocalTool, SchemaSnapshot, Tool, Verb};

/// A user collection that need not exist: what a new one would be called.
pub(super) const NEW: &str = "new_collection";

/// What one principal sees of the tools.
#[derive(Clone, Copy, Debug)]
pub struct Visibility<'a> {
    rules: Rules<'a>,
    schema: &'a SchemaSnapshot,
    dialect: Dialect,
}

impl PolicySet {
    /// What a principal sees of the built-in tools; `None` where its role has no policy.
    pub fn visibility<'a>(
        &'a self,
        principal: &Principal,
        schema: &'a SchemaSnapshot,
    ) -> Option<Visibility<'a>> {
        Rules::of(self, &principal.role, Some(schema)).map(|rules| Visibility {
            rules,
            schema,
            dialect: Dialect::BuiltIn,
        })
    }
}

impl Visibility<'_> {
    /// The same of those tools.
    #[must_use]
    pub fn of(self, dialect: Dialect) -> Self {
        Self { dialect, ..self }
    }

    /// Whether a tool of that name is listed. In registry mode `search` and `execute` are what the others are found by.
    pub fn sees(&self, name: &str) -> bool {
        match self.dialect {
            Dialect::BuiltIn => match Tool::named(name) {
                Some(tool) => self.sees_tool(tool),
                None if name == "search" || name == "execute" => {
                    Tool::ALL.into_iter().any(|tool| self.sees_tool(tool))
                }
                None => self.sees_opaque(name),
            },
            Dialect::Local => match LocalTool::named(name) {
                Some(tool) => !self.rules.role.tools.deny.matches(name) && self.sees_local(tool),
                None => self.sees_opaque(name),
            },
        }
    }

    fn sees_opaque(&self, name: &str) -> bool {
        let tools = &self.rules.role.tools;
        tools.opaque.matches(name) && !tools.deny.matches(name)
    }

    /// The words for `action` of which some call could be permitted, in Directus' order.
    pub fn verbs(&self, tool: Tool) -> Vec<Verb> {
        tool.verbs().iter().copied().filter(|verb| self.could(tool, *verb)).collect()
    }

    /// Whether a prompt of that name is listed.
    pub fn sees_prompt(&self, name: &str) -> bool {
        self.rules.role.prompts.matches(name)
    }

    /// Whether some read of the collection could be permitted.
    pub fn reads(&self, collection: &str) -> bool {
        self.may(Action::Read, collection)
    }

    /// Whether some read of the field could be permitted.
    pub fn reads_field(&self, collection: &str, field: &str) -> bool {
        let junction = self.rules.is_junction(collection);
        let covers = |permission: &Permission| {
            permission.actions.contains(&Action::Read)
                && permission.collections.matches(collection, junction)
                && permission.fields.matches(field)
        };
        let observed = self.rules.role.mode == Mode::Observe;
        self.reads(collection)
            && self.rules.redacted(collection, field).is_none()
            && (observed || self.rules.role.permissions.iter().any(covers))
    }

    /// Whether a word, in a text that Directus wrote, is the name of something that the role may not read, wherever it stands: a collection, a
    /// redacted field, or a field that no collection of content shows to it.
    pub fn hides(&self, word: &str) -> bool {
        if let Some(collection) = self.schema.collection(word) {
            return !self.reads(&collection.name);
        }
        // What Directus calls its own fields are everyday words; of them only the redacted ones are secrets.
        let content = || {
            let having = self.schema.collections().filter(|collection| collection.fields.contains_key(word));
            having.filter(|collection| !collection.is_system())
        };
        self.rules.redacts_name(word)
            || (content().next().is_some() && !content().any(|one| self.reads_field(&one.name, word)))
    }

    /// Whether a word, in a text that is about a collection, is the name of a field of it that the role may not read.
    pub fn hides_in(&self, collection: &str, word: &str) -> bool {
        let is_field =
            self.schema.collection(collection).is_some_and(|about| about.fields.contains_key(word));
        is_field && self.schema.collection(word).is_none() && !self.reads_field(collection, word)
    }

    /// The names of collections and fields that are more than one word, as `price-list` and `Net price` are.
    pub fn phrases(&self) -> impl Iterator<Item = &str> {
        let is_sign = |letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '$';
        let names = self.schema.collections().flat_map(|collection| {
            std::iter::once(&collection.name).chain(collection.fields.keys()).map(String::as_str)
        });
        names.filter(move |name| name.contains(is_sign))
    }

    fn sees_tool(&self, tool: Tool) -> bool {
        if self.rules.role.tools.deny.matches(tool.as_str()) {
            return false;
        }
        match tool {
            Tool::SystemPrompt => match self.rules.role.system_prompt {
                SystemPrompt::Keep | SystemPrompt::Replace(_) | SystemPrompt::Append(_) => true,
                SystemPrompt::Hide => false,
            },
            Tool::Assets => self.may(Action::Read, "directus_files"),
            Tool::Schema => self.may(Action::Read, "directus_collections"),
            Tool::TriggerFlow => {
                self.may(Action::Execute, "directus_flows") && self.may_any(Action::Execute, true)
            }
            Tool::Items
            | Tool::Files
            | Tool::Folders
            | Tool::Flows
            | Tool::Operations
            | Tool::Collections
            | Tool::Fields
            | Tool::Relations => !self.verbs(tool).is_empty(),
        }
    }

    /// A tool of the Local MCP is seen where the built-in one with that action would be.
    fn sees_local(&self, tool: LocalTool) -> bool {
        let reads = |collection| self.may(Action::Read, collection);
        match tool {
            LocalTool::UsersMe | LocalTool::ReadUsers => reads("directus_users"),
            LocalTool::ReadCollections => {
                ["directus_collections", "directus_fields", "directus_relations"].into_iter().all(reads)
            }
            LocalTool::ReadItems => self.could(Tool::Items, Verb::Read),
            LocalTool::CreateItem => self.could(Tool::Items, Verb::Create),
            LocalTool::UpdateItem => self.could(Tool::Items, Verb::Update),
            LocalTool::DeleteItem => self.could(Tool::Items, Verb::Delete),
            LocalTool::ReadFlows => self.could(Tool::Flows, Verb::Read),
            LocalTool::TriggerFlow => self.sees_tool(Tool::TriggerFlow),
            LocalTool::ReadFolders => self.could(Tool::Folders, Verb::Read),
            LocalTool::ReadFiles => self.could(Tool::Files, Verb::Read),
            // An import names its file, which is replaced.
            LocalTool::ImportFile => self.could_import() && self.could(Tool::Files, Verb::Update),
            LocalTool::UpdateFiles => self.could(Tool::Files, Verb::Update),
            LocalTool::ReadFields | LocalTool::ReadField => self.could(Tool::Fields, Verb::Read),
            LocalTool::CreateField => self.could(Tool::Fields, Verb::Create),
            LocalTool::UpdateField => self.could(Tool::Fields, Verb::Update),
            LocalTool::ReadComments => reads("directus_comments"),
            LocalTool::UpsertComment => {
                let writes = [Action::Create, Action::Update].into_iter();
                writes.into_iter().any(|action| self.may(action, "directus_comments"))
                    && self.may_any(Action::Read, true)
            }
            LocalTool::SystemPrompt => self.sees_tool(Tool::SystemPrompt),
        }
    }

    fn could(&self, tool: Tool, verb: Verb) -> bool {
        let action = match verb {
            Verb::Create => Action::Create,
            Verb::Read => Action::Read,
            Verb::Update => Action::Update,
            Verb::Delete => Action::Delete,
            Verb::Import => return self.could_import(),
        };
        match tool {
            Tool::Items => self.may_any(action, false),
            Tool::Files => self.may_items(action, "directus_files"),
            Tool::Folders => self.may_items(action, "directus_folders"),
            Tool::Flows => self.may_items(action, "directus_flows"),
            Tool::Operations => self.may_items(action, "directus_operations"),
            Tool::Collections => self.could_model(action, "directus_collections"),
            Tool::Fields => self.could_model(action, "directus_fields"),
            Tool::Relations => self.could_model(action, "directus_relations"),
            Tool::Assets | Tool::TriggerFlow | Tool::Schema | Tool::SystemPrompt => false,
        }
    }

    /// A change of the data model is also an update of a collection, and is read back.
    fn could_model(&self, action: Action, collection: &str) -> bool {
        let reads = self.may(Action::Read, collection);
        match action {
            Action::Read => reads,
            Action::Delete => self.may(action, collection) && self.may_any(Action::Update, true),
            Action::Create | Action::Update | Action::Execute | Action::Import => {
                reads && self.may(action, collection) && self.may_any(Action::Update, true)
            }
        }
    }

    fn could_import(&self) -> bool {
        let listed = self.rules.role.import_from.as_ref().is_some_and(|sources| !sources.is_empty());
        listed && self.may(Action::Import, "directus_files")
    }

    /// Whether the action could be permitted on some collection, Directus' own counted or not.
    fn may_any(&self, action: Action, system: bool) -> bool {
        let known = self.schema.collections().filter(|collection| system || !collection.is_system());
        known.map(|collection| collection.name.as_str()).chain([NEW]).any(|name| self.may_items(action, name))
    }

    /// Whether a call that asks for the action on the collection could be permitted.
    pub(super) fn may(&self, action: Action, collection: &str) -> bool {
        let access = Access::asked(action, collection, Fields::none(), Extent::Keys(Vec::new()));
        let mode = self.rules.role.mode;
        let permitted = mode == Mode::Observe || self.rules.permission(&access, Look::Leniently).is_ok();
        permitted && self.is_open(&access)
    }

    /// The same for the items of a collection, with what goes along with a deleted one.
    fn may_items(&self, action: Action, collection: &str) -> bool {
        let target = self.schema.collection(collection).filter(|_| action == Action::Delete);
        let implied = target.map(|target| cascade(target, self.schema)).unwrap_or_default();
        self.may(action, collection) && implied.iter().all(|access| self.is_open(access))
    }

    fn is_open(&self, access: &Access) -> bool {
        self.rules.forbids(access).all(|hit| hit.observed(self.rules.role.mode))
    }
}
