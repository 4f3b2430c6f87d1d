//! `warrener connect`: what a client needs to come in through the gateway, as the client's own format has it today.

mod client;
mod edit;
mod link;
mod place;
mod plan;

use self::place::Written;
use self::plan::{Plan, Setting};
use super::{CommandError, Ended, serve, stdio};
use clap::{Args, ValueEnum};
use std::io::{self, Write};
use std::path::PathBuf;
use url::Url;

/// Which client, and its way in.
#[derive(Args, Debug)]
pub(super) struct ConnectArguments {
    /// The client
    #[arg(value_name = "CLIENT")]
    client: Client,
    /// The gateway, such as `https://gateway.example.com/mcp`; the address that the settings listen on if left out
    #[arg(long, value_name = "URL", env = "WARRENER_SERVER")]
    server: Option<Url>,
    /// How the client shows who it is; what suits the client best if left out
    #[arg(long, value_name = "WAY")]
    auth: Option<Way>,
    /// What the client calls the server; what it had under that name is replaced
    #[arg(long, default_value = "directus")]
    name: String,
    /// The environment variable that the client finds the key in
    #[arg(long, value_name = "VARIABLE", default_value = "WARRENER_KEY")]
    key_env: String,
    /// The file that the bridge finds the key in, for clients that pass no environment on; one in the user's settings if left out
    #[arg(long, value_name = "PATH")]
    key_file: Option<PathBuf>,
    /// The command that the client starts as a bridge; an absolute path where the client does not look for it where a shell does
    #[arg(long, default_value = "warrener")]
    command: String,
    /// Take a gateway that is not on this machine in cleartext
    #[arg(long)]
    insecure: bool,
    /// Put it into the client's file, keep what is in there, and leave a backup beside it
    #[arg(long)]
    write: bool,
    /// Only print it, as is done where nothing else is said
    #[arg(long, conflicts_with = "write")]
    print: bool,
    /// The client's file, if it is another one than usual
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// How the answer looks
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The settings; `warrener.yaml` in the working folder where there is one
    #[arg(long, value_name = "FILE", env = "WARRENER_CONFIG")]
    config: Option<PathBuf>,
}

/// A client of the Directus guide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Client {
    /// The one that takes a connector and no file
    #[value(name = "chatgpt", help = "ChatGPT, with a connector")]
    ChatGpt,
    /// Claude Desktop
    ClaudeDesktop,
    /// Cursor
    Cursor,
    /// Claude Code
    ClaudeCode,
    /// VS Code with GitHub Copilot
    #[value(name = "vscode")]
    VsCode,
    /// Raycast
    Raycast,
}

/// How a client shows who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Way {
    /// A key in a header
    Key,
    /// Directus' own sign-in, where the gateway is at Directus' public address
    Oauth,
    /// A bridge that the client starts, which has the key
    Stdio,
    /// A key in the address, for clients that can do nothing else
    UrlKey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(super) fn run(arguments: &ConnectArguments, out: &mut dyn Write) -> Result<Ended, CommandError> {
    let setting = arguments.setting()?;
    let plan = Plan::new(arguments.client, &setting).map_err(CommandError::Input)?;
    if arguments.write {
        return write(arguments, &plan, &mut io::stderr().lock());
    }
    match arguments.format {
        Format::Text => plan.show(arguments.file.as_deref(), out)?,
        Format::Json => writeln!(out, "{:#}", plan.to_value(arguments.file.as_deref()))?,
    }
    Ok(Ended::Well)
}

/// Puts it into the client's file, and says what became of it and what is left to do.
fn write(arguments: &ConnectArguments, plan: &Plan, messages: &mut dyn Write) -> Result<Ended, CommandError> {
    let input = |text: String| CommandError::Input(text);
    let addition = plan.addition.as_ref().ok_or_else(|| {
        input(format!(
            "{} keeps this in no file that could be written: follow the steps",
            plan.client.title()
        ))
    })?;
    let path = arguments.file.clone().or_else(|| place::file_of(plan.client));
    let path =
        path.ok_or_else(|| input("there is no home folder: name the file with `--file`".to_owned()))?;
    let shown = path.display();
    let written = place::write(&path, addition)
        .map_err(|error| input(format!("`{shown}` is left as it is: {}", crate::telemetry::chain(&error))))?;
    match written {
        Written::Unchanged => writeln!(messages, "`{shown}` has the server `{}` already.", addition.name)?,
        Written::New => writeln!(messages, "wrote `{shown}`")?,
        Written::Changed { backup } => {
            writeln!(messages, "wrote `{shown}`; what was in it is in `{}`", backup.display())?;
        }
    }
    plan.show_rest(messages)?;
    Ok(Ended::Well)
}

impl ConnectArguments {
    fn setting(&self) -> Result<Setting, CommandError> {
        let server = match &self.server {
            Some(server) => server.clone(),
            None => self.own_address()?,
        };
        stdio::check_address(&server, self.insecure).map_err(CommandError::Input)?;
        if !is_word(&self.name, "-.") || self.name.starts_with(['-', '.']) {
            let text =
                format!("`{}` is no name for a server: write letters, digits, `-`, `_` and `.`", self.name);
            return Err(CommandError::Input(text));
        }
        if !is_word(&self.key_env, "") || self.key_env.starts_with(|one: char| one.is_ascii_digit()) {
            return Err(CommandError::Input(format!("`{}` is no environment variable", self.key_env)));
        }
        let usual = || Some(place::settings_folder()?.join("warrener").join(format!("{}.key", self.name)));
        let key_file = self.key_file.clone().or_else(usual).unwrap_or_else(|| PathBuf::from("warrener.key"));
        Ok(Setting {
            server: endpoint(server),
            way: self.auth,
            name: self.name.clone(),
            key_env: self.key_env.clone(),
            key_file: std::path::absolute(key_file)?,
            command: self.command.clone(),
        })
    }

    /// Where the gateway of the settings listens.
    fn own_address(&self) -> Result<Url, CommandError> {
        let settings = serve::from_file(self.config.as_deref())?.listen;
        let (listen, scheme) = (settings.address, if settings.tls.is_some() { "https" } else { "http" });
        let none = || {
            let text = format!(
                "clients cannot connect to `{listen}`: say with `--server` what they call the gateway"
            );
            CommandError::Input(text)
        };
        if listen.ip().is_unspecified() {
            return Err(none());
        }
        Url::parse(&format!("{scheme}://{listen}/mcp")).map_err(|_| none())
    }
}

/// Whether it is letters, digits, underscores and these.
fn is_word(text: &str, more: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|one| one.is_ascii_alphanumeric() || one == '_' || more.contains(one))
}

/// The address of the endpoint, whether `/mcp` was said or not.
fn endpoint(mut server: Url) -> Url {
    let path = server.path().trim_end_matches('/').to_owned();
    server.set_path(&if path.ends_with("/mcp") { path } else { format!("{path}/mcp") });
    server
}
