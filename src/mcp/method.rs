//! The methods that the gateway knows.

use super::era::Era;

/// A method of the protocol that reaches Directus, or that the gateway answers itself.
///
/// Directus handles exactly these, but for [`Method::Discover`]; it answers every other one with -32601 (FACTS section 1), and so does
/// the gateway, without asking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `initialize`
    Initialize,
    /// `server/discover`
    Discover,
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
    pub const ALL: [Self; 7] = [
        Self::Initialize,
        Self::Discover,
        Self::Ping,
        Self::ToolsList,
        Self::ToolsCall,
        Self::PromptsList,
        Self::PromptsGet,
    ];

    /// Its name in the protocol.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initialize => "initialize",
            Self::Discover => "server/discover",
            Self::Ping => "ping",
            Self::ToolsList => "tools/list",
            Self::ToolsCall => "tools/call",
            Self::PromptsList => "prompts/list",
            Self::PromptsGet => "prompts/get",
        }
    }

    /// The method that an era has under that name; names are exact, as they are to Directus.
    pub fn named(era: Era, name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name && method.is_of(era))
    }

    /// 2026-07-28, *Key Changes*: `initialize` and `ping` are gone, and `server/discover` has come.
    fn is_of(self, era: Era) -> bool {
        match self {
            Self::Initialize | Self::Ping => era == Era::Legacy,
            Self::Discover => era == Era::Modern,
            Self::ToolsList | Self::ToolsCall | Self::PromptsList | Self::PromptsGet => true,
        }
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
        for era in [Era::Legacy, Era::Modern] {
            for method in Method::ALL.into_iter().filter(|method| method.is_of(era)) {
                assert_eq!(Method::named(era, method.as_str()), Some(method));
            }
            for name in ["Tools/Call", "tools/call ", "resources/list", "", "tools/forget"] {
                assert_eq!(Method::named(era, name), None, "{name}");
            }
        }
    }

    #[test]
    fn each_era_has_methods_of_its_own() {
        for (name, legacy, modern) in [
            ("initialize", true, false),
            ("ping", true, false),
            ("server/discover", false, true),
            ("tools/list", true, true),
            ("tools/call", true, true),
            ("prompts/list", true, true),
            ("prompts/get", true, true),
            ("subscriptions/listen", false, false),
            ("tasks/get", false, false),
            ("logging/setLevel", false, false),
        ] {
            let is_known = [Era::Legacy, Era::Modern].map(|era| Method::named(era, name).is_some());
            assert_eq!(is_known, [legacy, modern], "{name}");
        }
    }

    #[test]
    fn notifications_have_a_name() {
        assert!(is_notification("notifications/cancelled"));
        assert!(!is_notification("notifications/"));
        assert!(!is_notification("tools/call"));
    }
}
