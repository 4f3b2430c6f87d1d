//! A real nginx, with files of this repository.

use super::process::Process;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longer than it takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running nginx; it ends with the value.
#[derive(Debug)]
pub(crate) struct Nginx {
    // Ended before its folder is removed.
    _process: Process,
    folder: TempDir,
}

impl Nginx {
    /// Starts one with these files as parts of its `http`, and waits until it listens on `port`. What they name of `/var/log/nginx/`
    /// is in a folder of its own.
    pub(crate) fn start(parts: &[&str], port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().display().to_string();
        let parts = parts.join("\n").replace("/var/log/nginx/", &format!("{here}/"));
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {here}/{name};"));
        // As whoever runs the tests, so that it can read what they have written.
        let user = if is_root() { "user root;\n" } else { "" };
        let text = format!(
            "{user}daemon off;\nmaster_process off;\npid {here}/nginx.pid;\nerror_log stderr warn;\nworker_processes 1;\nevents {{}}\nhttp {{\naccess_log off;\n{}\n{parts}\n}}\n",
            paths.join("\n")
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new("nginx");
        // Debian puts it where only the administrator looks.
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{path}:/usr/sbin")).arg("-c").arg(&file).args(["-p", &here]);
        let mut process = Process::start(&mut command, folder.path().join("error.log"));
        let began = Instant::now();
        while TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).is_err() {
            let ended = process.status().unwrap();
            assert!(
                ended.is_none() && began.elapsed() < PATIENCE,
                "nginx does not listen:\n{}",
                process.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { _process: process, folder }
    }

    /// A file that it has written below `/var/log/nginx/`.
    pub(crate) fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }
}

/// Whether the tests run as root, where nginx would give its workers to somebody else.
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|found| found.uid() == 0)
}
