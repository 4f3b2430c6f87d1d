//! The decided calls of a trail, one after another, for the commands that decide them again.

use super::audit::AuditError;
use super::progress;
use crate::audit::decided::DecidedCall;
use crate::audit::query::TrailReader;
use crate::directus::SchemaSnapshot;
use crate::policy::Code;
use crate::policy::facts::Recalled;
use crate::policy::replay::Undecidable;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The calls of a trail from some time on, as many as there were when it was opened: however often one walks, the way is the same.
pub(super) struct Walk {
    reader: TrailReader,
    since: Timestamp,
    first: i64,
    last: i64,
    schemas: BTreeMap<String, Option<SchemaSnapshot>>,
}

impl Walk {
    /// Opens a trail; `None` where it has no call from then on.
    pub(super) async fn open(url: &str, since: Timestamp) -> Result<Option<Self>, AuditError> {
        let mut reader = TrailReader::open(url).await?;
        let span = reader.span(since).await?;
        Ok(span.map(|(first, last)| Self { reader, since, first, last, schemas: BTreeMap::new() }))
    }

    /// Hands every call over, or those of one role, in the order of the trail, with the schema that it was decided by where the trail
    /// has that.
    pub(super) async fn calls(
        &mut self,
        role: Option<&str>,
        mut each: impl FnMut(&DecidedCall, Option<&SchemaSnapshot>),
    ) -> Result<(), AuditError> {
        self.pages(role, |page| page.iter().for_each(|(call, schema)| each(call, *schema))).await
    }

    /// The same, many at once.
    pub(super) async fn pages(
        &mut self,
        role: Option<&str>,
        mut each: impl FnMut(&[(&DecidedCall, Option<&SchemaSnapshot>)]),
    ) -> Result<(), AuditError> {
        let bar = progress::entries(u64::try_from(self.last.saturating_sub(self.first)).unwrap_or_default());
        // What was decided without a schema is what no schema changes.
        let none = SchemaSnapshot::default();
        let mut behind = self.first.saturating_sub(1);
        while behind < self.last {
            let calls = self.reader.decided_calls(behind, self.since).await?;
            let Some(end) = calls.last().map(|call| call.seq) else { break };
            let there = calls.iter().take_while(|call| call.seq <= self.last);
            let there: Vec<_> = there.filter(|call| role.is_none_or(|role| call.role == role)).collect();
            for digest in there.iter().filter_map(|call| call.schema_digest.as_ref()) {
                if !self.schemas.contains_key(digest) {
                    self.schemas.insert(digest.clone(), self.reader.schema(digest).await?);
                }
            }
            let schema = |call: &DecidedCall| match &call.schema_digest {
                Some(digest) => self.schemas.get(digest).and_then(Option::as_ref),
                None => Some(&none),
            };
            let page: Vec<_> = there.into_iter().map(|call| (call, schema(call))).collect();
            each(&page);
            behind = end;
            bar.set_position(u64::try_from(behind.saturating_sub(self.first)).unwrap_or_default());
        }
        bar.finish_and_clear();
        Ok(())
    }
}

/// Whether the call was denied, and not only in a trial.
pub(super) fn is_denied(call: &DecidedCall) -> bool {
    call.decision == "deny" && call.enforced
}

/// What the trail tells of a call; `None` where it was not refused by what the policies say of a call, but by a limit, by a stop, or
/// because nobody understood it.
pub(super) fn recalled<'s>(
    call: &DecidedCall,
    schema: Option<&'s SchemaSnapshot>,
) -> Option<Result<(Recalled, &'s SchemaSnapshot), Undecidable>> {
    let code = call.reason.as_deref().and_then(Code::named);
    let not_understood = call.facts.is_none() && code == Some(Code::NotUnderstood);
    if is_denied(call) && (!code.is_some_and(Code::is_of_policies) || not_understood) {
        return None;
    }
    let Some(facts) = &call.facts else { return Some(Err(Undecidable::NoFacts)) };
    let Some(schema) = schema else { return Some(Err(Undecidable::Schema)) };
    Some(Recalled::read(facts).map(|recalled| (recalled, schema)).map_err(Undecidable::from))
}
