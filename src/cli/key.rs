//! `warrener key`: client keys are issued, listed and revoked.

use crate::audit::signing::{SigningKey, SigningKeyError};
use crate::identity::{KeyEntry, KeyFile, KeyFileError, NewKey, TokenSource};
use clap::{Args, Subcommand, ValueEnum};
use comfy_table::Table;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde_json::json;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Issues, lists and revokes client keys.
#[derive(Args, Debug)]
pub struct KeyArgs {
    #[command(subcommand)]
    command: KeyCommand,
    /// The key file
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "WARRENER_KEYS",
        default_value = "warrener.keys.yaml"
    )]
    pub(super) keys: PathBuf,
}

#[derive(Subcommand, Debug)]
enum KeyCommand {
    /// Issues a key and prints it once
    New(NewArgs),
    /// Lists the keys, without the keys themselves
    List {
        /// How the list looks
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// Makes the key that checkpoints of the audit trail are signed with
    ///
    /// The private key is for the gateway alone, the public key for whoever runs `warrener audit verify`.
    Signing {
        /// The file for the private key; the public key goes beside it, with `.pub` behind its name
        #[arg(long, value_name = "FILE", default_value = "warrener.signing.pem")]
        out: PathBuf,
    },
    /// Takes a key away; a running gateway refuses it within a second
    Revoke {
        /// The client's name
        name: String,
    },
}

#[derive(Args, Debug)]
struct NewArgs {
    /// The client's name
    name: String,
    /// The policy role that speaks for the client
    #[arg(long)]
    role: String,
    /// For how long the key is taken, such as `90d` or `12h`; for ever where it is left out
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    /// The key works only in the address, as `?access_token=KEY`, where it may be logged, so it has to expire
    #[arg(long, requires = "expires")]
    in_url: bool,
    /// The environment variable with the Directus token that the client's calls go upstream with
    #[arg(long, value_name = "VARIABLE", conflicts_with = "token_file")]
    token_env: Option<String>,
    /// The file with that token
    #[arg(long, value_name = "PATH")]
    token_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Csv,
}

/// Why a key command failed.
#[derive(Debug, thiserror::Error)]
pub enum KeyCommandError {
    /// The key file.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The time given to `--expires` is none.
    #[error("`{0}` is not a time from now: write `90d`, `12h` or `1y 6mo`")]
    Expires(String),
    /// A signing key cannot be made.
    #[error(transparent)]
    Signing(#[from] SigningKeyError),
    /// A signing key cannot be written.
    #[error("cannot write `{path}`: {source}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The answer could not be printed.
    #[error("the answer cannot be printed")]
    Print(#[from] io::Error),
}

/// Runs the command: data to `out`, explanations to `messages`.
///
/// # Errors
/// When the key file cannot be read or changed, or the answer not be printed.
pub fn run(
    args: KeyArgs,
    now: Timestamp,
    out: &mut dyn Write,
    messages: &mut dyn Write,
) -> Result<(), KeyCommandError> {
    let path = args.keys;
    match args.command {
        KeyCommand::New(new) => {
            let new = new.into_key(now)?;
            let told = new.clone();
            let key = KeyFile::edit(&path, |file| file.issue(new))?;
            if told.in_url {
                writeln!(
                    messages,
                    "It works only in the address: `https://GATEWAY/mcp?access_token=KEY`. Proxies in front of the gateway may log that."
                )?;
            }
            writeln!(
                messages,
                "The key of `{}`, role `{}`. It is shown this once and kept nowhere:",
                told.name, told.role
            )?;
            writeln!(out, "{}", key.expose())?;
        }
        KeyCommand::List { format } => list(&KeyFile::read(&path)?, format, now, out)?,
        KeyCommand::Signing { out: file } => {
            let public = signing_key(&file)?;
            writeln!(
                messages,
                "`{}` is the signing key: name it as `audit.signing_key`. `{}` is its public key: give it to your auditors.",
                file.display(),
                public.display()
            )?;
        }
        KeyCommand::Revoke { name } => {
            KeyFile::edit(&path, |file| file.revoke(&name))?;
            writeln!(messages, "The key of `{name}` is revoked.")?;
        }
    }
    Ok(())
}

impl NewArgs {
    fn into_key(self, now: Timestamp) -> Result<NewKey, KeyCommandError> {
        let expires =
            self.expires.map(|time| after(now, &time).ok_or(KeyCommandError::Expires(time))).transpose()?;
        let token = self.token_env.map(TokenSource::Env).or(self.token_file.map(TokenSource::File));
        Ok(NewKey {
            name: self.name,
            role: self.role,
            created: to_the_second(now),
            expires,
            in_url: self.in_url,
            token,
        })
    }
}

/// Makes a signing key; a file that is there is left alone. Tells where the public key is.
fn signing_key(path: &Path) -> Result<PathBuf, KeyCommandError> {
    let mut public = path.as_os_str().to_owned();
    public.push(".pub");
    let public = PathBuf::from(public);
    let key = SigningKey::generate()?;
    for (path, text, mode) in [(path, key.to_pem()?, 0o600), (&public, key.public().to_pem()?, 0o644)] {
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(mode).open(path);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|source| KeyCommandError::Write { path: path.to_owned(), source })?;
    }
    Ok(public)
}

/// So long after now, by the calendar in UTC; `None` where that is no time, or none in the future.
fn after(now: Timestamp, time: &str) -> Option<Timestamp> {
    let span: Span = time.parse().ok()?;
    let then = now.to_zoned(TimeZone::UTC).checked_add(span).ok()?.timestamp();
    (then > now).then(|| to_the_second(then))
}

fn to_the_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

const COLUMNS: [&str; 7] = ["name", "role", "created", "expires", "valid", "place", "token"];

fn list(file: &KeyFile, format: Format, now: Timestamp, out: &mut dyn Write) -> io::Result<()> {
    let rows = file.keys().iter().map(|entry| row(entry, now));
    match format {
        Format::Table => {
            let mut table = Table::new();
            table.load_style(comfy_table::presets::NOTHING).set_header(COLUMNS);
            rows.for_each(|row| {
                table.add_row(row);
            });
            writeln!(out, "{}", table.trim_fmt())
        }
        Format::Csv => {
            writeln!(out, "{}", COLUMNS.join(","))?;
            rows.map(|row| row.map(|cell| quoted(&cell)).join(","))
                .try_for_each(|line| writeln!(out, "{line}"))
        }
        Format::Json => {
            let list: Vec<_> = file.keys().iter().map(|entry| object(entry, now)).collect();
            writeln!(out, "{:#}", json!(list))
        }
    }
}

fn row(entry: &KeyEntry, now: Timestamp) -> [String; 7] {
    let expires = entry.expires.map(|time| time.to_string()).unwrap_or_default();
    let valid = if is_valid(entry, now) { "yes" } else { "no" };
    [
        entry.name.clone(),
        entry.role.clone(),
        entry.created.to_string(),
        expires,
        valid.to_owned(),
        place(entry).to_owned(),
        token(entry),
    ]
}

fn object(entry: &KeyEntry, now: Timestamp) -> serde_json::Value {
    json!({
        "name": entry.name, "role": entry.role, "created": entry.created, "expires": entry.expires,
        "valid": is_valid(entry, now), "place": place(entry), "token": token(entry),
    })
}

fn is_valid(entry: &KeyEntry, now: Timestamp) -> bool {
    entry.expires.is_none_or(|expires| expires > now)
}

/// Where the key works, and nowhere else.
fn place(entry: &KeyEntry) -> &'static str {
    if entry.in_url { "url" } else { "header" }
}

/// Where the Directus token is, never the token.
fn token(entry: &KeyEntry) -> String {
    match &entry.token {
        Some(TokenSource::Env(name)) => format!("env:{name}"),
        Some(TokenSource::File(path)) => format!("file:{}", path.display()),
        None => "default".to_owned(),
    }
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::path::Path;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        key: KeyArgs,
    }

