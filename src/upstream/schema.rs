//! The schema snapshot and its age: a decision waits for a new one rather than trusting an old one.

use super::{ReadError, Upstream};
use crate::directus::SchemaSnapshot;
use crate::directus::schema::SchemaError;
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use secrecy::SecretString;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

/// After a failed refresh the next one waits so long, so that a Directus in trouble is not asked at every call; longer, up to the second,
/// where it took so long to fail: calls that wait for a Directus that hangs would pile up.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A refresh that takes longer has failed: calls are waiting for it.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(15);

/// Answers longer than this, in bytes, are parsed off the threads that serve requests.
const PARSED_IN_PLACE: usize = 64 * 1024;

/// The newest schema snapshot, and the rule by which it ages.
///
/// A snapshot is as old as the moment at which its reading *began*: what changed while it was read counts as unseen.
#[derive(Debug)]
pub struct SchemaCache {
    /// Where refreshes come from; `None` where the snapshot was read from a file, which never ages.
    source: Option<Source>,
    newest: ArcSwapOption<Taken>,
    /// How often the schema was said to have changed. A snapshot begun before the last time is stale at any age.
    changes: AtomicU64,
    /// Held by the one refresh under way; the others wait for it here.
    refresh: Mutex<Refresh>,
}

/// Why there is no snapshot that is new enough. What depends on one is denied.
#[derive(Clone, Debug, thiserror::Error)]
#[error("Directus' schema cannot be read")]
pub struct SchemaUnavailable(#[source] Arc<Cause>);

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error("it was not read within {} s", REFRESH_TIMEOUT.as_secs())]
    Timeout,
    #[error("the parsing of it was given up")]
    Parser,
}

impl SchemaUnavailable {
    /// Whether it is because no connection to Directus can be made, and not for want of the gateway's own.
    pub fn is_unreached(&self) -> bool {
        match &*self.0 {
            Cause::Read(ReadError::Upstream { error, .. }) => error.is_unreached(),
            Cause::Read(_) | Cause::Schema(_) | Cause::Timeout | Cause::Parser => false,
        }
    }
}

struct Source {
    upstream: Upstream,
    token: Option<SecretString>,
    max_age: Duration,
}

#[derive(Debug)]
struct Taken {
    snapshot: Arc<SchemaSnapshot>,
    began: Instant,
    /// The count of changes at that moment.
    changes: u64,
}

#[derive(Debug, Default)]
struct Refresh {
    /// What the last snapshot was parsed from: as long as Directus answers the same bytes, it is the same snapshot.
    answers: Option<Answers>,
    failed: Option<Failed>,
}

#[derive(Debug)]
struct Failed {
    at: Instant,
    pause: Duration,
    error: SchemaUnavailable,
}

#[derive(Clone, PartialEq, Eq)]
struct Answers {
    collections: Bytes,
    fields: Bytes,
    relations: Bytes,
    /// What the server says of itself; nothing where it says nothing to the holder of this token.
    info: Option<Bytes>,
}

impl SchemaCache {
    /// Snapshots of that Directus, read with a token of the gateway's own, and trusted for `max_age`.
    pub fn new(upstream: Upstream, token: Option<SecretString>, max_age: Duration) -> Self {
        Self::with(Some(Source { upstream, token, max_age }), None)
    }

    /// This one snapshot, for ever.
    pub fn fixed(snapshot: SchemaSnapshot) -> Self {
        Self::with(None, Some(Taken { snapshot: Arc::new(snapshot), began: Instant::now(), changes: 0 }))
    }

    fn with(source: Option<Source>, taken: Option<Taken>) -> Self {
        let newest = ArcSwapOption::from(taken.map(Arc::new));
        Self { source, newest, changes: AtomicU64::new(0), refresh: Mutex::default() }
    }

    /// A snapshot that is new enough to decide by. Where there is none, it is read now, by one caller for all that wait.
    ///
    /// # Errors
    /// When that reading fails. Whoever waited for it gets the same error, and for 250 ms or as long as it took, at most 5 s, those
    /// that come after it.
    pub async fn current(&self) -> Result<Arc<SchemaSnapshot>, SchemaUnavailable> {
        if let Some(snapshot) = self.fresh() {
            return Ok(snapshot);
        }
        let asked = Instant::now();
        let mut refresh = self.refresh.lock().await;
        if let Some(snapshot) = self.fresh() {
            return Ok(snapshot);
        }
        if let Some(failed) = &refresh.failed
            && (failed.at >= asked || failed.at.elapsed() < failed.pause)
        {
            return Err(failed.error.clone());
        }
        let began = Instant::now();
        let read = self.read(&mut refresh).await;
        refresh.failed = read.as_ref().err().map(|error| Failed {
            at: Instant::now(),
            pause: began.elapsed().clamp(PAUSE_AFTER_FAILURE, LONGEST_PAUSE),
            error: error.clone(),
        });
        read
    }

