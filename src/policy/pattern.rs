//! Name patterns: `*` within a name, case-sensitive, order irrelevant, `!` excludes.

/// A list of name patterns, for fields, tools and prompts.
///
/// A name matches when one of the plain patterns matches it and none of the excluding ones does. The empty list matches
/// nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patterns {
    included: Vec<Glob>,
    excluded: Vec<Glob>,
}

impl Patterns {
    /// Reads a list as it stands in a policy file; a leading `!` excludes.
    pub fn new<I: IntoIterator<Item = S>, S: AsRef<str>>(patterns: I) -> Self {
        let mut list = Self::default();
        for pattern in patterns {
            match pattern.as_ref().strip_prefix('!') {
                Some(excluded) => list.excluded.push(Glob::new(excluded)),
                None => list.included.push(Glob::new(pattern.as_ref())),
            }
        }
        list
    }

    /// The list that matches every name.
    pub fn all() -> Self {
        Self::new(["*"])
    }

    /// Whether the name is in the list.
    pub fn matches(&self, name: &str) -> bool {
        self.included.iter().any(|glob| glob.matches(name))
            && !self.excluded.iter().any(|glob| glob.matches(name))
    }

    /// Whether every name there is, or ever will be, is in the list.
    pub fn matches_everything(&self) -> bool {
        self.excluded.is_empty() && self.included.iter().any(Glob::matches_everything)
    }

    /// Whether no name can be in the list.
    pub fn is_empty(&self) -> bool {
        self.included.is_empty()
    }

    /// The patterns that include, in file order.
    pub fn included(&self) -> &[Glob] {
        &self.included
    }

    /// The patterns that exclude, without their `!`, in file order.
    pub fn excluded(&self) -> &[Glob] {
        &self.excluded
    }
}

/// A list of collection patterns; besides names it knows `@junctions`, the junction collections of the schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectionPatterns {
    names: Patterns,
    junctions: Option<bool>,
}

impl CollectionPatterns {
    /// The word for all junction collections of the schema.
    pub const JUNCTIONS: &'static str = "@junctions";

    /// Reads a list as it stands in a policy file; a leading `!` excludes, `@junctions` too.
    pub fn new<I: IntoIterator<Item = S>, S: AsRef<str>>(patterns: I) -> Self {
        let mut junctions = None;
        let mut names = Vec::new();
        for pattern in patterns {
            let pattern = pattern.as_ref();
            if pattern == Self::JUNCTIONS {
                // An exclusion wins wherever it stands in the list.
                junctions = junctions.or(Some(true));
            } else if pattern.strip_prefix('!') == Some(Self::JUNCTIONS) {
                junctions = Some(false);
            } else {
                names.push(pattern.to_owned());
            }
        }
        Self { names: Patterns::new(names), junctions }
    }

    /// Whether the collection is in the list.
    pub fn matches(&self, collection: &str, is_junction: bool) -> bool {
        let excluded = self.names.excluded().iter().any(|glob| glob.matches(collection))
            || (is_junction && self.junctions == Some(false));
        let included = self.names.included().iter().any(|glob| glob.matches(collection))
            || (is_junction && self.junctions == Some(true));
        included && !excluded
    }

    /// The patterns that are names.
    pub fn names(&self) -> &Patterns {
        &self.names
    }

    /// `Some(true)` where `@junctions` is in the list, `Some(false)` where `!@junctions` is.
    pub fn junctions(&self) -> Option<bool> {
        self.junctions
    }
}

/// Collection, dot, field, as `redact` has them: `customers.ssn`, `*.password`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPattern {
    collection: Glob,
    field: Glob,
}

impl FieldPattern {
    /// Reads `collection.field`; `None` where there is not exactly one dot with a pattern on either side.
    pub fn new(pattern: &str) -> Option<Self> {
        let (collection, field) = pattern.split_once('.')?;
        if collection.is_empty() || field.is_empty() || field.contains('.') {
            return None;
        }
        Some(Self { collection: Glob::new(collection), field: Glob::new(field) })
    }

    /// The pattern before the dot.
    pub fn collection(&self) -> &Glob {
        &self.collection
    }

