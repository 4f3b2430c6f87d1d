//! What is measured: the stand-in itself, and each proxy that can stand in front of it, as a process of its own.

use crate::report::Cost;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The processor of the proxy, and that of clients and stand-in.
pub(crate) const PROXY: &str = "0";
pub(crate) const OTHERS: &str = "1";

/// The role that calls.
const ROLE: &str = "bench";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Direct,
    Nginx,
    NginxLimited,
    Haproxy,
    Bare,
    BareJson,
    OneRow,
    TwoRows,
    /// As it is installed: each call durable before it is forwarded. The trained one, where there is one.
    Durable,
    /// The same, not trained.
    Untrained,
    /// The same, with answers that nothing is hidden from.
    Unredacted,
    /// The same, with metrics and with a trace of each call; the collector takes whatever comes.
    Watched,
    /// The same, with its trail on a file system in memory.
    InMemory,
    /// With so many rules of other roles and so many keys of other clients.
    Crowded {
        rules: usize,
        keys: usize,
    },
}

/// Something that serves.
pub(crate) struct Running {
    pub(crate) authority: String,
    pub(crate) bearer: String,
    child: Option<Child>,
    folder: Option<tempfile::TempDir>,
}

impl Subject {
    pub(crate) const ALL: [Self; 13] = [
        Self::Direct,
        Self::Nginx,
        Self::NginxLimited,
        Self::Haproxy,
        Self::Bare,
        Self::BareJson,
        Self::OneRow,
        Self::TwoRows,
        Self::Durable,
        Self::Untrained,
        Self::Unredacted,
        Self::Watched,
        Self::InMemory,
    ];

    pub(crate) fn name(self) -> String {
        match self {
            Self::Direct => "direct".into(),
            Self::Nginx => "nginx".into(),
            Self::NginxLimited => "nginx, `limit_req` and access log".into(),
            Self::Haproxy => "HAProxy with a limit".into(),
            Self::Bare => "bare hyper proxy".into(),
            Self::BareJson => "bare, with a JSON parse".into(),
            Self::OneRow => "bare, with one durable row".into(),
            Self::TwoRows => "bare, with two durable rows".into(),
            Self::Durable => "Warrener".into(),
            Self::Untrained => "Warrener, not trained".into(),
            Self::Unredacted => "Warrener, without `redact`".into(),
            Self::Watched => "Warrener, with metrics and traces".into(),
            Self::InMemory => "Warrener, trail in memory".into(),
            Self::Crowded { rules, keys } => {
                format!("Warrener, {rules} rules of other roles, {keys} keys of other clients")
            }
        }
    }

    /// The program that has to be installed.
    pub(crate) fn needs(self) -> Option<&'static str> {
        match self {
            Self::Nginx | Self::NginxLimited => Some("nginx"),
            Self::Haproxy => Some("haproxy"),
            Self::Direct
            | Self::Bare
            | Self::BareJson
            | Self::OneRow
            | Self::TwoRows
            | Self::Durable
            | Self::Untrained
            | Self::Unredacted
            | Self::Watched
            | Self::InMemory
            | Self::Crowded { .. } => None,
        }
    }

    /// In front of that, which takes the token, if it asks for one.
    pub(crate) fn start(self, upstream: &str, token: &str) -> Running {
        let folder = if self == Self::InMemory {
            tempfile::tempdir_in("/dev/shm").unwrap()
        } else {
            tempfile::tempdir().unwrap()
        };
        let path = folder.path().to_owned();
        let (authority, bearer, child) = match self {
            Self::Direct => (upstream.to_owned(), None, None),
            Self::Nginx | Self::NginxLimited => nginx(upstream, &path, self == Self::NginxLimited),
            Self::Haproxy => haproxy(upstream, &path),
            Self::Bare => floor(upstream, &path, "bare"),
            Self::BareJson => floor(upstream, &path, "json"),
            Self::OneRow => floor(upstream, &path, "one-row"),
            Self::TwoRows => floor(upstream, &path, "two-rows"),
            Self::Durable | Self::Untrained | Self::InMemory | Self::Unredacted | Self::Watched => {
                warrener((upstream, token), &path, self, 10, 10)
            }
            Self::Crowded { rules, keys } => warrener((upstream, token), &path, self, rules, keys),
        };
        let bearer = bearer.unwrap_or_else(|| token.to_owned());
        let running = Running { authority, bearer, child, folder: Some(folder) };
        running.wait_until_it_listens();
        running
    }
}

