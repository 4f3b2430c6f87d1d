//! What a tool call does to the data, in Directus' own words.

use super::carrier::Carrier;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// One action on one collection: the unit that policies speak of.
///
/// A tool call is decoded into all the accesses that it asks for or implies; nothing else about the call is looked at when
/// it is decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    /// What is done.
    pub action: Action,
    /// The Directus collection, system ones (`directus_*`) included.
    pub collection: String,
    /// The fields that are read or written.
    pub fields: Fields,
    /// Which items.
    pub extent: Extent,
    /// The path through which the access arises: empty at the root, `comments` for what a nested relation reads.
    pub via: String,
    /// Whether the request itself says it, or Directus does it in turn.
    pub origin: Origin,
    /// What of the request can carry an obligation on it.
    pub(crate) carrier: Carrier,
}

impl Access {
    /// An asked access at the root of a call.
    pub fn asked(action: Action, collection: impl Into<String>, fields: Fields, extent: Extent) -> Self {
        Self {
            action,
            collection: collection.into(),
            fields,
            extent,
            via: String::new(),
            origin: Origin::Asked,
            carrier: Carrier::Nothing,
        }
    }

    /// The same access, brought about otherwise.
    pub(crate) fn with_origin(self, origin: Origin) -> Self {
        Self { origin, ..self }
    }

    /// The same access, carried by that.
    pub(crate) fn carried(self, carrier: Carrier) -> Self {
        Self { carrier, ..self }
    }

    /// The same access, arising through that path.
    pub(crate) fn with_via(self, via: impl Into<String>) -> Self {
        Self { via: via.into(), ..self }
    }
}

/// What is done to the items of a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Items, or facts about them, come back.
    Read,
    /// New items.
    Create,
    /// Fields of existing items change.
    Update,
    /// Items go.
    Delete,
    /// A flow runs.
    Execute,
    /// Bytes from a URL go into a file.
    Import,
}

impl Action {
    /// Every action there is, in the order of the documentation.
    pub const ALL: [Self; 6] =
        [Self::Read, Self::Create, Self::Update, Self::Delete, Self::Execute, Self::Import];

    /// The word for it in policies, in the trail and in `explain`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Execute => "execute",
            Self::Import => "import",
        }
    }

    /// The action of that name; names are exact.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == name)
    }

    /// The word for it in a sentence that begins with it, as in `Updating articles …`.
    pub fn doing(self) -> &'static str {
        match self {
            Self::Read => "Reading",
            Self::Create => "Creating in",
            Self::Update => "Updating",
            Self::Delete => "Deleting from",
            Self::Execute => "Running a flow on",
            Self::Import => "Importing into",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The fields of an access: those that the request names, and whether it asks for all the others with a wildcard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// Named by the request; one that may not be touched denies the call.
    pub named: BTreeSet<String>,
    /// Asked for with `*`, or by not naming any; a projection can leave out what may not be read.
    pub wildcard: bool,
    /// Of those that are named, the ones that nothing but a `search` looks at; it can be put so that it looks at fewer.
    pub searched: BTreeSet<String>,
}

impl Fields {
    /// No field at all, as for a delete.
    pub fn none() -> Self {
        Self::default()
    }

    /// All fields, by wildcard.
    pub fn all() -> Self {
        Self { wildcard: true, ..Self::default() }
    }

    /// Exactly these.
    pub fn named<I: IntoIterator<Item = S>, S: Into<String>>(names: I) -> Self {
        Self { named: names.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// As `explain` and the trail show them: `["*"]` for all, `[]` for none, else sorted names.
    pub fn shown(&self) -> Vec<String> {
        if self.wildcard { vec!["*".to_owned()] } else { self.named.iter().cloned().collect() }
    }
}

/// Which items of the collection an access is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Extent {
    /// Named by primary key.
    Keys(Vec<Key>),
    /// The children of named parents, not named themselves.
    Children(u64),
    /// So many new ones.
    New(u64),
    /// The one item of a singleton.
    Singleton,
    /// Whatever a filter and a limit select.
    Query {
        /// As Directus will apply it; `None` for no limit.
        limit: Option<u64>,
        /// Whether the request says so, or Directus does by itself.
        said: bool,
        /// Whether there is a filter, and one that Directus does not take for none.
        filtered: bool,
    },
    /// Every item.
    All,
}

impl Extent {
    /// As `explain` and the trail show it.
    pub fn shown(&self) -> Value {
        match self {
            Self::Keys(keys) => {
                serde_json::json!({ "keys": keys.iter().map(Key::to_value).collect::<Vec<_>>() })
            }
            Self::Children(count) => serde_json::json!({ "children": count }),
            // Nobody can name the key of what does not exist yet.
            Self::New(_) => serde_json::json!({ "keys": [] }),
            Self::Query { limit, .. } => serde_json::json!({ "query": limit }),
            Self::Singleton | Self::All => Value::from("all"),
        }
    }
}

/// A primary key in its canonical form: integers without sign, point or leading zero, UUIDs in lower case.
///
/// Directus on SQLite takes `"01"`, `" 1"` and `"1e0"` for `1` (FACTS section 1), so a key that is not canonical is
/// refused where it is read, and never reaches this type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// An integer key.
    Number(u64),
    /// A UUID, or a string key.
    Text(String),
}

impl Key {
    /// The key as JSON.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Number(number) => Value::from(*number),
            Self::Text(text) => Value::from(text.as_str()),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

/// Who brought an access about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The request says it: it needs a permission.
    Asked,
    /// A wildcard of the request brings it along: a projection leaves it out where it may not be.
    Expanded,
    /// The database or Directus does it in turn: it needs no permission, but a `forbid` stops it.
    Implied,
    /// It comes with what is decided for itself, such as the key of a written row with the write.
    Included,
}

impl Origin {
    /// The word for it in `explain`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Expanded => "asked by wildcard",
            Self::Implied => "implied",
            Self::Included => "included",
        }
    }

    /// The one of that word.
    pub(crate) fn named(word: &str) -> Option<Self> {
        [Self::Asked, Self::Expanded, Self::Implied, Self::Included]
            .into_iter()
            .find(|origin| origin.as_str() == word)
    }

    /// Whether it counts as asked where only asked and implied are told apart.
    pub fn is_asked(self) -> bool {
        match self {
            Self::Asked | Self::Expanded => true,
            Self::Implied | Self::Included => false,
        }
    }
}
