//! Names of principals that no key can have.

/// Longest subject of another way in, in characters.
const LONGEST: usize = 200;

/// The name of a principal that comes in another way than by a key: the way, a colon, and what it is called there. The name of a key has
/// no colon, so that no key can pretend to be somebody of another way, nor the other way round.
///
/// `None` where the subject could not stand in a header or would be trouble in logs: it is 1 to 200 visible ASCII characters.
pub(super) fn of_way(way: &'static str, subject: &str) -> Option<String> {
    let fits = (1..=LONGEST).contains(&subject.len()) && subject.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| format!("{way}:{subject}"))
}

/// Whether it can be the name of somebody who comes in another way than by a key.
pub(super) fn is_of_way(name: &str) -> bool {
    name.split_once(':').is_some_and(|(way, subject)| {
        matches!(way, "directus" | "jwt" | "certificate") && of_way("", subject).is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::super::file::is_name;
    use super::*;

    #[test]
    fn no_key_can_have_the_name_of_another_way() {
        for (subject, fits) in [
            ("0a1b2c3d-0000-4000-8000-000000000000", true),
            ("auth0|507f1f77bcf86cd799439020", true),
            ("someone@example.com", true),
            ("a:b", true),
            ("", false),
            ("two words", false),
            ("line\nbreak", false),
            ("müller", false),
            (&"x".repeat(LONGEST + 1), false),
        ] {
            let name = of_way("jwt", subject);
            assert_eq!(name.is_some(), fits, "{subject:?}");
            assert!(name.is_none_or(|name| is_of_way(&name) && !is_name(&name)), "{subject:?}");
        }
        for name in ["claude", "mine:x", ":x", "directus:", "Directus:x"] {
            assert!(!is_of_way(name), "{name}");
        }
    }
}
