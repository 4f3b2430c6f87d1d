//! Many of the same become one with a count, so that noise is recorded within a bound.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What is the same is counted together for so long.
const WINDOW: Duration = Duration::from_mins(1);

/// Most different things that are counted apart; what comes beyond is counted together, whatever it is.
const APART: usize = 1024;

/// Counts what is the same within a minute.
///
/// The first few of a minute are passed on one by one; those that follow are counted, and the count comes out when the
/// minute has ended.
#[derive(Debug)]
pub(super) struct Collapse<K, V> {
    /// How many are passed on one by one.
    first: u64,
    seen: Mutex<Seen<K, V>>,
}

#[derive(Debug)]
struct Seen<K, V> {
    apart: HashMap<K, Window<V>>,
    /// What there was no room for.
    together: Option<Window<V>>,
}

/// What was counted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Counted<V> {
    /// The first that was not passed on.
    pub(super) value: V,
    /// How many it stands for.
    pub(super) count: u64,
    /// Whether they were more different than is counted apart.
    pub(super) mixed: bool,
}

#[derive(Debug)]
struct Window<V> {
    began: Instant,
    passed: u64,
    /// The first that was not passed on, and how many it stands for.
    held: Option<(V, u64)>,
}

impl<K: Eq + Hash + Clone, V> Collapse<K, V> {
    /// Passes on the first few of each minute one by one.
    pub(super) fn new(first: u64) -> Self {
        let seen = Seen { apart: HashMap::new(), together: None };
        Self { first, seen: Mutex::new(seen) }
    }

    /// Takes one, and gives back what is to be passed on now: itself, or nothing.
    pub(super) fn take(&self, key: K, value: V, now: Instant) -> Option<V> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.apart.contains_key(&key) && seen.apart.len() >= APART {
            seen.together.get_or_insert_with(|| Window::new(now)).hold(value);
            return None;
        }
        let window = seen.apart.entry(key).or_insert_with(|| Window::new(now));
        if window.passed < self.first {
            window.passed += 1;
            return Some(value);
        }
        window.hold(value);
        None
    }

    /// What was counted in the minutes that have ended; all of it at the end.
    pub(super) fn ended(&self, now: Instant, all: bool) -> Vec<Counted<V>> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = |window: &Window<V>| all || now.duration_since(window.began) >= WINDOW;
        let together = seen.together.take_if(|window| ended(window));
        let apart = seen.apart.extract_if(|_, window| ended(window)).map(|(_, window)| (window, false));
        let windows = apart.chain(together.map(|window| (window, true)));
        windows
            .filter_map(|(window, mixed)| {
                let (value, count) = window.held?;
                Some(Counted { value, count, mixed })
            })
            .collect()
    }
}

impl<V> Window<V> {
    fn new(began: Instant) -> Self {
        Self { began, passed: 0, held: None }
    }

    fn hold(&mut self, value: V) {
        match &mut self.held {
            Some((_, count)) => *count += 1,
            None => self.held = Some((value, 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_pass_and_the_rest_is_counted() {
        let collapse = Collapse::new(2);
        let passed = (0..10).filter_map(|n| collapse.take("a", n, Instant::now())).collect::<Vec<_>>();
        assert_eq!(passed, [0, 1]);
        assert_eq!(collapse.take("b", 7, Instant::now()), Some(7), "another key is counted apart");
        assert_eq!(collapse.ended(Instant::now(), false), []);
        tokio::time::advance(WINDOW).await;
        let counted = Counted { value: 2, count: 8, mixed: false };
        assert_eq!(collapse.ended(Instant::now(), false), [counted]);
        assert_eq!(collapse.take("a", 11, Instant::now()), Some(11), "a new minute begins");
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded_and_everything_is_counted() {
        let collapse = Collapse::new(1);
        let passed = (0..3 * APART).filter_map(|key| collapse.take(key, key, Instant::now())).count();
        assert_eq!(passed, APART);
        assert!(collapse.seen.lock().unwrap().apart.len() <= APART);
        let counted = Counted { value: APART, count: 2 * APART as u64, mixed: true };
        assert_eq!(collapse.ended(Instant::now(), true), [counted]);
    }
}
