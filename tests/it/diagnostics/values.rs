//! Values that cannot be used.

use super::role;
use insta::assert_snapshot;

#[test]
fn bad_rates() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [read]
limits:
  - {id: a, rate: 120}
  - {id: b, rate: 120/minute}
  - {id: c, rate: 0/s}
  - {id: d, rate: often}
";
    assert_snapshot!(role(text), @r"
    error[rate]: `120` is no rate: it has no span of time
     --> editor.yaml:8:19
      |
    8 |   - {id: a, rate: 120}
      |                   ^^^
      |
      = help: write `120/s`, `120/min` or `120/h`

    error[rate]: `120/minute` is not a rate
     --> editor.yaml:9:19
      |
    9 |   - {id: b, rate: 120/minute}
      |                   ^^^^^^^^^^
      |
      = help: write `120/min`

    error[rate]: `0/s` is not a rate
      --> editor.yaml:10:19
       |
    10 |   - {id: c, rate: 0/s}
       |                   ^^^
       |
       = help: write a number from 1 on, and `/s`, `/min` or `/h`: `120/min`

    error[rate]: `often` is not a rate
      --> editor.yaml:11:19
       |
    11 |   - {id: d, rate: often}
       |                   ^^^^^
       |
       = help: write a number from 1 on, and `/s`, `/min` or `/h`: `120/min`
    ");
}

#[test]
fn a_limit_is_one_thing() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [read]
limits:
  - {id: a, rate: 3/s, concurrency: 4}
  - {id: b}
  - {id: c, concurrency: 2, burst: 3}
  - {id: d, rate: 3/s, burst: 0, per: client}
";
    assert_snapshot!(role(text), @r"
    error[limit]: a limit is a `rate` or a `concurrency`, not both
     --> editor.yaml:8:37
      |
    8 |   - {id: a, rate: 3/s, concurrency: 4}
      |                                     ^
      |
      = help: make two limits of it

    error[missing-key]: a limit needs `rate`
     --> editor.yaml:9:6
      |
    9 |   - {id: b}
      |      ^^
      |
      = help: write `rate: 120/min` or `concurrency: 4`

    error[limit]: `burst` belongs to a `rate`, not to a `concurrency`
      --> editor.yaml:10:29
       |
    10 |   - {id: c, concurrency: 2, burst: 3}
       |                             ^^^^^
       |
       = help: leave it out

    error[number]: `0` is not a number that can stand here
      --> editor.yaml:11:31
       |
    11 |   - {id: d, rate: 3/s, burst: 0, per: client}
       |                               ^
       |
       = help: write a whole number from 1 to 4294967295

    error[unknown-word]: `client` is not something to count by
      --> editor.yaml:11:39
       |
    11 |   - {id: d, rate: 3/s, burst: 0, per: client}
       |                                       ^^^^^^
       |
       = help: write `principal`, `role` or `address`
    ");
}

#[test]
fn import_without_a_source() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [read, import]
";
    assert_snapshot!(role(text), @r#"
    error[import-from]: `import` is permitted, but `import_from` does not say from where
     --> editor.yaml:6:21
      |
    6 |     actions: [read, import]
      |                     ^^^^^^
      |
      = help: add `import_from: ["https://images.example.com/"]` to the role
    "#);
}

