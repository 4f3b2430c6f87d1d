//! The lints: what is said about policies that load, each by a name that stays.

use std::fmt;

/// One thing that policies which load may be told of.
///
/// A lint is a warning, and can be [silenced](crate::policy::document::Silence) with a reason. What is an error cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lint {
    /// A permission that is empty.
    NeverMatches,
    /// A rule that an earlier one leaves nothing to do.
    DeadRule,
    /// A permission, or a part of one, that a `forbid` of the role or of the guardrails always denies.
    ForbiddenAnyway,
    /// Permissions that only together would permit a call.
    MixedPermissions,
    /// Writing to what may not be read.
    WriteWithoutRead,
    /// A `"*"` that reaches `directus_users`.
    ReachesUsers,
    /// A write by which a role could give itself more rights.
    RaisesRights,
    /// Writes that pass because a role or a rule is only observed.
    ObservedWrites,
    /// A filter by the current user, who is that of the upstream token.
    CurrentUser,
    /// A validation by what only Directus knows.
    UnknownValue,
    /// `import` on a collection that has no bytes.
    ImportCollection,
    /// An import without encryption.
    ImportCleartext,
    /// A limit that others keep from ever being reached.
    UnreachableLimit,
    /// A collection that the schema does not have.
    UnknownCollection,
    /// A field that the schema does not have.
    UnknownField,
    /// A pattern that nothing in the schema fits.
    UnmatchedPattern,
    /// A filter on items that a pointer to one item leads to as well.
    FilterBehindPointer,
    /// A validation that fails where a new item leaves the field to its default.
    FailingDefault,
    /// A silence that silences nothing.
    UnusedSilence,
}

impl Lint {
    /// Every lint, in the order of the documentation.
    pub const ALL: [Self; 19] = [
        Self::NeverMatches,
        Self::DeadRule,
        Self::ForbiddenAnyway,
        Self::MixedPermissions,
        Self::WriteWithoutRead,
        Self::ReachesUsers,
        Self::RaisesRights,
        Self::ObservedWrites,
        Self::CurrentUser,
        Self::UnknownValue,
        Self::ImportCollection,
        Self::ImportCleartext,
        Self::UnreachableLimit,
        Self::UnknownCollection,
        Self::UnknownField,
        Self::UnmatchedPattern,
        Self::FilterBehindPointer,
        Self::FailingDefault,
        Self::UnusedSilence,
    ];

    /// Its name, as in `warning[dead-rule]`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NeverMatches => "never-matches",
            Self::DeadRule => "dead-rule",
            Self::ForbiddenAnyway => "forbidden-anyway",
            Self::MixedPermissions => "mixed-permissions",
            Self::WriteWithoutRead => "write-without-read",
            Self::ReachesUsers => "reaches-users",
            Self::RaisesRights => "raises-rights",
            Self::ObservedWrites => "observed-writes",
            Self::CurrentUser => "current-user",
            Self::UnknownValue => "unknown-value",
            Self::ImportCollection => "import-collection",
            Self::ImportCleartext => "import-cleartext",
            Self::UnreachableLimit => "unreachable-limit",
            Self::UnknownCollection => "unknown-collection",
            Self::UnknownField => "unknown-field",
            Self::UnmatchedPattern => "unmatched-pattern",
            Self::FilterBehindPointer => "filter-behind-pointer",
            Self::FailingDefault => "failing-default",
            Self::UnusedSilence => "unused-silence",
        }
    }

    /// What it is about, in a sentence without a period.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::NeverMatches => "a permission has no collections, actions or keys, so it permits nothing",
            Self::DeadRule => "an earlier rule covers all of this one, so it does nothing",
            Self::ForbiddenAnyway => {
                "what is permitted here is always forbidden by the role or the guardrails"
            }
            Self::MixedPermissions => {
                "two permissions would only together permit a call, and they do not mix"
            }
            Self::WriteWithoutRead => "what is written may not be read, so the client never sees it",
            Self::ReachesUsers => "a `\"*\"` reaches `directus_users` too",
            Self::RaisesRights => {
                "the role may write what rights in Directus are made of, and so raise its own"
            }
            Self::ObservedWrites => "writes pass because a role or a rule is only observed",
            Self::CurrentUser => "`$CURRENT_USER` is the user of the upstream token, not the client",
            Self::UnknownValue => "a validation compares with what only Directus knows, so it denies",
            Self::ImportCollection => "`import` is permitted, but not on `directus_files`",
            Self::ImportCleartext => "bytes are imported without encryption",
            Self::UnreachableLimit => {
                "another limit is always reached first, or nothing that the role may do counts"
            }
            Self::UnknownCollection => "a permission names a collection that the schema does not have",
            Self::UnknownField => "a permission names a field that none of its collections has",
            Self::UnmatchedPattern => "a pattern with `*` fits nothing that the schema has",
            Self::FilterBehindPointer => {
                "items with a `filter` are also what a pointer to one item leads to, where it may not be kept"
            }
            Self::FailingDefault => "a new item that leaves a field to its default fails the validation",
            Self::UnusedSilence => "an entry of `silence` silences nothing",
        }
    }

    /// Whether there is something of it that can only be told with a schema.
    pub const fn asks_schema(self) -> bool {
        match self {
            // Junctions, and what patterns match, are known by the schema.
            Self::ForbiddenAnyway
            | Self::WriteWithoutRead
            | Self::UnknownCollection
            | Self::UnknownField
            | Self::UnmatchedPattern
            | Self::FilterBehindPointer
            | Self::FailingDefault => true,
            Self::NeverMatches
            | Self::DeadRule
            | Self::MixedPermissions
            | Self::ReachesUsers
            | Self::RaisesRights
            | Self::ObservedWrites
            | Self::CurrentUser
            | Self::UnknownValue
            | Self::ImportCollection
            | Self::ImportCleartext
            | Self::UnreachableLimit
            | Self::UnusedSilence => false,
        }
    }

    /// Whether a policy file may silence it. What tells of silences that are no longer needed cannot be.
    pub fn can_be_silenced(self) -> bool {
        self != Self::UnusedSilence
    }

    /// The lint of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lint| lint.name() == name)
    }
}

impl fmt::Display for Lint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each has a row in the page about the language, in this order, and an example there.
    #[test]
    fn every_lint_is_documented() {
        let page = include_str!("../../../policies/README.md");
        let section = page.split("\n## Lints\n").nth(1).unwrap().split("\n## ").next().unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
        let rows: Vec<(&str, &str)> = rows.collect();
        assert_eq!(rows.iter().map(|row| row.0).collect::<Vec<_>>(), Lint::ALL.map(Lint::name));
        for (lint, (_, row)) in Lint::ALL.into_iter().zip(rows) {
            assert!(row.starts_with(lint.meaning()), "{lint}: {row}");
            let example = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
            assert!(example.contains('`'), "{lint} has no example: {example}");
        }
    }

    #[test]
    fn names_are_told_apart() {
        for lint in Lint::ALL {
            assert_eq!(Lint::named(lint.name()), Some(lint));
            assert!(lint.name().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'));
        }
    }
}
