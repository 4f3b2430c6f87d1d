//! Secrets that stand in the environment or in a file of their own.

use crate::config::Secret;
use secrecy::SecretString;
use std::path::PathBuf;

/// Why a secret cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The environment does not have it.
    #[error("the environment variable `{0}` is not set")]
    NotSet(String),
    /// The file cannot be read.
    #[error("the file `{path}` cannot be read", path = path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: std::io::Error,
    },
    /// There is nothing in it.
    #[error("{0} is empty")]
    Empty(String),
    /// It could not stand in a header.
    #[error("{0} has characters that no token has: white space inside, or something that is not ASCII")]
    NoToken(String),
}

/// Reads a secret from where it is kept. White space at its end is not part of it.
///
/// # Errors
/// When it is not there, or is nothing that could be a token.
pub fn read_secret(secret: &Secret) -> Result<SecretString, SecretError> {
    let (text, place) = match secret {
        Secret::Env(name) => {
            let text = std::env::var_os(name).ok_or_else(|| SecretError::NotSet(name.clone()))?;
            (text.to_string_lossy().into_owned(), format!("the environment variable `{name}`"))
        }
        Secret::File(path) => {
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|cause| SecretError::Unreadable { path: path.clone(), cause })?;
            (text, format!("the file `{}`", path.display()))
        }
    };
    token(text.trim_end(), place)
}

fn token(text: &str, place: String) -> Result<SecretString, SecretError> {
    if text.is_empty() {
        return Err(SecretError::Empty(place));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(SecretError::NoToken(place));
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn a_file_is_read_without_the_white_space_at_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        for (text, expect) in [
            ("abc\n", Ok("abc")),
            ("abc \r\n", Ok("abc")),
            ("\n", Err("is empty")),
            ("a b", Err("no token has")),
        ] {
            std::fs::write(&path, text).unwrap();
            match (read_secret(&Secret::File(path.clone())), expect) {
                (Ok(secret), Ok(expect)) => assert_eq!(secret.expose_secret(), expect),
                (Err(error), Err(expect)) => assert!(error.to_string().contains(expect), "{error}"),
                (other, _) => panic!("{text:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = read_secret(&Secret::Env("WARRENER_TEST_NOT_SET".to_owned())).unwrap_err();
        assert_eq!(error.to_string(), "the environment variable `WARRENER_TEST_NOT_SET` is not set");
        let error = read_secret(&Secret::File("/nowhere/token".into())).unwrap_err();
        assert_eq!(error.to_string(), "the file `/nowhere/token` cannot be read");
    }
}
