//! Many of the same become one with a count, so that noise is recorded within a bound.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What is the same is counted together for so long.
const WINDOW: Duration = Duration::from_mins(1);

/// Most different things that are counted apart; what comes beyond is not counted, but passed on each time the window of
/// something else ends.
const APART: usize = 4096;

/// Counts what is the same within a minute.
///
/// The first few of a minute are passed on one by one; those that follow are counted, and the count comes out when the
/// minute has ended.
#[derive(Debug)]
pub(super) struct Collapse<K, V> {
    /// How many are passed on one by one.
    first: u64,
    seen: Mutex<HashMap<K, Window<V>>>,
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
        Self { first, seen: Mutex::default() }
    }

    /// Takes one, and gives back what is to be passed on now: itself, or nothing.
    pub(super) fn take(&self, key: K, value: V, now: Instant) -> Option<V> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.contains_key(&key) && seen.len() >= APART {
            return None;
        }
        let window = seen.entry(key).or_insert_with(|| Window { began: now, passed: 0, held: None });
        if window.passed < self.first {
            window.passed += 1;
            return Some(value);
        }
        match &mut window.held {
            Some((_, count)) => *count += 1,
            None => window.held = Some((value, 1)),
        }
        None
    }

    /// What was counted in the minutes that have ended, with how many each stands for; all of it at the end.
    pub(super) fn ended(&self, now: Instant, all: bool) -> Vec<(V, u64)> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = |window: &Window<V>| all || now.duration_since(window.began) >= WINDOW;
        seen.extract_if(|_, window| ended(window)).filter_map(|(_, window)| window.held).collect()
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
        assert_eq!(collapse.ended(Instant::now(), false), [(2, 8)]);
        assert_eq!(collapse.take("a", 11, Instant::now()), Some(11), "a new minute begins");
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_bounded() {
        let collapse = Collapse::new(1);
        for key in 0..2 * APART {
            collapse.take(key, (), Instant::now());
        }
        assert!(collapse.seen.lock().unwrap().len() <= APART);
        assert_eq!(collapse.ended(Instant::now(), true).len(), 0);
    }
}
