//! Putting one entry into a client's JSON, and leaving every other byte of it as it is.

use serde_json::Value;
use std::ops::Range;

/// What is put where: an entry of an object that is an entry of the whole, and an element of a list beside it.
#[derive(Clone, Debug)]
pub(super) struct Addition {
    /// The object that servers stand in, such as `mcpServers`.
    pub(super) section: &'static str,
    /// The name of the server.
    pub(super) name: String,
    /// What is said of it; it takes the place of what was said of that name.
    pub(super) value: Value,
    /// What the server is asked for by the client, such as a password: a list, and an element told by its `id`.
    pub(super) input: Option<(&'static str, Value)>,
}

/// Why nothing is put into it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum EditError {
    /// It is not JSON, or JSON with comments.
    #[error("it is not plain JSON ({0}); comments could not be kept")]
    NotJson(String),
    /// Something in it is of another type than the client reads.
    #[error("`{0}` in it is not {1}")]
    Type(&'static str, &'static str),
    /// A key is there twice, so that it is not clear which one the client reads.
    #[error("`{0}` is in it twice")]
    Twice(String),
}

/// The text with the addition in it; the same text where it is in it already.
///
/// # Errors
/// When the text is not what the client could read either.
pub(super) fn edited(text: &str, addition: &Addition) -> Result<String, EditError> {
    let text = if text.trim().is_empty() { "{}\n" } else { text };
    let whole: Value = serde_json::from_str(text).map_err(|error| EditError::NotJson(error.to_string()))?;
    if !whole.is_object() {
        return Err(EditError::Type("the whole", "an object"));
    }
    let text = put(text, addition)?;
    match &addition.input {
        Some((list, input)) => append_input(&text, list, input),
        None => Ok(text),
    }
}

fn put(text: &str, addition: &Addition) -> Result<String, EditError> {
    let Addition { section, name, value, .. } = addition;
    let unit = unit(text);
    let whole = Span::whole(text);
    let Some(servers) = whole.entry(text, section)? else {
        let entry = format!("{}: {}", quoted(section), rendered(&object(name, value), &unit, 1));
        return Ok(whole.append(text, &entry, &unit, 0));
    };
    if !servers.of(text).starts_with('{') {
        return Err(EditError::Type(section, "an object"));
    }
    match servers.entry(text, name)? {
        Some(there) if serde_json::from_str::<Value>(there.of(text)).ok().as_ref() == Some(value) => {
            Ok(text.to_owned())
        }
        Some(there) => Ok(there.replace(text, &rendered(value, &unit, 2))),
        None => {
            let entry = format!("{}: {}", quoted(name), rendered(value, &unit, 2));
            Ok(servers.append(text, &entry, &unit, 1))
        }
    }
}

/// Adds what the client asks for, unless it asks for something of that id already.
fn append_input(text: &str, list: &'static str, input: &Value) -> Result<String, EditError> {
    let unit = unit(text);
    let whole = Span::whole(text);
    let Some(inputs) = whole.entry(text, list)? else {
        let entry = format!("{}: {}", quoted(list), rendered(&Value::Array(vec![input.clone()]), &unit, 1));
        return Ok(whole.append(text, &entry, &unit, 0));
    };
    let there = serde_json::from_str::<Value>(inputs.of(text)).ok();
    let Some(Value::Array(there)) = there else { return Err(EditError::Type(list, "a list")) };
    if there.iter().any(|one| one.get("id") == input.get("id")) {
        return Ok(text.to_owned());
    }
    Ok(inputs.append(text, &rendered(input, &unit, 2), &unit, 1))
}

fn object(name: &str, value: &Value) -> Value {
    Value::Object([(name.to_owned(), value.clone())].into_iter().collect())
}

fn quoted(key: &str) -> String {
    Value::from(key).to_string()
}

