//! What the trail is told of the gateway itself: which policies decide from now on, and which could not be taken.

use crate::audit::entry::{Entry, Kind};
use crate::audit::trail::{TextKind, Trail, TrailUnavailable};
use crate::identity::{Standing, Stop, Whom};
use crate::policy::PolicySet;
use crate::policy::diagnostic::Diagnostics;
use serde_json::{Value, json};
use uuid::Uuid;

/// Longest diagnostics that an entry holds, in bytes; the log has all of them.
const LONGEST: usize = 16 * 1024;

/// Puts a revision into the trail with its texts, so that what it decides can be explained however the files change. It is on the disk
/// when this returns, and has to be before anything is decided by it.
pub(super) async fn revision(trail: &Trail, policies: &PolicySet, at: i64) -> Result<(), TrailUnavailable> {
    let texts: serde_json::Map<String, Value> =
        policies.sources().iter().map(|(name, text)| (name.to_owned(), text.into())).collect();
    let text = Value::Object(texts).to_string();
    trail.keep_text(policies.revision(), TextKind::Policy, text).await?;
    let roles: Vec<&str> = policies.roles().map(|role| role.name.as_str()).collect();
    let note = json!({ "revision": policies.revision(), "roles": roles });
    trail.commit(entry(Kind::Revision, at, note)).await.map(|_| ())
}

/// An entry about policies that could not be taken, while those of the revision `active` go on.
pub(super) fn refused(problem: &Problem, active: &str, at: i64) -> Entry {
    let (count, shown) = problem.shown();
    let note =
        json!({ "event": "policies_refused", "active": active, "problems": count, "diagnostics": shown });
    entry(Kind::Marker, at, note)
}

/// An entry about all that is stopped from now on. Clients are named in it by nothing that could not be erased.
pub(super) fn stops(standing: &Standing, at: i64) -> Entry {
    let note = match standing {
        Standing::Known(file) => {
            let stop = |Stop { whom, since, reason }: &Stop| {
                let whom = match whom {
                    Whom::All => json!("all"),
                    Whom::Role(role) => json!({ "role": role }),
                    Whom::Client(_) => json!("client"),
                };
                json!({ "whom": whom, "since": since, "reason": reason })
            };
            json!({ "event": "stops", "stops": file.stops().iter().map(stop).collect::<Vec<_>>() })
        }
        // What is wrong with it may quote a name; the log has that.
        Standing::Unknown(_) => json!({ "event": "stops", "unreadable": true }),
    };
    entry(Kind::Marker, at, note)
}

/// Why a folder of policies cannot be taken.
#[derive(Debug)]
pub(super) enum Problem {
    /// It cannot be read.
    Unreadable(String),
    /// What is in it is not valid.
    Invalid(Diagnostics),
}

impl Problem {
    /// For the log.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Unreadable(text) => text.clone(),
            Self::Invalid(diagnostics) => diagnostics.to_string(),
        }
    }

    /// How many diagnostics there are, and as many of them as an entry holds.
    fn shown(&self) -> (usize, Vec<Value>) {
        let all = match self {
            Self::Unreadable(text) => vec![json!({ "severity": "error", "message": text })],
            Self::Invalid(diagnostics) => diagnostics.to_json().as_array().cloned().unwrap_or_default(),
        };
        let count = all.len();
        let mut room = LONGEST;
        let fits = |one: &Value| {
            let length = one.to_string().len();
            let fits = length <= room;
            room = room.saturating_sub(length);
            fits
        };
        (count, all.into_iter().take_while(fits).collect())
    }
}

fn entry(kind: Kind, at: i64, note: Value) -> Entry {
    Entry { call: Uuid::now_v7(), kind, at, subject: None, outcome: None, note: Some(note) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::diagnostic::{Source, Sources};
    use crate::policy::set::GuardrailsFile;

    #[test]
    fn an_entry_holds_no_more_diagnostics_than_fit() {
        for (keys, all) in [(3, true), (5000, false)] {
            let unknown = (0..keys).fold(String::new(), |text, n| text + &format!("unknown_{n}: 1\n"));
            let source = Source::new("reader.yaml", format!("version: 1\nrole: reader\n{unknown}"));
            let found = PolicySet::load(std::slice::from_ref(&source), GuardrailsFile::Optional).unwrap_err();
            let (count, shown) = Problem::Invalid(found).shown();
            assert!(count >= keys);
            assert_eq!(shown.len() == count, all, "{count}");
            assert!(!shown.is_empty() && Value::from(shown).to_string().len() <= LONGEST + count);
        }
        let long = Problem::Invalid(Diagnostics::new(Vec::new(), Sources::default()));
        assert_eq!(long.shown(), (0, Vec::new()));
    }
}
