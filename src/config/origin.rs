//! Where a setting comes from.

use std::collections::BTreeMap;
use std::fmt;

/// Where a setting comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// Nobody has said anything.
    #[default]
    Default,
    /// A line of the settings' file.
    File {
        /// The file.
        file: String,
        /// Counted from 1.
        line: usize,
    },
    /// An environment variable.
    Environment(String),
    /// A flag of the command line.
    Flag(String),
}

/// Where settings come from, by their dotted paths: `upstream.url`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    places: BTreeMap<String, Origin>,
    /// Texts with `${NAME}` in them as they are written, by what they are read as.
    written: BTreeMap<String, String>,
}

impl Origins {
    /// Notes where a setting comes from, in the place of whatever was noted before.
    pub fn say(&mut self, path: &str, origin: Origin) {
        // What may be written in short stands for the same setting.
        let path = match path {
            "listen" => "listen.address",
            "insecure" => "listen.insecure",
            "allowed_origins" => "listen.allowed_origins",
            other => other,
        };
        self.places.insert(path.to_owned(), origin);
    }

    /// Notes how a text is written that is read as something else, since the environment has a part of it.
    pub fn spell(&mut self, read: &str, written: &str) {
        self.written.insert(read.to_owned(), written.to_owned());
    }

    /// How a text is written.
    pub fn as_written<'t>(&'t self, read: &'t str) -> &'t str {
        self.written.get(read).map_or(read, String::as_str)
    }

    /// Whether anything was noted of a setting.
    pub fn knows(&self, path: &str) -> bool {
        self.of(path) != Origin::Default
    }

    /// Where a setting comes from; of a mapping, where its first part does.
    pub fn of(&self, path: &str) -> Origin {
        let within = || {
            let parts = self.places.range(format!("{path}.")..);
            parts.take_while(|(part, _)| part.starts_with(path)).map(|(_, origin)| origin).next()
        };
        self.places.get(path).or_else(within).cloned().unwrap_or_default()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { file, line } => write!(f, "{file}:{line}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}
