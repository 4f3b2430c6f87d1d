//! For each client and each way in: what it reads, and what its user is told.

use super::link::{self, word};
use super::plan::{Setting, Step};
use super::{Client, Way};
use serde_json::{Map, Value, json};
use std::path::Path;

impl Client {
    /// What its makers call it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::ChatGpt => "ChatGPT",
            Self::ClaudeDesktop => "Claude Desktop",
            Self::Cursor => "Cursor",
            Self::ClaudeCode => "Claude Code",
            Self::VsCode => "VS Code",
            Self::Raycast => "Raycast",
        }
    }

    /// What the client can do, best first.
    pub(super) fn ways(self) -> &'static [Way] {
        match self {
            Self::ChatGpt => &[Way::Oauth, Way::UrlKey],
            Self::ClaudeDesktop => &[Way::Stdio, Way::Oauth, Way::UrlKey],
            Self::Cursor | Self::ClaudeCode | Self::VsCode => &[Way::Key, Way::Oauth, Way::Stdio],
            Self::Raycast => &[Way::Key, Way::Oauth, Way::Stdio, Way::UrlKey],
        }
    }

    /// The object that servers stand in, in its file.
    pub(super) fn section(self) -> Option<&'static str> {
        match self {
            Self::ChatGpt | Self::Raycast => None,
            Self::ClaudeDesktop | Self::Cursor | Self::ClaudeCode => Some("mcpServers"),
            Self::VsCode => Some("servers"),
        }
    }

    pub(super) fn key_name(self) -> &'static str {
        match self {
            Self::ChatGpt => "chatgpt",
            Self::ClaudeDesktop => "claude-desktop",
            Self::Cursor => "cursor",
            Self::ClaudeCode => "claude-code",
            Self::VsCode => "vscode",
            Self::Raycast => "raycast",
        }
    }
}

impl Way {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Oauth => "oauth",
            Self::Stdio => "stdio",
            Self::UrlKey => "url-key",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Key => "a key in a header",
            Self::Oauth => "Directus' own sign-in (OAuth)",
            Self::Stdio => "a bridge that it starts",
            Self::UrlKey => "a key in the address",
        }
    }
}

impl Client {
    /// What the client reads of the server.
    pub(super) fn server(self, way: Way, setting: &Setting) -> Option<Value> {
        let url = setting.server.as_str();
        let key = match self {
            Self::Cursor => format!("${{env:{}}}", setting.key_env),
            Self::ClaudeCode => format!("${{{}}}", setting.key_env),
            Self::VsCode => "${input:warrener-key}".to_owned(),
            Self::ChatGpt | Self::ClaudeDesktop | Self::Raycast => String::new(),
        };
        let mut server = Map::new();
        let kind = if way == Way::Stdio { "stdio" } else { "http" };
        // Cursor and Claude Desktop tell the kind by what else is there.
        if matches!(self, Self::ClaudeCode | Self::VsCode | Self::Raycast) {
            server.insert("type".to_owned(), json!(kind));
        }
        match way {
            Way::UrlKey => return None,
            Way::Oauth => {
                server.insert("url".to_owned(), json!(url));
            }
            Way::Key => {
                server.insert("url".to_owned(), json!(url));
                server.insert("headers".to_owned(), json!({"Authorization": format!("Bearer {key}")}));
            }
            Way::Stdio => {
                server.insert("command".to_owned(), json!(setting.command));
                server.insert("args".to_owned(), json!(self.bridge(setting)));
                if !self.needs_key_file() {
                    server.insert("env".to_owned(), json!({"WARRENER_KEY": key}));
                }
            }
        }
        Some(Value::Object(server))
    }

    /// Whether the client passes no variables of its environment on, so that only a file keeps the key out of its own.
    fn needs_key_file(self) -> bool {
        match self {
            Self::ClaudeDesktop | Self::Raycast => true,
            Self::ChatGpt | Self::Cursor | Self::ClaudeCode | Self::VsCode => false,
        }
    }

    fn bridge(self, setting: &Setting) -> Vec<String> {
        let mut words = vec!["stdio".to_owned(), "--server".to_owned(), setting.server.to_string()];
        let loopback = super::stdio::check_address(&setting.server, false).is_ok();
        words.extend((!loopback).then(|| "--insecure".to_owned()));
        if self.needs_key_file() {
            words.extend(["--key-file".to_owned(), setting.key_file.display().to_string()]);
        }
        words
    }

    /// Whether it reads what it needs for that way from its file; Claude Desktop has connectors in its account instead.
    pub(super) fn has_file_for(self, way: Way) -> bool {
        self != Self::ClaudeDesktop || way == Way::Stdio
    }

    pub(super) fn link(self, way: Way, name: &str, server: Value) -> Option<String> {
        let named = |server: Value| {
            let mut all = Map::new();
            all.insert("name".to_owned(), json!(name));
            all.extend(server.as_object().cloned().unwrap_or_default());
            all
        };
        match self {
            Self::Cursor => Some(link::cursor(name, &server)),
            Self::VsCode => {
                let mut all = named(server);
                if way != Way::Oauth {
                    all.insert("inputs".to_owned(), json!([asked()]));
                }
                Some(link::vscode(&Value::Object(all)))
            }
            Self::Raycast if way == Way::Stdio => Some(link::raycast(&Value::Object(named(server)))),
            Self::Raycast | Self::ChatGpt | Self::ClaudeDesktop | Self::ClaudeCode => None,
        }
    }

