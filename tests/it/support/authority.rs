//! Certificates, made by the test.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, SanType, date_time_ymd};
use std::path::{Path, PathBuf};

/// The names of a server in the tests.
const SERVER: [&str; 3] = ["localhost", "127.0.0.1", "mcp.example.com"];

/// Somebody who issues certificates, with a folder to put them in.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    folder: PathBuf,
}

/// A certificate and its key.
#[derive(Clone, Debug)]
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) der: Vec<u8>,
}

impl Authority {
    /// A new one, which writes into `folder`.
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let authority = Self { issuer: Issuer::new(params, key), pem, folder: folder.to_owned() };
        authority.write(&format!("{name}.pem"), &authority.pem);
        authority
    }

    /// Its own certificate.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// One for a server on this machine.
    pub(crate) fn server(&self) -> Pair {
        self.issue(&CertificateParams::new(SERVER.map(str::to_owned)).unwrap())
    }

    /// One for a server that is no longer good.
    pub(crate) fn expired_server(&self) -> Pair {
        let mut params = CertificateParams::new(SERVER.map(str::to_owned)).unwrap();
        params.not_after = date_time_ymd(2020, 1, 1);
        self.issue(&params)
    }

    /// One for a client with this URI as its name.
    pub(crate) fn client(&self, uri: &str) -> Pair {
        self.issue(&of_client(uri))
    }

    /// One for a client that is no longer good.
    pub(crate) fn expired_client(&self, uri: &str) -> Pair {
        let mut params = of_client(uri);
        params.not_after = date_time_ymd(2020, 1, 1);
        self.issue(&params)
    }

    fn issue(&self, params: &CertificateParams) -> Pair {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Pair { certificate: certificate.pem(), key: key.serialize_pem(), der: certificate.der().to_vec() }
    }

    /// Writes a pair as `NAME.pem` and `NAME.key`.
    pub(crate) fn put(&self, name: &str, pair: &Pair) {
        self.write(&format!("{name}.pem"), &pair.certificate);
        self.write(&format!("{name}.key"), &pair.key);
    }

    /// Writes a file that only its owner can read.
    pub(crate) fn write(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.folder.join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

fn of_client(uri: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "a client");
    params.subject_alt_names.push(SanType::URI(uri.try_into().unwrap()));
    params
}
