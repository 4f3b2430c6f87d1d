//! What Directus said of a token, kept for a while, and the bounds on asking.

use super::super::network::network;
use super::super::rejected::Rejected;
use crate::policy::Principal;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota};
use hmac::{Hmac, KeyInit as _, Mac as _};
use moka::Expiry;
use moka::future::Cache;
use sha2::Sha256;
use std::fmt;
use std::io::Error as NoRandomness;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// How long an answer counts.
#[derive(Clone, Copy, Debug)]
struct Times {
    /// That a token was taken: so long may a revoked one go on.
    taken: Duration,
    /// That one was refused.
    refused: Duration,
}

const TIMES: Times = Times { taken: Duration::from_mins(1), refused: Duration::from_secs(5) };

/// How long it is remembered that a token was good once, so that it need not queue with those that nobody knows.
const KNOWN: Duration = Duration::from_hours(24);

/// Most answers that are kept, and most tokens that are remembered.
const MOST: u64 = 10_000;

/// Most tokens that are asked about at a time: of those that were good once, and of all others.
const AT_ONCE: usize = 8;

/// Most tokens in a second that nobody has seen yet.
const UNKNOWN_PER_SECOND: u32 = 50;

/// For the questions about one token to be answered, waiting for others included.
const PATIENCE: Duration = Duration::from_secs(10);

type Digest = [u8; 32];

/// What was said of tokens. They are kept under a digest with a key that dies with the process, and never themselves.
pub(super) struct Answers {
    times: Times,
    /// Keyed, and nothing put into it yet.
    mac: Hmac<Sha256>,
    kept: Cache<Digest, Answer>,
    known: Cache<Digest, ()>,
    turns_of_known: Semaphore,
    turns_of_unknown: Semaphore,
    unknown: DefaultDirectRateLimiter,
    unknown_by_address: DefaultKeyedRateLimiter<Option<IpAddr>>,
}

#[derive(Clone)]
struct Answer {
    judged: Result<Principal, Rejected>,
    lasts: Duration,
}

struct Lasts;

impl Expiry<Digest, Answer> for Lasts {
    fn expire_after_create(&self, _: &Digest, answer: &Answer, _: Instant) -> Option<Duration> {
        Some(answer.lasts)
    }

    // An answer that takes the place of one which is no longer counted, and is still there.
    fn expire_after_update(
        &self,
        _: &Digest,
        answer: &Answer,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(answer.lasts)
    }
}

impl Answers {
    /// Asks about so many unknown tokens from one address in a minute.
    pub(super) fn new(strangers: u32) -> Result<Self, NoRandomness> {
        Self::with(TIMES, strangers)
    }

    fn with(times: Times, strangers: u32) -> Result<Self, NoRandomness> {
        let mut key = [0; 64];
        getrandom::fill(&mut key)?;
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Ok(Self {
            times,
            mac: Hmac::new(&key.into()),
            kept: Cache::builder().max_capacity(MOST).expire_after(Lasts).build(),
            known: Cache::builder().max_capacity(MOST).time_to_live(KNOWN).build(),
            turns_of_known: Semaphore::new(AT_ONCE),
            turns_of_unknown: Semaphore::new(AT_ONCE),
            unknown: DefaultDirectRateLimiter::direct(Quota::per_second(at_least_one(UNKNOWN_PER_SECOND))),
            unknown_by_address: DefaultKeyedRateLimiter::keyed(Quota::per_minute(at_least_one(strangers))),
        })
    }

    /// What was said of a token, or what `ask` says now. One question at a time is asked about one token; whoever comes meanwhile
    /// waits for its answer. What could not be asked is not kept.
    pub(super) async fn of(
        &self,
        token: &str,
        address: Option<IpAddr>,
        ask: impl Future<Output = Result<Principal, Rejected>>,
    ) -> Result<Principal, Rejected> {
        let digest = self.digest(token);
        let answer = self.kept.try_get_with(digest, self.asked(digest, address, ask)).await;
        answer.map_err(|rejected| Rejected::clone(&rejected))?.judged
    }

    /// Forgets addresses that have not come for a while.
    pub(super) fn forget(&self) {
        self.unknown_by_address.retain_recent();
    }

    async fn asked(
        &self,
        digest: Digest,
        address: Option<IpAddr>,
        ask: impl Future<Output = Result<Principal, Rejected>>,
    ) -> Result<Answer, Rejected> {
        let began = Instant::now();
        let turns = if self.known.contains_key(&digest) {
            &self.turns_of_known
        } else {
            self.bear(address)?;
            &self.turns_of_unknown
        };
        let asked = timeout(PATIENCE, async {
            // The semaphore is never closed.
            let _turn = turns.acquire().await;
            ask.await
        });
        let judged = asked.await.unwrap_or_else(|_| {
            Err(Rejected::Unavailable {
                why: format!("Directus did not say within {} s", PATIENCE.as_secs()),
            })
        });
        let lasts = match &judged {
            Ok(_) => {
                self.known.insert(digest, ()).await;
                self.times.taken
            }
            Err(rejected @ Rejected::Unavailable { .. }) => return Err(rejected.clone()),
            Err(_) => {
                self.known.invalidate(&digest).await;
                self.times.refused
            }
        };
        // It counts from when the question was asked.
        Ok(Answer { judged, lasts: lasts.saturating_sub(began.elapsed()) })
    }

