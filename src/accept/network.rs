//! A range of addresses.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A range of addresses in the form `10.0.0.0/8`, or a single one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    /// How many of the leading bits an address has to share.
    bits: u8,
}

/// Why a text is no range of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoNetwork {
    /// It does not look like one.
    #[error("write an address or a network: `192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`")]
    Malformed,
    /// Bits are set behind the prefix, so that it cannot be told which range is meant.
    #[error("the network is `{0}`; for the address alone leave `/` and what follows out")]
    Bits(Network),
}

impl Network {
    /// Whether the address is one of it. An IPv4 address that is written as one of IPv6 is still an IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.first.is_ipv4() && masked(address, self.bits) == self.first
    }
}

impl FromStr for Network {
    type Err = NoNetwork;

    fn from_str(text: &str) -> Result<Self, NoNetwork> {
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| NoNetwork::Malformed)?;
        if address.to_canonical() != address {
            return Err(NoNetwork::Malformed);
        }
        let most = if address.is_ipv4() { 32 } else { 128 };
        let digits = |bits: &str| bits.bytes().all(|byte| byte.is_ascii_digit());
        let bits = match bits {
            None => most,
            Some(bits) => bits
                .parse()
                .ok()
                .filter(|count| digits(bits) && *count <= most)
                .ok_or(NoNetwork::Malformed)?,
        };
        let network = Self { first: masked(address, bits), bits };
        if network.first == address { Ok(network) } else { Err(NoNetwork::Bits(network)) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits.into())).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits.into())).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_its_addresses_and_no_others() {
        for (network, inside, outside) in [
            (
                "10.0.0.0/8",
                &["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"][..],
                &["11.0.0.0", "9.255.255.255", "::"][..],
            ),
            ("192.0.2.7", &["192.0.2.7"], &["192.0.2.6", "192.0.2.8"]),
            ("192.0.2.6/31", &["192.0.2.6", "192.0.2.7"], &["192.0.2.5", "192.0.2.8"]),
            ("0.0.0.0/0", &["255.255.255.255", "::ffff:1.2.3.4"], &["::1"]),
            ("2001:db8::/32", &["2001:db8::1", "2001:db8:ffff::"], &["2001:db9::", "32.1.13.184"]),
            ("::1", &["::1"], &["::2", "127.0.0.1"]),
            ("::/0", &["::", "ffff::"], &["127.0.0.1", "::ffff:127.0.0.1"]),
        ] {
            let network: Network = network.parse().unwrap();
            for (addresses, expect) in [(inside, true), (outside, false)] {
                for address in addresses {
                    assert_eq!(network.contains(address.parse().unwrap()), expect, "{network} {address}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "10",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "10.0.0.0/8/8",
            "::/129",
            "fe80::1%eth0",
            "*",
            "::ffff:10.0.0.0/104",
            "010.0.0.0/8",
        ] {
            assert_eq!(text.parse::<Network>(), Err(NoNetwork::Malformed), "{text}");
        }
        let error = "10.1.0.0/8".parse::<Network>().unwrap_err().to_string();
        assert!(error.contains("`10.0.0.0/8`"), "{error}");
    }
}
