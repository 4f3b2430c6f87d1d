//! What is asked: actions on collections and, where they are named, on fields of them.

use crate::directus::access::Action;
use crate::policy::decode::{Decoder, Names};
use crate::policy::diagnostic::{Diagnostic, Source};
use crate::policy::pattern::{CollectionPatterns, Patterns};
use crate::policy::yaml::Node;
use serde_json::Value;
use std::collections::BTreeSet;

/// Actions on collections, and on fields of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// What is done.
    pub actions: BTreeSet<Action>,
    /// To what.
    pub targets: Vec<Target>,
}

/// Collections, and fields of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The collections.
    pub collections: CollectionPatterns,
    /// The fields; `None` where it does not matter which, or whether any is named.
    pub fields: Option<Patterns>,
}

/// Why a question cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unread(String);

impl Question {
    /// Reads the words of a command line in the language of the policies: actions with commas between them, and for each target a list
    /// of collections with commas between them and, behind a dot, a list of fields.
    ///
    /// ```
    /// use warrener::policy::proof::Question;
    ///
    /// let question = Question::read("read,update", &["customers.ssn", "*,!directus_*"])?;
    /// assert_eq!(question.targets.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When one of them is not in that language.
    pub fn read<S: AsRef<str>>(actions: &str, targets: &[S]) -> Result<Self, Unread> {
        let actions = read(&list(actions), Decoder::actions)?;
        let targets: Vec<Target> =
            targets.iter().map(|target| Target::read(target.as_ref())).collect::<Result<_, _>>()?;
        if let Some(action) = targets.iter().find_map(|target| target.without_fields(&actions)) {
            return Err(Unread(whole(action)));
        }
        Ok(Self { actions, targets })
    }
}

impl Target {
    fn read(text: &str) -> Result<Self, Unread> {
        let (collections, fields) = match text.split_once('.') {
            Some((collections, fields)) => (collections, Some(fields)),
            None => (text, None),
        };
        if fields.is_some_and(|fields| fields.contains('.')) {
            return Err(Unread(format!(
                "`{text}` has two dots: collections stand before one, fields behind it; ask about several as arguments of their own"
            )));
        }
        Ok(Self {
            collections: read(&list(collections), Decoder::collections)?,
            fields: fields
                .map(|text| read(&list(text), |decoder, node| decoder.patterns(node, Names::Fields)))
                .transpose()?,
        })
    }

    /// An action that has no fields, where the target has some.
    pub(super) fn without_fields(&self, actions: &BTreeSet<Action>) -> Option<Action> {
        let mut whole =
            actions.iter().copied().filter(|action| matches!(action, Action::Delete | Action::Execute));
        self.fields.as_ref().and_then(|_| whole.next())
    }
}

/// That an action has no fields.
pub(super) fn whole(action: Action) -> String {
    format!("`{action}` is about whole items: leave the fields out, or ask about them apart")
}

/// A list with commas between its parts, as policies have it.
fn list(text: &str) -> Source {
    let parts: Value = text.split(',').map(|part| Value::from(part.trim())).collect();
    Source::new("the question", parts.to_string())
}

fn read<'s, T>(
    source: &'s Source,
    decode: impl FnOnce(&mut Decoder<'s>, &Node) -> Option<T>,
) -> Result<T, Unread> {
    let (mut decoder, root) = Decoder::open(source);
    let found = decode(&mut decoder, &root);
    match (found, decoder.close().into_iter().next()) {
        (Some(found), None) => Ok(found),
        (_, Some(problem)) => Err(Unread(in_words(problem))),
        (None, None) => Err(Unread(format!("`{}` cannot be read", source.text))),
    }
}

fn in_words(problem: Diagnostic) -> String {
    match problem.help {
        Some(help) => format!("{}: {help}", problem.message),
        None => problem.message,
    }
}