/// The value as it stands at a depth, each line but the first indented.
pub(super) fn rendered(value: &Value, unit: &str, depth: usize) -> String {
    use serde::Serialize as _;
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(unit.as_bytes());
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    // A value that is in memory can be written to memory.
    let text = match value.serialize(&mut serializer) {
        Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => value.to_string(),
    };
    text.replace('\n', &format!("\n{}", unit.repeat(depth)))
}

/// What one step of indentation is in this text: the white space before its first key, or two spaces.
fn unit(text: &str) -> String {
    let second = text.lines().skip_while(|line| line.trim() != "{").nth(1).unwrap_or_default();
    let white: String = second.chars().take_while(|one| matches!(one, ' ' | '\t')).collect();
    if white.is_empty() || second.trim().is_empty() { "  ".to_owned() } else { white }
}

/// Where a value stands in a text that is JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Span(Range<usize>);

impl Span {
    fn whole(text: &str) -> Self {
        let end = text.trim_end().len();
        Self(text.len() - text.trim_start().len()..end)
    }

    fn of<'a>(&self, text: &'a str) -> &'a str {
        text.get(self.0.clone()).unwrap_or_default()
    }

    /// The value under a key of this object; the key must be there at most once.
    fn entry(&self, text: &str, key: &str) -> Result<Option<Self>, EditError> {
        let mut found = None;
        let mut reader = Reader { bytes: text.as_bytes(), at: self.0.start + 1 };
        while let Some((name, value)) = reader.entry() {
            let name = text.get(name).and_then(|name| serde_json::from_str::<String>(name).ok());
            if name.as_deref() == Some(key) && found.replace(Self(value)).is_some() {
                return Err(EditError::Twice(key.to_owned()));
            }
        }
        Ok(found)
    }

    fn replace(&self, text: &str, with: &str) -> String {
        let before = text.get(..self.0.start).unwrap_or_default();
        let after = text.get(self.0.end..).unwrap_or_default();
        format!("{before}{with}{after}")
    }

    /// The text with one more entry at the end of this object or list, which itself stands at a depth.
    fn append(&self, text: &str, entry: &str, unit: &str, depth: usize) -> String {
        let all = self.of(text);
        let (open, close) = if all.starts_with('{') { ("{", "}") } else { ("[", "]") };
        let inner = all.strip_prefix(open).and_then(|all| all.strip_suffix(close)).unwrap_or_default();
        let (inside, outside) = (unit.repeat(depth + 1), unit.repeat(depth));
        let kept = inner.trim_end();
        let comma = if kept.is_empty() { "" } else { "," };
        self.replace(text, &format!("{open}{kept}{comma}\n{inside}{entry}\n{outside}{close}"))
    }
}

