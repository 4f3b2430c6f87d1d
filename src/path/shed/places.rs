//! The calls that may be under way at once.
//!
//! A client may have as many under way as places are left free: one that floods gets half of them, two get a third each, and there is
//! always one for somebody else. Nobody has to be told who the others are.

use super::Busy;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// So many places for all clients together.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    /// By client; who has none is not there.
    of: HashMap<String, usize>,
}

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Self { most, taken: Arc::default() }
    }

    /// Takes a place for a call of that client.
    pub(super) fn take(&self, client: &str) -> Result<Place, Busy> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let free = self.most.saturating_sub(taken.all);
        let own = taken.of.get(client).copied().unwrap_or(0);
        if own >= free {
            return Err(if free == 0 { Busy::Full } else { Busy::Share });
        }
        taken.all += 1;
        taken.of.insert(client.to_owned(), own + 1);
        Ok(Place { client: client.to_owned(), taken: self.taken.clone() })
    }
}

/// One place; it is given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    client: String,
    taken: Arc<Mutex<Taken>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        if let Some(own) = taken.of.get_mut(&self.client) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                taken.of.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that a client can take.
    fn flood(places: &Places, client: &str) -> Vec<Place> {
        std::iter::from_fn(|| places.take(client).ok()).collect()
    }

    #[test]
    fn a_flood_leaves_room_for_the_next_one() {
        let places = Places::new(512);
        let mut floods = Vec::new();
        for (client, most) in [("a", 256), ("b", 128), ("c", 64), ("d", 32), ("e", 16)] {
            let flood = flood(&places, client);
            assert_eq!(flood.len(), most, "{client}");
            assert_eq!(places.take(client).unwrap_err(), Busy::Share);
            floods.push(flood);
        }
        assert!(places.take("newcomer").is_ok());
        // When the first one has shrunk to a share of six, all have one: what is given back is had by whoever needs it.
        floods[0].truncate(86);
        assert_eq!(flood(&places, "newcomer").len(), 93);
    }

    #[test]
    fn all_that_is_there_is_used_by_many_and_none_more() {
        let places = Places::new(4);
        let clients: Vec<String> = (0..9).map(|number| format!("client-{number}")).collect();
        let held: Vec<_> = clients.iter().map(|client| places.take(client)).collect();
        assert_eq!(held.iter().filter(|one| one.is_ok()).count(), 4);
        assert_eq!(held.last().unwrap().as_ref().unwrap_err(), &Busy::Full);
        drop(held);
        assert!(places.taken.lock().unwrap().of.is_empty(), "nothing is remembered of those who are done");
        assert_eq!(places.taken.lock().unwrap().all, 0);
    }

    #[test]
    fn one_place_is_a_place() {
        let places = Places::new(1);
        let held = places.take("a").unwrap();
        assert_eq!(places.take("b").unwrap_err(), Busy::Full);
        drop(held);
        assert!(places.take("b").is_ok());
    }
}
