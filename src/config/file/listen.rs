//! The section `listen`.

use super::keys::{LISTEN, TLS};
use crate::accept::{Network, NoNetwork, host_name};
use crate::config::{ClientCertificates, Listen, Tls};
use crate::policy::decode::{Decoder, Object};
use crate::policy::yaml::{Node, Shape};
use std::net::SocketAddr;

const CLIENT_CERTIFICATES: &[(&str, ClientCertificates)] =
    &[("required", ClientCertificates::Required), ("optional", ClientCertificates::Optional)];

impl Listen {
    /// Why cleartext must not be listened for there; `None` where it may, or where TLS is spoken.
    pub fn problem(&self) -> Option<String> {
        let open = !self.address.ip().is_loopback() && !self.insecure && self.tls.is_none();
        open.then(|| {
            format!(
                "listening on `{}` would send keys and content over the network in cleartext; give it a certificate with \
                 `listen.tls`, listen on 127.0.0.1 behind a TLS proxy, or say `insecure: true`",
                self.address
            )
        })
    }
}

impl Decoder<'_> {
    /// An address alone, or a mapping; `insecure` and `allowed_origins` may stand beside it too.
    pub(super) fn listen(&mut self, root: &Object<'_>) -> Listen {
        let mut listen = Listen::default();
        let node = root.get("listen");
        match node.map(|node| (&node.shape, node)) {
            Some((Shape::Map(_), node)) => {
                if let Some(object) = self.object(node, &LISTEN) {
                    let address = object.required(self, "address", "write `address: 127.0.0.1:8080`");
                    self.read_listen(&mut listen, address, &object);
                    self.read_whole(&mut listen, &object);
                }
            }
            Some((_, node)) => listen.address = self.address(node).unwrap_or(listen.address),
            None => {}
        }
        self.read_listen(&mut listen, None, root);
        if let (Some(node), Some(problem)) = (node, listen.problem()) {
            let help = "give it a certificate with `tls`, listen on 127.0.0.1 behind a TLS proxy, or add `insecure: true`";
            let problem = problem.split(';').next().unwrap_or_default().to_owned();
            self.error("insecure", &node.span, problem, help);
        }
        listen
    }

    fn read_listen(&mut self, listen: &mut Listen, address: Option<&Node>, object: &Object<'_>) {
        if let Some(address) = address.and_then(|node| self.address(node)) {
            listen.address = address;
        }
        if let Some(insecure) = object.get("insecure").and_then(|node| self.boolean(node)) {
            listen.insecure = insecure;
        }
        if let Some(origins) = object.get("allowed_origins") {
            listen.allowed_origins = self.origins(origins);
        }
    }

    fn read_whole(&mut self, listen: &mut Listen, object: &Object<'_>) {
        listen.tls = object.get("tls").and_then(|node| self.tls(node));
        listen.allowed_hosts = object.get("allowed_hosts").map(|node| self.hosts(node));
        if let Some(proxies) = object.get("trusted_proxies") {
            listen.trusted_proxies = self.networks(proxies);
        }
    }

    pub(super) fn address(&mut self, node: &Node) -> Option<SocketAddr> {
        let text = self.text(node)?;
        let address = text.parse().ok().or_else(|| match text.strip_prefix("localhost:") {
            Some(port) => format!("127.0.0.1:{port}").parse().ok(),
            None => None,
        });
        if address.is_none() {
            let help = "write an IP address and a port: `127.0.0.1:8080`";
            self.error("address", &node.span, format!("`{text}` is not an address to listen on"), help);
        }
        address
    }

    fn origins(&mut self, node: &Node) -> Vec<String> {
        let mut origins = Vec::new();
        for (text, span) in self.texts(node).unwrap_or_default() {
            let parsed = url::Url::parse(&text).ok().map(|url| url.origin().ascii_serialization());
            if parsed.as_deref() == Some(text.as_str()) {
                origins.push(text);
            } else {
                let help = "write scheme, host and port, as a browser does: `https://chat.example.com`";
                self.error("origin", &span, format!("`{text}` is not an origin"), help);
            }
        }
        origins
    }

    fn hosts(&mut self, node: &Node) -> Vec<String> {
        let mut hosts = Vec::new();
        for (text, span) in self.texts(node).unwrap_or_default() {
            if let Some(host) = host_name(&text) {
                hosts.push(host);
            } else {
                let help =
                    "write the name alone, without scheme and port: `mcp.example.com`, or `\"*\"` for any";
                self.error("host", &span, format!("`{text}` is not the name of a host"), help);
            }
        }
        hosts
    }

    fn networks(&mut self, node: &Node) -> Vec<Network> {
        let mut networks = Vec::new();
        for (text, span) in self.texts(node).unwrap_or_default() {
            match text.parse() {
                Ok(network) => networks.push(network),
                Err(problem) => {
                    let message = format!("`{text}` is not a network");
                    self.error("network", &span, message, NoNetwork::to_string(&problem));
                }
            }
        }
        networks
    }

    fn tls(&mut self, node: &Node) -> Option<Tls> {
        let object = self.object(node, &TLS)?;
        let certificate = object.required(self, "certificate", "write `certificate: cert.pem`");
        let key = object.required(self, "key", "write `key: key.pem`");
        let client_ca = self.path(&object, "client_ca");
        if let (Some(node), None) = (object.get("client_certificates"), &client_ca) {
            let help =
                "name the file with the authorities that clients have theirs from: `client_ca: clients.pem`";
            self.error("client-ca", &node.span, "`client_certificates` needs a `client_ca`", help);
        }
        let wanted =
            self.word(&object, "client_certificates", "`required` or `optional`", CLIENT_CERTIFICATES);
        Some(Tls {
            certificate: self.text(certificate?)?.into(),
            key: self.text(key?)?.into(),
            client_ca,
            client_certificates: wanted.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{ClientCertificates, Config, Listen, Tls};
    use crate::policy::diagnostic::Source;

    fn read(listen: &str) -> Result<Listen, String> {
        let source = Source::new("warrener.yaml", format!("version: 1\nlisten: {listen}\n"));
        Config::from_yaml(&source).map(|config| config.listen).map_err(|problems| problems.to_string())
    }

    #[test]
    fn every_key_arrives() {
        let listen = read(
            "{address: '0.0.0.0:8443', allowed_hosts: [mcp.example.com, '::1', '*'], trusted_proxies: [10.0.0.0/8, '::1'],
             tls: {certificate: c.pem, key: k.pem, client_ca: a.pem, client_certificates: optional}}",
        )
        .unwrap();
        assert_eq!(
            listen.allowed_hosts.as_deref(),
            Some(&["mcp.example.com", "[::1]", "*"].map(str::to_owned)[..])
        );
        assert_eq!(listen.trusted_proxies, ["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()]);
        let tls = Tls {
            certificate: "c.pem".into(),
            key: "k.pem".into(),
            client_ca: Some("a.pem".into()),
            client_certificates: ClientCertificates::Optional,
        };
        assert_eq!(listen.tls, Some(tls), "and with it cleartext is out of the question");
        let listen =
            read("{address: '127.0.0.1:8443', tls: {certificate: c.pem, key: k.pem, client_ca: a.pem}}");
        assert_eq!(listen.unwrap().tls.unwrap().client_certificates, ClientCertificates::Required);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (listen, expect) in [
            ("0.0.0.0:80", "in cleartext"),
            ("{address: '0.0.0.0:80'}", "certificate with `tls`"),
            ("{address: '127.0.0.1:1', tls: {certificate: c.pem}}", "needs `key`"),
            ("{address: '127.0.0.1:1', tls: {key: k.pem}}", "needs `certificate`"),
            ("{address: '127.0.0.1:1', tls: {cert: c.pem, key: k.pem}}", "called `certificate`"),
            ("{address: '127.0.0.1:1', tls: true}", "expected `tls`"),
            (
                "{address: '127.0.0.1:1', tls: {certificate: c, key: k, client_certificates: required}}",
                "needs a `client_ca`",
            ),
            (
                "{address: '127.0.0.1:1', tls: {certificate: c, key: k, client_ca: a, client_certificates: maybe}}",
                "`maybe` is not `required` or `optional`",
            ),
            ("{address: '127.0.0.1:1', trusted_proxies: [10.0.0.1/8]}", "the network is `10.0.0.0/8`"),
            ("{address: '127.0.0.1:1', trusted_proxies: [proxy.example.com]}", "is not a network"),
            ("{address: '127.0.0.1:1', trusted_proxies: ['*']}", "is not a network"),
            (
                "{address: '127.0.0.1:1', allowed_hosts: ['https://mcp.example.com']}",
                "is not the name of a host",
            ),
            ("{address: '127.0.0.1:1', allowed_hosts: ['mcp.example.com:443']}", "without scheme and port"),
            ("{address: '127.0.0.1:1', allowed_hosts: ['a@b']}", "is not the name of a host"),
        ] {
            let said = read(listen).unwrap_err();
            assert!(said.contains(expect), "{listen}\n{said}");
        }
    }
}
