//! The keys that are valid now, and their reloading when the file changes.

use super::file::{KeyEntry, KeyFile, KeyFileError, TokenSource};
use super::key::Digest;
use super::rejected::Rejected;
use super::secret::{SecretError, read_secret};
use super::ways::Found;
use crate::policy::{Principal, Proof};
use arc_swap::ArcSwap;
use jiff::Timestamp;
use secrecy::SecretString;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio_util::sync::CancellationToken;

/// How often the files are looked at: a revoked key is out within a second.
const LOOK: Duration = Duration::from_millis(500);

/// The client keys that are valid now.
#[derive(Debug)]
pub struct KeyRing {
    /// The key file; `None` where the keys are only in memory.
    path: Option<PathBuf>,
    /// The token that goes upstream for keys that name none.
    default_token: Option<SecretString>,
    loaded: ArcSwap<Loaded>,
}

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file itself.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The Directus token of a key cannot be had.
    #[error("the Directus token of the key `{name}`: {cause}")]
    Token {
        /// Whose key.
        name: String,
        /// Why not.
        cause: SecretError,
    },
    /// A key names no token, and there is no default.
    #[error(
        "the key `{name}` names no Directus token and there is no default: set `upstream.token_env`, or issue it with `--token-env`"
    )]
    NoToken {
        /// Whose key.
        name: String,
    },
}

#[derive(Debug, Default)]
struct Loaded {
    /// By digest. What the time of looking one up tells is about digests, and no key can be made from those.
    keys: HashMap<Digest, Held>,
    /// What the files looked like just before they were read.
    stamps: Vec<Option<Stamp>>,
    /// The key file, and the token files that it names.
    files: Vec<PathBuf>,
}

/// Where a key came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the `Authorization` header.
    Header,
    /// In the address, as `?access_token=`.
    Url,
}

#[derive(Clone, Debug)]
struct Held {
    /// Where it works, and nowhere else.
    place: Place,
    expires: Option<Timestamp>,
    who: Found,
}

impl KeyRing {
    /// Reads the key file; one that is not there has no keys.
    ///
    /// # Errors
    /// When the file is not valid, or the Directus token of a key cannot be had.
    pub fn open(path: &Path, default_token: Option<SecretString>) -> Result<Self, KeyError> {
        let loaded = Loaded::read(path, default_token.as_ref())?;
        warn_when_open(path);
        Ok(Self::with(Some(path.to_owned()), default_token, loaded))
    }

    /// Holds the keys of a file that is only in memory.
    ///
    /// # Errors
    /// When the Directus token of a key cannot be had.
    pub fn in_memory(file: &KeyFile, default_token: Option<SecretString>) -> Result<Self, KeyError> {
        let keys = held(file, default_token.as_ref())?;
        Ok(Self::with(None, default_token, Loaded { keys, ..Loaded::default() }))
    }

    fn with(path: Option<PathBuf>, default_token: Option<SecretString>, loaded: Loaded) -> Self {
        Self { path, default_token, loaded: ArcSwap::from_pointee(loaded) }
    }

    /// The token that goes upstream for keys that name none of their own.
    pub fn default_token(&self) -> Option<SecretString> {
        self.default_token.clone()
    }

    /// How many keys there are, expired ones included.
    pub fn len(&self) -> usize {
        self.loaded.load().keys.len()
    }

    /// Whether there is no key at all, so that nobody can come in.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every role that a key names, for checking that there is a policy for each.
    pub fn roles(&self) -> BTreeSet<String> {
        self.loaded.load().keys.values().map(|held| held.who.principal.role.clone()).collect()
    }

    /// Who holds that key, which came there.
    ///
    /// # Errors
    /// When there is no such key, it does not work there, or it has expired.
    pub fn holder(&self, key: &str, place: Place, now: Timestamp) -> Result<Found, Rejected> {
        let digest = Digest::of(key);
        let loaded = self.loaded.load();
        let held = loaded.keys.get(&digest).ok_or(Rejected::Unknown)?;
        if held.place != place {
            let place = match place {
                Place::Header => "a header, and works only in the address: it was made with `--in-url`",
                Place::Url => "the address, where proxies log it, and works only in a header: revoke it",
            };
            return Err(Rejected::Misplaced { name: held.who.principal.name.clone(), place });
        }
        if held.expires.is_some_and(|expires| expires <= now) {
            return Err(Rejected::Expired { name: held.who.principal.name.clone() });
        }
        Ok(held.who.clone())
    }

    /// Reads the files again if one of them has changed since, and says whether it has. When they cannot be used, the keys
    /// stay as they are until the files change again.
    ///
    /// # Errors
    /// As for [`KeyRing::open`].
    pub fn reload(&self) -> Result<bool, KeyError> {
        let Some(path) = &self.path else { return Ok(false) };
        let before = self.loaded.load_full();
        if before.stamps == stamps(&before.files) {
            return Ok(false);
        }
        let read = existing(path).and_then(|()| Loaded::read(path, self.default_token.as_ref()));
        match read {
            Ok(loaded) => {
                self.loaded.store(Arc::new(loaded));
                Ok(true)
            }
            Err(error) => {
                self.keep(&before);
                Err(error)
            }
        }
    }