/// Where it listens, the key that it wants to see (`None`: it passes on what Directus wants), and its process.
type Started = (String, Option<String>, Option<Child>);

/// The stand-in, on the others' processor.
pub(crate) fn stub(bytes: usize) -> Running {
    let (authority, child) = itself(OTHERS, &["stub", &bytes.to_string()]);
    Running { authority, bearer: String::new(), child: Some(child), folder: None }
}

fn floor(upstream: &str, folder: &Path, work: &str) -> Started {
    let (authority, child) = itself(PROXY, &["floor", upstream, work, folder.to_str().unwrap()]);
    (authority, None, Some(child))
}

/// This program in another part, which says on its first line where it listens.
fn itself(processor: &str, arguments: &[&str]) -> (String, Child) {
    let program = std::env::current_exe().unwrap();
    let mut child = pinned(processor, &program).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (line.trim().to_owned(), child)
}

/// A command on one processor.
pub(crate) fn pinned(processor: &str, program: &Path) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", processor]).arg(program).stdin(Stdio::null());
    command
}

fn nginx(upstream: &str, folder: &Path, limited: bool) -> Started {
    let port = free_port();
    let here = folder.display();
    let user = if is_root() { "user root;" } else { "" };
    let (zone, limit, log) = if limited {
        (
            "limit_req_zone $binary_remote_addr zone=all:10m rate=1000000r/s;",
            "limit_req zone=all burst=100000 nodelay;",
            format!("access_log {here}/access.log;"),
        )
    } else {
        ("", "", "access_log off;".to_owned())
    };
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {here}/{name};"))
        .concat();
    let text = format!(
        "{user} worker_processes 1; daemon off; pid {here}/pid; error_log {here}/error.log;
events {{ worker_connections 4096; }}
http {{
  {temporary} {log} {zone} keepalive_requests 100000000;
  upstream directus {{ server {upstream}; keepalive 256; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port};
    location = /mcp {{ {limit} proxy_pass http://directus; proxy_http_version 1.1; proxy_set_header Connection \"\"; }}
  }}
}}"
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, text).unwrap();
    let mut command = pinned(PROXY, Path::new("nginx"));
    let child = command.arg("-c").arg(&file).arg("-e").arg(folder.join("error.log")).spawn().unwrap();
    (format!("127.0.0.1:{port}"), None, Some(child))
}

fn haproxy(upstream: &str, folder: &Path) -> Started {
    let port = free_port();
    let text = format!(
        "global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend clients
  bind 127.0.0.1:{port}
  stick-table type ip size 100k expire 30s store http_req_rate(10s)
  http-request track-sc0 src
  http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt 100000000 }}
  default_backend directus
backend directus
  server only {upstream}
"
    );
    let file = folder.join("haproxy.cfg");
    std::fs::write(&file, text).unwrap();
    let child =
        pinned(PROXY, Path::new("haproxy")).arg("-db").arg("-q").arg("-f").arg(&file).spawn().unwrap();
    (format!("127.0.0.1:{port}"), None, Some(child))
}