    /// Says that the schema has changed, or is about to: a snapshot whose reading began before now will not be used. A call
    /// that changes the schema says so twice, when it is forwarded and when it has been answered.
    pub fn mark_stale(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// The age of the newest snapshot, whether it is still used or not; `None` before the first, and for a file.
    pub fn age(&self) -> Option<Duration> {
        self.source.as_ref()?;
        self.newest.load().as_ref().map(|taken| taken.began.elapsed())
    }

    fn fresh(&self) -> Option<Arc<SchemaSnapshot>> {
        let taken = self.newest.load();
        let taken = taken.as_ref()?;
        let usable = self.source.as_ref().is_none_or(|source| {
            taken.changes == self.changes.load(Ordering::SeqCst) && taken.began.elapsed() <= source.max_age
        });
        usable.then(|| taken.snapshot.clone())
    }

    async fn read(&self, refresh: &mut Refresh) -> Result<Arc<SchemaSnapshot>, SchemaUnavailable> {
        let changes = self.changes.load(Ordering::SeqCst);
        let began = Instant::now();
        let snapshot = match &self.source {
            Some(source) => self.parsed(source.answers().await?, refresh).await?,
            None => return Err(Cause::Parser.into()),
        };
        self.newest.store(Some(Arc::new(Taken { snapshot: snapshot.clone(), began, changes })));
        Ok(snapshot)
    }

    async fn parsed(&self, answers: Answers, refresh: &mut Refresh) -> Result<Arc<SchemaSnapshot>, Cause> {
        if refresh.answers.as_ref() == Some(&answers)
            && let Some(taken) = self.newest.load_full()
        {
            return Ok(taken.snapshot.clone());
        }
        let snapshot = Arc::new(answers.clone().parse_aside().await?);
        refresh.answers = Some(answers);
        tracing::info!(digest = snapshot.digest(), "the schema snapshot is new");
        Ok(snapshot)
    }
}

impl Source {
    async fn answers(&self) -> Result<Answers, Cause> {
        let get = |path| self.upstream.get_json(path, self.token.as_ref());
        let all = async { tokio::try_join!(get("/collections"), get("/fields"), get("/relations")) };
        let all = async { tokio::join!(all, get("/server/info")) };
        let (model, info) = timeout(REFRESH_TIMEOUT, all).await.map_err(|_| Cause::Timeout)?;
        let (collections, fields, relations) = model?;
        Ok(Answers { collections, fields, relations, info: info.ok() })
    }
}

impl Answers {
    async fn parse_aside(self) -> Result<SchemaSnapshot, Cause> {
        if self.collections.len() + self.fields.len() + self.relations.len() <= PARSED_IN_PLACE {
            return self.parse();
        }
        tokio::task::spawn_blocking(move || self.parse()).await.map_err(|_| Cause::Parser)?
    }

