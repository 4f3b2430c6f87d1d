//! The grammar of a path: segments, functions and lists, as Directus takes them apart.

use crate::directus::call::shown;
use crate::directus::misread::Misread;

/// The functions that Directus has (FACTS section 4); names are exact.
const FUNCTIONS: [&str; 10] =
    ["year", "month", "week", "day", "weekday", "hour", "minute", "second", "count", "json"];

/// Splits at commas outside of parentheses, and trims what it gets.
pub(super) fn list(text: &str) -> Vec<&str> {
    split(text, ',').into_iter().map(str::trim).collect()
}

/// Splits at dots outside of parentheses.
///
/// # Errors
/// When a segment is empty.
pub(super) fn segments(text: &str) -> Result<Vec<&str>, Misread> {
    let segments = split(text, '.');
    if segments.iter().any(|segment| segment.is_empty()) {
        return Err(Misread::because(format!("`{}` is not a path", shown(text))));
    }
    Ok(segments)
}

/// A function of a field, such as `year(published_on)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Function<'t> {
    pub(super) name: &'t str,
    /// The path inside the parentheses, without what `json` takes beside it.
    pub(super) path: &'t str,
}

impl<'t> Function<'t> {
    /// The function that a segment is, if it is one.
    ///
    /// # Errors
    /// When it has parentheses, and is none.
    pub(super) fn of(segment: &'t str) -> Result<Option<Self>, Misread> {
        let Some((name, rest)) = segment.split_once('(') else {
            return if segment.contains(')') { Err(unknown(segment)) } else { Ok(None) };
        };
        let inside = rest
            .strip_suffix(')')
            .filter(|inside| !inside.contains(['(', ')']))
            .ok_or_else(|| unknown(segment))?;
        if !FUNCTIONS.contains(&name) {
            return Err(unknown(segment));
        }
        let path = match inside.split_once(',') {
            Some((path, _)) if name == "json" => path.trim(),
            Some(_) => return Err(unknown(segment)),
            None if name == "json" => return Err(unknown(segment)),
            None => inside,
        };
        Ok(Some(Self { name, path }))
    }
}

fn unknown(segment: &str) -> Misread {
    Misread::because(format!("`{}` is not a function of a field that is known here", shown(segment)))
}

fn split(text: &str, at: char) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (index, character) in text.char_indices() {
        if character == '(' {
            depth += 1;
        } else if character == ')' {
            depth = depth.saturating_sub(1);
        } else if character == at && depth == 0 {
            parts.push(text.get(start..index).unwrap_or_default());
            start = index + character.len_utf8();
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_split_outside_of_parentheses() {
        assert_eq!(list(" a , year(b),json(c, d.e) "), ["a", "year(b)", "json(c, d.e)"]);
        assert_eq!(segments("a.item:b.json(c, d.e)").unwrap(), ["a", "item:b", "json(c, d.e)"]);
        assert!(segments("a..b").is_err());
        assert!(segments("").is_err());
    }

    #[test]
    fn functions_are_known_by_name() {
        assert_eq!(Function::of("year(a)").unwrap(), Some(Function { name: "year", path: "a" }));
        assert_eq!(Function::of("json(a.b, c)").unwrap(), Some(Function { name: "json", path: "a.b" }));
        assert_eq!(Function::of("a").unwrap(), None);
        for bad in
            ["YEAR(a)", "upper(a)", "year(a", "year(a)b", "year(year(a))", "a)", "json(a)", "year(a, b)"]
        {
            assert!(Function::of(bad).is_err(), "{bad}");
        }
    }
}
