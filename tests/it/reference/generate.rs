//! Policies by chance, each as plain values: the text for the engine is written from them, so its reader is under test too.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use warrener::policy::PolicySet;
use warrener::policy::diagnostic::Source;
use warrener::policy::set::GuardrailsFile;

#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) permissions: Vec<Permission>,
    pub(crate) forbids: Vec<Forbid>,
    pub(crate) guardrails: Vec<Forbid>,
    pub(crate) redact: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Permission {
    pub(crate) collections: Vec<String>,
    pub(crate) actions: Vec<String>,
    pub(crate) fields: Vec<String>,
    pub(crate) keys: Option<Vec<u64>>,
    /// 0 is `unlimited`.
    pub(crate) max_items: Option<u64>,
    pub(crate) by_query: bool,
    pub(crate) filter: Option<Map<String, Value>>,
    pub(crate) presets: Option<Map<String, Value>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Forbid {
    pub(crate) collections: Vec<String>,
    pub(crate) actions: Vec<String>,
    /// In the guardrails: whether the role of the test is excepted.
    pub(crate) excepted: bool,
}

const ACTIONS: [&str; 5] = ["read", "create", "update", "delete", "execute"];

fn collections() -> impl Strategy<Value = Vec<String>> {
    let lists = [
        &["*"][..],
        &["*"],
        &["*", "!directus_*"],
        &["*", "!customers", "!authors"],
        &["articles", "comments"],
        &["articles", "authors", "tags", "@junctions"],
        &["a*", "reviews"],
        &["*", "!@junctions"],
        &["directus_*"],
        &["directus_files", "directus_folders"],
        &["customers", "orders", "reviews", "block_*"],
    ];
    prop::sample::select(lists.map(|list| list.iter().map(|name| (*name).to_owned()).collect()).to_vec())
}

fn actions() -> impl Strategy<Value = Vec<String>> {
    prop::sample::subsequence(ACTIONS.map(str::to_owned).to_vec(), 1..=ACTIONS.len())
}

fn fields() -> impl Strategy<Value = Vec<String>> {
    let lists = [
        &["*"][..],
        &["*"],
        &["*"],
        &["*", "!secret_note", "!ssn"],
        &["id", "title", "text", "name", "status", "author", "article"],
        &["*", "!*_created", "!price"],
        &["i*", "t*"],
    ];
    prop::sample::select(lists.map(|list| list.iter().map(|name| (*name).to_owned()).collect()).to_vec())
}

/// Conditions that no call of the corpus has: of columns that most collections have, of some that few have, of what is related, and
/// such as hold one for a pointer too.
fn filter() -> impl Strategy<Value = Option<Map<String, Value>>> {
    let rules = [
        json!({"id": {"_nin": [7001]}}),
        json!({"id": {"_nin": [7001]}}),
        json!({"status": {"_neq": "gone"}}),
        json!({"name": {"_neq": "nobody"}}),
        json!({"text": {"_ncontains": "hush"}, "id": {"_nin": [7001]}}),
        json!({"_and": [{"status": {"_neq": "gone"}}, {"author": {"name": {"_neq": "nobody"}}}]}),
        json!({"article": {"status": {"_neq": "gone"}}}),
        json!({"_and": [{"article": {"id": {"_nin": [7001]}}}, {"author": {"id": {"_nin": [7001]}}}]}),
        json!({"comments": {"_none": {"text": {"_eq": "hush"}}}}),
        json!({"_or": [{"status": {"_eq": "open"}}, {"id": {"_nin": [7001]}}]}),
    ];
    let rules = rules.map(|rule| rule.as_object().unwrap().clone());
    prop::option::weighted(0.35, prop::sample::select(rules.to_vec()))
}

fn presets() -> impl Strategy<Value = Option<Map<String, Value>>> {
    let values = [
        json!({"status": "fresh"}),
        json!({"status": "fresh", "price": 0, "title": "Untitled"}),
        json!({"text": "empty"}),
        json!({"name": "nobody"}),
        json!({"author": 1}),
        json!({"article": 1, "text": null}),
    ];
    let values = values.map(|fields| fields.as_object().unwrap().clone());
    prop::option::weighted(0.3, prop::sample::select(values.to_vec()))
}

fn permission() -> impl Strategy<Value = Permission> {
    let keys = prop::option::weighted(0.15, prop::collection::vec(1_u64..6, 1..4));
    let max = prop::option::weighted(0.4, prop::sample::select(vec![0_u64, 1, 3, 50, 100, 500]));
    (collections(), actions(), fields(), keys, max, any::<bool>(), filter(), presets()).prop_map(
        |(collections, actions, fields, keys, max_items, by_query, filter, presets)| Permission {
            collections,
            actions,
            fields,
            keys,
            max_items,
            by_query: by_query && max_items.is_some(),
            filter,
            presets,
        },
    )
}

pub(crate) fn forbid() -> impl Strategy<Value = Forbid> {
    (collections(), actions(), any::<bool>()).prop_map(|(collections, actions, excepted)| Forbid {
        collections,
        actions,
        excepted,
    })
}

pub(crate) fn policy() -> impl Strategy<Value = Policy> {
    let redact = prop::sample::subsequence(
        ["*.password", "customers.ssn", "articles.secret_*", "*.title"].map(str::to_owned).to_vec(),
        0..3,
    );
    (
        prop::collection::vec(permission(), 1..6),
        prop::collection::vec(forbid(), 0..2),
        prop::collection::vec(forbid(), 0..2),
        redact,
    )
        .prop_map(|(permissions, forbids, guardrails, redact)| Policy {
            permissions,
            forbids,
            guardrails,
            redact,
        })
}

/// Always the same ones, so that a failure comes again.
pub(crate) fn policies(count: u32) -> Vec<Policy> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    (0..count).map(|_| policy().new_tree(&mut runner).unwrap().current()).collect()
}

