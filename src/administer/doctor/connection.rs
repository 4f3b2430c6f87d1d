//! The way to Directus: whether it is there, how it is reached, how old it is, and what time it has.

use super::asking::{Asking, Came};
use super::{Doctor, Finding};
use jiff::fmt::rfc2822::DateTimeParser;
use secrecy::SecretString;
use serde_json::Value;
use url::{Host, Url};

/// How far the clocks may be apart, in seconds. A `Date` has no more than seconds.
const SKEW: i64 = 5;

/// From here on Directus has an MCP endpoint.
const FIRST: (u64, u64) = (11, 12);

impl Doctor<'_> {
    /// Whether Directus answers.
    pub(super) async fn look_at_connection(&mut self, asking: &Asking, url: &Url) -> bool {
        if url.scheme() == "http" && !is_loopback(url) {
            let says = format!("the Directus token and all content go to {url} in cleartext");
            self.report.warn(Finding::Cleartext, says, "use `https://`, or a network that nobody else is on");
        }
        let came = match asking.get("/server/ping", None).await {
            Ok(came) if came.status.is_success() => came,
            Ok(came) => {
                let says = format!("{url} answers {} to `GET /server/ping`", came.status);
                let help = "name the address of Directus itself, with the path that it is under";
                self.report.fail(Finding::Directus, says, help);
                return false;
            }
            Err(error) => {
                let help = if error.contains("certificate") || error.contains("tls") {
                    "let Directus have a certificate of an authority that this machine trusts, or set `SSL_CERT_FILE`"
                } else {
                    "check `upstream.url`, and that this machine may reach it"
                };
                self.report.fail(Finding::Directus, error, help);
                return false;
            }
        };
        self.report.ok(Finding::Directus, format!("Directus answers at {url}"));
        self.look_at_clock(&came);
        true
    }

    fn look_at_clock(&mut self, came: &Came) {
        let date = came.header("date").and_then(|date| DateTimeParser::new().parse_timestamp(date).ok());
        let Some(date) = date else {
            return self.report.note(Finding::Clock, "Directus does not say what time it has", "");
        };
        let apart = self.clock.now().as_second() - date.as_second();
        if apart.abs() > SKEW {
            let says = format!("the clocks of Directus and of this machine are {} s apart", apart.abs());
            let help = "set both by NTP: entries of the trail are held against Directus' activity log by their times";
            self.report.warn(Finding::Clock, says, help);
        } else {
            self.report.ok(Finding::Clock, "the clocks of Directus and of this machine agree");
        }
    }

    pub(super) async fn look_at_version(&mut self, asking: &Asking, token: Option<&SecretString>) {
        let came = asking.get("/server/info", token).await.ok();
        let version = came.as_ref().and_then(Came::data).and_then(|data| data.get("version"));
        let Some(version) = version.and_then(Value::as_str) else {
            let help = "it needs to be 11.12 or later, or calls have to go through the Local MCP";
            return self.report.note(Finding::Version, "Directus does not tell this token its version", help);
        };
        let mut numbers = version.split('.').map_while(|part| part.parse::<u64>().ok());
        let has_endpoint = (numbers.next(), numbers.next()) >= (Some(FIRST.0), Some(FIRST.1));
        let says = format!("Directus is of version {version}");
        match (has_endpoint, self.config.upstream.local.is_some()) {
            (true, false) | (false, true) => self.report.ok(Finding::Version, says),
            (false, false) => {
                let help =
                    "update it to 11.12 or later, or have calls go through the Local MCP: `upstream.command`";
                self.report.fail(Finding::Version, format!("{says}, and has no MCP endpoint"), help);
            }
            (true, true) => {
                let help = "leave out `upstream.command`: calls then need no process beside it";
                self.report.note(
                    Finding::Version,
                    format!("{says}, and has an MCP endpoint of its own"),
                    help,
                );
            }
        }
    }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
