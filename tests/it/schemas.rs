//! The JSON Schemas, held against what they describe: the files that there are, and the decoder that decides.

use crate::support::process::checkout;
use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use warrener::config::{self, Config};
use warrener::policy::case::CaseFile;
use warrener::policy::diagnostic::{Diagnostics, Severity, Source};
use warrener::policy::proof::ProofFile;
use warrener::policy::set::{GUARDRAILS_FILE, GuardrailsFile};
use warrener::policy::{PolicySet, json_schema};

/// The kinds of files, as `warrener schema` knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Policy,
    Guardrails,
    Test,
    Proof,
    Config,
}

const KINDS: [(Kind, &str, &str); 5] = [
    (Kind::Policy, "policy", "policies/policy.schema.json"),
    (Kind::Guardrails, "guardrails", "policies/guardrails.schema.json"),
    (Kind::Test, "test", "policies/test.schema.json"),
    (Kind::Proof, "proof", "policies/proof.schema.json"),
    (Kind::Config, "config", "src/config/warrener.schema.json"),
];

static VALIDATORS: LazyLock<BTreeMap<Kind, Validator>> = LazyLock::new(|| {
    let schemas = [
        (Kind::Policy, json_schema::policy()),
        (Kind::Guardrails, json_schema::guardrails()),
        (Kind::Test, json_schema::test()),
        (Kind::Proof, json_schema::proof()),
        (Kind::Config, config::json_schema::config()),
    ];
    schemas.into_iter().map(|(kind, schema)| (kind, jsonschema::validator_for(&schema).unwrap())).collect()
});

const ROLE: &str = "version: 1\nrole: editor\npermissions: []\n";

impl Kind {
    /// What the decoder says; a role is called `editor`, whatever it is called.
    fn decoded(self, text: &str) -> Result<(), Diagnostics> {
        match self {
            Self::Policy => {
                let role = Source::new("editor.yaml", text);
                PolicySet::load(&[role], GuardrailsFile::Optional).map(drop)
            }
            Self::Guardrails => {
                let both = [Source::new(GUARDRAILS_FILE, text), Source::new("editor.yaml", ROLE)];
                PolicySet::load(&both, GuardrailsFile::Required).map(drop)
            }
            Self::Test => CaseFile::load(&Source::new("editor.test.yaml", text)).map(drop),
            Self::Proof => ProofFile::load(&Source::new("editor.proof.yaml", text)).map(drop),
            Self::Config => Config::from_yaml(&Source::new("warrener.yaml", text)).map(drop),
        }
    }

    /// What the schema says.
    fn described(self, value: &Value) -> Result<(), String> {
        VALIDATORS[&self].validate(value).map_err(|error| format!("{}: {error}", error.instance_path()))
    }
}

fn value(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

#[test]
fn what_is_committed_is_what_the_command_prints() {
    for (_, word, path) in KINDS {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_warrener"))
            .args(["schema", word])
            .output()
            .unwrap();
        let committed = std::fs::read(checkout(path)).unwrap_or_default();
        assert!(committed == output.stdout, "write it anew: warrener schema {word} > {path}");
    }
}

#[test]
fn the_schemas_are_schemas() {
    for (_, _, path) in KINDS {
        let schema: Value = serde_json::from_slice(&std::fs::read(checkout(path)).unwrap()).unwrap();
        assert!(jsonschema::meta::is_valid(&schema), "{path}");
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#", "{path}");
    }
}

/// The files that are shipped, and what the two pages show, each with the kind that it is of.
fn examples() -> Vec<(Kind, String)> {
    let mut all = vec![(Kind::Config, config::EXAMPLE.to_owned())];
    all.push((Kind::Config, config::EXAMPLE.replace("# set: ", "")));
    for entry in std::fs::read_dir(checkout("policies")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let kind = match name {
            GUARDRAILS_FILE => Kind::Guardrails,
            name if name.ends_with(".test.yaml") => Kind::Test,
            name if name.ends_with(".proof.yaml") => Kind::Proof,
            _ if path.extension().is_some_and(|extension| extension == "yaml") => Kind::Policy,
            _ => continue,
        };
        all.push((kind, std::fs::read_to_string(&path).unwrap()));
    }
    for page in ["README.md", "policies/README.md"] {
        let page = std::fs::read_to_string(checkout(page)).unwrap();
        for block in page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()) {
            let read = value(block);
            let kind = match ["tests", "assertions"].map(|key| read.get(key).is_some()) {
                [true, _] => Kind::Test,
                [_, true] => Kind::Proof,
                [false, false] => Kind::Policy,
            };
            let whole =
                if read.get("version").is_some() { block.to_owned() } else { format!("{ROLE}{block}") };
            all.push((kind, whole));
        }
    }
    all
}

