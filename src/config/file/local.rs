//! `upstream.command`: the Local MCP of an older Directus.

use super::keys::ENV_SECRET;
use crate::config::{EnvValue, LocalMcp, Secret};
use crate::policy::decode::{Decoder, Object};
use crate::policy::yaml::{Entry, Shape};
use std::path::PathBuf;

/// Words in a variable's name that say that its value is a secret.
const SECRET: [&str; 5] = ["TOKEN", "PASSWORD", "SECRET", "CREDENTIAL", "API_KEY"];

/// With these the Local MCP would log in as somebody else than the token's user.
const ANOTHER_USER: [&str; 2] = ["DIRECTUS_USER_EMAIL", "DIRECTUS_USER_PASSWORD"];

/// The Directus that calls go to is the one whose data model they are judged by.
const URL: &str = "DIRECTUS_URL";

const TOKEN: &str = "DIRECTUS_TOKEN";

impl Decoder<'_> {
    /// The process, where one is named. A `DIRECTUS_TOKEN` in its environment is the token that calls go upstream with: there is one place
    /// for that, so it is taken from there to here.
    pub(super) fn local(&mut self, object: &Object<'_>, token: &mut Option<Secret>) -> Option<LocalMcp> {
        let Some(command) = object.get("command") else {
            for key in ["args", "env"] {
                if let Some(entry) = object.entry(key) {
                    let message = format!("`{key}` is nothing without `command`");
                    let help = "name the program that is started: `command: node`";
                    self.error("missing-key", &entry.key_span, message, help);
                }
            }
            return None;
        };
        let command = self.text(command).map(PathBuf::from);
        let args = object.get("args").and_then(|node| self.texts(node)).unwrap_or_default();
        let mut env = Vec::new();
        for entry in object.get("env").and_then(|node| self.entries(node)).unwrap_or_default() {
            let Some(value) = self.env_value(entry) else { continue };
            match value {
                EnvValue::Secret(secret) if entry.key == TOKEN => {
                    if token.is_some() {
                        let message = "the token is named twice".to_owned();
                        let help =
                            "keep `token_env` or `token_file`: the process gets it as `DIRECTUS_TOKEN`";
                        self.error("secret", &entry.key_span, message, help);
                    }
                    *token = Some(secret);
                }
                value @ (EnvValue::Text(_) | EnvValue::Secret(_)) => env.push((entry.key.clone(), value)),
            }
        }
        Some(LocalMcp { command: command?, args: args.into_iter().map(|(text, _)| text).collect(), env })
    }

    fn env_value(&mut self, entry: &Entry) -> Option<EnvValue> {
        let name = entry.key.as_str();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(is_name) {
            let message = format!("`{name}` is not the name of a variable");
            self.error("env", &entry.key_span, message, "write letters, digits and `_`");
            return None;
        }
        if ANOTHER_USER.contains(&name) {
            let message = format!("with `{name}` calls would not be those of the token's user");
            self.error("env", &entry.key_span, message, "leave it out, and name a token: `token_env`");
            return None;
        }
        if name == URL {
            let message =
                format!("with `{name}` calls would go to another Directus than the one they are judged by");
            self.error("env", &entry.key_span, message, "leave it out: the process gets `upstream.url`");
            return None;
        }
        if matches!(entry.value.shape, Shape::Map(_)) {
            let object = self.object(&entry.value, &ENV_SECRET)?;
            let secret = self.secret(&object, "env", "file");
            if secret.is_none() && object.get("env").or(object.get("file")).is_none() {
                let help = "write `{env: VARIABLE}` or `{file: PATH}`";
                self.error("missing-key", &entry.value.span, "it names no secret".to_owned(), help);
            }
            return secret.map(EnvValue::Secret);
        }
        if SECRET.iter().any(|word| name.contains(word)) {
            let message = format!("`{name}` is a secret, and a secret does not stand in this file");
            let help = format!("write `{name}: {{env: VARIABLE}}` or `{name}: {{file: PATH}}`");
            self.error("secret", &entry.value.span, message, help);
            return None;
        }
        self.text(&entry.value).map(|text| EnvValue::Text(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, EnvValue, Secret};
    use crate::policy::diagnostic::Source;

    fn read(upstream: &str) -> Result<Config, String> {
        let text = format!("version: 1\nupstream:\n  url: https://cms.example.com\n{upstream}");
        Config::from_yaml(&Source::new("warrener.yaml", text)).map_err(|found| found.to_string())
    }

    #[test]
    fn a_process_and_its_environment() {
        let text = "  command: npx\n  args: ['@directus/content-mcp@0.1.0']\n  env:\n    HOME: /srv\n    DIRECTUS_TOKEN: {file: token}\n    X_SECRET: {env: X}\n";
        let upstream = read(text).unwrap().upstream;
        assert_eq!(upstream.token, Some(Secret::File("token".into())));
        let local = upstream.local.unwrap();
        assert_eq!(
            (local.command, local.args),
            ("npx".into(), vec!["@directus/content-mcp@0.1.0".to_owned()])
        );
        let home = ("HOME".to_owned(), EnvValue::Text("/srv".to_owned()));
        let secret = ("X_SECRET".to_owned(), EnvValue::Secret(Secret::Env("X".to_owned())));
        assert_eq!(local.env, [home, secret]);
    }

    #[test]
    fn what_cannot_be_meant_is_said() {
        for (text, expected) in [
            ("  args: [x]\n", "`args` is nothing without `command`"),
            ("  env: {HOME: /srv}\n", "`env` is nothing without `command`"),
            ("  command: x\n  env: {DIRECTUS_TOKEN: abc}\n", "a secret does not stand in this file"),
            ("  command: x\n  env: {NPM_API_KEY: abc}\n", "a secret does not stand in this file"),
            ("  command: x\n  env: {'A=B': c}\n", "`A=B` is not the name of a variable"),
            ("  command: x\n  env: {DIRECTUS_USER_EMAIL: a@b.c}\n", "would not be those of the token's user"),
            ("  command: x\n  env: {DIRECTUS_URL: 'https://b.example.com'}\n", "another Directus"),
            ("  command: x\n  env: {DIRECTUS_URL: {env: OTHER}}\n", "another Directus"),
            ("  command: x\n  env: {A: {}}\n", "it names no secret"),
            ("  command: x\n  env: {A: {env: X, file: Y}}\n", "cannot both be given"),
            ("  command: x\n  token_env: A\n  env: {DIRECTUS_TOKEN: {env: B}}\n", "the token is named twice"),
            ("  command: [x]\n", "command"),
        ] {
            let problem = read(text).expect_err(text);
            assert!(problem.contains(expected), "{text}: {problem}");
        }
    }
}
