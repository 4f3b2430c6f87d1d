//! `${NAME}` in a value of `warrener.yaml`: what the environment has under that name.
//!
//! It stands in texts only, and is taken once: what a variable holds is not looked into again, and is a text whatever it looks
//! like. There is no default and no other form, so that a file means one thing or is refused.

use crate::audit::mask::is_secret_name;
use crate::policy::decode::Decoder;
use crate::policy::yaml::{Node, Shape};
use std::ops::Range;

/// What the environment has under a name.
pub(in crate::config) type Variables<'v> = &'v dyn Fn(&str) -> Option<String>;

/// Keys whose value is the name of a variable already.
const NAMES: &str = "_env";

impl Decoder<'_> {
    /// Puts what the environment has in the place of each `${NAME}`; what it has not is reported where it stands.
    pub(super) fn fill_in(&mut self, node: &mut Node, variables: Variables<'_>) {
        match &mut node.shape {
            Shape::Text { text, quoted } if text.contains("${") => {
                if let Some(filled) = self.with_variables(text, &node.span, variables) {
                    // What the environment has may be a secret, and no message repeats it.
                    self.spell(&filled, text);
                    (*text, *quoted) = (filled, true);
                } else {
                    node.shape = Shape::Broken;
                }
            }
            Shape::Null | Shape::Bool(_) | Shape::Number(_) | Shape::Text { .. } | Shape::Broken => {}
            Shape::List(nodes) => nodes.iter_mut().for_each(|node| self.fill_in(node, variables)),
            Shape::Map(entries) => {
                for entry in entries {
                    if entry.key.ends_with(NAMES) {
                        self.is_a_name_itself(&mut entry.value);
                    } else {
                        self.fill_in(&mut entry.value, variables);
                    }
                }
            }
        }
    }

    fn is_a_name_itself(&mut self, node: &mut Node) {
        if matches!(&node.shape, Shape::Text { text, .. } if text.contains("${")) {
            let help = "write the variable's name alone: `token_env: DIRECTUS_TOKEN`";
            self.error("variable", &node.span, "the name of a variable cannot come from another one", help);
            node.shape = Shape::Broken;
        }
    }

    fn with_variables(
        &mut self,
        text: &str,
        span: &Range<usize>,
        variables: Variables<'_>,
    ) -> Option<String> {
        let (mut filled, mut rest, mut whole) = (String::new(), text, true);
        while let Some((before, behind)) = rest.split_once("${") {
            if let Some(before) = before.strip_suffix('$') {
                filled.extend([before, "${"]);
                rest = behind;
                continue;
            }
            filled.push_str(before);
            // One that is not closed is not the name of a variable.
            let (name, after) = behind.split_once('}').unwrap_or(("", ""));
            match self.variable(name, span, variables) {
                Some(value) => filled.push_str(&value),
                None => whole = false,
            }
            rest = after;
        }
        filled.push_str(rest);
        whole.then_some(filled)
    }

    fn variable(&mut self, name: &str, span: &Range<usize>, variables: Variables<'_>) -> Option<String> {
        if !is_variable(name) {
            let help = "write `${NAME}` with letters, digits and `_`, and nothing else; `$${` stands for `${` itself";
            self.error("variable", span, format!("`{name}` is not the name of a variable"), help);
            return None;
        }
        if is_secret_name(name) {
            let help = "a secret does not stand among the settings: use a key that ends in `_env` or `_file`";
            self.error("variable", span, format!("`{name}` is a secret by its name"), help);
            return None;
        }
        let value = variables(name);
        if value.is_none() {
            let help = "set it, or write the value itself; `$${` stands for `${` itself";
            self.error("variable", span, format!("the environment variable `{name}` is not set"), help);
        }
        value
    }
}