    /// The pattern behind the dot.
    pub fn field(&self) -> &Glob {
        &self.field
    }

    /// Whether it speaks of that field of that collection.
    pub fn matches(&self, collection: &str, field: &str) -> bool {
        self.collection.matches(collection) && self.field.matches(field)
    }

    /// Whether it speaks of a field of that name in any collection.
    pub fn matches_name(&self, field: &str) -> bool {
        self.field.matches(field)
    }
}

/// One pattern: `*` stands for any run of characters, the empty one included; everything else for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob {
    text: String,
    /// What stands around each `*`; `None` without any.
    around: Option<Around>,
}

/// The parts of a pattern, between each of which there is a `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Around {
    first: String,
    between: Vec<String>,
    last: String,
}

impl Glob {
    /// Takes the pattern as it is.
    pub fn new(pattern: &str) -> Self {
        let around = pattern.split_once('*').map(|(first, rest)| {
            let (between, last) =
                rest.rsplit_once('*').map_or((None, rest), |(between, last)| (Some(between), last));
            let between = between.into_iter().flat_map(|between| between.split('*')).map(str::to_owned);
            Around { first: first.to_owned(), between: between.collect(), last: last.to_owned() }
        });
        Self { text: pattern.to_owned(), around }
    }

    /// The pattern as it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the pattern is nothing but `*`.
    pub fn matches_everything(&self) -> bool {
        !self.text.is_empty() && self.text.bytes().all(|byte| byte == b'*')
    }

    /// Whether the whole name fits the pattern.
    pub fn matches(&self, name: &str) -> bool {
        let Some(Around { first, between, last }) = &self.around else { return self.text == name };
        let Some(mut rest) = name.strip_prefix(first.as_str()) else { return false };
        // Taking the leftmost place for each part leaves the most room for those that follow.
        for part in between {
            let Some((_, behind)) = rest.split_once(part.as_str()) else { return false };
            rest = behind;
        }
        rest.ends_with(last.as_str())
    }

    /// Whether it matches whatever the other pattern matches.
    pub fn covers(&self, other: &Self) -> bool {
        // A `*` of the other one is met by a `*` of this one only, as names have none.
        self.matches(&other.text)
    }

