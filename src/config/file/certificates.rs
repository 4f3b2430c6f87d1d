//! The list `identity.certificates`.

use super::keys::CERTIFICATE;
use crate::config::{CertificateOf, Certified, Config};
use crate::policy::decode::Decoder;
use crate::policy::yaml::Node;

impl Decoder<'_> {
    /// Whose certificates are whose; an entry that cannot be used is reported and left out.
    pub(super) fn certificates(&mut self, node: &Node) -> Vec<Certified> {
        self.list(node).unwrap_or_default().iter().filter_map(|node| self.certificate(node)).collect()
    }

    /// Reports certificates that stand for clients, where no client is asked for one.
    pub(super) fn certificates_are_asked_for(&mut self, root: &Node, config: &Config) {
        let asked = config.listen.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
        if !config.identity.certificates.is_empty() && !asked {
            let help = "add `listen.tls.client_ca`, the file with the authorities that they are from";
            let message = "`identity.certificates` need a `client_ca`";
            self.error("client-ca", &root.span, message, help);
        }
    }

    fn certificate(&mut self, node: &Node) -> Option<Certified> {
        let object = self.object(node, &CERTIFICATE)?;
        let name = object.required(self, "name", "write what the client is called: `name: claude`");
        let role = object.required(self, "role", "write the role that speaks for it: `role: reader`");
        let of = match (object.get("sha256"), object.get("san")) {
            (Some(node), None) => self.fingerprint(node),
            (None, Some(node)) => self.text(node).map(|name| CertificateOf::Name(name.to_owned())),
            (Some(_), Some(both)) => {
                let help = "keep `sha256` for one certificate, or `san` for all with that name";
                self.error("certificate", &both.span, "`sha256` and `san` cannot both be given", help);
                None
            }
            (None, None) => {
                let help = "write `sha256: …` as `openssl x509 -fingerprint -sha256` prints it, or `san: spiffe://…`";
                self.error("certificate", &object.head(), "a certificate needs `sha256` or `san`", help);
                None
            }
        };
        Some(Certified {
            name: self.text(name?)?.to_owned(),
            role: self.text(role?)?.to_owned(),
            of: of?,
            token: self.secret(&object, "token_env", "token_file"),
        })
    }

    fn fingerprint(&mut self, node: &Node) -> Option<CertificateOf> {
        let text = self.text(node)?;
        let digits = text.replace(':', "").to_ascii_lowercase();
        if digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Some(CertificateOf::Sha256(digits));
        }
        let help = "write 64 hexadecimal digits, as `openssl x509 -fingerprint -sha256` prints them";
        self.error("fingerprint", &node.span, format!("`{text}` is not a SHA-256 fingerprint"), help);
        None
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{CertificateOf, Certified, Config, Secret};
    use crate::policy::diagnostic::Source;

    fn read(certificates: &str, client_ca: &str) -> Result<Vec<Certified>, String> {
        let text = format!(
            "version: 1\nlisten: {{address: '127.0.0.1:1', tls: {{certificate: c, key: k{client_ca}}}}}\n\
             identity: {{certificates: {certificates}}}\n"
        );
        let config = Config::from_yaml(&Source::new("warrener.yaml", text));
        config.map(|config| config.identity.certificates).map_err(|problems| problems.to_string())
    }

    #[test]
    fn a_certificate_is_one_or_all_of_a_name() {
        let colons = vec!["AB"; 32].join(":");
        let list = format!(
            "[{{sha256: '{colons}', name: claude, role: reader}},
              {{san: 'spiffe://example.com/editor', name: desk, role: editor, token_env: DESK}}]"
        );
        let found = read(&list, ", client_ca: a").unwrap();
        assert_eq!(found[0].of, CertificateOf::Sha256("ab".repeat(32)));
        assert_eq!(
            (found[0].name.as_str(), found[0].role.as_str(), &found[0].token),
            ("claude", "reader", &None)
        );
        assert_eq!(found[1].of, CertificateOf::Name("spiffe://example.com/editor".to_owned()));
        assert_eq!(found[1].token, Some(Secret::Env("DESK".to_owned())));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let ca = ", client_ca: a";
        for (list, ca, expect) in [
            ("[{san: a, name: n, role: r}]", "", "need a `client_ca`"),
            ("[{name: n, role: r}]", ca, "needs `sha256` or `san`"),
            ("[{sha256: abc, name: n, role: r}]", ca, "is not a SHA-256 fingerprint"),
            ("[{sha256: abc, san: a, name: n, role: r}]", ca, "cannot both be given"),
            ("[{san: a, role: r}]", ca, "needs `name`"),
            ("[{san: a, name: n}]", ca, "needs `role`"),
            ("[{san: a, name: n, role: r, token: x}]", ca, "a secret does not stand in this file"),
            ("[{cn: a, name: n, role: r}]", ca, "the subject is not looked at"),
            ("{san: a}", ca, "expected a list"),
        ] {
            let said = read(list, ca).unwrap_err();
            assert!(said.contains(expect), "{list}\n{said}");
        }
    }
}
