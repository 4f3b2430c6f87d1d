//! The schema snapshot: what Directus' collections, fields and relations are, at one moment.
//!
//! Only with it can a plain value be told from a relation, `*` be spelled out and a key be read as its collection reads it.
//! It is made from what `GET /collections`, `/fields` and `/relations` answer, or from the file that Directus' own
//! `schema snapshot` writes.

mod read;

pub use read::SchemaError;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The collections, fields and relations of one Directus at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaSnapshot {
    collections: BTreeMap<String, Collection>,
    version: Option<String>,
    digest: String,
}

impl SchemaSnapshot {
    /// The collection of that name; names are exact.
    pub fn collection(&self, name: &str) -> Option<&Collection> {
        self.collections.get(name)
    }

    /// Every collection, by name, system ones included.
    pub fn collections(&self) -> impl Iterator<Item = &Collection> {
        self.collections.values()
    }

    /// The version of Directus, where it is known.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The same snapshot, of a Directus of that version.
    #[must_use]
    pub fn of_version(self, version: Option<String>) -> Self {
        Self::new(self.collections, version)
    }

    /// Whether Directus filters what a pointer to one item leads to, where `deep` says so: measured on 12.4.
    pub fn filters_to_one(&self) -> bool {
        self.version().is_some_and(|version| version.starts_with("12.4."))
    }

    /// A snapshot that no Directus gave: these collections beside those of this one, and in place of those that are called the same.
    pub(crate) fn with(self, more: impl IntoIterator<Item = Collection>) -> Self {
        let mut collections = self.collections;
        collections.extend(more.into_iter().map(|collection| (collection.name.clone(), collection)));
        Self::new(collections, self.version)
    }

    fn new(collections: BTreeMap<String, Collection>, version: Option<String>) -> Self {
        let text = text(&collections, version.as_deref());
        let digest = Sha256::digest(text).iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        Self { collections, version, digest }
    }

    /// Whether the collection only links others, so that `@junctions` speaks of it. System collections never count:
    /// `directus_access` links users to their policies, and a rule for links must not reach it.
    pub fn is_junction(&self, name: &str) -> bool {
        self.collections.get(name).is_some_and(|collection| collection.junction && !collection.is_system())
    }

    /// SHA-256 of [`SchemaSnapshot::text`], in hexadecimal: equal snapshots have equal digests.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The whole snapshot as JSON text, always the same for the same snapshot.
    pub fn text(&self) -> String {
        text(&self.collections, self.version())
    }
}

/// One collection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// Its name.
    pub name: String,
    /// By name.
    pub fields: BTreeMap<String, Field>,
    /// The field that identifies an item; `None` where the snapshot names none.
    pub primary_key: Option<String>,
    /// Holds exactly one item: create is update, and keys are ignored.
    pub singleton: bool,
    /// Has a relation that names a junction field.
    pub junction: bool,
    /// What the database does to other collections when an item goes.
    pub on_delete: Vec<OnDelete>,
}

/// What the database does to the items of another collection when one of this goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnDelete {
    /// The other collection.
    pub collection: String,
    /// Its field that points here.
    pub field: String,
    /// Whether its items go too, or only lose their pointer.
    pub consequence: Deselect,
}

impl Collection {
    /// Whether it is Directus' own.
    pub fn is_system(&self) -> bool {
        self.name.starts_with("directus_")
    }

    /// The type of its primary key.
    pub fn key_type(&self) -> Option<&str> {
        let key = self.primary_key.as_ref()?;
        self.fields.get(key).map(|field| field.type_name.as_str())
    }
}

/// One field of a collection.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about one field")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Directus' word for its type: `string`, `integer`, `json`, `alias`, …
    pub type_name: String,
    /// What a value of it means.
    pub kind: FieldKind,
    /// What an item has where a create leaves the field out, as JSON text; `None` where the snapshot names none.
    pub default: Option<String>,
    /// Whether Directus fills it when an item is created.
    pub filled_on_create: bool,
    /// Whether Directus fills it whenever an item is updated, whatever the request says.
    pub filled_on_update: bool,
    /// Whether Directus fills it when an item is created, whatever the request says.
    pub overwritten_on_create: bool,
    /// Whether a `search` looks at it, if it does at fields of that type: it is not concealed, and not left out on purpose.
    pub searchable: bool,
}

impl Field {
    /// The default as a value.
    pub fn default_value(&self) -> Option<serde_json::Value> {
        serde_json::from_str(self.default.as_ref()?).ok()
    }
}

/// What a value of a field means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FieldKind {
    /// A plain value, a JSON document included.
    Plain,
    /// The key of an item of another collection, or that item itself.
    ManyToOne {
        /// The other collection.
        related: String,
    },
    /// The key of an item of one of several collections, or that item itself.
    ManyToAny {
        /// The collections that it may point to.
        allowed: Vec<String>,
        /// The field beside it that names the collection.
        collection_field: String,
    },
    /// The items of another collection that point back here; no column of its own.
    OneToMany {
        /// The other collection.
        related: String,
        /// Its field that points back.
        field: String,
        /// What becomes of an item that is no longer listed.
        deselect: Deselect,
        /// The field that keeps their order, if one does; Directus fills it.
        sort_field: Option<String>,
    },
    /// Shown in the data studio, without any data: a divider, a notice.
    Presentation,
}

/// What becomes of a child that its parent no longer lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Deselect {
    /// Its field that points back becomes null.
    Nullify,
    /// It is deleted.
    Delete,
}

impl SchemaSnapshot {
    /// Reads back what [`SchemaSnapshot::text`] wrote, such as a trail keeps; `None` where it is something else.
    pub fn from_text(text: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Text {
            version: Option<String>,
            collections: BTreeMap<String, Collection>,
        }
        let Text { version, collections } = serde_json::from_str(text).ok()?;
        Some(Self::new(collections, version))
    }
}

/// A snapshot as JSON text; maps are sorted, so equal ones have equal texts.
fn text(collections: &BTreeMap<String, Collection>, version: Option<&str>) -> String {
    #[derive(Serialize)]
    struct Text<'a> {
        version: Option<&'a str>,
        collections: &'a BTreeMap<String, Collection>,
    }
    // Strings, lists and maps with text for keys always have a text.
    serde_json::to_string(&Text { version, collections }).unwrap_or_default()
}
