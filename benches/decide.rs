//! What reading, decoding and deciding one call costs, without network and trail.
//!
//! `cargo bench --bench decide`. Compare the medians of one run with each other: with the rules of a role the cost may grow, with the
//! number of roles it may not.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot go on ends, and says why")]

use divan::{Bencher, black_box};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::Path;
use warrener::administer;
use warrener::directus::SchemaSnapshot;
use warrener::policy::diagnostic::Source;
use warrener::policy::judge::{Wire, decode, judge};
use warrener::policy::set::GuardrailsFile;
use warrener::policy::{AccessRequest, PolicySet, Principal, Proof};

const WORK: [&str; 3] = ["plain read", "nested write of 20 fields", "64 KiB body"];

fn main() {
    divan::main();
}

/// Roles whose last permission is the one that covers, so that all of them are looked at.
fn policies(roles: usize, permissions: usize) -> PolicySet {
    let role = |name: &str| {
        let mut text = format!("version: 1\nrole: {name}\ndescription: For the benchmark.\npermissions:\n");
        for number in 1..permissions {
            writeln!(
                text,
                "  - {{id: p{number}, collections: [c{number}], actions: [read, create, update]}}"
            )
            .unwrap();
        }
        text.push_str(
            "  - {id: last, collections: [\"*\"], actions: [read, create, update], max_items: 500}\n",
        );
        Source::new(format!("{name}.yaml"), text)
    };
    let sources: Vec<Source> = (0..roles).map(|number| role(&format!("r{number}"))).collect();
    match PolicySet::load(&sources, GuardrailsFile::Optional) {
        Ok((set, _)) => set,
        Err(problems) => panic!("{problems}"),
    }
}

fn body(work: &str) -> String {
    let arguments = match work {
        "plain read" => json!({
            "action": "read", "collection": "articles",
            "query": {"fields": ["id", "title", "author.name"], "filter": {"status": {"_eq": "published"}}, "limit": 10},
        }),
        "nested write of 20 fields" => json!({
            "action": "update", "collection": "articles", "keys": [1], "query": {"fields": ["id"]},
            "data": {
                "title": "a", "slug": "b", "body": "c", "status": "draft", "price": 5, "meta": {"k": 1},
                "author": {"id": 1, "name": "d", "email": "e"},
                "comments": {"create": [{"text": "f", "moderation_note": "g"}], "update": [{"id": 1, "text": "h"}]},
                "tags": {"create": [{"tags_id": {"id": 1, "name": "i"}}]},
                "blocks": {"update": [{"id": 1, "collection": "block_text", "item": {"id": 1, "content": "j"}}]},
            },
        }),
        _ => json!({
            "action": "create", "collection": "articles", "query": {"fields": ["id"]},
            "data": {"title": "a", "body": "x".repeat(64 * 1024)},
        }),
    };
    let params = json!({"name": "items", "arguments": arguments});
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).to_string()
}

struct Bench {
    set: PolicySet,
    schema: SchemaSnapshot,
    principal: Principal,
    body: String,
}

impl Bench {
    fn new(work: &str, roles: usize, permissions: usize) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let schema = administer::schema(&root.join("tests/fixtures/schema")).unwrap();
        let principal = Principal { name: "bench".into(), role: "r0".into(), proof: Proof::Key };
        let bench = Self { set: policies(roles, permissions), schema, principal, body: body(work) };
        assert!(bench.judge(), "the benchmark's call is permitted");
        bench
    }

    fn judge(&self) -> bool {
        let wire =
            Wire { content_type: vec!["application/json"], body: self.body.as_bytes(), ..Wire::default() };
        judge(&self.set, &self.principal, Some(&self.schema), &wire).decision.permit().is_some()
    }
}

/// Everything, from the bytes to the decision; one role of ten permissions.
#[divan::bench(args = WORK)]
fn read_decode_decide(bencher: Bencher<'_, '_>, work: &str) {
    let bench = Bench::new(work, 1, 10);
    bencher.bench_local(|| black_box(&bench).judge());
}

/// The same, with more rules in the role.
#[divan::bench(args = [10, 100, 1000])]
fn plain_read_by_permissions(bencher: Bencher<'_, '_>, permissions: usize) {
    let bench = Bench::new(WORK[0], 1, permissions);
    bencher.bench_local(|| black_box(&bench).judge());
}

/// The same, with more roles beside.
#[divan::bench(args = [1, 10, 100])]
fn plain_read_by_roles(bencher: Bencher<'_, '_>, roles: usize) {
    let bench = Bench::new(WORK[0], roles, 10);
    bencher.bench_local(|| black_box(&bench).judge());
}

/// The decoder alone, on arguments that are read already.
#[divan::bench(args = WORK)]
fn decode_alone(bencher: Bencher<'_, '_>, work: &str) {
    let bench = Bench::new(work, 1, 10);
    let meaning = meaning(&bench);
    bencher.bench_local(|| {
        decode(black_box(&meaning), Some(&bench.schema)).map(|decoded| decoded.accesses.len())
    });
}

/// The decision alone, on accesses that are known already. A permit that changes the request decodes and decides it again.
#[divan::bench(args = WORK)]
fn decide_alone(bencher: Bencher<'_, '_>, work: &str) {
    let bench = Bench::new(work, 1, 10);
    let meaning = meaning(&bench);
    let decoded = decode(&meaning, Some(&bench.schema)).unwrap();
    bencher.bench_local(|| {
        let request = AccessRequest {
            principal: &bench.principal,
            message: Ok((black_box(&meaning), &decoded)),
            schema: Some(&bench.schema),
        };
        bench.set.decide(&request).permit().is_some()
    });
}

fn meaning(bench: &Bench) -> warrener::directus::Meaning {
    let message: Value = serde_json::from_str(&bench.body).unwrap();
    let incoming = warrener::mcp::Incoming::read(message.to_string().as_bytes()).unwrap();
    warrener::directus::Meaning::read(warrener::directus::Dialect::BuiltIn, "", &incoming).unwrap()
}
