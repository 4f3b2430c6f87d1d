//! The key file: which client keys there are, without the keys.
//!
//! ```yaml
//! version: 1
//! keys:
//!   - name: "claude"                # letters, digits, `.`, `_`, `-` and `@`
//!     role: "content-editor"        # the policy role
//!     digest: "…"                   # SHA-256 of the key, in hex
//!     created: "2026-11-22T10:00:00Z"
//!     expires: "2027-02-20T10:00:00Z"   # left out: never
//!     in_url: true                  # works as `?access_token=`, and only there; left out: in the header, and only there
//!     token: {env: "EDITOR_TOKEN"}  # or `file`; left out: the upstream's default
//! ```

use super::key::{ClientKey, Digest};
use super::replace::Locked;
use crate::config::Secret;
use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// What stands above the keys in the file.
const HEADING: &str = "\
# The client keys of Warrener: `warrener key new NAME --role ROLE` adds one, `warrener key revoke NAME` takes one away.
# Only digests are kept; a key that was lost cannot be read from here.
";

/// Most pieces of YAML in the file, some ten for each key, and their bytes: enough for a hundred thousand keys and more.
const MOST_NODES: usize = 4_000_000;
const LONGEST: usize = 256 << 20;

/// The key file as a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFile {
    keys: Vec<KeyEntry>,
}

/// One client key, without the key.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyEntry {
    /// The client's name, unique in the file.
    pub name: String,
    /// The policy role that speaks for it.
    pub role: String,
    /// SHA-256 of the key.
    #[serde(deserialize_with = "digest")]
    pub digest: Digest,
    /// When it was issued.
    pub created: Timestamp,
    /// From when on it is no longer taken; `None` for never.
    #[serde(default)]
    pub expires: Option<Timestamp>,
    /// Whether it works in the address, as `?access_token=`, and only there. Such a key expires.
    #[serde(default)]
    pub in_url: bool,
    /// Where its Directus token is; `None` for the upstream's default.
    #[serde(default)]
    pub token: Option<TokenSource>,
}

/// Where the Directus token of a key is kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenSource {
    /// In that environment variable.
    Env(String),
    /// In that file.
    File(PathBuf),
}

/// What a key is issued for.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The client's name.
    pub name: String,
    /// The policy role that speaks for it.
    pub role: String,
    /// When it is issued.
    pub created: Timestamp,
    /// From when on it is no longer taken.
    pub expires: Option<Timestamp>,
    /// Whether it is to work in the address, and only there.
    pub in_url: bool,
    /// Where its Directus token is; `None` for the upstream's default.
    pub token: Option<TokenSource>,
}

/// Why the key file cannot be read, changed or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("the key file `{}` cannot be read", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// It cannot be written.
    #[error("the key file `{}` cannot be written", .0.display())]
    Write(PathBuf, #[source] io::Error),
    /// It is not a key file.
    #[error("the key file `{}` is not valid: {cause}", path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it, with its place.
        cause: String,
    },
    /// A name has characters that would be trouble in logs and on the command line.
    #[error(
        "`{0}` is not a name: write letters, digits, `.`, `_`, `-` and `@`, at most 64, a letter or digit first"
    )]
    Name(String),
    /// A name is used already.
    #[error("there is a key of the name `{0}` already; revoke it first, or take another name")]
    Exists(String),
    /// There is no key of that name.
    #[error("there is no key of the name `{0}`; `warrener key list` shows them")]
    NoSuchKey(String),
    /// A key for the address would be taken for ever.
    #[error(
        "the key of `{0}` works in the address, where it gets into logs, so it needs a time at which it expires"
    )]
    NoExpiry(String),
    /// The machine gives no randomness.
    #[error("the machine has no randomness to make a key from")]
    Random(#[source] io::Error),
}

