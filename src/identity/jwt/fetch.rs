//! Getting the provider's keys: where they are, and what they are, within a bound on length and on time.

use super::jwk::KeySet;
use crate::accept::{Unread, whole};
use crate::mcp::json;
use crate::upstream::{SetupError, Upstream, UpstreamError, UpstreamOptions};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::Full;
use serde_json::Value;
use std::time::Duration;
use tokio::time::timeout;
use url::{Host, Url};

/// Longest document that is read, in bytes. Key sets have some KiB, with chains of certificates some dozens.
const LONGEST: u64 = 256 * 1024;

/// Where a provider's keys come from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    http: Upstream,
    /// Exactly as it stands in the tokens.
    issuer: String,
    /// Where the keys are; `None` for where the provider's metadata says.
    keys: Option<Url>,
    /// For all of it together.
    patience: Duration,
}

/// Why the provider's keys cannot be had. Each names the address.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    /// There is no answer.
    #[error("`{url}` does not answer")]
    NoAnswer {
        url: Url,
        #[source]
        cause: UpstreamError,
    },
    /// It took too long, all together.
    #[error("the identity provider took longer than {} s", .0.as_secs_f64())]
    Slow(Duration),
    /// It has something else to say.
    #[error("`{url}` answers {status}")]
    Status { url: Url, status: StatusCode },
    /// It is not what it should be.
    #[error("what `{url}` answers is not taken: {what}")]
    Document { url: Url, what: &'static str },
}

impl Source {
    /// For the provider of that name; its keys are where its metadata says, unless they are somewhere else.
    ///
    /// # Errors
    /// When its certificate could not be checked on this machine.
    pub(super) fn new(
        issuer: &Url,
        written: &str,
        keys: Option<&Url>,
        patience: Duration,
    ) -> Result<Self, SetupError> {
        // Only the scheme of the address matters for this client, and https asks for root certificates.
        let of = keys.filter(|keys| keys.scheme() == "https").unwrap_or(issuer);
        let mut base = of.clone();
        base.set_path("/");
        base.set_query(None);
        let options = UpstreamOptions {
            connect_timeout: patience,
            reply_timeout: patience,
            read_timeout: patience,
            ..UpstreamOptions::new(base)
        };
        let http = Upstream::new(&options)?;
        Ok(Self { http, issuer: written.to_owned(), keys: keys.cloned(), patience })
    }

    /// The keys as they are now.
    pub(super) async fn keys(&self) -> Result<KeySet, FetchError> {
        let fetching = async {
            let url = match &self.keys {
                Some(url) => url.clone(),
                None => self.discover().await?,
            };
            let bytes = self.get(&url).await?;
            KeySet::read(&bytes).map_err(|what| FetchError::Document { url, what })
        };
        timeout(self.patience, fetching).await.map_err(|_| FetchError::Slow(self.patience))?
    }

    /// Where the provider's metadata says that its keys are.
    async fn discover(&self) -> Result<Url, FetchError> {
        let mut missing = None;
        for url in metadata(&self.issuer) {
            match self.get(&url).await {
                Ok(bytes) => {
                    return keys_in(&bytes, &self.issuer).map_err(|what| FetchError::Document { url, what });
                }
                // Not every provider has every document.
                Err(error @ FetchError::Status { .. }) => missing = Some(error),
                Err(error) => return Err(error),
            }
        }
        let nothing = || FetchError::Slow(self.patience);
        Err(missing.unwrap_or_else(nothing))
    }

    async fn get(&self, url: &Url) -> Result<Bytes, FetchError> {
        let broken = |what| FetchError::Document { url: url.clone(), what };
        let request =
            Request::get(url.as_str()).header(header::ACCEPT, "application/json").body(Full::default());
        let request = request.map_err(|_| broken("the address cannot be asked"))?;
        let reply = self.http.send(request).await;
        let reply = reply.map_err(|cause| FetchError::NoAnswer { url: url.clone(), cause })?;
        if reply.status() != StatusCode::OK {
            return Err(FetchError::Status { url: url.clone(), status: reply.status() });
        }
        whole(reply.into_body(), LONGEST).await.map_err(|unread| match unread {
            Unread::TooLong => broken("it is longer than is read"),
            Unread::Broken => broken("it broke off"),
        })
    }
}