    /// Reloads whenever a file changes, until it is told to stop. A file that cannot be used is logged once, and the keys
    /// stay as they were.
    pub async fn watch(self: Arc<Self>, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(LOOK)).await.is_some() {
            let ring = self.clone();
            match tokio::task::spawn_blocking(move || ring.reload()).await {
                Ok(Ok(true)) => tracing::info!(keys = self.len(), "the client keys were reloaded"),
                Ok(Ok(false)) => {}
                Ok(Err(error)) => tracing::error!(%error, "the client keys stay as they were"),
                Err(error) => tracing::error!(%error, "the reloading of the client keys broke off"),
            }
        }
    }

    /// Keeps the keys, and remembers what the files look like now, so that one broken file is one error.
    fn keep(&self, before: &Loaded) {
        let keys = before.keys.clone();
        let files = before.files.clone();
        self.loaded.store(Arc::new(Loaded { keys, stamps: stamps(&files), files }));
    }
}

impl Loaded {
    fn read(path: &Path, default_token: Option<&SecretString>) -> Result<Self, KeyError> {
        // The stamps are taken first: what changes while the file is read is seen the next time.
        let before = stamp(path);
        let file = KeyFile::read(path)?;
        let token_files = file.keys().iter().filter_map(|entry| match &entry.token {
            Some(TokenSource::File(path)) => Some(path.clone()),
            Some(TokenSource::Env(_)) | None => None,
        });
        let files: Vec<PathBuf> = std::iter::once(path.to_owned()).chain(token_files).collect();
        let mut stamps = stamps(&files);
        if let Some(first) = stamps.first_mut() {
            *first = before;
        }
        Ok(Self { keys: held(&file, default_token)?, stamps, files })
    }
}

fn held(file: &KeyFile, default_token: Option<&SecretString>) -> Result<HashMap<Digest, Held>, KeyError> {
    let hold = |entry: &KeyEntry| {
        let token = token_of(entry, default_token)?;
        let (place, proof) =
            if entry.in_url { (Place::Url, Proof::KeyInUrl) } else { (Place::Header, Proof::Key) };
        let principal = Principal { name: entry.name.clone(), role: entry.role.clone(), proof };
        Ok((entry.digest, Held { place, expires: entry.expires, who: Found { principal, token } }))
    };
    file.keys().iter().map(hold).collect()
}

fn token_of(entry: &KeyEntry, default_token: Option<&SecretString>) -> Result<SecretString, KeyError> {
    let name = || entry.name.clone();
    match &entry.token {
        Some(source) => {
            read_secret(&source.clone().into()).map_err(|cause| KeyError::Token { name: name(), cause })
        }
        None => default_token.cloned().ok_or_else(|| KeyError::NoToken { name: name() }),
    }
}

/// A key file that vanishes while the gateway runs is more likely an accident than the wish to lock everyone out.
fn existing(path: &Path) -> Result<(), KeyError> {
    let found = std::fs::metadata(path).map(|_| ());
    found.map_err(|error| KeyFileError::Read(path.to_owned(), error).into())
}

/// What tells one state of a file from another without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

fn stamps(files: &[PathBuf]) -> Vec<Option<Stamp>> {
    files.iter().map(|path| stamp(path)).collect()
}

fn stamp(path: &Path) -> Option<Stamp> {
    let found = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&found);
    #[cfg(not(unix))]
    let inode = 0;
    Some(Stamp { modified: found.modified().ok(), length: found.len(), inode })
}

#[cfg(unix)]
fn warn_when_open(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).map_or(0, |found| found.permissions().mode() & 0o777);
    if mode & 0o077 != 0 {
        let (file, mode) = (path.display(), fmt::from_fn(move |f| write!(f, "{mode:o}")));
        tracing::warn!(%file, %mode, "others can read the key file; `chmod 600` it");
    }
}

#[cfg(not(unix))]
fn warn_when_open(_: &Path) {}

#[cfg(test)]
mod tests {
    use super::super::NewKey;
    use super::*;
    use secrecy::ExposeSecret as _;

    const NOW: &str = "2026-11-22T10:00:00Z";

    fn now() -> Timestamp {
        NOW.parse().unwrap()
    }

    fn new(name: &str) -> NewKey {
        NewKey {
            name: name.to_owned(),
            role: "reader".to_owned(),
            created: now(),
            expires: None,
            in_url: false,
            token: None,
        }
    }

    fn default_token() -> SecretString {
        "default-token".into()
    }

