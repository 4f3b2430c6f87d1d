//! What is used up of the limits of the active policies.

use crate::directus::Action;
use crate::policy::PolicySet;
use crate::policy::document::{Bound, Limit, Per, Unit};
use arc_swap::ArcSwapOption;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a client waits before it tries again where all its parallel calls are under way.
const PARALLEL_RETRY: Duration = Duration::from_millis(250);

/// Who asks, and for what.
#[derive(Debug)]
pub(super) struct Asker<'a> {
    pub(super) name: &'a str,
    pub(super) role: &'a str,
    pub(super) address: Option<IpAddr>,
    pub(super) actions: BTreeSet<Action>,
}

/// A limit that is reached.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Over {
    pub(super) rule: String,
    pub(super) retry_after: Duration,
}

/// The counts of every limit, for one revision of the policies.
#[derive(Debug, Default)]
pub(super) struct Quotas {
    current: ArcSwapOption<Counters>,
}

impl Quotas {
    /// Takes one call out of every limit that applies to it. The slots are held for as long as the call is under way.
    pub(super) fn take(&self, policies: &PolicySet, asker: &Asker<'_>) -> Result<Vec<Slot>, Over> {
        let mut slots = Vec::new();
        for counter in self.counters(policies).of(asker) {
            slots.extend(counter.take(asker)?);
        }
        Ok(slots)
    }

    /// Drops the counts that are back to where a newcomer begins.
    pub(super) fn forget(&self) {
        if let Some(counters) = self.current.load_full() {
            counters.all.iter().for_each(Counter::forget);
        }
    }

    /// The counters of the revision; a new one begins with empty counts, save for limits that it has unchanged.
    fn counters(&self, policies: &PolicySet) -> Arc<Counters> {
        if let Some(counters) =
            self.current.load_full().filter(|counters| counters.revision == policies.revision())
        {
            return counters;
        }
        let made = Arc::new(Counters::of_revision(policies));
        // Calls that come at the same moment agree on one of them.
        let before = self.current.load_full();
        let swapped = self.current.compare_and_swap(&before, Some(made.clone()));
        match (&*swapped, &before) {
            (Some(other), Some(known)) if !Arc::ptr_eq(other, known) => other.clone(),
            (Some(other), None) => other.clone(),
            (Some(_) | None, _) => made,
        }
    }
}

#[derive(Debug)]
struct Counters {
    revision: String,
    all: Vec<Counter>,
}

impl Counters {
    fn of_revision(policies: &PolicySet) -> Self {
        let shared = policies.guardrails().limits.iter().map(|limit| Counter::new("guardrails", None, limit));
        let own = policies.roles().flat_map(|role| {
            role.limits.iter().map(|limit| Counter::new(&role.name, Some(role.name.clone()), limit))
        });
        Self { revision: policies.revision().to_owned(), all: shared.chain(own).collect() }
    }

    /// The counters that the asker's call counts in: those of its role, and those of the guardrails.
    fn of<'a>(&'a self, asker: &'a Asker<'_>) -> impl Iterator<Item = &'a Counter> {
        self.all.iter().filter(|counter| {
            let role = counter.role.as_ref().is_none_or(|role| role == asker.role);
            let actions = counter.actions.as_ref();
            role && actions.is_none_or(|actions| !actions.is_disjoint(&asker.actions))
        })
    }
}

/// One limit and what is used up of it.
struct Counter {
    rule: String,
    /// The role that it is a limit of; `None` for the guardrails.
    role: Option<String>,
    actions: Option<BTreeSet<Action>>,
    per: Per,
    used: Used,
}

enum Used {
    Rate(Box<DefaultKeyedRateLimiter<String>>),
    Parallel { most: u32, running: Arc<Mutex<HashMap<String, u32>>> },
}

impl Counter {
    fn new(source: &str, role: Option<String>, limit: &Limit) -> Self {
        let used = match limit.bound {
            Bound::Rate { count, unit, burst } => {
                let (count, burst) = (at_least_one(count), at_least_one(burst));
                let quota = match unit {
                    Unit::Second => Quota::per_second(count),
                    Unit::Minute => Quota::per_minute(count),
                    Unit::Hour => Quota::per_hour(count),
                };
                Used::Rate(Box::new(DefaultKeyedRateLimiter::keyed(quota.allow_burst(burst))))
            }
            Bound::Concurrency(most) => Used::Parallel { most, running: Arc::default() },
        };
        Self {
            rule: format!("{source}/{}", limit.id),
            role,
            actions: limit.actions.clone(),
            per: limit.per,
            used,
        }
    }

