//! Directus' own tools.

/// One of the twelve tools of Directus' MCP server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tool {
    /// Items of any collection that is not Directus' own.
    Items,
    /// `directus_files`.
    Files,
    /// `directus_folders`.
    Folders,
    /// The bytes of a file.
    Assets,
    /// `directus_flows`.
    Flows,
    /// `directus_operations`.
    Operations,
    /// Runs a flow.
    TriggerFlow,
    /// Collections of the data model.
    Collections,
    /// Fields of the data model.
    Fields,
    /// Relations of the data model.
    Relations,
    /// The data model at a glance.
    Schema,
    /// The instance's system prompt.
    SystemPrompt,
}

impl Tool {
    /// Every tool there is.
    pub const ALL: [Self; 12] = [
        Self::Items,
        Self::Files,
        Self::Folders,
        Self::Assets,
        Self::Flows,
        Self::Operations,
        Self::TriggerFlow,
        Self::Collections,
        Self::Fields,
        Self::Relations,
        Self::Schema,
        Self::SystemPrompt,
    ];

    /// Its name in `tools/call`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Items => "items",
            Self::Files => "files",
            Self::Folders => "folders",
            Self::Assets => "assets",
            Self::Flows => "flows",
            Self::Operations => "operations",
            Self::TriggerFlow => "trigger-flow",
            Self::Collections => "collections",
            Self::Fields => "fields",
            Self::Relations => "relations",
            Self::Schema => "schema",
            Self::SystemPrompt => "system-prompt",
        }
    }

    /// The tool of that name; names are exact, as they are to Directus.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.as_str() == name)
    }

    /// The words that its `action` argument takes, in Directus' order; empty where it has no such argument.
    pub fn verbs(self) -> &'static [Verb] {
        match self {
            Self::Items
            | Self::Folders
            | Self::Flows
            | Self::Operations
            | Self::Collections
            | Self::Fields
            | Self::Relations => &[Verb::Create, Verb::Read, Verb::Update, Verb::Delete],
            Self::Files => &[Verb::Read, Verb::Update, Verb::Delete, Verb::Import],
            Self::Assets | Self::TriggerFlow | Self::Schema | Self::SystemPrompt => &[],
        }
    }
}

/// The `action` argument of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// `create`
    Create,
    /// `read`
    Read,
    /// `update`
    Update,
    /// `delete`
    Delete,
    /// `import`, of `files` only
    Import,
}

impl Verb {
    /// The word itself.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Import => "import",
        }
    }
}