impl KeyFile {
    /// Reads the file; one that is not there is empty.
    ///
    /// # Errors
    /// When it cannot be read or is not a key file.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        match fs::read_to_string(path) {
            Ok(text) => {
                Self::parse(&text).map_err(|cause| KeyFileError::Syntax { path: path.to_owned(), cause })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(KeyFileError::Read(path.to_owned(), error)),
        }
    }

    /// Changes the file: reads it, lets `change` do its work, and puts the result in its place in one step, readable for its
    /// owner only. Two changes at the same time wait for each other.
    ///
    /// # Errors
    /// When it cannot be read or written, or what `change` says.
    pub fn edit<T>(
        path: &Path,
        change: impl FnOnce(&mut Self) -> Result<T, KeyFileError>,
    ) -> Result<T, KeyFileError> {
        let unwritable = |error| KeyFileError::Write(path.to_owned(), error);
        let locked = Locked::wait(path).map_err(unwritable)?;
        let mut file = Self::read(locked.path())?;
        let done = change(&mut file)?;
        locked.replace(&file.to_text()).map_err(unwritable)?;
        Ok(done)
    }

    /// Every key, in file order.
    pub fn keys(&self) -> &[KeyEntry] {
        &self.keys
    }

    /// Issues a key and enters its digest. The key itself is only in what is returned.
    ///
    /// # Errors
    /// When the name is taken, or name or role is not one.
    pub fn issue(&mut self, new: NewKey) -> Result<ClientKey, KeyFileError> {
        for name in [&new.name, &new.role] {
            if !is_name(name) {
                return Err(KeyFileError::Name(name.clone()));
            }
        }
        if self.keys.iter().any(|entry| entry.name == new.name) {
            return Err(KeyFileError::Exists(new.name));
        }
        if new.in_url && new.expires.is_none() {
            return Err(KeyFileError::NoExpiry(new.name));
        }
        let key = ClientKey::random().map_err(KeyFileError::Random)?;
        let NewKey { name, role, created, expires, in_url, token } = new;
        self.keys.push(KeyEntry { name, role, digest: key.digest(), created, expires, in_url, token });
        Ok(key)
    }

    /// Takes a key away.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn revoke(&mut self, name: &str) -> Result<KeyEntry, KeyFileError> {
        let place = self.keys.iter().position(|entry| entry.name == name);
        place.map(|place| self.keys.remove(place)).ok_or_else(|| KeyFileError::NoSuchKey(name.to_owned()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Document {
            version: u64,
            #[serde(default)]
            keys: Vec<KeyEntry>,
        }
        let options = serde_saphyr::options! {
            budget: serde_saphyr::budget! {
                max_nodes: MOST_NODES, max_events: MOST_NODES, max_total_scalar_bytes: LONGEST,
            },
        };
        let read = serde_saphyr::from_str_with_options(text, options);
        let document: Document = read.map_err(|error| error.to_string())?;
        if document.version != 1 {
            return Err(format!("version {} is not known here; this is for version 1", document.version));
        }
        let file = Self { keys: document.keys };
        file.check()?;
        Ok(file)
    }

    fn check(&self) -> Result<(), String> {
        let (mut names, mut digests) = (HashSet::new(), HashSet::new());
        for entry in &self.keys {
            if let Some(bad) = [&entry.name, &entry.role].into_iter().find(|name| !is_name(name)) {
                return Err(KeyFileError::Name(bad.clone()).to_string());
            }
            if !names.insert(&entry.name) {
                return Err(format!("there are two keys of the name `{}`", entry.name));
            }
            if entry.in_url && entry.expires.is_none() {
                return Err(KeyFileError::NoExpiry(entry.name.clone()).to_string());
            }
            if !digests.insert(entry.digest) {
                return Err(format!("the digest of `{}` stands there twice", entry.name));
            }
        }
        Ok(())
    }

    fn to_text(&self) -> String {
        let mut text =
            format!("{HEADING}version: 1\nkeys:{}\n", if self.keys.is_empty() { " []" } else { "" });
        for entry in &self.keys {
            entry.write_to(&mut text);
        }
        text
    }
}

impl KeyEntry {
    fn write_to(&self, text: &mut String) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  - name: {}\n    role: {}", quoted(&self.name), quoted(&self.role));
        let _ = writeln!(text, "    digest: \"{}\"\n    created: \"{}\"", self.digest, self.created);
        if let Some(expires) = self.expires {
            let _ = writeln!(text, "    expires: \"{expires}\"");
        }
        if self.in_url {
            text.push_str("    in_url: true\n");
        }
        let _ = match &self.token {
            Some(TokenSource::Env(name)) => writeln!(text, "    token: {{env: {}}}", quoted(name)),
            Some(TokenSource::File(path)) => {
                writeln!(text, "    token: {{file: {}}}", quoted(&path.to_string_lossy()))
            }
            None => Ok(()),
        };
    }
}

impl From<TokenSource> for Secret {
    fn from(source: TokenSource) -> Self {
        match source {
            TokenSource::Env(name) => Self::Env(name),
            TokenSource::File(path) => Self::File(path),
        }
    }
}