#[test]
fn what_is_shipped_and_shown_fits() {
    let all = examples();
    assert!(all.len() >= 16, "{}", all.len());
    for (kind, text) in all {
        let found = kind.described(&value(&text));
        assert!(found.is_ok(), "{kind:?}: {found:?}\n{text}");
    }
}

/// Editors find the schema by the first line of a file, as it stands in the source and as `init` writes it.
#[test]
fn every_file_that_init_writes_names_its_schema() {
    let folder = tempfile::tempdir().unwrap();
    let init = std::process::Command::new(env!("CARGO_BIN_EXE_warrener"))
        .args(["init", folder.path().to_str().unwrap()])
        .output()
        .unwrap();
    assert!(init.status.success());
    let mut named = 0;
    for place in [folder.path().to_owned(), folder.path().join("policies"), checkout("policies")] {
        for entry in std::fs::read_dir(&place).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "yaml") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let first = text.lines().next().unwrap();
            let schema = first.strip_prefix("# yaml-language-server: $schema=./");
            let schema = place.join(schema.unwrap_or_else(|| panic!("{}: {first}", path.display())));
            let schema: Value = serde_json::from_slice(&std::fs::read(&schema).unwrap()).unwrap();
            let read = value(&text);
            let found = jsonschema::validate(&schema, &read);
            assert!(found.is_ok(), "{}: {found:?}", path.display());
            named += 1;
        }
    }
    assert_eq!(named, 17);
}

/// Whole files that neither the decoder nor the schema takes.
const WRONG_FILES: &[(Kind, &str)] = &[
    (Kind::Policy, "role: editor\npermissions: []\n"),
    (Kind::Policy, "version: 2\nrole: editor\npermissions: []\n"),
    (Kind::Policy, "version: 1\nrole: Editor\npermissions: []\n"),
    (Kind::Policy, "version: 1\nrole: guardrails\npermissions: []\n"),
    (Kind::Policy, "version: 1\nrole: editor\n"),
    (Kind::Policy, "version: 1\nrole: editor\npermissions: {}\n"),
    (Kind::Policy, "[]"),
    (Kind::Guardrails, "version: 1\npermissions: []\n"),
    (Kind::Guardrails, "version: 1\nforbid: [{id: a, collections: [b], except: editor}]\n"),
    (Kind::Guardrails, "version: 1\nmode: observe\n"),
    (Kind::Proof, "version: 1\n"),
    (Kind::Proof, "version: 1\nassertions: [{id: a}]\n"),
    (Kind::Proof, "version: 1\nassertions: [{id: a, never: {actions: [delete]}}]\n"),
    (Kind::Proof, "version: 1\nassertions: [{id: a, role: editor, never: {collections: [b]}}]\n"),
    (Kind::Proof, "version: 1\nrole: editor\nassertions: []\n"),
    (Kind::Test, "version: 1\n"),
    (Kind::Test, "version: 1\ndialect: own\ntests: []\n"),
];

/// What a role has too much beside no permissions.
const WRONG_ROLES: &[&str] = &[
    "colour: red",
    "mode: observed",
    "description: \"  \"",
    "limits: null",
    "mode: null",
    "prompts: [\"!a\"]",
    "tools: {allow: [a]}",
    "system_prompt: show",
    "system_prompt: {replace: a, append: b}",
    "system_prompt: {}",
    "import_from: [images.example.com]",
    "import_from: [\"https://me@images.example.com/\"]",
    "redact: [password]",
    "redact: [\"a.b.c\"]",
    "redact: [\"!a.b\"]",
    "forbid: [{id: a, collections: [b], except: [editor]}]",
    "forbid: [{id: a}]",
    "forbid: [{id: a, collections: [b], filter: {}}]",
    "limits: [{id: a, rate: 120}]",
    "limits: [{id: a, rate: 0/s}]",
    "limits: [{id: a, rate: 1/day}]",
    "limits: [{id: a, rate: 1/s, concurrency: 1}]",
    "limits: [{id: a, concurrency: 1, burst: 1}]",
    "limits: [{id: a}]",
    "limits: [{id: a, concurrency: 0}]",
    "limits: [{id: a, concurrency: 1, per: user}]",
    "silence: [{lint: dead-rule}]",
    "silence: [{lint: dead-rule, reason: \"\"}]",
    "silence: [{lint: unknown-key, reason: a}]",
    "silence: [{lint: unused-silence, reason: a}]",
];

