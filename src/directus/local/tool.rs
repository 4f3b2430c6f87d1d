//! The names of the Local MCP's tools.

/// A tool of the Local MCP.
///
/// Its `markdown-tool` is not among them: it touches no data of Directus, so that there is nothing to decide on. It is a tool like those of
/// others, which a role may list under `tools.opaque`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LocalTool {
    /// `users-me`: the user of the token.
    UsersMe,
    /// `read-users`
    ReadUsers,
    /// `read-collections`: the whole data model.
    ReadCollections,
    /// `read-items`
    ReadItems,
    /// `create-item`
    CreateItem,
    /// `update-item`
    UpdateItem,
    /// `delete-item`
    DeleteItem,
    /// `read-flows`: those that are started by hand.
    ReadFlows,
    /// `trigger-flow`
    TriggerFlow,
    /// `read-folders`
    ReadFolders,
    /// `read-files`: many, one, or the bytes of one.
    ReadFiles,
    /// `import-file`
    ImportFile,
    /// `update-files`
    UpdateFiles,
    /// `read-fields`
    ReadFields,
    /// `read-field`
    ReadField,
    /// `create-field`
    CreateField,
    /// `update-field`
    UpdateField,
    /// `read-comments`
    ReadComments,
    /// `upsert-comment`: makes one, or changes the one whose `id` is given.
    UpsertComment,
    /// `system-prompt`: a setting of the Local MCP itself.
    SystemPrompt,
}

impl LocalTool {
    /// Every tool there is, in the order in which the Local MCP lists them.
    pub const ALL: [Self; 20] = [
        Self::UsersMe,
        Self::ReadUsers,
        Self::ReadCollections,
        Self::ReadItems,
        Self::CreateItem,
        Self::UpdateItem,
        Self::DeleteItem,
        Self::ReadFlows,
        Self::TriggerFlow,
        Self::ReadFolders,
        Self::ReadFiles,
        Self::ImportFile,
        Self::UpdateFiles,
        Self::ReadFields,
        Self::ReadField,
        Self::CreateField,
        Self::UpdateField,
        Self::ReadComments,
        Self::UpsertComment,
        Self::SystemPrompt,
    ];

    /// Its name in `tools/call`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UsersMe => "users-me",
            Self::ReadUsers => "read-users",
            Self::ReadCollections => "read-collections",
            Self::ReadItems => "read-items",
            Self::CreateItem => "create-item",
            Self::UpdateItem => "update-item",
            Self::DeleteItem => "delete-item",
            Self::ReadFlows => "read-flows",
            Self::TriggerFlow => "trigger-flow",
            Self::ReadFolders => "read-folders",
            Self::ReadFiles => "read-files",
            Self::ImportFile => "import-file",
            Self::UpdateFiles => "update-files",
            Self::ReadFields => "read-fields",
            Self::ReadField => "read-field",
            Self::CreateField => "create-field",
            Self::UpdateField => "update-field",
            Self::ReadComments => "read-comments",
            Self::UpsertComment => "upsert-comment",
            Self::SystemPrompt => "system-prompt",
        }
    }

    /// The tool of that name; names are exact.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.as_str() == name)
    }

    /// What of a query the tool hands on to Directus.
    pub(crate) fn takes(self) -> Takes {
        match self {
            Self::ReadItems | Self::ReadUsers | Self::ReadFolders | Self::ReadFiles | Self::ReadComments => {
                Takes::Query
            }
            Self::UsersMe | Self::CreateItem | Self::UpdateItem => Takes::Fields,
            Self::ReadCollections
            | Self::DeleteItem
            | Self::ReadFlows
            | Self::TriggerFlow
            | Self::ImportFile
            | Self::UpdateFiles
            | Self::ReadFields
            | Self::ReadField
            | Self::CreateField
            | Self::UpdateField
            | Self::UpsertComment
            | Self::SystemPrompt => Takes::Nothing,
        }
    }
}

/// What of a query reaches Directus through a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Takes {
    /// Nothing of it: what comes back cannot be asked for.
    Nothing,
    /// Its `fields` only.
    Fields,
    /// All of it: filters and limits too.
    Query,
}