/// Steps over the parts of a text that is known to be JSON.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    /// The key, with its quotes, and the value of the next entry.
    fn entry(&mut self) -> Option<(Range<usize>, Range<usize>)> {
        self.skip(|byte| byte.is_ascii_whitespace() || byte == b',');
        let key = (self.peek()? == b'"').then(|| self.value())?;
        self.skip(|byte| byte.is_ascii_whitespace() || byte == b':');
        Some((key, self.value()))
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip(&mut self, over: impl Fn(u8) -> bool) {
        while self.peek().is_some_and(&over) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Range<usize> {
        let (start, mut depth) = (self.at, 0_usize);
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => self.string(),
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    self.at += 1;
                }
                _ => self.skip(|byte| {
                    !matches!(byte, b'"' | b'{' | b'[' | b'}' | b']' | b',') && !byte.is_ascii_whitespace()
                }),
            }
            if depth == 0 {
                break;
            }
            self.skip(|byte| byte.is_ascii_whitespace() || matches!(byte, b',' | b':'));
        }
        start..self.at
    }

    fn string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.peek() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn addition() -> Addition {
        Addition {
            section: "mcpServers",
            name: "directus".to_owned(),
            value: json!({"url": "u"}),
            input: None,
        }
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        let ours = "\"directus\": {\n      \"url\": \"u\"\n    }";
        for (before, after) in [
            ("", format!("{{\n  \"mcpServers\": {{\n    {ours}\n  }}\n}}\n")),
            (" {} ", format!(" {{\n  \"mcpServers\": {{\n    {ours}\n  }}\n}} ")),
            ("{\"mcpServers\":{}}", format!("{{\"mcpServers\":{{\n    {ours}\n  }}}}")),
            (
                "{\n  \"b\": 1e400,\n  \"mcpServers\": {\n    \"x\": {\"n\": 12345678901234567890123, \"n\": 2}\n  },\n  \"a\": \"}{\\\"\"\n}\n",
                format!(
                    "{{\n  \"b\": 1e400,\n  \"mcpServers\": {{\n    \"x\": {{\"n\": 12345678901234567890123, \"n\": 2}},\n    {ours}\n  }},\n  \"a\": \"}}{{\\\"\"\n}}\n"
                ),
            ),
            (
                "{\"mcpServers\": {\"\\u0064irectus\": {\"url\": \"old\"}, \"z\": null}}",
                "{\"mcpServers\": {\"\\u0064irectus\": {\n      \"url\": \"u\"\n    }, \"z\": null}}"
                    .to_owned(),
            ),
        ] {
            // Numbers that no double holds are kept too, where the parser takes them.
            let Ok(edited) = edited(before, &addition()) else {
                assert!(before.contains("1e400"), "{before}");
                continue;
            };
            assert_eq!(edited, after, "{before}");
            assert_eq!(super::edited(&edited, &addition()).unwrap(), edited, "{before}");
        }
    }

    #[test]
    fn tabs_stay_tabs() {
        let before = "{\n\t\"mcpServers\": {\n\t\t\"é🐇\": {}\n\t}\n}";
        let after = "{\n\t\"mcpServers\": {\n\t\t\"é🐇\": {},\n\t\t\"directus\": {\n\t\t\t\"url\": \"u\"\n\t\t}\n\t}\n}";
        assert_eq!(edited(before, &addition()).unwrap(), after);
    }

    #[test]
    fn an_input_is_added_once() {
        let input = json!({"id": "warrener-key"});
        let addition = Addition { input: Some(("inputs", input)), section: "servers", ..addition() };
        let once = edited("{\"inputs\": [{\"id\": \"other\"}]}", &addition).unwrap();
        let value: Value = serde_json::from_str(&once).unwrap();
        let expect = json!({"inputs": [{"id": "other"}, {"id": "warrener-key"}], "servers": {"directus": {"url": "u"}}});
        assert_eq!(value, expect);
        assert_eq!(edited(&once, &addition).unwrap(), once);
        let alone: Value = serde_json::from_str(&edited("", &addition).unwrap()).unwrap();
        assert_eq!(alone["inputs"], json!([{"id": "warrener-key"}]));
    }

    #[test]
    fn what_could_be_damaged_is_left_alone() {
        let bom = "\u{feff}{}";
        for (text, expect) in [
            ("{ // mine\n}", "it is not plain JSON"),
            ("{\"mcpServers\": {},}", "it is not plain JSON"),
            (bom, "it is not plain JSON"),
            ("{} {}", "it is not plain JSON"),
            ("nul\0", "it is not plain JSON"),
            ("[]", "`the whole` in it is not an object"),
            ("\"mcpServers\"", "`the whole` in it is not an object"),
            ("{\"mcpServers\": []}", "`mcpServers` in it is not an object"),
            ("{\"mcpServers\": null}", "`mcpServers` in it is not an object"),
            ("{\"mcpServers\": {}, \"mcpServers\": {}}", "`mcpServers` is in it twice"),
            ("{\"mcpServers\": {\"directus\": 1, \"directu\\u0073\": 2}}", "`directus` is in it twice"),
        ] {
            let error = edited(text, &addition()).unwrap_err().to_string();
            assert!(error.starts_with(expect), "{text}: {error}");
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(edited(&deep, &addition()).is_err());
    }
}
