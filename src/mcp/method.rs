//! The methods that the gateway knows.

/// A method of the protocol that reaches Directus, or that the gateway answers itself.
///
/// Directus handles exactly these; it answers every other one with -32601 (FACTS section 1), and so does the gateway,
/// without asking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `initialize`
    Initialize,
    /// `ping`
    Ping,
    /// `tools/list`
    ToolsList,
    /// `tools/call`
    ToolsCall,
    /// `prompts/list`
    PromptsList,
    /// `prompts/get`
    PromptsGet,
}

impl Method {
    /// Every method there is.
    pub const ALL: [Self; 6] =
        [Self::Initialize, Self::Ping, Self::ToolsList, Self::ToolsCall, Self::PromptsList, Self::PromptsGet];

    /// Its name in the protocol.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initialize => "initialize",
            Self::Ping => "ping",
            Self::ToolsList => "tools/list",
            Self::ToolsCall => "tools/call",
            Self::PromptsList => "prompts/list",
            Self::PromptsGet => "prompts/get",
        }
    }

    /// The method of that name; names are exact, as they are to Directus.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }
}

/// Whether a message of that method, sent without an id, is a notification of the protocol.
pub fn is_notification(method: &str) -> bool {
    method.strip_prefix("notifications/").is_some_and(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_exact() {
        for method in Method::ALL {
            assert_eq!(Method::named(method.as_str()), Some(method));
        }
        for name in ["Tools/Call", "tools/call ", "resources/list", "", "tools/forget"] {
            assert_eq!(Method::named(name), None, "{name}");
        }
    }

    #[test]
    fn notifications_have_a_name() {
        assert!(is_notification("notifications/cancelled"));
        assert!(!is_notification("notifications/"));
        assert!(!is_notification("tools/call"));
    }
}