    /// What is done before the client is told anything: a key, or an address that is Directus' own.
    pub(super) fn first(self, way: Way, setting: &Setting) -> Vec<Step> {
        let new = format!("warrener key new {} --role ROLE", self.key_name());
        match way {
            Way::Oauth => vec![Step::new(format!(
                "Have the gateway at Directus' public address: `PUBLIC_URL` is `{}`, OAuth is on in Directus, and the proxy there sends \
                 exactly `/mcp` to the gateway and all else to Directus.",
                setting.server.as_str().strip_suffix("/mcp").unwrap_or(setting.server.as_str())
            ))],
            Way::UrlKey => vec![
                Step::typed(
                    "Make a key that is taken in the address and nowhere else, and that ends:",
                    format!("{new} --in-url --expires 30d"),
                ),
                Step::new(
                    "Keep it out of logs. The gateway strips it before it writes anything, but whatever stands in front of it sees the \
                     whole address: have the TLS proxy and the load balancer log the path without the query (nginx: `$uri` in place of \
                     `$request`), and expect the client's maker to keep the address too.",
                ),
            ],
            Way::Stdio if self.needs_key_file() => {
                let file = word(&setting.key_file.display().to_string());
                let folder = setting.key_file.parent().unwrap_or(Path::new(".")).display().to_string();
                vec![Step::typed(
                    "Make a key, in a file that only you can read:",
                    format!("(umask 077; mkdir -p {} && {new} > {file})", word(&folder)),
                )]
            }
            Way::Key | Way::Stdio if self == Self::VsCode => {
                vec![Step::typed("Make a key, for VS Code to ask you for:", new)]
            }
            Way::Key if self == Self::Raycast => vec![Step::typed("Make a key:", new)],
            Way::Key | Way::Stdio => vec![Step::typed(
                format!(
                    "Make a key, and have it in `{}` where {} is started:",
                    setting.key_env,
                    self.title()
                ),
                new,
            )],
        }
    }

    /// What is done in the client itself.
    pub(super) fn then(self, way: Way, setting: &Setting) -> Vec<Step> {
        let url = setting.server.as_str();
        let with_key = format!("{url}?access_token=KEY");
        let sign_in = "Sign in to Directus in the browser when it asks, and approve.";
        let steps: &[&str] = match (self, way) {
            (Self::ChatGpt, Way::Oauth) => &[
                "In Settings, Apps & Connectors, turn on the developer mode under Advanced settings, and choose Create.",
                "Take the name `{name}`, the MCP Server URL `{url}`, and OAuth as the authentication, with Dynamic Client Registration.",
                sign_in,
            ],
            (Self::ChatGpt, _) => &[
                "In Settings, Apps & Connectors, turn on the developer mode under Advanced settings, and choose Create.",
                "Take the name `{name}`, the MCP Server URL `{with_key}`, and no authentication.",
            ],
            (Self::ClaudeDesktop, Way::Stdio) => &[
                "Quit Claude Desktop and start it again. Where it does not find the command, give the whole path with `--command`.",
            ],
            (Self::ClaudeDesktop, Way::Oauth) => &[
                "In Settings, Connectors, choose Add custom connector: the name `{name}`, the URL `{url}`.",
                sign_in,
            ],
            (Self::ClaudeDesktop, _) => &[
                "In Settings, Connectors, choose Add custom connector: the name `{name}`, the URL `{with_key}`.",
            ],
            (Self::Raycast, Way::Key) => &[
                "Open the command Install MCP Server: the name `{name}`, the transport HTTP, the URL `{url}`, and the HTTP header \
                 `Authorization` with `Bearer KEY`.",
            ],
            (Self::Raycast, Way::Oauth) => &[
                "Open the command Install MCP Server: the name `{name}`, the transport HTTP, the URL `{url}`, and Dynamic as the OAuth type.",
                sign_in,
            ],
            (Self::Raycast, Way::UrlKey) => &[
                "Open the command Install MCP Server: the name `{name}`, the transport HTTP, the URL `{with_key}`.",
            ],
            (Self::Raycast, Way::Stdio) => &[
                "Restart Raycast where it does not find the command, or give the whole path with `--command`.",
            ],
            (Self::ClaudeCode, Way::Oauth) => &["Start Claude Code, and sign in with `/mcp`."],
            (Self::ClaudeCode, _) => {
                &["Start Claude Code in this folder, and approve the server; `/mcp` shows it."]
            }
            (Self::Cursor | Self::VsCode, Way::Oauth) => &[sign_in],
            (Self::Cursor, _) => &["Restart Cursor; its settings show the server under MCP."],
            (Self::VsCode, _) => &[
                "Start the server from `MCP: List Servers`, and paste the key; its tools are there in agent mode.",
            ],
        };
        let filled = |text: &&str| {
            text.replace("{name}", &setting.name).replace("{with_key}", &with_key).replace("{url}", url)
        };
        steps.iter().map(|text| Step::new(filled(text))).collect()
    }
}

/// The command by which Claude Code takes a server into the project's own file.
pub(super) fn claude_mcp_add(way: Way, setting: &Setting) -> String {
    let (name, url) = (word(&setting.name), word(setting.server.as_str()));
    let add = "claude mcp add --scope project --transport";
    match way {
        Way::Key => {
            let header = word(&format!("Authorization: Bearer ${{{}}}", setting.key_env));
            format!("{add} http {name} {url} --header {header}")
        }
        Way::Oauth | Way::UrlKey => format!("{add} http {name} {url}"),
        Way::Stdio => {
            let words: Vec<String> = Client::ClaudeCode.bridge(setting).iter().map(|one| word(one)).collect();
            let key = word(&format!("WARRENER_KEY=${{{}}}", setting.key_env));
            format!("{add} stdio {name} --env {key} -- {} {}", word(&setting.command), words.join(" "))
        }
    }
}

/// What VS Code asks its user for, and keeps where it keeps secrets.
pub(super) fn asked() -> Value {
    json!({"id": "warrener-key", "type": "promptString", "description": "Warrener key", "password": true})
}
