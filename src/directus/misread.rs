//! What cannot be told, and hence is denied.

/// Why it cannot be told what a request would do.
///
/// The text goes to the client, so it names only what the client itself wrote.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misread {
    /// The request is not one that the decoder takes.
    #[error("{0}")]
    NotUnderstood(String),
    /// The method is not one that the gateway knows.
    #[error("the method `{0}` is not offered here")]
    UnknownMethod(String),
    /// What it would do depends on the schema, and there is no snapshot to tell by.
    #[error(
        "the schema of Directus cannot be read at the moment, so it cannot be told what this call would do: try again later"
    )]
    NoSchema,
}

impl Misread {
    /// Not understood, for that reason.
    pub fn because(reason: impl Into<String>) -> Self {
        Self::NotUnderstood(reason.into())
    }
}
