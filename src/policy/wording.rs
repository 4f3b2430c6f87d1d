//! What a client is told when it is denied: what was refused, and what it may do instead.
//!
//! The texts name only what the client itself wrote or what the role may do, so that a denial tells nothing new.

use super::cover::{Look, Mismatch};
use super::rules::Rules;
use crate::directus::{Access, Action, Extent, Origin};
use std::fmt::Write as _;

/// Why no permission covers an access.
pub(crate) fn not_covered(rules: &Rules<'_>, access: &Access, mismatch: &Mismatch) -> String {
    let what = what(access);
    match mismatch {
        Mismatch::Elsewhere => format!("{what} is not permitted to this role. {}", instead(rules, access)),
        Mismatch::Keys => {
            format!("{what} is permitted to this role for certain keys only, and not for these.")
        }
        Mismatch::Fields(fields) => format!(
            "{what} names {} `{}`, which this role may not {}. Leave {} out.",
            if fields.len() == 1 { "the field" } else { "the fields" },
            fields.join("`, `"),
            if access.action == Action::Read { "read" } else { "write" },
            if fields.len() == 1 { "it" } else { "them" },
        ),
        Mismatch::Search(why) => format!(
            "{what} with a search looks at fields that this role may not read, and {why}. Name the fields to look at in a `filter`."
        ),
        Mismatch::ByQuery => {
            format!(
                "{what} is permitted to this role only for items that the call names. Give their keys in `keys`."
            )
        }
        Mismatch::Unbounded => format!(
            "{what} without an effective filter, or without a limit, is not permitted to this role. Give their keys in `keys`."
        ),
        Mismatch::TooMany { asked: u64::MAX, most } => {
            format!("{what} without a limit is not permitted to this role: at most {most} items at once.")
        }
        Mismatch::TooMany { asked, most } => {
            format!(
                "{what} asks for {asked} items, and this role may have at most {most} at once. Use smaller portions."
            )
        }
        Mismatch::Undischarged(part, why) => format!(
            "{what} is permitted to this role under a rule (`{part}`) that cannot be kept on this call, so it is refused: {why}."
        ),
        Mismatch::Invalid(fields) => format!(
            "{what} is permitted to this role only with certain values of `{}`, and not with these. {}",
            fields.join("`, `"),
            if access.action == Action::Update {
                "Leave it out, or write another value."
            } else {
                "Write a value for it, as a plain one of its type, or another value."
            }
        ),
    }
}

/// That not every item is one that the role's filter speaks of.
pub(crate) fn unmet(access: &Access) -> String {
    format!(
        "{} is permitted to this role for certain items only, and not for all of these. Leave out those that it does not see.",
        what(access)
    )
}

/// That a `forbid` matches.
pub(crate) fn forbidden(access: &Access, reason: Option<&str>) -> String {
    let what = match access.origin {
        Origin::Asked | Origin::Expanded | Origin::Included => what(access),
        Origin::Implied => format!("This call would also mean {} ({}), which", lower(access), access.via),
    };
    match reason {
        Some(reason) => format!("{what} is forbidden. {reason}"),
        None => format!("{what} is forbidden."),
    }
}

/// The access as the beginning of a sentence.
fn what(access: &Access) -> String {
    let mut text = format!("{} {}", access.action.doing(), access.collection);
    if !access.via.is_empty() {
        let _ = write!(text, " (through `{}`)", access.via);
    }
    text
}

fn lower(access: &Access) -> String {
    let doing = access.action.doing();
    let mut letters = doing.chars();
    let first = letters.next().map(|letter| letter.to_ascii_lowercase()).unwrap_or_default();
    format!("{first}{} {}", letters.as_str(), access.collection)
}

/// What the role may do on the same collection.
fn instead(rules: &Rules<'_>, access: &Access) -> String {
    let may = |action: &Action| {
        let other = Access { action: *action, extent: Extent::Keys(Vec::new()), ..access.clone() };
        rules.permission(&other, Look::Leniently).is_ok() && rules.forbids(&other).next().is_none()
    };
    let actions: Vec<&str> =
        Action::ALL.iter().filter(|action| may(action)).map(|action| action.as_str()).collect();
    if actions.is_empty() {
        format!("It may do nothing on {}.", access.collection)
    } else {
        format!("On {} it may: {}.", access.collection, actions.join(", "))
    }
}
