//! What clients and upstreams do wrong, and what happens: each row of `docs/faults.md`, with the gateway as its users run it.

mod answers;
mod clients;
mod directus;
mod figures;
mod soak;

use crate::support::gateway::{Gateway, Site};
use crate::support::process::checkout;
use directus::Directus;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

const ROLE: &str = "version: 1\nrole: reader\ndescription: Reads articles.\npermissions:\n  \
    - {id: read, collections: [articles], actions: [read]}\ntools: {opaque: [weather]}\n";

/// A gateway in front of a Directus that does what its calls tell it to.
struct Rig {
    directus: Directus,
    site: Site,
    key: String,
    gateway: Gateway,
    _policies: TempDir,
}

impl Rig {
    /// With these lines in `warrener.yaml`, beside those that every rig has.
    async fn start(settings: &str) -> Self {
        let directus = Directus::start().await;
        let (site, policies) = site(&directus.url());
        let key = site.key("desk");
        site.settle(&with_schema(settings));
        let gateway = site.start();
        Self { directus, site, key, gateway, _policies: policies }
    }

    /// Where the gateway listens.
    fn address(&self) -> String {
        let url = self.gateway.client("").url().to_owned();
        url.trim_start_matches("http://").trim_end_matches("/mcp").to_owned()
    }

    /// Ends it, and asserts that nothing is left open, and that the trail verifies.
    async fn end(mut self) {
        self.gateway.process.terminate();
        let status = self.gateway.process.ended(PATIENCE).await;
        let log = self.gateway.process.log();
        assert!(status.success() && !log.contains("calls were still under way"), "{status}:\n{log}");
        is_complete(&self.site, &self.directus).await;
    }
}

/// A site whose policies have no limits: it is the gateway that has to bear what comes.
fn site(upstream: &str) -> (Site, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "guardrails.yaml", "version: 1\ndescription: None.\nforbid: []\n");
    write(folder.path(), "reader.yaml", ROLE);
    (Site::new(upstream, "upstream-token", folder.path(), "reader"), folder)
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

/// The schema comes from a file, so that every request to the upstream is a call.
fn with_schema(settings: &str) -> String {
    format!("version: 1\nschema: {{file: '{}'}}\n{settings}", checkout("tests/fixtures/schema").display())
}

/// Every body that the upstream saw has an intent, every intent an outcome, and the chain holds.
async fn is_complete(site: &Site, directus: &Directus) {
    let forwarded = site.forwarded().await;
    let seen = directus.seen();
    let lost = seen.iter().filter(|digest| !forwarded.contains(*digest)).count();
    assert_eq!(lost, 0, "of {} bodies that the upstream saw, so many have no intent", seen.len());
    let open = site.calls().await.into_iter().filter(|call| call.outcome.is_none()).count();
    assert_eq!(open, 0, "so many calls have no outcome");
    site.run(["audit", "verify", "--audit", &site.audit()]);
}

/// True where the long forms of tests are wanted.
fn full() -> bool {
    std::env::var_os("WARRENER_FULL").is_some_and(|value| value == "1")
}

#[test]
fn every_row_of_the_table_names_a_test_that_is_there() {
    let table = std::fs::read_to_string(checkout("docs/faults.md")).unwrap();
    let rows: Vec<&str> =
        table.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| what")).collect();
    assert!(rows.len() >= 30, "{} rows", rows.len());
    for row in rows {
        let last = row.trim_end_matches('|').rsplit('|').next().unwrap();
        let names: Vec<&str> = last.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test: {row}");
        for name in names {
            let (file, test) = name.split_once("::").unwrap_or_else(|| panic!("`FILE::TEST`: {row}"));
            let source =
                std::fs::read_to_string(checkout(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            let (before, _) =
                source.split_once(&format!("fn {test}(")).unwrap_or_else(|| panic!("{name} is not there"));
            let attribute = before.rsplit("\n\n").next().unwrap();
            assert!(attribute.contains("test"), "{name} is no test");
        }
    }
}