impl Policy {
    pub(crate) fn load(&self) -> PolicySet {
        self.with_role(&self.role())
    }

    /// With another file for the role, beside the same guardrails.
    pub(crate) fn with_role(&self, role: &str) -> PolicySet {
        let sources = [Source::new("tester.yaml", role), Source::new("guardrails.yaml", self.rails())];
        match PolicySet::load(&sources, GuardrailsFile::Required) {
            Ok((set, _)) => set,
            Err(problems) => panic!("{problems}\n{role}"),
        }
    }

    fn role(&self) -> String {
        let mut text = "version: 1\nrole: tester\ndescription: By chance.\npermissions:\n".to_owned();
        for (number, one) in self.permissions.iter().enumerate() {
            write!(
                text,
                "  - {{id: p{number}, collections: {:?}, actions: {:?}, fields: {:?}, by_query: {}",
                one.collections, one.actions, one.fields, one.by_query
            )
            .unwrap();
            if let Some(keys) = &one.keys {
                write!(text, ", keys: {keys:?}").unwrap();
            }
            for (name, rule) in [("filter", &one.filter), ("presets", &one.presets)] {
                if let Some(rule) = rule {
                    write!(text, ", {name}: {}", json!(rule)).unwrap();
                }
            }
            match one.max_items {
                None => {}
                Some(0) => text.push_str(", max_items: unlimited"),
                Some(most) => write!(text, ", max_items: {most}").unwrap(),
            }
            text.push_str("}\n");
        }
        text.push_str("forbid:\n");
        for (number, one) in self.forbids.iter().enumerate() {
            writeln!(
                text,
                "  - {{id: f{number}, collections: {:?}, actions: {:?}}}",
                one.collections, one.actions
            )
            .unwrap();
        }
        if self.forbids.is_empty() {
            text.truncate(text.len() - "forbid:\n".len());
        }
        writeln!(text, "redact: {:?}\nprompts: [\"*\"]", self.redact).unwrap();
        text
    }

    fn rails(&self) -> String {
        let mut text = "version: 1\ndescription: By chance.\nforbid:\n".to_owned();
        for (number, one) in self.guardrails.iter().enumerate() {
            let except = if one.excepted { ", except: [tester]" } else { "" };
            writeln!(
                text,
                "  - {{id: g{number}, collections: {:?}, actions: {:?}{except}}}",
                one.collections, one.actions
            )
            .unwrap();
        }
        if self.guardrails.is_empty() {
            text.truncate(text.len() - "forbid:\n".len());
        }
        text
    }
}