fn digest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Digest, D::Error> {
    let text = String::deserialize(deserializer)?;
    let broken = || serde::de::Error::custom("`digest` is not 64 hexadecimal digits");
    Digest::from_hex(&text).ok_or_else(broken)
}

/// A JSON string is a YAML one.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Whether it can be the name of a client or a role.
pub(super) fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-@".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_may_be_very_many() {
        let mut text = "version: 1\nkeys:\n".to_owned();
        for n in 0..100_000 {
            writeln!(text, "  - {{name: k{n}, role: r, digest: {n:0>64x}, created: 2026-11-22T10:00:00Z}}")
                .unwrap();
        }
        assert_eq!(KeyFile::parse(&text).map(|file| file.keys.len()), Ok(100_000));
    }

    fn new(name: &str) -> NewKey {
        NewKey {
            name: name.to_owned(),
            role: "reader".to_owned(),
            created: "2026-11-22T10:00:00Z".parse().unwrap(),
            expires: None,
            in_url: false,
            token: None,
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.yaml");
        let key = KeyFile::edit(&path, |file| {
            file.issue(NewKey { token: Some(TokenSource::Env("EDITOR_TOKEN".to_owned())), ..new("claude") })?;
            let expires = Some("2027-01-01T00:00:00Z".parse().unwrap());
            file.issue(NewKey {
                expires,
                in_url: true,
                token: Some(TokenSource::File("/run/\"x\"".into())),
                ..new("cursor")
            })
        });
        let read = KeyFile::read(&path).unwrap();
        assert_eq!(read.keys().len(), 2);
        assert_eq!([read.keys()[0].in_url, read.keys()[1].in_url], [false, true]);
        assert_eq!(read.keys()[1].digest, key.unwrap().digest());
        assert_eq!(read.keys()[1].token, Some(TokenSource::File("/run/\"x\"".into())));
        assert_eq!(KeyFile::parse(&read.to_text()).unwrap(), read);

        KeyFile::edit(&path, |file| file.revoke("claude").and_then(|_| file.revoke("cursor"))).unwrap();
        assert_eq!(KeyFile::read(&path).unwrap(), KeyFile::default());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_may_read_it() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.yaml");
        fs::write(&path, "version: 1\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let link = folder.path().join("link.yaml");
        symlink(&path, &link).unwrap();
        KeyFile::edit(&link, |file| file.issue(new("claude"))).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn a_failed_change_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.yaml");
        KeyFile::edit(&path, |file| file.issue(new("claude"))).unwrap();
        let before = fs::read_to_string(&path).unwrap();
        let error = KeyFile::edit(&path, |file| file.issue(new("claude"))).unwrap_err();
        assert!(error.to_string().contains("`claude` already"), "{error}");
        let error = KeyFile::edit(&path, |file| file.revoke("nobody")).unwrap_err();
        assert!(error.to_string().contains("`nobody`"), "{error}");
        let error = KeyFile::edit(&path, |file| file.issue(new("a\nb"))).unwrap_err();
        assert!(error.to_string().contains("is not a name"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), before);
    }

    #[test]
    fn what_is_not_a_key_file_is_refused() {
        let entry = |name: &str, digest: char| {
            let digest = String::from(digest).repeat(64);
            format!(
                "  - {{name: {name}, role: reader, digest: \"{digest}\", created: 2026-11-22T10:00:00Z}}\n"
            )
        };
        for (text, expect) in [
            ("version: 2\n".to_owned(), "version 2"),
            ("version: 1\nkeyes: []\n".to_owned(), "keyes"),
            ("keys: []\n".to_owned(), "version"),
            (
                format!("version: 1\nkeys:\n{}{}", entry("a", 'a'), entry("a", 'b')),
                "two keys of the name `a`",
            ),
            (format!("version: 1\nkeys:\n{}{}", entry("a", 'a'), entry("b", 'a')), "digest of `b`"),
            (
                format!("version: 1\nkeys:\n{}", entry("a", 'a').replace('}', ", in_url: true}")),
                "needs a time at which it expires",
            ),
            (format!("version: 1\nkeys:\n{}", entry("a", 'x')), "64 hexadecimal digits"),
            (format!("version: 1\nkeys:\n{}", entry("-a", 'a')), "is not a name"),
            (format!("version: 1\nkeys:\n{}", entry("a", 'a').replace("role", "rolle")), "rolle"),
        ] {
            let error = KeyFile::parse(&text).unwrap_err();
            assert!(error.contains(expect), "{text}\n{error}");
        }
    }
}
