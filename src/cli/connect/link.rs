//! Text that goes into other text: links that install a server, and words of a shell.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::fmt::Write as _;

/// The link by which Cursor asks whether to install a server.
pub(super) fn cursor(name: &str, server: &Value) -> String {
    let config = escaped(&STANDARD.encode(server.to_string()));
    format!("cursor://anysphere.cursor-deeplink/mcp/install?name={}&config={config}", escaped(name))
}

/// The same for VS Code; the name stands with the rest.
pub(super) fn vscode(server: &Value) -> String {
    format!("vscode:mcp/install?{}", escaped(&server.to_string()))
}

/// The same for Raycast.
pub(super) fn raycast(server: &Value) -> String {
    format!("raycast://mcp/install?{}", escaped(&server.to_string()))
}

/// As JavaScript's `encodeURIComponent` has it, but for five marks that it leaves alone and this does not.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// A word as a shell reads it, whatever is in it.
pub(super) fn word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@%+,=".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn links_are_those_that_the_clients_know() {
        let server = json!({"url": "https://your-directus-url.com/mcp"});
        assert_eq!(
            cursor("directus", &server),
            "cursor://anysphere.cursor-deeplink/mcp/install?name=directus&config=eyJ1cmwiOiJodHRwczovL3lvdXItZGlyZWN0dXMtdXJsLmNvbS9tY3AifQ%3D%3D"
        );
        assert_eq!(vscode(&json!({"name": "a b"})), "vscode:mcp/install?%7B%22name%22%3A%22a%20b%22%7D");
    }

    #[test]
    fn a_word_is_one_word() {
        for (text, shown) in [
            ("http://127.0.0.1:8080/mcp", "http://127.0.0.1:8080/mcp"),
            ("Bearer ${KEY}", "'Bearer ${KEY}'"),
            ("it's; rm -rf $HOME", r"'it'\''s; rm -rf $HOME'"),
            ("", "''"),
        ] {
            assert_eq!(word(text), shown);
        }
    }
}