/// What a permission has beside its id: it names collections and actions itself where they are what is wrong.
const WRONG_PERMISSIONS: &[&str] = &[
    "collections: [b], actions: [read], where: {}",
    "collections: [b], actions: [read], fields: [author.name]",
    "collections: [b], actions: [read], fields: [\"@junctions\"]",
    "collections: [b], actions: [read], fields: \"*\"",
    "collections: [b], actions: [read], keys: [1.5]",
    "collections: [b], actions: [read], keys: [-1]",
    "collections: [b], actions: [read], max_items: 0",
    "collections: [b], actions: [read], max_items: all",
    "collections: [b], actions: [read], by_query: true",
    "collections: [b], actions: [read], by_query: \"yes\"",
    "collections: [b], actions: [read], filter: {}",
    "collections: [b], actions: [read], filter: {status: {_regex: a}}",
    "collections: [b], actions: [read], filter: {_and: []}",
    "collections: [b], actions: [read], filter: {_or: {status: {_eq: a}}}",
    "collections: [b], actions: [read], validation: {status: {_equals: a}}",
    "collections: [b], actions: [read], validation: {status: a}",
    "collections: [b], actions: [read], validation: {status: {_between: [1]}}",
    "collections: [b], actions: [read], validation: {author.name: {_eq: a}}",
    "collections: [b], actions: [read], validation: {_or: [{}]}",
    "collections: [b], actions: [read], presets: {author.name: a}",
    "collections: [b], actions: [read], presets: {owner: $CURRENT_USER}",
    "collections: [\"b c\"], actions: [read]",
    "collections: [\"b.c\"], actions: [read]",
    "collections: [\"!b\"], actions: [read]",
    "collections: [\"@all\"], actions: [read]",
    "collections: [b], actions: [write]",
];

/// What a test has beside its name.
const WRONG_TESTS: &[&str] = &[
    "expect: permit",
    "call: {tool: a}",
    "call: {tool: a}, expect: allow",
    "call: {tool: a}, expect: {deny: no}",
    "call: {tool: a}, expect: {permit: true}",
    "call: {tool: a}, expect: {permit: {forward: 1}, deny: forbidden}",
    "call: {tool: a}, raw: b, expect: permit",
    "call: {tool: a, action: b}, expect: permit",
    "call: {tool: a}, expect: {permit: {by: a}}",
    "call: {tool: a}, expect: {permit: {rule: 1}}",
    "call: {tool: a}, expect: {permit: {rule: a}, rule: a}",
    "call: {tool: a}, expect: {permit: {obligations: {limit: 1}}}",
    "call: {tool: a}, expect: {permit: {obligations: [limit]}}",
    "call: {tool: a}, expect: {permit: {fields: a}}",
    "call: {tool: a}, expect: {permit: {fields: {b: c}}}",
    "call: {tool: a}, each: []",
    "call: {tool: a}, each: {b: c}, expect: permit",
    "call: {tool: a, arguments: {b: {$each: b}}}, each: [{b: c}]",
    "call: {tool: a, arguments: {b: {$each: b}}}, each: [{b: c, expect: [d]}]",
    "list: tools, each: [{b: c, expect: [d]}], expect: [d]",
    "raw: a, each: [{b: c}], expect: permit",
    "call: {tool: a}, expect: [b]",
    "list: tools, expect: permit",
    "list: flows, expect: []",
];

/// What the settings have beside their version.
const WRONG_SETTINGS: &[&str] = &[
    "upstream: {token: secret}",
    "upstream: {token_env: a, token_file: b}",
    "upstream: {timeout: soon}",
    "upstream: {timeout: 10}",
    "listen: {insecure: true}",
    "listen: 8080",
    "guardrails: off",
    "audit: {url: \"postgres://a\"}",
    "audit: {checkpoints: {every: 1m}}",
    "audit: {retention: 10}",
    "audit: {activity_token_env: a, activity_token_file: b}",
    "limits: {body_bytes: 1GB}",
    "limits: {connections: 0}",
    "identity: {refuse: a}",
    "port: 80",
];