    fn key(file: &Path, arguments: &[&str]) -> Result<(String, String), String> {
        let arguments = ["key"].iter().chain(arguments).copied().chain(["--keys", file.to_str().unwrap()]);
        let args = Cli::try_parse_from(arguments).map_err(|error| error.to_string())?.key;
        let (mut out, mut messages) = (Vec::new(), Vec::new());
        let now = "2026-11-22T10:00:00.5Z".parse().unwrap();
        run(args, now, &mut out, &mut messages).map_err(|error| error.to_string())?;
        Ok((String::from_utf8(out).unwrap(), String::from_utf8(messages).unwrap()))
    }

    #[test]
    fn a_key_is_issued_listed_and_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.yaml");
        let (out, messages) =
            key(&file, &["new", "claude", "--role", "reader", "--expires", "90d", "--token-env", "T"])
                .unwrap();
        assert!(out.starts_with("wr_") && out.trim_end().len() == 46, "{out}");
        assert!(messages.contains("`claude`") && !messages.contains("wr_"), "{messages}");
        assert!(!std::fs::read_to_string(&file).unwrap().contains(out.trim_end()));
        key(&file, &["new", "cursor", "--role", "editor"]).unwrap();
        let in_url = ["new", "chatgpt", "--role", "reader", "--in-url", "--expires", "30d"];
        let (_, messages) = key(&file, &in_url).unwrap();
        assert!(messages.contains("?access_token=KEY") && !messages.contains("wr_"), "{messages}");

