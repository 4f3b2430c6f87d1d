//! What a text of Directus' names: whether one of its words is something that the role may not read.

use crate::policy::Visibility;

/// What a role may be told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ears<'a> {
    /// `None` where there is no schema to tell by: then no text is shown.
    pub(super) sees: Option<Visibility<'a>>,
    /// The collection that the text is about.
    pub(super) about: Option<&'a str>,
}

impl Ears<'_> {
    /// Whether an error's text names nothing that the role may not read, and is no statement of the database.
    pub(super) fn may_hear(&self, text: &str) -> bool {
        !is_statement(text) && !self.names_hidden(text)
    }

    /// Whether one of the words is a name that the role may not read, or may be one that is written so that it does not look like it.
    pub(super) fn names_hidden(&self, text: &str) -> bool {
        let Some(sees) = self.sees else { return true };
        let names = |piece: &str| {
            let word = piece.trim_start_matches(|letter| !is_part(letter));
            let is_name = piece.len() > word.len() && piece.starts_with(['"', '\'', '`', '.', '{']);
            (is_name || !SENTENCES.contains(&word)) && sees.hides(word, self.about)
        };
        // Each piece is a word with the one sign that stands before it.
        let ends = text.char_indices().filter(|(_, letter)| !is_part(*letter)).map(|(at, _)| at);
        let mut starts: Vec<usize> = std::iter::once(0).chain(ends).collect();
        starts.push(text.len());
        let mut pieces = starts.windows(2).filter_map(|pair| text.get(*pair.first()?..*pair.last()?));
        // JSON within the text may spell a name by numbers.
        text.contains("\\u") || pieces.any(names) || sees.hides_phrase(text, self.about)
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
