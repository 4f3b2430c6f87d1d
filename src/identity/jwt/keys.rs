//! The provider's keys, kept: asked for again when they are old or when a token names one that is not there, and never more often than
//! strangers should be able to make the gateway ask.

use super::algorithm::Algorithm;
use super::fetch::{FetchError, Source};
use super::jwk::KeySet;
use super::rejected::TokenRejected;
use crate::telemetry;
use arc_swap::ArcSwapOption;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::Instant;

/// How long keys are taken, and how often the provider is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ages {
    /// They are asked for again when they are older: a key that the provider has withdrawn is good for so long.
    pub(super) max_age: Duration,
    /// They are taken for so long while the provider does not answer.
    pub(super) keep: Duration,
    /// Between two questions, whatever the tokens that come say.
    pub(super) again: Duration,
}

/// The keys of one provider. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    source: Source,
    ages: Ages,
    held: ArcSwapOption<Held>,
    /// Held by whoever asks the provider, so that only one does. When it was asked last, in it.
    asking: Arc<Mutex<Option<Instant>>>,
    /// The provider did not answer the last time: nobody waits for it who can do without.
    is_failing: AtomicBool,
}

#[derive(Debug)]
struct Held {
    set: KeySet,
    since: Instant,
}

impl Keys {
    pub(super) fn new(source: Source, ages: Ages) -> Self {
        let (held, is_failing) = (ArcSwapOption::empty(), AtomicBool::new(false));
        Self { shared: Arc::new(Shared { source, ages, held, asking: Arc::default(), is_failing }) }
    }

    /// Asks for the keys, for the first time.
    ///
    /// # Errors
    /// When they cannot be had.
    pub(super) async fn begin(&self) -> Result<(), FetchError> {
        let guard = self.shared.asking.clone().lock_owned().await;
        self.shared.ask(guard).await
    }

    /// Whether one of the keys has signed that.
    ///
    /// # Errors
    /// When none has, when there is no such key, and when the keys cannot be had.
    pub(super) async fn check(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
        signed: &[u8],
        signature: &str,
    ) -> Result<(), TokenRejected> {
        let mut held = self.usable().await?;
        if held.set.fitting(id, algorithm).is_empty() {
            // The provider may have taken a new key into use since.
            self.refresh(Some(held.since)).await;
            held = self.held().ok_or(TokenRejected::Unavailable)?;
        }
        let keys = held.set.fitting(id, algorithm);
        if keys.is_empty() {
            return Err(TokenRejected::UnknownKey);
        }
        if keys.iter().any(|key| key.has_signed(signed, signature, algorithm)) {
            Ok(())
        } else {
            Err(TokenRejected::Signature)
        }
    }

    /// Keys that are young enough, or as young as can be had.
    async fn usable(&self) -> Result<Arc<Held>, TokenRejected> {
        let held = self.held();
        match held {
            Some(held) if held.since.elapsed() <= self.shared.ages.max_age => return Ok(held),
            Some(held) if self.shared.is_failing.load(Ordering::Relaxed) => {
                self.refresh_behind();
                return Ok(held);
            }
            Some(_) | None => self.refresh(self.since()).await,
        }
        self.held().ok_or(TokenRejected::Unavailable)
    }

    /// The keys, unless they are too old for any use.
    fn held(&self) -> Option<Arc<Held>> {
        let held = self.shared.held.load_full();
        let longest = self.shared.ages.keep.max(self.shared.ages.max_age);
        held.filter(|held| held.since.elapsed() <= longest)
    }

    /// When the last keys came, were they too old for any use.
    fn since(&self) -> Option<Instant> {
        self.shared.held.load().as_ref().map(|held| held.since)
    }

    /// Asks for the keys, unless somebody has done so since those of `before`, or only just now; waits for the answer.
    async fn refresh(&self, before: Option<Instant>) {
        let guard = self.shared.asking.clone().lock_owned().await;
        if self.since() > before || !self.shared.may_ask(*guard) {
            return;
        }
        let shared = self.shared.clone();
        // On a task of its own: whoever waits for it may leave, and the next would have to begin anew.
        let asked = tokio::spawn(async move { shared.ask_and_say(guard).await });
        if let Err(error) = asked.await {
            tracing::error!(%error, "the question for the identity provider's keys broke off");
        }
    }

    /// As [`Keys::refresh`], without waiting.
    fn refresh_behind(&self) {
        let Ok(guard) = self.shared.asking.clone().try_lock_owned() else { return };
        if self.shared.may_ask(*guard) {
            let shared = self.shared.clone();
            tokio::spawn(async move { shared.ask_and_say(guard).await });
        }
    }
}

impl Shared {
    fn may_ask(&self, last: Option<Instant>) -> bool {
        last.is_none_or(|last| last.elapsed() >= self.ages.again)
    }

    async fn ask(&self, mut last: OwnedMutexGuard<Option<Instant>>) -> Result<(), FetchError> {
        *last = Some(Instant::now());
        let asked = self.source.keys().await;
        self.is_failing.store(asked.is_err(), Ordering::Relaxed);
        let set = asked?;
        self.held.store(Some(Arc::new(Held { set, since: Instant::now() })));
        Ok(())
    }

    async fn ask_and_say(&self, last: OwnedMutexGuard<Option<Instant>>) {
        if let Err(error) = self.ask(last).await {
            let error = telemetry::chain(&error);
            tracing::warn!(
                error,
                "the identity provider's keys cannot be had; those that are there are kept for a while"
            );
        }
    }
}
