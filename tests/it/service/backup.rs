//! Backup while the gateway runs, and what a restored trail is worth.

use super::{PATIENCE, read, reader_policies, site};
use crate::support::gateway::Site;
use crate::support::upstream::Upstream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// A trail with some calls, of a gateway that has ended where `ended` says so, and a backup of it.
struct Backed {
    site: Site,
    key: String,
    copy: PathBuf,
    _policies: tempfile::TempDir,
    _upstream: Upstream,
}

const SETTINGS: &str = "version: 1
audit: {signing_key: signing.pem, checkpoints: {every: 1s, to: checkpoints.jsonl}}
";

impl Backed {
    /// Eight calls, a backup in the middle of more calls, and eight more.
    async fn new(settings: Option<&str>) -> Self {
        let (upstream, policies) = (Upstream::start().await, reader_policies());
        let site = site(upstream.url(), policies.path());
        let key = site.key("claude");
        if let Some(settings) = settings {
            site.run(["key", "signing", "--out", "signing.pem"]);
            site.settle(settings);
        }
        let mut gateway = site.start();
        let client = gateway.client(&key);
        for key in 0..8 {
            client.tool("items", read(key)).await;
        }
        let busy = client.clone();
        let calling = tokio::spawn(async move {
            for key in 100..150 {
                assert!(!busy.tool("items", read(key)).await.is_error);
            }
        });
        let copy = site.trail().with_file_name("copy.db");
        let (audit, file) = (site.audit(), copy.display().to_string());
        let (code, said) =
            tokio::task::block_in_place(|| site.try_run(["audit", "backup", &file, "--audit", &audit]));
        assert_eq!(code, Some(0), "{said}");
        calling.await.unwrap();
        for key in 8..16 {
            client.tool("items", read(key)).await;
        }
        gateway.process.terminate();
        assert!(gateway.process.ended(PATIENCE).await.success());
        Self { site, key, copy, _policies: policies, _upstream: upstream }
    }

    fn copied(&self) -> String {
        format!("sqlite://{}", self.copy.display())
    }

    /// Puts the copy in the place of the trail, as the README says.
    fn restore(&self) {
        let trail = self.site.trail();
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", trail.display()));
        }
        std::fs::copy(&self.copy, trail).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_busy_trail_is_whole_and_goes_on() {
    let backed = Backed::new(None).await;
    let (site, copied) = (&backed.site, backed.copied());
    site.run(["audit", "verify", "--audit", &copied]);
    assert_eq!(std::fs::metadata(&backed.copy).unwrap().permissions().mode() & 0o777, 0o600);
    let parts = std::fs::read_dir(backed.copy.parent().unwrap()).unwrap();
    let parts: Vec<_> = parts.map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!parts.iter().any(|name| name.contains(".part")), "{parts:?}");
    let file = backed.copy.display().to_string();
    let (code, said) = site.try_run(["audit", "backup", &file, "--audit", &site.audit()]);
    assert_eq!(code, Some(1));
    assert!(said.contains("there already is"), "{said}");

    let all = site.calls().await.len();
    backed.restore();
    let mut gateway = site.start();
    let restored = site.calls().await.len();
    assert!((8..all).contains(&restored), "{restored} of {all}");
    assert!(!gateway.client(&backed.key).tool("items", read(1)).await.is_error);
    gateway.process.terminate();
    gateway.process.ended(PATIENCE).await;
    site.run(["audit", "verify", "--audit", &site.audit()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_trail_says_what_the_second_place_knows_beyond_it() {
    let backed = Backed::new(Some(SETTINGS)).await;
    let site = &backed.site;
    site.run(["audit", "verify", "--audit", &site.audit()]);
    backed.restore();
    let (code, said) = site.start_in_vain();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is not the one that the last checkpoint"), "{said}");
    assert!(said.contains("checkpoints.jsonl") && said.contains("of entry "), "{said}");
    let (code, said) = site.try_run(["audit", "verify", "--audit", &site.audit()]);
    assert_eq!(code, Some(1), "{said}");
    // The operator has decided to go on with it, and keeps what was known.
    let place = site.trail().with_file_name("checkpoints.jsonl");
    std::fs::rename(&place, place.with_extension("before")).unwrap();
    let mut gateway = site.start();
    gateway.process.terminate();
    gateway.process.ended(PATIENCE).await;
    site.run(["audit", "verify", "--audit", &site.audit()]);
}

/// Half a copy, as a crash of something else than `audit backup` leaves it.
fn halves(whole: &Path) -> Vec<(String, Vec<u8>)> {
    let bytes = std::fs::read(whole).unwrap();
    let page = 4096;
    let pages = bytes.len() / page;
    let mut halves = Vec::new();
    for pages_left in (1..pages).step_by(pages.div_ceil(12).max(1)) {
        let at = pages_left * page;
        halves.push((format!("cut at page {pages_left} of {pages}"), bytes[..at].to_vec()));
        halves.push((format!("cut in page {pages_left} of {pages}"), bytes[..at + 100].to_vec()));
        let mut zeroed = bytes.clone();
        zeroed[at..].fill(0);
        halves.push((format!("zeroes from page {pages_left} of {pages}"), zeroed));
    }
    for number in 1..pages {
        let mut hole = bytes.clone();
        hole[number * page..(number + 1) * page].fill(0);
        halves.push((format!("a hole at page {} of {pages}", number + 1), hole));
    }
    halves
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_backup_is_no_trail() {
    let backed = Backed::new(None).await;
    let site = &backed.site;
    let path = backed.copy.with_file_name("half.db");
    let url = format!("sqlite://{}", path.display());
    for (what, bytes) in halves(&backed.copy) {
        std::fs::write(&path, bytes).unwrap();
        let (code, said) = site.try_run(["audit", "verify", "--audit", &url]);
        assert_eq!(code, Some(1), "{what}: {said}");
    }
}
