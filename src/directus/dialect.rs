//! Whose names and arguments tools are called by.

use super::local::LocalTool;
use super::tool::Tool;

/// The tools that a call is written for.
///
/// It is a property of what the gateway stands in front of, and never told by a call: `trigger-flow` and `system-prompt` are tools of
/// both, with other arguments. In each dialect the names of the other one are those of tools that are not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// The tools of Directus' own MCP endpoint, from 11.12 on.
    #[default]
    BuiltIn,
    /// The tools of the Local MCP, a process beside an older Directus.
    Local,
}

impl Dialect {
    /// Both.
    pub const ALL: [Self; 2] = [Self::BuiltIn, Self::Local];

    /// The word for it in tests of policies and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in",
            Self::Local => "local",
        }
    }

    /// The dialect of that word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.as_str() == word)
    }

    /// The names of all its tools, as far as they are decoded.
    pub fn tools(self) -> Vec<&'static str> {
        match self {
            Self::BuiltIn => Tool::ALL.into_iter().map(Tool::as_str).collect(),
            Self::Local => LocalTool::ALL.into_iter().map(LocalTool::as_str).collect(),
        }
    }
}
