//! Credentials in the texts of the settings. The settings have places of their own for secrets, and people write them elsewhere all the
//! same: an address with user info, a flag of a command, a connection string. What is printed or logged has none of them.
//!
//! Masking too much costs a detail of what is printed, and masking too little cannot be undone.

use crate::audit::mask::{MASK, is_secret_name, mask};
use serde_json::Value;

/// Shorter than this nothing is looked for elsewhere: it would be found in places that have nothing to do with it.
const SHORTEST: usize = 4;

/// The text without credentials: those of its addresses, and the values of what has a secret's name.
pub(super) fn hidden(text: &str) -> String {
    let whole = Value::from(text);
    let text = mask(&whole, &|_| false).as_str().unwrap_or(text).to_owned();
    if let Some((name, _)) = header(&text) {
        return format!("{name}: {MASK}");
    }
    let named = pieces(&text, |c| c.is_whitespace() || matches!(c, ';' | '&' | ',')).map(|(part, end)| {
        let part = match pair(part) {
            Some((name, _)) => format!("{name}={MASK}"),
            None => part.to_owned(),
        };
        part + end
    });
    without_addresses(&named.collect::<String>())
}

/// The arguments of a command without credentials; behind a flag with a secret's name the next one is a secret.
pub(super) fn hidden_arguments(arguments: &[String]) -> Vec<String> {
    behind_flags(arguments)
        .map(|(text, secret)| if secret { MASK.to_owned() } else { hidden(text) })
        .collect()
}

/// The text without user info, queries and fragments of the addresses in it, whether they are valid or not.
pub(super) fn without_addresses(text: &str) -> String {
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>');
    pieces(text, ends).map(|(run, end)| address(run) + end).collect()
}

/// What of a text of the settings must not stand in the log: credentials in its addresses, and values with a secret's name.
pub(crate) fn in_text(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    found.extend(header(text).map(|(_, value)| value));
    for (part, _) in pieces(text, |c| c.is_whitespace() || matches!(c, ';' | '&' | ',')) {
        found.extend(pair(part).map(|(_, value)| value));
    }
    for (run, _) in pieces(text, char::is_whitespace) {
        let Some((_, user_info, _)) = user_info(run) else { continue };
        found.push(user_info);
        found.extend(user_info.split_once(':').map(|(_, password)| password));
    }
    found.into_iter().filter(|one| one.len() >= SHORTEST).map(str::to_owned).collect()
}

/// The same of the arguments of a command.
pub(crate) fn in_arguments(arguments: &[String]) -> Vec<String> {
    let found = behind_flags(arguments).flat_map(|(text, secret)| {
        if secret && text.len() >= SHORTEST { vec![text.to_owned()] } else { in_text(text) }
    });
    found.collect()
}

/// Each argument, and whether it stands behind a flag with a secret's name.
fn behind_flags(arguments: &[String]) -> impl Iterator<Item = (&str, bool)> {
    let flags =
        arguments.iter().map(|flag| flag.starts_with('-') && !flag.contains('=') && is_secret_name(flag));
    arguments.iter().map(String::as_str).zip(std::iter::once(false).chain(flags))
}

/// The pieces of a text, each with what ends it.
fn pieces(text: &str, ends: impl Fn(char) -> bool + Copy) -> impl Iterator<Item = (&str, &str)> {
    text.split_inclusive(ends).map(move |piece| {
        let last = piece.char_indices().next_back().filter(|(_, c)| ends(*c));
        last.and_then(|(at, _)| piece.split_at_checked(at)).unwrap_or((piece, ""))
    })
}

/// `name=value`, where it is a secret by its name.
fn pair(text: &str) -> Option<(&str, &str)> {
    text.split_once('=').filter(|(name, value)| is_secret_name(name) && !value.is_empty())
}

/// `Name: value`, as a header stands on a command line.
fn header(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once(':')?;
    let plain = !name.contains(char::is_whitespace) && !name.contains(['/', '=', '@', '{']);
    (plain && is_secret_name(name) && !value.is_empty()).then_some((name, value.trim()))
}