    /// Whether there can be a name that both match.
    pub fn meets(&self, other: &Self) -> bool {
        let (one, other): (Vec<char>, Vec<char>) =
            (self.text.chars().collect(), other.text.chars().collect());
        // For each beginning of `one`: which beginnings of `other` can match the same text.
        let mut reached = vec![false; other.len() + 1];
        for (length, last) in std::iter::once(None).chain(one.iter().map(Some)).enumerate() {
            let above = std::mem::replace(&mut reached, vec![false; other.len() + 1]);
            let mut left = false;
            let mut diagonal = false;
            let columns = std::iter::once(None).chain(other.iter().map(Some));
            for ((column, next), (up, now)) in columns.enumerate().zip(above.iter().zip(&mut reached)) {
                let both_begin = length == 0 && column == 0;
                // A `*` at the end of either stands for nothing more, or for one more character of the other.
                let by_star = (last == Some(&'*') || next == Some(&'*')) && (*up || left);
                *now = both_begin || by_star || (diagonal && last == next);
                (left, diagonal) = (*now, *up);
            }
        }
        reached.last().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        let table = [
            ("title", "title", true),
            ("title", "titles", false),
            ("title", "Title", false),
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything.at-all", true),
            ("**", "anything", true),
            ("blog_*", "blog_", true),
            ("blog_*", "blog_posts", true),
            ("blog_*", "my_blog_posts", false),
            ("*_notes", "internal_notes", true),
            ("*_notes", "internal_notes_2", false),
            ("a*b*c", "abc", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "acb", false),
            ("*aa*", "a", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("*ab*ab", "abab", true),
            ("*ab*ab", "ab", false),
            ("*é*", "café au lait", true),
            ("?", "a", false),
            ("[a]", "a", false),
        ];
        for (pattern, name, expected) in table {
            assert_eq!(Glob::new(pattern).matches(name), expected, "`{pattern}` on `{name}`");
        }
    }

    #[test]
    fn patterns_meet_and_cover() {
        for (one, other, meets, covers) in [
            ("a*", "*b", true, false),
            ("a*", "b*", false, false),
            ("a*", "ab*", true, true),
            ("ab*", "a*", true, false),
            ("*", "", true, true),
            ("", "", true, true),
            ("", "a", false, false),
            ("a*c", "abc", true, true),
            ("a*c", "ab", false, false),
            ("*_note", "secret_*", true, false),
            ("a*b*", "*ba", true, false),
            ("ab", "a*b*b", false, false),
        ] {
            let (first, second) = (Glob::new(one), Glob::new(other));
            assert_eq!(
                (first.meets(&second), first.covers(&second)),
                (meets, covers),
                "`{one}` and `{other}`"
            );
        }
    }

    #[test]
    fn exclusions_win_wherever_they_stand() {
        for list in [["*", "!secret_*"], ["!secret_*", "*"]] {
            let patterns = Patterns::new(list);
            assert!(patterns.matches("title"));
            assert!(!patterns.matches("secret_note"));
            assert!(!patterns.matches_everything());
        }
        assert!(Patterns::all().matches_everything());
        assert!(Patterns::new(["!a"]).is_empty());
        assert!(!Patterns::default().matches(""));
    }

    #[test]
    fn junctions_are_known_by_the_schema_alone() {
        let table = [
            (&["@junctions"][..], "articles_tags", true, true),
            (&["@junctions"], "articles_tags", false, false),
            (&["*", "!@junctions"], "articles_tags", true, false),
            (&["!@junctions", "@junctions"], "articles_tags", true, false),
            (&["*", "!@junctions"], "articles", false, true),
            (&["@junctions", "!articles_*"], "articles_tags", true, false),
            (&["articles", "@junctions"], "articles", false, true),
        ];
        for (list, collection, is_junction, expected) in table {
            let patterns = CollectionPatterns::new(list);
            assert_eq!(patterns.matches(collection, is_junction), expected, "{list:?} on `{collection}`");
        }
    }

    #[test]
    fn a_redacted_field_is_collection_dot_field() {
        let pattern = FieldPattern::new("*.password").unwrap();
        assert!(pattern.matches("authors", "password") && pattern.matches_name("password"));
        assert!(!pattern.matches("authors", "password_hint"));
        for bad in ["password", ".password", "authors.", "a.b.c", ""] {
            assert_eq!(FieldPattern::new(bad), None, "`{bad}`");
        }
    }

    /// The same by the book: every way to split the name is tried.
    fn slowly(pattern: &[char], name: &[char]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) => {
                slowly(rest, name) || name.split_first().is_some_and(|(_, tail)| slowly(pattern, tail))
            }
            (Some((one, rest)), Some((other, tail))) => one == other && slowly(rest, tail),
            (None, Some(_)) | (Some(_), None) => false,
        }
    }

    proptest! {
        #[test]
        fn it_matches_as_the_book_says(pattern in "[ab*]{0,8}", name in "[ab]{0,8}") {
            let by_the_book =
                slowly(&pattern.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>());
            prop_assert_eq!(Glob::new(&pattern).matches(&name), by_the_book);
        }

        #[test]
        fn patterns_meet_where_a_name_fits_both(one in "[ab*]{0,5}", other in "[ab*]{0,5}", name in "[ab]{0,6}") {
            let (one, other) = (Glob::new(&one), Glob::new(&other));
            prop_assert!(one.meets(&other) || !(one.matches(&name) && other.matches(&name)));
            prop_assert!(!one.covers(&other) || !other.matches(&name) || one.matches(&name));
            prop_assert_eq!(one.meets(&other), other.meets(&one));
        }

        #[test]
        fn another_exclusion_never_lets_more_in(list in prop::collection::vec("!?[ab*]{1,4}", 0..5), more in "[ab*]{1,4}", name in "[ab]{0,5}") {
            let fewer = Patterns::new(list.iter().cloned().chain([format!("!{more}")]));
            prop_assert!(!fewer.matches(&name) || Patterns::new(&list).matches(&name));
        }
    }
}
