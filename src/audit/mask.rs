//! Keeps secrets out of the trail: they are masked before an entry exists.
//!
//! A value goes when its key is the name of a field that a policy redacts, or a name that secrets usually have. Strings are
//! looked into as well: Directus takes JSON as text in several places, and URLs and header values carry credentials.
//! Masking too much costs a detail; masking too little cannot be undone, since the trail is append-only. So names are
//! compared loosely: `staticToken`, `X-API-Key` and `user.password` are all secrets.

use serde_json::{Map, Value};
use std::borrow::Cow;

/// What stands in place of a secret.
pub const MASK: &str = "***";

/// Names that a secret's key ends in, in lower case and without separators.
const SECRET_ENDINGS: [&str; 17] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "token",
    "secret",
    "apikey",
    "accesskey",
    "privatekey",
    "secretkey",
    "signingkey",
    "encryptionkey",
    "authorization",
    "credential",
    "credentials",
    "cookie",
    "otp",
];

/// As long as the longest of them is.
const LONGEST_ENDING: usize = 13;

/// Keys under which an object names what its `value` is, as in a list of headers.
const NAMING_KEYS: [&str; 4] = ["name", "header", "key", "field"];

/// Schemes of the `Authorization` header, in lower case.
const SCHEMES: [&str; 4] = ["bearer", "basic", "digest", "token"];

/// A call's arguments without secrets; borrowed where there is none. `redact` says whether a field of that name, in any
/// collection, is redacted by the policy.
///
/// ```
/// use serde_json::json;
/// use warrener::audit::mask::mask;
///
/// let arguments = json!({"data": {"title": "Hi", "ssn": "078-05-1120", "api_key": "k"}});
/// let masked = mask(&arguments, &|field| field == "ssn");
/// assert_eq!(*masked, json!({"data": {"title": "Hi", "ssn": "***", "api_key": "***"}}));
/// ```
pub fn mask<'a>(arguments: &'a Value, redact: &dyn Fn(&str) -> bool) -> Cow<'a, Value> {
    let masked = match arguments {
        Value::Object(object) => match mask_object(object, redact) {
            Cow::Owned(masked) => Some(Value::Object(masked)),
            Cow::Borrowed(_) => None,
        },
        Value::Array(values) => mask_items(values, redact).map(Value::Array),
        Value::String(text) => mask_text(text, redact).map(Value::String),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    };
    masked.map_or(Cow::Borrowed(arguments), Cow::Owned)
}

/// The same of the members of an object.
pub fn mask_object<'a>(
    object: &'a Map<String, Value>,
    redact: &dyn Fn(&str) -> bool,
) -> Cow<'a, Map<String, Value>> {
    let value_is_secret =
        NAMING_KEYS.iter().filter_map(|key| object.get(*key)?.as_str()).any(|name| is_secret(name, redact));
    let mut changed: Option<Map<String, Value>> = None;
    for (at, (key, value)) in object.iter().enumerate() {
        let secret = is_secret(key, redact) || (value_is_secret && key == "value");
        let masked = if secret { Cow::Owned(Value::from(MASK)) } else { mask(value, redact) };
        // A key is text of the client's as well.
        let masked_key = mask_url(key);
        if changed.is_none() && (masked_key.is_some() || matches!(masked, Cow::Owned(_))) {
            changed = Some(object.iter().take(at).map(|(key, value)| (key.clone(), value.clone())).collect());
        }
        if let Some(changed) = &mut changed {
            changed.insert(masked_key.unwrap_or_else(|| key.clone()), masked.into_owned());
        }
    }
    changed.map_or(Cow::Borrowed(object), Cow::Owned)
}

fn mask_items(values: &[Value], redact: &dyn Fn(&str) -> bool) -> Option<Vec<Value>> {
    let masked: Vec<Cow<'_, Value>> = values.iter().map(|value| mask(value, redact)).collect();
    let is_changed = masked.iter().any(|value| matches!(value, Cow::Owned(_)));
    is_changed.then(|| masked.into_iter().map(Cow::into_owned).collect())
}