#[test]
fn what_is_wrong_is_refused_by_both() {
    let permission = |rest: &&str| format!("version: 1\nrole: editor\npermissions: [{{id: a, {rest}}}]\n");
    let files = WRONG_FILES.iter().map(|(kind, text)| (*kind, (*text).to_owned()));
    let roles = WRONG_ROLES.iter().map(|rest| (Kind::Policy, format!("{ROLE}{rest}\n")));
    let permissions = WRONG_PERMISSIONS.iter().map(|rest| (Kind::Policy, permission(rest)));
    let tests =
        WRONG_TESTS.iter().map(|rest| (Kind::Test, format!("version: 1\ntests: [{{name: a, {rest}}}]\n")));
    let settings = WRONG_SETTINGS.iter().map(|rest| (Kind::Config, format!("version: 1\n{rest}\n")));
    for (kind, text) in files.chain(roles).chain(permissions).chain(tests).chain(settings) {
        assert!(kind.decoded(&text).is_err(), "the decoder takes it: {text}");
        assert!(kind.described(&value(&text)).is_err(), "the schema takes it: {text}");
    }
}

/// What is wrong by a meaning that a schema cannot know, and is left to `warrener check`.
const MEANINGS: [&str; 27] = [
    "address",
    "by-query",
    "client-ca",
    "directus-tokens",
    "duplicate-id",
    "duplicate-name",
    "duration",
    "each",
    "filter",
    "fingerprint",
    "fixture",
    "host",
    "import-from",
    "import-url",
    "insecure",
    "key",
    "network",
    "number",
    "opaque-tool",
    "origin",
    "rate",
    "regex",
    "role-name",
    "size",
    "unknown-role",
    "unknown-rule",
    "url",
];

