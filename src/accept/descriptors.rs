//! How many files the process may have open: each connection is one.

use crate::config::Limits;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the gateway has open beside connections: the trail, its readers, policies, keys, and what is about to be closed.
const OTHERS: u64 = 128;

/// Raises the limit of open files as far as it may be raised, and warns where that is not enough for what the settings bear.
///
/// Many systems begin with 1024, which half of the default settings would use up; then no connection could be taken, and none made to
/// Directus either.
pub fn raise_open_files(limits: &Limits) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let needed = needed(limits);
    let Some(soft) = current.filter(|soft| *soft < needed) else { return };
    let wanted = maximum.map_or(needed, |most| needed.min(most));
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }).is_ok();
    let has = if raised { wanted } else { soft };
    if has < needed {
        tracing::warn!(
            has,
            needed,
            "too few files may be open for `limits.connections` and `limits.max_in_flight`: raise `LimitNOFILE` or `ulimit -n`"
        );
    }
}

/// A connection for each client, and one to Directus for each call.
fn needed(limits: &Limits) -> u64 {
    let connections = limits.connections.saturating_add(limits.max_in_flight);
    u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OTHERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_file_for_each_connection_and_each_call() {
        assert_eq!(needed(&Limits::default()), 1024 + 512 + OTHERS);
        raise_open_files(&Limits::default());
        let has = getrlimit(Resource::Nofile);
        let wanted = needed(&Limits::default());
        let wanted = has.maximum.map_or(wanted, |most| most.min(wanted));
        assert!(has.current.is_none_or(|current| current >= wanted), "{has:?}");
    }
}