/// Where the metadata of an issuer may be: behind it (OpenID Connect Discovery, section 4.1), and before its path (RFC 8414, section
/// 3.1).
fn metadata(issuer: &str) -> Vec<Url> {
    let behind = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let before = |name: &str| {
        let mut url = Url::parse(issuer).ok()?;
        let path = format!("/.well-known/{name}{}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Some(url)
    };
    let all =
        [Url::parse(&behind).ok(), before("oauth-authorization-server"), before("openid-configuration")];
    let mut urls: Vec<Url> = all.into_iter().flatten().collect();
    urls.dedup();
    urls
}

/// The address of the keys in the metadata of that very issuer (RFC 8414, section 3.3).
fn keys_in(bytes: &[u8], issuer: &str) -> Result<Url, &'static str> {
    let document = json::read(bytes).map_err(|_| "it is not JSON that can be read in one way")?;
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    if text("issuer") != Some(issuer) {
        return Err("its `issuer` is not the one of the settings, to the letter");
    }
    let url = text("jwks_uri").and_then(|text| Url::parse(text).ok()).ok_or("it names no `jwks_uri`")?;
    if is_private(&url) { Ok(url) } else { Err("its `jwks_uri` is not `https`") }
}

/// Whether nobody on the way could answer in its place: https, or this machine itself.
pub(crate) fn is_private(url: &Url) -> bool {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_here)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_looked_for_where_the_standards_put_it() {
        let of = |issuer: &str| metadata(issuer).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            of("https://login.example.com/realms/company"),
            [
                "https://login.example.com/realms/company/.well-known/openid-configuration",
                "https://login.example.com/.well-known/oauth-authorization-server/realms/company",
                "https://login.example.com/.well-known/openid-configuration/realms/company",
            ]
        );
        for issuer in ["https://login.example.com", "https://login.example.com/"] {
            let expect = [
                "https://login.example.com/.well-known/openid-configuration",
                "https://login.example.com/.well-known/oauth-authorization-server",
                "https://login.example.com/.well-known/openid-configuration",
            ];
            assert_eq!(of(issuer), expect);
        }
    }

    #[test]
    fn metadata_is_the_issuers_own_and_leads_nowhere_in_the_open() {
        let issuer = "https://login.example.com";
        for (text, expect) in [
            (
                r#"{"issuer":"https://login.example.com","jwks_uri":"https://keys.example.com/k?v=1"}"#,
                "https://keys.example.com/k?v=1",
            ),
            (
                r#"{"issuer":"https://login.example.com","jwks_uri":"http://127.0.0.1:9/k"}"#,
                "http://127.0.0.1:9/k",
            ),
            (
                r#"{"issuer":"https://login.example.com/","jwks_uri":"https://keys.example.com/"}"#,
                "its `issuer` is not the one of the settings, to the letter",
            ),
            (
                r#"{"issuer":"https://evil.example","jwks_uri":"https://keys.example.com/"}"#,
                "its `issuer` is not the one of the settings, to the letter",
            ),
            (
                r#"{"jwks_uri":"https://keys.example.com/"}"#,
                "its `issuer` is not the one of the settings, to the letter",
            ),
            (r#"{"issuer":"https://login.example.com"}"#, "it names no `jwks_uri`"),
            (
                r#"{"issuer":"https://login.example.com","jwks_uri":"http://keys.example.com/"}"#,
                "its `jwks_uri` is not `https`",
            ),
            (
                r#"{"issuer":"https://login.example.com","jwks_uri":"file:///etc/passwd"}"#,
                "its `jwks_uri` is not `https`",
            ),
            ("[]", "its `issuer` is not the one of the settings, to the letter"),
            ("<html>", "it is not JSON that can be read in one way"),
        ] {
            let found =
                keys_in(text.as_bytes(), issuer).map_or_else(ToOwned::to_owned, |url| url.to_string());
            assert_eq!(found, expect, "{text}");
        }
    }
}
