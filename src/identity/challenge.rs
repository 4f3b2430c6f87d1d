//! What a client without a valid credential is told about how to get one: `WWW-Authenticate`, and the metadata that it names.

use super::rejected::Rejected;
use http::HeaderValue;
use serde_json::{Value, json};
use std::sync::Arc;
use url::Url;

/// Where the metadata of a protected resource is, before the resource's own path (RFC 9728, section 3.1).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// What `WWW-Authenticate` says.
#[derive(Clone, Debug)]
pub enum Challenge {
    /// A key is needed, and how to come by one is told elsewhere.
    Bearer,
    /// Tokens of Directus' own are taken, and this is how it says so itself.
    Directus(HeaderValue),
    /// Tokens of a provider are taken, and clients can find it where this gateway knows its own address.
    Tokens(Option<Arc<Resource>>),
}

/// This gateway as a resource that tokens are for.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its address, as its clients write it.
    url: Url,
    issuer: String,
    scopes: Vec<String>,
}

impl Resource {
    /// The resource at that address, for tokens of that issuer.
    pub(super) fn new(url: &Url, issuer: &str, scopes: &[String]) -> Self {
        Self { url: url.clone(), issuer: issuer.to_owned(), scopes: scopes.to_vec() }
    }

    /// What clients are told about it (RFC 9728, section 2). `resource` is what they ask the provider for a token for (RFC 8707).
    pub fn metadata(&self) -> Value {
        let mut metadata = json!({
            "resource": self.url.as_str(),
            "authorization_servers": [self.issuer],
            "bearer_methods_supported": ["header"],
            "resource_name": "Warrener",
        });
        if let (Some(metadata), false) = (metadata.as_object_mut(), self.scopes.is_empty()) {
            metadata.insert("scopes_supported".to_owned(), json!(self.scopes));
        }
        metadata
    }

    /// Every path at which that is looked for: where the standard puts it, where it is for a gateway that stands at the root of its
    /// host, and without any path.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = vec![self.path(), format!("{WELL_KNOWN}/mcp"), WELL_KNOWN.to_owned()];
        paths.dedup();
        paths
    }

    fn path(&self) -> String {
        format!("{WELL_KNOWN}{}", self.url.path().trim_end_matches('/'))
    }

    fn metadata_url(&self) -> Url {
        let mut url = self.url.clone();
        url.set_path(&self.path());
        url
    }
}

impl Challenge {
    /// The header for somebody who was turned away for that reason (RFC 6750, section 3; RFC 9728, section 5.1). Nothing is said to be
    /// wrong with a token where none came.
    pub fn to(&self, rejected: &Rejected) -> HeaderValue {
        let resource = match self {
            Self::Bearer => return HeaderValue::from_static("Bearer"),
            Self::Directus(header) => return header.clone(),
            Self::Tokens(resource) => resource,
        };
        let mut parameters = Vec::new();
        if let Some(resource) = resource {
            parameters.push(("resource_metadata", resource.metadata_url().to_string()));
            if !resource.scopes.is_empty() {
                parameters.push(("scope", resource.scopes.join(" ")));
            }
        }
        if *rejected != Rejected::Missing {
            parameters.push(("error", "invalid_token".to_owned()));
            parameters.push(("error_description", rejected.told()));
        }
        let written: Vec<String> =
            parameters.iter().map(|(name, value)| format!("{name}=\"{}\"", quotable(value))).collect();
        let header = format!("Bearer {}", written.join(", "));
        HeaderValue::from_str(header.trim_end()).unwrap_or(HeaderValue::from_static("Bearer"))
    }
}

/// What may stand between quotes in a header, and in a description (RFC 6750, section 3).
fn quotable(text: &str) -> String {
    let fits = |one: &char| (one.is_ascii_graphic() || *one == ' ') && *one != '"' && *one != '\\';
    text.chars().filter(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::super::jwt::TokenRejected;
    use super::*;

    fn resource(url: &str, scopes: &[&str]) -> Arc<Resource> {
        let scopes: Vec<String> = scopes.iter().map(|&scope| scope.to_owned()).collect();
        Arc::new(Resource::new(&url.parse().unwrap(), "https://login.example.com/", &scopes))
    }

    #[test]
    fn a_client_is_told_where_to_sign_in() {
        let known = Challenge::Tokens(Some(resource("https://gateway.example.com/mcp", &["openid", "cms"])));
        let expired = Rejected::Jwt(TokenRejected::Expired { name: "jwt:ada".to_owned() });
        let metadata = r#"Bearer resource_metadata="https://gateway.example.com/.well-known/oauth-protected-resource/mcp", scope="openid cms""#;
        for (challenge, rejected, expect) in [
            (&Challenge::Bearer, &Rejected::Missing, "Bearer".to_owned()),
            (&Challenge::Bearer, &expired, "Bearer".to_owned()),
            (&known, &Rejected::Missing, metadata.to_owned()),
            (
                &known,
                &expired,
                format!(r#"{metadata}, error="invalid_token", error_description="the token has expired""#),
            ),
            (&Challenge::Tokens(None), &Rejected::Missing, "Bearer".to_owned()),
            (
                &Challenge::Tokens(None),
                &Rejected::Jwt(TokenRejected::Type),
                r#"Bearer error="invalid_token", error_description="a token of this `typ` is not taken: only `JWT` and `at+jwt`""#.to_owned(),
            ),
        ] {
            assert_eq!(challenge.to(rejected), expect);
        }
    }

    #[test]
    fn the_metadata_is_where_the_standard_puts_it() {
        let behind = "/.well-known/oauth-protected-resource";
        for (url, paths) in [
            ("https://gateway.example.com/mcp", vec![format!("{behind}/mcp"), behind.to_owned()]),
            (
                "https://example.com/warrener/mcp",
                vec![format!("{behind}/warrener/mcp"), format!("{behind}/mcp"), behind.to_owned()],
            ),
        ] {
            assert_eq!(resource(url, &[]).paths(), paths);
        }
        let metadata = resource("https://gateway.example.com/mcp", &[]).metadata();
        assert_eq!(metadata["resource"], "https://gateway.example.com/mcp");
        assert_eq!(metadata["authorization_servers"], json!(["https://login.example.com/"]));
        assert_eq!(metadata.get("scopes_supported"), None);
        assert_eq!(
            resource("https://gateway.example.com/mcp", &["a"]).metadata()["scopes_supported"],
            json!(["a"])
        );
    }
}
