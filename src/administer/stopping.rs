//! What is stopped follows its file while the gateway runs.

use super::note;
use crate::audit::trail::{Trail, TrailUnavailable};
use crate::identity::{Looked, Standing, Stops};
use crate::telemetry::Clock;
use std::sync::Arc;
use std::time::Duration;

/// How often the file is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Says and records what is stopped from the start.
///
/// # Errors
/// When the trail cannot be written.
pub(super) async fn begin(stops: &Stops, trail: &Trail, at: i64) -> Result<(), TrailUnavailable> {
    let standing = stops.standing();
    if is_nothing(&standing) {
        return Ok(());
    }
    say(&standing);
    trail.commit(note::stops(&standing, at)).await.map(|_| ())
}

/// Looks after what is stopped, for ever.
pub(super) async fn watch(stops: Arc<Stops>, trail: Trail, clock: Arc<dyn Clock>) {
    let mut was_gone = false;
    loop {
        tokio::time::sleep(LOOK).await;
        let looking = stops.clone();
        let looked = match tokio::task::spawn_blocking(move || looking.look()).await {
            Ok(looked) => looked,
            Err(error) => {
                tracing::error!(%error, "the look at what is stopped broke off");
                continue;
            }
        };
        let is_gone = looked == Looked::Gone;
        if is_gone && !was_gone {
            tracing::error!(
                "the file of stops is gone: what is stopped stays so until `warrener resume` leaves nothing stopped"
            );
        }
        was_gone = is_gone;
        if let Looked::Other(standing) = looked {
            change(&stops, standing, &trail, clock.micros()).await;
        }
    }
}

/// What stops more is done first and recorded then; what resumes is recorded before anything is let through.
async fn change(stops: &Stops, standing: Standing, trail: &Trail, at: i64) {
    let entry = note::stops(&standing, at);
    if stops.standing().is_loosened_by(&standing) {
        // The look after this one tries it again; the trail says itself that it cannot be written.
        if let Err(error) = trail.commit(entry).await {
            tracing::debug!(%error, "nothing is resumed until the audit trail can be written");
            return;
        }
        say(&standing);
        stops.set(standing);
    } else {
        say(&standing);
        stops.set(standing);
        if let Err(error) = trail.submit(entry).await {
            tracing::error!(%error, "that calls were stopped is not recorded");
        }
    }
}

fn say(standing: &Standing) {
    match standing {
        Standing::Known(file) => tracing::warn!("{file}"),
        Standing::Unknown(problem) => tracing::error!(%problem, "every call is refused"),
    }
}

fn is_nothing(standing: &Standing) -> bool {
    match standing {
        Standing::Known(file) => file.stops().is_empty(),
        Standing::Unknown(_) => false,
    }
}