/// The gateway as it is installed: the shipped guardrails, a role that reads content, and settings that leave out no stage.
fn warrener(
    (upstream, token): (&str, &str),
    folder: &Path,
    subject: Subject,
    rules: usize,
    keys: usize,
) -> Started {
    let port = free_port();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let policies = folder.join("policies");
    std::fs::create_dir(&policies).unwrap();
    let guardrails = std::fs::read_to_string(root.join("policies/guardrails.yaml")).unwrap();
    let (kept, _) = guardrails.split_once("\nredact:").unwrap_or((&guardrails, ""));
    let guardrails = if subject == Subject::Unredacted { kept } else { &guardrails };
    std::fs::write(policies.join("guardrails.yaml"), guardrails).unwrap();
    std::fs::copy(root.join("policies/developer.yaml"), policies.join("developer.yaml")).unwrap();
    for (name, text) in roles(rules) {
        std::fs::write(policies.join(format!("{name}.yaml")), text).unwrap();
    }
    let program = trained().filter(|_| subject != Subject::Untrained);
    let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_warrener").into());
    let bearer = Some(key(&program, folder, keys));
    let watched = if subject == Subject::Watched {
        // What is sent there is an HTTP request like any other, and is answered.
        format!(
            "metrics: {{listen: \"127.0.0.1:{}\"}}\ntelemetry: {{otlp: \"http://{upstream}\", sample: 1}}\n",
            free_port()
        )
    } else {
        String::new()
    };
    let settings = format!(
        "version: 1
listen: {{address: \"127.0.0.1:{port}\"}}
upstream: {{url: \"http://{upstream}\"}}
policies: policies
schema: {{file: {schema}}}
audit: {{url: \"sqlite://{trail}\"}}
keys: keys.yaml
limits: {{arrivals: 1000000, connections: 2000}}
{watched}",
        schema = root.join("tests/fixtures/schema").display(),
        trail = folder.join("trail.db").display(),
    );
    std::fs::write(folder.join("warrener.yaml"), settings).unwrap();
    let log = std::fs::File::create(folder.join("log")).unwrap();
    let child = pinned(PROXY, &program)
        .args(["serve", "--config", "warrener.yaml"])
        .current_dir(folder)
        .env("DIRECTUS_TOKEN", token)
        // As the unit and the image have it.
        .env("MIMALLOC_PURGE_DELAY", "0")
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap();
    (format!("127.0.0.1:{port}"), bearer, Some(child))
}

/// The program that `benches/gateway/trained` has built, where it runs this.
pub(crate) fn trained() -> Option<PathBuf> {
    std::env::var_os("WARRENER_TRAINED").map(PathBuf::from)
}

/// The role that calls, and a hundred others with as many rules as are wanted.
fn roles(rules: usize) -> Vec<(String, String)> {
    let calling = format!(
        "version: 1
role: {ROLE}
description: Reads content, as the shipped role `reader` does.
permissions:
  - {{id: read-content, collections: [\"*\", \"!directus_*\"], actions: [read], max_items: 100}}
limits:
  - {{id: calls, rate: 1000000/s}}
  - {{id: parallel, concurrency: 1000}}
"
    );
    let others = rules.min(100);
    let other = |number: usize| {
        let name = format!("other-{number}");
        let mut text = format!("version: 1\nrole: {name}\ndescription: Beside.\npermissions:\n");
        for rule in 0..rules / others {
            writeln!(text, "  - {{id: p{rule}, collections: [c{rule}], actions: [read, create, update]}}")
                .unwrap();
        }
        (name, text)
    };
    std::iter::once((ROLE.to_owned(), calling)).chain((0..others).map(other)).collect()
}

/// Issues a key by the command, and puts others beside it.
fn key(program: &Path, folder: &Path, others: usize) -> String {
    let made = Command::new(program)
        .args(["key", "new", "bench", "--role", ROLE, "--keys", "keys.yaml"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let file = folder.join("keys.yaml");
    let mut text = std::fs::read_to_string(&file).unwrap();
    for number in 0..others {
        writeln!(
            text,
            "  - name: \"other-{number}\"\n    role: \"{ROLE}\"\n    digest: \"{number:0>64x}\"\n    created: \"2026-01-01T00:00:00Z\""
        )
        .unwrap();
    }
    std::fs::write(&file, text).unwrap();
    String::from_utf8(made.stdout).unwrap().trim().to_owned()
}

impl Running {
    fn wait_until_it_listens(&self) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while TcpStream::connect(&self.authority).is_err() {
            let log = self.folder.as_ref().map(|folder| std::fs::read_to_string(folder.path().join("log")));
            assert!(Instant::now() < deadline, "nothing listens on {}: {log:?}", self.authority);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the processes have cost so far.
    pub(crate) fn cost(&self) -> Option<Cost> {
        let own = self.child.as_ref()?.id();
        let processes = std::iter::once(own).chain(children(own));
        Some(processes.filter_map(cost).fold(Cost::default(), Cost::and))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // By its own id: `taskset` has become the program.
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            let _ = child.wait();
        }
    }
}

fn children(of: u32) -> Vec<u32> {
    let listed = std::fs::read_to_string(format!("/proc/{of}/task/{of}/children")).unwrap_or_default();
    listed.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

/// The processor time and the most memory of a process.
fn cost(id: u32) -> Option<Cost> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    // Fields 14 and 15 of proc(5), in hundredths of a second.
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = most.split_whitespace().next()?.parse().ok()?;
    Some(Cost { cpu: ticks as f64 / 100.0, mib: kib as f64 / 1024.0 })
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

/// Whether a program is there.
pub(crate) fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let sbin = PathBuf::from("/usr/sbin");
    std::env::split_paths(&path).chain([sbin]).any(|folder| folder.join(program).is_file())
}
