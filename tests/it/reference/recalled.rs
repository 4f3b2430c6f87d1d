//! What the trail keeps of a call is enough to decide it again: by the same policy, and by another one.

use super::generate::Policy;
use super::{Message, judged, messages, policies, schema};
use warrener::directus::accesses::Decoded;
use warrener::directus::{Meaning, SchemaSnapshot, ToolCall};
use warrener::policy::facts::{Recalled, facts_with_values};
use warrener::policy::replay::Again;
use warrener::policy::{Code, PolicySet, Verdict};

/// The facts of a call, as a gateway with that policy keeps them.
pub(super) fn facts(set: &PolicySet, call: &ToolCall, decoded: &Decoded) -> String {
    let facts = facts_with_values(set.role("tester").unwrap(), call, decoded, &|_, _| true);
    serde_json::to_string(&facts.importing(decoded.imports.clone())).unwrap()
}

/// How often each thing came out.
#[derive(Debug, Default)]
struct Seen {
    same: u32,
    undecidable: u32,
    only_with_the_request: u32,
}

type Calls = (Vec<Message>, SchemaSnapshot);

/// Decides what `recorded` has kept by `asked`, and by the request itself.
fn compare(calls: &Calls, recorded: &PolicySet, asked: &PolicySet, policy: &Policy, seen: &mut Seen) {
    let (messages, schema) = calls;
    for message in messages {
        let kept = judged(recorded, schema, &message.query_string, &message.body);
        let Ok((Meaning::Tool(call), decoded)) = &kept.message else { continue };
        if decoded.accesses.is_empty() {
            continue;
        }
        let recalled = Recalled::read(&facts(recorded, call, decoded)).expect(&message.id);
        let again = asked.decide_again("tester", schema, &recalled);
        let whole = judged(asked, schema, &message.query_string, &message.body).decision;
        match (&again, &whole.verdict) {
            (Again::Permit { .. }, Verdict::Permit(_)) => seen.same += 1,
            (Again::Deny(one), Verdict::Deny(first, more)) => {
                let all = std::iter::once(first).chain(more);
                assert!(all.into_iter().any(|reason| reason == one), "{}: {again:?} {policy:?}", message.id);
                seen.same += 1;
            }
            // An obligation that the request cannot take, and a condition that the client put there in the policy's own words.
            (Again::Permit { .. }, Verdict::Deny(reason, _)) if reason.code == Code::NotUnderstood => {
                seen.only_with_the_request += 1;
            }
            (Again::Undecidable(_), _) => seen.undecidable += 1,
            (_, verdict) => panic!("{}: {again:?} {verdict:?} {policy:?}", message.id),
        }
    }
}

#[test]
fn the_same_policy_says_the_same_of_what_the_trail_keeps() {
    let (calls, mut seen) = ((messages(), schema()), Seen::default());
    for policy in policies(20) {
        let set = policy.load();
        compare(&calls, &set, &set, &policy, &mut seen);
    }
    assert!(seen.same > 4000, "{seen:?}");
    assert!(seen.undecidable * 50 < seen.same && seen.only_with_the_request * 100 < seen.same, "{seen:?}");
}

#[test]
fn another_policy_says_of_it_what_it_says_of_the_request_or_that_it_cannot_tell() {
    let (calls, mut seen) = ((messages(), schema()), Seen::default());
    let all = policies(20);
    for (recorded, asked) in all.iter().zip(all.iter().skip(1)) {
        compare(&calls, &recorded.load(), &asked.load(), asked, &mut seen);
    }
    assert!(seen.same > 4000, "{seen:?}");
    assert!(seen.undecidable * 5 < seen.same && seen.only_with_the_request * 100 < seen.same, "{seen:?}");
}
