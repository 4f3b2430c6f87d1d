//! Where bytes may be imported from.

use super::decision::{Code, Reason};
use super::document::ImportSource;
use super::rules::Rules;
use url::Url;

/// Every address that the role, or the guardrails, do not list.
pub(crate) fn check(rules: &Rules<'_>, addresses: &[String]) -> Vec<Reason> {
    let own = rules.role.import_from.as_deref().unwrap_or_default();
    let shared = rules.guardrails.import_from.as_deref();
    let mut reasons = Vec::new();
    for address in addresses {
        let listed = |sources: &[ImportSource]| sources.iter().any(|source| is_below(&source.url, address));
        if !listed(own) {
            reasons.push(refused(format!("{}/import_from", rules.role.name)));
        } else if shared.is_some_and(|sources| !listed(sources)) {
            reasons.push(refused("guardrails/import_from".to_owned()));
        }
    }
    reasons
}

fn refused(rule: String) -> Reason {
    Reason::firm(
        Code::InvalidValue,
        rule,
        "Importing from this address is not permitted to this role: its host and path are not listed.",
    )
}

/// Whether the address is at the source or below it: scheme, host and port equal, the path a prefix by whole segments.
///
/// An address that another reader could take differently is not: user info, which Directus sends as a credential, encoded
/// dots and slashes, backslashes, white space.
fn is_below(source: &Url, address: &str) -> bool {
    let lower = address.to_ascii_lowercase();
    let odd = address
        .chars()
        .any(|character| character.is_whitespace() || character.is_control() || character == '\\');
    if odd || ["%2e", "%2f", "%5c"].iter().any(|escape| lower.contains(escape)) {
        return false;
    }
    let Ok(url) = Url::parse(address) else { return false };
    let same_place = url.scheme() == source.scheme()
        && url.host_str() == source.host_str()
        && url.port_or_known_default() == source.port_or_known_default();
    let anonymous = url.username().is_empty() && url.password().is_none() && !address.contains('@');
    let prefix = source.path().trim_end_matches('/');
    let below = url.path().strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    same_place && anonymous && below
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_below_the_source_are_listed() {
        let source = Url::parse("https://images.example.com/public/").unwrap();
        for good in [
            "https://images.example.com/public/a.png",
            "https://images.example.com:443/public/x/y.png?size=1",
            "HTTPS://IMAGES.example.com/public/a.png",
            "https://images.example.com/public",
        ] {
            assert!(is_below(&source, good), "{good}");
        }
        for bad in [
            "http://images.example.com/public/a.png",
            "https://images.example.com/private/a.png",
            "https://images.example.com/publicity/a.png",
            "https://images.example.com/public/../private/a.png",
            "https://images.example.com/public/%2e%2e/private/a.png",
            "https://images.example.com/public/%2E%2E%2fprivate",
            "https://images.example.com/public\\..\\private",
            "https://images.example.com.evil.test/public/a.png",
            "https://images.example.com@evil.test/public/a.png",
            "https://user:pw@images.example.com/public/a.png",
            "https://images.example.com:8443/public/a.png",
            " https://images.example.com/public/a.png",
            "https://images.example.com/public/a.png\n",
            "file:///public/a.png",
            "//images.example.com/public/a.png",
            "",
        ] {
            assert!(!is_below(&source, bad), "{bad}");
        }
    }
}