    fn take(&self, asker: &Asker<'_>) -> Result<Option<Slot>, Over> {
        let key = match self.per {
            Per::Principal => format!("principal {}", asker.name),
            Per::Role => format!("role {}", asker.role),
            Per::Address => format!("address {:?}", asker.address),
        };
        let over = |retry_after| Over { rule: self.rule.clone(), retry_after };
        match &self.used {
            Used::Rate(limiter) => match limiter.check_key(&key) {
                Ok(()) => Ok(None),
                Err(until) => Err(over(until.wait_time_from(DefaultClock::default().now()))),
            },
            Used::Parallel { most, running } => {
                let mut counts = running.lock().unwrap_or_else(PoisonError::into_inner);
                let count = counts.entry(key.clone()).or_insert(0);
                if *count >= *most {
                    return Err(over(PARALLEL_RETRY));
                }
                *count += 1;
                Ok(Some(Slot { key, running: running.clone() }))
            }
        }
    }

    fn forget(&self) {
        match &self.used {
            Used::Rate(limiter) => {
                limiter.retain_recent();
                limiter.shrink_to_fit();
            }
            // A slot that is given back takes its count along.
            Used::Parallel { .. } => {}
        }
    }
}

impl fmt::Debug for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counter").field("rule", &self.rule).finish_non_exhaustive()
    }
}

/// A place among the calls that may be under way at once; it is given back when it is dropped.
#[derive(Debug)]
pub struct Slot {
    key: String,
    running: Arc<Mutex<HashMap<String, u32>>>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

fn at_least_one(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::diagnostic::Source;
    use crate::policy::set::GuardrailsFile;

    fn policies(limits: &str) -> PolicySet {
        let role = format!(
            "version: 1\nrole: r\ndescription: d\npermissions:\n  - {{id: p, collections: [a], actions: [read]}}\nlimits:\n{limits}"
        );
        PolicySet::load(&[Source::new("r.yaml", role)], GuardrailsFile::Optional).unwrap().0
    }

    fn asker(name: &str, action: Action) -> Asker<'_> {
        Asker { name, role: "r", address: None, actions: BTreeSet::from([action]) }
    }

    #[test]
    fn a_burst_goes_through_and_then_no_more() {
        let policies = policies("  - {id: calls, rate: 1/h, burst: 3}\n");
        let quotas = Quotas::default();
        for _ in 0..3 {
            assert!(quotas.take(&policies, &asker("a", Action::Read)).is_ok());
        }
        let over = quotas.take(&policies, &asker("a", Action::Read)).unwrap_err();
        assert_eq!(over.rule, "r/calls");
        assert!(over.retry_after > Duration::from_mins(50), "{over:?}");
        assert!(quotas.take(&policies, &asker("b", Action::Read)).is_ok(), "each principal for itself");
    }

    #[test]
    fn only_the_listed_actions_count() {
        let policies = policies("  - {id: writes, rate: 1/h, burst: 1, actions: [update]}\n");
        let quotas = Quotas::default();
        assert!(quotas.take(&policies, &asker("a", Action::Update)).is_ok());
        assert!(quotas.take(&policies, &asker("a", Action::Update)).is_err());
        assert!(quotas.take(&policies, &asker("a", Action::Read)).is_ok());
    }

    #[test]
    fn a_role_is_counted_together_where_the_limit_says_so() {
        let policies = policies("  - {id: calls, rate: 1/h, burst: 1, per: role}\n");
        let quotas = Quotas::default();
        assert!(quotas.take(&policies, &asker("a", Action::Read)).is_ok());
        assert!(quotas.take(&policies, &asker("b", Action::Read)).is_err());
    }

    #[test]
    fn slots_are_given_back() {
        let policies = policies("  - {id: parallel, concurrency: 2}\n");
        let quotas = Quotas::default();
        let first = quotas.take(&policies, &asker("a", Action::Read)).unwrap();
        let second = quotas.take(&policies, &asker("a", Action::Read)).unwrap();
        assert_eq!(quotas.take(&policies, &asker("a", Action::Read)).unwrap_err().rule, "r/parallel");
        drop(first);
        assert!(quotas.take(&policies, &asker("a", Action::Read)).is_ok());
        drop(second);
        let counters = quotas.counters(&policies);
        let Used::Parallel { running, .. } = &counters.all[0].used else { panic!("not a concurrency limit") };
        assert!(running.lock().unwrap().is_empty(), "nothing is remembered of those who are done");
    }

    #[test]
    fn counts_of_the_past_are_forgotten() {
        let policies = policies("  - {id: calls, rate: 1000/s, burst: 1}\n");
        let quotas = Quotas::default();
        for n in 0..100 {
            assert!(quotas.take(&policies, &asker(&format!("client {n}"), Action::Read)).is_ok());
        }
        std::thread::sleep(Duration::from_millis(5));
        quotas.forget();
        let counters = quotas.counters(&policies);
        let Used::Rate(limiter) = &counters.all[0].used else { panic!("not a rate limit") };
        assert!(limiter.is_empty());
    }
}