/// Whether a shell could set a variable of that name.
pub(in crate::config) fn is_variable(name: &str) -> bool {
    let fits = |one: u8| one.is_ascii_alphanumeric() || one == b'_';
    name.bytes().all(fits) && name.bytes().next().is_some_and(|first| !first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::policy::diagnostic::Source;

    fn read(setting: &str) -> Result<Config, String> {
        let source = Source::new("warrener.yaml", format!("version: 1\n{setting}\n"));
        let variables = |name: &str| match name {
            "HOST" => Some("cms.example.com".to_owned()),
            "PORT" => Some("9000".to_owned()),
            "NESTED" => Some("${HOST}".to_owned()),
            "LINES" => Some("a\nkeys: other.yaml".to_owned()),
            "CMS" => Some("https://admin:hunter2@cms.example.com/?a=hunter2".to_owned()),
            "LONG" => Some("/hunter2? ".repeat(300)),
            "DIRECTUS_TOKEN" => Some("hunter2hunter2".to_owned()),
            _ => None,
        };
        Config::from_yaml_with(&source, &variables).map(|(config, _)| config).map_err(|all| all.to_string())
    }

    #[test]
    fn a_variable_stands_for_its_text() {
        assert_eq!(read("listen: '127.0.0.1:${PORT}'").unwrap().listen.address.port(), 9000);
        let url = read("upstream: {url: 'https://${HOST}/at'}").unwrap().upstream.url.unwrap();
        assert_eq!(url.as_str(), "https://cms.example.com/at");
        assert_eq!(read("keys: ${HOST}").unwrap().keys.to_str(), Some("cms.example.com"));
        assert_eq!(read("identity: {refuse: ['${HOST}']}").unwrap().identity.refuse, ["cms.example.com"]);
        // Neither a second look nor a second line.
        assert_eq!(read("keys: ${NESTED}").unwrap().keys.to_str(), Some("${HOST}"));
        assert_eq!(read("keys: ${LINES}").unwrap().keys.to_str(), Some("a\nkeys: other.yaml"));
        assert_eq!(read("keys: a$${HOST}$b").unwrap().keys.to_str(), Some("a${HOST}$b"));
    }

    #[test]
    fn what_the_environment_has_is_not_repeated_where_it_does_not_fit() {
        for value in ["${CMS}", "x ${CMS}", "${LONG}"] {
            for setting in [
                "listen: '@'",
                "listen: {address: '127.0.0.1:1', allowed_origins: ['@']}",
                "listen: {address: '127.0.0.1:1', allowed_hosts: ['@']}",
                "listen: {address: '127.0.0.1:1', trusted_proxies: ['@']}",
                "upstream: {url: '@'}",
                "upstream: {timeout: '@'}",
                "guardrails: '@'",
                "audit: {url: '@'}",
                "audit: {retention: '@'}",
                "identity: {same_resource: {public_url: '@', roles: {a: b}}}",
                "identity: {jwt: {issuer: '@', audience: a, role_claim: r, roles: {a: b}}}",
                "identity: {jwt: {issuer: 'https://a', resource: '@', role_claim: r, roles: {a: b}}}",
                "identity: {jwt: {issuer: 'https://a', audience: a, role_claim: r, roles: {a: b}, jwks_url: 'x@'}}",
                "limits: {body_bytes: '@'}",
                "telemetry: {otlp: '@'}",
                "version: '@'",
            ] {
                // A `@` in the rows is where the variable goes.
                let setting = setting.replace('@', value);
                let said = read(&setting).expect_err(&setting);
                assert!(!said.contains("hunter2"), "{setting}\n{said}");
            }
        }
        // The address as it stands in the file is below the message, and the message tells none of it.
        let said = read("upstream: {url: 'https://admin:hunter2@cms.example.com/?a=hunter2'}").unwrap_err();
        let message = said.lines().find(|line| line.contains("is not the address of a Directus")).unwrap();
        assert!(!message.contains("hunter2") && message.contains("@cms.example.com"), "{message}");
    }

    #[test]
    fn anything_else_is_refused_where_it_stands() {
        for (setting, expect) in [
            ("keys: ${NOT_THERE}", "`NOT_THERE` is not set"),
            ("keys: ${HOST:-default}", "`HOST:-default` is not the name"),
            ("keys: ${}", "`` is not the name"),
            ("keys: ${1}", "`1` is not the name"),
            ("keys: ${HOST", "is not the name"),
            ("keys: ${${HOST}}", "is not the name"),
            ("keys: ${DIRECTUS_TOKEN}", "`DIRECTUS_TOKEN` is a secret by its name"),
            ("upstream: {token_env: '${HOST}'}", "cannot come from another one"),
            ("limits: {connections: '${PORT}'}", "number"),
        ] {
            let said = read(setting).expect_err(setting);
            assert!(said.contains(expect) && said.contains("warrener.yaml:2"), "{setting}\n{said}");
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}
