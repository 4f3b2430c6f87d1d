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

/// The counts of every limit. They outlive a revision: a limit that the next one has unchanged goes on where it was, or whoever can
/// change a policy file could begin anew by adding a comment.
#[derive(Debug, Default)]
pub(super) struct Quotas {
    /// Those of the revision that decided last.
    current: ArcSwapOption<Counters>,
    /// Those of every revision, as long as something is counted in them. Calls that were decided just before a change come after the
    /// first that were decided by it, and neither may reset what the others have used up.
    known: Mutex<Vec<Arc<Counter>>>,
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

    /// Drops the counts that are back to where a newcomer begins, and the limits of the past that count nothing any more.
    pub(super) fn forget(&self) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|counter| {
            counter.forget();
            // Whoever else holds it counts in it.
            Arc::strong_count(counter) > 1 || !counter.is_idle()
        });
    }

    /// The counters of the revision.
    fn counters(&self, policies: &PolicySet) -> Arc<Counters> {
        let current = || self.current.load_full().filter(|one| one.revision == policies.revision());
        if let Some(counters) = current() {
            return counters;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        // Calls that come at the same moment agree on one of them.
        if let Some(counters) = current() {
            return counters;
        }
        let made = Arc::new(Counters::of_revision(policies, &mut known));
        self.current.store(Some(made.clone()));
        made
    }
}

#[derive(Debug)]
struct Counters {
    revision: String,
    all: Vec<Arc<Counter>>,
}

impl Counters {
    fn of_revision(policies: &PolicySet, known: &mut Vec<Arc<Counter>>) -> Self {
        let shared = policies.guardrails().limits.iter().map(|limit| (None, limit));
        let own = policies
            .roles()
            .flat_map(|role| role.limits.iter().map(|limit| (Some(role.name.as_str()), limit)));
        let mut counter = |(role, limit): (Option<&str>, &Limit)| {
            if let Some(counter) = known.iter().find(|counter| counter.is_of(role, limit)) {
                return counter.clone();
            }
            let counter = Arc::new(Counter::new(role, limit));
            known.push(counter.clone());
            counter
        };
        let all = shared.chain(own).map(&mut counter).collect();
        Self { revision: policies.revision().to_owned(), all }
    }

    /// The counters that the asker's call counts in: those of its role, and those of the guardrails.
    fn of<'a>(&'a self, asker: &'a Asker<'_>) -> impl Iterator<Item = &'a Counter> {
        self.all.iter().map(Arc::as_ref).filter(|counter| {
            let role = counter.role.as_ref().is_none_or(|role| role == asker.role);
            let actions = counter.limit.actions.as_ref();
            role && actions.is_none_or(|actions| !actions.is_disjoint(&asker.actions))
        })
    }
}

/// One limit and what is used up of it.
struct Counter {
    rule: String,
    /// The role that it is a limit of; `None` for the guardrails.
    role: Option<String>,
    limit: Limit,
    used: Used,
}

enum Used {
    Rate(Box<DefaultKeyedRateLimiter<String>>),
    Parallel { most: u32, running: Arc<Mutex<HashMap<String, u32>>> },
}

impl Counter {
    fn new(role: Option<&str>, limit: &Limit) -> Self {
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
        let source = role.unwrap_or("guardrails");
        Self {
            rule: format!("{source}/{}", limit.id),
            role: role.map(str::to_owned),
            limit: limit.clone(),
            used,
        }
    }

    /// Whether it is the count of this limit: one that says anything else is another one, wherever it stands.
    fn is_of(&self, role: Option<&str>, limit: &Limit) -> bool {
        let Limit { id, bound, actions, per, at: _ } = limit;
        let own = &self.limit;
        self.role.as_deref() == role
            && (&own.id, &own.bound, &own.actions, &own.per) == (id, bound, actions, per)
    }

    fn take(&self, asker: &Asker<'_>) -> Result<Option<Slot>, Over> {
        let key = match self.limit.per {
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

    /// Whether nothing is used up of it.
    fn is_idle(&self) -> bool {
        match &self.used {
            Used::Rate(limiter) => limiter.is_empty(),
            Used::Parallel { running, .. } => {
                running.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
            }
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
    fn an_unchanged_limit_goes_on_over_a_change_of_the_policies() {
        let before = policies("  - {id: calls, rate: 1/h, burst: 2}\n  - {id: parallel, concurrency: 1}\n");
        let after = policies("  - {id: parallel, concurrency: 1}\n  - {id: calls, rate: 1/h, burst: 2}\n");
        let other = policies("  - {id: calls, rate: 1/h, burst: 1}\n");
        assert_ne!(before.revision(), after.revision());
        let quotas = Quotas::default();
        let take = |policies| quotas.take(policies, &asker("a", Action::Read));
        let held = take(&before).unwrap();
        assert_eq!(take(&after).unwrap_err().rule, "r/parallel", "the call under way counts on");
        drop(held);
        assert!(take(&after).is_ok(), "the second of two");
        assert!(take(&other).is_ok(), "another limit begins anew");
        quotas.forget();
        for policies in [&before, &after, &before] {
            assert_eq!(take(policies).unwrap_err().rule, "r/calls", "nothing is given back by a change");
        }
        assert!(take(&other).is_err(), "nor by a call that was decided just before it");
    }

    #[test]
    fn limits_of_the_past_are_forgotten() {
        let quotas = Quotas::default();
        for burst in 1..50 {
            let policies = policies(&format!("  - {{id: calls, rate: 1000/s, burst: {burst}}}\n"));
            assert!(quotas.take(&policies, &asker("a", Action::Read)).is_ok());
        }
        std::thread::sleep(Duration::from_millis(5));
        quotas.forget();
        assert_eq!(quotas.known.lock().unwrap().len(), 1);
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
