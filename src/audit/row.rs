//! An entry as it stands in the tables.

use super::chain::{self, Digest, Value};
use super::entry::{Entry, Outcome, Subject};
use crate::directus::access::Access;

/// The columns that an entry's digest covers, in the order of [`Row::values`].
pub(super) const COLUMNS: [&str; 32] = [
    "seq",
    "call_id",
    "kind",
    "at",
    "principal",
    "role",
    "client_name",
    "client_version",
    "client_address",
    "method",
    "tool",
    "decision",
    "rule",
    "reason",
    "detail",
    "enforced",
    "request_bytes",
    "arguments_digest",
    "received",
    "forwarded",
    "policy_revision",
    "schema_digest",
    "trace_id",
    "facts",
    "count",
    "outcome",
    "http_status",
    "error_code",
    "items",
    "response_bytes",
    "duration_us",
    "note",
];

/// An entry that is ready to be written: everything but its place in the chain.
#[derive(Debug)]
pub(super) struct Row {
    call_id: String,
    entry: Entry,
    note: Option<String>,
    payload: Option<Salted>,
    accesses: Vec<AccessRow>,
}

/// A row of `payloads`; the arguments themselves stay in the entry.
#[derive(Debug)]
struct Salted {
    salt: [u8; 16],
    digest: Digest,
}

/// A row of `accesses`.
#[derive(Debug)]
pub(super) struct AccessRow {
    action: &'static str,
    collection: String,
    fields: String,
    extent: String,
    via: String,
    asked: bool,
}

impl Row {
    /// Prepares an entry; the arguments are salted here, so it fails where the system has no randomness to give.
    pub(super) fn new(mut entry: Entry) -> Result<Self, getrandom::Error> {
        let payload = match entry.subject.as_deref().and_then(|subject| subject.arguments.as_deref()) {
            Some(arguments) => Some(Salted::new(arguments)?),
            None => None,
        };
        let accesses = match entry.subject.as_deref_mut() {
            Some(subject) => std::mem::take(&mut subject.accesses).into_iter().map(AccessRow::new).collect(),
            None => Vec::new(),
        };
        let note = entry.note.take().map(|note| note.to_string());
        Ok(Self { call_id: entry.call.to_string(), entry, note, payload, accesses })
    }

    /// The digest that seals the row at its place in the chain.
    pub(super) fn digest(&self, seq: i64, prev: &Digest) -> Digest {
        let count = Value::Integer(integer(self.accesses.len()));
        let accesses = self.accesses.iter().flat_map(AccessRow::values);
        chain::digest(prev, self.values(seq).into_iter().chain([count]).chain(accesses))
    }

    /// What stands in [`COLUMNS`].
    pub(super) fn values(&self, seq: i64) -> Vec<Value<'_>> {
        let mut values = vec![
            Value::Integer(seq),
            Value::Text(&self.call_id),
            Value::Text(self.entry.kind.as_str()),
            Value::Integer(self.entry.at),
        ];
        let digest = self.payload.as_ref().map(|payload| payload.digest.as_slice());
        values.extend(self.entry.subject.as_deref().map_or([Value::Null; 21], |s| subject(s, digest)));
        values.extend(self.entry.outcome.as_ref().map_or([Value::Null; 6], outcome));
        values.push(self.note.as_deref().into());
        values
    }

    /// The row of `payloads`: arguments and salt.
    pub(super) fn payload(&self) -> Option<(&str, &[u8])> {
        let arguments = self.entry.subject.as_deref()?.arguments.as_deref()?;
        Some((arguments, self.payload.as_ref()?.salt.as_slice()))
    }

    /// The rows of `accesses`, in order.
    pub(super) fn accesses(&self) -> &[AccessRow] {
        &self.accesses
    }

    /// About how many bytes the row holds in memory, for the bound on what waits.
    pub(super) fn size(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let subject = self.entry.subject.as_deref();
        let subject = subject.map_or(0, |s| text(&s.arguments) + text(&s.facts) + text(&s.detail));
        let accesses =
            self.accesses.iter().map(|row| 200 + row.fields.len() + row.extent.len() + row.via.len());
        1000 + subject + text(&self.note) + accesses.sum::<usize>()
    }
}

impl Salted {
    fn new(arguments: &str) -> Result<Self, getrandom::Error> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt)?;
        Ok(Self { salt, digest: chain::arguments_digest(&salt, arguments) })
    }
}

impl AccessRow {
    fn new(access: Access) -> Self {
        Self {
            action: access.action.as_str(),
            fields: serde_json::Value::from(access.fields.shown()).to_string(),
            extent: access.extent.shown().to_string(),
            asked: access.origin.is_asked(),
            collection: access.collection,
            via: access.via,
        }
    }

    /// What stands in `action`, `collection`, `fields`, `extent`, `via` and `asked`.
    pub(super) fn values(&self) -> [Value<'_>; 6] {
        [
            Value::Text(self.action),
            Value::Text(&self.collection),
            Value::Text(&self.fields),
            Value::Text(&self.extent),
            Value::Text(&self.via),
            Value::Integer(self.asked.into()),
        ]
    }
}

fn subject<'a>(subject: &'a Subject, arguments_digest: Option<&'a [u8]>) -> [Value<'a>; 21] {
    [
        Value::Text(&subject.principal),
        Value::Text(&subject.role),
        subject.client_name.as_deref().into(),
        subject.client_version.as_deref().into(),
        subject.client_address.as_deref().into(),
        Value::Text(&subject.method),
        subject.tool.as_deref().into(),
        Value::Text(subject.decision),
        subject.rule.as_deref().into(),
        subject.reason.into(),
        subject.detail.as_deref().into(),
        Value::Integer(subject.enforced.into()),
        Value::Integer(integer(subject.request_bytes)),
        arguments_digest.into(),
        subject.received.as_ref().map(<[u8; 32]>::as_slice).into(),
        subject.forwarded.as_ref().map(<[u8; 32]>::as_slice).into(),
        Value::Text(&subject.policy_revision),
        subject.schema_digest.as_deref().into(),
        subject.trace_id.as_deref().into(),
        subject.facts.as_deref().into(),
        Value::Integer(integer(subject.count)),
    ]
}

fn outcome(outcome: &Outcome) -> [Value<'_>; 6] {
    [
        Value::Text(outcome.word.as_str()),
        outcome.http_status.map(i64::from).into(),
        outcome.error_code.as_deref().into(),
        outcome.items.map(integer).into(),
        outcome.response_bytes.map(integer).into(),
        outcome.duration_us.map(integer).into(),
    ]
}

/// SQLite's integers end at 2^63-1; no count here gets near it.
fn integer<N: TryInto<i64>>(number: N) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::entry::Kind;
    use uuid::Uuid;

    #[test]
    fn has_a_value_for_each_column() {
        let mut entry = Entry {
            call: Uuid::nil(),
            kind: Kind::Outcome,
            at: 0,
            subject: Some(Box::default()),
            outcome: Some(Outcome::default()),
            note: None,
        };
        assert_eq!(Row::new(entry.clone()).unwrap().values(1).len(), COLUMNS.len());
        (entry.subject, entry.outcome) = (None, None);
        assert_eq!(Row::new(entry).unwrap().values(1).len(), COLUMNS.len());
    }
}
