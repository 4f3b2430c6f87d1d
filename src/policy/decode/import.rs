//! `import_from`: where bytes may be imported from.

use super::Decoder;
use crate::policy::document::ImportSource;
use crate::policy::yaml::Node;
use url::Url;

impl Decoder<'_> {
    /// The addresses of a file.
    pub(super) fn import_sources(&mut self, node: &Node) -> Vec<ImportSource> {
        let items = self.list(node).unwrap_or_default();
        items.iter().filter_map(|item| self.import_source(item)).collect()
    }

    fn import_source(&mut self, node: &Node) -> Option<ImportSource> {
        let text = self.text(node)?;
        let url = match Url::parse(text) {
            Ok(url) => url,
            Err(cause) => {
                let message = format!("`{text}` is not a complete URL: {cause}");
                self.error("import-url", &node.span, message, "write `https://images.example.com/`");
                return None;
            }
        };
        if let Some((message, help)) = problem(text, &url) {
            self.error("import-url", &node.span, format!("`{text}` {message}"), help);
            return None;
        }
        Some(ImportSource { url, at: self.at(&node.span) })
    }
}

/// What keeps an address from being a safe prefix, and what to do about it.
fn problem(text: &str, url: &Url) -> Option<(&'static str, String)> {
    let behind_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
    if !matches!(url.scheme(), "http" | "https") {
        return Some(("is not an address of the web", "write `https://…`".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() || behind_scheme.contains('@') {
        return Some(("has user information in it", "leave out everything up to the `@`".to_owned()));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Some(("has a query or a fragment", "end it with the path".to_owned()));
    }
    if text.contains(['*', '\\']) {
        return Some((
            "has a pattern in it",
            "list each host; the path counts as a prefix anyway".to_owned(),
        ));
    }
    let lower = text.to_ascii_lowercase();
    let dots = behind_scheme.split('/').skip(1).any(|segment| segment == "." || segment == "..");
    if dots || lower.contains("%2e") || lower.contains("%2f") || lower.contains("%5c") {
        return Some(("has dots or encoded separators in its path", "write the path as it is".to_owned()));
    }
    if !behind_scheme.contains('/') {
        return Some(("names a host without a path", format!("write `{text}/` for all of that host")));
    }
    None
}
