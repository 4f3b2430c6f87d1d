//! What is done for the trail while the gateway runs: its end is signed, hours are tallied, old entries go, and a failure can end
//! the gateway.

use super::error::GatewayError;
use crate::accept::Drain;
use crate::audit::checkpoint::Checkpoints;
use crate::audit::retention::prune;
use crate::audit::signing::SigningKey;
use crate::audit::tallies;
use crate::audit::trail::{Trail, TrailOptions};
use crate::config::{Audit, OnFailure};
use jiff::Timestamp;
use std::time::Duration;

/// How often entries that are too old are looked for.
const PRUNING: Duration = Duration::from_hours(1);

/// How often hours that are over are looked for.
const TALLYING: Duration = Duration::from_mins(5);

/// How the trail is opened that the settings describe.
///
/// # Errors
/// When the signing key cannot be read, or a checkpoint not be written to its second place.
pub(super) fn options(audit: &Audit) -> Result<TrailOptions, GatewayError> {
    let checkpoints = match &audit.signing_key {
        Some(path) => {
            let to = audit.checkpoints.to.clone();
            to.probe().map_err(GatewayError::SecondPlace)?;
            Some(Checkpoints { key: SigningKey::read(path)?, to })
        }
        None => None,
    };
    Ok(TrailOptions { checkpoints, ..TrailOptions::new(&audit.url) })
}

/// Looks after the trail until the drain begins.
pub(super) fn keep(audit: &Audit, trail: &Trail, key: Option<SigningKey>, drain: &Drain) {
    if key.is_some() {
        drain.tasks().spawn(sign(trail.clone(), audit.checkpoints.every, drain.clone()));
    }
    drain.tasks().spawn(tally(audit.url.clone(), drain.clone()));
    if let Some(age) = audit.retention {
        drain.tasks().spawn(forget(audit.url.clone(), age, key, drain.clone()));
    }
    if audit.on_failure == OnFailure::Stop {
        drain.tasks().spawn(end_with(trail.clone(), drain.clone()));
    }
}

/// Signs the end of the chain now and then; the last time is when the trail is closed.
async fn sign(trail: Trail, every: Duration, drain: Drain) {
    let stop = drain.stop();
    loop {
        if let Err(error) = trail.checkpoint().await {
            tracing::error!(%error, "the end of the trail is not signed; it is tried again");
        }
        if stop.run_until_cancelled(tokio::time::sleep(every)).await.is_none() {
            return;
        }
    }
}

/// Tallies the hours that are over, those first that were missed while no gateway ran.
async fn tally(url: String, drain: Drain) {
    let stop = drain.stop();
    loop {
        match stop.run_until_cancelled(tallies::tally(&url, Timestamp::now())).await {
            Some(Ok(hours)) => tracing::debug!(hours, "hours were tallied for statistics"),
            Some(Err(error)) => tracing::error!(%error, "hours could not be tallied; it is tried again"),
            None => return,
        }
        if stop.run_until_cancelled(tokio::time::sleep(TALLYING)).await.is_none() {
            return;
        }
    }
}

/// Prunes what is older than the settings let it be.
async fn forget(url: String, age: Duration, key: Option<SigningKey>, drain: Drain) {
    let stop = drain.stop();
    loop {
        let before = Timestamp::now().checked_sub(age).unwrap_or(Timestamp::MIN);
        // Between two slices it may be cut off: the next time goes on with it.
        match stop.run_until_cancelled(prune(&url, before, key.as_ref())).await {
            Some(Ok(pruned)) if pruned.entries > 0 => {
                tracing::info!(entries = pruned.entries, through = pruned.through, "old entries were pruned");
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => tracing::error!(%error, "old entries could not be pruned; it is tried again"),
            None => return,
        }
        if stop.run_until_cancelled(tokio::time::sleep(PRUNING)).await.is_none() {
            return;
        }
    }
}

/// Ends the gateway when the trail cannot be written.
async fn end_with(trail: Trail, drain: Drain) {
    if drain.stop().run_until_cancelled(trail.failed()).await.is_some() {
        tracing::error!(
            "the gateway ends, since the trail cannot be written and `audit.on_failure` is `stop`"
        );
        drain.begin();
    }
}
