//! Mappings with a fixed set of keys: an unknown key is an error that names the word that is used here.

use super::{Decoder, listed, nearest};
use crate::policy::yaml::{Entry, Node, Shape};
use std::ops::Range;

/// Which keys a mapping may have.
pub(crate) struct Mapping {
    /// What the mapping is, for a sentence: `a permission`.
    pub(crate) name: &'static str,
    /// The keys that it may have.
    pub(crate) keys: &'static [&'static str],
    /// Words that people know from elsewhere, Directus first of all; each with the key that stands for it here, or with
    /// a sentence where there is none.
    pub(crate) words: &'static [(&'static str, &'static str)],
}

/// The entries of such a mapping.
pub(crate) struct Object<'n> {
    mapping: &'static Mapping,
    entries: &'n [Entry],
    /// Keys that an unknown key was probably meant to be, so that they are not reported as missing too.
    meant: Vec<&'static str>,
    span: Range<usize>,
}

impl Decoder<'_> {
    /// Opens a mapping; unknown keys are reported.
    pub(crate) fn object<'n>(&mut self, node: &'n Node, mapping: &'static Mapping) -> Option<Object<'n>> {
        let entries = match &node.shape {
            Shape::Map(entries) => entries.as_slice(),
            Shape::Broken => return None,
            Shape::Null | Shape::Bool(_) | Shape::Number(_) | Shape::Text { .. } | Shape::List(_) => {
                let help = format!("write {} with {}", mapping.name, listed(mapping.keys));
                self.expected(node, mapping.name, &help);
                return None;
            }
        };
        let mut object = Object { mapping, entries, meant: Vec::new(), span: node.span.clone() };
        for entry in entries.iter().filter(|entry| !mapping.keys.contains(&entry.key.as_str())) {
            object.meant.extend(self.unknown_key(entry, mapping));
        }
        Some(object)
    }

    fn unknown_key(&mut self, entry: &Entry, mapping: &'static Mapping) -> Option<&'static str> {
        let key = entry.key.as_str();
        let word = mapping.words.iter().find(|(word, _)| *word == key).map(|(_, here)| *here);
        let called = word.filter(|here| mapping.keys.contains(here));
        let near = nearest(key, mapping.keys);
        let help = match (called, word, near) {
            (Some(here), _, _) => format!("`{key}` is called `{here}` here"),
            (None, Some(sentence), _) => sentence.to_owned(),
            (None, None, Some(near)) => format!("did you mean `{near}`?"),
            (None, None, None) => format!("{} has {}", mapping.name, listed(mapping.keys)),
        };
        self.error("unknown-key", &entry.key_span, format!("`{key}` is not a key of {}", mapping.name), help);
        called.or(near.filter(|_| word.is_none()))
    }
}

impl<'n> Object<'n> {
    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&'n Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// Key and value.
    pub(crate) fn entry(&self, key: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The value of a key that has to be there; reported where it is not.
    pub(crate) fn required(
        &self,
        decoder: &mut Decoder<'_>,
        key: &'static str,
        help: &str,
    ) -> Option<&'n Node> {
        let found = self.get(key);
        if found.is_none() && !self.meant.contains(&key) {
            let message = format!("{} needs `{key}`", self.mapping.name);
            decoder.error("missing-key", &self.head(), message, help);
        }
        found
    }

    /// Where it begins: its first key, so that the caret does not cover all of it.
    pub(crate) fn head(&self) -> Range<usize> {
        self.entries.first().map_or(self.span.clone(), |entry| entry.key_span.clone())
    }
}
