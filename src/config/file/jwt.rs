//! `identity.jwt`.

use super::keys::{JWT, JWT_ROLE};
use crate::config::{Issuer, Jwt, MappedRole};
use crate::identity::{Algorithm, is_private};
use crate::policy::decode::{Decoder, Object, listed, nearest};
use crate::policy::yaml::{Node, Shape};
use std::collections::BTreeMap;
use std::time::Duration;
use url::Url;

impl Decoder<'_> {
    pub(super) fn jwt(&mut self, node: &Node) -> Option<Jwt> {
        let object = self.object(node, &JWT)?;
        let issuer =
            object.required(self, "issuer", "write the `iss` of its tokens: `https://login.example.com`");
        let issuer = issuer.and_then(|node| self.issuer(node));
        let resource = object.get("resource").and_then(|node| self.resource(node));
        let audience = self.audience(&object, resource.as_ref());
        let role_claim =
            object.required(self, "role_claim", "write the claim with the roles: `realm_access.roles`");
        let role_claim = role_claim.and_then(|node| self.claim(node));
        let roles = object.required(
            self,
            "roles",
            "write what each of its values stands for: `{cms-editors: content-editor}`",
        );
        let roles = roles.and_then(|node| self.mapped_roles(node));
        let algorithms = object.get("algorithms").map_or_else(every, |node| self.algorithms(node));
        let principal = object.get("principal_claim").and_then(|node| self.text(node)).unwrap_or("sub");
        Some(Jwt {
            issuer: issuer?,
            audience: audience?,
            resource,
            jwks_url: object.get("jwks_url").and_then(|node| self.private_url(node, "jwks_url")),
            jwks_max_age: self.time(&object, "jwks_max_age", Jwt::JWKS_MAX_AGE),
            jwks_keep: self.time(&object, "jwks_keep", Jwt::JWKS_KEEP),
            algorithms,
            role_claim: role_claim?,
            roles: roles?,
            principal_claim: principal.to_owned(),
            leeway: self.leeway(&object),
            token: self.secret(&object, "token_env", "token_file"),
            scopes: object.get("scopes").map(|node| self.scopes(node)).unwrap_or_default(),
        })
    }

    /// Compared to the letter, so it is kept as it is written.
    fn issuer(&mut self, node: &Node) -> Option<Issuer> {
        let url = self.private_url(node, "issuer")?;
        let written = self.text(node)?.to_owned();
        if url.query().is_some() {
            let help = "write what stands as `iss` in its tokens";
            self.error("issuer", &node.span, format!("`{written}` has a query, which no issuer has"), help);
            return None;
        }
        Some(Issuer { written, url })
    }

    fn private_url(&mut self, node: &Node, code: &'static str) -> Option<Url> {
        let text = self.text(node)?;
        let url = Url::parse(text).ok().filter(|url| {
            is_private(url)
                && url.username().is_empty()
                && url.password().is_none()
                && url.fragment().is_none()
        });
        if url.is_none() {
            let help = "write `https://…`, without user or fragment; `http://` only for this machine itself";
            let message = format!("`{text}` is not an address that can be trusted for keys");
            self.error(code, &node.span, message, help);
        }
        url
    }

    /// The address of the gateway itself is one that clients compare with the one they were given.
    fn resource(&mut self, node: &Node) -> Option<Url> {
        let text = self.text(node)?;
        let url = Url::parse(text).ok().filter(|url| {
            let plain = url.username().is_empty() && url.password().is_none();
            let whole = url.query().is_none() && url.fragment().is_none() && url.path().ends_with("/mcp");
            is_private(url) && plain && whole && url.as_str() == text
        });
        if url.is_none() {
            let help = "write the address that clients are given: `https://gateway.example.com/mcp`";
            self.error(
                "resource",
                &node.span,
                format!("`{text}` is not the address of this gateway's `/mcp`"),
                help,
            );
        }
        url
    }

    fn audience(&mut self, object: &Object<'_>, resource: Option<&Url>) -> Option<String> {
        if let Some(node) = object.get("audience") {
            return self.text(node).map(str::to_owned);
        }
        if object.get("resource").is_some() {
            return resource.map(ToString::to_string);
        }
        let help = "write the gateway's own address, `resource: https://gateway.example.com/mcp`, or the `audience` that the provider puts into its tokens";
        self.error("missing-key", &object.head(), "`jwt` needs `resource` or `audience`", help);
        None
    }

    /// A name, with dots where it lies deeper; one that is an address is one name, and so is each of a list.
    fn claim(&mut self, node: &Node) -> Option<Vec<String>> {
        if let Shape::List(items) = &node.shape
            && !items.is_empty()
        {
            return self.texts(node).map(|texts| texts.into_iter().map(|(text, _)| text).collect());
        }
        let text = self.text(node)?;
        if text.contains(['/', ':']) {
            return Some(vec![text.to_owned()]);
        }
        if text.split('.').any(str::is_empty) {
            let help = "write the names with one dot between them, `realm_access.roles`, or as a list";
            self.error("claim", &node.span, format!("`{text}` is not the name of a claim"), help);
            return None;
        }
        Some(text.split('.').map(str::to_owned).collect())
    }

    fn mapped_roles(&mut self, node: &Node) -> Option<BTreeMap<String, MappedRole>> {
        let entries = self.entries(node)?;
        if entries.is_empty() {
            let help = "write `{cms-editors: content-editor}`";
            self.error("empty", &node.span, "no role of the provider stands for anything", help);
        }
        Some(
            entries
                .iter()
                .filter_map(|entry| Some((entry.key.clone(), self.mapped_role(&entry.value)?)))
                .collect(),
        )
    }

    fn mapped_role(&mut self, node: &Node) -> Option<MappedRole> {
        let Shape::Map(_) = &node.shape else {
            return self.text(node).map(|role| MappedRole { role: role.to_owned(), token: None });
        };
        let object = self.object(node, &JWT_ROLE)?;
        let role = object.required(self, "role", "write the name of a policy role: `role: reader`")?;
        let role = self.text(role)?.to_owned();
        Some(MappedRole { role, token: self.secret(&object, "token_env", "token_file") })
    }

    fn algorithms(&mut self, node: &Node) -> Vec<Algorithm> {
        let texts = self.texts(node).unwrap_or_default();
        if texts.is_empty() {
            let help = "leave it out for every asymmetric one";
            self.error("empty", &node.span, "no algorithm is allowed, so no token could be taken", help);
        }
        let known: Vec<&str> = Algorithm::ALL.iter().map(|(name, _)| *name).collect();
        let mut found = Vec::new();
        for (text, span) in texts {
            if let Some((_, algorithm)) = Algorithm::ALL.iter().find(|(name, _)| *name == text) {
                found.push(*algorithm);
            } else {
                let help = if text.starts_with("HS") || text.eq_ignore_ascii_case("none") {
                    "only asymmetric ones can be allowed: with others, whoever can check a token could make one".to_owned()
                } else {
                    let near = nearest(&text, &known).map(|near| format!("did you mean `{near}`?"));
                    near.unwrap_or_else(|| format!("write {}", listed(&known)))
                };
                self.error(
                    "algorithm",
                    &span,
                    format!("`{text}` is not an algorithm that can be allowed"),
                    help,
                );
            }
        }
        found
    }

    fn leeway(&mut self, object: &Object<'_>) -> Duration {
        let leeway = self.time(object, "leeway", Jwt::LEEWAY);
        if let Some(node) = object.get("leeway")
            && leeway > Jwt::LONGEST_LEEWAY
        {
            let help = "write at most `5m`, and set the clocks right";
            self.error("leeway", &node.span, "with so much leeway expired tokens would be good ones", help);
        }
        leeway
    }

    fn scopes(&mut self, node: &Node) -> Vec<String> {
        let mut scopes = Vec::new();
        for (text, span) in self.texts(node).unwrap_or_default() {
            // RFC 6749, section 3.3; it stands in a header, between quotes.
            if text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\') {
                scopes.push(text);
            } else {
                self.error("scope", &span, format!("`{text}` is not a scope"), "write one word for each");
            }
        }
        scopes
    }
}