/// Every part of a file, left out and put otherwise: the schema refuses nothing that the decoder takes, and takes only that
/// of what it refuses which is wrong by its meaning.
#[test]
fn a_schema_is_no_stricter_than_the_decoder_and_hardly_laxer() {
    let others = [
        json!(null),
        json!(true),
        json!(0),
        json!(7),
        json!(-1),
        json!(1.5),
        json!(""),
        json!(" "),
        json!("x"),
        json!("10s"),
        json!("*"),
        json!("!x"),
        json!("é"),
        json!("a b"),
        json!("a.b"),
        json!("$x"),
        json!("@junctions"),
        json!([]),
        json!([[]]),
        json!(["x"]),
        json!(["!x"]),
        json!({}),
        json!({ "x": 1 }),
        json!({ "_eq": 1 }),
        json!({ "x": { "_eq": null } }),
    ];
    let mut seen = BTreeSet::new();
    let (mut taken, mut refused) = (0, 0);
    let mut wrong: Vec<String> = Vec::new();
    for (kind, text) in dense() {
        let whole = value(&text);
        // JSON is YAML, so a changed part is decoded as it stands.
        kind.decoded(&whole.to_string()).unwrap_or_else(|problems| panic!("{problems}"));
        for path in paths(&whole) {
            for other in others.iter().map(Some).chain([None]) {
                let changed = with(&whole, &path, other);
                let text = changed.to_string();
                if !seen.insert((kind, text.clone())) {
                    continue;
                }
                let described = kind.described(&changed);
                match kind.decoded(&text) {
                    Ok(()) => {
                        taken += 1;
                        wrong.extend(
                            described
                                .err()
                                .map(|why| format!("stricter: {kind:?} {path:?} {other:?}: {why}")),
                        );
                    }
                    Err(found) => {
                        refused += 1;
                        let errors = found.list.iter().filter(|one| one.severity == Severity::Error);
                        let mut structural = errors.filter(|one| !MEANINGS.contains(&one.code));
                        let lax = structural.next().filter(|_| described.is_ok());
                        wrong.extend(
                            lax.map(|one| format!("laxer: {kind:?} {path:?} {other:?}: {}", one.message)),
                        );
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(taken > 700 && refused > 3000, "{taken} taken, {refused} refused");
}

/// Files with every key that there is.
fn dense() -> Vec<(Kind, String)> {
    let role = r#"version: 1
role: editor
description: Edits.
mode: observe
permissions:
  - id: all
    collections: [articles, "blog_*", "@junctions", "!x"]
    actions: [read, update]
    fields: ["*", "!secret", "$bytes"]
    filter: {status: {_eq: draft}, _or: [{a: {_null: true}}]}
    validation: {status: {_in: [draft]}, n: {_between: [1, 2]}, _or: [{a: {_null: true}}], t: {_contains: x, _regex: z}}
    presets: {status: draft, score: 1.5, list: [1]}
    keys: [7, slug]
    max_items: 5
    by_query: true
forbid:
  - {id: stop, collections: ["*"], actions: [delete], reason: Because., observe: true}
import_from: ["https://images.example.com/a/"]
tools: {deny: [schema], opaque: ["other.*"]}
prompts: ["writing *"]
system_prompt: {append: Be kind.}
limits:
  - {id: writes, rate: 2/h, burst: 5, actions: [create], per: role}
  - {id: parallel, concurrency: 3, per: address}
redact: ["customers.ssn"]
silence: [{lint: dead-rule, rule: all, reason: Meant so.}]
"#;
    let guardrails = r#"version: 1
description: All.
forbid: [{id: stop, collections: ["*"], actions: [delete], reason: a, observe: false, except: [editor]}]
limits: [{id: calls, rate: 1/s}]
redact: ["*.x"]
import_from: []
silence: []
"#;
    let tests = r#"version: 1
role: editor
schema: s
dialect: local
fixtures: {f: {x: 1}, g: [1]}
tests:
  - {name: a, call: {tool: t, arguments: {x: 1, y: {$fixture: f}}, query_string: q}, expect: {deny: forbidden, rule: r}}
  - {name: b, raw: "{}", expect: {permit: {rule: r, forward: {x: 1}, obligations: [{limit: 1}], fields: [a, b.c]}}}
  - name: c
    call: {tool: t, arguments: {x: {$each: x}}}
    each: [{x: 1, expect: permit}, {x: {$fixture: g}, expect: {permit: {fields: {"": [a], b: [c]}}}}]
"#;
    let more = r"version: 1
tests:
  - {name: a, list: prompts, expect: [a]}
  - {name: b, call: {tool: t, arguments: {x: {$each: x}}}, each: [{x: 1}, {x: 2, expect: {deny: forbidden}}], expect: permit}
";
    // Not everything can stand together.
    let config = value(&config::EXAMPLE.replace("# set: ", ""));
    let without = |section: &str, keys: &[&str]| {
        let path = |key: &&str| [section.to_owned(), (*key).to_owned()];
        keys.iter().fold(config.clone(), |config, key| with(&config, &path(key), None)).to_string()
    };
    let local = without("identity", &["same_resource", "passthrough"]);
    let endpoint = without("upstream", &["command", "args", "env"]);
    let tests = [(Kind::Test, tests), (Kind::Test, more)];
    let settings = [(Kind::Config, local.as_str()), (Kind::Config, endpoint.as_str())];
    let others = [(Kind::Policy, role), (Kind::Guardrails, guardrails)].into_iter().chain(settings);
    others.chain(tests).map(|(kind, text)| (kind, text.to_owned())).collect()
}

/// The way to a part of a value.
type Path = Vec<String>;

fn paths(value: &Value) -> Vec<Path> {
    let below = |key: String, value: &Value| {
        let inner = paths(value).into_iter().map(move |path| [vec![key.clone()], path].concat());
        inner.collect::<Vec<_>>()
    };
    let mut all = vec![Vec::new()];
    match value {
        Value::Object(entries) => {
            entries.iter().for_each(|(key, value)| all.extend(below(key.clone(), value)));
        }
        // The first items of a list stand for the others.
        Value::Array(items) => {
            items.iter().enumerate().take(3).for_each(|(at, item)| all.extend(below(at.to_string(), item)));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    all
}

/// The value with another part at that place, or without it.
fn with(whole: &Value, path: &[String], other: Option<&Value>) -> Value {
    let Some((first, rest)) = path.split_first() else { return other.cloned().unwrap_or(Value::Null) };
    let mut whole = whole.clone();
    match (&mut whole, rest.is_empty(), other) {
        (Value::Object(entries), true, None) => drop(entries.shift_remove(first)),
        (Value::Array(items), true, None) => drop(items.remove(first.parse().unwrap())),
        (Value::Object(entries), ..) => {
            let inner = with(&entries[first], rest, other);
            entries.insert(first.clone(), inner);
        }
        (Value::Array(items), ..) => {
            let at: usize = first.parse().unwrap();
            items[at] = with(&items[at], rest, other);
        }
        (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_), ..) => panic!("it has no parts"),
    }
    whole
}