        let (csv, _) = key(&file, &["list", "--format", "csv"]).unwrap();
        insta::assert_snapshot!(csv, @r"
        name,role,created,expires,valid,place,token
        claude,reader,2026-11-22T10:00:00Z,2027-02-20T10:00:00Z,yes,header,env:T
        cursor,editor,2026-11-22T10:00:00Z,,yes,header,default
        chatgpt,reader,2026-11-22T10:00:00Z,2026-12-22T10:00:00Z,yes,url,default
        ");
        let (table, _) = key(&file, &["list"]).unwrap();
        insta::assert_snapshot!(table, @r"
         name     role    created               expires               valid  place   token
         claude   reader  2026-11-22T10:00:00Z  2027-02-20T10:00:00Z  yes    header  env:T
         cursor   editor  2026-11-22T10:00:00Z                        yes    header  default
         chatgpt  reader  2026-11-22T10:00:00Z  2026-12-22T10:00:00Z  yes    url     default
        ");
        key(&file, &["revoke", "claude"]).unwrap();
        let (json, _) = key(&file, &["list", "--format", "json"]).unwrap();
        let list: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(list.as_array().unwrap().len(), 2);
        assert_eq!([&list[0]["place"], &list[1]["place"]], ["header", "url"]);
        assert_eq!(list[0]["name"], "cursor");
    }

    #[test]
    fn what_is_wrong_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.yaml");
        for (arguments, expect) in [
            (&["new", "a", "--role", "r", "--expires", "soon"][..], "`soon` is not a time"),
            (&["new", "a", "--role", "r", "--expires=-3d"], "`-3d` is not a time"),
            (&["new", "a", "--role", "r", "--expires=0d"], "`0d` is not a time"),
            (&["new", "a b", "--role", "r"], "`a b` is not a name"),
            (&["new", "a"], "--role"),
            (&["new", "a", "--role", "r", "--in-url"], "--expires"),
            (&["new", "a", "--role", "r", "--token-env", "T", "--token-file", "f"], "cannot be used with"),
            (&["revoke", "a"], "no key of the name `a`"),
        ] {
            let error = key(&file, arguments).unwrap_err();
            assert!(error.contains(expect), "{arguments:?}: {error}");
        }
        assert!(!file.exists());
    }

    #[test]
    fn a_cell_with_a_comma_is_quoted() {
        assert_eq!(quoted("file:/a,b"), "\"file:/a,b\"");
        assert_eq!(quoted("plain"), "plain");
    }
}
