//! The certificate follows its files while the gateway runs: what can be used is taken, what cannot is refused, and the last good one
//! goes on.

use super::files::{Loaded, Reading};
use super::{Tls, TlsError};
use crate::telemetry;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// How often the files are looked at. A change is taken when two looks in a row have found the same, so that of a pair that is
/// written one after the other no half is tried.
const LOOK: Duration = Duration::from_millis(500);

/// What earlier looks have found.
struct Seen {
    last: [u8; 32],
    /// What was taken or refused last: each state of the files is spoken of once.
    judged: [u8; 32],
}

impl Tls {
    /// Looks after the certificate until it is told to stop.
    pub async fn watch(self, stop: CancellationToken) {
        let first = self.shared.first;
        let mut seen = Seen { last: first, judged: first };
        let looking = async {
            loop {
                let told = tokio::select! {
                    () = sleep(LOOK) => false,
                    () = self.shared.at_once.notified() => true,
                };
                self.look(&mut seen, told).await;
            }
        };
        stop.run_until_cancelled(looking).await;
    }

    async fn look(&self, seen: &mut Seen, told: bool) {
        let tls = self.clone();
        let files = move || {
            let files = &tls.shared.files;
            let reading = if told { Reading::settled(files) } else { Reading::of(files) };
            let digest = reading.digest();
            (digest, reading)
        };
        let (digest, reading) = match tokio::task::spawn_blocking(files).await {
            Ok(found) => found,
            Err(error) => return tracing::error!(%error, "the reading of the certificate broke off"),
        };
        let rests = told || seen.last == digest;
        if rests && digest != seen.judged {
            self.judge(&reading);
            seen.judged = digest;
        } else if told {
            tracing::info!("the certificate is that which was looked at already");
        }
        seen.last = digest;
    }

    fn judge(&self, reading: &Reading) {
        match self.next(reading) {
            Ok(loaded) => {
                let ends = loaded.ends().map(tracing::field::display);
                self.shared.active.store(Arc::new(loaded.active));
                self.shared.behind.store(false, Ordering::Relaxed);
                tracing::info!(ends, "the certificate was reloaded");
            }
            Err(error) => {
                self.shared.behind.store(true, Ordering::Relaxed);
                tracing::error!("the certificate stays as it was: {}", telemetry::chain(&error));
            }
        }
    }

    /// One that no client takes now is worse than the one that is there.
    fn next(&self, reading: &Reading) -> Result<Loaded, TlsError> {
        let loaded = reading.load(&self.shared.files)?;
        match loaded.untimely(self.shared.clock.now()) {
            Some(problem) => Err(TlsError::Untimely(problem)),
            None => Ok(loaded),
        }
    }
}