    #[test]
    fn a_key_is_a_principal_and_a_token() {
        let mut file = KeyFile::default();
        let key = file.issue(new("claude")).unwrap();
        file.issue(new("cursor")).unwrap();
        let ring = KeyRing::in_memory(&file, Some(default_token())).unwrap();
        let found = ring.holder(key.expose(), Place::Header, now()).unwrap();
        assert_eq!((found.principal.name.as_str(), found.principal.role.as_str()), ("claude", "reader"));
        assert_eq!(found.token.expose_secret(), "default-token");
        assert!(!format!("{ring:?}{found:?}").contains("default-token"));
        assert_eq!(ring.roles().into_iter().collect::<Vec<_>>(), ["reader"]);

        let stranger = super::super::ClientKey::random().unwrap();
        assert_eq!(ring.holder(stranger.expose(), Place::Header, now()).unwrap_err(), Rejected::Unknown);
    }

    #[test]
    fn an_expired_key_does_not_come_in() {
        let mut file = KeyFile::default();
        let short = file.issue(NewKey { expires: Some(now()), ..new("short") }).unwrap();
        let ring = KeyRing::in_memory(&file, Some(default_token())).unwrap();
        let before = now() - jiff::SignedDuration::from_micros(1);
        assert!(ring.holder(short.expose(), Place::Header, before).is_ok());
        let error = ring.holder(short.expose(), Place::Header, now()).unwrap_err();
        assert_eq!((error.as_str(), error.principal()), ("expired", Some("short")));
    }

    #[test]
    fn a_key_works_in_one_place() {
        let mut file = KeyFile::default();
        let expires = Some(now() + jiff::SignedDuration::from_hours(1));
        let header = file.issue(new("header")).unwrap();
        let url = file.issue(NewKey { in_url: true, expires, ..new("url") }).unwrap();
        let ring = KeyRing::in_memory(&file, Some(default_token())).unwrap();
        assert_eq!(ring.holder(header.expose(), Place::Header, now()).unwrap().principal.proof, Proof::Key);
        assert_eq!(ring.holder(url.expose(), Place::Url, now()).unwrap().principal.proof, Proof::KeyInUrl);
        for (key, place, name) in [(&header, Place::Url, "header"), (&url, Place::Header, "url")] {
            let error = ring.holder(key.expose(), place, now()).unwrap_err();
            assert_eq!((error.as_str(), error.principal()), ("misplaced", Some(name)));
        }
    }

    #[test]
    fn a_missing_token_names_key_and_variable() {
        let mut file = KeyFile::default();
        let token = Some(TokenSource::Env("WARRENER_TEST_NOT_SET".to_owned()));
        file.issue(NewKey { token, ..new("claude") }).unwrap();
        let error = KeyRing::in_memory(&file, Some(default_token())).unwrap_err().to_string();
        assert!(error.contains("`claude`") && error.contains("`WARRENER_TEST_NOT_SET`"), "{error}");
        let mut file = KeyFile::default();
        file.issue(new("cursor")).unwrap();
        let error = KeyRing::in_memory(&file, None).unwrap_err().to_string();
        assert!(error.contains("`cursor`") && error.contains("--token-env"), "{error}");
    }

    #[test]
    fn changes_are_seen_and_a_broken_file_keeps_the_last_good_keys() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.yaml");
        let token = folder.path().join("token");
        std::fs::write(&token, "one").unwrap();
        let source = Some(TokenSource::File(token.clone()));
        let key = KeyFile::edit(&path, |file| file.issue(NewKey { token: source, ..new("claude") })).unwrap();
        let ring = KeyRing::open(&path, None).unwrap();
        let sees = |ring: &KeyRing| {
            ring.holder(key.expose(), Place::Header, now())
                .map(|found| found.token.expose_secret().to_owned())
        };
        assert_eq!(sees(&ring).unwrap(), "one");
        assert!(!ring.reload().unwrap(), "nothing has changed");

        std::fs::write(&token, "second").unwrap();
        assert!(ring.reload().unwrap(), "the token file is looked at too");
        assert_eq!(sees(&ring).unwrap(), "second");

        std::fs::write(&path, "version: 1\nkeys: nonsense\n").unwrap();
        assert!(ring.reload().is_err());
        assert!(!ring.reload().unwrap(), "one broken file is one error");
        assert_eq!(sees(&ring).unwrap(), "second");

        std::fs::remove_file(&path).unwrap();
        assert!(ring.reload().is_err());
        assert_eq!(sees(&ring).unwrap(), "second");

        std::fs::write(&path, "version: 1\nkeys: []\n").unwrap();
        assert!(ring.reload().unwrap());
        assert_eq!(sees(&ring).unwrap_err(), Rejected::Unknown);
    }

    #[tokio::test]
    async fn the_watch_ends_when_told_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.yaml");
        let ring = Arc::new(KeyRing::open(&path, Some(default_token())).unwrap());
        let stop = CancellationToken::new();
        let watch = tokio::spawn(ring.clone().watch(stop.clone()));
        KeyFile::edit(&path, |file| file.issue(new("claude"))).unwrap();
        let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
        while ring.is_empty() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(ring.len(), 1);
        stop.cancel();
        watch.await.unwrap();
    }
}
