//! nginx in front of Warrener and Directus, with the very file of `examples/nginx`.

use crate::support::process::{Process, checkout, eventually};
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// A running nginx; it ends with the value.
#[derive(Debug)]
pub(crate) struct Nginx {
    _process: Process,
    folder: TempDir,
    url: String,
}

impl Nginx {
    /// Listens on `port`, in cleartext, since the test has no certificate for the name in the file.
    pub(crate) async fn start(port: u16, warrener: &str, directus: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = std::fs::read_to_string(checkout("examples/nginx/warrener.conf")).unwrap();
        let text = site(&text, folder.path(), port, warrener, directus);
        std::fs::write(folder.path().join("site.conf"), text).unwrap();
        let here = folder.path().display();
        let main = format!(
            "daemon off; master_process off; pid {here}/pid; error_log stderr crit;\n\
             events {{}}\n\
             http {{ client_body_temp_path {here}/body; proxy_temp_path {here}/proxy; fastcgi_temp_path {here}/f; \
             uwsgi_temp_path {here}/u; scgi_temp_path {here}/s; include {here}/site.conf; }}\n"
        );
        std::fs::write(folder.path().join("nginx.conf"), main).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder.path()).arg("-c").arg(folder.path().join("nginx.conf"));
        let log = folder.path().join("nginx.log");
        let mut process = Process::start(&mut command, log);
        eventually(Duration::from_secs(20), "nginx listens", async || {
            assert_eq!(process.status().unwrap(), None, "nginx ended:\n{}", process.log());
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok()
        })
        .await;
        Self { _process: process, folder, url: format!("http://127.0.0.1:{port}") }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// What it has written of the requests.
    pub(crate) fn access_log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("directus.access.log")).unwrap()
    }
}

/// The file with other addresses and folders in it. Each part that is replaced has to be there.
fn site(text: &str, folder: &Path, port: u16, warrener: &str, directus: &str) -> String {
    let changes = [
        ("127.0.0.1:8080", warrener.to_owned()),
        ("127.0.0.1:8055", directus.to_owned()),
        ("listen 443 ssl", format!("listen 127.0.0.1:{port}")),
        ("    ssl_certificate /etc/ssl/cms.example.com.pem;\n", String::new()),
        ("    ssl_certificate_key /etc/ssl/cms.example.com.key;\n", String::new()),
        ("/var/log/nginx", folder.display().to_string()),
    ];
    changes.iter().fold(text.to_owned(), |text, (old, new)| {
        assert!(text.contains(old), "`{old}` is not in the file");
        text.replace(old, new)
    })
}
