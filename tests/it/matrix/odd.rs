//! Policies that are easy to misread, with what the table says of them; each is held against the engine too.

use super::calls::calls;
use super::{Held, cell, shipped};
use warrener::directus::{Action, SchemaSnapshot, Tool};
use warrener::policy::PolicySet;
use warrener::policy::diagnostic::Source;
use warrener::policy::matrix::RoleMatrix;
use warrener::policy::set::GuardrailsFile;

fn load(role: &str, guardrails: &str) -> PolicySet {
    let head = "version: 1\ndescription: For the test.\n";
    let role = Source::new("odd.yaml", format!("{head}role: odd\n{role}"));
    let guardrails = Source::new("guardrails.yaml", format!("{head}{guardrails}"));
    match PolicySet::load(&[role, guardrails], GuardrailsFile::Required) {
        Ok((set, _)) => set,
        Err(problems) => panic!("{problems}"),
    }
}

/// The cell as one line.
fn line(matrix: &RoleMatrix, action: &str, collection: &str) -> String {
    let cell = cell(matrix, Action::named(action).unwrap(), collection).unwrap().shown();
    cell.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A role, guardrails, and what cells come to, each named by its action and collection.
type Odd = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const ODD: &[Odd] = &[
    (
        "mode: observe\npermissions: [{id: r, collections: [articles], actions: [read], fields: [title]}]\n\
         forbid: [{id: no, collections: [tags], actions: [delete]}]\n",
        "forbid: [{id: firm, collections: [authors]}]\n",
        &[
            ("read articles", "permitted r (only title)"),
            ("delete articles", "permitted observed only: odd/-"),
            ("delete tags", "permitted observed only: odd/-, odd/no implied by collections delete"),
            ("delete authors", "denied guardrails/firm"),
            ("import directus_files", "denied invalid_value: odd/import_from"),
        ],
    ),
    (
        "permissions: [{id: t, collections: [tags, authors], actions: [read, delete]}]\n\
         forbid: [{id: no, collections: [tags], actions: [delete], observe: true}]\n",
        "forbid: [{id: also, collections: [authors], actions: [read], observe: true}]\n",
        &[
            ("read tags", "permitted t"),
            ("delete tags", "permitted t observed only: odd/no"),
            ("read authors", "permitted t observed only: guardrails/also"),
        ],
    ),
    (
        "permissions:\n  - {id: k, collections: [articles], actions: [read, create, update, delete], keys: []}\n  \
         - {id: seven, collections: [tags], actions: [read, create, delete], keys: [7]}\n",
        "",
        &[
            ("read articles", "denied no_permission: odd/- despite k (no keys)"),
            ("create articles", "denied no_permission: odd/- despite k (no keys)"),
            ("delete articles", "denied no_permission: odd/- despite k (no keys)"),
            ("read tags", "permitted seven (only keys 7)"),
            ("delete tags", "permitted seven (only keys 7)"),
            // Nobody can name the key of what does not exist yet.
            ("create tags", "denied no_permission: odd/- despite seven (only keys 7)"),
        ],
    ),
    (
        "permissions: [{id: i, collections: [directus_files], actions: [import]}]\nimport_from: []\n",
        "",
        &[
            ("import directus_files", "denied invalid_value: odd/import_from despite i (from nowhere)"),
            ("create directus_files", "denied no permission"),
        ],
    ),
    (
        "permissions: [{id: i, collections: [directus_files, tags], actions: [import]}]\nimport_from: [\"https://a.example/b/\"]\n",
        "import_from: [\"https://a.example/b/c/\"]\n",
        &[
            (
                "import directus_files",
                "permitted i (from https://a.example/b/; within https://a.example/b/c/)",
            ),
            ("create directus_files", "permitted implied by files import"),
            (
                "import tags",
                "denied no call does this despite i (from https://a.example/b/; within https://a.example/b/c/)",
            ),
        ],
    ),
    (
        "permissions: [{id: i, collections: [directus_files], actions: [import]}]\nimport_from: [\"https://a.example/\"]\n",
        "import_from: [\"https://b.example/\"]\n",
        &[(
            "import directus_files",
            "denied invalid_value: guardrails/import_from despite i (from https://a.example/; within https://b.example/)",
        )],
    ),
    (
        "permissions:\n  - {id: a, collections: [\"a*\", \"!authors\"], actions: [read]}\n  \
         - {id: j, collections: [\"*\", \"!@junctions\", \"!directus_*\"], actions: [delete]}\n",
        "forbid: [{id: g, collections: [\"t*\"], actions: [delete], except: [odd]}]\n",
        &[
            ("read articles", "permitted a"),
            ("read authors", "denied no permission"),
            ("read articles_tags", "permitted a"),
            ("delete articles_tags", "denied no permission"),
            // What links a deleted tag loses its pointer.
            ("update articles_tags", "permitted implied by items delete"),
            ("delete tags", "permitted j"),
        ],
    ),
    (
        "permissions: [{id: f, collections: [articles], actions: [read, create, update], fields: []}]\n\
         redact: [\"*.title\"]\n",
        "",
        &[
            // How many there are can still be asked.
            ("read articles", "permitted f (no fields)"),
            ("create articles", "permitted f (no fields)"),
        ],
    ),
    (
        "permissions:\n  - {id: own, collections: [articles, site_settings], actions: [read, update, delete], filter: {status: {_eq: draft}}}\n",
        "",
        &[
            ("read articles", "permitted own (filter {\"status\":{\"_eq\":\"draft\"}})"),
            ("delete articles", "permitted own (filter {\"status\":{\"_eq\":\"draft\"}})"),
            // The one item of a singleton can be neither narrowed nor looked up.
            (
                "update site_settings",
                "denied not_understood: odd/own despite own (filter {\"status\":{\"_eq\":\"draft\"}})",
            ),
        ],
    ),
    (
        "permissions:\n  - {id: d, collections: [articles], actions: [create], validation: {_or: [{status: {_in: [draft, review]}}, {title: {_starts_with: x}}]}}\n  \
         - {id: never, collections: [tags], actions: [create], validation: {_and: [{name: {_eq: a}}, {name: {_eq: b}}]}}\n",
        "",
        &[
            (
                "create articles",
                "permitted d (validation {\"_or\":[{\"status\":{\"_in\":[\"draft\",\"review\"]}},{\"title\":{\"_starts_with\":\"x\"}}]})",
            ),
            (
                "create tags",
                "possible invalid_value: odd/never despite never (validation {\"_and\":[{\"name\":{\"_eq\":\"a\"}},{\"name\":{\"_eq\":\"b\"}}]})",
            ),
        ],
    ),
    (
        "permissions: [{id: media, collections: [directus_folders], actions: [delete]}]\n",
        "forbid: [{id: g, collections: [directus_settings]}]\n",
        &[
            (
                "delete directus_folders",
                "denied with update of directus_settings: guardrails/g despite media",
            ),
            // What a folder would take along stays too.
            ("update directus_files", "denied no permission"),
        ],
    ),
    (
        "permissions:\n  - {id: model, collections: [\"*\"], actions: [read]}\n  \
         - {id: drop, collections: [directus_collections, articles, \"*\"], actions: [update, delete]}\n\
         forbid: [{id: no, collections: [articles], actions: [delete]}]\n",
        "",
        &[
            ("delete articles", "denied odd/no"),
            ("delete tags", "permitted drop implied by collections delete"),
        ],
    ),
    (
        "permissions:\n  - {id: c, collections: [directus_collections, articles, reviews, articles_tags, authors], actions: [update, read]}\n  \
         - {id: d, collections: [directus_collections], actions: [delete]}\n",
        "",
        // Nobody may delete articles, but whoever drops the collection does.
        &[("delete articles", "permitted implied by collections delete")],
    ),
    (
        "permissions:\n  - {id: r, collections: [articles, directus_users], actions: [read]}\n  \
         - {id: w, collections: [articles, directus_users], actions: [create, update]}\n",
        "",
        // No tool takes users, but articles have a user.
        &[
            ("read directus_users", "permitted r"),
            ("create directus_users", "permitted w"),
            ("delete directus_users", "denied no permission"),
        ],
    ),
];

#[test]
fn an_odd_policy_is_shown_as_it_is_decided() {
    let (_, schema) = shipped();
    let calls = calls(&schema);
    let mut differ = Vec::new();
    for (role, guardrails, expected) in ODD {
        let set = load(role, guardrails);
        let matrix = set.role_matrix("odd", &schema).unwrap();
        for (cell, expected) in *expected {
            let (action, collection) = cell.split_once(' ').unwrap();
            let came = line(&matrix, action, collection);
            if came != *expected {
                differ.push(format!("{role}{guardrails}{cell}:\n  expected {expected}\n  came     {came}"));
            }
        }
        Held::default().holds(&set, &schema, &matrix, &calls);
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[test]
fn no_tool_is_shown_for_the_sake_of_nothing() {
    let (_, schema) = shipped();
    let set = load(
        "permissions:\n  - {id: none, collections: [\"*\"], actions: [read, delete], keys: []}\n  \
         - {id: folders, collections: [directus_folders], actions: [read, delete]}\nsystem_prompt: hide\n",
        "forbid: [{id: g, collections: [directus_settings]}]\n",
    );
    let shown = set.role_matrix("odd", &schema).unwrap().tools;
    let shown: Vec<_> = shown.into_iter().filter(|(_, words)| words.is_some()).collect();
    assert_eq!(shown, [(Tool::Folders, Some(vec!["read"]))]);
}

#[test]
fn everything_can_be_permitted_by_some_policy() {
    let (_, schema) = shipped();
    let all = "permissions: [{id: all, collections: [\"*\"], actions: [read, create, update, delete, execute, import]}]\n\
               import_from: [\"https://images.example.com/\"]\n";
    let matrix = load(all, "").role_matrix("odd", &schema).unwrap();
    for action in Action::ALL {
        assert!(matrix.witnesses.keys().any(|(one, _)| *one == action), "nothing ever shows {action}");
    }
    for collection in schema.collections() {
        for action in [Action::Update, Action::Execute] {
            assert!(
                matrix.witnesses.contains_key(&(action, collection.name.clone())),
                "{action} {}",
                collection.name
            );
        }
    }
}

#[test]
fn names_make_no_lines_of_their_own() {
    let snapshot =
        "{collections: [{collection: \"a\\n  delete   permitted x\\e[2J\"}], fields: [], relations: []}";
    let schema = SchemaSnapshot::from_snapshot(snapshot).unwrap();
    let shown = load("permissions: []\n", "").role_matrix("odd", &schema).unwrap().shown();
    assert!(shown.contains("a\\n  delete   permitted x\\u{1b}[2J"), "{shown}");
    assert!(!shown.contains('\u{1b}') && !shown.contains("\n  delete   permitted"), "{shown}");
}

#[test]
fn without_a_schema_the_patterns_are_the_rows() {
    let set = load(
        "permissions:\n  - {id: blog, collections: [\"blog_*\", \"!blog_secret\", \"@junctions\"], actions: [read], filter: {status: {_eq: a}}}\n  \
         - {id: link, collections: [\"@junctions\"], actions: [delete]}\nredact: [\"pages.title\"]\n",
        "",
    );
    let matrix = set.role_matrix("odd", &set.schema_of_patterns().unwrap()).unwrap();
    let filter = "filter {\"status\":{\"_eq\":\"a\"}}";
    for (cell, expected) in [
        ("read blog_*", format!("permitted blog ({filter})")),
        ("read blog_secret", "denied no permission".to_owned()),
        ("read @junctions", format!("permitted blog ({filter})")),
        ("delete @junctions", "permitted link".to_owned()),
        ("delete blog_*", "denied no permission".to_owned()),
        ("read pages", "denied no permission".to_owned()),
        ("read directus_users", "denied no permission".to_owned()),
    ] {
        let (action, collection) = cell.split_once(' ').unwrap();
        assert_eq!(line(&matrix, action, collection), expected, "{cell}");
    }
}