fn every() -> Vec<Algorithm> {
    Algorithm::ALL.iter().map(|(_, algorithm)| *algorithm).collect()
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Jwt, MappedRole, Secret};
    use crate::identity::Algorithm;
    use crate::policy::diagnostic::Source;
    use std::time::Duration;

    const LEAST: &str = "issuer: https://login.example.com/
    resource: https://gateway.example.com/mcp
    role_claim: realm_access.roles
    roles: {cms-readers: reader}";

    fn read(settings: &str) -> Result<Jwt, Vec<&'static str>> {
        let text = format!("version: 1\nidentity:\n  jwt:\n    {settings}\n");
        let read = Config::from_yaml(&Source::new("warrener.yaml", &text));
        let codes =
            |found: crate::policy::diagnostic::Diagnostics| found.list.iter().map(|one| one.code).collect();
        read.map(|config| config.identity.jwt.unwrap()).map_err(codes)
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let jwt = read(LEAST).unwrap();
        assert_eq!(jwt.issuer.written, "https://login.example.com/");
        assert_eq!(jwt.audience, "https://gateway.example.com/mcp");
        assert_eq!(jwt.role_claim, ["realm_access", "roles"]);
        assert_eq!(jwt.roles["cms-readers"], MappedRole { role: "reader".to_owned(), token: None });
        assert_eq!((jwt.principal_claim.as_str(), jwt.leeway), ("sub", Duration::from_secs(30)));
        assert_eq!(jwt.algorithms.len(), Algorithm::ALL.len());
        assert_eq!((jwt.jwks_url, jwt.token, jwt.scopes), (None, None, vec![]));
    }

    #[test]
    fn every_key_arrives() {
        let jwt = read(
            "issuer: http://127.0.0.1:8099/realms/company
    audience: api://gateway
    resource: https://gateway.example.com/warrener/mcp
    jwks_url: https://keys.example.com/keys?v=2
    jwks_max_age: 1m
    jwks_keep: 2h
    algorithms: [ES256, Ed25519]
    role_claim: [resource_access, my.client, roles]
    roles:
      editors: {role: content-editor, token_file: editor.token}
      readers: reader
    principal_claim: email
    leeway: 5s
    token_env: DIRECTUS_READER
    scopes: [openid, cms]",
        )
        .unwrap();
        assert_eq!((jwt.audience.as_str(), jwt.jwks_max_age), ("api://gateway", Duration::from_mins(1)));
        assert_eq!(jwt.jwks_keep, Duration::from_hours(2));
        assert_eq!(jwt.jwks_url.unwrap().query(), Some("v=2"));
        assert_eq!(jwt.algorithms, [Algorithm::Es256, Algorithm::Ed25519]);
        assert_eq!(jwt.role_claim, ["resource_access", "my.client", "roles"]);
        assert_eq!(jwt.roles["editors"].token, Some(Secret::File("editor.token".into())));
        assert_eq!((jwt.principal_claim.as_str(), jwt.leeway), ("email", Duration::from_secs(5)));
        assert_eq!(jwt.token, Some(Secret::Env("DIRECTUS_READER".to_owned())));
        assert_eq!(jwt.scopes, ["openid", "cms"]);
    }

    #[test]
    fn what_would_open_a_gap_is_refused() {
        for (from, to, code) in [
            ("https://login.example.com/", "http://login.example.com/", "issuer"),
            ("https://login.example.com/", "http://localhost.example.com/", "issuer"),
            ("https://login.example.com/", "https://user:word@login.example.com/", "issuer"),
            ("https://login.example.com/", "https://login.example.com/?x=1", "issuer"),
            ("https://login.example.com/", "login.example.com", "issuer"),
            ("https://gateway.example.com/mcp", "https://gateway.example.com", "resource"),
            ("https://gateway.example.com/mcp", "http://gateway.example.com/mcp", "resource"),
            ("https://gateway.example.com/mcp", "https://gateway.example.com:443/mcp", "resource"),
            ("resource: https://gateway.example.com/mcp", "leeway: 1s", "missing-key"),
            ("realm_access.roles", "realm_access..roles", "claim"),
            ("role_claim: realm_access.roles", "leeway: 1s", "missing-key"),
            ("{cms-readers: reader}", "{}", "empty"),
            ("{cms-readers: reader}", "{cms-readers: {token_env: X}}", "missing-key"),
            ("{cms-readers: reader}", "{cms-readers: reader}\n    algorithms: [none]", "algorithm"),
            ("{cms-readers: reader}", "{cms-readers: reader}\n    algorithms: [RS256, HS256]", "algorithm"),
            ("{cms-readers: reader}", "{cms-readers: reader}\n    algorithms: []", "empty"),
            ("{cms-readers: reader}", "{cms-readers: reader}\n    leeway: 6m", "leeway"),
            ("{cms-readers: reader}", "{cms-readers: reader}\n    scopes: [\"a b\"]", "scope"),
            (
                "{cms-readers: reader}",
                "{cms-readers: reader}\n    jwks_url: http://keys.example.com/",
                "jwks_url",
            ),
            ("{cms-readers: reader}", "{cms-readers: reader}\n    token: secret", "unknown-key"),
        ] {
            let settings = LEAST.replace(from, to);
            assert_ne!(settings, LEAST);
            assert_eq!(read(&settings).unwrap_err(), [code], "{settings}");
        }
    }

    #[test]
    fn a_claim_with_an_address_for_its_name_is_one() {
        let of = |claim: &str| read(&LEAST.replace("realm_access.roles", claim)).unwrap().role_claim;
        assert_eq!(of("https://example.com/roles"), ["https://example.com/roles"]);
        assert_eq!(of("cognito:groups"), ["cognito:groups"]);
        assert_eq!(of("roles"), ["roles"]);
    }
}
