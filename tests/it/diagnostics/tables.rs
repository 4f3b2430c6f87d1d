//! Files of tests: fixtures, tables, and in what way a call is permitted.

use super::cases;
use insta::assert_snapshot;

#[test]
fn blanks_that_nothing_fills() {
    let text = r"version: 1
fixtures: {draft: {title: x}, again: {$fixture: draft}, list: [1]}
tests:
  - {name: a, call: {tool: items, arguments: {data: {$fixture: drafts}}}, expect: permit}
  - {name: b, call: {tool: items, arguments: {data: {$fixture: draft, title: y}}}, expect: permit}
  - {name: c, call: {tool: items, arguments: {data: {$fixture: [draft]}}}, expect: permit}
  - {name: d, call: {tool: items, arguments: {$fixture: list}}, expect: permit}
  - {name: e, call: {tool: items, arguments: {data: {$each: data}}}, expect: permit}
";
    assert_snapshot!(cases(text), @r#"
    error[fixture]: a fixture cannot refer to anything
     --> editor.test.yaml:2:39
      |
    2 | fixtures: {draft: {title: x}, again: {$fixture: draft}, list: [1]}
      |                                       ^^^^^^^^
      |
      = help: write the value itself

    error[fixture]: there is no fixture `drafts`
     --> editor.test.yaml:4:64
      |
    4 |   - {name: a, call: {tool: items, arguments: {data: {$fixture: drafts}}}, expect: permit}
      |                                                                ^^^^^^
      |
      = help: did you mean `draft`?

    error[fixture]: `$fixture` stands for a whole value, and there are keys beside it
     --> editor.test.yaml:5:54
      |
    5 |   - {name: b, call: {tool: items, arguments: {data: {$fixture: draft, title: y}}}, expect: permit}
      |                                                      ^^^^^^^^
      |
      = help: write `{$fixture: NAME}` alone

    error[fixture]: `$fixture` needs a name, found a list
     --> editor.test.yaml:6:64
      |
    6 |   - {name: c, call: {tool: items, arguments: {data: {$fixture: [draft]}}}, expect: permit}
      |                                                                ^^^^^^^
      |
      = help: write `{$fixture: NAME}`

    error[fixture]: the arguments of a call are a mapping
     --> editor.test.yaml:7:46
      |
    7 |   - {name: d, call: {tool: items, arguments: {$fixture: list}}, expect: permit}
      |                                              ^^^^^^^^^^^^^^^^
      |
      = help: give the fixture a mapping, or write `{$fixture: …}` for one argument

    error[each]: this test has no table to fill this in from
     --> editor.test.yaml:8:54
      |
    8 |   - {name: e, call: {tool: items, arguments: {data: {$each: data}}}, expect: permit}
      |                                                      ^^^^^
      |
      = help: add rows: `each: [{status: draft}, {status: review}]`
    "#);
}

#[test]
fn rows_that_fill_in_something_else() {
    let text = r#"version: 1
tests:
  - name: a
    call: {tool: items, arguments: {data: {status: {$each: status}}}}
    each:
      - {stauts: draft, expect: permit}
      - {status: draft, expect: permit}
      - {status: "draft", expect: {permit: {forward: {x: {$each: more}}}}}
      - {status: {$each: status}, expect: permit}
      - {status: review}
      - {expect: permit}
"#;
    assert_snapshot!(cases(text), @r#"
    error[each]: this row has no `status`
     --> editor.test.yaml:6:10
      |
    6 |       - {stauts: draft, expect: permit}
      |          ^^^^^^
      |
      = help: the test has `{$each: status}`: write `status: …` into the row

    error[each]: nothing in the test asks for `stauts`
     --> editor.test.yaml:6:10
      |
    6 |       - {stauts: draft, expect: permit}
      |          ^^^^^^
      |
      = help: write `{$each: stauts}` where the value goes, or take it out

    error[each]: this row has no `more`
     --> editor.test.yaml:8:10
      |
    8 |       - {status: "draft", expect: {permit: {forward: {x: {$each: more}}}}}
      |          ^^^^^^
      |
      = help: the test has `{$each: more}`: write `more: …` into the row

    error[duplicate-name]: two tests have this name
     --> editor.test.yaml:8:10
      |
    8 |       - {status: "draft", expect: {permit: {forward: {x: {$each: more}}}}}
      |          ^^^^^^
      |
      = help: the first one stands at line 7

    error[each]: a row cannot refer to a row
     --> editor.test.yaml:9:19
      |
    9 |       - {status: {$each: status}, expect: permit}
      |                   ^^^^^
      |
      = help: write the value itself, or `{$fixture: NAME}`

    error[missing-key]: a row needs `expect`
      --> editor.test.yaml:10:10
       |
    10 |       - {status: review}
       |          ^^^^^^
       |
       = help: write `expect` into each row, or once beside `each`

    error[each]: this row has no `status`
      --> editor.test.yaml:11:10
       |
    11 |       - {expect: permit}
       |          ^^^^^^
       |
       = help: the test has `{$each: status}`: write `status: …` into the row
    "#);
}

#[test]
fn tables_that_are_not_filled_in() {
    let text = r"version: 1
tests:
  - {name: b, call: {tool: items, arguments: {$each: all}}, each: [{all: x}], expect: permit}
  - {name: c, call: {tool: items}, each: [], expect: permit}
  - {name: d, list: tools, each: [{x: 1}], expect: [items]}
  - {name: e, call: {tool: items, arguments: {x: {$each: expect}}}, each: [{x: 1, expect: permit}]}
  - {name: f, call: {tool: items}, each: [{expect: permit}]}
";
    assert_snapshot!(cases(text), @r"
    error[each]: the arguments of a call are a mapping
     --> editor.test.yaml:3:68
      |
    3 |   - {name: b, call: {tool: items, arguments: {$each: all}}, each: [{all: x}], expect: permit}
      |                                                                    ^^^^^^^^
      |
      = help: give the row a mapping, or write `{$each: …}` for one argument

    error[empty]: this table has no rows
     --> editor.test.yaml:4:42
      |
    4 |   - {name: c, call: {tool: items}, each: [], expect: permit}
      |                                          ^^
      |
      = help: write `[{status: draft}]`

    error[test]: only a call is filled in from a table
     --> editor.test.yaml:5:28
      |
    5 |   - {name: d, list: tools, each: [{x: 1}], expect: [items]}
      |                            ^^^^
      |
      = help: write `call`, and `{$each: status}` in its arguments

    error[each]: this row has no `expect`
     --> editor.test.yaml:6:77
      |
    6 |   - {name: e, call: {tool: items, arguments: {x: {$each: expect}}}, each: [{x: 1, expect: permit}]}
      |                                                                             ^
      |
      = help: the test has `{$each: expect}`: write `expect: …` into the row

    error[each]: nothing in the test asks for `x`
     --> editor.test.yaml:6:77
      |
    6 |   - {name: e, call: {tool: items, arguments: {x: {$each: expect}}}, each: [{x: 1, expect: permit}]}
      |                                                                             ^
      |
      = help: write `{$each: x}` where the value goes, or take it out

    error[each]: this row has no values
     --> editor.test.yaml:7:44
      |
    7 |   - {name: f, call: {tool: items}, each: [{expect: permit}]}
      |                                            ^^^^^^
      |
      = help: write `{$each: status}` into the call, and `{status: draft}` into the row
    ");
}

#[test]
fn permits_that_are_expected_in_no_way() {
    let text = r"version: 1
tests:
  - {name: a, call: {tool: items}, expect: {permit: {by: editor/read}}}
  - {name: b, call: {tool: items}, expect: {permit: {forward: {}}, rule: editor/read}}
  - {name: c, call: {tool: items}, expect: {permit: {obligations: [limit], fields: {author: name}}}}
  - {name: d, call: {tool: items}, expect: {permit: {field: [a]}}}
  - {name: e, call: {tool: items}, expect: {deny: forbidden, fields: [a]}}
";
    assert_snapshot!(cases(text), @r#"
    error[unknown-key]: `by` is not a key of `permit`
     --> editor.test.yaml:3:54
      |
    3 |   - {name: a, call: {tool: items}, expect: {permit: {by: editor/read}}}
      |                                                      ^^
      |
      = help: `by` is called `rule` here

    error[test]: this is for calls that are denied
     --> editor.test.yaml:4:68
      |
    4 |   - {name: b, call: {tool: items}, expect: {permit: {forward: {}}, rule: editor/read}}
      |                                                                    ^^^^
      |
      = help: write `expect: {permit: {rule: ROLE/ID}}`

    error[type]: expected a mapping, found text
     --> editor.test.yaml:5:68
      |
    5 |   - {name: c, call: {tool: items}, expect: {permit: {obligations: [limit], fields: {author: name}}}}
      |                                                                    ^^^^^
      |
      = help: write `key: value`

    error[type]: expected a list, found text
     --> editor.test.yaml:5:93
      |
    5 |   - {name: c, call: {tool: items}, expect: {permit: {obligations: [limit], fields: {author: name}}}}
      |                                                                                             ^^^^
      |
      = help: write `[name]`

    error[unknown-key]: `field` is not a key of `permit`
     --> editor.test.yaml:6:54
      |
    6 |   - {name: d, call: {tool: items}, expect: {permit: {field: [a]}}}
      |                                                      ^^^^^
      |
      = help: did you mean `fields`?

    error[unknown-key]: `fields` is not a key of `expect`
     --> editor.test.yaml:7:62
      |
    7 |   - {name: e, call: {tool: items}, expect: {deny: forbidden, fields: [a]}}
      |                                                              ^^^^^^
      |
      = help: it stands in `permit`
    "#);
}