/// What stands before user info, the user info, and what follows its `@`. A password may have any sign in it, so the last `@` ends it.
fn user_info(run: &str) -> Option<(&str, &str, &str)> {
    let (front, rest) = match run.find("://") {
        Some(at) => run.split_at_checked(at + 3)?,
        None => ("", run),
    };
    let (user_info, behind) = rest.rsplit_once('@')?;
    (!user_info.is_empty() && (!front.is_empty() || user_info.contains(':')))
        .then_some((front, user_info, behind))
}

fn address(run: &str) -> String {
    let run = match user_info(run) {
        Some((front, _, behind)) => format!("{front}{MASK}@{behind}"),
        None => run.to_owned(),
    };
    // Those of the trail's database say how it is opened, and the names of others tell.
    if !run.contains("://") || run.starts_with("sqlite:") {
        return run;
    }
    match run.find(['?', '#']).and_then(|at| run.split_at_checked(at + 1)) {
        Some((before, query)) if !query.is_empty() => format!("{before}{MASK}"),
        Some(_) | None => run,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_credential_is_left_in_a_text() {
        for (text, expected) in [
            ("http://bob:hunter2@proxy:3128", "http://***@proxy:3128"),
            ("http://bob@proxy", "http://***@proxy"),
            // What is no address, since the password was not encoded.
            ("https://bob:hun/ter2@cms", "https://***@cms"),
            ("https://bob:hun#te@r2@cms", "https://***@cms"),
            ("bob:hunter2@cms.example.com", "***@cms.example.com"),
            ("https:/bob:hunter2@cms", "***@cms"),
            ("http://a:hunter2@b,http://c:hunter2@d", "http://***@d"),
            ("https://cms/?v=hunter2", "https://cms/?***"),
            ("https://cms/#hunter2", "https://cms/#***"),
            ("--proxy-token=hunter2", "--proxy-token=***"),
            ("--password=hunter2!", "--password=***"),
            ("http://bob:hunter2@", "http://***@"),
            ("--proxy=https://bob:hunter2@p", "--proxy=https://***@p"),
            ("host=db password=hunter2 port=1", "host=db password=*** port=1"),
            ("Server=db;Password=hunter2;X=1", "Server=db;Password=***;X=1"),
            ("Authorization: Bearer hunter2", "Authorization: ***"),
            ("Bearer hunter2", "Bearer ***"),
            ("X-Api-Key: hunter2", "X-Api-Key: ***"),
            ("{\"token\":\"hunter2\"}", "{\"token\":\"***\"}"),
            // Nothing of it is one.
            ("sqlite://warrener.db?mode=rwc", "sqlite://warrener.db?mode=rwc"),
            ("@directus/content-mcp@0.1.0", "@directus/content-mcp@0.1.0"),
            ("someone@example.com", "someone@example.com"),
            ("/usr/bin:/bin", "/usr/bin:/bin"),
            ("https://cms.example.com/a/b", "https://cms.example.com/a/b"),
            ("a, b; c=d & e", "a, b; c=d & e"),
            ("wie schön, für ü", "wie schön, für ü"),
        ] {
            assert_eq!(hidden(text), expected, "{text}");
        }
    }

    #[test]
    fn a_flag_with_a_secrets_name_says_that_the_next_is_one() {
        let arguments = ["run", "--password", "hunter2", "--token", "-hunter2", "--user", "bob", "--api-key"];
        let arguments = arguments.map(str::to_owned);
        let expected = ["run", "--password", "***", "--token", "***", "--user", "bob", "--api-key"];
        assert_eq!(hidden_arguments(&arguments), expected);
        assert_eq!(in_arguments(&arguments), ["hunter2", "-hunter2"]);
    }

    #[test]
    fn what_the_log_must_not_have() {
        for (text, expected) in [
            ("http://bob:hunter2@proxy:3128", vec!["bob:hunter2", "hunter2"]),
            ("host=db password=hunter2", vec!["hunter2"]),
            ("--token=hunter2", vec!["hunter2"]),
            ("/usr/bin:/bin", vec![]),
            ("http://b:c@proxy", vec![]),
        ] {
            assert_eq!(in_text(text), expected, "{text}");
        }
    }
}