/// Whether a value is kept as it is under that key: nothing of it would be masked.
pub fn is_plain(key: &str, value: &Value, redact: &dyn Fn(&str) -> bool) -> bool {
    !is_secret(key, redact) && matches!(mask(value, redact), Cow::Borrowed(_))
}

/// Whether a thing of that name is usually a secret.
pub(crate) fn is_secret_name(name: &str) -> bool {
    is_secret(name, &|_| false)
}

/// Whether a value under that key is to go. Of a path, such as `author.password`, the last part counts.
fn is_secret(key: &str, redact: &dyn Fn(&str) -> bool) -> bool {
    let field = key.rsplit('.').next().unwrap_or(key);
    redact(key) || (field.len() < key.len() && redact(field)) || has_secret_ending(field)
}

fn has_secret_ending(field: &str) -> bool {
    let end = if field.is_ascii() {
        let bare = field.bytes().rev().filter(u8::is_ascii_alphanumeric);
        last(bare.map(|letter| letter.to_ascii_lowercase()))
    } else {
        let bare = field.chars().rev().filter(|letter| letter.is_alphanumeric());
        let bare = bare.flat_map(|letter| letter.to_lowercase().rev());
        // What is not ASCII is in no ending.
        last(bare.map(|letter| u8::try_from(letter).ok().filter(u8::is_ascii).unwrap_or_default()))
    };
    SECRET_ENDINGS.iter().any(|ending| end.ends_with(ending.as_bytes()))
}

/// As much of the end as the longest ending has; the letters come from the last to the first.
fn last(letters: impl Iterator<Item = u8>) -> [u8; LONGEST_ENDING] {
    let mut end = [0; LONGEST_ENDING];
    for (place, letter) in end.iter_mut().rev().zip(letters) {
        *place = letter;
    }
    end
}

/// `None` where there is no secret in it, as in those below.
fn mask_text(text: &str, redact: &dyn Fn(&str) -> bool) -> Option<String> {
    match json(text) {
        // Its own spelling stays where nothing in it is secret.
        Some(value) => match mask(&value, redact) {
            Cow::Owned(masked) => Some(masked.to_string()),
            Cow::Borrowed(_) => None,
        },
        None => mask_credentials(text).or_else(|| mask_url(text)),
    }
}

/// The JSON object or list that the text is.
fn json(text: &str) -> Option<Value> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// The value of an `Authorization` header, wherever it stands.
fn mask_credentials(text: &str) -> Option<String> {
    let (scheme, rest) = text.trim().split_once(' ')?;
    let credentials = !rest.trim().is_empty() && !rest.trim().contains(char::is_whitespace);
    (credentials && SCHEMES.contains(&scheme.to_lowercase().as_str())).then(|| format!("{scheme} {MASK}"))
}

/// URLs in the text, without user info and without the values of secret query parameters.
fn mask_url(text: &str) -> Option<String> {
    if !text.contains(['?', '#']) && !text.contains("://") {
        return None;
    }
    Some(mask_parameters(&mask_user_info(text))).filter(|masked| masked != text)
}

fn mask_user_info(text: &str) -> String {
    let mut parts = text.split("://");
    let mut masked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        masked.push_str("://");
        let end = part.find(ends_authority).unwrap_or(part.len());
        match part.split_at_checked(end).and_then(|(authority, _)| authority.rsplit_once('@')) {
            Some((user_info, _)) => {
                masked.push_str(MASK);
                masked.push_str(part.strip_prefix(user_info).unwrap_or_default());
            }
            None => masked.push_str(part),
        }
    }
    masked
}

fn ends_authority(c: char) -> bool {
    matches!(c, '/' | '?' | '#' | '\\' | '"' | '\'' | '<' | '>') || c.is_whitespace()
}

