//! The section `identity`: who is let in, and how.

use super::super::{Config, Identity};
use super::keys::{IDENTITY, PASSTHROUGH, SAME_RESOURCE};
use crate::identity::{Roles, SameResource};
use crate::policy::decode::{Decoder, Object};
use crate::policy::yaml::Node;

impl Decoder<'_> {
    pub(super) fn identity(&mut self, node: &Node) -> Option<Identity> {
        let object = self.object(node, &IDENTITY)?;
        let refuse = object.get("refuse").and_then(|node| self.texts(node)).unwrap_or_default();
        let jwt = object.get("jwt").and_then(|node| self.jwt(node));
        Some(Identity {
            refuse: refuse.into_iter().map(|(name, _)| name).collect(),
            same_resource: object.get("same_resource").and_then(|node| self.same_resource(node)),
            passthrough: object.get("passthrough").and_then(|node| self.passthrough(node)),
            certificates: object.get("certificates").map(|node| self.certificates(node)).unwrap_or_default(),
            jwt,
        })
    }

    /// Reports tokens of Directus' own, where there is no MCP endpoint that could be asked whether it takes one.
    pub(super) fn tokens_can_be_asked_about(&mut self, root: &Node, config: &Config) {
        let Identity { same_resource, passthrough, .. } = &config.identity;
        if config.upstream.local.is_some() && (same_resource.is_some() || passthrough.is_some()) {
            let message = "`same_resource` and `passthrough` need Directus' own MCP endpoint";
            let help = "leave them out of `identity`: with `upstream.command` clients come in with keys, certificates or `jwt`";
            self.error("directus-tokens", &root.span, message, help);
        }
    }

    fn same_resource(&mut self, node: &Node) -> Option<SameResource> {
        let object = self.object(node, &SAME_RESOURCE)?;
        let help = "write Directus' PUBLIC_URL: `public_url: https://cms.example.com`";
        let public_url = object.required(self, "public_url", help).and_then(|node| self.public_url(node));
        let roles = self.roles_of_directus(&object);
        Some(SameResource { public_url: public_url?, roles: roles? })
    }

    fn passthrough(&mut self, node: &Node) -> Option<Roles> {
        let object = self.object(node, &PASSTHROUGH)?;
        self.roles_of_directus(&object)
    }

    /// The address as Directus has it: it stands in tokens letter by letter, so that it is not normalised here.
    fn public_url(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        let url = url::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let plain = |url: &url::Url| {
            url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        };
        let written = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\');
        let address = text.trim_end_matches('/');
        if !written || !url.is_some_and(|url| plain(&url)) || address.ends_with("/mcp") {
            let help = "write Directus' PUBLIC_URL, without `/mcp`: `https://cms.example.com`";
            self.error("url", &node.span, format!("`{text}` is not the public address of a Directus"), help);
            return None;
        }
        Some(address.to_owned())
    }

    fn roles_of_directus(&mut self, object: &Object<'_>) -> Option<Roles> {
        let help =
            "write which policy role a role of Directus' has: `roles: {Content Editor: content-editor}`";
        let node = object.required(self, "roles", help)?;
        let mut roles = Vec::new();
        for entry in self.entries(node)? {
            if let Some(role) = self.text(&entry.value) {
                roles.push((entry.key.clone(), role.to_owned()));
            }
        }
        Some(Roles::new(roles))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::Config;
    use crate::identity::Roles;
    use crate::policy::diagnostic::Source;

    #[test]
    fn every_way_arrives() {
        let text = "version: 1
identity:
  same_resource: {public_url: 'https://cms.example.com/', roles: {Content Editor: content-editor}}
  passthrough: {roles: {0a1b2c3d-0000-4000-8000-000000000002: reader}}
";
        let identity = Config::from_yaml(&Source::new("warrener.yaml", text)).unwrap().identity;
        let roles = |from: &str, to: &str| Roles::new([(from.to_owned(), to.to_owned())]);
        let same = identity.same_resource.unwrap();
        assert_eq!(same.public_url, "https://cms.example.com");
        assert_eq!(same.roles, roles("Content Editor", "content-editor"));
        assert_eq!(identity.passthrough, Some(roles("0a1b2c3d-0000-4000-8000-000000000002", "reader")));
    }

    #[test]
    fn a_local_mcp_cannot_be_asked_about_tokens() {
        let upstream = "upstream: {url: 'https://cms.example.com', command: node}";
        for (identity, is_taken) in [
            ("{passthrough: {roles: {a: b}}}", false),
            ("{same_resource: {public_url: 'https://cms.example.com', roles: {a: b}}}", false),
            ("{refuse: [a]}", true),
            ("{jwt: {issuer: 'https://login.example.com', audience: a, role_claim: r, roles: {a: b}}}", true),
        ] {
            let text = format!("version: 1\n{upstream}\nidentity: {identity}\n");
            let found = Config::from_yaml(&Source::new("warrener.yaml", text));
            assert_eq!(found.is_ok(), is_taken, "{identity}");
            if let Err(found) = found {
                assert!(found.to_string().contains("MCP endpoint"), "{found}");
            }
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (identity, expect) in [
            ("same_resource: {}", "public_url"),
            ("same_resource: {public_url: 'https://cms.example.com'}", "roles"),
            ("same_resource: {public_url: cms.example.com, roles: {a: b}}", "not the public address"),
            ("same_resource: {public_url: 'https://cms.example.com/mcp', roles: {a: b}}", "without `/mcp`"),
            (
                "same_resource: {public_url: 'https://u:p@cms.example.com', roles: {a: b}}",
                "not the public address",
            ),
            (
                "same_resource: {public_url: 'https://cms.example.com?x=1', roles: {a: b}}",
                "not the public address",
            ),
            (
                "same_resource: {public_url: 'https://cms.exämple.com', roles: {a: b}}",
                "not the public address",
            ),
            ("passthrough: true", "expected"),
            ("passthrough: {}", "roles"),
            ("passthrough: {roles: [a]}", "expected a mapping"),
            ("passthrough: {roles: {a: 1}}", "quote it"),
            ("pass_through: {roles: {a: b}}", "passthrough"),
            ("oauth: {}", "same_resource"),
        ] {
            let text = format!("version: 1\nidentity: {{{identity}}}\n");
            let found = Config::from_yaml(&Source::new("warrener.yaml", text)).unwrap_err().to_string();
            assert!(found.contains(expect), "{identity}\n{found}");
        }
    }
}