    fn parse(&self) -> Result<SchemaSnapshot, Cause> {
        let [collections, fields, relations] =
            [&self.collections, &self.fields, &self.relations].map(|bytes| String::from_utf8_lossy(bytes));
        let info = self.info.as_ref().map(|bytes| String::from_utf8_lossy(bytes));
        let version = info.and_then(|info| SchemaSnapshot::version_in_info(&info));
        Ok(SchemaSnapshot::from_rest(&collections, &fields, &relations)?.of_version(version))
    }
}

impl From<Cause> for SchemaUnavailable {
    fn from(cause: Cause) -> Self {
        Self(Arc::new(cause))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("upstream", &self.upstream).finish_non_exhaustive()
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("fields_bytes", &self.fields.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::UpstreamOptions;
    use super::*;
    use futures_util::future::join_all;
    use http::{Request, Response, StatusCode};
    use http_body_util::Full;
    use hyper::body::Incoming;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicBool, AtomicUsize};
    use tokio::net::TcpListener;
    use tokio::time::sleep;

    /// A Directus that has one collection, counts how often it is asked, and can be out of order.
    #[derive(Default)]
    struct Stub {
        asked: AtomicUsize,
        broken: AtomicBool,
        other: AtomicBool,
    }

    impl Stub {
        fn answer(&self, path: &str) -> Response<Full<Bytes>> {
            let name = if self.other.load(Ordering::SeqCst) { "pages" } else { "articles" };
            let rows = match path {
                "/collections" => {
                    self.asked.fetch_add(1, Ordering::SeqCst);
                    format!(r#"{{"data":[{{"collection":"{name}","meta":null}}]}}"#)
                }
                "/fields" => {
                    format!(r#"{{"data":[{{"collection":"{name}","field":"id","type":"integer"}}]}}"#)
                }
                _ => r#"{"data":[]}"#.to_owned(),
            };
            let status =
                if self.broken.load(Ordering::SeqCst) { StatusCode::FORBIDDEN } else { StatusCode::OK };
            Response::builder().status(status).body(rows.into()).unwrap()
        }

        fn asked(&self) -> usize {
            self.asked.load(Ordering::SeqCst)
        }
    }

    async fn cache(max_age: Duration) -> (Arc<Stub>, Arc<SchemaCache>) {
        let stub = Arc::new(Stub::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let serving = stub.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let stub = serving.clone();
                let service = service_fn(move |request: Request<Incoming>| {
                    let reply = stub.answer(request.uri().path());
                    async move { Ok::<_, Infallible>(reply) }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        let upstream = Upstream::new(&UpstreamOptions::new(url)).unwrap();
        (stub, Arc::new(SchemaCache::new(upstream, None, max_age)))
    }

    const LONG: Duration = Duration::from_hours(1);

    #[tokio::test]
    async fn many_callers_wait_for_one_refresh() {
        let (stub, cache) = cache(LONG).await;
        let all = join_all((0..20).map(|_| cache.current())).await;
        assert!(all.iter().all(|snapshot| snapshot.as_ref().unwrap().collection("articles").is_some()));
        assert_eq!(stub.asked(), 1);
        assert!(cache.age().unwrap() < LONG);
    }

    #[tokio::test]
    async fn an_old_or_stale_snapshot_is_read_again() {
        let (stub, cache) = cache(Duration::from_millis(50)).await;
        let first = cache.current().await.unwrap();
        sleep(Duration::from_millis(60)).await;
        let second = cache.current().await.unwrap();
        assert_eq!(stub.asked(), 2, "it was too old");
        assert!(Arc::ptr_eq(&first, &second), "the same answers are the same snapshot");

        stub.other.store(true, Ordering::SeqCst);
        cache.mark_stale();
        let third = cache.current().await.unwrap();
        assert!(third.collection("pages").is_some() && third.collection("articles").is_none());
    }

    #[tokio::test]
    async fn a_failure_is_for_all_that_wait_and_is_not_repeated_at_once() {
        let (stub, cache) = cache(LONG).await;
        stub.broken.store(true, Ordering::SeqCst);
        let all = join_all((0..20).map(|_| cache.current())).await;
        assert!(all.iter().all(Result::is_err));
        assert_eq!(stub.asked(), 1);
        let error = all.into_iter().next().unwrap().unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("needs read access to the data model"), "{cause}");

        stub.broken.store(false, Ordering::SeqCst);
        assert!(cache.current().await.is_err(), "within the pause");
        sleep(PAUSE_AFTER_FAILURE).await;
        assert!(cache.current().await.is_ok(), "after it");
    }

    #[tokio::test]
    async fn an_old_snapshot_does_not_stand_in_for_a_failed_refresh() {
        let (stub, cache) = cache(LONG).await;
        cache.current().await.unwrap();
        stub.broken.store(true, Ordering::SeqCst);
        assert!(cache.current().await.is_ok(), "still young enough");
        cache.mark_stale();
        assert!(cache.current().await.is_err());
    }

    #[tokio::test]
    async fn a_waiting_call_can_move_to_another_thread() {
        let (_stub, cache) = cache(LONG).await;
        assert!(tokio::spawn(async move { cache.current().await }).await.unwrap().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_snapshot_from_a_file_never_ages() {
        let cache = SchemaCache::fixed(SchemaSnapshot::default());
        tokio::time::advance(LONG * 24).await;
        cache.mark_stale();
        assert!(cache.current().await.is_ok());
        assert_eq!(cache.age(), None);
    }
}
