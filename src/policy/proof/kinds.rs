//! Names, sorted by which patterns match them: names that no pattern tells apart are of one kind, and one of them stands for all.
//!
//! Each pattern is a regular language of the plainest sort, so all of them together are one finite automaton. Its states are found
//! by breadth, and each kind gets the first name that leads to it, which is a shortest one. Nothing is sampled: a kind that is not
//! found has no name in it.

use crate::policy::pattern::Glob;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Most states that are looked at: patterns with many stars multiply them.
const MOST_STATES: usize = 10_000;

/// The patterns tell more kinds of names apart than can be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the patterns tell too many kinds of names apart to look at each: name a schema, so that only its collections count, or take \
     patterns with fewer `*`"
)]
pub struct TooManyKinds;

/// A kind of names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// One of them.
    pub(super) name: String,
    /// What matches each of them, by its place in the list of patterns.
    pub(super) matched: BTreeSet<usize>,
}

/// A pattern of names, or one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape<'p> {
    /// Whatever fits it.
    Glob(&'p Glob),
    /// Nothing but this, whatever characters it has.
    Name(&'p str),
}

/// Every kind that names can be of, the empty name left aside.
///
/// # Errors
/// When there are too many of them.
pub(super) fn kinds(shapes: &[Shape<'_>]) -> Result<Vec<Kind>, TooManyKinds> {
    let patterns: Vec<Vec<Part>> = shapes.iter().map(|shape| parts(*shape)).collect();
    let letters = letters(&patterns);
    let mut found: BTreeMap<BTreeSet<usize>, String> = BTreeMap::new();
    let mut seen: BTreeSet<State> = BTreeSet::new();
    let start = settled(&patterns, patterns.iter().enumerate().map(|(pattern, _)| (pattern, 0)));
    let mut waiting = VecDeque::from([(start, String::new())]);
    while let Some((state, name)) = waiting.pop_front() {
        for letter in &letters {
            let next = step(&patterns, &state, *letter);
            if !seen.insert(next.clone()) {
                continue;
            }
            if seen.len() > MOST_STATES {
                return Err(TooManyKinds);
            }
            let name = format!("{name}{letter}");
            found.entry(matched(&patterns, &next)).or_insert_with(|| name.clone());
            waiting.push_back((next, name));
        }
    }
    let mut kinds: Vec<Kind> = found.into_iter().map(|(matched, name)| Kind { name, matched }).collect();
    kinds.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(kinds)
}

/// A part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Letter(char),
    Star,
}

/// How far each pattern has come: its number, and how many of its parts are behind; the furthest first, each once.
type State = Vec<(usize, usize)>;

fn parts(shape: Shape<'_>) -> Vec<Part> {
    match shape {
        Shape::Glob(glob) => {
            let part = |letter| if letter == '*' { Part::Star } else { Part::Letter(letter) };
            glob.as_str().chars().map(part).collect()
        }
        Shape::Name(name) => name.chars().map(Part::Letter).collect(),
    }
}

/// The letters that patterns speak of, and one that stands for all the others; the plain ones first, so that names look like names.
fn letters(patterns: &[Vec<Part>]) -> Vec<char> {
    let spoken: BTreeSet<char> = patterns
        .iter()
        .flatten()
        .filter_map(|part| match part {
            Part::Letter(letter) => Some(*letter),
            Part::Star => None,
        })
        .collect();
    let plain = "xyzwvutsrqponmlkjihgfedcba0123456789".chars();
    let other = plain.chain('\u{100}'..='\u{d7ff}').find(|letter| !spoken.contains(letter));
    let rank = |letter: &char| (!letter.is_alphanumeric(), *letter == '$', *letter);
    let mut spoken: Vec<char> = spoken.into_iter().collect();
    spoken.sort_by_key(rank);
    other.into_iter().chain(spoken).collect()
}

/// What can come after each of these without a further letter: a star stands for nothing too. What lies before the last star of a
/// pattern is dropped, since the star takes in whatever could still come of it.
fn settled(patterns: &[Vec<Part>], come: impl Iterator<Item = (usize, usize)>) -> State {
    let mut state = State::new();
    for (pattern, mut behind) in come {
        state.push((pattern, behind));
        while part(patterns, pattern, behind) == Some(Part::Star) {
            behind += 1;
            state.push((pattern, behind));
        }
    }
    state.sort_unstable_by(|one, other| other.cmp(one));
    state.dedup();
    // From the furthest on, so that the first star of a pattern that comes by is its last one.
    let mut starred = None;
    state.retain(|(pattern, behind)| {
        let stays = starred != Some(*pattern);
        if part(patterns, *pattern, *behind) == Some(Part::Star) {
            starred = Some(*pattern);
        }
        stays
    });
    state
}

fn part(patterns: &[Vec<Part>], pattern: usize, behind: usize) -> Option<Part> {
    patterns.get(pattern)?.get(behind).copied()
}

fn step(patterns: &[Vec<Part>], state: &State, letter: char) -> State {
    let come = state.iter().filter_map(|(pattern, behind)| match part(patterns, *pattern, *behind)? {
        Part::Star => Some((*pattern, *behind)),
        Part::Letter(wanted) => (wanted == letter).then_some((*pattern, behind + 1)),
    });
    settled(patterns, come)
}

fn matched(patterns: &[Vec<Part>], state: &State) -> BTreeSet<usize> {
    let is_whole = |(pattern, behind): &&(usize, usize)| {
        patterns.get(*pattern).is_some_and(|parts| parts.len() == *behind)
    };
    state.iter().filter(is_whole).map(|(pattern, _)| *pattern).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(patterns: &[&str]) -> Vec<(String, Vec<usize>)> {
        let globs: Vec<Glob> = patterns.iter().map(|pattern| Glob::new(pattern)).collect();
        let shapes: Vec<Shape<'_>> = globs.iter().map(Shape::Glob).collect();
        let kinds = kinds(&shapes).unwrap().into_iter();
        kinds.map(|kind| (kind.name, kind.matched.into_iter().collect())).collect()
    }

    #[test]
    fn each_kind_has_a_shortest_name() {
        /// Patterns, and the kinds that they tell apart: a name, and which of them match it.
        type Row = (&'static [&'static str], &'static [(&'static str, &'static [usize])]);
        let table: [Row; 8] = [
            (&[], &[("x", &[])]),
            (&["*"], &[("x", &[0])]),
            (&["a"], &[("a", &[0]), ("x", &[])]),
            (&["a*", "*b"], &[("a", &[0]), ("ab", &[0, 1]), ("b", &[1]), ("x", &[])]),
            // What lies within another pattern is no kind of its own where the names are the same.
            (&["a*", "a**"], &[("a", &[0, 1]), ("x", &[])]),
            (&["a*a", "aa"], &[("aa", &[0, 1]), ("axa", &[0]), ("x", &[])]),
            (&["x"], &[("x", &[0]), ("y", &[])]),
            (&["A", "a"], &[("A", &[0]), ("a", &[1]), ("x", &[])]),
        ];
        for (patterns, expected) in table {
            let expected: Vec<(String, Vec<usize>)> =
                expected.iter().map(|(name, matched)| ((*name).to_owned(), matched.to_vec())).collect();
            assert_eq!(of(patterns), expected, "{patterns:?}");
        }
    }

    #[test]
    fn a_name_with_a_star_in_it_is_one_name() {
        let found = kinds(&[Shape::Name("a*")]).unwrap();
        let names: Vec<&str> = found.iter().map(|kind| kind.name.as_str()).collect();
        assert_eq!(names, ["a*", "x"]);
    }

    #[test]
    fn too_many_kinds_are_an_error_and_not_a_long_wait() {
        let globs: Vec<Glob> = ('a'..='t').map(|letter| Glob::new(&format!("*{letter}*"))).collect();
        let shapes: Vec<Shape<'_>> = globs.iter().map(Shape::Glob).collect();
        assert_eq!(kinds(&shapes), Err(TooManyKinds));
    }

    proptest! {
        #[test]
        fn every_name_is_of_a_kind_that_is_found(list in prop::collection::vec("[ab*é]{0,5}", 0..5), name in "[abcé]{1,7}") {
            let globs: Vec<Glob> = list.iter().map(|pattern| Glob::new(pattern)).collect();
            let shapes: Vec<Shape<'_>> = globs.iter().map(Shape::Glob).collect();
            let found = kinds(&shapes).unwrap();
            let matching = |name: &str| -> BTreeSet<usize> {
                globs.iter().enumerate().filter(|(_, glob)| glob.matches(name)).map(|(number, _)| number).collect()
            };
            prop_assert!(found.iter().any(|kind| kind.matched == matching(&name)), "{list:?} {name}");
            for kind in found {
                prop_assert_eq!(matching(&kind.name), kind.matched, "{}", kind.name);
            }
        }
    }
}
