//! The client behind a proxy: `X-Forwarded-For`, read only where a trusted proxy wrote it.
//!
//! Each proxy puts the address of whoever it got the request from at the end. So it is read from the end: what a trusted proxy has
//! written is believed, up to the first address that is no trusted proxy's. That is the client. Everything before it was sent by the
//! client itself, could be anything, and is not looked at.

use super::Network;
use http::{HeaderMap, HeaderName};
use std::net::{IpAddr, SocketAddr};

const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");

/// More proxies in a row than anybody has.
const MOST: usize = 32;

/// A trusted proxy has written something into the header that is no address: nobody knows whose request it is. An extension of the
/// request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

/// Whose request it is that came from `peer`.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> Result<IpAddr, Unreadable> {
    let trusted = |address: IpAddr| proxies.iter().any(|network| network.contains(address));
    let mut client = peer.to_canonical();
    let mut read = 0;
    for header in headers.get_all(FORWARDED).iter().collect::<Vec<_>>().into_iter().rev() {
        for written in header.as_bytes().rsplit(|byte| *byte == b',') {
            if !trusted(client) {
                return Ok(client);
            }
            read += 1;
            if read > MOST {
                return Err(Unreadable);
            }
            client = address(written).ok_or(Unreadable)?;
        }
    }
    Ok(client)
}

/// An address, which may have a port behind it.
fn address(written: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(written).ok()?.trim_matches([' ', '\t']);
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let with_port = |text: &str| {
        // It reads a zone too, which means something on the proxy's machine only.
        text.parse::<SocketAddr>().ok().filter(|_| !text.contains('%')).map(|address| address.ip())
    };
    let address = match bare {
        Some(v6) => v6.parse().ok().map(IpAddr::V6),
        None => text.parse().ok().or_else(|| with_port(text)),
    };
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const PROXY: &str = "10.0.0.1";

    /// Whose request it is, by its headers, where 10.0.0.0/8 and `fd00::/8` are trusted.
    fn of(peer: &str, headers: &[&str]) -> String {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(FORWARDED, HeaderValue::from_bytes(header.as_bytes()).unwrap());
        }
        let proxies = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        client(peer.parse().unwrap(), &map, &proxies)
            .map_or("refused".to_owned(), |client| client.to_string())
    }

    #[test]
    fn only_what_trusted_proxies_wrote_is_believed() {
        for (what, peer, headers, expect) in [
            ("no proxy", "192.0.2.7", &["203.0.113.9"][..], "192.0.2.7"),
            ("no proxy, and nonsense", "192.0.2.7", &["nonsense"], "192.0.2.7"),
            ("a proxy that says nothing", PROXY, &[], PROXY),
            ("one proxy", PROXY, &["203.0.113.9"], "203.0.113.9"),
            ("a proxy over IPv6", "fd00::1", &["203.0.113.9"], "203.0.113.9"),
            ("a proxy over IPv4 in IPv6", "::ffff:10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("two proxies", PROXY, &["203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            ("the client claims another", PROXY, &["127.0.0.1, 203.0.113.9"], "203.0.113.9"),
            ("the client claims a proxy", PROXY, &["10.9.9.9, 203.0.113.9"], "203.0.113.9"),
            (
                "the client claims two proxies",
                PROXY,
                &["1.1.1.1, 10.9.9.9, 203.0.113.9, 10.0.0.2"],
                "203.0.113.9",
            ),
            ("the client writes nonsense", PROXY, &["'; drop--, 203.0.113.9"], "203.0.113.9"),
            ("the client writes nothing", PROXY, &[",,, 203.0.113.9"], "203.0.113.9"),
            ("several headers are one list", PROXY, &["127.0.0.1", "203.0.113.9"], "203.0.113.9"),
            ("several, with a proxy last", PROXY, &["203.0.113.9", "10.0.0.2"], "203.0.113.9"),
            ("all are trusted: the first one", PROXY, &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("a port", PROXY, &["203.0.113.9:4711"], "203.0.113.9"),
            ("IPv6", PROXY, &["2001:db8::1"], "2001:db8::1"),
            ("IPv6 in brackets", PROXY, &["[2001:db8::1]"], "2001:db8::1"),
            ("IPv6 with a port", PROXY, &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("IPv4 in IPv6", PROXY, &["::ffff:203.0.113.9"], "203.0.113.9"),
            ("a trusted one as IPv4 in IPv6", PROXY, &["203.0.113.9, ::ffff:10.0.0.2"], "203.0.113.9"),
            ("no space", PROXY, &["127.0.0.1,203.0.113.9"], "203.0.113.9"),
            ("tabs", PROXY, &["127.0.0.1\t,\t203.0.113.9\t"], "203.0.113.9"),
        ] {
            assert_eq!(of(peer, headers), expect, "{what}");
        }
    }

    #[test]
    fn what_a_trusted_proxy_wrote_has_to_be_an_address() {
        let chain = vec!["10.0.0.2"; MOST + 1].join(",");
        for written in [
            "",
            "unknown",
            "_hidden",
            "203.0.113.9,",
            "203.0.113.9, ",
            "203.0.113.9,,10.0.0.2",
            "203.0.113.9 10.0.0.2",
            "203.0.113.999",
            "203.0.113.9:",
            "203.0.113.9:65536",
            "0203.0.113.9",
            "fe80::1%eth0",
            "[fe80::1%2]:80",
            "[203.0.113.9]",
            "[2001:db8::1",
            "2001:db8::1]",
            "unix:",
            "for=203.0.113.9",
            "\"203.0.113.9\"",
            "203.0.113.9é",
            &chain,
        ] {
            assert_eq!(of(PROXY, &[written]), "refused", "{written}");
        }
        assert_eq!(of(PROXY, &["203.0.113.9", ""]), "refused", "an empty header last");
    }
}
