//! The grammar of `fields`.

use super::engine::{HIDDEN, OWN, call, judged};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use warrener::policy::judge::Judged;

/// One entry a line, after a first line that names the collection where it is one.
///
/// The order of the entries means nothing, nor do repeating one, blanks around it, or a comma in place of a new entry; fewer entries
/// read nothing more. What hides fields spells every wildcard out, names none of them, and what is spelled out reads the same.
pub fn fields(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (collection, entries) = match text.split_once('\n') {
        Some((
            collection @ ("authors" | "comments" | "customers" | "articles_blocks" | "directus_users"),
            rest,
        )) => (collection, rest),
        Some(_) | None => ("articles", text),
    };
    let entries: Vec<&str> = entries.split('\n').collect();
    for role in ["everything", "hiding"] {
        let read = |entries: &[&str]| of(role, collection, entries);
        let first = read(&entries);
        alike(&first, &read(&entries.iter().rev().copied().collect::<Vec<_>>()));
        alike(&first, &read(&[entries.clone(), entries.clone()].concat()));
        let padded: Vec<String> = entries.iter().map(|entry| format!(" {entry}\t")).collect();
        alike(&first, &read(&padded.iter().map(String::as_str).collect::<Vec<_>>()));
        if entries.iter().all(|entry| balanced(entry)) {
            alike(&first, &read(&[&entries.join(",")]));
        }
        let fewer = read(entries.split_last().map_or(&[][..], |(_, rest)| rest));
        if entries.len() > 1 && first.message.is_ok() && fewer.message.is_ok() {
            assert!(reads(&fewer).is_subset(&reads(&first)), "{:?} {:?}", reads(&fewer), reads(&first));
        }
        if role == "hiding" {
            hidden(&first);
        }
    }
}

fn of(role: &str, collection: &str, entries: &[&str]) -> Judged {
    let arguments =
        json!({"action": "read", "collection": collection, "query": {"fields": entries, "limit": 5}});
    judged(&OWN, role, "", call("items", &arguments).as_bytes())
}

fn alike(one: &Judged, other: &Judged) {
    let code = |judged: &Judged| judged.decision.reason().map(|reason| reason.code);
    assert_eq!(code(one), code(other), "{:?} and {:?}", one.decision.reason(), other.decision.reason());
    assert_eq!(reads(one), reads(other));
    if one.decision.permit().is_some() {
        let spelled = |judged: &Judged| spelled(judged).into_iter().collect::<BTreeSet<String>>();
        // A list that is not changed is forwarded as it was written.
        if spelled(one) != spelled(other) {
            assert!(
                one.decision.permit().unwrap().obligations == other.decision.permit().unwrap().obligations
            );
        }
    }
}

/// What is read, field by field, with the path that leads there.
fn reads(judged: &Judged) -> BTreeSet<(String, String, String)> {
    let Ok((_, decoded)) = &judged.message else { return BTreeSet::new() };
    let each = decoded.accesses.iter().flat_map(|access| {
        let star = access.fields.wildcard.then(|| "*".to_owned());
        let names = access.fields.named.iter().cloned().chain(star);
        names.map(|name| (access.via.clone(), access.collection.clone(), name))
    });
    each.collect()
}

fn spelled(judged: &Judged) -> Vec<String> {
    let arguments = judged.decision.permit().and_then(|permit| permit.meaning.arguments());
    let fields = arguments.as_ref().and_then(|arguments| arguments.get("query")?.get("fields")?.as_array());
    fields.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Nothing that is forwarded names a hidden field, or leaves it to Directus to name all there are.
fn hidden(judged: &Judged) {
    let fields = spelled(judged);
    for entry in &fields {
        // The second part of `json(meta, …)` is a path inside of a document.
        let names = entry.split("json(").next().unwrap_or_default();
        let mut words = names.split(|one: char| !one.is_alphanumeric() && one != '_');
        assert!(!words.any(|word| HIDDEN.contains(&word)), "{fields:?}");
    }
    let root = judged.decision.permit().and_then(|permit| permit.meaning.arguments());
    if root.is_some_and(|arguments| arguments["collection"] == "articles") {
        assert!(
            !fields.iter().flat_map(|entry| entry.split(',')).any(|entry| entry.trim() == "*"),
            "{fields:?}"
        );
    }
}

fn balanced(entry: &str) -> bool {
    let mut depth = 0_i32;
    let closes = entry.chars().all(|one| {
        depth += i32::from(one == '(') - i32::from(one == ')');
        depth >= 0
    });
    closes && depth == 0
}
