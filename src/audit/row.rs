//! An entry as it stands in the tables.

use super::chain::{self, Digest, Salt, Value};
use super::entry::{Entry, Kind, Outcome, Subject};
use crate::directus::access::Access;

/// The columns that an entry's digest covers, in the order of [`Row::values`].
pub(super) const COLUMNS: [&str; 34] = [
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
    "arguments_kept",
    "facts_digest",
    "received",
    "forwarded",
    "policy_revision",
    "schema_digest",
    "trace_id",
    "count",
    "outcome",
    "http_status",
    "error_code",
    "items",
    "response_bytes",
    "response_digest",
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

/// What covers a row of `payloads`; arguments and facts themselves stay in the entry.
#[derive(Debug)]
struct Salted {
    salt: Salt,
    arguments: Option<Digest>,
    facts: Option<Digest>,
}

/// A row of `payloads`.
#[derive(Debug)]
pub(super) struct Payload<'a> {
    pub(super) arguments: Option<&'a str>,
    pub(super) facts: Option<&'a str>,
    pub(super) salt: &'a Salt,
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
    /// Prepares an entry; arguments and facts are salted here, so it fails where the system has no randomness to give.
    pub(super) fn new(mut entry: Entry) -> Result<Self, getrandom::Error> {
        let payload = match entry.subject.as_deref() {
            Some(subject) => Salted::new(subject)?,
            None => None,
        };
        let accesses = match entry.subject.as_deref_mut() {
            Some(subject) => std::mem::take(&mut subject.accesses).into_iter().map(AccessRow::new).collect(),
            None => Vec::new(),
        };
        let note = entry.note.take().map(|note| note.to_string());
        Ok(Self { call_id: entry.call.to_string(), entry, note, payload, accesses })
    }

    /// The name whose pseudonym stands in the row; a stranger has none.
    pub(super) fn name(&self) -> Option<&str> {
        self.entry
            .subject
            .as_deref()
            .map(|subject| subject.principal.as_str())
            .filter(|name| !name.is_empty())
    }

    /// Whether it says how a call ended.
    pub(super) fn is_outcome(&self) -> bool {
        self.entry.kind == Kind::Outcome
    }

    /// The digest that seals the row after the one that `prev` seals, given what [`Row::values`] returned.
    pub(super) fn digest(&self, values: &[Value<'_>; COLUMNS.len()], prev: &Digest) -> Digest {
        let count = Value::Integer(integer(self.accesses.len()));
        let accesses = self.accesses.iter().flat_map(AccessRow::values);
        chain::digest(prev, values.iter().copied().chain([count]).chain(accesses))
    }

    /// What stands in [`COLUMNS`] at its place in the chain, given the pseudonym of [`Row::name`].
    pub(super) fn values<'a>(&'a self, seq: i64, principal: Option<&'a str>) -> [Value<'a>; COLUMNS.len()] {
        let principal = principal.unwrap_or_default();
        let payload = self.payload.as_ref();
        let subject = self.entry.subject.as_deref();
        let subject =
            subject.map_or([Value::Null; 22], |subject| subject_values(subject, principal, payload));
        let outcome = self.entry.outcome.as_ref().map_or([Value::Null; 7], outcome_values);
        let place = [
            Value::Integer(seq),
            Value::Text(&self.call_id),
            Value::Text(self.entry.kind.as_str()),
            Value::Integer(self.entry.at),
        ];
        let mut values = place.into_iter().chain(subject).chain(outcome).chain([self.note.as_deref().into()]);
        std::array::from_fn(|_| values.next().unwrap_or(Value::Null))
    }

    /// The row of `payloads`.
    pub(super) fn payload(&self) -> Option<Payload<'_>> {
        let subject = self.entry.subject.as_deref()?;
        let arguments = subject.arguments.as_deref().filter(|_| !subject.digest_only);
        let salt = &self.payload.as_ref()?.salt;
        Some(Payload { arguments, facts: subject.facts.as_deref(), salt })
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
    fn new(subject: &Subject) -> Result<Option<Self>, getrandom::Error> {
        let (arguments, facts) = (subject.arguments.as_deref(), subject.facts.as_deref());
        if arguments.is_none() && facts.is_none() {
            return Ok(None);
        }
        let salt = chain::salt()?;
        let digest = |text| chain::salted_digest(&salt, text);
        Ok(Some(Self { arguments: arguments.map(digest), facts: facts.map(digest), salt }))
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

fn subject_values<'a>(
    subject: &'a Subject,
    principal: &'a str,
    payload: Option<&'a Salted>,
) -> [Value<'a>; 22] {
    let bytes = |digest: Option<&'a Digest>| digest.map(<[u8; 32]>::as_slice).into();
    [
        Value::Text(principal),
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
        bytes(payload.and_then(|payload| payload.arguments.as_ref())),
        subject.arguments.as_ref().map(|_| i64::from(!subject.digest_only)).into(),
        bytes(payload.and_then(|payload| payload.facts.as_ref())),
        bytes(subject.received.as_ref()),
        bytes(subject.forwarded.as_ref()),
        Value::Text(&subject.policy_revision),
        subject.schema_digest.as_deref().into(),
        subject.trace_id.as_deref().into(),
        Value::Integer(integer(subject.count)),
    ]
}

fn outcome_values(outcome: &Outcome) -> [Value<'_>; 7] {
    [
        Value::Text(outcome.word.as_str()),
        outcome.http_status.map(i64::from).into(),
        outcome.error_code.as_deref().into(),
        outcome.items.map(integer).into(),
        outcome.response_bytes.map(integer).into(),
        outcome.response_digest.as_ref().map(<[u8; 32]>::as_slice).into(),
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
    use uuid::Uuid;

    #[test]
    fn the_values_stand_in_their_columns() {
        let entry = Entry {
            call: Uuid::nil(),
            kind: Kind::Outcome,
            at: 7,
            subject: Some(Box::new(Subject { count: 3, ..Subject::default() })),
            outcome: Some(Outcome { duration_us: Some(5), ..Outcome::default() }),
            note: Some("note".into()),
        };
        let row = Row::new(entry).unwrap();
        let values = row.values(1, Some("pseudonym"));
        let at = |name: &str| values[COLUMNS.iter().position(|column| *column == name).unwrap()];
        assert_eq!(at("seq"), Value::Integer(1));
        assert_eq!(at("principal"), Value::Text("pseudonym"));
        assert_eq!(at("count"), Value::Integer(3));
        assert_eq!(at("duration_us"), Value::Integer(5));
        assert_eq!(at("note"), Value::Text("\"note\""));
    }
}
