//! Policies by chance over a few short names, in families whose members differ by little.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use std::fmt::Write as _;
use warrener::directus::SchemaSnapshot;
use warrener::policy::PolicySet;
use warrener::policy::diagnostic::Source;
use warrener::policy::set::GuardrailsFile;

pub(super) const ROLES: [&str; 2] = ["one", "two"];

pub(super) const FLOW: &str = "5c7b1f0e-0000-4000-8000-000000000000";

pub(super) const HOST: &str = "https://a.example/";

#[derive(Clone, Debug)]
pub(super) struct Policies {
    pub(super) roles: [Role; 2],
    pub(super) forbids: Vec<Forbid>,
    pub(super) redact: Vec<&'static str>,
    import_from: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Role {
    pub(super) permissions: Vec<Permission>,
    pub(super) forbids: Vec<Forbid>,
    pub(super) redact: Vec<&'static str>,
    pub(super) observe: bool,
    pub(super) import_from: bool,
    denies: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Permission {
    pub(super) collections: &'static [&'static str],
    pub(super) actions: Vec<&'static str>,
    pub(super) fields: &'static [&'static str],
    pub(super) more: Vec<(&'static str, Value)>,
}

#[derive(Clone, Debug)]
pub(super) struct Forbid {
    pub(super) collections: &'static [&'static str],
    pub(super) actions: Vec<&'static str>,
    pub(super) observe: bool,
    /// In the guardrails: the roles that it does not hold for.
    pub(super) except: Vec<&'static str>,
}

/// What there is, whatever the policies say of it.
pub(super) fn schema() -> SchemaSnapshot {
    let key = |collection: &str, kind: &str| json!({"collection": collection, "field": "id", "type": kind, "schema": {"is_primary_key": true}});
    let text = |collection: &str, field: &str| json!({"collection": collection, "field": field, "type": "string", "schema": {}});
    let mut fields = Vec::new();
    for name in COLLECTIONS {
        fields.push(key(name, if name.starts_with("directus_") { "uuid" } else { "integer" }));
        fields.extend(["f", "fg", "g"].map(|field| text(name, field)));
    }
    let collections: Vec<Value> =
        COLLECTIONS.iter().map(|name| json!({"collection": name, "meta": {}})).collect();
    let relations = json!([{"collection": "b", "field": "id", "meta": {"junction_field": "id"}}]);
    SchemaSnapshot::from_rest(
        &Value::from(collections).to_string(),
        &Value::from(fields).to_string(),
        &relations.to_string(),
    )
    .unwrap()
}

pub(super) const COLLECTIONS: [&str; 5] = ["a", "ab", "b", "directus_files", "directus_flows"];

fn collections() -> impl Strategy<Value = &'static [&'static str]> {
    select(vec![
        &["*"][..],
        &["*"],
        &["a*"],
        &["*b"],
        &["a*b", "b"],
        &["*", "!a"],
        &["*", "!a*", "!directus_*"],
        &["@junctions"],
        &["*", "!@junctions"],
        &["a", "@junctions"],
        &["directus_*", "!*flows"],
        &["*", "!directus_*"],
        &["directus_flows", "ab"],
        &["A", "B*"],
        &["aa*"],
        &[],
    ])
}

fn actions() -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(vec!["read", "create", "update", "delete", "execute", "import"], 1..=6)
}

fn fields() -> impl Strategy<Value = &'static [&'static str]> {
    select(vec![
        &["*"][..],
        &["*"],
        &["f"],
        &["f*"],
        &["*", "!f"],
        &["*g", "id"],
        &["*", "!*g"],
        &["F", "g"],
        &["f*g"],
        &[],
    ])
}

fn more() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let one = select(vec![
        vec![],
        vec![],
        vec![("keys", json!([7]))],
        vec![("keys", json!([FLOW]))],
        vec![("keys", json!([]))],
        vec![("max_items", json!(3))],
        vec![("max_items", json!(1)), ("by_query", json!(true))],
        vec![("presets", json!({"f": "p"}))],
        vec![("presets", json!({"g": "p"}))],
        vec![("validation", json!({"f": {"_in": ["d", "p"]}}))],
        vec![("filter", json!({"id": {"_nnull": true}}))],
        vec![("filter", json!({"g": {"_neq": "x"}}))],
    ]);
    prop::collection::vec(one, 1..3).prop_map(|parts| {
        let mut all: Vec<(&str, Value)> = Vec::new();
        for (name, value) in parts.into_iter().flatten() {
            if !all.iter().any(|(one, _)| *one == name) {
                all.push((name, value));
            }
        }
        all
    })
}

fn permission() -> impl Strategy<Value = Permission> {
    (collections(), actions(), fields(), more()).prop_map(|(collections, actions, fields, more)| Permission {
        collections,
        actions,
        fields,
        more,
    })
}

