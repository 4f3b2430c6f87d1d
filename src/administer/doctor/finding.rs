//! What `warrener doctor` can find: one closed list, and what was found.

use secrecy::{ExposeSecret as _, SecretString};
use std::fmt;

/// Makes the list, so that none can be left out of it.
macro_rules! findings {
    ($($case:ident, $name:literal, $meaning:literal;)*) => {
        /// What can be found.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Finding {
            $(#[doc = $meaning] $case,)*
        }

        impl Finding {
            /// All of them, in the order in which they are told.
            pub const ALL: &'static [Self] = &[$(Self::$case),*];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$case => $name,)*
                }
            }

            /// What is looked at, for people.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$case => $meaning,)*
                }
            }
        }
    };
}

findings! {
    Policies, "policies", "what `warrener check` says of the policies";
    Listen, "listen", "whether keys and content go over the network in cleartext between clients and gateway";
    Gateway, "gateway", "whether a gateway is at work on this trail, and whether something else has its address";
    Directus, "directus", "whether Directus can be reached, TLS included";
    Cleartext, "cleartext", "whether the way to Directus is encrypted";
    Version, "version", "whether Directus is new enough to have an MCP endpoint";
    Clock, "clock", "whether the clocks of Directus and of this machine agree within 5 s";
    Token, "token", "whether Directus takes the upstream token, and whose it is";
    Administrator, "administrator", "whether that token is an administrator's";
    Rights, "rights", "what Directus lets its user do";
    KeyToken, "key-token", "the same of the Directus tokens that keys have of their own";
    Schema, "schema", "whether the data model can be read";
    Mcp, "mcp", "whether MCP is on";
    LocalMcp, "local-mcp", "whether the Local MCP can be started, where calls go through one";
    AllowDeletes, "allow-deletes", "Directus' own switch against deletes";
    SystemPrompt, "system-prompt", "whether Directus gives clients a system prompt";
    RelationDeletes, "relation-deletes", "relations by which an update deletes, whatever Allow Deletes says, and which roles may";
    CascadeDeletes, "cascade-deletes", "items that the database deletes in turn, and which roles may bring that about";
    Flows, "flows", "which flows each role may start, and which of those act with more rights than the caller's";
    OwnFlows, "own-flows", "flows that act by themselves, where Warrener does not look";
    Around, "around", "whether Directus' MCP endpoint is reached without the gateway";
    Trail, "trail", "whether the trail opens and can be written";
    TrailMode, "trail-mode", "who else can read the trail's file";
    DiskSpace, "disk-space", "what is free on the trail's disk";
    OpenCalls, "open-calls", "calls that have no outcome";
    SigningKey, "signing-key", "whether the end of the trail is signed, and who else can read the key";
    Checkpoint, "checkpoint", "when the end of the trail was last signed";
    Keys, "keys", "whether there are client keys";
    KeyExpiry, "key-expiry", "keys that have expired, or do within 7 days";
    KeyRole, "key-role", "keys of a role that has no policy";
    KeyMode, "key-mode", "who else can read the key file";
    Stops, "stops", "whose calls are stopped";
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Note,
    /// Something to change, or to mean so.
    Warn,
    /// It does not work, or does not protect.
    Fail,
}

impl Level {
    /// All of them, the best first.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Note, Self::Warn, Self::Fail];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What.
    pub finding: Finding,
    /// How bad it is.
    pub level: Level,
    /// What is the case.
    pub says: String,
    /// What to do about it; `None` where there is nothing to do.
    pub help: Option<String>,
}

/// All that was found, in the order of [`Finding::ALL`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    found: Vec<Found>,
    /// What stands in no text of it.
    secrets: Vec<Hidden>,
}

/// A secret that is kept to be left out.
#[derive(Clone, PartialEq, Eq)]
struct Hidden(String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden")
    }
}

impl Report {
    /// What was found, each text without secrets.
    pub fn found(&self) -> Vec<Found> {
        let mut found: Vec<Found> = self.found.iter().map(|one| self.without_secrets(one)).collect();
        found.sort_by_key(|one| one.finding);
        found
    }

    /// The worst of it.
    pub fn worst(&self) -> Level {
        self.found.iter().map(|found| found.level).max().unwrap_or(Level::Ok)
    }

    /// How many there are of a level.
    pub fn count(&self, level: Level) -> usize {
        self.found.iter().filter(|found| found.level == level).count()
    }

    /// Keeps a secret out of every text.
    pub(super) fn hide(&mut self, secret: &SecretString) {
        self.secrets.push(Hidden(secret.expose_secret().to_owned()));
    }

    pub(super) fn ok(&mut self, finding: Finding, says: impl Into<String>) {
        self.found.push(Found { finding, level: Level::Ok, says: says.into(), help: None });
    }

    pub(super) fn note(&mut self, finding: Finding, says: impl Into<String>, help: &str) {
        self.say(finding, Level::Note, says, help);
    }

    pub(super) fn warn(&mut self, finding: Finding, says: impl Into<String>, help: &str) {
        self.say(finding, Level::Warn, says, help);
    }

    pub(super) fn fail(&mut self, finding: Finding, says: impl Into<String>, help: &str) {
        self.say(finding, Level::Fail, says, help);
    }

    fn say(&mut self, finding: Finding, level: Level, says: impl Into<String>, help: &str) {
        let help = (!help.is_empty()).then(|| help.to_owned());
        self.found.push(Found { finding, level, says: says.into(), help });
    }

    fn without_secrets(&self, found: &Found) -> Found {
        let hide = |text: &str| {
            let hidden = self.secrets.iter().filter(|secret| !secret.0.is_empty());
            hidden.fold(text.to_owned(), |text, secret| text.replace(&secret.0, "[secret]"))
        };
        Found { says: hide(&found.says), help: found.help.as_deref().map(hide), ..found.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_told() {
        let mut report = Report::default();
        report.warn(Finding::Token, "the token s3cret is wrong", "replace s3cret");
        report.hide(&"s3cret".into());
        let found = report.found().remove(0);
        assert_eq!(found.says, "the token [secret] is wrong");
        assert_eq!(found.help.as_deref(), Some("replace [secret]"));
        assert!(!format!("{report:?}").contains("Hidden(\"s3cret"));
    }
}
