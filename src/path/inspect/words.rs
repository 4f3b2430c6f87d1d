//! What a text of Directus' names: whether one of its words is something that the role may not read.

use crate::policy::Visibility;
use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;

/// What a role may be told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ears<'a> {
    /// `None` where there is no schema to tell by: then no text is shown.
    pub(super) sees: Option<Visibility<'a>>,
    /// The collection that the text is about.
    pub(super) about: Option<&'a str>,
    pub(super) heard: &'a Heard,
}

/// What has been found out about the words of one answer, of which a long one repeats many.
#[derive(Debug, Default)]
pub(super) struct Heard {
    hidden: RefCell<BTreeMap<String, bool>>,
    phrases: OnceCell<Vec<String>>,
}

impl Ears<'_> {
    /// Whether an error's text names nothing that the role may not read, and is no statement of the database.
    pub(super) fn may_hear(&self, text: &str) -> bool {
        !is_statement(text) && !self.names_hidden(text)
    }

    /// Whether a name in it is one that the role may not read, or may be one that is written so that it does not look like it.
    pub(super) fn names_hidden(&self, text: &str) -> bool {
        let Some(sees) = self.sees else { return true };
        let names = |piece: &str| {
            let word = piece.trim_start_matches(|letter| !is_part(letter));
            let is_name = piece.len() > word.len() && piece.starts_with(['"', '\'', '`', '.', '{']);
            !word.is_empty() && (is_name || !SENTENCES.contains(&word)) && self.hides(sees, word)
        };
        // Each piece is a word with the one sign that stands before it.
        let ends = text.char_indices().filter(|(_, letter)| !is_part(*letter)).map(|(at, _)| at);
        let mut starts: Vec<usize> = std::iter::once(0).chain(ends).collect();
        starts.push(text.len());
        let mut pieces = starts.windows(2).filter_map(|pair| text.get(*pair.first()?..*pair.last()?));
        let phrases = self.heard.phrases.get_or_init(|| sees.phrases().map(str::to_owned).collect());
        // JSON within the text may spell a name by numbers.
        text.contains("\\u")
            || pieces.any(names)
            || phrases.iter().any(|name| text.contains(name) && self.hides(sees, name))
    }

    /// Whether a word by itself is such a name.
    pub(super) fn is_hidden(&self, word: &str) -> bool {
        self.sees.is_none_or(|sees| self.hides(sees, word))
    }

    fn hides(&self, sees: Visibility<'_>, word: &str) -> bool {
        if self.about.is_some_and(|about| sees.hides_in(about, word)) {
            return true;
        }
        if let Some(hidden) = self.heard.hidden.borrow().get(word) {
            return *hidden;
        }
        let hidden = sees.hides(word);
        self.heard.hidden.borrow_mut().insert(word.to_owned(), hidden);
        hidden
    }
}

/// Words of Directus' own sentences, which name nothing where they do not stand in quotes.
const SENTENCES: [&str; 20] = [
    "access",
    "action",
    "collection",
    "data",
    "error",
    "field",
    "fields",
    "file",
    "id",
    "item",
    "items",
    "key",
    "keys",
    "name",
    "path",
    "query",
    "type",
    "user",
    "value",
    "values",
];

fn is_part(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_' || letter == '$'
}

/// A database's own text: it repeats the statement with its values.
fn is_statement(text: &str) -> bool {
    let text = text.to_lowercase();
    let begins =
        ["select ", "insert ", "update ", "delete ", "alter ", "create ", "drop ", "with ", "pragma "];
    let speaks = [
        "sqlite",
        "sqlstate",
        "constraint failed",
        "syntax error",
        "no such column",
        "no such table",
        "violates",
        "duplicate entry",
        " - ",
    ];
    begins.iter().any(|begin| text.starts_with(begin)) || speaks.iter().any(|part| text.contains(part))
}