    /// Whether one more token that nobody has seen is borne: from that address, and at all.
    fn bear(&self, address: Option<IpAddr>) -> Result<(), Rejected> {
        let now = DefaultClock::default().now();
        let by_address = self.unknown_by_address.check_key(&address.map(network));
        let crowded = |retry_after| Rejected::Crowded { retry_after };
        by_address.map_err(|until| crowded(until.wait_time_from(now)))?;
        self.unknown.check().map_err(|until| crowded(until.wait_time_from(now)))
    }

    fn digest(&self, token: &str) -> Digest {
        self.mac.clone().chain_update(token).finalize().into_bytes().into()
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("kept", &self.kept.entry_count()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Proof;
    use futures_util::future::join_all;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::time::sleep;

    const SHORT: Times = Times { taken: Duration::from_millis(400), refused: Duration::from_millis(200) };

    fn somebody() -> Principal {
        Principal { name: "directus:x".to_owned(), role: "reader".to_owned(), proof: Proof::OAuth }
    }

    fn refusal() -> Rejected {
        Rejected::Token { word: "unknown", why: "no" }
    }

    /// Asks, and counts how often the question really gets through.
    async fn ask(
        answers: &Answers,
        asked: &AtomicUsize,
        (token, address): (&str, u8),
        judged: Result<Principal, Rejected>,
    ) -> Result<Principal, Rejected> {
        let address = Some(IpAddr::from([192, 0, 2, address]));
        let question = async {
            asked.fetch_add(1, Ordering::SeqCst);
            sleep(Duration::from_millis(50)).await;
            judged
        };
        answers.of(token, address, question).await
    }

    #[tokio::test]
    async fn one_question_is_asked_for_all_that_wait_and_its_answer_is_kept() {
        let (answers, asked) = (Answers::with(SHORT, 60).unwrap(), AtomicUsize::new(0));
        let all = join_all((0..20).map(|_| ask(&answers, &asked, ("a", 1), Ok(somebody())))).await;
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        ask(&answers, &asked, ("a", 1), Err(refusal())).await.unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 1, "kept");
        sleep(SHORT.taken).await;
        // What takes the place of an answer that no longer counts has its own time.
        ask(&answers, &asked, ("a", 1), Err(refusal())).await.unwrap_err();
        ask(&answers, &asked, ("a", 1), Ok(somebody())).await.unwrap_err();
        assert_eq!(asked.load(Ordering::SeqCst), 2, "the refusal is kept too");
        sleep(SHORT.refused).await;
        ask(&answers, &asked, ("a", 1), Ok(somebody())).await.unwrap();
        assert_eq!(asked.load(Ordering::SeqCst), 3);
        ask(&answers, &asked, ("A", 1), Err(refusal())).await.unwrap_err();
        assert_eq!(asked.load(Ordering::SeqCst), 4, "every token for itself");
    }

    #[tokio::test]
    async fn whoever_asked_may_leave() {
        let (answers, asked) = (Arc::new(Answers::with(SHORT, 60).unwrap()), Arc::new(AtomicUsize::new(0)));
        let leader = tokio::spawn({
            let (answers, asked) = (answers.clone(), asked.clone());
            async move { ask(&answers, &asked, ("a", 1), Ok(somebody())).await }
        });
        while asked.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        let waits = ask(&answers, &asked, ("a", 1), Ok(somebody()));
        let (waited, ()) = tokio::join!(waits, async { leader.abort() });
        waited.unwrap();
    }

    #[tokio::test]
    async fn what_could_not_be_asked_is_not_kept() {
        let (answers, asked) = (Answers::with(SHORT, 60).unwrap(), AtomicUsize::new(0));
        let broken = Rejected::Unavailable { why: "broken".to_owned() };
        assert_eq!(ask(&answers, &asked, ("a", 1), Err(broken.clone())).await, Err(broken));
        ask(&answers, &asked, ("a", 1), Ok(somebody())).await.unwrap();
    }

    #[tokio::test]
    async fn unknown_tokens_are_bounded_by_address_and_known_ones_are_not() {
        let (answers, asked) = (Answers::with(SHORT, 2).unwrap(), AtomicUsize::new(0));
        ask(&answers, &asked, ("good", 1), Ok(somebody())).await.unwrap();
        ask(&answers, &asked, ("bad", 1), Err(refusal())).await.unwrap_err();
        let third = ask(&answers, &asked, ("third", 1), Ok(somebody())).await.unwrap_err();
        assert!(matches!(third, Rejected::Crowded { retry_after } if retry_after > Duration::ZERO));
        assert_eq!(asked.load(Ordering::SeqCst), 2);
        ask(&answers, &asked, ("third", 2), Ok(somebody())).await.unwrap();
        sleep(SHORT.taken).await;
        ask(&answers, &asked, ("good", 1), Err(refusal())).await.unwrap_err();
        assert_eq!(asked.load(Ordering::SeqCst), 4, "it was good once, so it is asked about");
        sleep(SHORT.refused).await;
        let crowded = ask(&answers, &asked, ("good", 1), Ok(somebody())).await.unwrap_err();
        assert!(matches!(crowded, Rejected::Crowded { .. }), "a token that was revoked is a stranger's");
    }

    #[tokio::test]
    async fn the_digest_is_keyed_and_tells_no_token() {
        let (one, other) = (Answers::with(SHORT, 1).unwrap(), Answers::with(SHORT, 1).unwrap());
        assert_eq!(one.digest("a"), one.digest("a"));
        assert_ne!(one.digest("a"), one.digest("b"));
        assert_ne!(one.digest("a"), other.digest("a"));
    }
}
