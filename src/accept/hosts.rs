//! Which names a gateway answers to.

use crate::config::Listen;
use http::header::HOST;
use http::uri::Authority;
use http::{Request, Version};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// The names that a gateway answers to. A page in a browser can have a name of its own point to the gateway's address; by the name
/// it is known.
#[derive(Clone, Debug)]
pub struct Hosts {
    /// `None` for any.
    names: Option<Arc<[String]>>,
    /// `localhost` and the addresses of the machine itself as well.
    loopback: bool,
}

/// Why a request is not answered by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stranger {
    /// It has not exactly one, or two that differ.
    Ambiguous,
    /// It is not the gateway's.
    Elsewhere,
}

impl Hosts {
    /// Any name.
    pub fn any() -> Self {
        Self { names: None, loopback: true }
    }

    /// Those of the settings. Where they name none, a listener that only this machine can reach answers to the names of this machine,
    /// and any other to all.
    pub fn of(listen: &Listen) -> Self {
        let loopback = listen.address.ip().is_loopback();
        match &listen.allowed_hosts {
            Some(names) if names.iter().any(|name| name == "*") => Self::any(),
            Some(names) => Self { names: Some(names.as_slice().into()), loopback },
            None if loopback => Self { names: Some(Arc::default()), loopback },
            None => Self::any(),
        }
    }

    /// Whether the request is for one of them, and for only one: two names are a way to be read differently by different servers.
    pub(super) fn check<B>(&self, request: &Request<B>) -> Result<(), Stranger> {
        let Some(host) = named(request)? else {
            // HTTP/1.0 knows no name.
            return if self.names.is_none() { Ok(()) } else { Err(Stranger::Elsewhere) };
        };
        let host: Authority = host.parse().map_err(|_| Stranger::Ambiguous)?;
        if host.as_str().contains('@') {
            return Err(Stranger::Ambiguous);
        }
        if self.answers_to(host.host()) { Ok(()) } else { Err(Stranger::Elsewhere) }
    }

    fn answers_to(&self, host: &str) -> bool {
        let Some(names) = &self.names else { return true };
        names.iter().any(|name| name.eq_ignore_ascii_case(host)) || (self.loopback && is_loopback(host))
    }
}

/// Reads a name for the settings: that of a host or its address, without a port, or `*`.
pub(crate) fn host_name(text: &str) -> Option<String> {
    let bracketed = text.parse::<Ipv6Addr>().map(|v6| format!("[{v6}]"));
    let text = bracketed.unwrap_or_else(|_| text.to_owned());
    let authority: Authority = text.parse().ok()?;
    (authority.host() == text).then_some(text)
}