fn forbid() -> impl Strategy<Value = Forbid> {
    (collections(), actions(), prop::bool::weighted(0.2), subsequence(ROLES.to_vec(), 0..=2))
        .prop_map(|(collections, actions, observe, except)| Forbid { collections, actions, observe, except })
}

fn redact() -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(vec!["*.f", "a*.g", "directus_*.*g", "b.*"], 0..2)
}

fn role() -> impl Strategy<Value = Role> {
    let chances = (prop::bool::weighted(0.1), prop::bool::weighted(0.8), prop::bool::weighted(0.05));
    (prop::collection::vec(permission(), 1..5), prop::collection::vec(forbid(), 0..3), redact(), chances)
        .prop_map(|(permissions, forbids, redact, (observe, import_from, denies))| Role {
            permissions,
            forbids,
            redact,
            observe,
            import_from,
            denies,
        })
}

fn policies() -> impl Strategy<Value = Policies> {
    (role(), role(), prop::collection::vec(forbid(), 0..3), redact(), prop::bool::weighted(0.2)).prop_map(
        |(one, two, forbids, redact, import_from)| Policies {
            roles: [one, two],
            forbids,
            redact,
            import_from,
        },
    )
}

/// Always the same ones: so many families of so many members. The members after the first differ from it in one thing.
pub(super) fn families(count: usize, members: usize) -> Vec<Vec<Policies>> {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[9; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut draw = || policies().new_tree(&mut runner).unwrap().current();
    let mut families = Vec::new();
    for _ in 0..count {
        let first = draw();
        let others = (1..members).map(|number| first.changed(number, draw()));
        families.push([first.clone()].into_iter().chain(others).collect());
    }
    families
}

impl Policies {
    /// The same with one thing of another.
    fn changed(&self, number: usize, other: Self) -> Self {
        let mut changed = self.clone();
        let [one, two] = other.roles;
        let (mine, place) = (&mut changed.roles[0], number / 11);
        let place = place % mine.permissions.len();
        match number % 11 {
            0 => mine.permissions.swap(0, place),
            1 => mine.permissions[place].fields = one.permissions[0].fields,
            2 => mine.permissions[place].collections = one.permissions[0].collections,
            3 => mine.permissions[place].more = one.permissions[0].more.clone(),
            4 => mine.permissions.push(one.permissions[0].clone()),
            5 => {
                let again = mine.permissions[place].clone();
                mine.permissions.push(again);
            }
            6 => mine.forbids = one.forbids,
            7 => mine.observe = !mine.observe,
            8 => changed.forbids = other.forbids,
            9 => changed.redact = other.redact,
            _ => changed.roles[1] = two,
        }
        changed
    }

    pub(super) fn load(&self) -> PolicySet {
        let mut sources = vec![Source::new("guardrails.yaml", self.rails())];
        for (name, role) in ROLES.iter().zip(&self.roles) {
            sources.push(Source::new(format!("{name}.yaml"), role.text(name)));
        }
        match PolicySet::load(&sources, GuardrailsFile::Required) {
            Ok((set, _)) => set,
            Err(problems) => panic!("{problems}"),
        }
    }

    fn rails(&self) -> String {
        let mut text = "version: 1\ndescription: By chance.\n".to_owned();
        forbids(&mut text, &self.forbids, true);
        writeln!(text, "redact: {:?}", self.redact).unwrap();
        if self.import_from {
            text.push_str("import_from: [\"https://a.example/b/\"]\n");
        }
        text
    }
}

impl Role {
    fn text(&self, name: &str) -> String {
        let mut text = format!("version: 1\nrole: {name}\ndescription: By chance.\npermissions:\n");
        for (number, one) in self.permissions.iter().enumerate() {
            write!(
                text,
                "  - {{id: p{number}, collections: {:?}, actions: {:?}, fields: {:?}",
                one.collections, one.actions, one.fields
            )
            .unwrap();
            for (name, value) in &one.more {
                write!(text, ", {name}: {value}").unwrap();
            }
            text.push_str("}\n");
        }
        forbids(&mut text, &self.forbids, false);
        writeln!(text, "redact: {:?}", self.redact).unwrap();
        if self.observe {
            text.push_str("mode: observe\n");
        }
        if self.denies {
            text.push_str("tools: {deny: [items]}\n");
        }
        if self.import_from || self.permissions.iter().any(|one| one.actions.contains(&"import")) {
            writeln!(text, "import_from: [{HOST:?}]").unwrap();
        }
        text
    }
}

fn forbids(text: &mut String, forbids: &[Forbid], guardrails: bool) {
    if forbids.is_empty() {
        return;
    }
    text.push_str("forbid:\n");
    for (number, one) in forbids.iter().enumerate() {
        let except = if guardrails { format!(", except: {:?}", one.except) } else { String::new() };
        writeln!(
            text,
            "  - {{id: f{number}, collections: {:?}, actions: {:?}, observe: {}{except}}}",
            one.collections, one.actions, one.observe
        )
        .unwrap();
    }
}