fn mask_parameters(text: &str) -> String {
    // Before them there are no parameters, and a sentence with `&` and `=` in it is left alone.
    let Some((before, query)) = text.find(['?', '#']).and_then(|at| text.split_at_checked(at)) else {
        return text.to_owned();
    };
    let mut masked = before.to_owned();
    for part in query.split_inclusive(['&', '?', '#', ';', '"', '\'', ' ', '\n', '\t']) {
        let value = part.trim_end_matches(['&', '?', '#', ';', '"', '\'', ' ', '\n', '\t']);
        match value.split_once('=') {
            Some((name, _)) if is_secret(name, &|_| false) => {
                masked.push_str(name);
                masked.push('=');
                masked.push_str(MASK);
                masked.push_str(part.strip_prefix(value).unwrap_or_default());
            }
            Some(_) | None => masked.push_str(part),
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(arguments: &Value, expected: &Value) {
        let masked = mask(arguments, &|field| matches!(field, "ssn" | "iban"));
        assert_eq!(*masked, *expected);
        assert_eq!(matches!(masked, Cow::Borrowed(_)), arguments == expected, "copied without need");
    }

    #[test]
    fn no_ending_is_longer_than_what_is_looked_at() {
        let longest = SECRET_ENDINGS.iter().map(|ending| ending.len()).max();
        assert_eq!(longest, Some(LONGEST_ENDING));
        assert!(SECRET_ENDINGS.iter().all(|ending| ending.bytes().all(|byte| byte.is_ascii_lowercase())));
    }

    #[test]
    fn masks_by_the_name_of_the_key() {
        for key in [
            "password",
            "Password",
            "user_password",
            "token",
            "accessToken",
            "access_token",
            "refresh-token",
            "secret",
            "tfa_secret",
            "client_secret",
            "api_key",
            "apikey",
            "X-API-Key",
            "Authorization",
            "private_key",
            "set-cookie",
            "otp",
            "user_created.token",
            "ssn",
            "customers.ssn",
            "db_pwd",
        ] {
            let secret = json!({"a": [{ key: "x" }], key: {"_eq": 1}});
            check(&secret, &json!({"a": [{ key: "***" }], key: "***"}));
        }
    }

    #[test]
    fn leaves_what_only_looks_alike() {
        let plain = json!({
            "tokens": 3, "max_tokens": 5, "secret_note": "n", "passwords_changed": true, "key": "k", "keys": [1],
            "fields": ["ssn", "password"], "sort": ["-token"], "author": "x", "text": "a=b&token=1, c@d://e", "null": null
        });
        check(&plain, &plain);
    }

    #[test]
    fn masks_named_values() {
        check(
            &json!({"headers": [{"header": "Authorization", "value": "x"}, {"name": "Accept", "value": "y"}]}),
            &json!({"headers": [{"header": "Authorization", "value": "***"}, {"name": "Accept", "value": "y"}]}),
        );
    }

    #[test]
    fn looks_into_json_text_at_any_depth() {
        check(
            &json!({"data": r#" {"iban": "DE1", "n": 1.0} "#}),
            &json!({"data": r#"{"iban":"***","n":1.0}"#}),
        );
        let inner = json!({ "token": "t" }).to_string();
        let outer = json!([{ "options": inner }]).to_string();
        let masked = json!([{ "options": json!({ "token": "***" }).to_string() }]).to_string();
        check(&json!({ "input": outer }), &json!({ "input": masked }));
        // Untouched text keeps its spelling, and what is no JSON is only text.
        check(&json!({"data": "{ \"a\" :1 }", "b": "{nope"}), &json!({"data": "{ \"a\" :1 }", "b": "{nope"}));
    }

    #[test]
    fn masks_credentials_in_text() {
        for (text, expected) in [
            ("Bearer abc.def", "Bearer ***"),
            ("basic dXNlcjpwYXNz", "basic ***"),
            ("Bearer of good news", "Bearer of good news"),
            ("https://user:pass@example.com/a?b=c", "https://***@example.com/a?b=c"),
            ("see ftp://u:p@q@h:21/x and http://v@i.", "see ftp://***@h:21/x and http://***@i."),
            ("mail a@b.c, or https://b.c/@a", "mail a@b.c, or https://b.c/@a"),
            ("/assets/1?access_token=abc&width=3#f", "/assets/1?access_token=***&width=3#f"),
            ("https://x/cb#access_token=abc", "https://x/cb#access_token=***"),
            ("https://x/?a=1&api_key=k", "https://x/?a=1&api_key=***"),
            ("wirklich? ja://ü@ö", "wirklich? ja://***@ö"),
        ] {
            check(&json!({ "text": text }), &json!({ "text": expected }));
        }
    }
}