#[test]
fn import_sources() {
    let text = r#"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [read]
import_from:
  - https://images.example.com
  - https://user@images.example.com/
  - "https://*.example.com/"
  - ftp://images.example.com/
  - https://images.example.com/a/../b/
  - images.example.com
"#;
    assert_snapshot!(role(text), @r#"
    error[import-url]: `https://images.example.com` names a host without a path
     --> editor.yaml:8:5
      |
    8 |   - https://images.example.com
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write `https://images.example.com/` for all of that host

    error[import-url]: `https://user@images.example.com/` has user information in it
     --> editor.yaml:9:5
      |
    9 |   - https://user@images.example.com/
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: leave out everything up to the `@`

    error[import-url]: `https://*.example.com/` has a pattern in it
      --> editor.yaml:10:5
       |
    10 |   - "https://*.example.com/"
       |     ^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: list each host; the path counts as a prefix anyway

    error[import-url]: `ftp://images.example.com/` is not an address of the web
      --> editor.yaml:11:5
       |
    11 |   - ftp://images.example.com/
       |     ^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: write `https://…`

    error[import-url]: `https://images.example.com/a/../b/` has dots or encoded separators in its path
      --> editor.yaml:12:5
       |
    12 |   - https://images.example.com/a/../b/
       |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: write the path as it is

    error[import-url]: `images.example.com` is not a complete URL: relative URL without a base
      --> editor.yaml:13:5
       |
    13 |   - images.example.com
       |     ^^^^^^^^^^^^^^^^^^
       |
       = help: write `https://images.example.com/`
    "#);
}

#[test]
fn keys_that_are_not_canonical() {
    let text = r#"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [read]
    keys: [-1, 1.5, "01", "5C7B1F0E-0000-4000-8000-000000000000", "1e0"]
"#;
    assert_snapshot!(role(text), @r#"
    error[key]: `-1` cannot be a primary key
     --> editor.yaml:7:12
      |
    7 |     keys: [-1, 1.5, "01", "5C7B1F0E-0000-4000-8000-000000000000", "1e0"]
      |            ^^
      |
      = help: write a whole number without sign or point

    error[key]: `1.5` cannot be a primary key
     --> editor.yaml:7:16
      |
    7 |     keys: [-1, 1.5, "01", "5C7B1F0E-0000-4000-8000-000000000000", "1e0"]
      |                ^^^
      |
      = help: write a whole number without sign or point

    error[key]: `01` is not the form in which keys are compared
     --> editor.yaml:7:21
      |
    7 |     keys: [-1, 1.5, "01", "5C7B1F0E-0000-4000-8000-000000000000", "1e0"]
      |                     ^^^^
      |
      = help: write `"1"`

    error[key]: `5C7B1F0E-0000-4000-8000-000000000000` is not the form in which keys are compared
     --> editor.yaml:7:27
      |
    7 |     keys: [-1, 1.5, "01", "5C7B1F0E-0000-4000-8000-000000000000", "1e0"]
      |                           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: write `"5c7b1f0e-0000-4000-8000-000000000000"`

    error[key]: `1e0` cannot be a primary key
     --> editor.yaml:7:67
      |
    7 |     keys: [-1, 1.5, "01", "5C7B1F0E-0000-4000-8000-000000000000", "1e0"]
      |                                                                   ^^^^^
      |
      = help: write the key as Directus shows it
    "#);
}

#[test]
fn by_query_needs_max_items() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [update]
    by_query: true
";
    assert_snapshot!(role(text), @r"
    error[by-query]: `by_query` without `max_items` would write any number of items that nobody named
     --> editor.yaml:7:5
      |
    7 |     by_query: true
      |     ^^^^^^^^
      |
      = help: write `max_items: 20`, or `max_items: unlimited` on purpose
    ");
}

#[test]
fn no_items_at_all() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [read]
    max_items: 0
";
    assert_snapshot!(role(text), @r"
    error[max-items]: `0` is no number of items
     --> editor.yaml:7:16
      |
    7 |     max_items: 0
      |                ^
      |
      = help: write a number from 1 on, or `unlimited`
    ");
}

#[test]
fn an_unknown_operator() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [read]
    filter: {status: {_equals: draft}}
    validation: {title: {_some: {}}}
";
    assert_snapshot!(role(text), @r"
    error[operator]: `_equals` is not an operator that can be used here
     --> editor.yaml:7:23
      |
    7 |     filter: {status: {_equals: draft}}
      |                       ^^^^^^^
      |
      = help: use `_eq`, `_neq`, `_lt`, `_lte`, `_gt`, `_gte`, `_in`, `_nin`, `_null`, `_nnull`, `_empty`, `_nempty`, `_contains`, `_ncontains`, `_icontains`, `_nicontains`, `_starts_with`, `_nstarts_with`, `_istarts_with`, `_nistarts_with`, `_ends_with`, `_nends_with`, `_iends_with`, `_niends_with`, `_between`, `_nbetween`, `_intersects`, `_nintersects`, `_intersects_bbox`, `_nintersects_bbox`, `_some`, `_none`, `_json`, `_and` or `_or`

    error[operator]: `_some` is not an operator that can be used here
     --> editor.yaml:8:26
      |
    8 |     validation: {title: {_some: {}}}
      |                          ^^^^^
      |
      = help: use `_eq`, `_neq`, `_lt`, `_lte`, `_gt`, `_gte`, `_in`, `_nin`, `_null`, `_nnull`, `_empty`, `_nempty`, `_contains`, `_ncontains`, `_icontains`, `_starts_with`, `_ends_with`, `_between`, `_nbetween` or `_regex`
    ");
}

/// Each would let something through that the rule seems to stop.
#[test]
fn rules_that_would_restrict_nothing() {
    let found = |key: &str, rule: &str| {
        let text = format!(
            "version: 1\nrole: editor\npermissions:\n  - id: a\n    collections: [articles]\n    actions: [read, create]\n    {key}: {rule}\n"
        );
        role(&text)
    };
    for (key, rule, says) in [
        ("filter", "{id: {}}", "error[filter]: what stands under `id` restricts nothing"),
        ("filter", "{_and: []}", "error[filter]: what stands under `_and` restricts nothing"),
        ("filter", "{_or: [{id: {_eq: 1}}, {}]}", "error[empty-rule]"),
        ("filter", "{id: {_between: [1]}}", "error[filter]: what stands under `id` restricts nothing"),
        ("filter", "{id: {_nin: []}}", "error[filter]: what stands under `id` restricts nothing"),
        (
            "filter",
            "{author: {articles: {}}}",
            "error[filter]: what stands under `articles` restricts nothing",
        ),
        ("filter", "{id: [1]}", "error[filter]: a list under `id`"),
        ("validation", "{status: draft}", "expected a comparison"),
        ("validation", "{status: {}}", "expected a comparison"),
        ("validation", "{_or: []}", "error[empty-rule]"),
        ("validation", "{author: {name: {_eq: x}}}", "`name` is not a field of the written item itself"),
        ("validation", "{author.name: {_eq: x}}", "`author.name` is not a field of the written item itself"),
        ("validation", "{price: {_between: [1]}}", "a range has two ends"),
        ("validation", "{price: {_eq: null}}", "write `_null: true`"),
        ("validation", "{title: {_contains: \"\"}}", "this text is empty"),
        ("validation", "{slug: {_regex: \"(?=a)\"}}", "error[regex]"),
        ("presets", "{user_created: $CURRENT_USER}", "`$CURRENT_USER` would be written as it stands"),
        ("presets", "{author.name: x}", "`author.name` is not a field of the written item itself"),
    ] {
        assert!(found(key, rule).contains(says), "{key}: {rule}:\n{}", found(key, rule));
    }
    for (key, rule) in [
        ("filter", "{_or: [{id: {_in: [1, 2]}}, {author: {name: {_nnull: true}}}]}"),
        ("filter", "{status: draft}"),
        ("filter", "{comments: {_some: {id: {_gt: 1}}}}"),
        ("validation", "{_or: [{status: {_eq: draft}}, {price: {_gte: 1, _lt: 9}}]}"),
        ("validation", "{slug: {_regex: \"/^[a-z]+$/\"}}"),
        ("presets", "{status: draft, price: 0, meta: {a: 1}}"),
    ] {
        assert!(!found(key, rule).contains("error"), "{key}: {rule}:\n{}", found(key, rule));
    }
}

/// Directus refuses it in a query or leaves it out: the filter could be no filter.
#[test]
fn a_comparison_that_directus_only_validates_with() {
    let text = |key: &str| {
        format!(
            "version: 1\nrole: editor\npermissions:\n  - id: read\n    collections: [articles]\n    actions: [read]\n    \
             {key}: {{title: {{_regex: \"^a\"}}}}\n"
        )
    };
    assert!(role(&text("filter")).contains("`_regex` is not an operator that can be used here"));
    assert!(!role(&text("validation")).contains("error"));
}

#[test]
fn an_empty_filter() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [read]
    filter: {}
";
    assert_snapshot!(role(text), @r"
    error[empty-rule]: an empty rule restricts nothing
     --> editor.yaml:7:13
      |
    7 |     filter: {}
      |             ^^
      |
      = help: write a rule such as `{status: {_eq: published}}`, or leave the key out
    ");
}

#[test]
fn redact_names_a_field_of_a_collection() {
    let text = r#"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [read]
redact: [ssn, "!a.b", "a.b.c"]
"#;
    assert_snapshot!(role(text), @r#"
    error[redact-pattern]: `ssn` does not name a field of a collection
     --> editor.yaml:7:10
      |
    7 | redact: [ssn, "!a.b", "a.b.c"]
      |          ^^^
      |
      = help: write `"customers.ssn"`, or `"*.ssn"` for all collections

    error[pattern]: `redact` has no exclusions
     --> editor.yaml:7:15
      |
    7 | redact: [ssn, "!a.b", "a.b.c"]
      |               ^^^^^^
      |
      = help: list what is to be redacted; there is no way to take something out again

    error[redact-pattern]: `a.b.c` does not name a field of a collection
     --> editor.yaml:7:23
      |
    7 | redact: [ssn, "!a.b", "a.b.c"]
      |                       ^^^^^^^
      |
      = help: write collection, dot, field: `"customers.ssn"`
    "#);
}

#[test]
fn modes_and_prompts() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [read]
mode: audit
system_prompt: {replace: a, append: b}
";
    assert_snapshot!(role(text), @r"
    error[unknown-word]: `audit` is not a mode
     --> editor.yaml:7:7
      |
    7 | mode: audit
      |       ^^^^^
      |
      = help: write `enforce` or `observe`

    error[system-prompt]: `system_prompt` is replaced or appended to
     --> editor.yaml:8:17
      |
    8 | system_prompt: {replace: a, append: b}
      |                 ^^^^^^^
      |
      = help: write one of `replace` and `append`
    ");
}

#[test]
fn an_own_tool_is_never_opaque() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [read]
tools: {opaque: [items, other]}
";
    assert_snapshot!(role(text), @r"
    error[opaque-tool]: `opaque` lets `items` through, which is Directus' own tool
     --> editor.yaml:7:17
      |
    7 | tools: {opaque: [items, other]}
      |                 ^^^^^^^^^^^^^^
      |
      = help: list only tools of others: what Directus' own tools do is decoded and decided
    ");
}

#[test]
fn only_guardrails_make_exceptions() {
    let text = r"version: 1
role: editor
permissions:
  - id: read
    collections: [articles]
    actions: [read]
forbid:
  - {id: x, collections: [tags], except: [reader], fields: [a]}
";
    assert_snapshot!(role(text), @r"
    error[except]: only the guardrails have `except`
     --> editor.yaml:8:34
      |
    8 |   - {id: x, collections: [tags], except: [reader], fields: [a]}
      |                                  ^^^^^^
      |
      = help: the file is the role; leave it out, or move the rule into guardrails.yaml

    error[unknown-key]: `fields` is not a key of a rule under `forbid`
     --> editor.yaml:8:52
      |
    8 |   - {id: x, collections: [tags], except: [reader], fields: [a]}
      |                                                    ^^^^^^
      |
      = help: what is forbidden is forbidden for all fields; leave them out of a permission's `fields` instead
    ");
}
