//! Keeps secrets out of the trail: they are masked before an entry exists.
//!
//! A value goes when its key is the name of a field that a policy redacts, or a name that secrets usually have. Strings are
//! looked into as well: Directus takes JSON as text in several places, and URLs and header values carry credentials.
//! Masking too much costs a detail; masking too little cannot be undone, since the trail is append-only. So names are
//! compared loosely: `staticToken`, `X-API-Key` and `user.password` are all secrets.

use serde_json::{Map, Value};

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

/// Keys under which an object names what its `value` is, as in a list of headers.
const NAMING_KEYS: [&str; 4] = ["name", "header", "key", "field"];

/// Schemes of the `Authorization` header, in lower case.
const SCHEMES: [&str; 4] = ["bearer", "basic", "digest", "token"];

/// A copy of a call's arguments without secrets. `redact` says whether a field of that name, in any collection, is redacted
/// by the policy.
///
/// ```
/// use serde_json::json;
/// use warrener::audit::mask::mask;
///
/// let arguments = json!({"data": {"title": "Hi", "ssn": "078-05-1120", "api_key": "k"}});
/// let masked = mask(&arguments, &|field| field == "ssn");
/// assert_eq!(masked, json!({"data": {"title": "Hi", "ssn": "***", "api_key": "***"}}));
/// ```
pub fn mask(arguments: &Value, redact: &dyn Fn(&str) -> bool) -> Value {
    match arguments {
        Value::Object(object) => Value::Object(mask_object(object, redact)),
        Value::Array(values) => values.iter().map(|value| mask(value, redact)).collect(),
        Value::String(text) => Value::String(mask_text(text, redact)),
        Value::Null | Value::Bool(_) | Value::Number(_) => arguments.clone(),
    }
}

fn mask_object(object: &Map<String, Value>, redact: &dyn Fn(&str) -> bool) -> Map<String, Value> {
    let value_is_secret =
        NAMING_KEYS.iter().filter_map(|key| object.get(*key)?.as_str()).any(|name| is_secret(name, redact));
    let masked = object.iter().map(|(key, value)| {
        let secret = is_secret(key, redact) || (value_is_secret && key == "value");
        let value = if secret { Value::from(MASK) } else { mask(value, redact) };
        // A key is text of the client's as well.
        (mask_url(key), value)
    });
    masked.collect()
}

/// Whether a value is kept as it is under that key: nothing of it would be masked.
pub fn is_plain(key: &str, value: &Value, redact: &dyn Fn(&str) -> bool) -> bool {
    !is_secret(key, redact) && mask(value, redact) == *value
}

/// Whether a thing of that name is usually a secret.
pub(crate) fn is_secret_name(name: &str) -> bool {
    is_secret(name, &|_| false)
}

/// Whether a value under that key is to go. Of a path, such as `author.password`, the last part counts.
fn is_secret(key: &str, redact: &dyn Fn(&str) -> bool) -> bool {
    let field = key.rsplit('.').next().unwrap_or(key);
    let bare: String = field.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    redact(key) || redact(field) || SECRET_ENDINGS.iter().any(|ending| bare.ends_with(ending))
}

fn mask_text(text: &str, redact: &dyn Fn(&str) -> bool) -> String {
    mask_json(text, redact).or_else(|| mask_credentials(text)).unwrap_or_else(|| mask_url(text))
}

/// The text of a JSON object or array; its own spelling stays where nothing in it is secret.
fn mask_json(text: &str, redact: &dyn Fn(&str) -> bool) -> Option<String> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let value: Value = serde_json::from_str(text).ok()?;
    let masked = mask(&value, redact);
    Some(if masked == value { text.to_owned() } else { masked.to_string() })
}

/// The value of an `Authorization` header, wherever it stands.
fn mask_credentials(text: &str) -> Option<String> {
    let (scheme, rest) = text.trim().split_once(' ')?;
    let credentials = !rest.trim().is_empty() && !rest.trim().contains(char::is_whitespace);
    (credentials && SCHEMES.contains(&scheme.to_lowercase().as_str())).then(|| format!("{scheme} {MASK}"))
}

/// URLs in the text, without user info and without the values of secret query parameters.
fn mask_url(text: &str) -> String {
    mask_parameters(&mask_user_info(text))
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
        assert_eq!(masked, *expected);
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
