//! Requests without a valid credential: bounded in number, and in what they leave in the trail.

use super::collapse::{Collapse, Counted};
use super::refusal::Refusal;
use crate::audit::entry::{Entry, Kind, Outcome, OutcomeWord, Subject};
use crate::identity::{Rejected, network};
use crate::telemetry::metrics::Metrics;
use governor::clock::Clock as _;
use governor::{DefaultKeyedRateLimiter, Quota};
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use tokio::time::Instant;
use uuid::Uuid;

/// Counts strangers by address, refuses them, and keeps what is to be recorded of them.
pub(super) struct Strangers {
    quota: DefaultKeyedRateLimiter<Option<IpAddr>>,
    /// One a minute and address, with a count. It bounds what waits as well: strangers must not fill the memory.
    entries: Collapse<(Option<IpAddr>, &'static str), Entry>,
    waiting: Mutex<Vec<Entry>>,
    metrics: Metrics,
}

impl Strangers {
    /// So many requests a minute and address are answered 401, those beyond 429.
    pub(super) fn new(per_minute: u32, metrics: Metrics) -> Self {
        let per_minute = NonZeroU32::new(per_minute).unwrap_or(NonZeroU32::MIN);
        Self {
            quota: DefaultKeyedRateLimiter::keyed(Quota::per_minute(per_minute)),
            entries: Collapse::new(1),
            waiting: Mutex::default(),
            metrics,
        }
    }

    /// The refusal for a stranger.
    pub(super) fn refuse(&self, address: Option<IpAddr>, rejected: &Rejected, at: i64) -> Refusal {
        self.metrics.stranger(rejected.as_str());
        let address = address.map(network);
        let refusal = match (self.quota.check_key(&address), rejected) {
            (Ok(()), Rejected::Crowded { retry_after }) => Refusal::Strangers { retry_after: *retry_after },
            (Ok(()), _) => Refusal::Stranger(rejected.clone()),
            (Err(until), _) => {
                let clock = governor::clock::DefaultClock::default();
                Refusal::Strangers { retry_after: until.wait_time_from(clock.now()) }
            }
        };
        let entry = entry(&refusal, rejected, address, at);
        let first = self.entries.take((address, rejected.as_str()), entry, Instant::now());
        if let Some(entry) = first {
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
        }
        refusal
    }

    /// What is to be recorded now: the first of each minute, and the counts of the minutes that have ended.
    pub(super) fn to_record(&self, all: bool) -> Vec<Entry> {
        let mut entries = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        entries.extend(self.entries.ended(Instant::now(), all).into_iter().map(counted));
        self.quota.retain_recent();
        entries
    }
}

impl fmt::Debug for Strangers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strangers").finish_non_exhaustive()
    }
}

/// The entry, standing for so many.
pub(super) fn counted(counted: Counted<Entry>) -> Entry {
    let Counted { value: mut entry, count, mixed } = counted;
    if let Some(subject) = &mut entry.subject {
        subject.count = count;
        if mixed {
            let first = subject.detail.take().unwrap_or_default();
            subject.detail =
                Some(format!("more kinds of refusals than are counted apart; the first one: {first}"));
            subject.client_address = None;
        }
    }
    entry
}

fn entry(refusal: &Refusal, rejected: &Rejected, address: Option<IpAddr>, at: i64) -> Entry {
    let subject = Subject {
        principal: rejected.principal().unwrap_or_default().to_owned(),
        client_address: address.map(|address| address.to_string()),
        decision: "deny",
        rule: Some("identity".to_owned()),
        reason: Some(refusal.code().as_str()),
        detail: Some(rejected.to_string()),
        enforced: true,
        count: 1,
        ..Subject::default()
    };
    let outcome = Outcome {
        word: OutcomeWord::Refused,
        http_status: Some(refusal.status().as_u16()),
        error_code: Some(rejected.as_str().to_owned()),
        ..Outcome::default()
    };
    Entry {
        call: Uuid::now_v7(),
        kind: Kind::Refusal,
        at,
        subject: Some(Box::new(subject)),
        outcome: Some(outcome),
        note: None,
    }
}
