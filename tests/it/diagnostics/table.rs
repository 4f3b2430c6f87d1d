//! Every lint with what it warns of, and with what is nearly the same and fine.

use super::{fixture::schema, lints};
use warrener::policy::PolicySet;
use warrener::policy::check::check;
use warrener::policy::check::lint::Lint;
use warrener::policy::diagnostic::Source;
use warrener::policy::set::{GUARDRAILS_FILE, GuardrailsFile};

/// A lint, what follows `permissions:` in a role of which it is said, and the same where it is not.
const TABLE: &[(Lint, &[&str], &[&str])] = &[
    (
        Lint::NeverMatches,
        &[
            "[{id: a, collections: [], actions: [read]}]",
            "[{id: a, collections: [tags], actions: []}]",
            "[{id: a, collections: [tags], actions: [read], keys: []}]",
        ],
        &["[{id: a, collections: [tags], actions: [read], keys: [1]}]"],
    ),
    (
        Lint::DeadRule,
        &[
            // A filter behind a rule without one restricts nothing.
            r#"[{id: a, collections: ["*", "!directus_*"], actions: [read]}, {id: b, collections: [articles], actions: [read], filter: {status: {_eq: draft}}}]"#,
            "[{id: a, collections: [articles], actions: [read, update]}, {id: b, collections: [articles], actions: [read], fields: [title], max_items: 5}]",
            // Two together leave it nothing.
            "[{id: a, collections: [articles, tags], actions: [read]}, {id: b, collections: [articles, tags], actions: [create]}, {id: c, collections: [articles], actions: [create, read]}]",
            // Its presets are never filled.
            "[{id: a, collections: [articles], actions: [read, create]}, {id: b, collections: [articles], actions: [create], presets: {status: draft}}]",
            r#"[{id: a, collections: ["*", "!directus_*"], actions: [read]}, {id: b, collections: ["@junctions"], actions: [read]}]"#,
            "[{id: a, collections: [articles], actions: [read], keys: [1, 2]}, {id: b, collections: [articles], actions: [read], keys: [2]}]",
            "[]\nforbid: [{id: a, collections: [\"*\"]}, {id: b, collections: [articles], actions: [delete]}]",
        ],
        &[
            "[{id: b, collections: [articles], actions: [read], filter: {status: {_eq: draft}}}, {id: a, collections: [articles], actions: [read]}]",
            "[{id: a, collections: [articles], actions: [read], max_items: 5}, {id: b, collections: [articles], actions: [read], max_items: 6, fields: [title]}]",
            "[{id: a, collections: [articles], actions: [read], keys: [1]}, {id: b, collections: [articles], actions: [read]}]",
            "[{id: a, collections: [articles], actions: [read, update]}, {id: b, collections: [articles], actions: [read, update], by_query: true, max_items: 5}]",
            // An exclusion of the first that only overlaps is left for the second.
            r#"[{id: a, collections: ["*", "!directus_*", "!*_translations"], actions: [read]}, {id: b, collections: ["articles*"], actions: [read]}]"#,
            r#"[{id: a, collections: ["*", "!directus_*", "!@junctions"], actions: [read]}, {id: b, collections: ["articles*"], actions: [read]}]"#,
            r#"[{id: a, collections: ["*", "!directus_*"], actions: [read], fields: ["*", "!*_note"]}, {id: b, collections: [articles], actions: [read], fields: ["secret_*"]}]"#,
            "[{id: a, collections: [articles], actions: [read, create], validation: {status: {_eq: draft}}}, {id: b, collections: [articles], actions: [create]}]",
            // The preset may be written although the first does not have the field.
            "[{id: r, collections: [articles], actions: [read]}, {id: a, collections: [articles], actions: [create], fields: [title]}, {id: b, collections: [articles], actions: [create], fields: [title], presets: {status: draft}}]",
            "[]\nforbid: [{id: a, collections: [\"*\"], observe: true}, {id: b, collections: [articles], actions: [delete]}]",
            "[]\nforbid: [{id: a, collections: [\"*\"], actions: [delete]}, {id: b, collections: [articles]}]",
        ],
    ),
    (
        Lint::ForbiddenAnyway,
        &[
            "[{id: a, collections: [tags], actions: [delete]}]\nforbid: [{id: no, collections: [tags]}]",
            "[{id: a, collections: [tags], actions: [read, delete]}]\nforbid: [{id: no, collections: [tags], actions: [delete]}]",
        ],
        &["[{id: a, collections: [tags], actions: [delete]}]\nforbid: [{id: no, collections: [articles]}]"],
    ),
    (
        Lint::MixedPermissions,
        &[
            "[{id: a, collections: [tags], actions: [read], fields: [id]}, {id: b, collections: [tags], actions: [read], fields: [name]}]",
        ],
        &[
            "[{id: a, collections: [tags], actions: [read], fields: [id]}, {id: b, collections: [tags], actions: [read], fields: [id, name]}]",
        ],
    ),
    (
        Lint::WriteWithoutRead,
        &["[{id: a, collections: [tags], actions: [update]}]"],
        &["[{id: a, collections: [tags], actions: [read, update]}]"],
    ),
    (
        Lint::ReachesUsers,
        &[r#"[{id: a, collections: ["*"], actions: [read]}]"#],
        &[
            r#"[{id: a, collections: ["*", "!directus_*"], actions: [read]}]"#,
            "[{id: a, collections: [directus_users], actions: [read]}]",
        ],
    ),
    (
        Lint::RaisesRights,
        &[
            r#"[{id: a, collections: ["*"], actions: [read, create, update]}]"#,
            "[{id: a, collections: [directus_users], actions: [read, update], fields: [id, role]}]",
            "[{id: a, collections: [directus_users], actions: [read, update], fields: [id, password]}]",
            "[{id: a, collections: [directus_policies], actions: [read, create], fields: [name]}]",
            "[{id: a, collections: [directus_flows], actions: [read, update]}]",
            "[{id: a, collections: [directus_settings], actions: [read, update], filter: {id: {_eq: 1}}}]",
            "[{id: a, collections: [directus_access], actions: [read, create]}]\nforbid: [{id: no, collections: [directus_access], observe: true}]",
        ],
        &[
            "[{id: a, collections: [directus_users, directus_roles, directus_flows], actions: [read, execute]}]",
            "[{id: a, collections: [directus_users], actions: [read, update], fields: [id, first_name, language]}]",
            "[{id: a, collections: [directus_access], actions: [read, create]}]\nforbid: [{id: no, collections: [\"directus_*\"], actions: [create]}]",
            r#"[{id: a, collections: ["*", "!directus_*"], actions: [read, create, update]}]"#,
        ],
    ),
    (
        Lint::ObservedWrites,
        &[
            "[]\nmode: observe",
            "[{id: a, collections: [tags], actions: [delete]}]\nforbid: [{id: no, collections: [\"*\"], observe: true}]",
        ],
        &[
            "[]\nmode: enforce",
            "[{id: a, collections: [tags], actions: [read]}]\nforbid: [{id: no, collections: [\"*\"], observe: true}]",
        ],
    ),
    (
        Lint::CurrentUser,
        &[
            "[{id: a, collections: [articles], actions: [read], filter: {user_created: {_eq: $CURRENT_USER}}}]",
        ],
        &["[{id: a, collections: [articles], actions: [read], filter: {date_created: {_lt: $NOW}}}]"],
    ),
    (
        Lint::UnknownValue,
        &[
            "[{id: a, collections: [articles], actions: [read, update], validation: {date_created: {_lt: $NOW}}}]",
        ],
        &[
            "[{id: a, collections: [articles], actions: [read, update], validation: {date_created: {_lt: \"2030-01-01\"}}}]",
        ],
    ),
    (
        Lint::ImportCollection,
        &["[{id: a, collections: [articles], actions: [import]}]\nimport_from: [\"https://a.example/\"]"],
        &[
            "[{id: a, collections: [directus_files], actions: [import]}]\nimport_from: [\"https://a.example/\"]",
        ],
    ),
    (
        Lint::ImportCleartext,
        &["[]\nimport_from: [\"http://a.example/\"]"],
        &["[]\nimport_from: [\"https://a.example/\"]"],
    ),
    (
        Lint::UnreachableLimit,
        &[
            "[]\nlimits: [{id: a, rate: 60/min}, {id: b, rate: 120/min}]",
            "[]\nlimits: [{id: b, rate: 2/s}, {id: a, rate: 60/min, burst: 1}]",
            "[]\nlimits: [{id: a, rate: 60/min, per: role}, {id: b, rate: 60/min}]",
            "[]\nlimits: [{id: a, concurrency: 2}, {id: b, concurrency: 2}]",
            "[{id: a, collections: [tags], actions: [read]}]\nlimits: [{id: b, rate: 1/s, actions: [delete]}]",
            "[{id: a, collections: [tags], actions: [read, create]}]\nlimits: [{id: b, rate: 1/s, actions: [import, execute]}]",
            "[{id: a, collections: [tags], actions: [read, create]}]\nlimits: [{id: a2, rate: 5/min, actions: [create, update]}, {id: b, rate: 6/min, actions: [create]}]",
        ],
        &[
            "[]\nlimits: [{id: a, rate: 60/min, burst: 10}, {id: b, rate: 120/min, burst: 5}]",
            "[]\nlimits: [{id: a, rate: 60/min}, {id: b, rate: 120/min, per: role}]",
            "[]\nlimits: [{id: a, rate: 60/min, per: address}, {id: b, rate: 60/min}]",
            "[]\nlimits: [{id: a, rate: 1/s}, {id: b, concurrency: 9}]",
            "[{id: a, collections: [tags], actions: [read, create]}]\nlimits: [{id: a2, rate: 5/min, actions: [create]}, {id: b, rate: 6/min, actions: [create, read]}]",
            // A write may imply a delete.
            "[{id: a, collections: [directus_collections], actions: [read, update]}]\nlimits: [{id: b, rate: 1/s, actions: [delete]}]",
            "[]\nmode: observe\nlimits: [{id: b, rate: 1/s, actions: [delete]}]",
        ],
    ),
    (
        Lint::UnknownCollection,
        &[
            "[{id: a, collections: [artcles], actions: [read]}]",
            "[{id: a, collections: [directus_user], actions: [read]}]",
        ],
        &["[{id: a, collections: [articles, directus_of_tomorrow], actions: [read]}]"],
    ),
    (
        Lint::UnknownField,
        &["[{id: a, collections: [articles], actions: [read], fields: [titel]}]"],
        &[
            "[{id: a, collections: [articles], actions: [read], fields: [title]}]",
            r#"[{id: a, collections: ["art*"], actions: [read], fields: [titel]}]"#,
        ],
    ),
    (
        Lint::UnmatchedPattern,
        &[
            r#"[{id: a, collections: ["blgo_*"], actions: [read]}]"#,
            r#"[{id: a, collections: ["*", "!directus_*", "!blgo_*"], actions: [read]}]"#,
            r#"[{id: a, collections: [articles], actions: [read], fields: ["*", "!sercet_*"]}]"#,
            "[]\nforbid: [{id: no, collections: [\"blgo_*\"]}]",
            "[]\nredact: [\"customers.*_nss\"]",
        ],
        &[
            r#"[{id: a, collections: ["art*"], actions: [read]}]"#,
            r#"[{id: a, collections: ["*", "!directus_*", "!directus_of_tomorrow_*"], actions: [read]}]"#,
            r#"[{id: a, collections: [articles], actions: [read], fields: ["*", "!secret_*"]}]"#,
            "[]\nforbid: [{id: no, collections: [\"directus_of_tomorrow_*\"]}]",
            "[]\nredact: [\"*.api_key\", \"directus_*.*_of_tomorrow\"]",
        ],
    ),
    (
        Lint::FilterBehindPointer,
        &[
            "[{id: a, collections: [authors], actions: [read], filter: {name: {_nnull: true}}}, {id: b, collections: [articles], actions: [read]}]",
            r#"[{id: a, collections: ["auth*"], actions: [read], filter: {name: {_nnull: true}}}, {id: b, collections: [articles], actions: [read], filter: {author: {name: {_eq: x}}}}]"#,
        ],
        &[
            "[{id: a, collections: [authors], actions: [read], filter: {name: {_nnull: true}}}]",
            "[{id: a, collections: [authors], actions: [read], filter: {name: {_nnull: true}}}, {id: b, collections: [articles], actions: [read], fields: [title]}]",
            "[{id: a, collections: [authors], actions: [read], filter: {name: {_nnull: true}}}, {id: b, collections: [articles], actions: [read]}]\nredact: [\"articles.author\"]",
            "[{id: a, collections: [authors], actions: [read], filter: {name: {_nnull: true}}}, {id: b, collections: [articles], actions: [read], filter: {author: {name: {_nnull: true}}}}]",
            "[{id: r, collections: [articles], actions: [read]}, {id: s, collections: [authors], actions: [read]}, {id: a, collections: [authors], actions: [update], filter: {name: {_nnull: true}}}]",
        ],
    ),
    (
        Lint::FailingDefault,
        &[
            "[{id: a, collections: [directus_flows], actions: [read, create], validation: {status: {_in: [inactive]}}}]",
        ],
        &[
            "[{id: a, collections: [directus_flows], actions: [read, create], validation: {status: {_in: [inactive]}}, presets: {status: inactive}}]",
        ],
    ),
    (
        Lint::UnusedSilence,
        &[
            "[]\nsilence: [{lint: dead-rule, reason: It was.}]",
            "[{id: a, collections: [tags], actions: [update]}, {id: b, collections: [articles], actions: [read]}]\nsilence: [{lint: write-without-read, rule: b, reason: Wrong rule.}]",
        ],
        &[
            "[{id: a, collections: [tags], actions: [update]}]\nsilence: [{lint: write-without-read, rule: a, reason: It only writes.}]",
        ],
    ),
];

fn role(rest: &str) -> String {
    format!("version: 1\nrole: editor\npermissions: {rest}\n")
}

#[test]
fn every_lint_is_said_where_it_is_meant_and_nowhere_else() {
    assert_eq!(TABLE.iter().map(|(lint, ..)| *lint).collect::<Vec<_>>(), Lint::ALL);
    for (lint, said, unsaid) in TABLE {
        let title = format!("warning[{lint}]");
        for rest in *said {
            let text = lints(&role(rest));
            assert_eq!(text.matches(&title).count(), 1, "{lint} of {rest}\n{text}");
        }
        for rest in *unsaid {
            let text = lints(&role(rest));
            assert!(!text.contains(&title), "{lint} of {rest}\n{text}");
        }
    }
}

/// Each is heard of until it is silenced, for its rule or for the file, and then nothing is left to say.
#[test]
fn every_lint_can_be_silenced() {
    for (lint, said, _) in TABLE.iter().filter(|(lint, ..)| lint.can_be_silenced()) {
        for rest in *said {
            let others: Vec<Lint> = Lint::ALL
                .into_iter()
                .filter(|one| lints(&role(rest)).contains(&format!("warning[{one}]")))
                .collect();
            assert!(others.contains(lint));
            let entries = others.iter().map(|one| format!("{{lint: {one}, reason: Meant so.}}"));
            let silenced = format!("{rest}\nsilence: [{}]", entries.collect::<Vec<_>>().join(", "));
            let text = lints(&role(&silenced));
            assert!(!text.contains("warning["), "{silenced}\n{text}");
        }
    }
}

/// What only a schema tells is neither said without one, nor is its silence then called needless.
#[test]
fn without_a_schema_nothing_is_said_of_names() {
    for (lint, said, _) in TABLE.iter().filter(|(lint, ..)| lint.can_be_silenced()) {
        for rest in *said {
            let silenced = format!("{rest}\nsilence: [{{lint: {lint}, reason: Meant so.}}]");
            let sources = [Source::new("editor.yaml", role(&silenced))];
            let (set, _) = PolicySet::load(&sources, GuardrailsFile::Optional).unwrap();
            let text = set.sources().render(&check(&set, None), false);
            assert!(!text.contains("unused-silence"), "{silenced}\n{text}");
        }
    }
}

/// A silence of the guardrails is for the guardrails, one of a role for the role.
#[test]
fn a_silence_is_for_its_own_file() {
    let warned = "limits: [{id: a, rate: 1/s}, {id: b, rate: 2/s}]\n";
    let silence = "silence: [{lint: unreachable-limit, rule: b, reason: Meant so.}]\n";
    let said = |guardrails: &str, role: &str| {
        let sources = [
            Source::new(GUARDRAILS_FILE, format!("version: 1\n{guardrails}")),
            Source::new("editor.yaml", format!("version: 1\nrole: editor\npermissions: []\n{role}")),
        ];
        let (set, _) = PolicySet::load(&sources, GuardrailsFile::Required).unwrap();
        let found = check(&set, Some(&schema()));
        found.into_iter().map(|one| format!("{} {}", one.file, one.code)).collect::<Vec<_>>()
    };
    assert_eq!(said(warned, ""), ["guardrails.yaml unreachable-limit"]);
    assert_eq!(said(&format!("{warned}{silence}"), ""), [""; 0]);
    // The role's limits are held against the guardrails' too.
    assert_eq!(
        said("limits: [{id: all, rate: 1/s}]\n", "limits: [{id: b, rate: 2/s}]\n"),
        ["editor.yaml unreachable-limit"]
    );
    assert_eq!(
        said(warned, &format!("limits: [{{id: b, rate: 1/h}}]\n{silence}")),
        ["guardrails.yaml unreachable-limit", "editor.yaml unused-silence"]
    );
}

/// Neither a silence nor the lint that it is about changes what a role may do.
#[test]
fn an_error_is_never_silenced() {
    for (code, rest) in [
        ("never-matches", "[]\nforbid: [{id: no, collections: []}]"),
        ("unknown-collection", "[]\nforbid: [{id: no, collections: [artcles]}]"),
        (
            "unknown-collection",
            r#"[{id: a, collections: ["*", "!directus_*", "!artcles"], actions: [read]}]"#,
        ),
        (
            "unknown-field",
            r#"[{id: a, collections: [articles], actions: [read], fields: ["*", "!secret_not"]}]"#,
        ),
        (
            "unknown-field",
            "[{id: a, collections: [articles], actions: [read, update], validation: {staus: {_eq: x}}}]",
        ),
        ("unknown-field", "[{id: a, collections: [articles], actions: [read, create], presets: {staus: x}}]"),
        ("unknown-field", "[]\nredact: [\"customers.snn\"]"),
    ] {
        let silenced = format!("{rest}\nsilence: [{{lint: {code}, reason: No.}}]");
        for rest in [rest, &silenced] {
            let text = lints(&role(rest));
            assert!(text.contains(&format!("error[{code}]")), "{rest}\n{text}");
        }
        assert!(lints(&role(&silenced)).contains("warning[unused-silence]"), "{silenced}");
    }
}