/// The name that a request is for. `:authority` of HTTP/2 and the address in a request line say it too, and then `Host` has to agree.
fn named<B>(request: &Request<B>) -> Result<Option<&str>, Stranger> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    let host = host.map(|host| host.to_str()).transpose().map_err(|_| Stranger::Ambiguous)?;
    let authority = request.uri().authority().map(Authority::as_str);
    match (authority, host, request.version()) {
        _ if second.is_some() => Err(Stranger::Ambiguous),
        (Some(authority), Some(host), _) if authority.eq_ignore_ascii_case(host) => Ok(Some(host)),
        (Some(authority), None, Version::HTTP_2) => Ok(Some(authority)),
        (None, Some(host), Version::HTTP_10 | Version::HTTP_11) => Ok(Some(host)),
        (None, None, Version::HTTP_10) => Ok(None),
        // Two that differ; or HTTP/1.1 without a `Host`, or HTTP/2 without `:authority`.
        _ => Err(Stranger::Ambiguous),
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || bare.parse().is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said to a request with this address in its first line and these `Host` headers.
    fn check(hosts: &Hosts, version: Version, target: &str, headers: &[&str]) -> &'static str {
        let request = Request::post(target).version(version);
        let request = headers.iter().fold(request, |request, host| request.header(HOST, *host));
        match hosts.check(&request.body(()).unwrap()) {
            Ok(()) => "ok",
            Err(Stranger::Ambiguous) => "ambiguous",
            Err(Stranger::Elsewhere) => "elsewhere",
        }
    }

    #[test]
    fn a_request_is_for_one_host() {
        let (one, two, zero) = (Version::HTTP_11, Version::HTTP_2, Version::HTTP_10);
        for (version, target, headers, expect) in [
            (one, "/mcp", &["a"][..], "ok"),
            (one, "/mcp", &[], "ambiguous"),
            (one, "/mcp", &["a", "a"], "ambiguous"),
            (one, "/mcp", &["a", "b"], "ambiguous"),
            (one, "/mcp", &[""], "ambiguous"),
            (one, "/mcp", &["a b"], "ambiguous"),
            (one, "/mcp", &["a/b"], "ambiguous"),
            (one, "/mcp", &["user@a"], "ambiguous"),
            (one, "http://a/mcp", &["a"], "ok"),
            (one, "http://A/mcp", &["a"], "ok"),
            (one, "http://a/mcp", &["b"], "ambiguous"),
            (one, "http://a:80/mcp", &["a"], "ambiguous"),
            (one, "http://a/mcp", &[], "ambiguous"),
            (zero, "/mcp", &[], "ok"),
            (zero, "/mcp", &["a"], "ok"),
            (zero, "/mcp", &["a", "b"], "ambiguous"),
            (two, "https://a/mcp", &[], "ok"),
            (two, "https://a:8443/mcp", &["a:8443"], "ok"),
            (two, "https://a/mcp", &["b"], "ambiguous"),
            (two, "https://a/mcp", &["a", "a"], "ambiguous"),
            (two, "/mcp", &["a"], "ambiguous"),
            (two, "/mcp", &[], "ambiguous"),
        ] {
            assert_eq!(
                check(&Hosts::any(), version, target, headers),
                expect,
                "{version:?} {target} {headers:?}"
            );
        }
    }

    #[test]
    fn a_gateway_answers_to_its_names() {
        let inside = [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:8080",
            "127.1.2.3",
            "[::1]:8080",
            "[::ffff:127.0.0.1]",
        ];
        let outside = [
            "evil.example",
            "localhost.evil.example",
            "evil.example:8080",
            "localhost.",
            "192.0.2.7",
            "[::2]",
            "0.0.0.0",
        ];
        let listen = |address: &str, names: Option<&[&str]>| {
            let allowed_hosts = names.map(|names| names.iter().filter_map(|name| host_name(name)).collect());
            Hosts::of(&Listen { address: address.parse().unwrap(), allowed_hosts, ..Listen::default() })
        };
        let local = "127.0.0.1:0";
        let open = "0.0.0.0:0";
        for (what, hosts, here, elsewhere) in [
            ("loopback", listen(local, None), &inside[..], &outside[..]),
            ("loopback over IPv6", listen("[::1]:0", None), &inside, &outside),
            (
                "loopback, and a name",
                listen(local, Some(&["192.0.2.7"])),
                &["localhost", "192.0.2.7:1"],
                &outside[..4],
            ),
            ("open", listen(open, None), &["evil.example", "localhost"], &[]),
            (
                "open, for one name",
                listen(open, Some(&["a.example", "::2"])),
                &["A.example", "a.example:1", "[::2]"],
                &["b.a.example", "localhost", "a.example."],
            ),
            ("any", listen(local, Some(&["*"])), &["evil.example"], &[]),
            ("none", listen(open, Some(&[])), &[], &["localhost", "0.0.0.0"]),
        ] {
            for (names, expect) in [(here, "ok"), (elsewhere, "elsewhere")] {
                for name in names {
                    assert_eq!(check(&hosts, Version::HTTP_11, "/mcp", &[name]), expect, "{what}: {name}");
                }
            }
        }
        assert_eq!(check(&listen(local, None), Version::HTTP_10, "/mcp", &[]), "elsewhere");
    }
}
