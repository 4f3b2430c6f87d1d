//! Whether Directus' MCP endpoint is reached without the gateway.

use super::asking::{Asking, Question};
use super::connection::is_loopback;
use super::{Doctor, Finding};
use crate::upstream::{Upstream, UpstreamOptions};
use http::StatusCode;
use std::time::Duration;
use url::Url;

/// The public address is not waited for longer.
const PATIENCE: Duration = Duration::from_secs(5);

const RULES: &str = "let only the gateway reach Directus' `/mcp`: by a firewall or network policy, or by a proxy that does not pass that path on";

impl Doctor<'_> {
    /// A stranger asks, with no token: whoever answers that one is needed can be talked to.
    pub(super) async fn look_around(&mut self, asking: &Asking, url: &Url) {
        if self.config.upstream.local.is_some() {
            return;
        }
        let Ok(came) = asking.mcp(Question::Ping, None).await else { return };
        if came.status == StatusCode::OK {
            let says = format!("{url} answers MCP without any token");
            return self.report.fail(Finding::Around, says, "see what stands there instead of Directus");
        }
        let public =
            came.header("www-authenticate").and_then(public_url).filter(|public| !is_same(public, url));
        let Some(public) = public else { return self.tell_own(url) };
        let options = UpstreamOptions {
            connect_timeout: PATIENCE,
            reply_timeout: PATIENCE,
            ..UpstreamOptions::new(public.clone())
        };
        let answered = match Upstream::new(&options) {
            Ok(upstream) => Asking(upstream).mcp(Question::Ping, None).await.ok(),
            Err(_) => None,
        };
        // The gateway itself may stand at that address, and does not call itself Directus.
        if answered.is_some_and(|came| came.header("x-powered-by") == Some("Directus")) {
            let says = format!("Directus answers MCP at its public address {public}, around the gateway");
            self.report.warn(Finding::Around, says, RULES);
        } else {
            let says = format!(
                "at its public address {public} Directus does not answer MCP, as far as is seen from here"
            );
            self.report.ok(Finding::Around, says);
        }
    }

    fn tell_own(&mut self, url: &Url) {
        if is_loopback(url) {
            let says = format!("Directus answers MCP at {url}, on this machine only if nothing passes it on");
            self.report.note(Finding::Around, says, RULES);
        } else {
            let says = format!(
                "whoever reaches {url} as this machine does can talk to MCP around the gateway, with a Directus token"
            );
            self.report.warn(Finding::Around, says, RULES);
        }
    }
}

/// Directus' `PUBLIC_URL`, out of what it tells strangers.
fn public_url(challenge: &str) -> Option<Url> {
    let (_, rest) = challenge.split_once("resource_metadata=\"")?;
    let (metadata, _) = rest.split_once('"')?;
    let (base, _) = metadata.split_once("/.well-known/")?;
    Url::parse(base).ok()
}

fn is_same(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_address_is_read_out_of_the_challenge() {
        let challenge = r#"Bearer resource_metadata="https://cms.example.com/.well-known/oauth-protected-resource/mcp", scope="mcp:access""#;
        assert_eq!(public_url(challenge).unwrap().as_str(), "https://cms.example.com/");
        for other in
            ["", "Bearer", "Bearer resource_metadata=\"x", "Bearer resource_metadata=\"/.well-known/\""]
        {
            assert_eq!(public_url(other), None, "{other}");
        }
    }
}
